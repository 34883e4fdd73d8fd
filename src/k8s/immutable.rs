//! Changes that the API server refuses.

use crate::diff::FieldPath;
use crate::forecast::Confidence;
use crate::release::{ObjectRef, Value};

/// One change that the API server answers with 422 (or 403).
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The refused field; empty where the whole object is.
    pub path: FieldPath,
    /// The API server's words, without values.
    pub reason: String,
    /// Id of the row of `rules/tables/immutable-fields.csv`.
    pub row: String,
    pub confidence: Confidence,
}

/// What the API server refuses when `before`, the live object (or the one in *from* where that is unknown), becomes `after`, the
/// object as it would be stored. `server_version` is `v1.36.3` or the like; without it a row with bounds is at most likely.
pub fn refusals(_id: &ObjectRef, _before: &Value, _after: &Value, _server_version: Option<&str>) -> Vec<Refusal> {
    Vec::new()
}
