//! A YAML/JSON value in which a secret can only exist as something comparable.

use std::collections::BTreeMap;
use std::fmt;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a redacted value prints as, everywhere.
pub const REDACTED_TEXT: &str = "<redacted>";

/// Keys are field names; ordered, so that output is stable.
pub type Map = BTreeMap<String, Value>;

/// A manifest or values node. `Redacted` stands where a secret scalar was.
#[derive(Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    String(String),
    Redacted(Redacted),
    /// Text whose credentials are replaced by [`REDACTED_TEXT`]; equal only if the original texts were.
    Masked(Masked),
    List(Vec<Value>),
    Map(Map),
}

/// A text without its credentials, and the digest of the text with them.
#[derive(Clone, PartialEq)]
pub struct Masked {
    text: Box<str>,
    original: Redacted,
}

impl Masked {
    /// Only the redactor makes these.
    pub(in crate::release) fn new(text: String, original: Redacted) -> Masked {
        Masked { text: text.into_boxed_str(), original }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The digest of the text with its credentials.
    pub(in crate::release) fn original(&self) -> Redacted {
        self.original
    }
}

/// A keyed digest of a secret scalar: equality inside this process is all it offers.
///
/// It has no order, and neither `Debug`, `Display` nor `Serialize` shows the digest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Redacted([u8; 32]);

impl Redacted {
    /// Only the redactor makes these; see [`crate::release::redact`].
    pub(in crate::release) fn from_digest(digest: [u8; 32]) -> Self {
        Redacted(digest)
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED_TEXT)
    }
}

static NULL: Value = Value::Null;

impl Value {
    /// The child under `key`, or `Null` where there is none or `self` is no map.
    pub fn get(&self, key: &str) -> &Value {
        match self {
            Value::Map(map) => map.get(key).unwrap_or(&NULL),
            _ => &NULL,
        }
    }

    /// Walks map keys; `Null` where the path ends early.
    pub fn at(&self, path: &[&str]) -> &Value {
        path.iter().fold(self, |value, key| value.get(key))
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The text of a string; of a masked one what is left of it (compare the values themselves, not these texts).
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            Value::Masked(masked) => Some(masked.text()),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    pub fn as_list(&self) -> &[Value] {
        match self {
            Value::List(items) => items,
            _ => &[],
        }
    }

    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        match self {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Scalars as a person would write them; maps and lists as compact JSON; secrets as `<redacted>`.
    pub fn display(&self) -> String {
        match self {
            Value::String(text) => text.clone(),
            Value::Masked(masked) => masked.text().to_owned(),
            other => serde_json::to_string(other).unwrap_or_default(),
        }
    }

    /// Converts JSON from the API server. Nothing is redacted here: callers pass the result to the redactor at once.
    pub fn from_json(json: serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(flag) => Value::Bool(flag),
            serde_json::Value::Number(number) => Value::Number(number),
            serde_json::Value::String(text) => Value::String(text),
            serde_json::Value::Array(items) => Value::List(items.into_iter().map(Value::from_json).collect()),
            serde_json::Value::Object(map) => {
                Value::Map(map.into_iter().map(|(key, value)| (key, Value::from_json(value))).collect())
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.to_owned())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).unwrap_or_default())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(flag) => serializer.serialize_bool(*flag),
            Value::Number(number) => number.serialize(serializer),
            Value::String(text) => serializer.serialize_str(text),
            Value::Redacted(_) => serializer.serialize_str(REDACTED_TEXT),
            Value::Masked(masked) => serializer.serialize_str(masked.text()),
            Value::List(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            Value::Map(map) => {
                let mut out = serializer.serialize_map(Some(map.len()))?;
                for (key, value) in map {
                    out.serialize_entry(key, value)?;
                }
                out.end()
            }
        }
    }
}

/// Plain data only: a digest cannot come from outside.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        serde_json::Value::deserialize(deserializer).map(Value::from_json)
    }
}
