//! Helm's stored payload → release record.

use std::fmt;

use super::manifest::ParseContext;
use super::redact::Redactor;
use super::{Release, Revision, StoredAs};
use crate::input::{Between, RevisionInfo};

/// Why a payload is no release record. Never quotes the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Not standard base64.
    Base64,
    /// The gzip stream is damaged or cut off.
    Gzip,
    /// Inflates to more than the limit, in bytes.
    TooLarge { limit: u64 },
    /// Not the JSON of a release, with the position in the inflated text.
    Json { line: usize, column: usize, what: &'static str },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::Base64 => f.write_str("the payload is not base64 (cut off or damaged)"),
            DecodeError::Gzip => f.write_str("the compressed payload is damaged or cut off"),
            DecodeError::TooLarge { limit } => write!(f, "the payload inflates to more than {limit} bytes"),
            DecodeError::Json { line, column, what } => write!(f, "the payload {what} (line {line}, column {column})"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// A decoded record before its manifest and hooks are parsed. Not redacted yet: keep it short-lived.
pub struct RawRecord {}

impl RawRecord {
    /// Release name as in the payload.
    pub fn name(&self) -> &str {
        ""
    }

    /// Namespace as in the payload.
    pub fn namespace(&self) -> &str {
        ""
    }

    pub fn revision(&self) -> Revision {
        0
    }

    /// The `info` part.
    pub fn info(&self, _redactor: &Redactor) -> RevisionInfo {
        unimplemented!("filled in with the decoder")
    }

    /// Parses and redacts everything.
    pub fn into_release(self, _stored: StoredAs, _context: &ParseContext<'_>) -> Release {
        unimplemented!("filled in with the decoder")
    }

    /// Keeps what ran: info, hooks, and plain Jobs of the manifest.
    pub fn into_between(self, _context: &ParseContext<'_>) -> Between {
        unimplemented!("filled in with the decoder")
    }
}

/// Decodes what a storage driver keeps: base64 text around gzip or plain JSON. (Kubernetes' own base64 of a Secret is undone by the caller.)
pub fn decode_payload(_text: &[u8], _limit: u64) -> Result<RawRecord, DecodeError> {
    Err(DecodeError::Base64)
}

/// Splits a storage key `sh.helm.release.v1.<name>.v<revision>` at the last `.v`: names may hold dots and `.v2` themselves.
pub fn split_key(key: &str) -> Option<(String, Revision)> {
    let (name, revision) = key.strip_prefix("sh.helm.release.v1.")?.rsplit_once(".v")?;
    (!name.is_empty()).then_some((name.to_owned(), revision.parse().ok()?))
}
