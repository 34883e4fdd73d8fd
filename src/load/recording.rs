//! Recordings on disk.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;

use super::documents::MAX_FILE;
use super::error::LoadError;
use crate::input::Input;
use crate::recording::{Head, Recording, SCHEMA};
use crate::whole::{Readers, Whole};

/// Writes what was read, for its owner only; a file that is there is replaced.
pub fn write(path: &Path, input: &Input) -> anyhow::Result<()> {
    let failed = |why: String| LoadError::File { path: path.display().to_string(), why };
    let mut out = Whole::begin(path, Readers::Owner).map_err(|error| failed(error.to_string()))?;
    serde_json::to_writer(&mut out, &Recording::of(input)).map_err(|error| failed(error.to_string()))?;
    writeln!(out).and_then(|()| out.finish()).map_err(|error| failed(error.to_string()).into())
}

/// Reads a recording back.
pub fn read(path: &Path) -> Result<Input, LoadError> {
    let failed = |why: String| LoadError::File { path: path.display().to_string(), why };
    let open = || File::open(path).map_err(|error| failed(error.to_string()));
    let size = open()?.metadata().map_err(|error| failed(error.to_string()))?.len();
    if size > MAX_FILE {
        return Err(failed(format!("{size} bytes are more than the limit of {MAX_FILE}")));
    }
    let head: Result<Head, _> = serde_json::from_reader(BufReader::new(open()?));
    let at = |error: &serde_json::Error| format!("line {}, column {}", error.line(), error.column());
    let head = head.map_err(|error| failed(format!("it is no recording ({})", at(&error))))?;
    if head.schema != SCHEMA {
        return Err(failed(format!("its form is {}, and this program reads {SCHEMA}", clean(&head.schema))));
    }
    let recording: Result<Recording, _> = serde_json::from_reader(BufReader::new(open()?));
    let recording = recording.map_err(|error| {
        failed(format!("it was written by version {} and cannot be read here ({})", clean(&head.tool), at(&error)))
    })?;
    Ok(recording.into_input())
}

/// A text of the file, short and harmless.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}
