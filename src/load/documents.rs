//! Saved API objects from a file: YAML documents, JSON texts one after the other, and Lists of either.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::error::LoadError;

/// Bound of one file, in bytes.
pub const MAX_FILE: u64 = 256 * 1024 * 1024;

/// Reads a file whole, within [`MAX_FILE`].
pub fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    let failed = |why: String| LoadError::File { path: path.display().to_string(), why };
    let size = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if size > MAX_FILE {
        return Err(failed(format!("{size} bytes are more than the limit of {MAX_FILE}")));
    }
    std::fs::read(path).map_err(|error| failed(error.to_string()))
}

/// Every object in the text, lists taken apart. Errors name the place and never quote the text.
pub fn parse(text: &[u8]) -> Result<Vec<Value>, String> {
    let start = text.iter().find(|byte| !byte.is_ascii_whitespace());
    let documents = match start {
        Some(b'{' | b'[') => json(text).or_else(|why| yaml(text).map_err(|_| why)),
        _ => yaml(text),
    }?;
    let mut objects = Vec::new();
    documents.into_iter().for_each(|document| flatten(document, &mut objects));
    Ok(objects)
}

fn json(text: &[u8]) -> Result<Vec<Value>, String> {
    let documents = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
    documents.collect::<Result<_, _>>().map_err(|error| format!("not JSON at line {}, column {}", error.line(), error.column()))
}

fn yaml(text: &[u8]) -> Result<Vec<Value>, String> {
    let mut documents = Vec::new();
    for document in serde_yaml::Deserializer::from_slice(text) {
        let value = Value::deserialize(document).map_err(|error| match error.location() {
            Some(place) => format!("not YAML at line {}, column {}", place.line(), place.column()),
            None => "not YAML".to_owned(),
        })?;
        documents.push(value);
    }
    Ok(documents)
}

/// `kind: List` and JSON arrays become their items; other lists (`APIResourceList` …) have no `items` that are objects of their own.
fn flatten(document: Value, objects: &mut Vec<Value>) {
    match document {
        Value::Array(items) => items.into_iter().for_each(|item| flatten(item, objects)),
        Value::Object(mut map) => {
            let is_list = map.get("kind").and_then(Value::as_str).is_some_and(|kind| kind == "List");
            match map.get_mut("items").map(Value::take) {
                Some(Value::Array(items)) if is_list => items.into_iter().for_each(|item| flatten(item, objects)),
                Some(other) => {
                    map.insert("items".to_owned(), other);
                    objects.push(Value::Object(map));
                }
                None => objects.push(Value::Object(map)),
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<String> {
        let objects = parse(text.as_bytes()).unwrap();
        objects.iter().map(|o| o["kind"].as_str().unwrap_or("?").to_owned()).collect()
    }

    #[test]
    fn all_the_forms() {
        assert_eq!(kinds("kind: A\n---\nkind: B\n---\n"), ["A", "B"]);
        assert_eq!(kinds("{\"kind\":\"A\"}\n{\"kind\":\"B\"}"), ["A", "B"]);
        assert_eq!(kinds("[{\"kind\":\"A\"}]"), ["A"]);
        assert_eq!(kinds("{kind: A}\n---\nkind: B"), ["A", "B"], "flow YAML is no JSON");
        assert_eq!(kinds("kind: List\nitems:\n- kind: A\n- {kind: List, items: [{kind: B}]}\n"), ["A", "B"]);
        assert_eq!(kinds("kind: APIGroupDiscoveryList\nitems: []\n"), ["APIGroupDiscoveryList"]);
    }

    #[test]
    fn errors_name_the_place_and_not_the_text() {
        let why = parse(b"a: b\nc: 'hunter2").unwrap_err();
        assert!(why.starts_with("not YAML at line") && !why.contains("hunter2"), "{why}");
        assert_eq!(parse(b"{\"a\": ]").unwrap_err().split(',').next(), Some("not JSON at line 1"));
    }
}
