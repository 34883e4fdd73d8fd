//! FROM: tables, subqueries, functions and how they are joined.

use crate::sql::cursor::Cursor;
use crate::sql::expression::{ColumnRef, Output, Query, Source};
use crate::sql::lexer::TokenKind;
use crate::sql::name::Ident;

use super::super::expression::names::Names;
use super::super::expression::{MAX_NESTING, is_reserved, scan};
use super::query_at;

/// What a FROM clause reads.
#[derive(Default)]
pub struct From {
    pub sources: Vec<Source>,
    /// Joins that can leave out rows of the first table, with the two columns that are compared where that is all.
    pub inner_joins: Vec<Option<[ColumnRef; 2]>>,
    /// Something in it was not understood.
    pub guessed: bool,
}

/// Reads the tokens behind FROM, USING, or the tables of UPDATE, without the keyword.
pub fn sources(cursor: Cursor, nesting: u32, names: &mut Names) -> From {
    let mut reader = Reader { nesting, names, from: From::default() };
    reader.list(cursor, nesting);
    reader.from
}

struct Reader<'n> {
    nesting: u32,
    names: &'n mut Names,
    from: From,
}

/// Words that may not be an alias because they go on with the clause.
const NO_ALIAS: [&str; 27] = [
    "JOIN",
    "INNER",
    "LEFT",
    "RIGHT",
    "FULL",
    "CROSS",
    "NATURAL",
    "ON",
    "USING",
    "STRAIGHT_JOIN",
    "OUTER",
    "TABLESAMPLE",
    "USE",
    "FORCE",
    "IGNORE",
    "WITH",
    "PARTITION",
    "INDEXED",
    "NOT",
    "SET",
    "WHERE",
    "AS",
    "APPLY",
    "PIVOT",
    "UNPIVOT",
    "WINDOW",
    "FOR",
];

impl Reader<'_> {
    fn list(&mut self, mut cursor: Cursor, depth: u32) {
        let mut joined = !self.from.sources.is_empty();
        while !cursor.is_end() {
            let before = cursor.remaining();
            self.factor(&mut cursor, joined, depth);
            self.joins(&mut cursor, depth);
            if cursor.take_symbol(",") {
                joined = true;
                self.from.inner_joins.push(None);
            } else if !cursor.is_end() {
                self.from.guessed = true;
                scan(cursor, self.nesting, self.names);
                return;
            }
            if cursor.remaining() == before {
                return;
            }
        }
    }

    fn joins(&mut self, cursor: &mut Cursor, depth: u32) {
        while let Some(outer) = take_join(cursor) {
            self.factor(cursor, !outer, depth);
            let mut compared = None;
            if cursor.take_word("ON") {
                let condition = cursor.take_until(|here| here.is_symbol(",") || is_join(here));
                scan(condition, self.nesting, self.names);
                compared = equality(condition);
            } else if cursor.is(&["USING"]) {
                cursor.skip();
                self.using(cursor);
            }
            if !outer {
                self.from.inner_joins.push(compared);
            }
        }
    }

    fn using(&mut self, cursor: &mut Cursor) {
        let Some(mut columns) = cursor.take_parenthesised() else { return };
        while let Some(column) = columns.take_ident() {
            self.names.columns.push(ColumnRef { qualifier: None, column });
            columns.take_symbol(",");
        }
        if cursor.take_word("AS") {
            cursor.take_ident();
        }
    }

    fn factor(&mut self, cursor: &mut Cursor, joined: bool, depth: u32) {
        while cursor.take_one_of(&["LATERAL", "ONLY"]).is_some() {}
        if cursor.is_symbol("(") {
            return self.parenthesised(cursor, joined, depth);
        }
        let is_rows_from = cursor.is(&["ROWS", "FROM"]) && cursor.text_at(2) == "(";
        if is_rows_from {
            cursor.take_count(2);
            return self.function(cursor, None, joined);
        }
        let place = *cursor;
        let Some(name) = cursor.take_name() else { return };
        if cursor.is_symbol("(") && !is_hint(cursor) {
            return self.function(cursor, Some((place, name)), joined);
        }
        cursor.take_symbol("*");
        self.names.tables.push(name.clone());
        let (alias, _) = alias(cursor);
        self.from.sources.push(Source { table: Some(name), alias, query: None, joined });
    }

    fn function(&mut self, cursor: &mut Cursor, name: Option<(Cursor, crate::sql::name::Name)>, joined: bool) {
        if let Some(inner) = cursor.take_parenthesised() {
            scan(inner, self.nesting, self.names);
        }
        let own = name.map(|(_, name)| {
            self.names.functions.push(name.clone());
            name.name
        });
        cursor.take(&["WITH", "ORDINALITY"]);
        let (alias, _) = alias(cursor);
        self.from.sources.push(Source { table: None, alias: alias.or(own), query: None, joined });
    }

    /// A subquery, or joins in parentheses.
    fn parenthesised(&mut self, cursor: &mut Cursor, joined: bool, depth: u32) {
        let Some(inner) = cursor.take_parenthesised() else { return };
        if is_query(inner) {
            let mut query = query_at(inner, self.nesting + 1);
            self.names.add_query(&query);
            let (alias, columns) = alias(cursor);
            rename_outputs(&mut query, &columns);
            return self.from.sources.push(Source { table: None, alias, query: Some(Box::new(query)), joined });
        }
        if depth >= MAX_NESTING {
            self.from.guessed = true;
            return scan(inner, self.nesting, self.names);
        }
        let first = self.from.sources.len();
        self.list(inner, depth + 1);
        if let Some(source) = self.from.sources.get_mut(first) {
            source.joined |= joined;
        }
        alias(cursor);
    }
}

/// Also a query in several parentheses, and several of them between UNION and the like.
fn is_query(mut cursor: Cursor) -> bool {
    for _ in 0..MAX_NESTING {
        let mut ahead = cursor;
        match ahead.take_parenthesised() {
            Some(inner) if ahead.is_end() => cursor = inner,
            Some(_) => return ahead.is_one_of(&["UNION", "INTERSECT", "EXCEPT", "MINUS", "ORDER", "LIMIT", "OFFSET", "FETCH"]),
            None => break,
        }
    }
    cursor.is_one_of(&["SELECT", "WITH", "VALUES", "TABLE"])
}

/// Names that stand behind an alias or a CTE in parentheses.
pub fn rename_outputs(query: &mut Query, columns: &[Ident]) {
    for (output, column) in query.outputs.iter_mut().zip(columns) {
        let Output::Column { name, .. } = output else { return };
        *name = Some(column.clone());
    }
}

/// SQL Server's old `t (NOLOCK)`.
fn is_hint(cursor: &Cursor) -> bool {
    cursor.dialect == crate::sql::dialect::Dialect::MsSql && cursor.is_word_at(1, "NOLOCK")
}

/// The alias with its column names; what else may stand around it is skipped.
fn alias(cursor: &mut Cursor) -> (Option<Ident>, Vec<Ident>) {
    options(cursor);
    let written = cursor.take_word("AS");
    let is_name = match cursor.kind_at(0) {
        Some(TokenKind::Quoted | TokenKind::Text) => true,
        Some(TokenKind::Word) => written || !is_continued(cursor),
        _ => false,
    };
    let alias = is_name.then(|| cursor.take_ident_or_text()).flatten();
    let columns = match alias.is_some() || written {
        true => cursor.take_parenthesised().map(columns).unwrap_or_default(),
        false => Vec::new(),
    };
    options(cursor);
    (alias, columns)
}

/// `(a, b)`, `(a int, b text)`.
fn columns(inner: Cursor) -> Vec<Ident> {
    inner.split_commas().into_iter().filter_map(|mut part| part.take_ident()).collect()
}

fn is_continued(cursor: &Cursor) -> bool {
    cursor.is_one_of(&NO_ALIAS) || is_reserved(cursor.text_at(0))
}

/// Samples, partitions, index hints and table hints.
fn options(cursor: &mut Cursor) {
    loop {
        let before = cursor.remaining();
        if cursor.take_one_of(&["TABLESAMPLE", "PARTITION", "REPEATABLE"]).is_some() {
            cursor.take_word("BERNOULLI");
            cursor.take_word("SYSTEM");
            cursor.take_parenthesised();
        } else if cursor.is(&["USE"]) || cursor.is(&["FORCE"]) || cursor.is(&["IGNORE"]) {
            cursor.take_until(|here| here.is_symbol("(") || here.is_symbol(","));
            cursor.take_parenthesised();
        } else if cursor.is(&["WITH"]) && cursor.text_at(1) == "(" || cursor.text_at(0) == "(" && is_hint(cursor) {
            cursor.take_word("WITH");
            cursor.take_parenthesised();
        } else if cursor.take(&["INDEXED", "BY"]) {
            cursor.take_ident();
        } else {
            cursor.take(&["NOT", "INDEXED"]);
            cursor.take(&["WITH", "ORDINALITY"]);
        }
        if cursor.remaining() == before {
            return;
        }
    }
}

fn is_join(cursor: &Cursor) -> bool {
    let mut ahead = *cursor;
    take_join(&mut ahead).is_some()
}

/// Takes a join's keywords; says whether it keeps every row of what stands before it.
/// `a.x = b.y`, and nothing else.
fn equality(mut condition: Cursor) -> Option<[ColumnRef; 2]> {
    while let Some(inner) = parenthesised_whole(condition) {
        condition = inner;
    }
    let left = take_column(&mut condition)?;
    condition.take_symbol("=").then_some(())?;
    let right = take_column(&mut condition)?;
    condition.is_end().then_some([left, right])
}

fn parenthesised_whole(mut condition: Cursor) -> Option<Cursor> {
    let inner = condition.take_parenthesised()?;
    condition.is_end().then_some(inner)
}

/// `column`, `alias.column`.
fn take_column(cursor: &mut Cursor) -> Option<ColumnRef> {
    let name = cursor.take_name()?;
    Some(ColumnRef { qualifier: name.schema, column: name.name })
}

fn take_join(cursor: &mut Cursor) -> Option<bool> {
    let mut here = *cursor;
    here.take_word("NATURAL");
    let side = here.take_one_of(&["INNER", "CROSS", "LEFT", "RIGHT", "FULL", "OUTER"]);
    let outer = here.take_word("OUTER");
    let found = here.take_one_of(&["JOIN", "APPLY", "STRAIGHT_JOIN"])?;
    *cursor = here;
    let _ = outer;
    Some(match side {
        Some("LEFT" | "FULL") => true,
        Some("OUTER") => found == "APPLY",
        _ => false,
    })
}
