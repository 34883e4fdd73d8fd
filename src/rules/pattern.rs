//! Patterns of object kinds and field paths.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::release::ObjectRef;

/// `Kind` of any group, `group/Kind`, or `core/Kind` for the group without a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindPattern {
    /// Empty for the core group.
    group: Option<String>,
    kind: String,
}

impl KindPattern {
    pub fn parse(text: &str) -> Result<KindPattern, String> {
        let (group, kind) = match text.split_once('/') {
            Some((group, kind)) => (Some(group), kind),
            None => (None, text),
        };
        let kind_ok = kind.starts_with(|c: char| c.is_ascii_uppercase()) && kind.chars().all(|c| c.is_ascii_alphanumeric());
        let group_ok = group.is_none_or(|group| {
            !group.is_empty() && group.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-')
        });
        if !kind_ok || !group_ok {
            return Err(format!("`{text}` is no kind: write Kind, group/Kind, or core/Kind for the core group"));
        }
        let group = group.map(|group| if group == "core" { String::new() } else { group.to_owned() });
        Ok(KindPattern { group, kind: kind.to_owned() })
    }

    pub fn matches(&self, id: &ObjectRef) -> bool {
        id.kind == self.kind && self.group.as_deref().is_none_or(|group| group == id.group())
    }
}

impl fmt::Display for KindPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.group.as_deref() {
            None => f.write_str(&self.kind),
            Some("") => write!(f, "core/{}", self.kind),
            Some(group) => write!(f, "{group}/{}", self.kind),
        }
    }
}

impl Serialize for KindPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A field and everything below it: `spec.selector`, `spec.*.image`. `*` stands for one key; list positions do not count; a key
/// with dots or slashes stands as reports show it: `metadata.annotations["a.b/c"]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPattern {
    keys: Vec<String>,
}

impl FieldPattern {
    pub fn parse(text: &str) -> Result<FieldPattern, String> {
        let plain_key = |key: &str| key == "*" || (!key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
        if let Some((field, quoted)) = text.split_once("[\"") {
            let key = quoted.strip_suffix("\"]").filter(|key| !key.is_empty() && !key.contains('"'));
            if let (true, Some(key)) = (field.split('.').all(plain_key), key) {
                let keys = field.split('.').chain([key]).map(str::to_owned).collect();
                return Ok(FieldPattern { keys });
            }
        }
        let keys: Vec<String> = text.split('.').map(str::to_owned).collect();
        let key_ok = |key: &String| plain_key(key);
        if keys.iter().all(key_ok) {
            Ok(FieldPattern { keys })
        } else {
            Err(format!("`{text}` is no field: write keys with dots between, `*` for any one key, no list positions"))
        }
    }

    /// Whether the displayed path (`spec.ports[port=80].nodePort`) is this field or lies below it.
    pub fn matches(&self, path: &str) -> bool {
        let keys = keys(path);
        self.keys.len() <= keys.len() && self.keys.iter().zip(&keys).all(|(want, have)| want == "*" || want == have)
    }
}

impl fmt::Display for FieldPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.keys.split_last() {
            Some((last, before)) if last.contains(['.', '/']) => write!(f, "{}[\"{last}\"]", before.join(".")),
            _ => f.write_str(&self.keys.join(".")),
        }
    }
}

impl Serialize for FieldPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The map keys of a displayed path: list positions dropped, `["a.b/c"]` one key.
fn keys(path: &str) -> Vec<&str> {
    let mut keys = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix("[\"") {
            let (key, after) = quoted.split_once("\"]").unwrap_or((quoted, ""));
            keys.push(key);
            rest = after;
        } else if let Some(position) = rest.strip_prefix('[') {
            rest = position.split_once(']').map_or("", |(_, after)| after);
        } else {
            let plain = rest.trim_start_matches('.');
            let end = plain.find(['.', '[']).unwrap_or(plain.len());
            if end > 0 {
                keys.push(&plain[..end]);
            }
            rest = &plain[end..];
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_their_list_positions() {
        assert_eq!(keys("spec.ports[port=80,protocol=TCP].nodePort"), ["spec", "ports", "nodePort"]);
        assert_eq!(keys("metadata.annotations[\"a.b/c\"]"), ["metadata", "annotations", "a.b/c"]);
        assert_eq!(keys("spec.x[0]"), ["spec", "x"]);
        assert_eq!(keys("a[unclosed"), ["a"]);
    }

    #[test]
    fn a_field_covers_what_is_below_it() {
        let field = FieldPattern::parse("spec.template.*").unwrap();
        assert!(field.matches("spec.template.spec.containers[name=web].image"));
        assert!(!field.matches("spec.template"));
        assert!(!field.matches("spec.selector.matchLabels"));
        assert!(FieldPattern::parse("spec.ports[0]").is_err());
        let quoted = FieldPattern::parse("metadata.annotations[\"a.b/c\"]").unwrap();
        assert!(quoted.matches("metadata.annotations[\"a.b/c\"]") && !quoted.matches("metadata.annotations.a"));
        assert_eq!(quoted.to_string(), "metadata.annotations[\"a.b/c\"]");
        assert!(FieldPattern::parse("spec..x").is_err());
    }

    #[test]
    fn a_bare_kind_is_of_any_group_and_core_has_a_name() {
        let knative = ObjectRef::new("serving.knative.dev/v1", "Service", Some("a"), "b");
        let core = ObjectRef::new("v1", "Service", Some("a"), "b");
        assert!(KindPattern::parse("Service").unwrap().matches(&knative));
        assert!(!KindPattern::parse("core/Service").unwrap().matches(&knative));
        assert!(KindPattern::parse("core/Service").unwrap().matches(&core));
        assert!(KindPattern::parse("/Service").is_err());
        assert!(KindPattern::parse("pods").is_err());
    }
}
