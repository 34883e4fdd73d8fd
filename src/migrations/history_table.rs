//! The history tables of the frameworks: what they are called, and what their columns say.

use super::applied::{Applied, Row, State};
use crate::table;

const TABLE: &str = include_str!("../../rules/tables/history-tables.csv");

/// A history table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryTable {
    /// Without its schema; several frameworks share names.
    pub name: &'static str,
    /// The schema that it is in where that is not the default one; may be empty.
    pub schema: &'static str,
    /// Column that its rows are sorted by; may be empty.
    pub order: &'static str,
    pub source: &'static str,
}

/// All history tables that are known.
pub fn tables() -> impl Iterator<Item = HistoryTable> {
    table::records(TABLE).map(|row| HistoryTable {
        name: row.field(0),
        schema: row.field(1),
        order: row.field(2),
        source: row.field(3),
    })
}

/// Columns that name a migration, the surest first.
const NAMES: [&str; 10] = [
    "version",
    "version_id",
    "version_num",
    "migrationid",
    "migration_name",
    "migration",
    "script",
    "change",
    "timestamp",
    "name",
];

/// A cell; none is NULL.
pub type Cell = Option<String>;

/// Rows of a table with these columns, as the framework that has such columns means them.
pub fn read(origin: &str, columns: &[String], rows: &[Vec<Cell>]) -> Applied {
    let columns = Columns(columns.iter().map(|name| name.trim().to_ascii_lowercase()).collect());
    let has = |name: &str| columns.position(name).is_some();
    Applied {
        origin: origin.to_owned(),
        rows: rows.iter().map(|cells| row(&columns, cells)).filter(|row| !row.names.is_empty()).collect(),
        head_only: has("version_num") || (has("version") && has("dirty") && !has("direction")),
    }
}

/// Whether these are the columns of a history table.
pub fn is_header(columns: &[String]) -> bool {
    let lower: Vec<String> = columns.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    lower.iter().any(|name| NAMES.contains(&name.as_str()) || ["id", "hash", "filename"].contains(&name.as_str()))
}

struct Columns(Vec<String>);

impl Columns {
    fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|column| column == name)
    }

    /// The value of a column; none where there is no such column, or no value.
    fn value<'a>(&self, cells: &'a [Cell], name: &str) -> Option<&'a str> {
        let cell = cells.get(self.position(name)?)?.as_deref()?;
        Some(cell.trim()).filter(|text| !text.is_empty())
    }
}

fn row(columns: &Columns, cells: &[Cell]) -> Row {
    let value = |name: &str| columns.value(cells, name);
    let checksum = ["checksum", "md5sum", "hash"].iter().find_map(|name| value(name));
    Row { names: names(columns, cells), checksum: checksum.map(str::to_owned), state: state(columns, cells) }
}

fn names(columns: &Columns, cells: &[Cell]) -> Vec<String> {
    let value = |name: &str| columns.value(cells, name);
    // Flyway's own rows: schemas it made, and what it deleted from the history.
    if value("type").is_some_and(|kind| kind == "SCHEMA") {
        return Vec::new();
    }
    match (value("id"), value("author"), value("filename"), value("app"), value("name")) {
        (Some(id), Some(author), Some(file), ..) => return vec![format!("{file}::{id}::{author}")],
        (.., Some(app), Some(name)) => return vec![format!("{app}.{name}"), name.to_owned()],
        _ => {}
    }
    let mut found: Vec<String> = NAMES.iter().filter_map(|name| value(name)).map(str::to_owned).collect();
    // Drizzle stores the time of its journal, sql-migrate the file's name as id.
    let others = if value("hash").is_some() { ["created_at", "hash"] } else { ["id", "id"] };
    if found.is_empty() {
        found.extend(others.iter().filter_map(|name| value(name)).map(str::to_owned));
    }
    found
}

fn state(columns: &Columns, cells: &[Cell]) -> State {
    let value = |name: &str| columns.value(cells, name);
    let is = |name: &str, wanted: &[&str]| value(name).is_some_and(|text| wanted.contains(&text.to_ascii_lowercase().as_str()));
    let (yes, no) = (["t", "true", "1", "y", "yes"], ["f", "false", "0", "n", "no"]);
    let undone = is("is_applied", &no)
        || value("rolled_back_at").is_some()
        || is("direction", &["down"])
        || value("type").is_some_and(|kind| kind.starts_with("UNDO") || kind == "DELETE");
    if undone {
        return State::Undone;
    }
    let number = |name: &str| value(name).and_then(|text| text.parse::<u64>().ok());
    let unfinished = columns.position("finished_at").is_some() && value("finished_at").is_none();
    let partly = matches!((number("applied"), number("total")), (Some(done), Some(all)) if done < all);
    let failed = is("success", &no) || is("dirty", &yes) || is("exectype", &["failed"]) || is("status", &["failed", "dirty"]);
    if failed || unfinished || partly { State::Failed } else { State::Done }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(columns: &str, rows: &[&str]) -> Applied {
        let split = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
        let cells = |line: &&str| split(line).into_iter().map(|text| Some(text).filter(|text| text != "NULL")).collect();
        read("x", &split(columns), &rows.iter().map(cells).collect::<Vec<_>>())
    }

    fn seen(applied: &Applied) -> Vec<(&str, State)> {
        applied.rows.iter().map(|row| (row.names[0].as_str(), row.state)).collect()
    }

    #[test]
    fn every_table_has_its_source() {
        table::check(TABLE);
        table::strict(TABLE, &["table", "schema", "order", "source"]).expect("every row has its source");
        assert!(tables().all(|table| !table.name.is_empty()));
        assert!(tables().all(|table| {
            [table.name, table.schema, table.order]
                .iter()
                .all(|word| word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
        }));
    }

    #[test]
    fn reads_what_each_framework_stores() {
        let flyway = applied(
            "installed_rank,version,description,type,script,checksum,installed_by,installed_on,execution_time,success",
            &[
                "1,1,a,SQL,V1__a.sql,5,x,2020,1,t",
                "2,NULL,v,SQL,R__v.sql,6,x,2020,1,t",
                "3,2,b,SQL,V2__b.sql,7,x,2020,1,f",
                "4,1,a,UNDO_SQL,U1__a.sql,7,x,2020,1,t",
            ],
        );
        let states = [("1", State::Done), ("R__v.sql", State::Done), ("2", State::Failed), ("1", State::Undone)];
        assert_eq!(seen(&flyway), states);
        let golang = applied("version,dirty", &["7,t"]);
        assert_eq!((seen(&golang), golang.head_only), (vec![("7", State::Failed)], true));
        let prisma = applied(
            "id,checksum,finished_at,migration_name,logs,rolled_back_at,started_at,applied_steps_count",
            &["u,c,2020,2020_a,NULL,NULL,2020,1", "u,c,NULL,2021_b,x,NULL,2020,0", "u,c,NULL,2021_b,x,2021,2020,0"],
        );
        assert_eq!(seen(&prisma), [("2020_a", State::Done), ("2021_b", State::Failed), ("2021_b", State::Undone)]);
        let liquibase = applied("ID,AUTHOR,FILENAME,EXECTYPE", &["1,me,db/a.sql,EXECUTED"]);
        assert_eq!(seen(&liquibase), [("db/a.sql::1::me", State::Done)]);
        assert_eq!(seen(&applied("id,app,name,applied", &["1,shop,0001_initial,2020"])), [("shop.0001_initial", State::Done)]);
        assert_eq!(
            seen(&applied("id,version_id,is_applied,tstamp", &["1,0,t,x", "2,5,f,x"])),
            [("0", State::Done), ("5", State::Undone)]
        );
        assert_eq!(seen(&applied("id,hash,created_at", &["1,abc,1700"])), [("1700", State::Done)]);
        assert_eq!(seen(&applied("version,description,applied,total,error", &["1,a,2,5,x"])), [("1", State::Failed)]);
    }
}
