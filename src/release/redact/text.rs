//! Credentials inside running text: files in ConfigMaps, shell commands, notes, messages.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::line;
use super::names::{Place, is_credential, is_reference};

/// Texts without any of these hold nothing that the finders below look for.
const TRIGGERS: &[&str] = &[
    "pass", "pwd", "secret", "token", "key", "dsn", "credential", "conn", "auth", "jwt", "bearer", "basic ", "://", "-----begin", "identified", "mysql",
    "mariadb", "redis-cli", "curl", "eyj", "akia", "asia", "ghp_", "gho_", "ghs_", "ghu_", "ghr_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "xoxa-",
    "xapp-", "sk_live_", "rk_live_", "hvs.", "npm_", "dop_v1_", "aiza", "webhook",
];

static TRIGGER: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder().ascii_case_insensitive(true).build(TRIGGERS).expect("a short fixed list of literals always builds")
});

/// Byte ranges of `text` that look like credentials, in order and without overlap.
pub(super) fn credentials(text: &str) -> Vec<Range<usize>> {
    if text.len() < 6 || !TRIGGER.is_match(text) {
        return Vec::new();
    }
    let mut spans = Vec::new();
    private_keys(text, &mut spans);
    url_passwords(text, &mut spans);
    known_tokens(text, &mut spans);
    schemes(text, &mut spans);
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if TRIGGER.is_match(line) {
            let mut found = Vec::new();
            line::assignments(line, &mut found);
            line::flags(line, &mut found);
            line::statements(line, &mut found);
            spans.extend(found.into_iter().map(|span| start + span.start..start + span.end));
        }
        start += line.len();
    }
    merge(spans)
}

/// `text` with these ranges replaced.
pub(super) fn mask(text: &str, spans: &[Range<usize>]) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut end = 0;
    for span in spans {
        masked.push_str(&text[end..span.start]);
        masked.push_str(super::REDACTED_TEXT);
        end = span.end;
    }
    masked.push_str(&text[end..]);
    masked
}

pub(super) fn merge(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.retain(|span| !span.is_empty());
    spans.sort_by_key(|span| (span.start, span.end));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

/// PEM blocks with a private key, also where line breaks are written as `\n`. Certificates are public.
fn private_keys(text: &str, spans: &mut Vec<Range<usize>>) {
    const BEGIN: &str = "-----BEGIN ";
    let mut from = 0;
    while let Some(at) = text[from..].find(BEGIN).map(|at| from + at) {
        let label = text[at + BEGIN.len()..].split("-----").next().unwrap_or_default();
        from = at + BEGIN.len();
        if label.len() > 60 || !label.contains("PRIVATE KEY") {
            continue;
        }
        let body = (from + label.len() + 5).min(text.len());
        let end = text[body..].find("-----END").map_or(text.len(), |end| body + end);
        spans.push(body..end);
        from = end;
    }
}

/// The password in `scheme://user:password@host`, or a long token in `scheme://token@host`.
fn url_passwords(text: &str, spans: &mut Vec<Range<usize>>) {
    for (at, _) in text.match_indices("://") {
        let start = at + 3;
        let rest = &text[start..];
        let rest = &rest[..rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`')).unwrap_or(rest.len())];
        let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        // A raw slash or question mark in a password ends the authority too early: look at the whole word if what follows the colon is no port.
        let at_sign = rest[..authority].rfind('@').or_else(|| {
            let after_colon = rest[..authority].split_once(':')?.1;
            if after_colon.bytes().all(|byte| byte.is_ascii_digit()) { None } else { rest.rfind('@') }
        });
        let Some(at_sign) = at_sign else { continue };
        match rest[..at_sign].find(':') {
            Some(colon) => push_value(text, start + colon + 1..start + at_sign, spans),
            None if at_sign >= 20 => spans.push(start..start + at_sign),
            None => {}
        }
    }
}

/// Adds a value unless it is empty or only names a variable.
pub(super) fn push_value(text: &str, span: Range<usize>, spans: &mut Vec<Range<usize>>) {
    let value = &text[span.clone()];
    if !value.is_empty() && !is_reference("password", value) {
        spans.push(span);
    }
}

/// Tokens that are recognised by their form: prefix, and how many characters of which kind follow at least.
fn known_tokens(text: &str, spans: &mut Vec<Range<usize>>) {
    const TOKENS: &[(&str, usize)] = &[
        ("AKIA", 16), ("ASIA", 16), ("ghp_", 30), ("gho_", 30), ("ghs_", 30), ("ghu_", 30), ("ghr_", 30), ("github_pat_", 30), ("glpat-", 16),
        ("xoxb-", 16), ("xoxp-", 16), ("xoxa-", 16), ("xapp-", 16), ("sk_live_", 16), ("rk_live_", 16), ("hvs.", 20), ("npm_", 30), ("dop_v1_", 40),
        ("AIza", 30), ("eyJ", 30),
    ];
    for (prefix, length) in TOKENS {
        for (at, _) in text.match_indices(prefix) {
            let glued = text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
            let tail = &text[at + prefix.len()..];
            let end = tail.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))).unwrap_or(tail.len());
            // A JSON Web Token has three parts; anything else that begins so is base64 of some JSON.
            let complete = *prefix != "eyJ" || tail[..end].matches('.').count() == 2;
            if !glued && end >= *length && complete {
                spans.push(at..at + prefix.len() + end);
            }
        }
    }
}

/// `Bearer TOKEN`, `Basic BASE64`, in headers and messages.
fn schemes(text: &str, spans: &mut Vec<Range<usize>>) {
    for scheme in ["bearer ", "basic "] {
        let mut from = 0;
        while let Some(at) = find_ignoring_case(&text[from..], scheme).map(|at| from + at) {
            let start = at + scheme.len();
            let tail = &text[start..];
            let end = tail.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '~' | '+' | '/' | '='))).unwrap_or(tail.len());
            // Words follow these words in prose; tokens have digits or both cases, and are long.
            let token = &tail[..end];
            let mixed = token.bytes().any(|b| b.is_ascii_digit()) || token.bytes().any(|b| b.is_ascii_uppercase()) && token.bytes().any(|b| b.is_ascii_lowercase());
            if token.len() >= 8 && mixed {
                spans.push(start..start + end);
            }
            from = start;
        }
    }
}

fn find_ignoring_case(text: &str, needle: &str) -> Option<usize> {
    text.as_bytes().windows(needle.len()).position(|window| window.eq_ignore_ascii_case(needle.as_bytes()))
}

/// Whether `name: value` or `name=value` in a text is a credential.
pub(super) fn is_secret_pair(name: &str, value: &str) -> bool {
    !value.is_empty() && is_credential(name, Place::Field) && !is_reference(name, value)
}
