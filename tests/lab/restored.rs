//! Whether a live object is as a manifest says. Extra fields of the live object are the server's business, unless the
//! manifest of *from* had set them.

use serde_json::Value;

/// None, or the first place where `live` is not as `wanted` says, or keeps what only `before` said.
pub fn difference(wanted: &Value, before: Option<&Value>, live: &Value) -> Option<String> {
    let wanted = normalised(wanted);
    let before = before.map(normalised).unwrap_or(Value::Null);
    missing(&wanted, live, "").or_else(|| left_over(&wanted, &before, live, ""))
}

/// Forms that the server stores otherwise.
fn normalised(object: &Value) -> Value {
    let mut object = object.clone();
    if object["kind"] == "Secret" {
        let strings = object["stringData"].as_object().cloned().unwrap_or_default();
        for (key, value) in strings {
            use base64::Engine;
            let text = value.as_str().unwrap_or_default();
            object["data"][key] = base64::engine::general_purpose::STANDARD.encode(text).into();
        }
        if let Some(map) = object.as_object_mut() {
            map.remove("stringData");
        }
    }
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
        map.remove("apiVersion");
        map.remove("kind");
    }
    // Bound by the server: what `to` leaves out is left to it.
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut).filter(|spec| spec.contains_key("accessModes")) {
        spec.remove("volumeName");
    }
    object
}

fn missing(wanted: &Value, live: &Value, path: &str) -> Option<String> {
    match (wanted, live) {
        (Value::Null, _) => None,
        (Value::Object(map), Value::Object(other)) => {
            map.iter().find_map(|(key, value)| missing(value, other.get(key).unwrap_or(&Value::Null), &format!("{path}/{key}")))
        }
        (Value::Object(map), Value::Null) if map.values().all(is_empty) => None,
        (Value::Array(items), Value::Array(others)) => {
            items.iter().enumerate().find_map(|(index, item)| match counterpart(item, index, others) {
                Some(other) => missing(item, other, &format!("{path}/{index}")),
                None => Some(format!("{path}/{index} is missing")),
            })
        }
        (Value::Array(items), Value::Null) if items.is_empty() => None,
        _ if same_scalar(wanted, live) || (live.is_null() && is_zero(wanted)) || wanted == "" => None,
        _ => Some(format!("{path}: {} instead of {}", short(live), short(wanted))),
    }
}

/// What `before` set, `wanted` does not, and `live` still has.
fn left_over(wanted: &Value, before: &Value, live: &Value, path: &str) -> Option<String> {
    match (before, live) {
        (Value::Object(map), Value::Object(other)) => map.iter().find_map(|(key, value)| {
            let live = other.get(key).unwrap_or(&Value::Null);
            let path = format!("{path}/{key}");
            match wanted.get(key) {
                Some(wanted) if !wanted.is_null() => left_over(wanted, value, live, &path),
                // The server keeps the number it has where none is named: any number is as the target says.
                _ if key == "nodePort" => None,
                _ if is_empty(value) || !wanted.is_object() || is_default(key, value) => None,
                _ if same_scalar(value, live) && !value.is_object() && !value.is_array() => Some(format!("{path}: {live} stays")),
                _ => left_over(&Value::Object(serde_json::Map::new()), value, live, &path),
            }
        }),
        (Value::Array(items), Value::Array(others)) => items.iter().enumerate().find_map(|(index, item)| {
            let name = item.get("name")?;
            if item.get("mountPath").is_some() {
                return None;
            }
            let other = others.iter().find(|other| other.get("name") == Some(name))?;
            let path = format!("{path}/{index}");
            match wanted.as_array()?.iter().find(|wanted| wanted.get("name") == Some(name)) {
                Some(wanted) => left_over(wanted, item, other, &path),
                None => Some(format!("{path} ({name}) stays")),
            }
        }),
        _ => None,
    }
}

fn counterpart<'a>(item: &Value, index: usize, others: &'a [Value]) -> Option<&'a Value> {
    for key in ["mountPath", "name", "containerPort", "port", "ip", "key"] {
        if let Some(name) = item.get(key) {
            let same = |other: &&Value| other.get(key) == Some(name);
            // Custom resources have lists whose items share such a key.
            let at_its_place = others.get(index).filter(same);
            if let Some(found) = at_its_place.or_else(|| others.iter().find(same)) {
                return Some(found);
            }
        }
    }
    if item.is_object() { others.get(index) } else { others.iter().find(|other| same_scalar(item, other)) }
}

/// What the server sets where nobody says anything: that is no trace of `before`.
fn is_default(key: &str, value: &Value) -> bool {
    let defaults = [
        ("type", "Opaque"),
        ("type", "ClusterIP"),
        ("type", "RollingUpdate"),
        ("protocol", "TCP"),
        ("podManagementPolicy", "OrderedReady"),
        ("volumeMode", "Filesystem"),
        ("restartPolicy", "Always"),
        ("sessionAffinity", "None"),
    ];
    let numbers =
        [("successThreshold", 1), ("failureThreshold", 3), ("timeoutSeconds", 1), ("periodSeconds", 10), ("replicas", 1)];
    defaults.iter().any(|(name, default)| key == *name && value == default)
        || numbers.iter().any(|(name, default)| key == *name && value.as_i64() == Some(*default))
}

/// Zero values are not stored.
fn is_zero(value: &Value) -> bool {
    value == &Value::Bool(false) || value.as_f64() == Some(0.0)
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.len() > 80 { format!("{}…", text.chars().take(80).collect::<String>()) } else { text }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().all(is_empty),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

fn same_scalar(a: &Value, b: &Value) -> bool {
    if a == b || (is_empty(a) && is_empty(b)) {
        return true;
    }
    let (a, b) = (scalar(a), scalar(b));
    a == b
        || octal(&a).is_some_and(|a| a == b)
        || matches!((quantity(&a), quantity(&b)), (Some(a), Some(b)) if (a - b).abs() < 1e-9 * a.abs().max(1.0))
}

/// YAML 1.1, which Helm reads, takes `0755` for a number.
fn octal(text: &str) -> Option<String> {
    let digits = text.strip_prefix('0').filter(|digits| !digits.is_empty())?;
    i64::from_str_radix(digits, 8).ok().map(|number| number.to_string())
}

fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn quantity(text: &str) -> Option<f64> {
    const SUFFIXES: [(&str, f64); 12] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("", 1.0),
    ];
    let (suffix, factor) = SUFFIXES.iter().find(|(suffix, _)| text.ends_with(suffix))?;
    text.strip_suffix(suffix)?.parse::<f64>().ok().map(|number| number * factor)
}
