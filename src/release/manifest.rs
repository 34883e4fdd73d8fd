//! Manifest text → objects, split and read as Helm's builder does.

use super::Object;
use super::redact::Redactor;
use crate::input::Gap;
use crate::k8s::scope::Scopes;

/// What parsing needs to know beside the text.
#[derive(Clone, Copy)]
pub struct ParseContext<'a> {
    /// Namespace of namespaced objects that name none: the release's.
    pub default_namespace: &'a str,
    pub scopes: &'a Scopes,
    pub redactor: &'a Redactor,
}

/// Redacted objects in stored order, and what could not be read.
#[derive(Clone, Debug, Default)]
pub struct ParsedManifest {
    pub objects: Vec<Object>,
    pub gaps: Vec<Gap>,
}

/// Parses a stored manifest, or the output of `helm template` and `helm get manifest`.
pub fn parse_manifest(_text: &str, _context: &ParseContext<'_>) -> ParsedManifest {
    ParsedManifest::default()
}
