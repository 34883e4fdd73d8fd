//! DELETE in the forms of all dialects.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::expression::Source;
use crate::sql::name::Name;
use crate::sql::statement::{Delete, Op};

use super::super::expression::names::Names;
use super::super::query::{sources, take_clause};
use super::update::find;
use super::{before_returning, condition, skip_output};

pub fn delete(cursor: Cursor, nesting: u32) -> Option<Vec<Op>> {
    let mut here = before_returning(cursor);
    while here.take_one_of(&["LOW_PRIORITY", "QUICK", "IGNORE"]).is_some() {}
    if here.take_word("TOP") {
        here.take_parenthesised();
    }
    here.take_word("FROM");
    here.take_word("HISTORY");
    let written = here.take_until(|here| here.is_one_of(&["USING", "FROM", "WHERE", "ORDER", "LIMIT", "OUTPUT"]));
    skip_output(&mut here);
    let mut names = Names::default();
    let tables = targets(written, nesting, &mut names);
    let is_several = here.take_one_of(&["USING", "FROM"]);
    let using = match is_several {
        Some(_) => sources(take_clause(&mut here), nesting, &mut names).sources,
        None => Vec::new(),
    };
    let condition = condition(&mut here, nesting);
    let (tables, using) = resolve(tables, using, cursor.dialect);
    (!tables.is_empty()).then(|| vec![Op::Delete(Box::new(Delete { tables, using, condition, moved_to: None }))])
}

/// The tables that lose rows, as they are written: `t`, `t AS a`, `a, b.*`.
fn targets(written: Cursor, nesting: u32, names: &mut Names) -> Vec<Source> {
    let one = |mut part: Cursor| {
        let mut dotted = part;
        let name = dotted.take_name();
        if dotted.is_symbol(".") {
            // MySQL's `t.*`.
            return name.map(|table| Source { table: Some(table), alias: None, query: None, joined: false });
        }
        sources(part.take_count(part.remaining()), nesting, names).sources.into_iter().next()
    };
    written.split_commas().into_iter().filter_map(one).collect()
}

/// MySQL and SQL Server name their targets by the aliases of the other clause; PostgreSQL's other tables are only read.
fn resolve(targets: Vec<Source>, mut using: Vec<Source>, dialect: Dialect) -> (Vec<Name>, Vec<Source>) {
    let mut tables = Vec::new();
    for target in targets {
        let Some(table) = target.table else { continue };
        let place = find(&using, &table.name).filter(|_| dialect != Dialect::PostgreSql);
        let found = place.map(|place| using.remove(place)).and_then(|source| source.table);
        tables.push(found.unwrap_or(table));
    }
    (tables, using)
}
