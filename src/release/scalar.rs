//! What a YAML scalar means to Helm: the YAML 1.1 resolution of `go.yaml.in/yaml/v2` (`resolve.go`), then the conversions of
//! `sigs.k8s.io/yaml` (YAML → JSON) and of `k8s.io/apimachinery` (JSON numbers → int64 or float64).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Number;

/// A resolved scalar. Timestamps are strings here, as `yaml/v2` gives them to untyped targets.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    /// Above `i64::MAX`.
    Uint(u64),
    Float(f64),
    String(String),
}

const STR: &str = "tag:yaml.org,2002:str";
const BOOL: &str = "tag:yaml.org,2002:bool";
const INT: &str = "tag:yaml.org,2002:int";
const FLOAT: &str = "tag:yaml.org,2002:float";
const NULL: &str = "tag:yaml.org,2002:null";
const TIMESTAMP: &str = "tag:yaml.org,2002:timestamp";
const BINARY: &str = "tag:yaml.org,2002:binary";

/// Resolves `text`. `plain` = written without quotes, or with the non-specific tag `!`.
pub(super) fn resolve(text: String, tag: Option<&str>, plain: bool) -> Result<Scalar, &'static str> {
    match tag.filter(|tag| !tag.is_empty()) {
        None if plain => Ok(resolve_plain(text)),
        None => Ok(Scalar::String(text)),
        // The parser hands `!` over as a tag; `resolve.go` does not know it and keeps the text.
        Some(STR) => Ok(Scalar::String(text)),
        Some(BINARY) => resolve_binary(&text),
        Some(TIMESTAMP) => resolve_timestamp(text),
        Some(tag @ (BOOL | INT | FLOAT | NULL)) => resolve_tagged(tag, text),
        Some(_) => Ok(Scalar::String(text)),
    }
}

fn resolve_binary(text: &str) -> Result<Scalar, &'static str> {
    // Go's decoder skips line breaks inside base64.
    let compact: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    let bytes = STANDARD.decode(compact).map_err(|_| "!!binary value contains invalid base64 data")?;
    Ok(Scalar::String(String::from_utf8_lossy(&bytes).into_owned()))
}

fn resolve_timestamp(text: String) -> Result<Scalar, &'static str> {
    if is_timestamp(&text) { Ok(Scalar::String(text)) } else { Err("cannot decode the value as a !!timestamp") }
}

fn resolve_tagged(tag: &str, text: String) -> Result<Scalar, &'static str> {
    match (tag, resolve_plain(text)) {
        (FLOAT, Scalar::Int(int)) => Ok(Scalar::Float(int as f64)),
        (BOOL, value @ Scalar::Bool(_))
        | (NULL, value @ Scalar::Null)
        | (INT, value @ (Scalar::Int(_) | Scalar::Uint(_)))
        | (FLOAT, value @ Scalar::Float(_)) => Ok(value),
        _ => Err("cannot decode the value as its tag says"),
    }
}

fn resolve_plain(text: String) -> Scalar {
    // The first byte decides what a scalar can be at all; most are words and end here.
    match text.as_bytes().first() {
        None => Scalar::Null,
        Some(b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~') => {
            word(&text).unwrap_or(Scalar::String(text))
        }
        Some(b'.') => word(&text).or_else(|| float(&text)).unwrap_or(Scalar::String(text)),
        Some(b'0'..=b'9' | b'+' | b'-') => word(&text).or_else(|| number(&text)).unwrap_or(Scalar::String(text)),
        Some(_) => Scalar::String(text),
    }
}

fn word(text: &str) -> Option<Scalar> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Scalar::Bool(false),
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn number(text: &str) -> Option<Scalar> {
    // Dates are strings, and a date never reads as a number either.
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    integer(&plain).or_else(|| float(&plain)).or_else(|| odd_binary(&plain))
}

/// Go's `strconv.ParseInt(text, 0, 64)`, then `ParseUint`: prefixes 0x, 0o, 0b, and a bare leading 0 for octal.
fn integer(text: &str) -> Option<Scalar> {
    let (negative, signed, digits) = match text.as_bytes().first()? {
        b'-' => (true, true, &text[1..]),
        b'+' => (false, true, &text[1..]),
        _ => (false, false, text),
    };
    let (radix, digits) = radix(digits);
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return 0i64.checked_sub_unsigned(magnitude).map(Scalar::Int);
    }
    match i64::try_from(magnitude) {
        Ok(int) => Some(Scalar::Int(int)),
        // ParseUint takes no sign.
        Err(_) if signed => None,
        Err(_) => Some(Scalar::Uint(magnitude)),
    }
}

fn radix(digits: &str) -> (u32, &str) {
    let bytes = digits.as_bytes();
    match (bytes.first(), bytes.get(1)) {
        (Some(b'0'), Some(b'x' | b'X')) => (16, &digits[2..]),
        (Some(b'0'), Some(b'o' | b'O')) => (8, &digits[2..]),
        (Some(b'0'), Some(b'b' | b'B')) => (2, &digits[2..]),
        (Some(b'0'), Some(_)) => (8, &digits[1..]),
        _ => (10, digits),
    }
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`, and in the range of a float64 (else the scalar is a string).
fn float(text: &str) -> Option<Scalar> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let good_mantissa = match mantissa.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty()),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let good_exponent = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    if !good_mantissa || !good_exponent {
        return None;
    }
    text.parse::<f64>().ok().filter(|float| float.is_finite()).map(Scalar::Float)
}

/// `resolve.go` also takes a sign after `0b`.
fn odd_binary(text: &str) -> Option<Scalar> {
    let digits = text.strip_prefix("0b")?;
    let (negative, magnitude) = match digits.as_bytes().first()? {
        b'-' => (true, &digits[1..]),
        b'+' => (false, &digits[1..]),
        _ => return None,
    };
    if magnitude.is_empty() || !magnitude.bytes().all(|b| matches!(b, b'0' | b'1')) {
        return None;
    }
    let magnitude = u64::from_str_radix(magnitude, 2).ok()?;
    let int = if negative { 0i64.checked_sub_unsigned(magnitude)? } else { i64::try_from(magnitude).ok()? };
    Some(Scalar::Int(int))
}

/// The forms that `resolve.go` `parseTimestamp` takes: `2006-1-2`, with `T`, `t` or a space before `15:4:5.9`, a zone only after a `T`.
fn is_timestamp(text: &str) -> bool {
    let Some((date, rest)) = text.find(['T', 't', ' ']).map(|at| text.split_at(at)).or(Some((text, ""))) else { return false };
    is_date(date) && (rest.is_empty() || is_time(&rest[1..], !rest.starts_with(' ')))
}

fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let (Some(year), Some(month), Some(day), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let number = |part: &str, range: std::ops::RangeInclusive<u32>| {
        (1..=2).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_digit())
            && part.parse().is_ok_and(|n| range.contains(&n))
    };
    year.len() == 4 && year.bytes().all(|b| b.is_ascii_digit()) && number(month, 1..=12) && number(day, 1..=31)
}

fn is_time(text: &str, needs_zone: bool) -> bool {
    let clock = match (needs_zone, text.strip_suffix('Z')) {
        (true, Some(clock)) => clock,
        (true, None) => match text.rfind(['+', '-']) {
            Some(at) => &text[..at],
            None => return false,
        },
        (false, _) => text,
    };
    let whole = clock.split('.').next().unwrap_or_default();
    let parts: Vec<&str> = whole.split(':').collect();
    parts.len() == 3 && parts.iter().all(|part| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
}

impl Scalar {
    /// As a JSON number read back by Kubernetes: whole floats are integers, `18446744073709551615` a float. `None` for NaN and infinities,
    /// which Go's JSON encoder refuses.
    pub(super) fn number(&self) -> Option<Number> {
        match *self {
            Scalar::Int(int) => Some(int.into()),
            Scalar::Uint(uint) => Number::from_f64(uint as f64),
            Scalar::Float(float) => whole(float).map(Number::from).or_else(|| Number::from_f64(float)),
            _ => None,
        }
    }

    /// As a mapping key (`sigs.k8s.io/yaml` `convertToJSONableObject`). Null and numbers above `i64::MAX` are no keys.
    pub(super) fn key(self) -> Result<String, &'static str> {
        match self {
            Scalar::String(text) => Ok(text),
            Scalar::Int(int) => Ok(int.to_string()),
            Scalar::Bool(flag) => Ok(flag.to_string()),
            Scalar::Float(float) => Ok(float_key(float)),
            Scalar::Null | Scalar::Uint(_) => Err("unsupported mapping key"),
        }
    }
}

/// Go writes floats below 1e21 without an exponent (shortest digits, then zeros), so such a JSON number reads back as an integer if it is one.
fn whole(float: f64) -> Option<i64> {
    if float.fract() == 0.0 && float.abs() < 1e21 { format!("{float}").parse().ok() } else { None }
}

/// Go's `strconv.FormatFloat(key, 'g', -1, 32)`: shortest digits of a float32, an exponent below 1e-4 and from 1e6 on.
fn float_key(float: f64) -> String {
    if float.is_nan() {
        return ".nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let short = float as f32;
    if short.is_infinite() {
        return if short > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{short:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    format!("{short}")
}
