//! What may be known about an X.509 certificate (RFC 5280): whose it is and how long it is valid, never its content or key.
//!
//! Secrets lose their content on the way in, so certificates in them are read right before that.

use serde::{Deserialize, Serialize};
use x509_cert::der::{Decode, asn1::ObjectIdentifier};
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::time::Time;

use super::decode::decode_base64;
use super::value::Value;

/// Certificates of one object that are read; bundles of public authorities have fewer than 200.
const MAX_CERTIFICATES: usize = 500;

/// Longest name that is kept, in characters.
const MAX_NAME: usize = 200;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// `id-ce-basicConstraints` (RFC 5280 §4.2.1.9).
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");

/// One certificate of a file, without its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The key of the Secret that holds it.
    pub key: String,
    pub subject: String,
    pub issuer: String,
    /// Seconds since 1970.
    pub not_before: i64,
    /// Seconds since 1970.
    pub not_after: i64,
    /// It may sign others: a root or an intermediate, by its basic constraints.
    pub is_authority: bool,
}

/// Certificates in a Secret that is not redacted yet; other kinds keep theirs readable. What cannot be read is left out.
pub(super) fn of_secret(body: &Value) -> Vec<Certificate> {
    if body.get("kind").as_str() != Some("Secret") {
        return Vec::new();
    }
    let plain = texts(body.get("stringData")).map(|(key, text)| (key, text.as_bytes().to_vec()));
    let is_replaced = |key: &str| !body.at(&["stringData", key]).is_null();
    let encoded = texts(body.get("data")).filter(|(key, _)| !is_replaced(key));
    let decoded = encoded.filter_map(|(key, text)| Some((key, decode_base64(text.as_bytes())?)));
    let mut found: Vec<Certificate> = decoded.chain(plain).flat_map(|(key, bytes)| in_bytes(key, &bytes)).collect();
    found.truncate(MAX_CERTIFICATES);
    found
}

fn texts(map: &Value) -> impl Iterator<Item = (&str, &str)> {
    map.as_map().into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

/// Certificates of a `caBundle`, which is base64 of PEM (admissionregistration/v1 `WebhookClientConfig`).
pub fn of_bundle(field: &str, bundle: &Value) -> Vec<Certificate> {
    let bytes = bundle.as_str().and_then(|text| decode_base64(text.as_bytes()));
    bytes.map_or_else(Vec::new, |bytes| in_bytes(field, &bytes))
}

/// Every PEM block (RFC 7468) of the text that is a readable certificate, in its order.
fn in_bytes(key: &str, bytes: &[u8]) -> Vec<Certificate> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Vec::new() };
    let blocks = text.split(BEGIN).skip(1).filter_map(|rest| rest.split_once(END));
    blocks.take(MAX_CERTIFICATES).filter_map(|(block, _)| read(key, block)).collect()
}

fn read(key: &str, block: &str) -> Option<Certificate> {
    let compact: Vec<u8> = block.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let parsed = x509_cert::Certificate::from_der(&decode_base64(&compact)?).ok()?;
    let content = &parsed.tbs_certificate;
    Some(Certificate {
        key: key.to_owned(),
        subject: shortened(content.subject.to_string()),
        issuer: shortened(content.issuer.to_string()),
        not_before: seconds(content.validity.not_before),
        not_after: seconds(content.validity.not_after),
        is_authority: is_authority(content),
    })
}

fn is_authority(content: &x509_cert::TbsCertificate) -> bool {
    let extensions = content.extensions.iter().flatten();
    let mut basic = extensions.filter(|extension| extension.extn_id == BASIC_CONSTRAINTS);
    basic.any(|extension| BasicConstraints::from_der(extension.extn_value.as_bytes()).is_ok_and(|constraints| constraints.ca))
}

fn seconds(time: Time) -> i64 {
    i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
}

fn shortened(name: String) -> String {
    match name.char_indices().nth(MAX_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Self-signed, `CN=shop.example.com`, valid in January 2025.
    const LEAF: &str = include_str!("../../tests/fixtures/certificates/expired-leaf.pem");
    /// Self-signed authority, `CN=Old Root`, valid in January 2025.
    const ROOT: &str = include_str!("../../tests/fixtures/certificates/expired-root.pem");

    fn secret(text: &str) -> Value {
        Value::from_json(json!({"kind": "Secret", "stringData": {"tls.crt": text}}))
    }

    #[test]
    fn names_and_dates_are_read() {
        let found = of_secret(&secret(&format!("a comment\n{LEAF}{ROOT}")));
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].subject.as_str(), found[0].is_authority), ("CN=shop.example.com", false));
        assert_eq!((found[1].subject.as_str(), found[1].is_authority), ("CN=Old Root", true));
        assert_eq!((found[0].not_before, found[0].not_after), (1_735_689_600, 1_738_368_000));
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        for text in [BEGIN, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "x", &LEAF.replace('M', "N")] {
            assert_eq!(of_secret(&secret(text)), [], "{text}");
        }
        assert_eq!(of_secret(&Value::from_json(json!({"kind": "ConfigMap", "stringData": {"a": LEAF}}))), []);
    }
}
