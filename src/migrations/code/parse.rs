//! Tokens to statements: one tolerant parser for the languages that migrations are written in.

use super::ast::{Call, Function, Node, NodeKind, Value};
use super::lex::{Language, Tok, Token, lex};

/// Deeper nesting is not written by persons; what is inside is left out.
const MAX_DEPTH: u32 = 64;

/// The statements of a file.
pub(super) fn parse(text: &str, language: Language) -> Vec<Node> {
    let tokens = lex(text, language);
    let mut parser = Parser::new(&tokens, language);
    let mut out = Vec::new();
    while parser.at < tokens.len() {
        let before = parser.at;
        parser.statements(&mut out, 0);
        if parser.at == before {
            parser.at += 1;
        }
    }
    out
}

pub(super) struct Parser<'a> {
    tokens: &'a [Token],
    pub(super) language: Language,
    pub(super) at: usize,
    depth: u32,
    /// Inside brackets, where a new line means nothing.
    brackets: u32,
    /// In arguments without parentheses: `do` belongs to the outer call.
    no_do: bool,
}

impl<'a> Parser<'a> {
    fn new(tokens: &'a [Token], language: Language) -> Self {
        Parser { tokens, language, at: 0, depth: 0, brackets: 0, no_do: false }
    }

    fn token(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    fn tok(&self, ahead: usize) -> Option<&'a Tok> {
        self.tokens.get(self.at + ahead).map(|token| &token.tok)
    }

    fn line(&self) -> u32 {
        self.token().or(self.tokens.last()).map_or(1, |token| token.line)
    }

    fn is(&self, symbol: &str) -> bool {
        self.is_at(0, symbol)
    }

    fn is_at(&self, ahead: usize, symbol: &str) -> bool {
        matches!(self.tok(ahead), Some(Tok::Symbol(s)) if *s == symbol)
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = self.is(symbol);
        self.at += usize::from(found);
        found
    }

    fn word(&self) -> &'a str {
        self.word_at(0)
    }

    fn word_at(&self, ahead: usize) -> &'a str {
        match self.tok(ahead) {
            Some(Tok::Word(word)) => word,
            _ => "",
        }
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.word() == word;
        self.at += usize::from(found);
        found
    }

    fn ends_blocks(&self) -> bool {
        matches!(self.language, Language::Ruby | Language::Elixir)
    }

    /// A new line ends a statement where no bracket is open.
    fn by_lines(&self) -> bool {
        matches!(self.language, Language::Ruby | Language::Elixir | Language::Python | Language::Js | Language::Go)
    }

    /// The expression ends in front of the next token because it stands on a new line.
    fn at_new_line(&self) -> bool {
        let Some(token) = self.token() else { return true };
        token.first && self.brackets == 0 && self.by_lines() && !self.continues()
    }

    fn continues(&self) -> bool {
        let python = self.language == Language::Python;
        let js = self.language == Language::Js;
        match self.tok(0) {
            Some(Tok::Symbol(s)) => {
                !python && matches!(*s, "." | "&." | "?." | "|>" | "&&" | "||")
                    || js && matches!(*s, "+" | "?" | ":" | "??")
                    || self.language == Language::Elixir && *s == "<>"
            }
            _ => false,
        }
    }

    /// Statements up to what closes the block; for Python those that are indented more than `indent` says.
    fn statements(&mut self, out: &mut Vec<Node>, indent: u32) {
        if self.depth >= MAX_DEPTH {
            self.skip_block();
            return;
        }
        self.depth += 1;
        let (brackets, no_do) = (std::mem::take(&mut self.brackets), std::mem::take(&mut self.no_do));
        while let Some(token) = self.token() {
            if self.closes(token, indent) {
                break;
            }
            let before = self.at;
            if !self.take(";") {
                self.statement(out);
            }
            if self.at == before {
                self.at += 1;
            }
        }
        (self.brackets, self.no_do) = (brackets, no_do);
        self.depth -= 1;
    }

    fn closes(&self, token: &Token, indent: u32) -> bool {
        match (&token.tok, self.language) {
            (_, Language::Python) => token.first && token.indent < indent || self.is(")") || self.is("]"),
            (Tok::Word(word), Language::Ruby | Language::Elixir) => {
                matches!(word.as_str(), "end" | "else" | "elsif" | "when" | "rescue" | "ensure" | "after" | "catch")
                    && !(self.is_at(1, ".") || word == "after" && self.language == Language::Ruby)
                    || word == "in" && token.first
            }
            (Tok::Symbol(s), _) => matches!(*s, "}" | ")" | "]"),
            _ => false,
        }
    }

    /// Past the rest of a block that is too deep.
    fn skip_block(&mut self) {
        let mut open = 0i32;
        while let Some(token) = self.token() {
            match &token.tok {
                Tok::Symbol("{" | "(" | "[") => open += 1,
                Tok::Symbol("}" | ")" | "]") if open == 0 => return,
                Tok::Symbol("}" | ")" | "]") => open -= 1,
                _ => {}
            }
            self.at += 1;
        }
    }

    fn statement(&mut self, out: &mut Vec<Node>) {
        let line = self.line();
        let start = out.len();
        self.modifiers();
        if self.branch_label() {
            return;
        }
        if !self.ends_blocks() && self.language != Language::Python && (self.is("{") || self.is("=>")) {
            // A block of its own, or the arm of a `match`.
            if !self.take("=>") || self.is("{") {
                self.brace_or_one(out);
            }
            return;
        }
        match self.word() {
            "" => {}
            "def" | "defp" | "defmacro" if self.language != Language::Js => return self.define(out, line),
            "function" | "func" | "fn" if !self.ends_blocks() && !self.word_at(1).is_empty() => return self.define(out, line),
            "class" | "module" | "defmodule" | "interface" | "namespace" | "trait" if !self.word_at(1).is_empty() => {
                return self.class(out, line);
            }
            "return" => {
                self.at += 1;
                let value = (!self.at_end_of_value()).then(|| self.value());
                out.push(Node { line, kind: NodeKind::Return(value) });
                return self.trailing(out, start);
            }
            "raise" | "throw" => {
                self.at += 1;
                let value = if self.at_end_of_value() { Value::Null } else { self.value() };
                out.push(Node { line, kind: NodeKind::Raise(value) });
                return self.trailing(out, start);
            }
            "import" | "from" | "use" | "using" | "package" if !self.ends_blocks() && !self.is_at(1, "(") => {
                return self.skip_line();
            }
            "impl" if self.language == Language::Rust => {
                self.skip_to_brace();
                return self.brace_or_one(out);
            }
            word if self.is_control(word) => return self.control(out),
            _ => {}
        }
        if self.method(out, line) {
            return;
        }
        if let Some(name) = self.assigned() {
            let value = self.value();
            out.push(Node { line, kind: NodeKind::Assign(name, value) });
            return self.trailing(out, start);
        }
        let value = self.value();
        out.push(Node { line, kind: NodeKind::Expr(value) });
        self.trailing(out, start);
    }

    /// `case x:` and `default:` of a switch.
    fn branch_label(&mut self) -> bool {
        let braces = matches!(self.language, Language::Js | Language::Php | Language::CSharp | Language::Go | Language::Java);
        let default = matches!(self.tok(0), Some(Tok::Label(label)) if label == "default");
        if !braces || !(default || self.word() == "case" || self.word() == "default" && self.is_at(1, ":")) {
            return false;
        }
        let label = |tok: &Tok| matches!(tok, Tok::Label(_) | Tok::Symbol(":" | ";" | "}" | "{"));
        let length = self.tokens[self.at..].iter().take(24).position(|token| label(&token.tok));
        let ends = length.is_some_and(|ahead| matches!(self.tok(ahead), Some(Tok::Label(_) | Tok::Symbol(":"))));
        if ends {
            self.at += length.unwrap_or_default() + 1;
        }
        ends
    }

    /// `export async`, `public static` and the like, attributes, decorators.
    fn modifiers(&mut self) {
        loop {
            let word = self.word();
            let next_is_word = !self.word_at(1).is_empty();
            match self.language {
                Language::Python if self.is("@") => self.skip_line(),
                Language::Python if word == "async" => self.at += 1,
                Language::CSharp if self.is("[") => self.skip_brackets(),
                Language::Rust if self.is("#") => {
                    self.at += 1;
                    self.take("!");
                    self.skip_brackets();
                }
                Language::Rust if matches!(word, "pub" | "async" | "unsafe") && next_is_word => self.at += 1,
                Language::Js | Language::CSharp | Language::Php
                    if next_is_word
                        && matches!(
                            word,
                            "export"
                                | "default"
                                | "async"
                                | "public"
                                | "private"
                                | "protected"
                                | "static"
                                | "override"
                                | "final"
                                | "abstract"
                                | "sealed"
                                | "partial"
                                | "readonly"
                                | "virtual"
                                | "internal"
                        ) =>
                {
                    self.at += 1;
                }
                Language::Js if word == "export" && matches!(self.tok(1), Some(Tok::Symbol("="))) => return,
                _ => return,
            }
        }
    }

    fn skip_line(&mut self) {
        let mut open = 0i32;
        self.at += 1;
        while let Some(token) = self.token() {
            match &token.tok {
                Tok::Symbol("(" | "{" | "[") => open += 1,
                Tok::Symbol(")" | "}" | "]") => open -= 1,
                Tok::Symbol(";") if open <= 0 => return,
                _ => {}
            }
            if open <= 0 && token.first && self.by_lines() || open < 0 {
                return;
            }
            self.at += 1;
        }
    }

    fn skip_brackets(&mut self) {
        let mut open = 0i32;
        while let Some(token) = self.token() {
            match &token.tok {
                Tok::Symbol("(" | "{" | "[") => open += 1,
                Tok::Symbol(")" | "}" | "]") => open -= 1,
                _ => {}
            }
            self.at += 1;
            if open <= 0 {
                return;
            }
        }
    }

    fn is_control(&self, word: &str) -> bool {
        match self.language {
            Language::Ruby => matches!(word, "if" | "unless" | "while" | "until" | "case" | "for" | "begin"),
            Language::Elixir => matches!(word, "if" | "unless" | "case" | "cond" | "for" | "with" | "try") && !self.is_at(1, "."),
            Language::Python => matches!(word, "if" | "elif" | "else" | "for" | "while" | "try" | "except" | "finally" | "with"),
            _ => matches!(
                word,
                "if" | "else"
                    | "for"
                    | "foreach"
                    | "while"
                    | "do"
                    | "try"
                    | "catch"
                    | "finally"
                    | "switch"
                    | "using"
                    | "match"
                    | "loop"
            ),
        }
    }

    fn control(&mut self, out: &mut Vec<Node>) {
        let (line, word) = (self.line(), self.word().to_owned());
        self.at += 1;
        let mut body = Vec::new();
        let mut head = Value::Null;
        match self.language {
            Language::Ruby | Language::Elixir => {
                if !self.at_end_of_value() {
                    head = self.header_value();
                }
                self.branches(&mut body);
            }
            Language::Python => {
                if !self.is(":") {
                    head = self.header_value();
                }
                self.python_body(&mut body, line);
            }
            _ => {
                if self.is("(") {
                    head = self.bracketed_as_head();
                } else if self.language == Language::Rust || self.language == Language::Go {
                    self.skip_to_brace();
                }
                self.brace_or_one(&mut body);
            }
        }
        out.push(Node { line, kind: NodeKind::Control(word, head, body) });
    }

    fn header_value(&mut self) -> Value {
        let no_do = std::mem::replace(&mut self.no_do, true);
        let mut values = vec![self.value()];
        while self.take(",") {
            values.push(self.value());
        }
        while self.word() == "as" && self.language == Language::Python {
            self.at += 1;
            values.push(self.value());
        }
        self.no_do = no_do;
        if values.len() == 1 { values.remove(0) } else { Value::Many(values) }
    }

    fn bracketed_as_head(&mut self) -> Value {
        let mut call = Call::default();
        self.arguments(&mut call);
        Value::Many(call.args)
    }

    fn skip_to_brace(&mut self) {
        while self.token().is_some() && !self.is("{") {
            self.at += 1;
        }
    }

    /// Branches of Ruby and Elixir up to `end`.
    fn branches(&mut self, body: &mut Vec<Node>) {
        let _ = self.take_word("then") || self.take_word("do");
        if matches!(self.tok(0), Some(Tok::Label(label)) if label == "do") {
            self.at += 1;
            let line = self.line();
            let value = self.value();
            body.push(Node { line, kind: NodeKind::Expr(value) });
            return;
        }
        let mut rescued: Option<(u32, Vec<Node>)> = None;
        loop {
            self.statements(rescued.as_mut().map_or(&mut *body, |(_, inner)| inner), 0);
            match self.word() {
                "end" | "" => break,
                "ensure" | "after" => {
                    rescue(&mut rescued, body);
                    self.at += 1;
                }
                "else" => self.at += 1,
                word => {
                    if matches!(word, "rescue" | "catch") {
                        rescue(&mut rescued, body);
                        rescued = Some((self.line(), Vec::new()));
                    }
                    self.at += 1;
                    self.skip_clause_head();
                }
            }
        }
        rescue(&mut rescued, body);
        self.take_word("end");
    }

    /// Conditions of `elsif`, `when`, `rescue`, up to the end of the line or `then`.
    fn skip_clause_head(&mut self) {
        while let Some(token) = self.token() {
            if token.first || self.word() == "then" {
                self.take_word("then");
                return;
            }
            self.at += 1;
        }
    }

    /// After the header: `:` and an indented block, or statements on the same line.
    fn python_body(&mut self, body: &mut Vec<Node>, header_line: u32) {
        while self.token().is_some_and(|token| !token.first) && !self.is(":") {
            self.at += 1;
        }
        let header =
            self.tokens.iter().take(self.at).rev().find(|token| token.line <= header_line).map_or(0, |token| token.indent);
        if !self.take(":") {
            return;
        }
        match self.token() {
            Some(token) if token.first && token.indent > header => self.statements(body, token.indent),
            Some(token) if !token.first => self.statement(body),
            _ => {}
        }
    }

    fn brace_or_one(&mut self, body: &mut Vec<Node>) {
        if self.take("{") {
            self.statements(body, 0);
            self.take("}");
        } else if self.language == Language::Php && self.take(":") {
            // `if (…): … endif;`: its statements follow as if they stood outside.
        } else if !self.is(";") && self.depth < MAX_DEPTH {
            self.depth += 1;
            self.statement(body);
            self.depth -= 1;
        }
    }

    fn define(&mut self, out: &mut Vec<Node>, line: u32) {
        self.at += 1;
        while self.take("&") || self.take("*") {}
        let mut name = self.word().to_owned();
        self.at += 1;
        while self.take(".") {
            name = self.word().to_owned();
            self.at += 1;
        }
        let params = if self.is("(") { self.parameters() } else { Vec::new() };
        let body = self.body_of(line);
        out.push(Node { line, kind: NodeKind::Define(name, Function { params, body }) });
    }

    fn body_of(&mut self, line: u32) -> Vec<Node> {
        let mut body = Vec::new();
        match self.language {
            Language::Ruby | Language::Elixir => {
                if matches!(self.tok(0), Some(Tok::Symbol(","))) {
                    self.at += 1;
                }
                self.branches(&mut body);
            }
            Language::Python => self.python_body(&mut body, line),
            _ => {
                while self.token().is_some() && !self.is("{") && !self.is(";") && !self.is("=>") {
                    self.at += 1;
                }
                if self.take("=>") {
                    let value = self.value();
                    body.push(Node { line, kind: NodeKind::Return(Some(value)) });
                } else if self.is("{") {
                    self.brace_or_one(&mut body);
                }
            }
        }
        body
    }

    /// Names of the parameters between the parentheses that are next.
    fn parameters(&mut self) -> Vec<String> {
        let (mut names, mut open, mut last, mut fixed) = (Vec::new(), 0i32, String::new(), false);
        while let Some(token) = self.token() {
            match &token.tok {
                Tok::Symbol("(" | "[" | "{") => open += 1,
                Tok::Symbol(")" | "]" | "}") => {
                    open -= 1;
                }
                Tok::Symbol(":" | "=") if open == 1 => fixed = true,
                Tok::Symbol(",") if open == 1 => {
                    names.push(std::mem::take(&mut last));
                    fixed = false;
                }
                Tok::Word(word) if !fixed => last = word.clone(),
                Tok::Label(word) => last = word.clone(),
                _ => {}
            }
            self.at += 1;
            if open <= 0 {
                break;
            }
        }
        if !last.is_empty() {
            names.push(last);
        }
        names
    }

    fn class(&mut self, out: &mut Vec<Node>, line: u32) {
        self.at += 1;
        let mut name = self.word().to_owned();
        self.at += 1;
        while self.take("::") || self.take(".") {
            name = self.word().to_owned();
            self.at += 1;
        }
        let mut bases = Vec::new();
        let body = match self.language {
            Language::Ruby | Language::Elixir => {
                if self.take("<") {
                    bases.push(self.value());
                }
                self.body_of(line)
            }
            Language::Python => {
                if self.is("(") {
                    bases.push(self.bracketed_as_head());
                }
                self.body_of(line)
            }
            _ => {
                while self.token().is_some() && !self.is("{") && !self.is(";") {
                    self.at += 1;
                }
                let mut body = Vec::new();
                if self.is("{") {
                    self.brace_or_one(&mut body);
                }
                body
            }
        };
        out.push(Node { line, kind: NodeKind::Class(name, bases, body) });
    }

    /// `up(queryRunner: QueryRunner): Promise<void> {` in a class, `void Up(MigrationBuilder b) {`.
    fn method(&mut self, out: &mut Vec<Node>, line: u32) -> bool {
        if !matches!(self.language, Language::Js | Language::CSharp) {
            return false;
        }
        let mut ahead = 0;
        while !self.word_at(ahead + 1).is_empty() && ahead < 4 {
            ahead += 1;
        }
        let name = self.word_at(ahead);
        if name.is_empty() || !self.is_at(ahead + 1, "(") || matches!(self.word(), "await" | "new" | "return" | "typeof") {
            return false;
        }
        let Some(end) = self.matching(self.at + ahead + 1) else { return false };
        if !self.opens_body(end + 1) {
            return false;
        }
        let name = name.to_owned();
        self.at += ahead + 1;
        let params = self.parameters();
        let body = self.body_of(line);
        out.push(Node { line, kind: NodeKind::Define(name, Function { params, body }) });
        true
    }

    /// `{` right there, or after a type annotation.
    fn opens_body(&self, at: usize) -> bool {
        match self.tokens.get(at).map(|token| &token.tok) {
            Some(Tok::Symbol("{")) => true,
            Some(Tok::Symbol(":")) => {
                self.tokens[at..].iter().take(16).find_map(|token| match &token.tok {
                    Tok::Symbol("{") => Some(true),
                    Tok::Symbol(";" | "," | "(" | ")" | "=>") => Some(false),
                    _ => None,
                }) == Some(true)
            }
            _ => false,
        }
    }

    /// The bracket that closes the one at this place.
    fn matching(&self, open: usize) -> Option<usize> {
        let mut depth = 0i32;
        for (at, token) in self.tokens.iter().enumerate().skip(open) {
            match &token.tok {
                Tok::Symbol("(" | "[" | "{") => depth += 1,
                Tok::Symbol(")" | "]" | "}") => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Some(at);
            }
        }
        None
    }

    /// `x =`, `const x: T =`, `$x =`, `var x =`: the name, the place after the sign.
    fn assigned(&mut self) -> Option<String> {
        let mut ahead = 0;
        while !self.word_at(ahead + 1).is_empty()
            && ahead < 3
            && matches!(self.language, Language::Js | Language::CSharp | Language::Php | Language::Rust)
        {
            ahead += 1;
        }
        let mut name = self.word_at(ahead).to_owned();
        let mut after = ahead + 1;
        while self.is_at(after, ".") && !self.word_at(after + 1).is_empty() {
            name = self.word_at(after + 1).to_owned();
            after += 2;
        }
        if name.is_empty() {
            return None;
        }
        if self.is_at(after, ":") && matches!(self.language, Language::Python | Language::Js) {
            after = self.after_annotation(after)?;
        }
        let sign = self.is_at(after, "=") || self.is_at(after, ":=") || self.is_at(after, "||=");
        if !sign {
            return None;
        }
        self.at += after + 1;
        Some(name)
    }

    /// Place of the `=` after a type annotation on the same line.
    fn after_annotation(&self, start: usize) -> Option<usize> {
        (start + 1..start + 24)
            .take_while(|ahead| self.tokens.get(self.at + ahead).is_some_and(|token| !token.first))
            .take_while(|ahead| !matches!(self.tok(*ahead), Some(Tok::Symbol("(" | ")" | ";" | "{" | "}"))))
            .find(|ahead| self.is_at(*ahead, "="))
    }

    /// Ruby's `… if condition`, left-over closers of a line.
    fn trailing(&mut self, out: &mut Vec<Node>, start: usize) {
        let ruby = self.language == Language::Ruby;
        while ruby && matches!(self.word(), "if" | "unless" | "while" | "until" | "rescue") && !self.at_new_line() {
            let (line, word) = (self.line(), self.word().to_owned());
            self.at += 1;
            let head = self.value();
            let body = out.split_off(start);
            out.push(Node { line, kind: NodeKind::Control(word, head, body) });
        }
        if self.language == Language::Python {
            while self.take(",") {
                let _ = self.value();
            }
        }
    }

    fn at_end_of_value(&self) -> bool {
        match self.tok(0) {
            None => true,
            Some(Tok::Symbol(s)) => matches!(*s, ";" | ")" | "]" | "}" | ","),
            Some(Tok::Word(word)) if self.language == Language::Ruby => {
                self.at_new_line() || matches!(word.as_str(), "if" | "unless" | "end" | "do" | "then")
            }
            _ => self.at_new_line(),
        }
    }

    /// An expression with its operators.
    pub(super) fn value(&mut self) -> Value {
        if self.depth >= MAX_DEPTH {
            self.at += 1;
            return Value::Many(Vec::new());
        }
        self.depth += 1;
        let first = self.operand();
        let value = self.operators(first);
        self.depth -= 1;
        value
    }

    fn operators(&mut self, first: Value) -> Value {
        let mut parts = vec![first];
        let mut joined = true;
        while let Some(operator) = self.operator() {
            self.at += usize::from(operator != "if" || self.language == Language::Python);
            if operator == "|>" {
                let right = self.operand();
                let left = parts.pop().unwrap_or(Value::Null);
                parts.push(piped(left, right));
                continue;
            }
            joined &= matches!(operator, "+" | "." | "<>" | "as" | "adjacent");
            if operator == "as" || operator == "instanceof" {
                self.skip_type();
                continue;
            }
            if self.at_end_of_value() && !self.token().is_some_and(|token| token.first) {
                break;
            }
            parts.push(self.operand());
        }
        if parts.len() == 1 {
            return parts.remove(0);
        }
        if joined { concatenated(parts) } else { Value::Many(parts) }
    }

    fn skip_type(&mut self) {
        while !self.word().is_empty() || self.is(".") || self.is("[") && self.is_at(1, "]") {
            self.at += if self.is("[") { 2 } else { 1 };
        }
    }

    /// The binary operator that is next, if the expression goes on.
    fn operator(&self) -> Option<&'static str> {
        if self.at_new_line() {
            return None;
        }
        match self.tok(0)? {
            Tok::Symbol(s) => self.symbol_operator(s),
            Tok::Word(word) => match (self.language, word.as_str()) {
                (Language::Python | Language::Ruby | Language::Elixir, "and" | "or" | "in") if !self.no_do || word != "in" => {
                    Some("and")
                }
                (Language::Python, "not" | "is") => Some("and"),
                (Language::Python, "in") => Some("and"),
                (Language::Python, "if" | "else") => Some("else"),
                (Language::Js, "as" | "satisfies") | (Language::CSharp, "as") => Some("as"),
                (Language::Js | Language::Php, "instanceof") => Some("instanceof"),
                (Language::Js, "of" | "in") => Some("and"),
                (Language::Php, "as") => Some("and"),
                (Language::CSharp, "is" | "in") => Some("and"),
                _ => None,
            },
            _ => None,
        }
    }

    fn symbol_operator(&self, symbol: &'static str) -> Option<&'static str> {
        const ALWAYS: &[&str] = &[
            "+", "-", "*", "/", "%", "==", "!=", "===", "!==", "<", ">", "<=", ">=", "<=>", "&&", "||", "??", "<<", ">>", "|>",
            "<>", "..", "...", "**", "|", "&", "^", "?", "+=", "-=", "*=", "||=", "&&=", ".=", "<<=", "=",
        ];
        let php = self.language == Language::Php;
        match symbol {
            "." if php => Some("."),
            ":" if matches!(self.language, Language::Js | Language::Php | Language::CSharp | Language::Ruby) => {
                (self.brackets == 0 || self.ternary()).then_some(":")
            }
            "{" => None,
            _ => ALWAYS.iter().find(|known| **known == symbol).copied(),
        }
    }

    /// A `?` stands before this `:` in the same list.
    fn ternary(&self) -> bool {
        let mut depth = 0i32;
        for token in self.tokens[..self.at].iter().rev().take(400) {
            match &token.tok {
                Tok::Symbol(")" | "]" | "}") => depth += 1,
                Tok::Symbol("(" | "[" | "{") if depth == 0 => return false,
                Tok::Symbol("(" | "[" | "{") => depth -= 1,
                Tok::Symbol("," | ";") if depth == 0 => return false,
                Tok::Symbol("?") if depth == 0 => return true,
                _ => {}
            }
        }
        false
    }

    fn operand(&mut self) -> Value {
        if self.depth >= MAX_DEPTH {
            self.at += 1;
            return Value::Many(Vec::new());
        }
        self.depth += 1;
        let primary = self.primary();
        let value = self.postfix(primary);
        self.depth -= 1;
        value
    }

    fn primary(&mut self) -> Value {
        let Some(token) = self.token() else { return Value::Null };
        match &token.tok {
            Tok::Text { .. } => self.text(),
            Tok::Number(number) => {
                self.at += 1;
                Value::Number(number.clone())
            }
            Tok::Words(words) => {
                self.at += 1;
                Value::List(words.iter().map(|word| Value::text(word)).collect())
            }
            Tok::Label(name) => {
                // A pair without braces: the arguments of `return a: 1`.
                self.at += 1;
                let value = self.value();
                Value::Map(vec![(Value::text(name), value)])
            }
            Tok::Symbol(symbol) => self.symbol(symbol),
            Tok::Word(word) => self.named(word),
        }
    }

    /// A string, adjacent ones joined.
    fn text(&mut self) -> Value {
        let (mut all, mut any) = (String::new(), false);
        let joins = matches!(self.language, Language::Python | Language::Ruby);
        while let Some(Tok::Text { text, filled }) = self.tok(0) {
            all.push_str(text);
            any |= filled;
            self.at += 1;
            // A backslash at the end of a line goes on with the next.
            let goes_on = joins && self.is("\\") && matches!(self.tok(1), Some(Tok::Text { .. }));
            self.at += usize::from(goes_on);
            if !goes_on && (!joins || self.at_new_line()) {
                break;
            }
        }
        Value::Text { text: all, filled: any }
    }

    fn symbol(&mut self, symbol: &'static str) -> Value {
        match symbol {
            "(" => self.parenthesised(),
            "[" => self.list(),
            "{" => self.braces(),
            "%" if self.language == Language::Elixir => {
                self.at += 1;
                while !self.word().is_empty() || self.is(".") {
                    self.at += 1;
                }
                self.braces()
            }
            "->" if self.language == Language::Ruby => {
                self.at += 1;
                self.block_value()
            }
            "!" | "-" | "+" | "*" | "**" | "&" | "~" | "..." | "@" | "++" | "--" | "?" | "::" | "^" | ".." => {
                self.at += 1;
                let inner = self.operand();
                match (symbol, inner) {
                    ("-", Value::Number(number)) => Value::Number(format!("-{number}")),
                    ("*" | "**" | "..." | "&" | "::", inner) => inner,
                    (_, inner) => Value::Many(vec![inner]),
                }
            }
            _ => {
                if !matches!(symbol, ")" | "]" | "}" | ",") {
                    self.at += 1;
                }
                Value::Many(Vec::new())
            }
        }
    }

    fn block_value(&mut self) -> Value {
        let params = if self.is("(") { self.parameters() } else { Vec::new() };
        let mut function = self.block().unwrap_or_default();
        function.params.extend(params);
        Value::Function(Box::new(function))
    }

    /// `( … )`: an arrow function's head, a cast, a tuple or a value.
    fn parenthesised(&mut self) -> Value {
        if let Some(end) = self.matching(self.at).filter(|_| matches!(self.language, Language::Js | Language::CSharp)) {
            let arrow = self.tokens.get(end + 1).map(|token| &token.tok);
            let typed = arrow == Some(&Tok::Symbol(":"))
                && self.tokens[end + 1..].iter().take(14).find_map(|token| match &token.tok {
                    Tok::Symbol("=>") => Some(true),
                    Tok::Symbol("," | ";" | "(" | ")" | "}" | "?") => Some(false),
                    _ => None,
                }) == Some(true);
            if arrow == Some(&Tok::Symbol("=>")) || typed {
                let params = self.parameters();
                while !self.is("=>") {
                    self.at += 1;
                }
                return self.arrow(params);
            }
        }
        let mut call = Call::default();
        self.arguments(&mut call);
        let cast = call.args.len() == 1 && matches!(self.language, Language::CSharp | Language::Php);
        if cast && call.args[0].as_call().is_some_and(|call| !call.called) && self.starts_operand() {
            return self.operand();
        }
        if call.args.len() == 1 && !self.tokens.get(self.at.wrapping_sub(2)).is_some_and(|token| token.tok == Tok::Symbol(",")) {
            call.args.remove(0)
        } else {
            Value::List(call.args)
        }
    }

    fn starts_operand(&self) -> bool {
        !self.at_new_line() && matches!(self.tok(0), Some(Tok::Word(_) | Tok::Text { .. } | Tok::Number(_)))
    }

    fn arrow(&mut self, params: Vec<String>) -> Value {
        self.take("=>");
        let line = self.line();
        let mut body = Vec::new();
        if self.is("{") {
            self.brace_or_one(&mut body);
        } else {
            let value = self.value();
            body.push(Node { line, kind: NodeKind::Return(Some(value)) });
        }
        Value::Function(Box::new(Function { params, body }))
    }

    fn list(&mut self) -> Value {
        let mut call = Call::default();
        self.arguments(&mut call);
        let mut entries: Vec<(Value, Value)> = call.keywords.into_iter().map(|(key, value)| (Value::text(&key), value)).collect();
        if entries.is_empty() {
            return Value::List(call.args);
        }
        if !call.args.is_empty() {
            // A PHP array of both kinds, or a keyword list after positional entries: the pairs come last.
            let mut all = call.args;
            all.push(Value::Map(std::mem::take(&mut entries)));
            return Value::List(all);
        }
        Value::Map(entries)
    }

    /// `{ … }` as a value: pairs, or a list of values.
    fn braces(&mut self) -> Value {
        let js = self.language == Language::Js;
        if !self.is("{") {
            return Value::Many(Vec::new());
        }
        let Some(end) = self.matching(self.at) else {
            self.at = self.tokens.len();
            return Value::Many(Vec::new());
        };
        self.at += 1;
        let brackets = std::mem::replace(&mut self.brackets, 1);
        let no_do = std::mem::take(&mut self.no_do);
        let (mut pairs, mut values) = (Vec::new(), Vec::new());
        while self.at < end {
            let before = self.at;
            self.entry(js, &mut pairs, &mut values);
            self.take(",");
            if self.at == before {
                self.at += 1;
            }
        }
        self.at = end + 1;
        self.brackets = brackets;
        self.no_do = no_do;
        match (pairs.is_empty(), values.is_empty()) {
            (true, false) => Value::List(values),
            // A tuple of Elixir that ends with a keyword list.
            (false, false) if self.language == Language::Elixir => {
                values.push(Value::Map(pairs));
                Value::List(values)
            }
            _ => Value::Map(pairs),
        }
    }

    fn entry(&mut self, js: bool, pairs: &mut Vec<(Value, Value)>, values: &mut Vec<Value>) {
        if js {
            while matches!(self.word(), "async" | "get" | "static") && !self.word_at(1).is_empty() {
                self.at += 1;
            }
        }
        if let Some(Tok::Label(name)) = self.tok(0) {
            self.at += 1;
            let value = self.value();
            return pairs.push((Value::text(name), value));
        }
        let line = self.line();
        if js && !self.word().is_empty() {
            let name = self.word().to_owned();
            if self.is_at(1, ":") {
                self.at += 2;
                let value = self.value();
                return pairs.push((Value::text(&name), value));
            }
            if self.is_at(1, "(") && self.matching(self.at + 1).is_some_and(|end| self.opens_body(end + 1)) {
                self.at += 1;
                let params = self.parameters();
                let body = self.body_of(line);
                return pairs.push((Value::text(&name), Value::Function(Box::new(Function { params, body }))));
            }
        }
        if self.language == Language::CSharp && !self.word().is_empty() && self.is_at(1, "=") {
            let name = self.word().to_owned();
            self.at += 2;
            let value = self.value();
            return pairs.push((Value::text(&name), value));
        }
        let key = self.value();
        if self.take(":") || self.take("=>") {
            let value = self.value();
            let key = match key {
                Value::List(mut list) if list.len() == 1 => list.remove(0),
                key => key,
            };
            return pairs.push((key, value));
        }
        if js
            && let Value::Call(call) = &key
            && !call.called
            && call.receiver.is_none()
        {
            pairs.push((Value::text(&call.name), key));
            return;
        }
        values.push(key);
    }

    fn named(&mut self, word: &'a str) -> Value {
        let line = self.line();
        match word {
            "true" | "True" => return self.constant(Value::Bool(true)),
            "false" | "False" => return self.constant(Value::Bool(false)),
            "null" | "nil" | "None" | "undefined" | "NULL" | "TRUE" | "FALSE" if self.language != Language::Go => {
                let value = match word {
                    "TRUE" => Value::Bool(true),
                    "FALSE" => Value::Bool(false),
                    _ => Value::Null,
                };
                return self.constant(value);
            }
            "await" | "async" | "typeof" | "not" | "yield" | "clone" | "static"
                if !matches!(self.tok(1), Some(Tok::Symbol("." | "," | ")" | "="))) =>
            {
                self.at += 1;
                return self.operand();
            }
            "lambda" if self.language == Language::Python => {
                while self.token().is_some() && !self.is(":") {
                    self.at += 1;
                }
                self.at += 1;
                let value = self.value();
                return Value::Many(vec![value]);
            }
            "function" | "fn" if !self.ends_blocks() => return self.function(line),
            "fn" => return self.elixir_fn(),
            "new" if matches!(self.language, Language::Js | Language::CSharp | Language::Php) => return self.new_value(),
            "array" if self.language == Language::Php && self.is_at(1, "(") => {
                self.at += 1;
                return self.list();
            }
            _ if self.ends_blocks() && self.is_control(word) => {
                let mut body = Vec::new();
                self.control(&mut body);
                return Value::Function(Box::new(Function { params: Vec::new(), body }));
            }
            _ => {}
        }
        self.at += 1;
        if self.is("=>") && matches!(self.language, Language::Js | Language::CSharp) {
            return self.arrow(vec![word.to_owned()]);
        }
        Value::Call(Box::new(self.call(None, word, line)))
    }

    fn constant(&mut self, value: Value) -> Value {
        self.at += 1;
        value
    }

    fn function(&mut self, line: u32) -> Value {
        self.at += 1;
        self.take("*");
        self.take("&");
        if !self.word().is_empty() {
            self.at += 1;
        }
        let params = if self.is("(") { self.parameters() } else { Vec::new() };
        let body = self.body_of(line);
        Value::Function(Box::new(Function { params, body }))
    }

    fn elixir_fn(&mut self) -> Value {
        self.at += 1;
        while self.token().is_some() && !self.is("->") {
            self.at += 1;
        }
        self.at += 1;
        let mut body = Vec::new();
        self.statements(&mut body, 0);
        self.take_word("end");
        Value::Function(Box::new(Function { params: Vec::new(), body }))
    }

    /// `new X(…)`, `new { A = 1 }`, `new[] { … }`.
    fn new_value(&mut self) -> Value {
        self.at += 1;
        let line = self.line();
        if self.word() == "class" && self.language == Language::Php {
            let mut body = Vec::new();
            self.skip_to_brace();
            self.brace_or_one(&mut body);
            return Value::Function(Box::new(Function { params: Vec::new(), body }));
        }
        let mut name = String::new();
        while !self.word().is_empty() || self.is(".") || self.is("\\") {
            name = self.word().to_owned();
            self.at += 1;
        }
        let mut call = Call { name, line, called: true, ..Call::default() };
        call.generic = self.generic();
        if self.is("[") {
            self.skip_brackets();
            return self.braces();
        }
        if self.is("(") {
            self.arguments(&mut call);
        }
        if self.is("{") && self.language == Language::CSharp {
            let map = self.braces();
            if call.name.is_empty() {
                return map;
            }
            call.args.push(map);
        }
        Value::Call(Box::new(call))
    }

    /// `<int, string>` in front of `(`.
    fn generic(&mut self) -> String {
        if !self.is("<") || !matches!(self.language, Language::Js | Language::CSharp | Language::Rust) {
            return String::new();
        }
        let (mut text, mut open) = (String::new(), 0i32);
        for (ahead, token) in self.tokens[self.at..].iter().take(24).enumerate() {
            match &token.tok {
                Tok::Symbol("<") => open += 1,
                Tok::Symbol(">") => open -= 1,
                Tok::Symbol(">>") => open -= 2,
                Tok::Word(word) => text.push_str(word),
                Tok::Symbol(s @ ("." | "," | "?" | "[" | "]" | "|" | "::")) => text.push_str(s),
                _ => return String::new(),
            }
            if open <= 0 {
                let next = self.tokens.get(self.at + ahead + 1).map(|token| &token.tok);
                if !matches!(next, Some(Tok::Symbol("(" | "{" | "["))) {
                    return String::new();
                }
                self.at += ahead + 1;
                return text;
            }
        }
        String::new()
    }

    /// After a name: its arguments and block.
    fn call(&mut self, receiver: Option<Value>, name: &str, line: u32) -> Call {
        let mut call = Call { receiver, name: name.to_owned(), line, ..Call::default() };
        call.generic = self.generic();
        let spaced = self.token().is_some_and(|token| token.spaced);
        if self.is("(") && !self.at_new_line() && !(spaced && self.language == Language::Elixir) {
            self.arguments(&mut call);
            call.called = true;
        } else if self.ends_blocks() && spaced && self.starts_command() {
            self.command(&mut call);
            call.called = true;
        }
        self.take_block(&mut call);
        call
    }

    fn take_block(&mut self, call: &mut Call) {
        if !self.ends_blocks() || self.at_new_line() {
            return;
        }
        let braces = self.is("{") && self.language == Language::Ruby && (call.args.is_empty() || !self.no_do);
        let is_do = self.word() == "do" && !self.no_do;
        if is_do || braces {
            call.block = self.block();
            call.called = true;
        }
    }

    /// `do |x| … end`, `{ |x| … }`.
    fn block(&mut self) -> Option<Function> {
        let close = if self.take("{") {
            "}"
        } else if self.take_word("do") {
            "end"
        } else {
            return None;
        };
        let mut params = Vec::new();
        if self.take("|") {
            while self.token().is_some() && !self.take("|") {
                if !self.word().is_empty() {
                    params.push(self.word().to_owned());
                }
                self.at += 1;
            }
        }
        let mut body = Vec::new();
        if close == "end" {
            self.branches(&mut body);
        } else {
            self.statements(&mut body, 0);
            self.take("}");
        }
        Some(Function { params, body })
    }

    /// Whether the next token begins arguments without parentheses.
    fn starts_command(&self) -> bool {
        if self.at_new_line() {
            return false;
        }
        let tight = self.tokens.get(self.at + 1).is_some_and(|token| !token.spaced);
        match self.tok(0) {
            Some(Tok::Text { .. } | Tok::Number(_) | Tok::Label(_) | Tok::Words(_)) => true,
            Some(Tok::Word(word)) => !matches!(
                word.as_str(),
                "do" | "if" | "unless" | "while" | "until" | "and" | "or" | "in" | "then" | "end" | "rescue" | "when" | "else"
            ),
            Some(Tok::Symbol(s)) => {
                *s == "->" && self.language == Language::Ruby
                    || matches!(*s, "[" | "(" | "::")
                    || matches!(*s, "*" | "**" | "&" | ":" | "!" | "-" | "@") && tight
                    || *s == "%" && tight && self.is_at(1, "{")
                    || *s == "{" && self.language == Language::Elixir
            }
            None => false,
        }
    }

    fn command(&mut self, call: &mut Call) {
        let no_do = std::mem::replace(&mut self.no_do, true);
        loop {
            let before = self.at;
            self.argument(call);
            if self.at == before || !self.is(",") {
                break;
            }
            self.at += 1;
        }
        self.no_do = no_do;
    }

    /// Arguments between the brackets that are next.
    fn arguments(&mut self, call: &mut Call) {
        let Some(end) = self.matching(self.at) else {
            self.at = self.tokens.len();
            return;
        };
        self.at += 1;
        let brackets = std::mem::replace(&mut self.brackets, 1);
        let no_do = std::mem::take(&mut self.no_do);
        while self.at < end {
            let before = self.at;
            self.argument(call);
            if self.language == Language::Python && matches!(self.word(), "for" | "async") {
                // A comprehension: how many values it gives is not known.
                self.at = end;
                let args = std::mem::take(&mut call.args);
                call.args.push(Value::Many(args));
            }
            self.take(",");
            self.take(";");
            if self.at == before {
                self.at += 1;
            }
        }
        self.at = end + 1;
        self.brackets = brackets;
        self.no_do = no_do;
    }

    fn argument(&mut self, call: &mut Call) {
        if let Some(Tok::Label(name)) = self.tok(0) {
            self.at += 1;
            let value = if self.at_end_of_value() { Value::text(name) } else { self.value() };
            if name == "do" && self.language == Language::Elixir {
                let line = self.line();
                call.block = Some(Function { params: Vec::new(), body: vec![Node { line, kind: NodeKind::Expr(value) }] });
                return;
            }
            return call.keywords.push((name.clone(), value));
        }
        let word = self.word();
        let named = !word.is_empty()
            && match self.language {
                Language::Python => self.is_at(1, "="),
                Language::CSharp | Language::Php => self.is_at(1, ":"),
                _ => false,
            };
        if named {
            self.at += 2;
            let value = self.value();
            return call.keywords.push((word.to_owned(), value));
        }
        if matches!(word, "ref" | "out" | "in") && self.language == Language::CSharp {
            self.at += 1;
        }
        let value = self.value();
        if self.take("=>") {
            let right = self.value();
            let key = match &value {
                Value::Text { text, .. } => text.clone(),
                other => other.path(),
            };
            return call.keywords.push((key, right));
        }
        call.args.push(value);
    }

    /// `.name(…)`, `[index]`, blocks after a value.
    fn postfix(&mut self, mut value: Value) -> Value {
        loop {
            if self.at_new_line() {
                return value;
            }
            let line = self.line();
            let dot = match self.tok(0) {
                Some(Tok::Symbol("." | "?.")) => self.language != Language::Php,
                Some(Tok::Symbol("->" | "?->")) => self.language == Language::Php,
                Some(Tok::Symbol("&.")) => self.language == Language::Ruby,
                Some(Tok::Symbol("::")) => true,
                _ => false,
            };
            if dot && self.is_at(1, "(") {
                self.at += 1;
                value = Value::Call(Box::new(self.call(Some(value), "call", line)));
                continue;
            }
            let name = match self.tok(1) {
                Some(Tok::Word(word)) => word.clone(),
                Some(Tok::Label(word)) if dot => word.clone(),
                _ => String::new(),
            };
            if dot && !name.is_empty() {
                let line = self.tokens.get(self.at + 1).map_or(line, |token| token.line);
                self.at += 2;
                value = Value::Call(Box::new(self.call(Some(value), &name, line)));
                continue;
            }
            if self.is("[") && !self.token().is_some_and(|token| token.spaced) {
                let mut call = Call { receiver: Some(value), name: "[]".into(), line, called: true, ..Call::default() };
                self.arguments(&mut call);
                value = Value::Call(Box::new(call));
                continue;
            }
            if self.is("(")
                && !self.token().is_some_and(|token| token.spaced)
                && !matches!(value, Value::Text { .. } | Value::Number(_))
            {
                value = Value::Call(Box::new(self.call(Some(value), "call", line)));
                continue;
            }
            if self.is("!") && self.language == Language::Js && !self.token().is_some_and(|token| token.spaced) {
                self.at += 1;
                continue;
            }
            return value;
        }
    }
}

/// What runs only where an error was raised.
fn rescue(rescued: &mut Option<(u32, Vec<Node>)>, body: &mut Vec<Node>) {
    if let Some((line, inner)) = rescued.take() {
        body.push(Node { line, kind: NodeKind::Control("rescue".into(), Value::Null, inner) });
    }
}

/// `left |> right(…)`.
fn piped(left: Value, right: Value) -> Value {
    match right {
        Value::Call(mut call) => {
            call.args.insert(0, left);
            call.called = true;
            Value::Call(call)
        }
        right => Value::Many(vec![left, right]),
    }
}

/// Strings joined by an operator: a string with holes where a part is not known.
fn concatenated(parts: Vec<Value>) -> Value {
    if !parts.iter().any(|part| matches!(part, Value::Text { .. })) {
        return Value::Many(parts);
    }
    let (mut all, mut any) = (String::new(), false);
    for part in &parts {
        match part {
            Value::Text { text, filled } => {
                all.push_str(text);
                any |= filled;
            }
            Value::Number(number) => all.push_str(number),
            _ => {
                all.push_str("${part}");
                any = true;
            }
        }
    }
    Value::Text { text: all, filled: any }
}
