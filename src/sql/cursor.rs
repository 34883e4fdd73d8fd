//! A place in the tokens of one statement, and the small questions a reader asks there.

use super::dialect::Dialect;
use super::lexer::{Token, TokenKind, decode_name, decode_text};
use super::name::{Ident, Name};

/// Reads forward over tokens; every method leaves the place alone where its question is answered with no.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    pub source: &'a str,
    pub dialect: Dialect,
    /// How many bodies this text stands in: a reader of nested text stops at [`MAX_DEPTH`].
    pub depth: u32,
    tokens: &'a [Token],
    at: usize,
}

/// Bodies in bodies (`DO` in `EXECUTE` in `DO` …) that are read; what is deeper stays unread and counts as not understood.
pub const MAX_DEPTH: u32 = 6;

impl<'a> Cursor<'a> {
    pub fn new(source: &'a str, tokens: &'a [Token], dialect: Dialect) -> Self {
        Cursor { source, dialect, depth: 0, tokens, at: 0 }
    }

    pub fn at_depth(self, depth: u32) -> Self {
        Cursor { depth, ..self }
    }

    pub fn is_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    pub fn token(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    /// The text of the token `ahead` of the next one; empty at the end.
    pub fn text_at(&self, ahead: usize) -> &'a str {
        self.tokens.get(self.at + ahead).map_or("", |token| token.text(self.source))
    }

    pub fn kind_at(&self, ahead: usize) -> Option<TokenKind> {
        self.tokens.get(self.at + ahead).map(|token| token.kind)
    }

    /// Line of the next token in the statement's text, from 1; of the last one at the end.
    pub fn line(&self) -> u32 {
        self.token().or_else(|| self.tokens.last().copied()).map_or(1, |token| token.line)
    }

    /// The next `count` tokens, the place after them.
    pub fn take_count(&mut self, count: usize) -> Cursor<'a> {
        let start = self.at;
        self.at = (start + count).min(self.tokens.len());
        self.slice(start, self.at)
    }

    /// Number of tokens that are left.
    pub fn remaining(&self) -> usize {
        self.tokens.len() - self.at
    }

    pub fn skip(&mut self) -> Option<Token> {
        let token = self.token()?;
        self.at += 1;
        Some(token)
    }

    /// Whether the next words are these, whatever their case; a quoted name is never a keyword.
    pub fn is(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(ahead, word)| self.is_word_at(ahead, word))
    }

    pub fn is_word_at(&self, ahead: usize, word: &str) -> bool {
        self.kind_at(ahead) == Some(TokenKind::Word) && self.text_at(ahead).eq_ignore_ascii_case(word)
    }

    pub fn is_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_word_at(0, word))
    }

    /// Takes these words if they are next.
    pub fn take(&mut self, words: &[&str]) -> bool {
        let found = self.is(words);
        if found {
            self.at += words.len();
        }
        found
    }

    pub fn take_word(&mut self, word: &str) -> bool {
        self.take(&[word])
    }

    /// Takes the first of these words that is next.
    pub fn take_one_of<'w>(&mut self, words: &[&'w str]) -> Option<&'w str> {
        let found = words.iter().copied().find(|word| self.is_word_at(0, word))?;
        self.at += 1;
        Some(found)
    }

    pub fn is_symbol(&self, symbol: &str) -> bool {
        self.kind_at(0) == Some(TokenKind::Symbol) && self.text_at(0) == symbol
    }

    pub fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        if found {
            self.at += 1;
        }
        found
    }

    pub fn take_if_exists(&mut self) -> bool {
        self.take(&["IF", "EXISTS"])
    }

    pub fn take_if_not_exists(&mut self) -> bool {
        self.take(&["IF", "NOT", "EXISTS"])
    }

    /// A name part: a word or a quoted name. MySQL and SQLite take strings for names in places, `take_ident_or_text` does.
    pub fn take_ident(&mut self) -> Option<Ident> {
        let token = self.token()?;
        let text = token.text(self.source);
        let ident = match token.kind {
            TokenKind::Word => Ident::new(self.dialect, text, false),
            TokenKind::Quoted => Ident::new(self.dialect, &decode_name(text), true),
            _ => return None,
        };
        self.at += 1;
        Some(ident)
    }

    pub fn take_ident_or_text(&mut self) -> Option<Ident> {
        if self.kind_at(0) == Some(TokenKind::Text) {
            return Some(Ident::new(self.dialect, &self.take_text()?, true));
        }
        self.take_ident()
    }

    /// `a`, `schema.a`, `database.schema.a`.
    pub fn take_name(&mut self) -> Option<Name> {
        let mut name = Name::bare(self.take_ident_or_text()?);
        while self.is_symbol(".") {
            let mut ahead = *self;
            ahead.at += 1;
            let Some(part) = ahead.take_ident_or_text() else { break };
            *self = ahead;
            name = Name { schema: Some(name.name), name: part };
        }
        Some(name)
    }

    /// `a, b, c`.
    pub fn take_names(&mut self) -> Vec<Name> {
        let mut names = Vec::new();
        while let Some(name) = self.take_name() {
            names.push(name);
            if !self.take_symbol(",") {
                break;
            }
        }
        names
    }

    /// The decoded value of a string.
    pub fn take_text(&mut self) -> Option<String> {
        let token = self.token().filter(|token| token.kind == TokenKind::Text)?;
        self.at += 1;
        Some(decode_text(token.text(self.source), self.dialect))
    }

    pub fn take_number(&mut self) -> Option<i64> {
        let negative = self.is_symbol("-");
        let ahead = usize::from(negative);
        let value: i64 = match self.kind_at(ahead) {
            Some(TokenKind::Number) => self.text_at(ahead).parse().ok()?,
            _ => return None,
        };
        self.at += ahead + 1;
        Some(if negative { -value } else { value })
    }

    /// What stands in the parentheses that are next, the place after them; an open one ends with the statement.
    pub fn take_parenthesised(&mut self) -> Option<Cursor<'a>> {
        if !self.is_symbol("(") {
            return None;
        }
        let start = self.at + 1;
        let (mut depth, mut end) = (0usize, self.tokens.len());
        for (offset, token) in self.tokens[self.at..].iter().enumerate() {
            match (token.kind, token.text(self.source)) {
                (TokenKind::Symbol, "(") => depth += 1,
                (TokenKind::Symbol, ")") if depth <= 1 => {
                    end = self.at + offset;
                    break;
                }
                (TokenKind::Symbol, ")") => depth -= 1,
                _ => {}
            }
        }
        self.at = (end + 1).min(self.tokens.len());
        Some(self.slice(start.min(end), end))
    }

    /// The tokens up to one of these words or symbols outside parentheses and brackets, or to the end; the place is before it.
    pub fn take_until(&mut self, is_stop: impl Fn(&Cursor<'a>) -> bool) -> Cursor<'a> {
        let start = self.at;
        let mut depth = 0usize;
        while let Some(token) = self.token() {
            let text = token.text(self.source);
            if depth == 0 && is_stop(self) {
                break;
            }
            match (token.kind, text) {
                (TokenKind::Symbol, "(" | "[") => depth += 1,
                (TokenKind::Symbol, ")" | "]") => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
        }
        self.slice(start, self.at)
    }

    /// The parts between commas outside parentheses and brackets, of all that is left.
    pub fn split_commas(mut self) -> Vec<Cursor<'a>> {
        let mut parts = Vec::new();
        while !self.is_end() {
            parts.push(self.take_until(|here| here.is_symbol(",")));
            self.take_symbol(",");
        }
        parts
    }

    /// All that is left.
    pub fn rest(&self) -> Cursor<'a> {
        self.slice(self.at, self.tokens.len())
    }

    /// The source of all that is left, comments inside included.
    pub fn source_text(&self) -> &'a str {
        match (self.token(), self.tokens.last()) {
            (Some(first), Some(last)) => self.source.get(first.start as usize..last.end as usize).unwrap_or_default(),
            _ => "",
        }
    }

    /// The tokens that are left.
    pub fn tokens(&self) -> &'a [Token] {
        &self.tokens[self.at..]
    }

    fn slice(&self, start: usize, end: usize) -> Cursor<'a> {
        Cursor { tokens: &self.tokens[start..end], at: 0, ..*self }
    }
}
