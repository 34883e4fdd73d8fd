//! One sequence of bytes for one JSON value, whatever wrote it: members sorted by name, no space between.
//!
//! The form is that of RFC 8785 (JSON Canonicalization Scheme) for what plans hold: there are no fractions among the numbers,
//! and names are ASCII, so that sorting by bytes and by UTF-16 units is the same.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// `sha256:` and 64 hex digits.
pub fn digest(value: &impl Serialize) -> String {
    format!("sha256:{}", crate::hex::hex(Sha256::digest(bytes(value))))
}

/// The canonical form.
pub fn bytes(value: &impl Serialize) -> Vec<u8> {
    let value = serde_json::to_value(value).expect("plans have string keys only");
    let mut out = String::new();
    write(&value, &mut out);
    out.into_bytes()
}

/// Sorted here, and not by trust in the map of `serde_json`, whose order a feature of any crate can change.
fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|a, b| a.0.cmp(b.0));
            list(out, ('{', '}'), members, |(name, value), out| {
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write(value, out);
            });
        }
        Value::Array(items) => list(out, ('[', ']'), items, write),
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn list<T>(out: &mut String, (open, close): (char, char), items: impl IntoIterator<Item = T>, each: impl Fn(T, &mut String)) {
    out.push(open);
    for (position, item) in items.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        each(item, out);
    }
    out.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_space_do_not_count_but_values_do() {
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let one = read(r#"{"b": [1, {"y": null, "x": "é\n"}], "a": true}"#);
        assert_eq!(String::from_utf8(bytes(&one)).unwrap(), "{\"a\":true,\"b\":[1,{\"x\":\"é\\n\",\"y\":null}]}");
        assert_eq!(digest(&one), digest(&read(r#"{"a":true,"b":[1,{"x":"é\n","y":null}]}"#)));
        assert_ne!(digest(&one), digest(&read(r#"{"a":true,"b":[{"x":"é\n","y":null},1]}"#)));
    }
}
