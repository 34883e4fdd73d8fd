//! Label selectors.

use crate::release::Value;

/// Whether a selector matches these labels: a plain map (Service) or a `LabelSelector` (`matchLabels`, `matchExpressions`).
pub fn selects(_selector: &Value, _labels: &Value) -> bool {
    false
}
