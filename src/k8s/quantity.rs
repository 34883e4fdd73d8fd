//! Kubernetes quantities, compared exactly.

use std::cmp::Ordering;

/// Whether two quantities are the same amount; `false` where one of them is none.
pub fn equal(a: &str, b: &str) -> bool {
    cmp(a, b) == Some(Ordering::Equal)
}

/// The order of two quantities; `None` where one of them is none.
pub fn cmp(_a: &str, _b: &str) -> Option<Ordering> {
    None
}
