//! Kubernetes objects as they stand in a manifest, a hook or the cluster.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::certificate::Certificate;
use super::value::Value;

/// Names one object: `apps/v1`, `Deployment`, namespace (none for cluster-scoped kinds), name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    pub api_version: String,
    pub kind: String,
    pub namespace: Option<String>,
    pub name: String,
}

impl ObjectRef {
    pub fn new(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> ObjectRef {
        ObjectRef {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        }
    }

    /// The API group, empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// The version without its group.
    pub fn version(&self) -> &str {
        self.api_version.split_once('/').map_or(self.api_version.as_str(), |(_, version)| version)
    }

    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.kind == kind && self.group() == group
    }
}

impl fmt::Display for ObjectRef {
    /// `Kind/namespace/name`, cluster-scoped `Kind/name`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{}/{}/{}", self.kind, namespace, self.name),
            None => write!(f, "{}/{}", self.kind, self.name),
        }
    }
}

/// Where an object stands in a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The template named by the `# Source:` comment.
    pub template: Option<String>,
    /// Line of the document's first line in the stored manifest or hook text, counting from 1.
    pub line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.template {
            Some(template) => write!(f, "{template} (manifest line {})", self.line),
            None => write!(f, "manifest line {}", self.line),
        }
    }
}

/// A key that stands more than once in one mapping; the last one counts, as in Helm's YAML reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuplicateKey {
    /// Dotted path of the key.
    pub path: String,
    /// Line of the later occurrence in the stored text, counting from 1.
    pub line: usize,
}

/// A parsed, redacted object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Object {
    pub id: ObjectRef,
    pub body: Value,
    pub origin: Origin,
    pub duplicate_keys: Vec<DuplicateKey>,
    /// Certificates of a Secret, read before its content was hidden.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<Certificate>,
}

impl Object {
    /// `metadata.annotations[key]` as written in this text (not the live object's).
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.body.at(&["metadata", "annotations"]).get(key).as_str()
    }

    pub fn label(&self, key: &str) -> Option<&str> {
        self.body.at(&["metadata", "labels"]).get(key).as_str()
    }
}
