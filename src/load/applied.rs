//! `--applied FILE`: what a history table says, as JSON, as CSV with a header, or as a list of versions.

use std::fs;
use std::io::Read;
use std::path::Path;

use serde_json::Value as Json;

use super::error::LoadError;
use crate::migrations::applied::Applied;
use crate::migrations::history_table::{Cell, is_header, read as table};

/// No history has a longer table.
const MOST_BYTES: u64 = 64 << 20;

/// Columns of a list without a header.
const PLAIN: [&str; 2] = ["version", "checksum"];

/// Reads and understands the file.
pub fn read(path: &Path) -> Result<Applied, LoadError> {
    let failed = |why: String| LoadError::File { path: path.display().to_string(), why };
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    file.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(|error| failed(error.to_string()))?;
    if text.len() as u64 > MOST_BYTES {
        return Err(failed("it is too large for a list of versions".to_owned()));
    }
    parse(&path.display().to_string(), &text).map_err(failed)
}

fn parse(origin: &str, text: &str) -> Result<Applied, String> {
    let text = text.trim_start_matches('\u{feff}').trim();
    let applied = match text.chars().next() {
        None => return Err("it is empty; nothing applied is said by a header alone".to_owned()),
        Some('[' | '{') => json(origin, text)?,
        Some(_) => csv(origin, text)?,
    };
    Ok(applied)
}

/// A list of versions, or of objects with the columns of the table.
fn json(origin: &str, text: &str) -> Result<Applied, String> {
    let value: Json = serde_json::from_str(text).map_err(|error| format!("line {}: it is no JSON", error.line()))?;
    let items = match &value {
        Json::Array(items) => items.as_slice(),
        Json::Object(_) => std::slice::from_ref(&value),
        _ => return Err("expected a list".to_owned()),
    };
    let mut columns: Vec<String> = items.iter().filter_map(Json::as_object).flat_map(|row| row.keys().cloned()).collect();
    columns.sort();
    columns.dedup();
    if columns.is_empty() {
        columns.push(PLAIN[0].to_owned());
    } else if !is_header(&columns) {
        return Err(unknown(&columns));
    }
    let row = |item: &Json| match item {
        Json::Object(row) => columns.iter().map(|column| cell(row.get(column))).collect(),
        other => vec![cell(Some(other))],
    };
    Ok(table(origin, &columns, &items.iter().map(row).collect::<Vec<_>>()))
}

fn cell(value: Option<&Json>) -> Cell {
    match value? {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// With a header its columns decide; without one a line is a version, then a checksum or the word for its state.
fn csv(origin: &str, text: &str) -> Result<Applied, String> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let mut lines: Vec<Vec<String>> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| format!("it is no CSV: {error}"))?;
        lines.push(record.iter().map(str::to_owned).collect());
    }
    let header = lines.first().filter(|cells| is_header(cells)).cloned();
    match header {
        Some(columns) => {
            let cells = |line: &Vec<String>| line.iter().map(|text| Some(text.clone()).filter(|text| !text.is_empty())).collect();
            Ok(table(origin, &columns, &lines[1..].iter().map(cells).collect::<Vec<_>>()))
        }
        None => Ok(table(
            origin,
            &["version".into(), "checksum".into(), "success".into(), "dirty".into()],
            &lines.iter().map(plain).collect::<Result<Vec<_>, _>>()?,
        )),
    }
}

fn plain(line: &Vec<String>) -> Result<Vec<Cell>, String> {
    let words: Vec<&str> = match line.as_slice() {
        [one] => one.split_whitespace().collect(),
        several => several.iter().map(String::as_str).collect(),
    };
    let version = words.first().copied().unwrap_or_default();
    let mut row: Vec<Cell> = vec![Some(version.to_owned()), None, None, None];
    for word in words.iter().skip(1) {
        match word.to_ascii_lowercase().as_str() {
            "dirty" | "failed" | "false" | "f" => row[3] = Some("true".to_owned()),
            "clean" | "success" | "applied" | "true" | "t" | "" => {}
            _ if row[1].is_none() => row[1] = Some((*word).to_owned()),
            _ => return Err(unknown(line)),
        }
    }
    Ok(row)
}

fn unknown(columns: &[String]) -> String {
    let shown: Vec<&str> = columns.iter().take(8).map(String::as_str).collect();
    format!("these are not the columns of a history table: {}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::applied::State;

    fn seen(text: &str) -> Vec<(String, State)> {
        parse("x", text).unwrap().rows.into_iter().map(|row| (row.names[0].clone(), row.state)).collect()
    }

    #[test]
    fn every_form_says_the_same() {
        let wanted = vec![("1".to_owned(), State::Done), ("2".to_owned(), State::Failed)];
        assert_eq!(seen("1\n2 dirty\n"), wanted);
        assert_eq!(seen("1,abc\n2,def,failed\n"), wanted);
        assert_eq!(seen("version,success\n1,t\n2,f\n"), wanted);
        assert_eq!(seen("\u{feff}\"version\",\"dirty\"\r\n\"1\",f\r\n\"2\",t\r\n"), wanted);
        assert_eq!(seen(r#"[{"version": 1, "success": true}, {"version": "2", "success": false}]"#), wanted);
        assert_eq!(seen(r#"["1", 2]"#), [("1".to_owned(), State::Done), ("2".to_owned(), State::Done)]);
    }

    #[test]
    fn what_is_no_history_is_refused() {
        assert!(parse("x", "").is_err());
        assert!(parse("x", "{").is_err());
        assert!(parse("x", r#"[{"colour": 1}]"#).unwrap_err().contains("colour"));
        assert!(parse("x", "a b c d\n").is_err());
        assert_eq!(seen("version,dirty\n"), []);
    }
}
