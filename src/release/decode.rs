//! Helm's stored payload → release record.
//!
//! JSON → gzip → base64 is Helm's `encodeRelease` (`pkg/storage/driver/util.go`); a payload without the gzip magic is plain JSON.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;
use serde::de::DeserializeOwned;

pub use super::head::RawHead;
pub use super::record::RawRecord;

/// Why a payload is no release record. Never quotes the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Not standard base64.
    Base64,
    /// The gzip stream is damaged or cut off.
    Gzip,
    /// Inflates to more than the limit, in bytes.
    TooLarge { limit: u64 },
    /// Not the JSON of a release, with the position in the inflated text; line 0 where there is none.
    Json { line: usize, column: usize, what: &'static str },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::Base64 => f.write_str("the payload is not base64 (cut off or damaged)"),
            DecodeError::Gzip => f.write_str("the compressed payload is damaged or cut off"),
            DecodeError::TooLarge { limit } => write!(f, "the payload inflates to more than {limit} bytes"),
            DecodeError::Json { line: 0, what, .. } => write!(f, "the payload {what}"),
            DecodeError::Json { line, column, what } => write!(f, "the payload {what} (line {line}, column {column})"),
        }
    }
}

impl std::error::Error for DecodeError {}

const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 0x08];

/// Decodes what a storage driver keeps: base64 text around gzip or plain JSON. (Kubernetes' own base64 of a Secret is undone by the caller.)
///
/// `limit` bounds the inflated size in bytes.
pub fn decode_payload(text: &[u8], limit: u64) -> Result<RawRecord, DecodeError> {
    decode_as(text, limit)
}

/// As [`decode_payload`], keeping only what a history shows. The whole payload is read all the same: one that is cut off
/// is no revision to go back to.
pub fn decode_head(text: &[u8], limit: u64) -> Result<RawHead, DecodeError> {
    decode_as(text, limit)
}

fn decode_as<T: DeserializeOwned>(text: &[u8], limit: u64) -> Result<T, DecodeError> {
    let packed = decode_base64(text).ok_or(DecodeError::Base64)?;
    if packed.len() > GZIP_MAGIC.len() && packed.starts_with(&GZIP_MAGIC) {
        let json = inflate(&packed, limit)?;
        drop(packed);
        return parse_json(&json);
    }
    if packed.len() as u64 > limit {
        return Err(DecodeError::TooLarge { limit });
    }
    parse_json(&packed)
}

/// Standard base64; line breaks are skipped, as Go's decoder does.
pub(super) fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    if text.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        let compact: Vec<u8> = text.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
        return STANDARD.decode(compact).ok();
    }
    STANDARD.decode(text).ok()
}

fn inflate(packed: &[u8], limit: u64) -> Result<Vec<u8>, DecodeError> {
    let mut json = Vec::with_capacity(announced_size(packed, limit));
    let read = MultiGzDecoder::new(packed).take(limit.saturating_add(1)).read_to_end(&mut json);
    if json.len() as u64 > limit {
        return Err(DecodeError::TooLarge { limit });
    }
    read.map_err(|_| DecodeError::Gzip)?;
    Ok(json)
}

/// The size that the gzip trailer names, as far as it can be true: it saves growing the buffer, and a lie in it costs little.
fn announced_size(packed: &[u8], limit: u64) -> usize {
    let size = packed.last_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    let plausible = packed.len().saturating_mul(32);
    (size as usize).saturating_add(1).min(plausible).min(usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Reads the JSON of a release. Bytes that are no UTF-8 become U+FFFD, as in Go.
pub(super) fn parse_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, DecodeError> {
    // Checking first is far faster than the lossy reader, which goes through valid text byte by byte.
    let text = std::str::from_utf8(json).map_or_else(|_| String::from_utf8_lossy(json), Cow::Borrowed);
    serde_json::from_str(&text).map_err(|error| json_error(&error))
}

/// serde's own message may quote the value it stumbled over; only its class and position are kept.
pub(super) fn json_error(error: &serde_json::Error) -> DecodeError {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "ends too early",
        serde_json::error::Category::Syntax => "is no valid JSON",
        serde_json::error::Category::Data | serde_json::error::Category::Io => "is not the JSON of a release",
    };
    DecodeError::Json { line: error.line(), column: error.column(), what }
}

/// Splits a storage key `sh.helm.release.v1.<name>.v<revision>` at the last `.v`: names may hold dots and `.v2` themselves.
pub fn split_key(key: &str) -> Option<(String, super::Revision)> {
    let (name, revision) = key.strip_prefix(KEY_PREFIX)?.rsplit_once(".v")?;
    let decimal = !revision.is_empty() && revision.bytes().all(|byte| byte.is_ascii_digit());
    (!name.is_empty() && decimal).then_some((name.to_owned(), revision.parse().ok()?))
}

/// The storage key of a revision (`pkg/storage/storage.go` `makeKey`).
pub fn make_key(name: &str, revision: super::Revision) -> String {
    format!("{KEY_PREFIX}{name}.v{revision}")
}

const KEY_PREFIX: &str = "sh.helm.release.v1.";

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn keys_split_at_the_last_v() {
        assert_eq!(split_key("sh.helm.release.v1.shop.v12"), Some(("shop".to_owned(), 12)));
        assert_eq!(split_key("sh.helm.release.v1.a.v2.b.v3"), Some(("a.v2.b".to_owned(), 3)));
        assert_eq!(split_key("sh.helm.release.v1.a.v2.v7"), Some(("a.v2".to_owned(), 7)));
        assert_eq!(split_key(&make_key("a.v2", 7)), Some(("a.v2".to_owned(), 7)));
        for bad in [
            "sh.helm.release.v1.shop",
            "sh.helm.release.v1..v1",
            "sh.helm.release.v1.shop.vx",
            "shop.v1",
            "sh.helm.release.v1.a.v+1",
        ] {
            assert_eq!(split_key(bad), None, "{bad}");
        }
    }

    #[test]
    fn compressed_and_plain_payloads_are_read() {
        let json = br#"{"name":"shop","version":3,"info":{"status":"deployed"}}"#;
        for payload in [gzip(json), json.to_vec()] {
            let record = decode_payload(STANDARD.encode(payload).as_bytes(), 1000).unwrap();
            assert_eq!((record.name.as_str(), record.version), ("shop", 3));
        }
    }

    #[test]
    fn a_payload_over_the_limit_names_the_limit() {
        let bomb = STANDARD.encode(gzip(&vec![b' '; 1 << 20]));
        assert_eq!(decode_payload(bomb.as_bytes(), 1000).err(), Some(DecodeError::TooLarge { limit: 1000 }));
        let plain = STANDARD.encode(vec![b' '; 2000]);
        let error = decode_payload(plain.as_bytes(), 1000).err().unwrap();
        assert!(error.to_string().contains("1000 bytes"), "{error}");
    }

    #[test]
    fn damage_is_told_apart_and_never_quoted() {
        let good = STANDARD.encode(gzip(br#"{"name":"hunter2"}"#));
        assert_eq!(decode_payload(&good.as_bytes()[..good.len() - 3], 1000).err(), Some(DecodeError::Base64));
        let whole = gzip(br#"{"name":"hunter2"}"#);
        let cut = STANDARD.encode(&whole[..whole.len() - 6]);
        assert_eq!(decode_payload(cut.as_bytes(), 1000).err(), Some(DecodeError::Gzip));
        let wrong = STANDARD.encode(br#"{"version":"hunter2"}"#);
        let error = decode_payload(wrong.as_bytes(), 1000).err().unwrap().to_string();
        assert!(error.contains("is not the JSON of a release") && !error.contains("hunter2"), "{error}");
    }
}
