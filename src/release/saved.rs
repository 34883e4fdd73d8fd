//! Release records from files and standard input.
//!
//! Forms: saved Secrets or ConfigMaps (YAML or JSON; single, several documents, or a `List`), the YAML of Helm's memory driver (a list of
//! release objects), a release as JSON or YAML (`helm status -o json`), and the text of `helm get all`.

use std::fmt;

use serde_json::Value as Json;

use super::decode::{DecodeError, decode_base64, decode_payload, json_error, make_key, split_key};
use super::record::RawRecord;
use super::{Status, StoredAs, dump, split, yaml};

/// Documents read from one file.
const MAX_DOCUMENTS: usize = 100_000;

/// One record found in a file. `record` says why where it could not be decoded.
#[derive(Clone)]
pub struct SavedRecord {
    pub stored: StoredAs,
    pub record: Result<RawRecord, DecodeError>,
    /// What this form of record does not hold, in words: `chart metadata`.
    pub lacks: Vec<&'static str>,
}

/// A document that is no release record; names its position, never its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedError {
    /// Counting from 1.
    pub document: usize,
    /// Counting from 1.
    pub line: usize,
    pub what: String,
}

impl fmt::Display for SavedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "document {} (line {}): {}", self.document, self.line, self.what)
    }
}

impl std::error::Error for SavedError {}

/// Reads every record of one release, in the order of the file.
///
/// Records of other releases or namespaces are left out, and so are Secrets and ConfigMaps that are none of Helm's. An empty `namespace`
/// matches any. `limit` bounds each inflated record, in bytes.
pub fn parse_saved(text: &[u8], release: &str, namespace: &str, limit: u64) -> Result<Vec<SavedRecord>, SavedError> {
    let wanted = Wanted { release, namespace, limit };
    let text = std::str::from_utf8(text).map_err(|error| {
        let line = 1 + text[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        SavedError { document: 1, line, what: "the text is not UTF-8".to_owned() }
    })?;
    let text = split::normalize(text);
    if dump::is_dump(&text) {
        let record = dump::read(&text)?;
        return Ok(wanted.take(record, Vec::from(dump::LACKS)).into_iter().collect());
    }
    let mut records = Vec::new();
    for (position, document) in documents(&text)?.into_iter().enumerate() {
        let Document { value, line } = document;
        wanted.collect(value, &mut records).map_err(|what| SavedError { document: position + 1, line, what })?;
    }
    Ok(records)
}

struct Document {
    value: Json,
    line: usize,
}

fn documents(text: &str) -> Result<Vec<Document>, SavedError> {
    if text.trim_start().starts_with(['{', '['])
        && let Some(documents) = json_documents(text)
    {
        return Ok(documents);
    }
    let mut documents = Vec::new();
    for (position, chunk) in split::documents(text).filter(|chunk| !chunk.is_blank()).enumerate() {
        let document = position + 1;
        if position == MAX_DOCUMENTS {
            let what = format!("the file has more than {MAX_DOCUMENTS} documents");
            return Err(SavedError { document, line: chunk.first_line, what });
        }
        let limits = yaml::Limits { bytes: usize::MAX, nodes: 5_000_000, ..yaml::Limits::default() };
        let parsed = yaml::parse(chunk.text, chunk.first_line, &limits).map_err(|fault| SavedError {
            document,
            line: fault.line,
            what: format!("no YAML: {}", fault.what),
        })?;
        // Every value of the reader has a JSON form.
        documents.push(Document { value: serde_json::to_value(parsed.value).unwrap_or_default(), line: chunk.first_line });
    }
    Ok(documents)
}

/// One or several JSON texts; `None` where it is no JSON after all.
fn json_documents(text: &str) -> Option<Vec<Document>> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Json>();
    let mut documents = Vec::new();
    let (mut line, mut counted) = (1, 0);
    loop {
        let start = stream.byte_offset();
        line += text[counted..start].matches('\n').count();
        counted = start;
        match stream.next() {
            None => return Some(documents),
            Some(value) if documents.len() < MAX_DOCUMENTS => documents.push(Document { value: value.ok()?, line }),
            Some(_) => return None,
        }
    }
}

struct Wanted<'a> {
    release: &'a str,
    namespace: &'a str,
    limit: u64,
}

impl Wanted<'_> {
    fn collect(&self, value: Json, records: &mut Vec<SavedRecord>) -> Result<(), String> {
        match value {
            Json::Null => Ok(()),
            Json::Array(items) => items.into_iter().try_for_each(|item| self.collect(item, records)),
            Json::Object(map) => self.collect_object(map, records),
            _ => Err("neither a storage object nor a release".to_owned()),
        }
    }

    fn collect_object(&self, mut map: serde_json::Map<String, Json>, records: &mut Vec<SavedRecord>) -> Result<(), String> {
        if let Some(Json::Array(items)) = map.get_mut("items").map(Json::take) {
            return self.collect(Json::Array(items), records);
        }
        match map.get("kind").and_then(Json::as_str) {
            Some("Secret" | "ConfigMap") => records.extend(self.stored(&Json::Object(map))),
            Some(kind) => return Err(no_record(kind)),
            None if map.contains_key("info") && map.contains_key("name") => records.extend(self.release(Json::Object(map))),
            None => return Err("neither a storage object nor a release (a release has name, version and info)".to_owned()),
        }
        Ok(())
    }

    /// A Secret or ConfigMap as Helm's drivers write it.
    fn stored(&self, object: &Json) -> Option<SavedRecord> {
        let metadata = &object["metadata"];
        let text = |value: &Json| value.as_str().map(str::to_owned);
        let key = text(&metadata["name"])?;
        let (name, _) = split_key(&key)?;
        let foreign = metadata["namespace"].as_str().is_some_and(|namespace| !self.in_namespace(namespace));
        if name != self.release || foreign {
            return None;
        }
        let payload = object["data"]["release"].as_str().or(object["stringData"]["release"].as_str()).unwrap_or_default();
        let encoded = object["kind"] == "Secret" && object["data"]["release"].is_string();
        let record = match encoded.then(|| decode_base64(payload.as_bytes())) {
            Some(None) => Err(DecodeError::Base64),
            Some(Some(inner)) => decode_payload(&inner, self.limit),
            None => decode_payload(payload.as_bytes(), self.limit),
        };
        let stored = StoredAs {
            key,
            uid: text(&metadata["uid"]),
            resource_version: text(&metadata["resourceVersion"]),
            status_label: metadata["labels"]["status"].as_str().map(Status::parse),
        };
        Some(SavedRecord { stored, record, lacks: Vec::new() })
    }

    /// A release object as JSON or YAML.
    fn release(&self, object: Json) -> Option<SavedRecord> {
        let lacks = if object["chart"].is_object() { Vec::new() } else { vec!["chart metadata"] };
        let named = object["name"].as_str() == Some(self.release);
        let namespace = object["namespace"].as_str().unwrap_or_default();
        if !named || !(namespace.is_empty() || self.in_namespace(namespace)) {
            return None;
        }
        let revision = object["version"].as_u64().and_then(|version| u32::try_from(version).ok()).unwrap_or_default();
        let stored = StoredAs { key: make_key(self.release, revision), ..StoredAs::default() };
        let record = serde_json::from_value(object).map_err(|error| json_error(&error));
        Some(SavedRecord { stored, record, lacks })
    }

    fn take(&self, record: RawRecord, lacks: Vec<&'static str>) -> Option<SavedRecord> {
        let ours = record.name() == self.release && (record.namespace().is_empty() || self.in_namespace(record.namespace()));
        let stored = StoredAs { key: make_key(record.name(), record.revision()), ..StoredAs::default() };
        ours.then_some(SavedRecord { stored, record: Ok(record), lacks })
    }

    fn in_namespace(&self, namespace: &str) -> bool {
        self.namespace.is_empty() || self.namespace == namespace
    }
}

/// Kinds are letters; anything else is not repeated.
fn no_record(kind: &str) -> String {
    let kind = if kind.len() <= 63 && kind.bytes().all(|byte| byte.is_ascii_alphanumeric()) { kind } else { "an object" };
    format!("{kind} is no release record; `helm get manifest` alone tells neither revision nor status, `helm get all` does")
}
