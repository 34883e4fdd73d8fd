//! Recordings on disk.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::documents::MAX_FILE;
use super::error::LoadError;
use crate::input::Input;
use crate::recording::{Head, Recording, SCHEMA};

/// Writes what was read, for its owner only; a file that is there is replaced.
pub fn write(path: &Path, input: &Input) -> anyhow::Result<()> {
    let failed = |why: String| LoadError::File { path: path.display().to_string(), why };
    let open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let file = open.map_err(|error| failed(error.to_string()))?;
    // A file that was there keeps its mode when it is opened.
    let own = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    file.set_permissions(own).map_err(|error| failed(error.to_string()))?;
    let mut out = BufWriter::new(file);
    serde_json::to_writer(&mut out, &Recording::of(input)).map_err(|error| failed(error.to_string()))?;
    writeln!(out).and_then(|()| out.flush()).map_err(|error| failed(error.to_string()).into())
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
