//! Which parts of an object or of values are secret.

use super::names::{Place, is_credential, is_reference, is_variable};
use super::{Redactor, Value};
use crate::release::decode::decode_base64;
use crate::release::value::{Map, Masked};

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A Kubernetes object. Kind and apiVersion decide what is treated specially; everything else goes by names and text.
pub(super) fn redact_object(redactor: &Redactor, body: &mut Value) {
    if let Some(name) = body.at(&["metadata", "name"]).as_str() {
        redactor.memory().is_name(name);
    }
    match body.get("kind").as_str() {
        // A schema has no values; its property names would look like credentials.
        Some("CustomResourceDefinition") => {
            if let Some(metadata) = body.as_map_mut().and_then(|map| map.get_mut("metadata")) {
                redact_fields(redactor, metadata);
            }
        }
        _ => redact_fields(redactor, body),
    }
}

/// Any mapping, sequence or scalar: by the names of fields, and by what their text looks like.
pub(super) fn redact_fields(redactor: &Redactor, value: &mut Value) {
    match value {
        Value::Map(map) => redact_map(redactor, map),
        Value::List(items) => redact_list(redactor, items),
        Value::String(text) => {
            if let Some(masked) = redactor.masked(text) {
                *value = masked;
            }
        }
        _ => {}
    }
}

fn redact_map(redactor: &Redactor, map: &mut Map) {
    // Also inside other objects: templates, generators and operators carry whole Secrets.
    let kind = map.get("kind").and_then(Value::as_str).map(str::to_owned);
    let is_secret = kind.as_deref() == Some("Secret");
    let is_config_map = kind.as_deref() == Some("ConfigMap");
    let names_credential = map.get("name").and_then(Value::as_str).is_some_and(|name| is_credential(name, Place::Variable));
    let pair_name = if names_credential { map.get("name").and_then(Value::as_str).map(str::to_owned) } else { None };
    for (key, value) in map.iter_mut() {
        match (key.as_str(), &pair_name) {
            ("data", _) if is_secret => redact_all(redactor, value, true),
            ("stringData", _) if is_secret => redact_all(redactor, value, false),
            ("binaryData", _) if is_config_map => redact_binary(redactor, value),
            ("metadata", _) => redact_metadata(redactor, value),
            (LAST_APPLIED, _) => redact_embedded(redactor, value),
            ("value", Some(name)) => redact_named(redactor, name, value),
            ("auth" | "_auth", _) => redact_docker_auth(redactor, value),
            (key, _) if is_credential(key, Place::Field) => redact_named(redactor, key, value),
            _ => redact_fields(redactor, value),
        }
    }
}

/// Names and labels identify; only annotations hold content.
fn redact_metadata(redactor: &Redactor, metadata: &mut Value) {
    let Value::Map(map) = metadata else { return redact_fields(redactor, metadata) };
    for (key, value) in map.iter_mut() {
        if !matches!(
            key.as_str(),
            "name" | "namespace" | "labels" | "uid" | "ownerReferences" | "managedFields" | "finalizers" | "generateName"
        ) {
            redact_fields(redactor, value);
        }
    }
}

/// A value whose name says that it is a credential. A map under such a name is looked into: `secret: {secretName: x}`.
fn redact_named(redactor: &Redactor, name: &str, value: &mut Value) {
    match value {
        Value::String(text) if text.is_empty() || is_reference(name, text) => {}
        Value::String(text) => *value = Value::Redacted(redactor.digest(text.as_bytes())),
        Value::List(items) if !name.to_ascii_lowercase().ends_with("secrets") => {
            items.iter_mut().for_each(|item| match item {
                Value::String(_) => redact_named(redactor, name, item),
                _ => redact_fields(redactor, item),
            });
        }
        _ => redact_fields(redactor, value),
    }
}

/// Commands and arguments: a flag and its value may be two items.
fn redact_list(redactor: &Redactor, items: &mut [Value]) {
    let mut program = String::new();
    let mut flag: Option<String> = None;
    for item in items.iter_mut() {
        let Value::String(text) = item else {
            flag = None;
            redact_fields(redactor, item);
            continue;
        };
        let text = text.clone();
        let after_flag = flag.take();
        if after_flag.is_some_and(|flag| is_flag_value(&program, &flag, &text)) {
            *item = Value::Redacted(redactor.digest(text.as_bytes()));
        } else if let Some(password) = glued_password(&program, &text) {
            let masked = format!("{}{}", &text[..text.len() - password.len()], super::REDACTED_TEXT);
            redactor.memory().remember(password);
            *item = Value::Masked(Masked::new(masked, redactor.keyed(text.as_bytes())));
        } else {
            redact_fields(redactor, item);
        }
        if program.is_empty() && !text.starts_with('-') {
            program = text.rsplit('/').next().unwrap_or_default().to_owned();
        }
        flag = text.starts_with('-').then_some(text);
    }
}

/// `--password x`; `-p x` and `-a x` unless the program gives them another meaning or the value is a number, a path or a variable.
fn is_flag_value(program: &str, flag: &str, value: &str) -> bool {
    if value.is_empty() || value.starts_with('-') || is_variable(value) {
        return false;
    }
    if let Some(name) = flag.strip_prefix("--") {
        return !name.contains('=') && is_credential(name, Place::Field) && !is_reference(name, value);
    }
    let other_meaning = matches!(
        program,
        "mkdir"
            | "cp"
            | "ssh"
            | "scp"
            | "tar"
            | "install"
            | "docker"
            | "rm"
            | "ls"
            | "psql"
            | "pg_dump"
            | "pg_isready"
            | "mysql"
            | "sh"
            | "bash"
    );
    let plain = value.bytes().all(|byte| byte.is_ascii_digit()) || value.starts_with(['/', '.']);
    match flag {
        "-p" | "--pass" => !other_meaning && !plain,
        "-a" => program == "redis-cli",
        _ => false,
    }
}

/// `mysql -pVALUE` as a list.
fn glued_password<'t>(program: &str, text: &'t str) -> Option<&'t str> {
    let client = program.starts_with("mysql") || program.starts_with("mariadb");
    text.strip_prefix("-p").filter(|value| client && !value.is_empty() && !is_variable(value))
}

/// Every scalar below, whatever its type. `encoded`: strings are base64, and the digest is that of the decoded bytes, so that a key in
/// `data` equals the same key in `stringData`.
fn redact_all(redactor: &Redactor, value: &mut Value, encoded: bool) {
    match value {
        Value::Map(map) => map.values_mut().for_each(|value| redact_all(redactor, value, encoded)),
        Value::List(items) => items.iter_mut().for_each(|value| redact_all(redactor, value, encoded)),
        Value::Null | Value::Redacted(_) => {}
        Value::String(text) => {
            let decoded = if encoded { decode_base64(text.as_bytes()) } else { None };
            if decoded.is_some() {
                redactor.memory().remember(text);
            }
            *value = Value::Redacted(redactor.digest(decoded.as_deref().unwrap_or(text.as_bytes())));
        }
        Value::Masked(_) | Value::Bool(_) | Value::Number(_) => {
            *value = Value::Redacted(redactor.digest(value.display().as_bytes()))
        }
    }
}

/// Files in base64: hidden whole if anything in them looks like a credential.
fn redact_binary(redactor: &Redactor, value: &mut Value) {
    let Value::Map(map) = value else { return redact_fields(redactor, value) };
    for (key, value) in map.iter_mut() {
        let decoded = value.as_str().and_then(|text| decode_base64(text.as_bytes()));
        let text = decoded.as_deref().map(String::from_utf8_lossy);
        let secret = is_credential(key, Place::Field) || text.is_some_and(|text| !super::text::credentials(&text).is_empty());
        if secret && let Some(bytes) = decoded {
            *value = Value::Redacted(redactor.digest(&bytes));
        }
    }
}

/// An object in JSON inside an annotation. What cannot be read is hidden whole.
fn redact_embedded(redactor: &Redactor, value: &mut Value) {
    let Some(text) = value.as_str() else { return };
    let digest = redactor.keyed(text.as_bytes());
    let Ok(json) = serde_json::from_str::<serde_json::Value>(text) else {
        *value = Value::Redacted(redactor.digest(text.as_bytes()));
        return;
    };
    let mut object = Value::from_json(json);
    let before = object.clone();
    redact_object(redactor, &mut object);
    if object != before {
        let masked = serde_json::to_string(&object).unwrap_or_default();
        *value = Value::Masked(Masked::new(masked, digest));
    }
}

/// Base64 of `user:password`, as in a container registry's `config.json`.
fn redact_docker_auth(redactor: &Redactor, value: &mut Value) {
    let is_pair = |text: &str| decode_base64(text.as_bytes()).is_some_and(|bytes| bytes.contains(&b':'));
    match value.as_str().is_some_and(is_pair) {
        true => redact_all(redactor, value, true),
        false => redact_fields(redactor, value),
    }
}
