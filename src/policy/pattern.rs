//! Patterns of objects as reports write them.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::k8s::glob::glob;
use crate::release::ObjectRef;

/// `Kind/namespace/name`, cluster-scoped `Kind/name`; `*` stands for any run of characters between slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPattern {
    parts: Vec<String>,
}

impl ObjectPattern {
    /// # Errors
    /// It has not two or three parts.
    pub fn parse(text: &str) -> Result<ObjectPattern, String> {
        let parts: Vec<String> = text.split('/').map(str::to_owned).collect();
        if !matches!(parts.len(), 2 | 3) || parts.iter().any(String::is_empty) {
            return Err(format!("`{text}` is no object: write Kind/namespace/name, or Kind/name where it has no namespace"));
        }
        Ok(ObjectPattern { parts })
    }

    pub fn matches(&self, id: &ObjectRef) -> bool {
        let parts: Vec<&str> = [id.kind.as_str()].into_iter().chain(id.namespace.as_deref()).chain([id.name.as_str()]).collect();
        parts.len() == self.parts.len() && self.parts.iter().zip(parts).all(|(pattern, part)| glob(pattern, part))
    }
}

impl fmt::Display for ObjectPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join("/"))
    }
}

impl Serialize for ObjectPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_between_slashes() {
        let claim = ObjectRef::new("v1", "PersistentVolumeClaim", Some("prod"), "cache-0");
        let volume = ObjectRef::new("v1", "PersistentVolume", None, "pv-1");
        let matches = |text: &str, id: &ObjectRef| ObjectPattern::parse(text).unwrap().matches(id);
        assert!(matches("PersistentVolumeClaim/prod/cache-*", &claim) && matches("*/*/*", &claim) && matches("*/pv-*", &volume));
        assert!(!matches("PersistentVolumeClaim/*", &claim) && !matches("*/*/*", &volume) && !matches("*/staging/*", &claim));
        for wrong in ["", "Pod", "Pod//x", "a/b/c/d"] {
            assert!(ObjectPattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
