//! What a WHERE says of single columns, read from its text: tokens joined by one space.

use super::Replay;
use crate::sql::catalog::model::{Column, ColumnId, RelationId};
use crate::sql::dialect::Dialect;
use crate::sql::expression::{ColumnRef, Expr, Literal, Shape};
use crate::sql::lexer::{Token, TokenKind, lex};
use crate::sql::name::Ident;
use crate::sql::statement::{Assignment, Update};

/// One part of a condition: a column, and what it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Test<'a> {
    column: &'a str,
    equal: bool,
    /// In lower case; of a flag alone `true`.
    value: &'a str,
}

impl Replay {
    /// `UPDATE t SET new = 1 WHERE flag`: what the flag said is in a column that is new. Other parts of the condition only join.
    pub(super) fn told_by_flag(
        &self,
        to: ColumnId,
        assignment: &Assignment,
        update: &Update,
        sources: &[(Option<Ident>, RelationId)],
    ) -> Option<ColumnId> {
        let is_new = self.before.column(to).is_none();
        let condition = update.condition.as_ref().filter(|_| is_new && matches!(assignment.value.shape, Shape::Literal(_)))?;
        let text = condition.text.to_lowercase();
        let (joins, tests): (Vec<&str>, Vec<&str>) =
            parts(&text, self.catalog.dialect)?.into_iter().partition(|part| is_join(part));
        let [part] = tests.as_slice() else { return None };
        let (test, reference) = test(part).and_then(|test| Some((test, named(condition, test.column)?)))?;
        let flag = self.scope().column(reference, sources)?;
        let is_flag = self.catalog.column(flag).is_some_and(|(_, column)| is_flag(column));
        let truth = matches!(test.value, "true" | "false" | "1" | "0");
        (is_flag && truth && flag != to && joins.len() < sources.len()).then_some(flag)
    }

    /// The column of which a condition asks for another value than its default: rows that were there when it was added have that.
    pub(super) fn beyond_default(&self, relation: RelationId, condition: Option<&str>) -> Option<ColumnId> {
        let text = condition?.to_lowercase();
        let relation = self.catalog.relation(relation)?;
        let asks = |part: &&str| {
            let test = test(part)?;
            let column = relation.columns.iter().find(|column| column.name.key().eq_ignore_ascii_case(test.column))?;
            let default = literal_of(column.default.as_ref()?)?;
            let is_literal = test.value.starts_with('\'') || test.value.parse::<f64>().is_ok() || is_truth(test.value);
            (is_literal && (same(&default, test.value) != test.equal)).then_some(column.id)
        };
        parts(&text, self.catalog.dialect)?.iter().find_map(asks)
    }
}

/// The parts that AND joins; none where other words or parentheses join them.
fn parts(text: &str, dialect: Dialect) -> Option<Vec<&str>> {
    let tokens = lex(text, dialect);
    let is_word = |token: &Token, word: &str| token.kind == TokenKind::Word && token.text(text) == word;
    let joins_otherwise = |token: &Token| {
        is_word(token, "or")
            || is_word(token, "between")
            || (token.kind == TokenKind::Symbol && matches!(token.text(text), "(" | ";"))
    };
    let is_plain = !tokens.is_empty() && !tokens.iter().any(joins_otherwise);
    is_plain.then(|| tokens.split(|token| is_word(token, "and")).map(|part| span(text, part)).collect())
}

/// The text of neighbouring tokens.
fn span<'a>(text: &'a str, tokens: &[Token]) -> &'a str {
    let ends = tokens.first().zip(tokens.last());
    ends.and_then(|(first, last)| text.get(first.start as usize..last.end as usize)).unwrap_or_default()
}

/// Whether a condition tells which rows of two tables belong together, and nothing else of them.
pub(super) fn only_joins(condition: Option<&Expr>, dialect: Dialect) -> bool {
    condition.is_none_or(|condition| {
        let text = condition.text.to_lowercase();
        parts(&text, dialect).is_some_and(|parts| parts.iter().all(|part| compares_columns(part)))
    })
}

/// `a . x = b . y`, `x = b . y`, `x = y`.
fn compares_columns(part: &str) -> bool {
    let is_column = |side: &str| last(side).is_some_and(|name| !is_truth(name) && name != "null" && name.parse::<f64>().is_err());
    part.split_once(" = ").is_some_and(|(left, right)| is_column(left.trim()) && is_column(right.trim()))
}

/// `a . x = b . y`.
fn is_join(part: &str) -> bool {
    let is_column = |side: &str| side.split_once(" . ").is_some_and(|(alias, name)| is_name(alias) && is_name(name));
    part.split_once(" = ").is_some_and(|(left, right)| is_column(left.trim()) && is_column(right.trim()))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains([' ', '\'']) && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// The name in `x` or `t . x`.
fn last(text: &str) -> Option<&str> {
    let name = match text.split_once('.') {
        Some((alias, name)) if is_name(alias.trim()) => name.trim(),
        Some(_) => return None,
        None => text,
    };
    is_name(name).then(|| name.trim_matches(['"', '`', '[', ']']))
}

fn test(part: &str) -> Option<Test<'_>> {
    for (mark, equal) in [(" = ", true), (" <> ", false), (" != ", false), (" is not ", false), (" is ", true)] {
        if let Some((left, right)) = part.split_once(mark) {
            let value = right.split(" :: ").next().unwrap_or(right).trim();
            return Some(Test { column: last(left.trim())?, equal, value });
        }
    }
    match part.strip_prefix("not ") {
        Some(flag) => Some(Test { column: last(flag.trim())?, equal: false, value: "true" }),
        None => Some(Test { column: last(part)?, equal: true, value: "true" }),
    }
}

/// The reference in a condition that goes by a name.
fn named<'a>(condition: &'a Expr, name: &str) -> Option<&'a ColumnRef> {
    condition.columns.iter().find(|reference| reference.column.key().eq_ignore_ascii_case(name))
}

fn is_flag(column: &Column) -> bool {
    let kind = column.data_type.as_ref().map(|data_type| data_type.name.name.key().to_lowercase()).unwrap_or_default();
    matches!(kind.as_str(), "bool" | "boolean" | "tinyint" | "bit")
}

fn is_truth(value: &str) -> bool {
    matches!(value, "true" | "false")
}

fn literal_of(default: &Expr) -> Option<String> {
    match &default.shape {
        Shape::Literal(Literal::Text(text)) => Some(format!("'{}'", text.to_lowercase())),
        Shape::Literal(Literal::Number(number)) => Some(number.clone()),
        Shape::Literal(Literal::Bool(value)) => Some(value.to_string()),
        Shape::Cast { inner, .. } => literal_of(inner),
        _ => None,
    }
}

/// Whether two literals are one value: MySQL writes truth as a number.
fn same(one: &str, other: &str) -> bool {
    let plain = |text: &str| match text {
        "true" => "1".to_owned(),
        "false" => "0".to_owned(),
        text => text.trim_matches('\'').to_owned(),
    };
    plain(one) == plain(other)
}
