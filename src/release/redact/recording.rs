//! Redacted values in a form that can be written down: numbered where they stand.
//!
//! Within one place of one object equal secrets have equal numbers, which is what a comparison of two revisions shows
//! anyway; between places the numbers say nothing.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::release::value::{Masked, Redacted};
use crate::release::{Map, Value};

const REDACTED: &str = "$redacted";
const MASKED: &str = "$masked";

/// The secrets met so far, by place; their position is their number.
#[derive(Default)]
pub struct Numbers(BTreeMap<String, Vec<Redacted>>);

impl Numbers {
    fn of(&mut self, place: &str, digest: Redacted) -> u64 {
        let known = self.0.entry(place.to_owned()).or_default();
        let position = known.iter().position(|other| *other == digest).unwrap_or_else(|| {
            known.push(digest);
            known.len() - 1
        });
        u64::try_from(position).unwrap_or(u64::MAX)
    }
}

/// Replaces digests by numbers. `place` names the object.
pub fn seal(value: &mut Value, place: &str, numbers: &mut Numbers) {
    match value {
        Value::Redacted(digest) => *value = marked(&[(REDACTED, number(numbers.of(place, *digest)))]),
        Value::Masked(masked) => {
            let text = Value::String(masked.text().to_owned());
            *value = marked(&[(MASKED, text), (REDACTED, number(numbers.of(place, masked.original())))]);
        }
        Value::List(items) => {
            for (position, item) in items.iter_mut().enumerate() {
                let place = format!("{place}[{}]", item_name(item, position));
                seal(item, &place, numbers);
            }
        }
        Value::Map(map) => map.iter_mut().for_each(|(key, child)| seal(child, &format!("{place}.{key}"), numbers)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The inverse: equal numbers in one place become equal digests, and no others.
pub fn unseal(value: &mut Value, place: &str) {
    if let Some(restored) = restored(value, place) {
        *value = restored;
        return;
    }
    match value {
        Value::List(items) => {
            for (position, item) in items.iter_mut().enumerate() {
                let place = format!("{place}[{}]", item_name(item, position));
                unseal(item, &place);
            }
        }
        Value::Map(map) => map.iter_mut().for_each(|(key, child)| unseal(child, &format!("{place}.{key}"))),
        _ => {}
    }
}

fn restored(value: &Value, place: &str) -> Option<Value> {
    let map = value.as_map().filter(|map| map.keys().all(|key| key == REDACTED || key == MASKED))?;
    let number = u64::try_from(map.get(REDACTED)?.as_i64()?).ok()?;
    let digest = Redacted::from_digest(Sha256::new().chain_update(place).chain_update(number.to_be_bytes()).finalize().into());
    Some(match map.get(MASKED).and_then(Value::as_str) {
        Some(text) => Value::Masked(Masked::new(text.to_owned(), digest)),
        None => Value::Redacted(digest),
    })
}

/// Items that have a name keep their place when the list is reordered.
fn item_name(item: &Value, position: usize) -> String {
    item.get("name").as_str().map_or_else(|| position.to_string(), str::to_owned)
}

fn marked(entries: &[(&str, Value)]) -> Value {
    Value::Map(entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect::<Map>())
}

fn number(number: u64) -> Value {
    Value::Number(number.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::redact::Redactor;
    use serde_json::json;

    fn secret(password: &str) -> Value {
        let mut value = Value::from_json(json!({"kind": "Secret", "data": {"password": password, "other": password}}));
        Redactor::with_key([3; 32]).object(&mut value);
        value
    }

    #[test]
    fn equality_survives_in_its_place_only() {
        let originals = [secret("b25l"), secret("dHdv"), secret("b25l")];
        let mut numbers = Numbers::default();
        let written: Vec<String> = originals
            .iter()
            .map(|original| {
                let mut value = original.clone();
                seal(&mut value, "Secret/x", &mut numbers);
                serde_json::to_string(&value).unwrap()
            })
            .collect();
        assert_eq!(written[0], r#"{"data":{"other":{"$redacted":0},"password":{"$redacted":0}},"kind":"Secret"}"#);
        let read: Vec<Value> = written
            .iter()
            .map(|text| {
                let mut value: Value = serde_json::from_str(text).unwrap();
                unseal(&mut value, "Secret/x");
                value
            })
            .collect();
        assert_eq!(read[0], read[2]);
        assert_ne!(read[0], read[1]);
        let data = |value: &Value, key: &str| value.at(&["data", key]).clone();
        assert!(matches!(data(&read[0], "password"), Value::Redacted(_)));
        assert_ne!(data(&read[0], "password"), data(&read[0], "other"), "equal secrets in two places are not shown to be equal");
    }

    #[test]
    fn masked_texts_keep_their_text() {
        let redactor = Redactor::with_key([3; 32]);
        let mut value = Value::from_json(json!({"kind": "Pod", "spec": {"containers": [
            {"name": "c", "env": [{"name": "URL", "value": "postgres://user:hunter2@db/shop"}]}]}}));
        redactor.object(&mut value);
        let mut written = value.clone();
        seal(&mut written, "Pod/x", &mut Numbers::default());
        let text = serde_json::to_string(&written).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        let mut read: Value = serde_json::from_str(&text).unwrap();
        unseal(&mut read, "Pod/x");
        assert_eq!(format!("{read:?}"), format!("{value:?}"));
    }
}
