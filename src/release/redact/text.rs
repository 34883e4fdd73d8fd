//! Credentials inside running text: files in ConfigMaps, shell commands, notes, messages.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::line;
use super::names::{Place, is_credential, is_reference};

/// What a trigger sets off.
#[derive(Clone, Copy)]
enum Finder {
    /// Part of a name that may be a credential's: looks at what follows the whole name.
    Name,
    Url,
    PrivateKey,
    /// `Bearer TOKEN`, `Basic BASE64`: length of the word.
    Scheme(usize),
    /// A token known by its prefix: how many characters follow at least.
    Token(usize),
    /// A client whose short flags carry passwords.
    Program,
    /// `IDENTIFIED BY 'x'`.
    Identified,
}

/// Texts without any of these hold nothing to find. Compared without case.
const TRIGGERS: &[(&str, Finder)] = &[
    ("pass", Finder::Name),
    ("pwd", Finder::Name),
    ("secret", Finder::Name),
    ("token", Finder::Name),
    ("key", Finder::Name),
    ("dsn", Finder::Name),
    ("credential", Finder::Name),
    ("conn", Finder::Name),
    ("auth", Finder::Name),
    ("jwt", Finder::Name),
    ("bearer", Finder::Name),
    ("webhook", Finder::Name),
    ("://", Finder::Url),
    ("-----begin ", Finder::PrivateKey),
    ("bearer ", Finder::Scheme(7)),
    ("basic ", Finder::Scheme(6)),
    ("mysql", Finder::Program),
    ("mariadb", Finder::Program),
    ("redis-cli", Finder::Program),
    ("curl", Finder::Program),
    ("sshpass", Finder::Program),
    ("mongo", Finder::Program),
    ("ldap", Finder::Program),
    ("sqlcmd", Finder::Program),
    ("identified", Finder::Identified),
    ("AKIA", Finder::Token(16)),
    ("ASIA", Finder::Token(16)),
    ("ghp_", Finder::Token(30)),
    ("gho_", Finder::Token(30)),
    ("ghs_", Finder::Token(30)),
    ("ghu_", Finder::Token(30)),
    ("ghr_", Finder::Token(30)),
    ("github_pat_", Finder::Token(30)),
    ("glpat-", Finder::Token(16)),
    ("xoxb-", Finder::Token(16)),
    ("xoxp-", Finder::Token(16)),
    ("xoxa-", Finder::Token(16)),
    ("xapp-", Finder::Token(16)),
    ("sk_live_", Finder::Token(16)),
    ("rk_live_", Finder::Token(16)),
    ("hvs.", Finder::Token(20)),
    ("npm_", Finder::Token(30)),
    ("dop_v1_", Finder::Token(40)),
    ("AIza", Finder::Token(30)),
    ("eyJ", Finder::Token(30)),
];

static TRIGGER: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let words = TRIGGERS.iter().map(|(word, _)| *word);
    AhoCorasick::builder().ascii_case_insensitive(true).build(words).expect("a short fixed list of literals always builds")
});

/// Byte ranges of `text` that look like credentials, in order and without overlap.
pub(super) fn credentials(text: &str) -> Vec<Range<usize>> {
    if text.len() < 6 {
        return Vec::new();
    }
    let mut spans = Vec::new();
    // Names and lines that were looked at: one may hold several triggers.
    let (mut name_end, mut program_line) = (0, None);
    for found in TRIGGER.find_overlapping_iter(text) {
        let at = found.start();
        let (word, finder) = TRIGGERS[found.pattern().as_usize()];
        match finder {
            Finder::Name if at < name_end => {}
            Finder::Name => name_end = named(text, at, &mut spans),
            Finder::Url => url_password(text, found.end(), &mut spans),
            Finder::PrivateKey => private_key(text, found.end(), &mut spans),
            Finder::Scheme(length) => scheme(text, at + length, &mut spans),
            Finder::Token(length) => known_token(text, at, word, length, &mut spans),
            Finder::Program | Finder::Identified => {
                let line = line_around(text, at);
                if program_line.replace(line.start) != Some(line.start) {
                    shifted(&mut spans, line.start, |found| {
                        line::flags(&text[line.clone()], found);
                        line::identified(&text[line.clone()], found);
                    });
                }
            }
        }
    }
    merge(spans)
}

fn line_around(text: &str, at: usize) -> Range<usize> {
    let start = text[..at].rfind('\n').map_or(0, |at| at + 1);
    let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    start..end
}

/// Looks at the name around `at`; the answer is where it ends.
fn named(text: &str, at: usize, spans: &mut Vec<Range<usize>>) -> usize {
    let start = text[..at].bytes().rposition(|byte| !line::is_name(byte)).map_or(0, |at| at + 1);
    let end = text[at..].bytes().position(|byte| !line::is_name(byte)).map_or(text.len(), |end| at + end);
    if is_credential(text[start..end].trim_matches('-'), Place::Field) {
        let line = line_around(text, at);
        shifted(spans, line.start, |found| line::named(&text[line.clone()], start - line.start..end - line.start, found));
    }
    end
}

fn shifted(spans: &mut Vec<Range<usize>>, offset: usize, find: impl FnOnce(&mut Vec<Range<usize>>)) {
    let from = spans.len();
    find(spans);
    for span in &mut spans[from..] {
        *span = offset + span.start..offset + span.end;
    }
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

/// The body of a PEM block with a private key, also where line breaks are written as `\n`. Certificates are public.
fn private_key(text: &str, label_start: usize, spans: &mut Vec<Range<usize>>) {
    let label = text[label_start..].split("-----").next().unwrap_or_default();
    if label.len() > 60 || !label.contains("PRIVATE KEY") {
        return;
    }
    let body = (label_start + label.len() + 5).min(text.len());
    let end = text[body..].find("-----END").map_or(text.len(), |end| body + end);
    spans.push(body..end);
}

/// The password in `scheme://user:password@host`, or a long token in `scheme://token@host`. `start` is after the slashes.
fn url_password(text: &str, start: usize, spans: &mut Vec<Range<usize>>) {
    let rest = &text[start..];
    let rest = &rest[..rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`')).unwrap_or(rest.len())];
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // A raw slash or question mark in a password ends the authority too early: look at the whole word if what follows the colon is no port.
    let at_sign = rest[..authority].rfind('@').or_else(|| {
        let after_colon = rest[..authority].split_once(':')?.1;
        if after_colon.bytes().all(|byte| byte.is_ascii_digit()) { None } else { rest.rfind('@') }
    });
    let Some(at_sign) = at_sign else { return };
    match rest[..at_sign].find(':') {
        Some(colon) => push_value(text, start + colon + 1..start + at_sign, spans),
        None if at_sign >= 20 => spans.push(start..start + at_sign),
        None => {}
    }
}

/// Adds a value unless it is empty or only names a variable.
pub(super) fn push_value(text: &str, span: Range<usize>, spans: &mut Vec<Range<usize>>) {
    let value = &text[span.clone()];
    if !value.is_empty() && !is_reference("password", value) {
        spans.push(span);
    }
}

fn known_token(text: &str, at: usize, prefix: &str, length: usize, spans: &mut Vec<Range<usize>>) {
    // The trigger is found without case, the prefix has one.
    if !text[at..].starts_with(prefix) || text[..at].ends_with(|c: char| c.is_ascii_alphanumeric()) {
        return;
    }
    let tail = &text[at + prefix.len()..];
    let end = tail.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))).unwrap_or(tail.len());
    // A JSON Web Token has three parts; anything else that begins so is base64 of some JSON.
    let complete = prefix != "eyJ" || tail[..end].matches('.').count() == 2;
    if end >= length && complete {
        spans.push(at..at + prefix.len() + end);
    }
}

/// The token after `Bearer` or `Basic`, in headers and messages.
fn scheme(text: &str, start: usize, spans: &mut Vec<Range<usize>>) {
    let tail = &text[start..];
    let end = tail
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '~' | '+' | '/' | '=')))
        .unwrap_or(tail.len());
    // Words follow these words in prose; tokens are long and have digits or both cases.
    let token = &tail.as_bytes()[..end];
    let both_cases = token.iter().any(u8::is_ascii_uppercase) && token.iter().any(u8::is_ascii_lowercase);
    if token.len() >= 8 && (both_cases || token.iter().any(u8::is_ascii_digit)) {
        spans.push(start..start + end);
    }
}

/// Whether `name: value` or `name=value` in a text is a credential.
pub(super) fn is_secret_pair(name: &str, value: &str) -> bool {
    !value.is_empty() && is_credential(name, Place::Field) && !is_reference(name, value)
}
