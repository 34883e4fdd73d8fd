//! The report as YAML.

use libyaml_safer::{Emitter, Event, MappingStyle, ScalarStyle, SequenceStyle};
use serde_json::Value;

use super::Report;

/// The same fields as the JSON form. Whatever is not printable ASCII is written as an escape in double quotes, so that no text
/// can move a cursor or hide a part of itself, and nothing is lost.
pub fn render(report: &Report) -> String {
    harmless(report)
}

/// Any report as YAML of that form.
pub fn harmless(report: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(report).expect("a report has string keys only");
    let mut out = Vec::new();
    emit(&value, &mut out).expect("writing to memory");
    String::from_utf8(out).expect("escaped to ASCII")
}

fn emit(value: &Value, out: &mut Vec<u8>) -> Result<(), libyaml_safer::Error> {
    let mut emitter = Emitter::new();
    emitter.set_output(out);
    emitter.set_unicode(false);
    emitter.set_width(-1);
    emitter.emit(Event::stream_start(libyaml_safer::Encoding::Utf8))?;
    emitter.emit(Event::document_start(None, &[], true))?;
    write(&mut emitter, value)?;
    emitter.emit(Event::document_end(true))?;
    emitter.emit(Event::stream_end())?;
    emitter.flush()
}

fn write(emitter: &mut Emitter<'_>, value: &Value) -> Result<(), libyaml_safer::Error> {
    match value {
        Value::Null => scalar(emitter, "null", ScalarStyle::Plain),
        Value::Bool(flag) => scalar(emitter, if *flag { "true" } else { "false" }, ScalarStyle::Plain),
        Value::Number(number) => scalar(emitter, &number.to_string(), ScalarStyle::Plain),
        Value::String(text) => scalar(emitter, text, ScalarStyle::DoubleQuoted),
        Value::Array(items) => {
            emitter.emit(Event::sequence_start(None, None, true, SequenceStyle::Block))?;
            items.iter().try_for_each(|item| write(emitter, item))?;
            emitter.emit(Event::sequence_end())
        }
        Value::Object(map) => {
            emitter.emit(Event::mapping_start(None, None, true, MappingStyle::Block))?;
            for (key, value) in map {
                scalar(emitter, key, if is_word(key) { ScalarStyle::Any } else { ScalarStyle::DoubleQuoted })?;
                write(emitter, value)?;
            }
            emitter.emit(Event::mapping_end())
        }
    }
}

/// Whether every reader takes a plain key for a text (<https://yaml.org/type/bool.html> lists the words of YAML 1.1).
fn is_word(key: &str) -> bool {
    const OTHERS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
    key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.bytes().all(letters)
        && !OTHERS.iter().any(|other| key.eq_ignore_ascii_case(other))
}

fn scalar(emitter: &mut Emitter<'_>, text: &str, style: ScalarStyle) -> Result<(), libyaml_safer::Error> {
    emitter.emit(Event::scalar(None, None, text, true, true, style))
}
