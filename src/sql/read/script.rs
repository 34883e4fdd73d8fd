//! The statements of one script in their order: what MySQL's user variables hold is known to those that follow.

use std::collections::BTreeMap;

use super::read;
use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::lexer::{TokenKind, decode_text, lex};
use crate::sql::split::RawStatement;
use crate::sql::statement::{BlockKind, Op, Statement};

/// Variables of a script, and characters of each, that are kept.
const MOST: usize = 256;

/// Reads one script, statement by statement.
#[derive(Clone, Debug)]
pub struct ScriptReader {
    dialect: Dialect,
    /// Texts by the name of the variable that holds them, `@` included.
    variables: BTreeMap<String, String>,
    /// A text that says SQL was read where a variable was set.
    is_known: bool,
}

impl ScriptReader {
    pub fn new(dialect: Dialect) -> Self {
        ScriptReader { dialect, variables: BTreeMap::new(), is_known: false }
    }

    /// The next statement.
    pub fn read(&mut self, raw: &RawStatement) -> Statement {
        let filled = self.filled(raw);
        let mut statement = read(filled.as_ref().unwrap_or(raw), self.dialect);
        statement.ops.iter_mut().for_each(|op| self.settle(op));
        statement
    }

    /// `SET @a = CONCAT('ALTER TABLE ', @t)` with the text that `@t` holds in its place; none where nothing is replaced.
    fn filled(&mut self, raw: &RawStatement) -> Option<RawStatement> {
        let is_set = || raw.text.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("SET"));
        if !self.dialect.is_mysql() || raw.head_only || !is_set() || !raw.text.contains('@') {
            return None;
        }
        let text = self.replaced(&raw.text);
        self.remember(&text);
        (text != raw.text).then(|| RawStatement { text, ..raw.clone() })
    }

    fn replaced(&self, text: &str) -> String {
        let tokens = lex(text, self.dialect);
        let (mut out, mut at) = (String::with_capacity(text.len()), 0);
        for (position, token) in tokens.iter().enumerate() {
            let assigned = tokens.get(position + 1).is_some_and(|next| matches!(next.text(text), "=" | ":="));
            let is_target =
                assigned && position.checked_sub(1).is_none_or(|before| matches!(tokens[before].text(text), "," | "SET" | "set"));
            let name = token.text(text).to_lowercase();
            let Some(value) = self.variables.get(&name).filter(|_| token.kind == TokenKind::Parameter && !is_target) else {
                continue;
            };
            out.push_str(&text[at..token.start as usize]);
            out.push_str(&format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''")));
            at = token.end as usize;
        }
        out.push_str(&text[at..]);
        out
    }

    /// Notes which variables hold a plain text now; what the others hold is not known any more.
    fn remember(&mut self, text: &str) {
        let tokens = lex(text, self.dialect);
        let mut cursor = Cursor::new(text, &tokens, self.dialect);
        cursor.skip();
        for mut part in cursor.split_commas() {
            let name = part.text_at(0).to_lowercase();
            part.take_count(2);
            let value = (part.remaining() == 1 && part.kind_at(0) == Some(TokenKind::Text))
                .then(|| decode_text(part.text_at(0), self.dialect));
            self.variables.remove(&name);
            if let Some(value) = value.filter(|value| value.len() <= MOST && self.variables.len() < MOST) {
                self.variables.insert(name, value);
            }
        }
    }

    /// Texts that were read where a variable was set are not dynamic where the variable is prepared.
    fn settle(&mut self, op: &mut Op) {
        match op {
            Op::Block { kind: BlockKind::Executed | BlockKind::Conditional | BlockKind::Guarded, .. } => self.is_known = true,
            Op::Dynamic { pieces } if pieces.is_empty() && self.is_known => *op = Op::Harmless,
            Op::Dynamic { .. } => self.is_known = true,
            _ => {}
        }
    }
}
