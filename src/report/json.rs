//! The report as JSON.

use std::fmt::Write;

use super::Report;
use super::clean::is_hostile;

/// Indented by two, ends with a line feed. Characters that could do harm on a terminal are written `\uXXXX`.
pub fn render(report: &Report) -> String {
    harmless(report)
}

/// Any report as JSON of that form.
pub fn harmless(report: &impl serde::Serialize) -> String {
    let text = serde_json::to_string_pretty(report).expect("a report has string keys only");
    let mut out = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        // Outside of strings the text is printable ASCII and line feeds, so what is replaced stands in a string.
        if c != '\n' && is_hostile(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").expect("writing to a String");
            }
        } else {
            out.push(c);
        }
    }
    out.push('\n');
    out
}
