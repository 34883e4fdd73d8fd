//! Text to tokens: words, quoted names, strings, numbers, symbols. Comments vanish here, so nothing later sees what they say.

use super::dialect::Dialect;

/// What a token is. Its text is a slice of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A keyword or an unquoted name.
    Word,
    /// A name in quotes, backticks or brackets.
    Quoted,
    /// A string of any form: quoted, dollar-quoted, with a prefix.
    Text,
    Number,
    /// `$1`, `?`, `:name`, `@variable`, `@@variable`.
    Parameter,
    /// An operator or a mark, two or three characters where they belong together (`::`, `:=`, `->>`).
    Symbol,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: TokenKind,
    /// Byte offsets into the source.
    pub start: u32,
    pub end: u32,
    /// From 1, in the text that was given.
    pub line: u32,
}

impl Token {
    pub fn text<'a>(&self, source: &'a str) -> &'a str {
        source.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// Every token of `source`; never fails: what no rule covers is a symbol, an open string ends with the text.
pub fn lex(source: &str, dialect: Dialect) -> Vec<Token> {
    lex_up_to(source, dialect, usize::MAX)
}

/// The first `limit` tokens of `source`.
pub fn lex_up_to(source: &str, dialect: Dialect, limit: usize) -> Vec<Token> {
    let mut lexer = Lexer { source, bytes: source.as_bytes(), at: 0, counted: 0, line: 1, dialect, executable: 0 };
    let mut tokens = Vec::with_capacity((source.len() / 6).min(limit));
    while tokens.len() < limit
        && let Some(token) = lexer.next_token()
    {
        tokens.push(token);
    }
    tokens
}

/// The value of a string token: quotes and escapes undone.
pub fn decode_text(token: &str, dialect: Dialect) -> String {
    if let Some(body) = dollar_body(token) {
        return body.to_owned();
    }
    let Some(open) = token.find(['\'', '"']) else { return token.to_owned() };
    let quote = token.as_bytes()[open] as char;
    let escapes = dialect.is_mysql() || token[..open].eq_ignore_ascii_case("e");
    let inner = &token[open + 1..];
    let inner = inner.strip_suffix(quote).unwrap_or(inner);
    unescape(inner, quote, escapes)
}

/// The name in a quoted token: quotes undone.
pub fn decode_name(token: &str) -> String {
    let close = match token.chars().next() {
        Some('[') => ']',
        Some(quote @ ('"' | '`')) => quote,
        _ => return token.to_owned(),
    };
    let inner = &token[1..];
    inner.strip_suffix(close).unwrap_or(inner).replace(&format!("{close}{close}"), &close.to_string())
}

/// What stands between the tags of a dollar-quoted string.
pub fn dollar_body(token: &str) -> Option<&str> {
    let rest = token.strip_prefix('$')?;
    let tag = &token[..rest.find('$')? + 2];
    let body = token.strip_prefix(tag)?;
    Some(body.strip_suffix(tag).unwrap_or(body))
}

fn unescape(inner: &str, quote: char, escapes: bool) -> String {
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if escapes => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some('0') => out.push('\0'),
                Some(other) => out.push(other),
                None => {}
            },
            c if c == quote && chars.peek() == Some(&quote) => {
                chars.next();
                out.push(quote);
            }
            c => out.push(c),
        }
    }
    out
}

struct Lexer<'a> {
    source: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Line ends before this place are in `line`.
    counted: usize,
    line: u32,
    dialect: Dialect,
    /// Open `/*!` comments, whose text is executed.
    executable: u32,
}

impl Lexer<'_> {
    fn next_token(&mut self) -> Option<Token> {
        self.skip_blank();
        let start = self.at;
        self.line += line_ends(&self.bytes[self.counted..start]);
        self.counted = start;
        let first = *self.bytes.get(start)?;
        let kind = self.scan(first);
        if self.at == start {
            self.advance(1);
        }
        while !self.source.is_char_boundary(self.at) {
            self.at += 1;
        }
        Some(Token { kind, start: start as u32, end: self.at as u32, line: self.line })
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn advance(&mut self, count: usize) {
        self.at = (self.at + count).min(self.bytes.len());
    }

    fn skip_blank(&mut self) {
        loop {
            match self.peek(0) {
                0 if self.at >= self.bytes.len() => return,
                b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c => self.advance(1),
                0xef if self.peek(1) == 0xbb && self.peek(2) == 0xbf => self.advance(3),
                b'-' if self.peek(1) == b'-' && self.is_dash_comment() => self.skip_line(),
                b'#' if self.dialect.is_mysql() => self.skip_line(),
                b'/' if self.peek(1) == b'*' => self.open_comment(),
                b'*' if self.peek(1) == b'/' && self.executable > 0 => {
                    self.executable -= 1;
                    self.advance(2);
                }
                _ => return,
            }
        }
    }

    /// MySQL wants a blank after the dashes; `5--3` is arithmetic there.
    fn is_dash_comment(&self) -> bool {
        !self.dialect.is_mysql() || self.peek(2) <= b' '
    }

    fn skip_line(&mut self) {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        self.advance(length);
    }

    /// `/*!50100 …*/` and MariaDB's `/*M!…*/` are executed: only their marks are skipped.
    fn open_comment(&mut self) {
        let mark = match (self.peek(2), self.peek(3)) {
            (b'!', _) if self.dialect.is_mysql() => 3,
            (b'M', b'!') if self.dialect == Dialect::MariaDb => 4,
            _ => return self.skip_comment(),
        };
        self.advance(mark);
        while self.peek(0).is_ascii_digit() {
            self.advance(1);
        }
        self.executable += 1;
    }

    fn skip_comment(&mut self) {
        let nests = matches!(self.dialect, Dialect::PostgreSql | Dialect::MsSql);
        let mut depth = 0u32;
        while self.at < self.bytes.len() {
            match (self.peek(0), self.peek(1)) {
                (b'/', b'*') if nests || depth == 0 => {
                    depth += 1;
                    self.advance(2);
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.advance(2);
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.advance(1),
            }
        }
    }

    fn scan(&mut self, first: u8) -> TokenKind {
        match first {
            b'\'' => self.string(self.dialect.is_mysql()),
            b'"' if self.dialect.is_mysql() => self.string(true),
            b'"' => self.quoted(b'"'),
            b'`' => self.quoted(b'`'),
            b'[' if self.dialect == Dialect::MsSql || (self.dialect == Dialect::Sqlite && self.is_bracket_name()) => {
                self.quoted(b']')
            }
            b'$' => self.dollar(),
            b'?' => self.parameter(1),
            b'@' => self.parameter(1),
            b':' if is_word_start(self.peek(1)) && self.before() != b':' => self.parameter(1),
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_ascii_digit() && !is_word(self.before()) => self.number(),
            byte if is_word_start(byte) => self.word(),
            _ => self.symbol(),
        }
    }

    fn before(&self) -> u8 {
        self.at.checked_sub(1).map_or(0, |at| self.bytes[at])
    }

    fn is_bracket_name(&self) -> bool {
        let rest = &self.bytes[self.at + 1..];
        rest.first().is_some_and(|byte| is_word_start(*byte)) && rest.contains(&b']')
    }

    fn string(&mut self, escapes: bool) -> TokenKind {
        let quote = self.peek(0);
        self.advance(1);
        while self.at < self.bytes.len() {
            match self.peek(0) {
                b'\\' if escapes => self.advance(2),
                byte if byte == quote && self.peek(1) == quote => self.advance(2),
                byte if byte == quote => {
                    self.advance(1);
                    break;
                }
                _ => self.advance(1),
            }
        }
        TokenKind::Text
    }

    fn quoted(&mut self, close: u8) -> TokenKind {
        self.advance(1);
        while self.at < self.bytes.len() {
            match self.peek(0) {
                byte if byte == close && self.peek(1) == close => self.advance(2),
                byte if byte == close => {
                    self.advance(1);
                    break;
                }
                _ => self.advance(1),
            }
        }
        TokenKind::Quoted
    }

    /// `$1`, `$$ … $$`, `$tag$ … $tag$`.
    fn dollar(&mut self) -> TokenKind {
        if self.peek(1).is_ascii_digit() {
            return self.parameter(1);
        }
        let rest = &self.source[self.at..];
        let tag = rest[1..].find('$').map(|length| &rest[..length + 2]).filter(|tag| {
            self.dialect == Dialect::PostgreSql
                && tag[1..tag.len() - 1].bytes().all(is_word)
                && !tag[1..].starts_with(|c: char| c.is_ascii_digit())
        });
        let Some(tag) = tag else {
            self.advance(1);
            return TokenKind::Symbol;
        };
        let body = &rest[tag.len()..];
        let length = body.find(tag).map_or(rest.len(), |end| tag.len() + end + tag.len());
        self.advance(length);
        TokenKind::Text
    }

    fn parameter(&mut self, skip: usize) -> TokenKind {
        self.advance(skip);
        while self.peek(0) == b'@' || is_word(self.peek(0)) {
            self.advance(1);
        }
        TokenKind::Parameter
    }

    fn number(&mut self) -> TokenKind {
        let mut digits = true;
        while self.at < self.bytes.len() {
            match self.peek(0) {
                b'0'..=b'9' | b'.' | b'_' => self.advance(1),
                b'e' | b'E' if digits && (self.peek(1).is_ascii_digit() || matches!(self.peek(1), b'+' | b'-')) => {
                    self.advance(2)
                }
                b'x' | b'X' | b'a'..=b'f' | b'A'..=b'F' => {
                    digits = false;
                    self.advance(1);
                }
                _ => break,
            }
        }
        TokenKind::Number
    }

    fn word(&mut self) -> TokenKind {
        let start = self.at;
        while is_word(self.peek(0))
            || (self.peek(0) == b'$' && self.at > start)
            || (self.peek(0) == b'#' && self.dialect == Dialect::Oracle)
        {
            self.advance(1);
        }
        let word = &self.source[start..self.at];
        match self.peek(0) {
            b'\'' if ["e", "E"].contains(&word) && self.dialect == Dialect::PostgreSql => self.string(true),
            b'\'' if is_prefix(word) => self.string(self.dialect.is_mysql()),
            b'&' if word.eq_ignore_ascii_case("u") && matches!(self.peek(1), b'\'' | b'"') => {
                self.advance(1);
                if self.peek(0) == b'\'' { self.string(false) } else { self.quoted(b'"') }
            }
            b'"' if word.starts_with('_') && self.dialect.is_mysql() => self.string(true),
            _ => TokenKind::Word,
        }
    }

    fn symbol(&mut self) -> TokenKind {
        const LONG: [&str; 22] = [
            "->>", "#>>", "!~*", "<=>", "::", ":=", "=>", "<=", ">=", "<>", "!=", "||", "->", "#>", "@>", "<@", "!~", "~*", "&&",
            "<<", ">>", "**",
        ];
        let rest = &self.bytes[self.at..];
        let length = LONG.iter().find(|long| rest.starts_with(long.as_bytes())).map_or(1, |long| long.len());
        self.advance(length);
        TokenKind::Symbol
    }
}

fn line_ends(bytes: &[u8]) -> u32 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u32
}

fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_word(byte: u8) -> bool {
    is_word_start(byte) || byte.is_ascii_digit()
}

/// Prefixes of strings: national, binary and hexadecimal ones, MySQL's introducers (`_utf8mb4'…'`).
fn is_prefix(word: &str) -> bool {
    ["n", "N", "b", "B", "x", "X", "q", "Q"].contains(&word) || word.starts_with('_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str, dialect: Dialect) -> Vec<&str> {
        lex(source, dialect).iter().map(|token| token.text(source)).collect()
    }

    #[test]
    fn comments_and_strings_are_one_token_or_none() {
        let source = "-- DROP\n/* a /* b */ c */ SELECT 'it''s', E'\\'x', $$a;b$$, $f$ $$ $f$ # 1";
        let seen = texts(source, Dialect::PostgreSql);
        assert_eq!(seen, ["SELECT", "'it''s'", ",", "E'\\'x'", ",", "$$a;b$$", ",", "$f$ $$ $f$", "#", "1"]);
    }

    #[test]
    fn executable_comments_of_mysql_are_executed() {
        assert_eq!(texts("a /*!50100 DROP b */ c /* d */", Dialect::MySql), ["a", "DROP", "b", "c"]);
        assert_eq!(texts("a /*!50100 DROP b */ c", Dialect::PostgreSql), ["a", "c"]);
        assert_eq!(texts("a /*M! b */", Dialect::MariaDb), ["a", "b"]);
    }

    #[test]
    fn names_are_quoted_as_the_dialect_quotes_them() {
        let kinds = |source, dialect| lex(source, dialect).iter().map(|token| token.kind).collect::<Vec<_>>();
        assert_eq!(kinds("\"a\"", Dialect::PostgreSql), [TokenKind::Quoted]);
        assert_eq!(kinds("\"a\"", Dialect::MySql), [TokenKind::Text]);
        assert_eq!(kinds("[a]", Dialect::MsSql), [TokenKind::Quoted]);
        assert_eq!(kinds("a[1]", Dialect::PostgreSql).len(), 4);
        assert_eq!(decode_name("`a``b`"), "a`b");
        assert_eq!(decode_text("E'a\\'b'", Dialect::PostgreSql), "a'b");
        assert_eq!(decode_text("$t$x$t$", Dialect::PostgreSql), "x");
    }

    #[test]
    fn nothing_panics_on_open_ends() {
        for source in ["'", "\"", "$$", "$a", "/*", "--", "E'\\", "[", "`", ":", "é'", "/*!", "\u{feff}x", "1e", "U&"] {
            for dialect in crate::sql::dialect::DIALECTS {
                let tokens = lex(source, dialect);
                assert!(tokens.iter().all(|token| !token.text(source).is_empty()), "{source:?} in {dialect}");
            }
        }
    }
}
