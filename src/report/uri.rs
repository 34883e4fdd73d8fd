//! Paths of files as URIs.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What is no plain character of a path.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'#')
    .add(b'?')
    .add(b'{')
    .add(b'}')
    .add(b'%')
    .add(b'\\')
    .add(b'^')
    .add(b'|');

/// A relative reference: `templates/a%20b.yaml`.
pub fn path(path: &str) -> String {
    utf8_percent_encode(path, PATH).to_string()
}
