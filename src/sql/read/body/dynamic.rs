//! Texts that are put together and executed.

use std::collections::BTreeSet;

use crate::sql::cursor::{Cursor, MAX_DEPTH};
use crate::sql::dialect::Dialect;
use crate::sql::lexer::TokenKind;
use crate::sql::split::split;
use crate::sql::statement::{BlockKind, Op, Statement};

use super::Reader;

/// Bytes of a text that is put together, and of all that a body executes, in times of its own length.
const MAX_TEXT: usize = 1 << 17;
const MAX_RUNS: usize = 4;
/// Literals of variables that one value joins.
const MAX_PIECES: usize = 100;
/// Parentheses around parts of a text that are looked into.
const MAX_LEVELS: u32 = 8;

/// A text as far as it is known before it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Executed {
    Text(String),
    /// Its literals, in order.
    Pieces(Vec<String>),
}

/// What is known of the text that a variable holds.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// All of it, where it was assigned once and from constants.
    pub constant: Option<String>,
    /// The literals of all assignments.
    pub pieces: BTreeSet<String>,
    pub assigned: u32,
}

/// What a variable holds, by its name.
type Lookup<'l> = dyn Fn(&str) -> Option<&'l Held> + 'l;

/// What the text is that these tokens put together.
pub fn executed(value: Cursor, variables: &Lookup) -> Executed {
    match constant(value, variables, 0) {
        Some(text) => Executed::Text(text),
        None => Executed::Pieces(pieces(value, variables)),
    }
}

fn pieces(value: Cursor, variables: &Lookup) -> Vec<String> {
    let (mut here, mut out) = (value, Vec::new());
    while !here.is_end() {
        match here.take_text() {
            Some(text) => out.push(text),
            None => {
                let held = variables(here.text_at(0)).into_iter().flat_map(|held| &held.pieces);
                out.extend(held.take(MAX_PIECES.saturating_sub(out.len())).cloned());
                here.skip();
            }
        }
    }
    out
}

/// The whole text, if every part of it is a constant.
fn constant(value: Cursor, variables: &Lookup, level: u32) -> Option<String> {
    let (mut here, mut out) = (value, String::new());
    loop {
        let text = part(&mut here, variables, level)?;
        if !out.is_empty() && out.len() + text.len() > MAX_TEXT {
            return None;
        }
        out.push_str(&text);
        let joins = here.take_symbol("||") || (here.dialect == Dialect::MsSql && here.take_symbol("+"));
        if !joins {
            return here.is_end().then_some(out);
        }
    }
}

fn part(here: &mut Cursor, variables: &Lookup, level: u32) -> Option<String> {
    let text = match here.kind_at(0)? {
        TokenKind::Text => here.take_text()?,
        TokenKind::Symbol => constant_inside(here.take_parenthesised()?, variables, level)?,
        _ if here.text_at(1) == "(" => call(here, variables)?,
        TokenKind::Word | TokenKind::Parameter => {
            let name = here.skip()?.text(here.source);
            if here.is_symbol(".") {
                return None;
            }
            variables(name)?.constant.clone()?
        }
        _ => return None,
    };
    if here.take_symbol("::") {
        here.take_name()?;
    }
    Some(text)
}

fn constant_inside(inner: Cursor, variables: &Lookup, level: u32) -> Option<String> {
    (level < MAX_LEVELS).then(|| constant(inner, variables, level + 1)).flatten()
}

/// `format`, `concat` and the functions that quote, of plain strings.
fn call(here: &mut Cursor, variables: &Lookup) -> Option<String> {
    let function = here.skip()?.text(here.source).to_ascii_lowercase();
    let arguments = here.take_parenthesised()?.split_commas();
    let plain = |argument: &Cursor| {
        let mut inside = *argument;
        let text = match inside.kind_at(0)? {
            TokenKind::Text => inside.take_text()?,
            TokenKind::Number => inside.skip()?.text(inside.source).to_owned(),
            _ => variables(inside.skip()?.text(inside.source))?.constant.clone()?,
        };
        inside.is_end().then_some(text)
    };
    let mut values = Vec::new();
    let mut size = 0;
    for argument in &arguments {
        let value = plain(argument)?;
        size += value.len();
        if size > MAX_TEXT {
            return None;
        }
        values.push(value);
    }
    match (function.as_str(), values.as_slice()) {
        ("format", [pattern, values @ ..]) => format(pattern, values),
        ("concat", values) => Some(values.concat()),
        ("quote_ident", [name]) => Some(quote_name(name)),
        ("quote_literal" | "quote", [text]) => Some(quote_text(text)),
        ("chr" | "char", [code]) => char::from_u32(code.parse().ok()?).map(String::from),
        _ => None,
    }
}

/// PostgreSQL's format(): `%s`, `%I`, `%L`, `%%`, with positions.
fn format(pattern: &str, values: &[String]) -> Option<String> {
    let (mut out, mut next, mut chars) = (String::new(), 0usize, pattern.chars().peekable());
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut digits = String::new();
        while let Some(digit) = chars.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        if chars.next_if_eq(&'$').is_some() {
            next = digits.parse::<usize>().ok()?.checked_sub(1)?;
        }
        let kind = chars.next()?;
        if kind == '%' {
            out.push('%');
            continue;
        }
        let value = values.get(next)?;
        next += 1;
        if out.len() + value.len() > MAX_TEXT {
            return None;
        }
        out.push_str(&match kind {
            's' => value.clone(),
            'I' => quote_name(value),
            'L' => quote_text(value),
            _ => return None,
        });
    }
    Some(out)
}

fn quote_name(name: &str) -> String {
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

fn quote_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl<'a> Reader<'a> {
    /// A text that is executed: read where it is constant, else what its literals say.
    pub(super) fn execute(&mut self, out: &mut Vec<Statement>, value: Cursor<'a>) {
        let line = value.line();
        let found = executed(value, &|name| self.held(name));
        let op = match found {
            Executed::Text(text) => self.run(&text, line),
            Executed::Pieces(pieces) => Op::Dynamic { pieces },
        };
        self.push(out, line, vec![op]);
        self.value(out, value);
    }

    fn run(&mut self, text: &str, line: u32) -> Op {
        let depth = self.here.depth + 1;
        self.executed += text.len();
        if depth >= MAX_DEPTH || self.executed > MAX_RUNS * self.here.source.len() {
            return Op::Dynamic { pieces: vec![text.to_owned()] };
        }
        let read = |mut raw: crate::sql::split::RawStatement| {
            raw.line = line;
            super::super::read_at(&raw, self.here.dialect, depth)
        };
        let body = split(text, self.here.dialect).into_iter().map(read).collect();
        Op::Block { kind: BlockKind::Executed, body }
    }
}
