//! Differences that mean nothing to the running system.

use super::Segment;
use crate::release::{ObjectRef, Value};

/// Labels that carry the chart's name, version or tool rather than anything the workload is found by.
const CHART_LABELS: &[&str] =
    &["helm.sh/chart", "app.kubernetes.io/version", "app.kubernetes.io/managed-by", "chart", "heritage", "chartVersion"];

/// The last two map keys of a path, empty where there are fewer.
pub(super) fn last_keys(path: &[Segment]) -> (&str, &str) {
    let mut keys = path.iter().rev().filter_map(|segment| match segment {
        Segment::Key(key) => Some(key.as_str()),
        _ => None,
    });
    let key = keys.next().unwrap_or("");
    (keys.next().unwrap_or(""), key)
}

/// A chart label, except where the API server compares labels as part of something immutable: claim templates, and the pod
/// template of a Job.
pub(super) fn is_chart_label(id: &ObjectRef, path: &[Segment]) -> bool {
    let (parent, key) = last_keys(path);
    let under = |key: &str| path.iter().any(|segment| matches!(segment, Segment::Key(name) if name == key));
    let is_immutable = under("volumeClaimTemplates") || (id.is("batch", "Job") && under("template"));
    parent == "labels" && CHART_LABELS.contains(&key) && under("metadata") && !is_immutable
}

/// An annotation that digests content which is compared itself, or a random one that forces a restart.
pub(super) fn is_checksum(key: &str, from: &Value, to: &Value) -> bool {
    let key = key.to_ascii_lowercase();
    if key.contains("checksum") || key.ends_with("rollme") {
        return true;
    }
    (key.contains("hash") || key.contains("sha256")) && is_digest(from) && is_digest(to)
}

/// Hexadecimal of at least eight digits; a redacted value may be one, an absent one is no objection.
fn is_digest(value: &Value) -> bool {
    match value {
        Value::Null | Value::Redacted(_) => true,
        Value::String(text) => text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        _ => false,
    }
}

/// Whether a key of a Secret has the same content on both sides, written in `data` on one and in `stringData` on the other;
/// `stringData` wins where a key is in both, as in the API server.
pub(super) fn is_same_secret(id: &ObjectRef, path: &[Segment], bodies: (&Value, &Value)) -> bool {
    let [Segment::Key(map), Segment::Key(key)] = path else {
        return false;
    };
    if !id.is("", "Secret") || !matches!(map.as_str(), "data" | "stringData") {
        return false;
    }
    let (from, to) = (secret_value(bodies.0, key), secret_value(bodies.1, key));
    !from.is_null() && from == to
}

fn secret_value<'a>(body: &'a Value, key: &str) -> &'a Value {
    match body.get("stringData").get(key) {
        Value::Null => body.get("data").get(key),
        value => value,
    }
}
