//! Field by field comparison with Kubernetes merge keys.

use super::FieldDiff;
use crate::release::{ObjectRef, Value};

/// Differences between two bodies of one object, in path order.
pub fn compare(_from: &Value, _to: &Value, _id: &ObjectRef) -> Vec<FieldDiff> {
    Vec::new()
}
