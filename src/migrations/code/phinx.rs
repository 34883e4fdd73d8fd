//! Phinx and CakePHP's Migrations: `$this->table(…)` with its chain (`Phinx\Db\Table`), types of `Phinx\Db\Adapter\*::getSqlType`.

use super::ast::{Call, Node, Value};
use super::change::{Change, Column, Constraint, ConstraintKind, Item, Reference, Undo, inverse};
use super::rails::pick;
use super::script::{both, class_name, common};
use super::walk::{Vocabulary, Walk, sql_item};
use super::{CodeMigration, DownKind, lower};
use crate::sql::dialect::Dialect;

/// Type, PostgreSQL, MySQL, SQLite; `{n}` is the limit, `{p}` precision and scale in their parentheses.
const TYPES: &[(&str, &str, &str, &str)] = &[
    ("string", "varchar({n})", "varchar({n})", "varchar({n})"),
    ("char", "char({n})", "char({n})", "char({n})"),
    ("text", "text", "text", "text"),
    ("integer", "integer", "int", "integer"),
    ("int", "integer", "int", "integer"),
    ("biginteger", "bigint", "bigint", "bigint"),
    ("smallinteger", "smallint", "smallint", "smallint"),
    ("tinyinteger", "smallint", "tinyint", "tinyint"),
    ("float", "real", "float{p}", "float"),
    ("double", "double precision", "double{p}", "double"),
    ("decimal", "decimal{p}", "decimal{p}", "decimal"),
    ("datetime", "timestamp", "datetime", "datetime"),
    ("timestamp", "timestamp", "timestamp", "timestamp"),
    ("time", "time", "time", "time"),
    ("date", "date", "date", "date"),
    ("binary", "bytea", "binary({n})", "blob"),
    ("varbinary", "bytea", "varbinary({n})", "blob"),
    ("blob", "bytea", "blob", "blob"),
    ("boolean", "boolean", "tinyint(1)", "boolean"),
    ("json", "json", "json", "text"),
    ("jsonb", "jsonb", "json", "text"),
    ("uuid", "uuid", "char(36)", "char(36)"),
];

struct Phinx;

pub(super) fn read(nodes: &[Node], dialect: Dialect) -> CodeMigration {
    let walk = Walk::with_properties(nodes, dialect);
    let changed = walk.functions.contains_key("change");
    let mut read = both(&walk, if changed { "change" } else { "up" }, "down", &Phinx);
    read.header.id = class_name(nodes);
    let Some(change) = walk.functions.get("change") else { return read };
    match inverse(&walk.within(change).body(&change.body, &Phinx)) {
        Ok(items) => (read.down, read.down_kind) = (Some(lower::lower(&items, dialect)), DownKind::Inverse),
        Err(why) => (read.down, read.down_kind) = (None, DownKind::Irreversible(why)),
    }
    read
}

impl Vocabulary for Phinx {
    fn call(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        let chain = call.chain();
        match call.name.as_str() {
            "execute" | "query" => {
                let item = sql_item(walk, call.line, call.args.first());
                return Some(vec![Item { undo: Undo::Never("SQL text cannot be turned round".into()), ..item }]);
            }
            "fetchRow" | "fetchAll" | "getAdapter" => return Some(Vec::new()),
            "dropTable" => {
                let table = walk.text(call.args.first())?;
                return Some(vec![Item::new(call.line, Change::DropTable { table, if_exists: false, cascade: false })]);
            }
            _ => {}
        }
        let (table, links) = table(walk, &chain)?;
        let name = walk.text(table.args.first())?;
        steps(&Of { walk, name: &name }, table, &links).or_else(|| common(walk, call))
    }
}

/// `$this->table('users')->…`, or a variable that holds such a table.
fn table<'a>(walk: &'a Walk, chain: &[&'a Call]) -> Option<(&'a Call, Vec<&'a Call>)> {
    if let Some(at) = chain.iter().position(|link| link.name == "table" && link.called) {
        return Some((chain[at], chain[at + 1..].to_vec()));
    }
    let held = walk.constants.get(&chain.first()?.name)?.as_call()?.chain();
    let at = held.iter().position(|link| link.name == "table" && link.called)?;
    Some((held[at], held[at + 1..].iter().chain(&chain[1..]).copied().collect()))
}

struct Of<'a> {
    walk: &'a Walk,
    name: &'a str,
}

fn steps(of: &Of, table: &Call, links: &[&Call]) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    for link in links {
        let changes = of.step(link)?;
        items.extend(changes.into_iter().map(|change| match reverts(&change) {
            true => Item::new(link.line, change),
            false => Item::never(link.line, change, "the call cannot be reverted"),
        }));
    }
    // A table without a key of its own, or with a written one, is a new one.
    let made = links.iter().any(|link| link.name == "create")
        || table.option("id").or_else(|| table.option("primary_key")).is_some() && links.iter().any(|link| link.name == "save");
    if !made {
        return Some(items);
    }
    let (mut columns, mut rest) = (key(of.walk, table), Vec::new());
    for item in items {
        match item.change {
            Change::AddColumn { column, .. } => columns.push(column),
            _ => rest.push(item),
        }
    }
    let keys = of.walk.texts(table.option("primary_key"));
    let mut constraints = Vec::new();
    if !keys.is_empty() {
        constraints.push(Constraint { name: None, kind: ConstraintKind::PrimaryKey(keys), not_valid: false });
    }
    let create = Change::CreateTable { table: of.name.to_owned(), columns, constraints, if_not_exists: false };
    let drop = Change::DropTable { table: of.name.to_owned(), if_exists: false, cascade: false };
    let group = [Item::new(table.line, create)].into_iter().chain(rest).collect();
    Some(vec![Item::with(table.line, Change::Group(group), vec![drop])])
}

/// `Phinx\Db\Plan\Intent` of these can be reverted; a removal does not say what it removes.
fn reverts(change: &Change) -> bool {
    !matches!(
        change,
        Change::DropColumn { .. } | Change::DropIndex { .. } | Change::DropForeignKey { .. } | Change::DropTable { .. }
    )
}

/// `id`, unless the options give another name or none.
fn key(walk: &Walk, table: &Call) -> Vec<Column> {
    let name = match table.option("id").map(|value| walk.resolve(value)) {
        Some(Value::Bool(false)) => return Vec::new(),
        Some(Value::Text { text, .. }) => text.clone(),
        _ if table.option("primary_key").is_some() => return Vec::new(),
        _ => "id".into(),
    };
    let sql_type = if walk.dialect.is_mysql() { "int unsigned" } else { "integer" };
    vec![Column { name, sql_type: sql_type.into(), not_null: true, identity: true, primary_key: true, ..Column::default() }]
}

impl Of<'_> {
    fn text(&self, link: &Call, position: usize) -> Option<String> {
        self.walk.text(link.args.get(position))
    }

    fn index_name(&self, link: &Call, columns: &[String]) -> String {
        link.option_text("name").map_or_else(|| format!("{}_{}", self.name, columns.join("_")), str::to_owned)
    }

    fn step(&self, link: &Call) -> Option<Vec<Change>> {
        let table = self.name.to_owned();
        let columns = || self.walk.texts(link.args.first());
        let column = || self.text(link, 0);
        Some(match link.name.as_str() {
            "addColumn" => vec![Change::AddColumn { table, column: self.column(link)?, if_not_exists: false }],
            "changeColumn" => self.changed(link)?,
            "removeColumn" => vec![Change::DropColumn { table, column: column()?, if_exists: false }],
            "renameColumn" => vec![Change::RenameColumn { table, from: column()?, to: self.text(link, 1)? }],
            "addIndex" => {
                let (name, unique) = (Some(self.index_name(link, &columns())), link.flag("unique") == Some(true));
                vec![Change::CreateIndex { table, name, columns: columns(), unique, condition: None, if_not_exists: false }]
            }
            "removeIndex" => {
                vec![Change::DropIndex { name: self.index_name(link, &columns()), table, if_exists: false }]
            }
            "removeIndexByName" => vec![Change::DropIndex { table, name: column()?, if_exists: false }],
            "addForeignKey" => vec![Change::AddConstraint { table, constraint: self.foreign(link)? }],
            "dropForeignKey" => {
                let given = self.text(link, 1).or_else(|| link.option_text("constraint").map(str::to_owned));
                let name = given.unwrap_or_else(|| format!("{table}_{}", columns().join("_")));
                vec![Change::DropForeignKey { table, name }]
            }
            "addTimestamps" | "addTimestampsWithTimezone" if link.args.is_empty() => self.timestamps(),
            "rename" => vec![Change::RenameTable { from: table, to: column()? }],
            "drop" => vec![Change::DropTable { table, if_exists: false, cascade: false }],
            "truncate" => vec![Change::Sql(format!("TRUNCATE TABLE {}", lower::quote_name(&table, self.walk.dialect)))],
            "save" | "create" | "update" | "exists" | "hasColumn" | "hasIndex" | "hasForeignKey" | "getColumns" => Vec::new(),
            _ => return None,
        })
    }

    fn column(&self, link: &Call) -> Option<Column> {
        let kind = self.text(link, 1)?;
        let value = |name: &str| link.option(name).map(|value| self.walk.resolve(value));
        let number = |name: &str| self.walk.number(link, name);
        let mut sql_type = match (kind.as_str(), self.walk.dialect.is_mysql()) {
            ("enum" | "set", true) => {
                let labels = self.walk.texts(link.option("values"));
                let labels: Vec<String> = labels.iter().map(|label| lower::literal(label, self.walk.dialect)).collect();
                format!("{kind}({})", labels.join(", "))
            }
            ("text" | "integer" | "blob", true) if value("limit").is_some_and(|limit| *limit != Value::Null) => return None,
            _ => pick(TYPES.iter().find(|row| row.0 == kind)?, self.walk.dialect)
                .replace("{n}", &number("limit").or_else(|| number("length")).unwrap_or_else(|| "255".into()))
                .replace("{p}", &self.walk.digits(link)),
        };
        if link.flag("signed") == Some(false) && self.walk.dialect.is_mysql() {
            sql_type += " unsigned";
        }
        let default = value("default").and_then(|value| match value {
            Value::Text { text, .. } if text.eq_ignore_ascii_case("CURRENT_TIMESTAMP") => Some(text.clone()),
            value => self.walk.sql(value),
        });
        let identity = link.flag("identity") == Some(true) || link.flag("autoIncrement") == Some(true);
        Some(Column {
            name: self.text(link, 0)?,
            sql_type,
            not_null: link.flag("null") == Some(false),
            default,
            identity,
            ..Column::default()
        })
    }

    fn changed(&self, link: &Call) -> Option<Vec<Change>> {
        let column = self.column(link)?;
        let (table, name) = (self.name.to_owned(), column.name);
        Some(vec![
            Change::SetType { table: table.clone(), column: name.clone(), sql_type: column.sql_type, using: None },
            Change::SetNotNull { table: table.clone(), column: name.clone(), not_null: column.not_null },
            Change::SetDefault { table, column: name, default: column.default },
        ])
    }

    fn foreign(&self, link: &Call) -> Option<Constraint> {
        let action = |key: &str| link.option_text(key).unwrap_or_default().to_owned();
        let columns = self.walk.texts(link.args.first());
        let mut keys = self.walk.texts(link.args.get(2));
        if keys.is_empty() {
            keys.push("id".into());
        }
        let reference =
            Reference { table: self.text(link, 1)?, columns: keys, on_delete: action("delete"), on_update: action("update") };
        let name = link.option_text("constraint").map(str::to_owned);
        Some(Constraint { name, kind: ConstraintKind::ForeignKey(columns, reference), not_valid: false })
    }

    /// `Table::addTimestamps`: made when the row is, changed to null.
    fn timestamps(&self) -> Vec<Change> {
        let column = |name: &str, not_null: bool| Column {
            name: name.into(),
            sql_type: "timestamp".into(),
            not_null,
            default: not_null.then(|| "CURRENT_TIMESTAMP".into()),
            ..Column::default()
        };
        let add = |column| Change::AddColumn { table: self.name.to_owned(), column, if_not_exists: false };
        vec![add(column("created_at", true)), add(column("updated_at", false))]
    }
}
