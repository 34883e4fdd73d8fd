//! Knex's schema builder: `createTable`, `alterTable` and what their callbacks call (`knex/lib/schema`).

use super::CodeMigration;
use super::ast::{Call, Function, Node, Value};
use super::change::{Change, Column, Constraint, ConstraintKind, Item, Reference};
use super::rails::pick;
use super::script::{both, common};
use super::walk::{Vocabulary, Walk, unknown};
use crate::sql::dialect::Dialect;

/// Method, PostgreSQL, MySQL, SQLite; `{n}` is the length or precision, `{s}` the scale.
const TYPES: &[(&str, &str, &str, &str)] = &[
    ("string", "varchar({n})", "varchar({n})", "varchar({n})"),
    ("text", "text", "text", "text"),
    ("integer", "integer", "int", "integer"),
    ("tinyint", "smallint", "tinyint", "tinyint"),
    ("smallint", "smallint", "smallint", "integer"),
    ("mediumint", "integer", "mediumint", "integer"),
    ("bigInteger", "bigint", "bigint", "bigint"),
    ("bigint", "bigint", "bigint", "bigint"),
    ("increments", "integer", "int unsigned", "integer"),
    ("bigIncrements", "bigint", "bigint unsigned", "integer"),
    ("float", "real", "float({p},{s})", "float"),
    ("double", "double precision", "double", "float"),
    ("decimal", "decimal({p},{s})", "decimal({p},{s})", "float"),
    ("boolean", "boolean", "boolean", "boolean"),
    ("date", "date", "date", "date"),
    ("datetime", "timestamptz", "datetime", "datetime"),
    ("dateTime", "timestamptz", "datetime", "datetime"),
    ("timestamp", "timestamptz", "timestamp", "datetime"),
    ("time", "time", "time", "time"),
    ("binary", "bytea", "blob", "blob"),
    ("json", "json", "json", "json"),
    ("jsonb", "jsonb", "json", "json"),
    ("uuid", "uuid", "char(36)", "char(36)"),
    ("enum", "text", "varchar(255)", "text"),
    ("enu", "text", "varchar(255)", "text"),
];

struct Knex;

pub(super) fn read(nodes: &[Node], dialect: Dialect) -> CodeMigration {
    both(&Walk::with_properties(nodes, dialect), "up", "down", &Knex)
}

impl Vocabulary for Knex {
    fn call(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        let chain = call.chain();
        let Some(schema) = chain.iter().position(|link| link.name == "schema") else { return common(walk, call) };
        let mut out = Vec::new();
        for link in &chain[schema + 1..] {
            match link.name.as_str() {
                "then" | "catch" | "finally" => return None,
                "withSchema" | "hasTable" | "hasColumn" | "transacting" => {}
                _ => out.extend(builder(walk, link).unwrap_or_else(|| vec![unknown(call)])),
            }
        }
        Some(out)
    }
}

fn builder(walk: &Walk, link: &Call) -> Option<Vec<Item>> {
    let table = || walk.text(link.args.first());
    let one = |change| Some(vec![Item::new(link.line, change)]);
    match link.name.as_str() {
        "createTable" | "createTableIfNotExists" => create(walk, link, &table()?),
        "table" | "alterTable" => match link.args.get(1)? {
            Value::Function(function) => Some(callback(walk, &table()?, function)),
            _ => None,
        },
        "dropTable" => one(Change::DropTable { table: table()?, if_exists: false, cascade: false }),
        "dropTableIfExists" => one(Change::DropTable { table: table()?, if_exists: true, cascade: false }),
        "renameTable" => one(Change::RenameTable { from: table()?, to: walk.text(link.args.get(1))? }),
        "raw" => common(walk, link),
        _ => None,
    }
}

fn create(walk: &Walk, link: &Call, table: &str) -> Option<Vec<Item>> {
    let Value::Function(function) = link.args.get(1)? else { return None };
    let (mut columns, mut rest) = (Vec::new(), Vec::new());
    for item in callback(walk, table, function) {
        match item.change {
            Change::AddColumn { column, .. } => columns.push(column),
            _ => rest.push(item),
        }
    }
    let if_not_exists = link.name.ends_with("Exists");
    let create = Change::CreateTable { table: table.to_owned(), columns, constraints: Vec::new(), if_not_exists };
    let mut out = vec![Item::new(link.line, create)];
    out.append(&mut rest);
    Some(out)
}

fn callback(walk: &Walk, table: &str, function: &Function) -> Vec<Item> {
    let variable = function.params.first().cloned().unwrap_or_else(|| "this".into());
    walk.body(&function.body, &Builder { table: table.to_owned(), variable })
}

/// `table.string('name').notNullable()`.
struct Builder {
    table: String,
    variable: String,
}

impl Vocabulary for Builder {
    fn call(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        let chain = call.chain();
        if chain.first().map(|first| first.name.as_str()) != Some(self.variable.as_str()) {
            return Knex.call(walk, call);
        }
        let method = chain.get(1)?;
        Some(self.method(walk, method, &chain[2..]).unwrap_or_else(|| vec![unknown(call)]))
    }
}

impl Builder {
    fn method(&self, walk: &Walk, method: &Call, modifiers: &[&Call]) -> Option<Vec<Item>> {
        let text = |position: usize| walk.text(method.args.get(position));
        let table = self.table.clone();
        let line = method.line;
        let one = |change| Some(vec![Item::new(line, change)]);
        let columns = || walk.texts(method.args.first());
        match method.name.as_str() {
            "dropColumn" | "dropColumns" => {
                let names = method.args.iter().flat_map(|arg| walk.texts(Some(arg)));
                Some(
                    names
                        .map(|column| Item::new(line, Change::DropColumn { table: table.clone(), column, if_exists: false }))
                        .collect(),
                )
            }
            "renameColumn" => one(Change::RenameColumn { table, from: text(0)?, to: text(1)? }),
            "setNullable" | "dropNullable" => {
                one(Change::SetNotNull { table, column: text(0)?, not_null: method.name == "dropNullable" })
            }
            "timestamps" => Some(self.timestamps(walk, method)),
            "dropTimestamps" => {
                let drop = |column: &str| {
                    Item::new(line, Change::DropColumn { table: table.clone(), column: column.into(), if_exists: false })
                };
                Some(vec![drop("created_at"), drop("updated_at")])
            }
            "primary" => {
                let constraint = Constraint { name: text(1), kind: ConstraintKind::PrimaryKey(columns()), not_valid: false };
                one(Change::AddConstraint { table, constraint })
            }
            "dropPrimary" => one(Change::DropPrimaryKey { table }),
            "unique" => {
                let name = Some(text(1).unwrap_or_else(|| self.name(&columns(), "unique")));
                one(Change::AddConstraint {
                    table,
                    constraint: Constraint { name, kind: ConstraintKind::Unique(columns()), not_valid: false },
                })
            }
            "index" => {
                let name = Some(text(1).unwrap_or_else(|| self.name(&columns(), "index")));
                one(Change::CreateIndex { table, name, columns: columns(), unique: false, condition: None, if_not_exists: false })
            }
            "dropUnique" if walk.dialect == Dialect::PostgreSql => {
                let name = text(1).unwrap_or_else(|| self.name(&columns(), "unique"));
                one(Change::DropConstraint { table, name, if_exists: false })
            }
            "dropIndex" | "dropUnique" => {
                let kind = if method.name == "dropIndex" { "index" } else { "unique" };
                one(Change::DropIndex { table, name: text(1).unwrap_or_else(|| self.name(&columns(), kind)), if_exists: false })
            }
            "foreign" => self.foreign(walk, line, text(1), columns(), modifiers).map(|item| vec![item]),
            "dropForeign" => {
                one(Change::DropForeignKey { table, name: text(1).unwrap_or_else(|| self.name(&columns(), "foreign")) })
            }
            "comment" | "engine" | "charset" | "collate" => Some(Vec::new()),
            _ => self.column(walk, method, modifiers),
        }
    }

    /// `TableCompiler._indexCommand`.
    fn name(&self, columns: &[String], kind: &str) -> String {
        format!("{}_{}_{kind}", self.table.replace('.', "_"), columns.join("_")).to_lowercase()
    }

    fn timestamps(&self, walk: &Walk, method: &Call) -> Vec<Item> {
        let defaults = method.args.get(1).and_then(Value::as_bool).or(method.flag("defaultToNow")) == Some(true);
        let stamps = method.args.first().and_then(Value::as_bool).or(method.flag("useTimestamps")) == Some(true);
        let kind = match walk.dialect {
            Dialect::PostgreSql => "timestamptz",
            dialect if dialect.is_mysql() && stamps => "timestamp",
            _ => "datetime",
        };
        let column = |name: &str| Column {
            name: name.into(),
            sql_type: kind.into(),
            not_null: defaults,
            default: defaults.then(|| "CURRENT_TIMESTAMP".into()),
            ..Column::default()
        };
        let add = |name| {
            Item::new(method.line, Change::AddColumn { table: self.table.clone(), column: column(name), if_not_exists: false })
        };
        vec![add("created_at"), add("updated_at")]
    }

    fn foreign(&self, walk: &Walk, line: u32, name: Option<String>, columns: Vec<String>, modifiers: &[&Call]) -> Option<Item> {
        let find = |wanted: &str| modifiers.iter().find(|link| link.name == wanted);
        let texts = |wanted: &str| find(wanted).map(|link| walk.texts(link.args.first())).unwrap_or_default();
        let mut to = texts("references");
        let table = texts("inTable").pop().or_else(|| texts("on").pop()).or_else(|| {
            let (table, column) = to.first()?.rsplit_once('.').map(|(table, column)| (table.to_owned(), column.to_owned()))?;
            to = vec![column];
            Some(table)
        })?;
        let action = |wanted: &str| texts(wanted).pop().unwrap_or_default();
        let reference = Reference { table, columns: to, on_delete: action("onDelete"), on_update: action("onUpdate") };
        let name = name.or_else(|| Some(self.name(&columns, "foreign")));
        let constraint = Constraint { name, kind: ConstraintKind::ForeignKey(columns, reference), not_valid: false };
        Some(Item::new(line, Change::AddConstraint { table: self.table.clone(), constraint }))
    }

    fn column(&self, walk: &Walk, method: &Call, modifiers: &[&Call]) -> Option<Vec<Item>> {
        let kind = method.name.as_str();
        let name = walk.text(method.args.first()).or_else(|| kind.ends_with("ncrements").then(|| "id".into()))?;
        let number = |position: usize| match method.args.get(position).map(|value| walk.resolve(value)) {
            Some(Value::Number(number)) => Some(number.clone()),
            _ => None,
        };
        let sql_type = match TYPES.iter().find(|row| row.0 == kind) {
            Some(row) => pick(row, walk.dialect).to_owned(),
            None if matches!(kind, "specificType" | "specificTypeName") => walk.text(method.args.get(1))?,
            None => return None,
        };
        let sql_type = sql_type.replace("{n}", &number(1).unwrap_or_else(|| "255".into()));
        let sql_type = sql_type
            .replace("{p}", &number(1).unwrap_or_else(|| "8".into()))
            .replace("{s}", &number(2).unwrap_or_else(|| "2".into()));
        let find = |wanted: &str| modifiers.iter().find(|link| link.name == wanted);
        let counted = kind.ends_with("ncrements");
        let unsigned = find("unsigned").is_some() && walk.dialect.is_mysql();
        let column = Column {
            name: name.clone(),
            sql_type: if unsigned { format!("{sql_type} unsigned") } else { sql_type },
            not_null: find("notNullable").is_some() || find("notNull").is_some(),
            default: find("defaultTo").and_then(|link| default_sql(walk, link.args.first()?)),
            identity: counted,
            primary_key: find("primary").is_some() || counted && method.args.get(1).is_none(),
            ..Column::default()
        };
        let mut out = match find("alter") {
            Some(alter) => self.altered(walk, alter, method.line, column),
            None => vec![Item::new(method.line, Change::AddColumn { table: self.table.clone(), column, if_not_exists: false })],
        };
        for (word, unique) in [("unique", true), ("index", false)] {
            out.extend(find(word).map(|_| {
                let index = Some(self.name(std::slice::from_ref(&name), word));
                let columns = vec![name.clone()];
                Item::new(
                    method.line,
                    Change::CreateIndex {
                        table: self.table.clone(),
                        name: index,
                        columns,
                        unique,
                        condition: None,
                        if_not_exists: false,
                    },
                )
            }));
        }
        if find("references").is_some() {
            out.extend(self.foreign(walk, method.line, None, vec![name], modifiers));
        }
        Some(out)
    }

    /// `.alter()` sets nullability, default and type anew (`alterNullable`, `alterType`), the type with USING on PostgreSQL.
    fn altered(&self, walk: &Walk, alter: &Call, line: u32, column: Column) -> Vec<Item> {
        let (table, name) = (self.table.clone(), column.name);
        let kept = |option: &str| alter.flag(option) == Some(false);
        let using = (walk.dialect == Dialect::PostgreSql).then(|| format!("\"{name}\"::{}", column.sql_type));
        let kind = Change::SetType { table: table.clone(), column: name.clone(), sql_type: column.sql_type, using };
        let null = Change::SetNotNull { table: table.clone(), column: name.clone(), not_null: column.not_null };
        let mut out = vec![Change::SetDefault { table, column: name, default: column.default }];
        out.extend((!kept("alterType")).then_some(kind));
        out.extend((!kept("alterNullable")).then_some(null));
        out.into_iter().map(|change| Item::new(line, change)).collect()
    }
}

/// `knex.fn.now()`, `knex.raw('…')`, values.
fn default_sql(walk: &Walk, value: &Value) -> Option<String> {
    match walk.resolve(value) {
        Value::Call(call) if call.name == "now" => Some("CURRENT_TIMESTAMP".into()),
        Value::Call(call) if call.name == "uuid" => Some("gen_random_uuid()".into()),
        Value::Call(call) if call.name == "raw" => walk.text(call.args.first()),
        value => walk.sql(value),
    }
}
