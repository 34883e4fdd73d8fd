//! Words, strings, numbers and symbols of the languages that migrations are written in; comments are left out.

/// A programming language, as far as its strings, comments and blocks go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Ruby,
    Python,
    Js,
    Php,
    CSharp,
    Elixir,
    Go,
    Rust,
    Java,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tok {
    /// An identifier or keyword; Ruby's and Elixir's may end with `?` or `!`.
    Word(String),
    /// Decoded; `filled` where a value is put in at run time.
    Text {
        text: String,
        filled: bool,
    },
    Number(String),
    /// `name:` of Ruby, Elixir.
    Label(String),
    /// Ruby's `%w[a b]`.
    Words(Vec<String>),
    Symbol(&'static str),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub tok: Tok,
    pub line: u32,
    /// First column of the line it stands in, for languages that indent.
    pub indent: u32,
    /// It is the first of its line.
    pub first: bool,
    /// White space stands in front of it.
    pub spaced: bool,
}

const SYMBOLS: &[&str] = &[
    "<<=", "**=", "...", "===", "!==", "<=>", "&&=", "||=", "?->", "??=", ">>=", "->", "=>", "::", "==", "!=", "<=", ">=", "&&",
    "||", "++", "--", "+=", "-=", "*=", "/=", ".=", "?.", "&.", "??", "<<", ">>", "|>", "<>", "..", "**", ":=", "<-", "(", ")",
    "[", "]", "{", "}", ",", ";", ":", ".", "=", "+", "-", "*", "/", "%", "<", ">", "!", "?", "|", "&", "^", "~", "@", "#", "$",
    "\\", "'", "\"",
];

/// Every token of a file; never fails.
pub(super) fn lex(text: &str, language: Language) -> Vec<Token> {
    let mut lexer = Lexer {
        rest: text.strip_prefix('\u{feff}').unwrap_or(text),
        language,
        line: 1,
        indent: 0,
        first: true,
        spaced: false,
        heredocs: Vec::new(),
        out: Vec::new(),
    };
    lexer.run();
    lexer.out
}

struct Lexer<'a> {
    rest: &'a str,
    language: Language,
    line: u32,
    indent: u32,
    first: bool,
    spaced: bool,
    /// Ruby heredocs that start on the next line: tag, interpolated, token to fill.
    heredocs: Vec<(String, bool, usize)>,
    out: Vec<Token>,
}

impl<'a> Lexer<'a> {
    fn run(&mut self) {
        if self.language == Language::Php
            && let Some(at) = self.rest.find("<?php")
        {
            self.advance(at + 5);
        }
        self.measure();
        while let Some(c) = self.rest.chars().next() {
            self.step(c);
        }
    }

    fn step(&mut self, c: char) {
        if c == '\n' {
            return self.new_line();
        }
        if c.is_whitespace() {
            self.advance(c.len_utf8());
            self.spaced = true;
            return;
        }
        if let Some(length) = self.comment() {
            self.advance(length);
            self.spaced = true;
            return;
        }
        if self.string(c) || self.word(c) || self.number(c) {
            return;
        }
        let symbol = SYMBOLS.iter().find(|symbol| self.rest.starts_with(**symbol));
        match symbol {
            Some(symbol) => {
                self.push(Tok::Symbol(symbol));
                self.advance(symbol.len());
            }
            None => self.advance(c.len_utf8()),
        }
        self.spaced = false;
    }

    fn new_line(&mut self) {
        self.advance(1);
        self.first = true;
        self.spaced = true;
        for (tag, filled, at) in std::mem::take(&mut self.heredocs) {
            self.heredoc_body(&tag, filled, at);
        }
        self.measure();
    }

    fn measure(&mut self) {
        let blank = self.rest.len() - self.rest.trim_start_matches([' ', '\t']).len();
        self.indent = blank as u32;
    }

    fn advance(&mut self, length: usize) {
        let mut length = length.min(self.rest.len());
        while !self.rest.is_char_boundary(length) {
            length += 1;
        }
        let (passed, rest) = self.rest.split_at(length);
        self.line += passed.bytes().filter(|byte| *byte == b'\n').count() as u32;
        self.rest = rest;
    }

    fn push(&mut self, tok: Tok) {
        let token = Token { tok, line: self.line, indent: self.indent, first: self.first, spaced: self.spaced };
        self.first = false;
        self.spaced = false;
        self.out.push(token);
    }

    /// Length of the comment that starts here.
    fn comment(&self) -> Option<usize> {
        let rest = self.rest;
        let to_end = || rest.find('\n').unwrap_or(rest.len());
        let hash = matches!(self.language, Language::Ruby | Language::Python | Language::Php | Language::Elixir);
        match self.language {
            Language::Ruby if self.first && rest.starts_with("=begin") => {
                return Some(rest.find("\n=end").map_or(rest.len(), |at| at + 5));
            }
            Language::Ruby if self.first && rest.starts_with("__END__") => return Some(rest.len()),
            Language::CSharp if self.first && rest.starts_with('#') => return Some(to_end()),
            _ if hash && rest.starts_with('#') => return Some(to_end()),
            Language::Ruby | Language::Python | Language::Elixir => return None,
            _ => {}
        }
        if rest.starts_with("//") {
            return Some(to_end());
        }
        rest.starts_with("/*").then(|| rest.find("*/").map_or(rest.len(), |at| at + 2))
    }

    fn string(&mut self, c: char) -> bool {
        match self.language {
            Language::Ruby => self.ruby(c),
            Language::Python => self.python(c),
            Language::Elixir => self.elixir(c),
            Language::CSharp => self.csharp(),
            Language::Php => self.php(c),
            Language::Rust => self.rust(c),
            Language::Js => matches!(c, '"' | '\'' | '`') && self.quoted(0, c, c == '`', true),
            Language::Go if c == '`' => self.raw(1, "`", false),
            Language::Java if self.rest.starts_with("\"\"\"") => self.raw(3, "\"\"\"", false),
            Language::Java | Language::Go => {
                c == '"' && self.quoted(0, '"', false, true) || c == '\'' && self.quoted(0, '\'', false, true)
            }
        }
    }

    fn ruby(&mut self, c: char) -> bool {
        if c == '<' && self.rest.starts_with("<<") && self.heredoc_start() {
            return true;
        }
        if c == '%' && self.percent() {
            return true;
        }
        if c == ':' && self.atom() {
            return true;
        }
        matches!(c, '"' | '\'' | '`') && self.quoted(0, c, c != '\'', c != '\'') && self.text_label()
    }

    /// `"name": value` is a label as well.
    fn text_label(&mut self) -> bool {
        let is_label = self.rest.starts_with(':') && !self.rest.starts_with("::");
        if is_label
            && let Some(Token { tok: Tok::Text { text, .. }, .. }) = self.out.last().cloned().as_ref()
            && let Some(last) = self.out.last_mut()
        {
            last.tok = Tok::Label(text.clone());
            self.advance(1);
        }
        true
    }

    fn elixir(&mut self, c: char) -> bool {
        if self.rest.starts_with("\"\"\"") {
            return self.raw(3, "\"\"\"", true);
        }
        if c == '~' {
            let after = self.rest[1..].trim_start_matches(|c: char| c.is_ascii_alphabetic());
            let head = self.rest.len() - after.len();
            if head == 1 {
                return false;
            }
            if after.starts_with("\"\"\"") {
                return self.raw(head + 3, "\"\"\"", true);
            }
            return match after.chars().next().and_then(closing) {
                Some(close) => self.raw(head + 1, close, true),
                None => false,
            };
        }
        if c == ':' && self.atom() {
            return true;
        }
        matches!(c, '"' | '\'') && self.quoted(0, c, true, true) && self.text_label()
    }

    /// `:name`, `:"name"`.
    fn atom(&mut self) -> bool {
        let rest = &self.rest[1..];
        if rest.starts_with('"') {
            return self.quoted(1, '"', true, true);
        }
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '?' | '!')).collect();
        let starts = name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
        if !starts || self.rest.starts_with("::") {
            return false;
        }
        let length = 1 + name.len();
        self.push(Tok::Text { text: name, filled: false });
        self.advance(length);
        true
    }

    fn percent(&mut self) -> bool {
        let kind = self.rest[1..].chars().next().unwrap_or(' ');
        let head = if "wWiIqQ".contains(kind) { 2 } else { 1 };
        let Some(open) = self.rest.get(head..).and_then(|rest| rest.chars().next()) else { return false };
        let is_bracket = matches!(open, '(' | '[' | '{' | '<' | '|' | '!');
        let Some(close) = closing(open).filter(|_| is_bracket && (head == 2 || matches!(open, '(' | '{' | '['))) else {
            return false;
        };
        let body = &self.rest[head + 1..];
        let end = nested_end(body, open, close);
        let inner = body[..end].to_owned();
        if "wWiI".contains(kind) {
            self.push(Tok::Words(inner.split_whitespace().map(str::to_owned).collect()));
        } else {
            let filled = kind != 'q' && inner.contains("#{");
            self.push(Tok::Text { text: inner, filled });
        }
        self.advance(head + 1 + end + close.len());
        true
    }

    fn heredoc_start(&mut self) -> bool {
        let body = self.rest[2..].trim_start_matches(['~', '-']);
        let marked = self.rest.len() - 2 - body.len() > 0;
        let quote = body.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'));
        let name: String =
            body[quote.map_or(0, char::len_utf8)..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let upper =
            name.chars().next().is_some_and(|c| c.is_ascii_uppercase() || (marked && c.is_alphabetic()) || quote.is_some());
        if name.is_empty() || !upper {
            return false;
        }
        let length = self.rest.len() - body.len() + name.len() + quote.map_or(0, |_| 2);
        self.push(Tok::Text { text: String::new(), filled: false });
        self.heredocs.push((name, quote != Some('\''), self.out.len() - 1));
        self.advance(length);
        true
    }

    fn heredoc_body(&mut self, tag: &str, filled: bool, at: usize) {
        let (mut length, mut text) = (0, String::new());
        for line in self.rest.split_inclusive('\n') {
            length += line.len();
            if line.trim().trim_end_matches(';') == tag {
                break;
            }
            text.push_str(line);
        }
        let filled = filled && text.contains("#{");
        if let Some(token) = self.out.get_mut(at) {
            token.tok = Tok::Text { text, filled };
        }
        self.advance(length);
    }

    fn python(&mut self, c: char) -> bool {
        let prefix = self.rest.chars().take_while(|c| "rRbBfFuU".contains(*c)).count();
        let quote = self.rest[prefix..].chars().next().unwrap_or(' ');
        if !matches!(quote, '"' | '\'') || prefix > 2 || (prefix > 0 && !c.is_ascii_alphabetic()) {
            return false;
        }
        let letters = self.rest[..prefix].to_ascii_lowercase();
        let triple = if quote == '"' { "\"\"\"" } else { "'''" };
        if self.rest[prefix..].starts_with(triple) {
            self.raw(prefix + 3, triple, false);
        } else {
            self.quoted(prefix, quote, false, !letters.contains('r'));
        }
        if letters.contains('f')
            && let Some(Token { tok: Tok::Text { text, filled }, .. }) = self.out.last_mut()
        {
            *filled = text.contains('{');
        }
        true
    }

    fn csharp(&mut self) -> bool {
        let sigils = self.rest.chars().take_while(|c| matches!(c, '@' | '$')).count();
        let letters = &self.rest[..sigils];
        let (verbatim, filled) = (letters.contains('@'), letters.contains('$'));
        let body = &self.rest[sigils..];
        let done = if body.starts_with("\"\"\"") {
            self.raw(sigils + 3, "\"\"\"", false)
        } else if verbatim && body.starts_with('"') {
            self.doubled(sigils)
        } else if body.starts_with('"') {
            self.quoted(sigils, '"', false, true)
        } else {
            return sigils == 0 && body.starts_with('\'') && self.quoted(0, '\'', false, true);
        };
        if filled && let Some(Token { tok: Tok::Text { text, filled }, .. }) = self.out.last_mut() {
            *filled = text.contains('{');
        }
        done
    }

    /// `@"…""…"`.
    fn doubled(&mut self, sigils: usize) -> bool {
        let body = &self.rest[sigils + 1..];
        let mut end = 0;
        loop {
            match body[end..].find('"') {
                Some(at) if body[end + at..].starts_with("\"\"") => end += at + 2,
                Some(at) => break end += at,
                None => break end = body.len(),
            }
        }
        let text = body[..end].replace("\"\"", "\"");
        self.push(Tok::Text { text, filled: false });
        self.advance(sigils + 2 + end);
        true
    }

    fn php(&mut self, c: char) -> bool {
        if let Some(after) = self.rest.strip_prefix("<<<") {
            let body = after.trim_start_matches([' ', '"', '\'']);
            let name: String = body.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let Some(start) = self.rest.find('\n') else { return false };
            let mut end = start + 1;
            let mut text = String::new();
            for line in self.rest[start + 1..].split_inclusive('\n') {
                let trimmed = line.trim_start();
                if trimmed.strip_prefix(name.as_str()).is_some_and(|r| !r.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
                {
                    end += line.len() - trimmed.len() + name.len();
                    break;
                }
                text.push_str(line);
                end += line.len();
            }
            let filled = !after.trim_start().starts_with('\'') && text.contains("{$");
            self.push(Tok::Text { text, filled });
            self.advance(end);
            return true;
        }
        match c {
            '\'' => self.quoted(0, '\'', false, false),
            '"' => self.quoted(0, '"', true, true),
            _ => false,
        }
    }

    fn rust(&mut self, c: char) -> bool {
        if c == 'r' || self.rest.starts_with("br") {
            let head = if c == 'r' { 1 } else { 2 };
            let hashes = self.rest[head..].chars().take_while(|c| *c == '#').count();
            if self.rest[head + hashes..].starts_with('"') {
                let close = format!("\"{}", "#".repeat(hashes));
                return self.raw(head + hashes + 1, &close, false);
            }
        }
        if c == '\'' {
            let mut chars = self.rest.chars().skip(1);
            let (one, two) = (chars.next(), chars.next());
            return (one == Some('\\') || two == Some('\'')) && self.quoted(0, '\'', false, true);
        }
        c == '"' && self.quoted(0, '"', false, true)
    }

    /// From `head` bytes on to `close`, nothing decoded.
    fn raw(&mut self, head: usize, close: &str, interpolated: bool) -> bool {
        let Some(body) = self.rest.get(head..) else { return false };
        let end = body.find(close).unwrap_or(body.len());
        let text = body[..end].to_owned();
        let filled = interpolated && text.contains("#{");
        self.push(Tok::Text { text, filled });
        self.advance(head + end + close.len());
        true
    }

    /// A quoted string whose quote stands after `head` bytes; a backslash keeps the next character from closing it.
    fn quoted(&mut self, head: usize, quote: char, interpolated: bool, escapes: bool) -> bool {
        let body = &self.rest[head + quote.len_utf8()..];
        let (mut text, mut end, mut filled) = (String::new(), body.len(), false);
        let mut chars = body.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c == '\n'
                && quote != '`'
                && matches!(self.language, Language::Js | Language::CSharp | Language::Go | Language::Java)
            {
                end = at;
                break;
            }
            if c == quote {
                end = at + quote.len_utf8();
                break;
            }
            if c == '\\' {
                let next = chars.next().map_or(' ', |(_, c)| c);
                push_escape(&mut text, next, quote, escapes);
                continue;
            }
            if interpolated && self.is_hole(&body[at..]) {
                filled = true;
            }
            text.push(c);
        }
        self.push(Tok::Text { text, filled });
        self.advance(head + quote.len_utf8() + end);
        true
    }

    fn is_hole(&self, rest: &str) -> bool {
        match self.language {
            Language::Js => rest.starts_with("${"),
            Language::Php => {
                rest.starts_with("{$") || rest.starts_with('$') && rest[1..].starts_with(|c: char| c.is_alphabetic())
            }
            _ => rest.starts_with("#{"),
        }
    }

    fn word(&mut self, c: char) -> bool {
        let dollar = c == '$' && matches!(self.language, Language::Php | Language::Js);
        let at = c == '@' && matches!(self.language, Language::Ruby | Language::Elixir);
        if !(c.is_alphabetic() || c == '_' || dollar || at) {
            return false;
        }
        let head = if dollar || at { 1 } else { 0 };
        let js = self.language == Language::Js;
        let name: String =
            self.rest[head..].chars().take_while(|c| c.is_alphanumeric() || *c == '_' || (js && *c == '$')).collect();
        let mut length = head + name.len();
        let marks = matches!(self.language, Language::Ruby | Language::Elixir);
        if marks && self.rest[length..].starts_with(['?', '!']) && !self.rest[length + 1..].starts_with('=') {
            length += 1;
        }
        let word = self.rest[..length].to_owned();
        if length == 1 && head == 1 {
            return false;
        }
        let after = &self.rest[length..];
        let label = marks && after.starts_with(':') && !after.starts_with("::") && self.is_label_place(after);
        if label {
            self.push(Tok::Label(word));
            self.advance(length + 1);
        } else {
            self.push(Tok::Word(word));
            self.advance(length);
        }
        true
    }

    /// In `a ? b : c` a space stands before the colon; `a ?b:c` is not written.
    fn is_label_place(&self, after: &str) -> bool {
        !after[1..].starts_with(|c: char| c.is_alphanumeric()) || after.len() > 1 && after[1..].starts_with(char::is_whitespace)
    }

    fn number(&mut self, c: char) -> bool {
        if !c.is_ascii_digit() {
            return false;
        }
        let mut length = 0;
        let mut before = ' ';
        for c in self.rest.chars() {
            let next = self.rest[length + c.len_utf8()..].chars().next().unwrap_or(' ');
            let dot = c == '.' && next.is_ascii_digit() && before.is_ascii_digit();
            if !(c.is_ascii_alphanumeric() || c == '_' || dot) {
                break;
            }
            before = c;
            length += c.len_utf8();
        }
        let text = self.rest[..length].replace('_', "");
        self.push(Tok::Number(text));
        self.advance(length);
        true
    }
}

fn closing(open: char) -> Option<&'static str> {
    Some(match open {
        '(' => ")",
        '[' => "]",
        '{' => "}",
        '<' => ">",
        '|' => "|",
        '!' => "!",
        '"' => "\"",
        '\'' => "'",
        '/' => "/",
        _ => return None,
    })
}

/// Where the bracket that was opened in front of `body` closes.
fn nested_end(body: &str, open: char, close: &str) -> usize {
    let mut depth = 0usize;
    for (at, c) in body.char_indices() {
        if body[at..].starts_with(close) {
            if depth == 0 {
                return at;
            }
            depth -= 1;
        } else if c == open {
            depth += 1;
        }
    }
    body.len()
}

fn push_escape(text: &mut String, next: char, quote: char, escapes: bool) {
    match next {
        'n' if escapes => text.push('\n'),
        't' if escapes => text.push('\t'),
        'r' if escapes => text.push('\r'),
        '0' if escapes => text.push('\0'),
        '\n' => {}
        c if c == quote || c == '\\' || escapes => text.push(c),
        c => {
            text.push('\\');
            text.push(c);
        }
    }
}
