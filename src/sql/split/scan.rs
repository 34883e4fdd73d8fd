//! The steps over a script: one blank, comment, string, word or mark at a time.

use std::io::BufRead;

use super::placeholder::{self, REACH};
use super::{RawStatement, Splitter};
use crate::sql::dialect::Dialect;

/// What is kept of a word: no keyword is longer.
const LONGEST_WORD: usize = 32;

/// A line with a client's directive is not longer than this.
const DIRECTIVE: usize = 256;

impl<R: BufRead> Splitter<R> {
    /// Goes one piece on; gives the statement that ends there.
    pub(super) fn step(&mut self) -> Option<RawStatement> {
        if !self.draft.is_started() && self.delimiter == b";" && self.skip_empty() {
            return None;
        }
        let byte = self.input.peek(0);
        if self.fresh && !byte.is_ascii_whitespace() {
            self.fresh = false;
            if let Some(found) = self.directive(byte) {
                return found;
            }
        }
        match byte {
            byte if byte.is_ascii_whitespace() => self.space(),
            0xef if self.input.starts_with(&[0xef, 0xbb, 0xbf]) => {
                self.input.take(3);
            }
            b'-' if self.is_dash_comment() => self.line_comment(),
            b'#' if self.dialect.is_mysql() => self.line_comment(),
            b'/' if self.is_comment() => self.comment(),
            b'\\' if self.dialect == Dialect::PostgreSql => return self.backslash(),
            _ => return self.code(byte),
        }
        None
    }

    /// Ends the statement; the next one counts on.
    pub(super) fn finish(&mut self) -> Option<RawStatement> {
        let takes_rows = self.draft.blocks.takes_rows();
        let statement = self.draft.finish(self.number + 1, self.dialect)?;
        self.number += 1;
        if takes_rows {
            self.skip_rows();
        }
        Some(statement)
    }

    fn space(&mut self) {
        let window = self.input.window();
        let count = window.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(window.len());
        let blanks = self.input.take(count);
        self.fresh |= blanks.contains(&b'\n');
        if self.draft.is_started() {
            self.draft.push(blanks);
        }
    }

    /// Blanks and empty statements between statements; whether there were any.
    fn skip_empty(&mut self) -> bool {
        let window = self.input.window();
        let is_empty = |byte: &u8| *byte == b';' || byte.is_ascii_whitespace();
        let count = window.iter().position(|byte| !is_empty(byte)).unwrap_or(window.len());
        let skipped = self.input.take(count);
        if let Some(last) = skipped.iter().rev().find(|byte| matches!(byte, b';' | b'\n')) {
            self.fresh = *last == b'\n';
        }
        count > 0
    }

    fn is_dash_comment(&mut self) -> bool {
        self.input.peek(1) == b'-' && (!self.dialect.is_mysql() || self.input.peek(2) <= b' ')
    }

    fn line_comment(&mut self) {
        self.input.take_line(|_| {});
        self.draft.blank(b"");
    }

    /// MySQL's executable comments are code.
    fn is_comment(&mut self) -> bool {
        let executable = self.dialect.is_mysql() && self.input.peek(2) == b'!'
            || self.dialect == Dialect::MariaDb && self.input.peek(2) == b'M' && self.input.peek(3) == b'!';
        self.input.peek(1) == b'*' && !executable
    }

    fn comment(&mut self) {
        let nests = matches!(self.dialect, Dialect::PostgreSql | Dialect::MsSql);
        let mut depth = 1u64;
        self.input.take(2);
        while depth > 0 && self.input.ensure(1) {
            let window = self.input.window();
            let plain = window.iter().position(|byte| matches!(byte, b'*' | b'/')).unwrap_or(window.len());
            if plain > 0 {
                self.draft.blank(self.input.take(plain));
                continue;
            }
            let count = match (self.input.peek(0), self.input.peek(1)) {
                (b'/', b'*') if nests => {
                    depth += 1;
                    2
                }
                (b'*', b'/') => {
                    depth -= 1;
                    2
                }
                _ => 1,
            };
            self.input.take(count);
        }
        self.draft.blank(b"");
    }

    fn code(&mut self, byte: u8) -> Option<RawStatement> {
        if self.input.starts_with(&self.delimiter) && (self.delimiter != b";" || !self.draft.blocks.holds_semicolon()) {
            self.input.take(self.delimiter.len());
            return if self.draft.is_started() { self.finish() } else { None };
        }
        if self.draft.blocks.is_rows() && self.delimiter == b";" && self.plain_run() {
            return None;
        }
        if matches!(byte, b'{' | b'<' | b'$' | b'@' | b'%') && self.placeholder() {
            return None;
        }
        self.draft.start(self.input.line);
        match byte {
            b'\'' => self.string(b'\'', self.dialect.is_mysql()),
            b'"' if self.dialect.is_mysql() => self.string(b'"', true),
            b'"' | b'`' => self.quoted_name(byte),
            b'[' if self.dialect == Dialect::MsSql => self.quoted_name(b']'),
            b'$' if self.dialect == Dialect::PostgreSql => self.dollar(),
            byte if is_word(byte) => self.word(),
            _ => self.symbol(),
        }
        None
    }

    /// Between the strings of rows nothing but the delimiter matters; false where something that does is next.
    fn plain_run(&mut self) -> bool {
        let window = self.input.window();
        let length = window.iter().position(|byte| !is_plain(*byte)).unwrap_or(window.len());
        if length > 0 {
            self.draft.push(self.input.take(length));
        }
        length > 0
    }

    fn symbol(&mut self) {
        let byte = self.input.take(1);
        self.draft.blocks.symbol(byte[0]);
        self.draft.push(byte);
    }

    fn word(&mut self) {
        let mut word = [0; LONGEST_WORD];
        let mut kept = 0;
        while self.input.ensure(1) {
            let window = self.input.window();
            let length = window.iter().position(|byte| !is_word(*byte) && *byte != b'$').unwrap_or(window.len());
            let length = self.before_delimiter(length);
            if length == 0 {
                break;
            }
            let piece = self.input.take(length);
            let more = piece.len().min(LONGEST_WORD - kept);
            word[kept..kept + more].copy_from_slice(&piece[..more]);
            kept += more;
            self.draft.push(piece);
        }
        let word = &mut word[..kept];
        word.make_ascii_uppercase();
        self.draft.blocks.word(word);
        if self.dialect == Dialect::PostgreSql && word == b"E" && self.input.peek(0) == b'\'' {
            self.string(b'\'', true);
        }
    }

    /// MySQL's client ends a statement wherever the delimiter stands outside of quotes, as in `END$$`.
    fn before_delimiter(&mut self, length: usize) -> usize {
        if self.delimiter == b";" {
            return length;
        }
        self.input.ensure(length + self.delimiter.len());
        let (window, delimiter) = (self.input.window(), self.delimiter.as_slice());
        (0..length).find(|at| window[*at..].starts_with(delimiter)).unwrap_or(length)
    }

    fn quoted_name(&mut self, close: u8) {
        let start = self.draft.position();
        self.string(close, false);
        let found = placeholder::replace_in_name(self.draft.since(start));
        self.draft.templated |= found;
    }

    /// A string or quoted name, its first byte included; a doubled mark stands for itself.
    fn string(&mut self, close: u8, escapes: bool) {
        self.draft.push(self.input.take(1));
        while self.input.ensure(1) {
            let window = self.input.window();
            let is_mark = |byte: &u8| *byte == close || (escapes && *byte == b'\\');
            let plain = window.iter().position(is_mark).unwrap_or(window.len());
            if plain > 0 {
                self.draft.push(self.input.take(plain));
                continue;
            }
            let is_pair = self.input.peek(0) == b'\\' && escapes || self.input.peek(1) == close;
            let is_end = self.input.peek(0) == close && !is_pair;
            self.draft.push(self.input.take(1 + usize::from(is_pair)));
            if is_end {
                break;
            }
        }
        self.draft.blocks.symbol(close);
    }

    /// `$tag$ … $tag$`.
    fn dollar(&mut self) {
        self.input.ensure(66);
        let window = self.input.window();
        let length = window[1..].iter().take_while(|byte| is_word(**byte)).count() + 2;
        let is_tag = window.get(length - 1) == Some(&b'$') && !window[1].is_ascii_digit();
        if !is_tag {
            return self.symbol();
        }
        let tag = window[..length].to_vec();
        self.draft.push(self.input.take(length));
        while self.input.ensure(1) {
            if self.input.starts_with(&tag) {
                self.draft.push(self.input.take(length));
                break;
            }
            let rest = &self.input.window()[1..];
            let plain = 1 + rest.iter().position(|byte| *byte == b'$').unwrap_or(rest.len());
            self.draft.push(self.input.take(plain));
        }
        self.draft.blocks.symbol(b'$');
    }

    /// Whether a placeholder was next; it is replaced.
    fn placeholder(&mut self) -> bool {
        self.input.ensure(REACH);
        let Some(found) = placeholder::find(self.input.window()) else { return false };
        let line = self.input.line;
        let mut text = self.input.take(found.length).to_vec();
        self.draft.templated |= !found.end;
        if found.control {
            self.draft.blank(&text);
            return true;
        }
        self.draft.start(line);
        placeholder::name(&mut text);
        self.draft.push(&text);
        self.draft.blocks.word(b"_");
        true
    }

    /// A directive of a client at the beginning of a line; none where there is none.
    fn directive(&mut self, byte: u8) -> Option<Option<RawStatement>> {
        let is_candidate = match self.dialect {
            Dialect::MsSql => matches!(byte, b'g' | b'G'),
            Dialect::Oracle => byte == b'/',
            Dialect::Sqlite => byte == b'.' && !self.draft.is_started(),
            Dialect::MySql | Dialect::MariaDb => matches!(byte, b'd' | b'D') && !self.draft.is_started(),
            Dialect::PostgreSql => false,
        };
        if !is_candidate {
            return None;
        }
        let line = String::from_utf8_lossy(self.input.line_ahead(DIRECTIVE)).into_owned();
        let mut words = line.split_ascii_whitespace();
        let first = words.next()?.to_ascii_uppercase();
        match first.trim_end_matches(';') {
            "GO" if words.all(|word| word.parse::<u32>().is_ok() || word == ";") => self.skip_line(),
            "/" if words.next().is_none() => self.skip_line(),
            "DELIMITER" => {
                self.delimiter = words.next().unwrap_or(";").as_bytes().to_vec();
                self.skip_line();
            }
            ".READ" => return Some(self.line_statement()),
            word if word.starts_with('.') && word.len() > 1 && !word.as_bytes()[1].is_ascii_digit() => self.skip_line(),
            _ => return None,
        }
        Some(self.finish())
    }

    fn skip_line(&mut self) {
        self.input.take_line(|_| {});
    }

    /// The rest of the line as a statement of its own.
    fn line_statement(&mut self) -> Option<RawStatement> {
        self.draft.start(self.input.line);
        let draft = &mut self.draft;
        self.input.take_line(|piece| draft.push(piece));
        self.finish()
    }

    /// psql's meta-commands: those that run something else are handed on, `\g` and its kin end the statement.
    fn backslash(&mut self) -> Option<RawStatement> {
        const HANDED_ON: [&str; 13] = [
            "\\i",
            "\\ir",
            "\\include",
            "\\include_relative",
            "\\connect",
            "\\c",
            "\\if",
            "\\elif",
            "\\else",
            "\\endif",
            "\\copy",
            "\\gexec",
            "\\!",
        ];
        let line = String::from_utf8_lossy(self.input.line_ahead(DIRECTIVE)).into_owned();
        let word = line.split_ascii_whitespace().next().unwrap_or_default();
        if self.draft.is_started() {
            if !word.starts_with("\\g") {
                self.symbol();
                return None;
            }
            let is_end = word != "\\gexec";
            if is_end {
                self.skip_line();
            }
            // `\gexec` is met again at the beginning of the next statement.
            return self.finish();
        }
        if HANDED_ON.contains(&word) {
            return self.line_statement();
        }
        self.skip_line();
        None
    }

    /// The rows behind COPY, up to a line with `\.`.
    fn skip_rows(&mut self) {
        self.skip_line();
        self.input.take(1);
        while self.input.ensure(1) {
            let is_end = matches!(self.input.line_ahead(3), b"\\." | b"\\.\r");
            self.skip_line();
            self.input.take(1);
            if is_end {
                break;
            }
        }
        self.fresh = true;
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Bytes of rows that neither open nor end anything; `e` can open a string with escapes.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b',' | b'(' | b')' | b' ' | b'.')
}
