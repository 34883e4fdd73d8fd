//! The plain values that were redacted, kept only to remove them from foreign text.

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Shorter values are ordinary words too often: removing them would garble every message.
const MIN_LENGTH: usize = 6;
/// Up to this length a value is only removed where it stands as a word.
const WORD_LENGTH: usize = 10;
/// Bounds of what is kept.
const MAX_VALUES: usize = 20_000;
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Values that stand in Secrets and are no secret: removing them would hide what a message is about.
const ORDINARY: &[&str] = &[
    "admin",
    "default",
    "disabled",
    "enabled",
    "example",
    "grafana",
    "localhost",
    "mariadb",
    "mongodb",
    "password",
    "postgres",
    "postgresql",
    "production",
    "rabbitmq",
    "require",
    "secret",
    "username",
];

#[derive(Default)]
pub(super) struct Memory {
    values: BTreeSet<String>,
    /// Names of objects: a Secret's user name may be the name of the Deployment as well.
    names: BTreeSet<String>,
    bytes: usize,
    finder: Option<AhoCorasick>,
}

impl Memory {
    /// Remembers a value, the longer lines of a text, and how both look in base64 and JSON.
    pub fn remember(&mut self, plain: &str) {
        self.keep(plain);
        if plain.len() >= MIN_LENGTH {
            self.keep(&STANDARD.encode(plain));
            if let Ok(json) = serde_json::to_string(plain) {
                self.keep(json.trim_matches('"'));
            }
        }
        if plain.contains('\n') {
            for line in plain.lines().map(str::trim).filter(|line| line.len() > WORD_LENGTH) {
                self.keep(line);
            }
        }
    }

    fn keep(&mut self, value: &str) {
        let value = value.trim();
        let full = self.values.len() >= MAX_VALUES || self.bytes + value.len() > MAX_BYTES;
        if value.len() < MIN_LENGTH || full || ORDINARY.contains(&value) {
            return;
        }
        if self.values.insert(value.to_owned()) {
            self.bytes += value.len();
            self.finder = None;
        }
    }

    pub fn is_name(&mut self, name: &str) {
        if self.names.len() < MAX_VALUES && name.len() < 300 && self.names.insert(name.to_owned()) {
            self.finder = None;
        }
    }

    /// Every remembered value in `text` replaced.
    pub fn scrub(&mut self, text: &str) -> String {
        if self.values.is_empty() {
            return text.to_owned();
        }
        let names = &self.names;
        let values = self.values.iter().filter(|value| !names.contains(*value));
        // Texts are short and few: the automaton that is cheapest to build is the fastest here.
        let kind = Some(AhoCorasickKind::NoncontiguousNFA);
        let build = || AhoCorasick::builder().kind(kind).match_kind(MatchKind::LeftmostLongest).build(values);
        if self.finder.is_none() {
            self.finder = build().ok();
        }
        let Some(finder) = &self.finder else { return super::REDACTED_TEXT.to_owned() };
        let mut out = String::with_capacity(text.len());
        finder.replace_all_with(text, &mut out, |found, value, out| {
            let word = value.len() > WORD_LENGTH || stands_alone(text, found.start(), found.end());
            out.push_str(if word { super::REDACTED_TEXT } else { value });
            true
        });
        out
    }
}

fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let joins = |c: char| c.is_alphanumeric();
    !text[..start].ends_with(joins) && !text[end..].starts_with(joins)
}
