//! Names that Rust's `#[derive(Iden)]` and `#[derive(DeriveIden)]` give to enums of tables and columns
//! (`sea-query-derive`, `sea-orm-macros/src/derives/derive_iden.rs`).

use std::collections::BTreeMap;

use super::lex::{Language, Tok, Token, lex};

/// Names by type and variant; a unit struct has the empty variant.
pub(super) type Idents = BTreeMap<(String, String), String>;

pub(super) fn idents(text: &str) -> Idents {
    let tokens = lex(text, Language::Rust);
    let mut scan = Scan { tokens: &tokens, at: 0, found: Idents::new() };
    let mut attributes = Attributes::default();
    while scan.at < tokens.len() {
        match scan.word() {
            "enum" => scan.named(&std::mem::take(&mut attributes)),
            "struct" => scan.unit(&std::mem::take(&mut attributes)),
            "pub" | "crate" => scan.at += 1,
            _ if scan.is("#") => scan.attribute(&mut attributes),
            _ => {
                if !scan.is("(") && !scan.is(")") {
                    attributes = Attributes::default();
                }
                scan.at += 1;
            }
        }
    }
    scan.found
}

#[derive(Default)]
struct Attributes {
    derived: bool,
    rename: Option<String>,
}

struct Scan<'a> {
    tokens: &'a [Token],
    at: usize,
    found: Idents,
}

impl Scan<'_> {
    fn word(&self) -> &str {
        match self.tokens.get(self.at).map(|token| &token.tok) {
            Some(Tok::Word(word)) => word,
            _ => "",
        }
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self.tokens.get(self.at).map(|token| &token.tok), Some(Tok::Symbol(found)) if *found == symbol)
    }

    /// `#[derive(DeriveIden)]`, `#[iden = "user"]`, `#[sea_orm(iden = "user")]`.
    fn attribute(&mut self, out: &mut Attributes) {
        self.at += 1;
        let mut open = 0i32;
        let mut names_it = false;
        while let Some(token) = self.tokens.get(self.at) {
            match &token.tok {
                Tok::Symbol("[" | "(") => open += 1,
                Tok::Symbol("]" | ")") => open -= 1,
                Tok::Word(word) => {
                    out.derived |= matches!(word.as_str(), "Iden" | "DeriveIden");
                    names_it |= matches!(word.as_str(), "iden" | "rename" | "table_name");
                }
                Tok::Text { text, .. } if names_it => out.rename = Some(text.clone()),
                _ => {}
            }
            self.at += 1;
            if open <= 0 {
                return;
            }
        }
    }

    fn unit(&mut self, attributes: &Attributes) {
        self.at += 1;
        let name = self.word().to_owned();
        if attributes.derived {
            let stored = attributes.rename.clone().unwrap_or_else(|| snake(&name));
            self.found.insert((name, String::new()), stored);
        }
    }

    fn named(&mut self, attributes: &Attributes) {
        self.at += 1;
        let name = self.word().to_owned();
        self.at += 1;
        if !attributes.derived || !self.is("{") {
            return;
        }
        self.at += 1;
        let mut own = Attributes::default();
        while self.at < self.tokens.len() && !self.is("}") {
            if self.is("#") {
                self.attribute(&mut own);
                continue;
            }
            let variant = self.word().to_owned();
            self.at += 1;
            if variant.is_empty() {
                continue;
            }
            let given = std::mem::take(&mut own).rename;
            let stored = match variant.as_str() {
                "Table" => given.or_else(|| attributes.rename.clone()).unwrap_or_else(|| snake(&name)),
                variant => given.unwrap_or_else(|| snake(variant)),
            };
            self.found.insert((name.clone(), variant), stored);
        }
    }
}

/// `heck`'s snake case: a word ends where a capital follows a small letter, and in front of the last capital of several.
fn snake(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::new();
    let mut small = false;
    for (at, c) in chars.iter().enumerate() {
        let ends_capitals = at > 0 && chars[at - 1].is_uppercase() && chars.get(at + 1).is_some_and(|next| next.is_lowercase());
        if c.is_uppercase() && (small || ends_capitals) && !out.ends_with('_') {
            out.push('_');
        }
        small = c.is_lowercase() || small && !c.is_uppercase();
        out.extend(c.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_derives() {
        let text = "#[derive(DeriveIden)]\npub enum UserGroup { Table, Id, #[sea_orm(iden = \"kind\")] Type, OAuth2State }\n#[derive(Iden)]\n#[iden = \"posts\"]\nenum Post { Table, HTTPCode }\n#[derive(Debug)]\nenum Other { Table }\n#[derive(DeriveIden)]\nstruct Tea;";
        let found = idents(text);
        let of = |kind: &str, variant: &str| found.get(&(kind.to_owned(), variant.to_owned())).map(String::as_str);
        assert_eq!(of("UserGroup", "Table"), Some("user_group"));
        assert_eq!(of("UserGroup", "Type"), Some("kind"));
        assert_eq!(of("UserGroup", "OAuth2State"), Some("o_auth2_state"));
        assert_eq!((of("Post", "Table"), of("Post", "HTTPCode")), (Some("posts"), Some("http_code")));
        assert_eq!((of("Other", "Table"), of("Tea", "")), (None, Some("tea")));
    }
}
