//! Secret values become keyed digests on the way in, and are scrubbed from foreign text on the way out.
//!
//! What counts as a secret: everything in a Secret, values under names that end in a credential ([`names`]), and credentials inside
//! text ([`text`]). Names of Secrets, keys, files and variables are none: reports need them.

mod line;
mod memory;
mod names;
mod object;
pub mod recording;
mod text;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::value::{Masked, REDACTED_TEXT, Redacted, Value};
use memory::Memory;

/// Replaces secrets by digests under a key that lives only in this process. Clones share key and memory.
#[derive(Clone)]
pub struct Redactor {
    inner: Arc<Inner>,
}

struct Inner {
    key: [u8; 32],
    memory: Mutex<Memory>,
}

impl Redactor {
    /// With a fresh random key.
    pub fn new() -> anyhow::Result<Redactor> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).ok().context("the system has no random numbers for the redaction key")?;
        Ok(Redactor::with_key(key))
    }

    /// With a given key, for tests.
    pub fn with_key(key: [u8; 32]) -> Redactor {
        Redactor { inner: Arc::new(Inner { key, memory: Mutex::default() }) }
    }

    /// Redacts a Kubernetes object from a manifest, a hook or the cluster, whatever its kind.
    pub fn object(&self, body: &mut Value) {
        object::redact_object(self, body);
    }

    /// Redacts user-supplied values.
    pub fn values(&self, values: &mut Value) {
        object::redact_fields(self, values);
    }

    /// Redacts free text: NOTES, descriptions.
    pub fn text(&self, text: &str) -> String {
        self.scrub(text)
    }

    /// Removes every value redacted so far, and everything that looks like a credential, from a message of Helm or the API server.
    ///
    /// Values of fewer than six characters are removed only where they look like a credential: they are ordinary words too often.
    pub fn scrub(&self, text: &str) -> String {
        let spans = text::credentials(text);
        if spans.is_empty() {
            return self.memory().scrub(text);
        }
        // Patterns first: they see the text as it was written.
        self.memory().scrub(&text::mask(text, &spans))
    }

    /// The digest that stands for these bytes from now on; valid text is remembered for [`Redactor::scrub`].
    fn digest(&self, bytes: &[u8]) -> Redacted {
        if let Ok(plain) = std::str::from_utf8(bytes) {
            self.memory().remember(plain);
        }
        self.keyed(bytes)
    }

    fn keyed(&self, bytes: &[u8]) -> Redacted {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.inner.key).expect("HMAC takes a key of any length");
        mac.update(bytes);
        Redacted::from_digest(mac.finalize().into_bytes().into())
    }

    /// `text` itself, or the same with its credentials masked; compares by the whole original text.
    fn masked(&self, text: &str) -> Option<Value> {
        let spans = text::credentials(text);
        if spans.is_empty() {
            return None;
        }
        let mut memory = self.memory();
        for span in &spans {
            memory.remember(&text[span.clone()]);
        }
        drop(memory);
        Some(Value::Masked(Masked::new(text::mask(text, &spans), self.keyed(text.as_bytes()))))
    }

    /// A panic elsewhere while it was held leaves a set of strings, which is as good as before.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.inner.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redactor() -> Redactor {
        Redactor::with_key([7; 32])
    }

    fn object(json: serde_json::Value) -> Value {
        let mut value = Value::from_json(json);
        redactor().object(&mut value);
        value
    }

    fn text(value: &Value) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn everything_in_a_secret_is_hidden_and_only_equality_is_left() {
        let secret = |data: serde_json::Value, strings: serde_json::Value| {
            object(
                json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "labels": {"token": "plain"}}, "type": "Opaque",
                "data": data, "stringData": strings}),
            )
        };
        let a = secret(json!({"a": "aHVudGVyMg==", "n": null, "odd": 12, "flag": true}), json!({"b": "hunter2", "c": ""}));
        assert_eq!(text(a.get("data")), r#"{"a":"<redacted>","flag":"<redacted>","n":null,"odd":"<redacted>"}"#);
        assert_eq!(text(a.get("stringData")), r#"{"b":"<redacted>","c":"<redacted>"}"#);
        assert_eq!(a.at(&["data", "a"]), a.at(&["stringData", "b"]), "the digest is over the decoded bytes");
        assert_ne!(a.at(&["data", "a"]), secret(json!({"a": "aHVudGVyMw=="}), json!({})).at(&["data", "a"]));
        assert_eq!(a.get("type").as_str(), Some("Opaque"));
        assert_eq!(a.at(&["metadata", "labels", "token"]).as_str(), Some("plain"));
        assert!(!format!("{a:?}").contains("hunter"));
    }

    #[test]
    fn two_processes_do_not_share_digests() {
        let mut other = Value::from_json(json!({"kind": "Secret", "data": {"a": "aHVudGVyMg=="}}));
        Redactor::new().unwrap().object(&mut other);
        assert_ne!(other, object(json!({"kind": "Secret", "data": {"a": "aHVudGVyMg=="}})));
    }

    #[test]
    fn planted_secrets_are_hidden_in_every_place() {
        let planted = object(json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "annotations": {
                "example.com/api-token": "PLANTED-1",
                "note": "db=postgres://u:PLANTED-2@h/d",
                "kubectl.kubernetes.io/last-applied-configuration": "{\"kind\":\"Secret\",\"data\":{\"a\":\"UExBTlRFRA==\"}}\n"}},
            "spec": {"template": {"spec": {
                "containers": [{
                    "image": "registry:5000/web:1", "command": ["/bin/sh", "-c", "mysql -uroot -pPLANTED-3 && run --password PLANTED-4"],
                    "args": ["--password=PLANTED-5", "--api-token", "PLANTED-6", "-p", "PLANTED-7", "--port", "80"],
                    "env": [
                        {"name": "DB_PASSWORD", "value": "PLANTED-8"}, {"name": "DATABASE_URL", "value": "mysql://a:PLANTED-9@db/x"},
                        {"name": "SIGNING_KEY", "value": "PLANTED-10"}, {"name": "ORACLE_DSN", "value": "PLANTED-11"},
                        {"name": "MSSQL_CONNECTION_STRING", "value": "Server=x;Password=PLANTED-12"}],
                    "livenessProbe": {"httpGet": {"httpHeaders": [{"name": "Authorization", "value": "Basic UExBTlRFRDpQTEFOVEVE"}]}},
                }],
                "initContainers": [{"command": ["mariadb", "-u", "root", "-pPLANTED-13"]}, {"args": ["redis-cli", "-a", "PLANTED-14"]}],
            }}},
        }));
        let out = text(&planted);
        assert!(!out.contains("PLANTED") && !out.contains("UExBTlRFRA"), "{out}");
        for kept in [
            "registry:5000/web:1",
            "mysql://a:<redacted>@db/x",
            "mysql -uroot -p<redacted>",
            "--port",
            "DB_PASSWORD",
            "postgres://u:",
        ] {
            assert!(out.contains(kept), "{kept} is lost in {out}");
        }
    }

    #[test]
    fn custom_resources_and_embedded_secrets_are_searched_by_name() {
        let out = text(&object(json!({"apiVersion": "example.com/v1", "kind": "Database", "metadata": {"name": "a"}, "spec": {
            "adminPassword": "PLANTED", "auth": {"token": "PLANTED", "passwords": ["PLANTED"]}, "s3": {"secretKey": "PLANTED", "accessKey": "PLANTED"},
            "template": {"apiVersion": "v1", "kind": "Secret", "stringData": {"x": "PLANTED"}},
            "registry": {"auth": "UExBTlRFRDpQTEFOVEVE"}}})));
        assert!(!out.contains("PLANTED") && !out.contains("UExBTl"), "{out}");
    }

    #[test]
    fn files_in_config_maps_keep_everything_else() {
        let file = "# settings\n[db]\nhost = db.example\npassword = PLANTED\n\nurl: redis://:PLANTED@cache:6379\n";
        let map = object(
            json!({"kind": "ConfigMap", "data": {"app.ini": file, "API_TOKEN": "PLANTED", "mode": "fast", "tls.key": "PLANTED"},
            "binaryData": {"x": "cGFzc3dvcmQ9UExBTlRFRA==", "y": "aGVsbG8="}}),
        );
        assert_eq!(
            map.at(&["data", "app.ini"]).as_str(),
            Some("# settings\n[db]\nhost = db.example\npassword = <redacted>\n\nurl: redis://:<redacted>@cache:6379\n")
        );
        assert!(!text(&map).contains("PLANTED") && !text(&map).contains("UExBTl"));
        assert_eq!(map.at(&["data", "mode"]).as_str(), Some("fast"));
        assert_eq!(map.at(&["binaryData", "y"]).as_str(), Some("aGVsbG8="));
    }

    #[test]
    fn a_changed_credential_inside_text_is_a_difference() {
        let url = |password: &str| object(json!({"kind": "ConfigMap", "data": {"url": format!("redis://:{password}@cache")}}));
        assert_eq!(url("one-1"), url("one-1"));
        assert_ne!(url("one-1"), url("two-2"));
        assert_eq!(text(&url("one-1")), text(&url("two-2")));
    }

    #[test]
    fn references_names_and_images_are_shown() {
        let plain = json!({"kind": "Deployment", "metadata": {"name": "secret-token", "namespace": "password"}, "spec": {
            "volumes": [{"secret": {"secretName": "db-password"}}], "imagePullSecrets": [{"name": "registry"}], "serviceAccountName": "token",
            "existingSecret": "db", "tokenAudience": "vault", "automountServiceAccountToken": true, "passwordPolicy": {"minLength": 8},
            "env": [{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
                    {"name": "DB_PASSWORD_FILE", "value": "/run/secrets/db"}, {"name": "URL", "value": "http://$(PASSWORD)@x"},
                    {"name": "TOKEN", "value": "$(OTHER_TOKEN)"}, {"name": "EMPTY_PASSWORD", "value": ""}],
            "args": ["--password-file", "/x", "-p", "8080", "--tls-secret-name", "x"], "command": ["mkdir", "-p", "data"],
            "secrets": ["a", "b"], "topologyKey": "zone", "image": "a/b:1"}});
        assert_eq!(serde_json::to_value(object(plain.clone())).unwrap(), plain);
    }

    #[test]
    fn values_are_searched_by_name_and_text() {
        let mut values =
            Value::from_json(json!({"auth": {"password": "PLANTED", "existingSecret": "db", "enabled": true, "port": 5432},
            "extra": "kind: Secret\nstringData:\n  password: PLANTED\n", "clientSecret": "PLANTED", "tls": {"secretName": "x"}}));
        redactor().values(&mut values);
        let out = text(&values);
        assert!(!out.contains("PLANTED") && out.contains("\"existingSecret\":\"db\"") && out.contains("5432"), "{out}");
    }

    #[test]
    fn messages_lose_what_was_redacted_anywhere() {
        let redactor = redactor();
        let mut secret = Value::from_json(
            json!({"kind": "Secret", "metadata": {"name": "shop"}, "data": {"a": "c3VwZXItc2VjcmV0LTE=", "user": "c2hvcA==", "w": "aHVudGVyMg=="},
            "stringData": {"file": "first line of it\nsecond \"quoted\" line"}}),
        );
        redactor.object(&mut secret);
        let clone = redactor.clone();
        let out = clone.scrub("Invalid value: \"super-secret-1\" (c3VwZXItc2VjcmV0LTE=) for shop: first line of it; second \\\"quoted\\\" line hunter2 hunter23");
        assert_eq!(
            out,
            "Invalid value: \"<redacted>\" (<redacted>) for shop: <redacted>; second \\\"quoted\\\" line <redacted> hunter23"
        );
        assert_eq!(redactor.scrub("login with password=hunter3 failed"), "login with password=<redacted> failed");
    }

    #[test]
    fn schemas_are_not_values() {
        let crd = json!({"kind": "CustomResourceDefinition", "metadata": {"name": "a.b"}, "spec": {"token": "x", "properties": {"password": {"type": "string"}}}});
        assert_eq!(serde_json::to_value(object(crd.clone())).unwrap(), crd);
    }
}
