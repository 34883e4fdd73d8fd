//! Names of Secret keys that hold what opens stored data: an encryption key, an unseal key, a licence.

use crate::k8s::glob::glob;
use crate::table;

const TABLE: &str = include_str!("../../rules/tables/key-material.csv");

/// What a Secret's key is known to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyMaterial {
    /// `encrypts what the application stores`.
    pub what: &'static str,
    /// Whether the source was read again for this table; else it is general knowledge.
    pub checked: bool,
    pub source: &'static str,
}

/// Recognises a key by its name, in whatever spelling: `n8n-encryption-key`, `secretKeyBase`, `FERNET_KEY`.
pub fn recognise(key: &str) -> Option<KeyMaterial> {
    let key = spelled(key);
    let row = table::records(TABLE).find(|record| glob(record.field(0), &key))?;
    Some(KeyMaterial { what: row.field(1), checked: row.flag(2)?, source: row.field(3) })
}

/// Upper case with underscores between words.
fn spelled(key: &str) -> String {
    let mut text = String::new();
    let mut after_small = false;
    for one in key.chars() {
        if after_small && one.is_ascii_uppercase() {
            text.push('_');
        }
        after_small = one.is_ascii_lowercase() || one.is_ascii_digit();
        text.push(if one.is_ascii_alphanumeric() { one.to_ascii_uppercase() } else { '_' });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        table::check(TABLE);
        let mut reader = csv::Reader::from_reader(TABLE.as_bytes());
        let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        assert_eq!(header, ["pattern", "what", "checked", "source"]);
        for row in table::records(TABLE) {
            assert!(!row.field(1).is_empty() && row.flag(2).is_some() && !row.field(3).is_empty(), "{}", row.field(0));
            assert_eq!(row.field(0), row.field(0).to_uppercase());
        }
    }

    #[test]
    fn keys_in_any_spelling() {
        for key in ["N8N_ENCRYPTION_KEY", "encryptionKey", "secret-key-base", "fernet-key", "app_key", "license.lic"] {
            assert!(recognise(key).is_some(), "{key}");
        }
        for key in ["password", "tls.key", "token", "API_KEY", "username"] {
            assert!(recognise(key).is_none(), "{key}");
        }
    }
}
