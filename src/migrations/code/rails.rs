//! Rails (`ActiveRecord::Migration`): methods of `ActiveRecord::ConnectionAdapters::SchemaStatements` and `TableDefinition`;
//! what `change` can revert is in `ActiveRecord::Migration::CommandRecorder`.

use sha2::{Digest, Sha256};

use super::ast::{Call, Function, Node, NodeKind, Value};
use super::change::{Change, Column, Constraint, ConstraintKind, Item, Reference, Undo, inverse};
use super::script::opaque_file;
use super::walk::{Vocabulary, Walk, sql_item, unknown};
use super::{CodeMigration, DownKind, Header, lower};
use crate::hex::hex;
use crate::sql::dialect::Dialect;

/// Method, PostgreSQL, MySQL, SQLite (`NATIVE_DATABASE_TYPES` of each adapter).
const TYPES: &[(&str, &str, &str, &str)] = &[
    ("string", "varchar", "varchar(255)", "varchar"),
    ("text", "text", "text", "text"),
    ("integer", "integer", "int", "integer"),
    ("bigint", "bigint", "bigint", "bigint"),
    ("smallint", "smallint", "smallint", "smallint"),
    ("float", "float", "float(24)", "float"),
    ("decimal", "decimal", "decimal", "decimal"),
    ("numeric", "decimal", "decimal", "decimal"),
    ("datetime", "timestamp", "datetime", "datetime"),
    ("timestamp", "timestamp", "timestamp", "datetime"),
    ("timestamptz", "timestamptz", "timestamp", "datetime"),
    ("time", "time", "time", "time"),
    ("date", "date", "date", "date"),
    ("binary", "bytea", "blob", "blob"),
    ("blob", "bytea", "blob", "blob"),
    ("boolean", "boolean", "tinyint(1)", "boolean"),
    ("json", "json", "json", "json"),
    ("virtual", "text", "text", "text"),
    ("primary_key", "bigint", "bigint", "integer"),
    ("serial", "integer", "int", "integer"),
    ("bigserial", "bigint", "bigint", "integer"),
    ("tinytext", "text", "tinytext", "text"),
    ("mediumtext", "text", "mediumtext", "text"),
    ("longtext", "text", "longtext", "text"),
    ("tinyblob", "bytea", "tinyblob", "blob"),
    ("mediumblob", "bytea", "mediumblob", "blob"),
    ("longblob", "bytea", "longblob", "blob"),
    ("unsigned_integer", "integer", "int unsigned", "integer"),
    ("unsigned_bigint", "bigint", "bigint unsigned", "bigint"),
];

/// Types of PostgreSQL that are methods of the same name.
const POSTGRESQL: &[&str] = &[
    "uuid",
    "jsonb",
    "hstore",
    "inet",
    "cidr",
    "macaddr",
    "xml",
    "tsvector",
    "tsquery",
    "citext",
    "ltree",
    "bit",
    "money",
    "interval",
    "oid",
    "point",
    "line",
    "lseg",
    "box",
    "path",
    "polygon",
    "circle",
    "int4range",
    "int8range",
    "numrange",
    "tsrange",
    "tstzrange",
    "daterange",
    "enum",
    "bit_varying",
];

struct Rails {
    /// `ActiveRecord::Migration[7.0]` as 70.
    version: u32,
}

/// One file.
pub(super) fn read(nodes: &[Node], dialect: Dialect) -> CodeMigration {
    let walk = Walk::new(nodes, dialect);
    let rails = Rails { version: version(nodes) };
    let body = |name: &str| walk.functions.get(name).map(|function| walk.body(&function.body, &rails));
    let transactional = disables_transaction(nodes).then_some(false);
    let header = Header { id: class_name(nodes), ..Header::default() };
    let (up, down) = match (body("change"), body("up")) {
        (Some(change), _) => {
            let down = inverse(&change);
            (change, Some(down))
        }
        (None, up) => (up.unwrap_or_else(|| vec![opaque_file()]), body("down").map(Ok)),
    };
    let written = !walk.functions.contains_key("change");
    let up = lower::lower(&up, dialect);
    let (down, down_kind) = match down {
        _ if walk.functions.get("down").is_some_and(raises) && written => {
            (None, DownKind::Irreversible("its down raises an error".into()))
        }
        None => (None, DownKind::Missing),
        Some(Err(why)) => (None, DownKind::Irreversible(why)),
        Some(Ok(items)) if written && items.is_empty() => (Some(Vec::new()), DownKind::Empty),
        Some(Ok(items)) => {
            let kind = if written { DownKind::Written } else { DownKind::Inverse };
            (Some(lower::lower(&items, dialect)), kind)
        }
    };
    CodeMigration { up, down, down_kind, header, transactional }
}

/// Whether a function raises an error whatever happens.
pub(super) fn raises(function: &Function) -> bool {
    function.body.iter().any(|node| matches!(node.kind, NodeKind::Raise(_)))
}

fn version(nodes: &[Node]) -> u32 {
    let base = nodes.iter().find_map(|node| match &node.kind {
        NodeKind::Class(_, bases, _) => bases.first(),
        _ => None,
    });
    let Some(Value::Call(call)) = base else { return 42 };
    match call.args.first() {
        Some(Value::Number(number)) if call.name == "[]" => {
            let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
            major.parse::<u32>().unwrap_or(4).saturating_mul(10).saturating_add(minor.parse().unwrap_or(0))
        }
        _ => 42,
    }
}

fn class_name(nodes: &[Node]) -> Option<String> {
    nodes.iter().find_map(|node| match &node.kind {
        NodeKind::Class(name, _, _) => Some(name.clone()),
        _ => None,
    })
}

fn disables_transaction(nodes: &[Node]) -> bool {
    nodes.iter().any(|node| match &node.kind {
        NodeKind::Class(_, _, body) => disables_transaction(body),
        NodeKind::Expr(Value::Call(call)) => call.name == "disable_ddl_transaction!",
        _ => false,
    })
}

impl Vocabulary for Rails {
    fn call(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        let receiver = call.receiver.as_ref().map(Value::path).unwrap_or_default();
        let own = matches!(receiver.as_str(), "" | "self" | "connection" | "ActiveRecord.Base.connection");
        if !own {
            let reads = matches!(call.name.as_str(), "reset_column_information" | "puts" | "new" | "info");
            return reads.then(Vec::new);
        }
        let line = call.line;
        let table = || walk.text(call.args.first());
        Some(match call.name.as_str() {
            "create_table" => vec![self.create_table(walk, call)?],
            "create_join_table" => vec![self.join_table(walk, call)?],
            "change_table" => self.change_table(walk, call)?,
            "drop_table" => drop_tables(self, walk, call),
            "rename_table" => self.rename_table(walk, call)?,
            "execute" | "exec_query" | "exec_update" => {
                let mut item = sql_item(walk, line, call.args.first());
                item.undo = Undo::Never("execute cannot be reverted".into());
                vec![item]
            }
            "reversible" => return self.reversible(walk, call),
            "up_only" => {
                let items = call.block.as_ref().map(|block| walk.body(&block.body, self)).unwrap_or_default();
                items.into_iter().map(|item| Item { undo: Undo::Nothing, ..item }).collect()
            }
            "revert" => {
                let items = call.block.as_ref().map(|block| walk.body(&block.body, self)).unwrap_or_default();
                if items.is_empty() {
                    return None;
                }
                inverse(&items).unwrap_or_else(|_| vec![unknown(call)])
            }
            "enable_extension" => vec![extension(line, true, call)?],
            "disable_extension" => vec![extension(line, false, call)?],
            "say"
            | "say_with_time"
            | "suppress_messages"
            | "safety_assured"
            | "disable_ddl_transaction!"
            | "with_lock_retries"
            | "transaction" => call.block.as_ref().map(|block| walk.body(&block.body, self)).unwrap_or_default(),
            "set_lock_timeout"
            | "set_statement_timeout"
            | "private"
            | "change_table_comment"
            | "change_column_comment"
            | "table_exists?"
            | "column_exists?"
            | "index_exists?"
            | "foreign_key_exists?"
            | "quote"
            | "quote_table_name"
            | "validate_check_constraint"
            | "validate_foreign_key"
            | "validate_constraint"
            | "index_name_exists?"
            | "reset_pk_sequence!"
            | "require"
            | "require_relative"
            | "include"
            | "raise"
            | "puts" => vec![Item::new(line, Change::Harmless)],
            name => self.on_table(walk, call, name, &table()?, 1)?,
        })
    }
}

impl Rails {
    /// A method of a table: `add_column :t, …` with the table in front, `t.column …` without.
    fn on_table(&self, walk: &Walk, call: &Call, method: &str, table: &str, skip: usize) -> Option<Vec<Item>> {
        let line = call.line;
        let first = || walk.text(call.args.get(skip));
        let second = || walk.text(call.args.get(skip + 1));
        let owned = table.to_owned();
        Some(match method {
            "add_column" => vec![self.add_column(walk, call, table, &first()?, &self.type_of(walk, call, &second()?))],
            "add_columns" => {
                let kind = walk.text(call.option("type"))?;
                let columns = call.args.iter().skip(skip).filter_map(|arg| walk.text(Some(arg)));
                columns.map(|column| self.add_column(walk, call, table, &column, &self.type_of(walk, call, &kind))).collect()
            }
            "remove_column" => vec![self.remove_column(walk, call, table, &first()?, second().filter(|_| skip == 1))],
            "remove_columns" | "remove" => {
                let kind = walk.text(call.option("type"));
                let columns = call.args.iter().skip(skip).flat_map(|arg| walk.texts(Some(arg)));
                columns.map(|column| self.remove_column(walk, call, table, &column, kind.clone())).collect()
            }
            "rename_column" => vec![Item::new(line, Change::RenameColumn { table: owned, from: first()?, to: second()? })],
            "change_column" | "change" => self.change_column(walk, call, table, &first()?, &second()?),
            "change_column_default" | "change_default" => {
                vec![change_default(walk, call, table, &first()?, call.args.get(skip + 1))]
            }
            "change_column_null" | "change_null" => {
                let null = call.args.get(skip + 1).and_then(Value::as_bool)?;
                vec![Item::new(line, Change::SetNotNull { table: owned, column: first()?, not_null: !null })]
            }
            "add_reference" | "add_belongs_to" => self.reference(walk, call, table, &first()?),
            "remove_reference" | "remove_belongs_to" | "remove_references" => self.remove_reference(walk, call, table, &first()?),
            "add_timestamps" => {
                let columns = self.timestamps(walk, call).into_iter();
                columns
                    .map(|column| Item::new(line, Change::AddColumn { table: owned.clone(), column, if_not_exists: false }))
                    .collect()
            }
            "remove_timestamps" => ["updated_at", "created_at"]
                .map(|column| {
                    let change = Change::DropColumn { table: owned.clone(), column: column.into(), if_exists: false };
                    let restored = self.timestamps(walk, call).into_iter().find(|made| made.name == column).unwrap_or_default();
                    Item::with(
                        line,
                        change,
                        vec![Change::AddColumn { table: owned.clone(), column: restored, if_not_exists: false }],
                    )
                })
                .to_vec(),
            "add_index" => vec![index(walk, call, table, call.args.get(skip)?)],
            "remove_index" => vec![remove_index(walk, call, table, call.args.get(skip))],
            "rename_index" => vec![Item::new(line, Change::RenameIndex { table: owned, from: first()?, to: second()? })],
            "add_foreign_key" => vec![foreign_key(walk, call, table, &first()?)],
            "remove_foreign_key" => vec![remove_foreign_key(walk, call, table, first())],
            "add_check_constraint" => vec![check(walk, call, table, &first()?)],
            "remove_check_constraint" | "remove_unique_constraint" => {
                let name = walk.text(call.option("name"))?;
                let change = Change::DropConstraint { table: owned.clone(), name: name.clone(), if_exists: false };
                match first().filter(|_| method == "remove_check_constraint") {
                    Some(text) => {
                        let constraint = Constraint { name: Some(name), kind: ConstraintKind::Check(text), not_valid: false };
                        vec![Item::with(line, change, vec![Change::AddConstraint { table: owned, constraint }])]
                    }
                    None => vec![Item::never(line, change, "the removal does not say what the constraint was")],
                }
            }
            "add_unique_constraint" => {
                let kind = ConstraintKind::Unique(walk.texts(call.args.get(skip)));
                let constraint = Constraint { name: walk.text(call.option("name")), kind, not_valid: false };
                vec![Item::new(line, Change::AddConstraint { table: owned, constraint })]
            }
            "add_concurrent_index" => vec![index(walk, call, table, call.args.get(skip)?)],
            _ => return None,
        })
    }

    /// SQL of a type with its options.
    fn type_of(&self, walk: &Walk, call: &Call, method: &str) -> String {
        let dialect = walk.dialect;
        let number = |name: &str| match call.option(name).map(|value| walk.resolve(value)) {
            Some(Value::Number(number)) => number.parse::<u64>().ok(),
            _ => None,
        };
        let limit = number("limit");
        let base = match TYPES.iter().find(|(name, ..)| *name == method) {
            Some(found) => pick(found, dialect),
            None => method,
        };
        let mut out = match (method, limit) {
            ("string", Some(limit)) => format!("varchar({limit})"),
            ("integer", Some(limit)) => integer(limit, dialect).to_owned(),
            ("text", Some(limit)) if dialect.is_mysql() => sized(limit, "text"),
            ("binary", Some(limit)) if dialect.is_mysql() => sized(limit, "blob"),
            ("decimal" | "numeric", _) => match (number("precision"), number("scale")) {
                (Some(precision), Some(scale)) => format!("{base}({precision},{scale})"),
                (Some(precision), None) => format!("{base}({precision})"),
                _ => base.to_owned(),
            },
            ("datetime" | "timestamp" | "timestamptz", _) => match number("precision") {
                Some(precision) => format!("{base}({precision})"),
                None if self.version >= 70 && dialect != Dialect::Sqlite => format!("{base}(6)"),
                None => base.to_owned(),
            },
            ("enum", _) => walk.text(call.option("enum_type")).unwrap_or_else(|| "text".into()),
            _ => base.to_owned(),
        };
        if call.flag("unsigned") == Some(true) && dialect.is_mysql() {
            out += " unsigned";
        }
        if call.flag("array") == Some(true) && dialect == Dialect::PostgreSql {
            out += "[]";
        }
        out
    }

    fn column(&self, walk: &Walk, call: &Call, name: &str, sql_type: &str) -> Column {
        Column {
            name: name.to_owned(),
            sql_type: sql_type.to_owned(),
            not_null: call.flag("null") == Some(false),
            default: call.option("default").and_then(|value| default_sql(walk, value)),
            primary_key: call.flag("primary_key") == Some(true),
            generated: walk.text(call.option("as")).map(|text| (text, call.flag("stored") == Some(true))),
            ..Column::default()
        }
    }

    fn add_column(&self, walk: &Walk, call: &Call, table: &str, name: &str, sql_type: &str) -> Item {
        let column = self.column(walk, call, name, sql_type);
        let if_not_exists = call.flag("if_not_exists") == Some(true);
        Item::new(call.line, Change::AddColumn { table: table.to_owned(), column, if_not_exists })
    }

    fn remove_column(&self, walk: &Walk, call: &Call, table: &str, name: &str, kind: Option<String>) -> Item {
        let if_exists = call.flag("if_exists") == Some(true);
        let change = Change::DropColumn { table: table.to_owned(), column: name.to_owned(), if_exists };
        match kind {
            Some(kind) => {
                let column = self.column(walk, call, name, &self.type_of(walk, call, &kind));
                Item::with(call.line, change, vec![Change::AddColumn { table: table.to_owned(), column, if_not_exists: false }])
            }
            None => Item::never(call.line, change, "remove_column without a type cannot be reverted"),
        }
    }

    fn change_column(&self, walk: &Walk, call: &Call, table: &str, column: &str, kind: &str) -> Vec<Item> {
        let never = |change| Item::never(call.line, change, "change_column cannot be reverted");
        let (table, column) = (table.to_owned(), column.to_owned());
        let using = walk.text(call.option("using"));
        let sql_type = self.type_of(walk, call, kind);
        let mut out = vec![never(Change::SetType { table: table.clone(), column: column.clone(), sql_type, using })];
        if let Some(value) = call.option("default") {
            let default = default_sql(walk, value);
            out.push(never(Change::SetDefault { table: table.clone(), column: column.clone(), default }));
        }
        if let Some(null) = call.flag("null") {
            out.push(never(Change::SetNotNull { table, column, not_null: !null }));
        }
        out
    }

    fn timestamps(&self, walk: &Walk, call: &Call) -> Vec<Column> {
        let null = call.flag("null").unwrap_or(self.version < 50);
        let precise = self.version >= 70 && call.option("precision").is_none();
        let mut sql_type = self.type_of(walk, call, "datetime");
        if !precise && self.version >= 60 && call.option("precision").is_none() {
            sql_type += "(6)";
        }
        ["created_at", "updated_at"]
            .map(|name| Column {
                name: name.into(),
                sql_type: sql_type.clone(),
                not_null: !null,
                default: call.option("default").and_then(|value| default_sql(walk, value)),
                ..Column::default()
            })
            .to_vec()
    }

    fn key_type(&self) -> &'static str {
        if self.version >= 51 { "bigint" } else { "integer" }
    }

    /// Columns, index and foreign key of `references`.
    fn reference_parts(
        &self,
        walk: &Walk,
        call: &Call,
        table: &str,
        name: &str,
    ) -> (Vec<Column>, Option<Change>, Option<Change>) {
        let kind = walk.text(call.option("type")).unwrap_or_else(|| self.key_type().into());
        let mut columns = vec![self.column(walk, call, &format!("{name}_id"), &self.type_of(walk, call, &kind))];
        let polymorphic = call.option("polymorphic").is_some_and(|value| value.as_bool() != Some(false));
        if polymorphic {
            columns.insert(0, self.column(walk, call, &format!("{name}_type"), self.string_type(walk.dialect)));
        }
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let wanted = match call.option("index") {
            Some(Value::Bool(false)) => None,
            Some(value @ Value::Map(_)) => Some(value),
            Some(_) => Some(&Value::Null),
            None => (self.version >= 50).then_some(&Value::Null),
        };
        let index = wanted.map(|options| Change::CreateIndex {
            table: table.to_owned(),
            name: Some(
                walk.text(options.get("name"))
                    .unwrap_or_else(|| if polymorphic { format!("index_{table}_on_{name}") } else { index_name(table, &names) }),
            ),
            columns: names.clone(),
            unique: options.get("unique").and_then(Value::as_bool) == Some(true),
            condition: walk.text(options.get("where")),
            if_not_exists: false,
        });
        let foreign = match call.option("foreign_key") {
            None | Some(Value::Bool(false)) => None,
            Some(options) => {
                let to = walk.text(options.get("to_table")).unwrap_or_else(|| plural(name));
                let column = format!("{name}_id");
                Some(Change::AddConstraint {
                    table: table.to_owned(),
                    constraint: Constraint {
                        name: Some(walk.text(options.get("name")).unwrap_or_else(|| foreign_name(table, &column))),
                        kind: ConstraintKind::ForeignKey(vec![column], reference_to(walk, &to, |key| options.get(key))),
                        not_valid: options.get("validate").and_then(Value::as_bool) == Some(false),
                    },
                })
            }
        };
        (columns, index, foreign)
    }

    fn string_type(&self, dialect: Dialect) -> &'static str {
        if dialect.is_mysql() { "varchar(255)" } else { "varchar" }
    }

    fn reference(&self, walk: &Walk, call: &Call, table: &str, name: &str) -> Vec<Item> {
        let (columns, index, foreign) = self.reference_parts(walk, call, table, name);
        let added = columns.into_iter().map(|column| Change::AddColumn { table: table.to_owned(), column, if_not_exists: false });
        added.chain(index).chain(foreign).map(|change| Item::new(call.line, change)).collect()
    }

    fn remove_reference(&self, walk: &Walk, call: &Call, table: &str, name: &str) -> Vec<Item> {
        let (columns, index, foreign) = self.reference_parts(walk, call, table, name);
        let mut restore: Vec<Change> = Vec::new();
        let mut out: Vec<Item> = Vec::new();
        if let Some(Change::AddConstraint { constraint, .. }) = &foreign {
            let name = constraint.name.clone().unwrap_or_default();
            out.push(Item {
                line: call.line,
                change: Change::DropForeignKey { table: table.to_owned(), name },
                undo: Undo::Nothing,
            });
        }
        for column in &columns {
            let change = Change::DropColumn { table: table.to_owned(), column: column.name.clone(), if_exists: false };
            out.push(Item { line: call.line, change, undo: Undo::Nothing });
            restore.push(Change::AddColumn { table: table.to_owned(), column: column.clone(), if_not_exists: false });
        }
        restore.extend(index);
        restore.extend(foreign);
        if let Some(last) = out.last_mut() {
            last.undo = Undo::Changes(restore);
        }
        out
    }

    fn reversible(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        let block = call.block.as_ref()?;
        let (mut up, mut down) = (Vec::new(), Vec::new());
        let mut rest = Vec::new();
        for node in &block.body {
            match &node.kind {
                NodeKind::Expr(Value::Call(inner)) if inner.name == "up" || inner.name == "down" => {
                    let items = inner.block.as_ref().map(|block| walk.body(&block.body, self)).unwrap_or_default();
                    if inner.name == "up" {
                        up.extend(items)
                    } else {
                        down.extend(items.into_iter().map(|item| item.change))
                    }
                    if inner.name == "down" && inner.block.as_ref().is_some_and(raises) {
                        let never = Undo::Never("its down raises an error".into());
                        rest.push(Item { line: node.line, change: Change::Harmless, undo: never });
                    }
                }
                _ => rest.extend(walk.body(std::slice::from_ref(node), self)),
            }
        }
        let mut out: Vec<Item> = up.into_iter().map(|item| Item { undo: Undo::Nothing, ..item }).collect();
        out.push(Item::with(call.line, Change::Harmless, down));
        out.extend(rest);
        Some(out)
    }

    fn rename_table(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        let (from, to) = (walk.text(call.args.first())?, walk.text(call.args.get(1))?);
        Some(vec![Item::new(call.line, Change::RenameTable { from, to })])
    }

    fn primary_key(&self, walk: &Walk, call: &Call) -> (Vec<Column>, Option<Constraint>) {
        let named = call.option("primary_key").map(|value| walk.resolve(value));
        if let Some(list @ Value::List(_)) = named {
            let kind = ConstraintKind::PrimaryKey(walk.texts(Some(list)));
            return (Vec::new(), Some(Constraint { name: None, kind, not_valid: false }));
        }
        if call.flag("id") == Some(false) || matches!(named, Some(Value::Bool(false))) {
            return (Vec::new(), None);
        }
        let name = named.and_then(Value::as_text).unwrap_or("id").to_owned();
        let kind = match call.option("id") {
            Some(map @ Value::Map(_)) => walk.text(map.get("type")),
            other => walk.text(other),
        };
        let counted =
            kind.as_deref().is_none_or(|kind| matches!(kind, "primary_key" | "bigint" | "integer" | "serial" | "bigserial"));
        let sql_type = match kind.as_deref() {
            None | Some("primary_key") if walk.dialect == Dialect::Sqlite => "integer".to_owned(),
            None | Some("primary_key") => self.key_type().to_owned(),
            Some(kind) => self.type_of(walk, call, kind),
        };
        let default = match (kind.as_deref(), walk.dialect) {
            (Some("uuid"), Dialect::PostgreSql) => match call.option("default") {
                Some(value) => default_sql(walk, value),
                None => Some("gen_random_uuid()".into()),
            },
            _ => None,
        };
        let column =
            Column { name, sql_type, not_null: true, default, identity: counted, primary_key: true, ..Column::default() };
        (vec![column], None)
    }

    fn create_table(&self, walk: &Walk, call: &Call) -> Option<Item> {
        let table = walk.text(call.args.first())?;
        let (columns, key) = self.primary_key(walk, call);
        let mut made = Made { columns, constraints: key.into_iter().collect(), after: Vec::new() };
        if let Some(block) = &call.block {
            self.definition(walk, &table, block, &mut made);
        }
        Some(self.finish(call, table, made, call.flag("force").is_some() || call.option_text("force").is_some()))
    }

    /// CREATE TABLE with its indexes as one item: they are reverted with the table.
    fn finish(&self, call: &Call, table: String, made: Made, force: bool) -> Item {
        let drop = Change::DropTable { table: table.clone(), if_exists: false, cascade: false };
        let if_not_exists = call.flag("if_not_exists") == Some(true);
        let create =
            Change::CreateTable { table: table.clone(), columns: made.columns, constraints: made.constraints, if_not_exists };
        let mut items = Vec::new();
        if force {
            items.push(Item::new(call.line, Change::DropTable { table, if_exists: true, cascade: true }));
        }
        items.push(Item::new(call.line, create));
        items.extend(made.after);
        Item::with(call.line, Change::Group(items), vec![drop])
    }

    fn join_table(&self, walk: &Walk, call: &Call) -> Option<Item> {
        let (one, two) = (walk.text(call.args.first())?, walk.text(call.args.get(1))?);
        let mut sorted = [one.clone(), two.clone()];
        sorted.sort();
        let table = walk.text(call.option("table_name")).unwrap_or_else(|| sorted.join("_"));
        let options = call.option("column_options");
        let columns = [&one, &two].map(|name| Column {
            name: format!("{}_id", singular(name)),
            sql_type: walk.text(options.and_then(|map| map.get("type"))).unwrap_or_else(|| self.key_type().into()),
            not_null: options.and_then(|map| map.get("null")).and_then(Value::as_bool) != Some(true),
            ..Column::default()
        });
        let mut made = Made { columns: columns.to_vec(), constraints: Vec::new(), after: Vec::new() };
        if let Some(block) = &call.block {
            self.definition(walk, &table, block, &mut made);
        }
        Some(self.finish(call, table, made, false))
    }

    /// The block of `create_table`.
    fn definition(&self, walk: &Walk, table: &str, block: &Function, made: &mut Made) {
        let param = block.params.first().map_or("t", String::as_str);
        for node in &block.body {
            match &node.kind {
                NodeKind::Expr(Value::Call(call)) if call.receiver.as_ref().is_some_and(|value| value.path() == param) => {
                    self.defined(walk, table, call, made);
                }
                _ => made.after.extend(walk.body(std::slice::from_ref(node), self)),
            }
        }
    }

    fn defined(&self, walk: &Walk, table: &str, call: &Call, made: &mut Made) {
        let names = || call.args.iter().filter_map(|arg| walk.text(Some(arg)));
        match call.name.as_str() {
            "references" | "belongs_to" => {
                for name in names() {
                    let (columns, index, foreign) = self.reference_parts(walk, call, table, &name);
                    made.columns.extend(columns);
                    if let Some(Change::AddConstraint { constraint, .. }) = foreign {
                        made.constraints.push(constraint);
                    }
                    made.after.extend(index.map(|change| Item::new(call.line, change)));
                }
            }
            "timestamps" => made.columns.extend(self.timestamps(walk, call)),
            "index" => made.after.extend(call.args.first().map(|columns| index(walk, call, table, columns))),
            "foreign_key" | "check_constraint" | "unique_constraint" => {
                let items = self.on_table(walk, call, &format!("add_{}", call.name), table, 0).unwrap_or_default();
                made.constraints.extend(items.into_iter().filter_map(|item| match item.change {
                    Change::AddConstraint { constraint, .. } => Some(constraint),
                    _ => None,
                }));
            }
            "column" => {
                if let (Some(name), Some(kind)) = (walk.text(call.args.first()), walk.text(call.args.get(1))) {
                    made.columns.push(self.column(walk, call, &name, &self.type_of(walk, call, &kind)));
                }
            }
            "primary_key" => made.columns.extend(names().next().map(|name| Column {
                primary_key: true,
                identity: true,
                not_null: true,
                ..self.column(walk, call, &name, self.key_type())
            })),
            method if is_type(method) => {
                for name in names() {
                    made.columns.push(self.column(walk, call, &name, &self.type_of(walk, call, method)));
                    self.inline_index(walk, call, table, &name, made);
                }
            }
            _ => made.after.push(unknown(call)),
        }
    }

    /// `t.string :a, index: true`.
    fn inline_index(&self, walk: &Walk, call: &Call, table: &str, name: &str, made: &mut Made) {
        let Some(options) = call.option("index").filter(|value| value.as_bool() != Some(false)) else { return };
        let change = Change::CreateIndex {
            table: table.to_owned(),
            name: Some(walk.text(options.get("name")).unwrap_or_else(|| index_name(table, &[name.to_owned()]))),
            columns: vec![name.to_owned()],
            unique: options.get("unique").and_then(Value::as_bool) == Some(true),
            condition: walk.text(options.get("where")),
            if_not_exists: false,
        };
        made.after.push(Item::new(call.line, change));
    }

    fn change_table(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        let table = walk.text(call.args.first())?;
        let block = call.block.as_ref()?;
        let variable = block.params.first().cloned().unwrap_or_else(|| "t".into());
        Some(walk.body(&block.body, &Changed { rails: self, table, variable }))
    }

    fn changed(&self, walk: &Walk, call: &Call, table: &str) -> Vec<Item> {
        let known = match call.name.as_str() {
            "references" | "belongs_to" => {
                let names = call.args.iter().filter_map(|arg| walk.text(Some(arg)));
                Some(names.flat_map(|name| self.reference(walk, call, table, &name)).collect())
            }
            "rename" => self.on_table(walk, call, "rename_column", table, 0),
            "index" | "timestamps" | "column" | "foreign_key" | "check_constraint" | "unique_constraint" => {
                self.on_table(walk, call, &format!("add_{}", call.name), table, 0)
            }
            method if is_type(method) => {
                let names = call.args.iter().filter_map(|arg| walk.text(Some(arg)));
                Some(names.map(|name| self.add_column(walk, call, table, &name, &self.type_of(walk, call, method))).collect())
            }
            method => self.on_table(walk, call, method, table, 0),
        };
        known.unwrap_or_else(|| vec![unknown(call)])
    }
}

/// The block of `change_table`.
struct Changed<'a> {
    rails: &'a Rails,
    table: String,
    variable: String,
}

impl Vocabulary for Changed<'_> {
    fn call(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        if call.receiver.as_ref().is_none_or(|receiver| receiver.path() != self.variable) {
            return self.rails.call(walk, call);
        }
        let asks = call.name == "respond_to?" || call.name.ends_with("_exists?");
        Some(if asks { Vec::new() } else { self.rails.changed(walk, call, &self.table) })
    }
}

struct Made {
    columns: Vec<Column>,
    constraints: Vec<Constraint>,
    after: Vec<Item>,
}

fn is_type(method: &str) -> bool {
    TYPES.iter().any(|(name, ..)| *name == method) || POSTGRESQL.contains(&method)
}

pub(super) fn pick(row: &(&'static str, &'static str, &'static str, &'static str), dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::MySql | Dialect::MariaDb => row.2,
        Dialect::Sqlite => row.3,
        _ => row.1,
    }
}

/// `type_to_sql` of both adapters: bytes of an integer.
fn integer(limit: u64, dialect: Dialect) -> &'static str {
    match (limit, dialect.is_mysql()) {
        (1, true) => "tinyint",
        (1 | 2, _) => "smallint",
        (3, true) => "mediumint",
        (3 | 4, _) => "integer",
        _ => "bigint",
    }
}

fn sized(limit: u64, word: &str) -> String {
    let size = match limit {
        0..=255 => "tiny",
        256..=65_535 => "",
        65_536..=16_777_215 => "medium",
        _ => "long",
    };
    format!("{size}{word}")
}

/// `default: -> { 'now()' }` is an expression, anything else a value.
fn default_sql(walk: &Walk, value: &Value) -> Option<String> {
    match walk.resolve(value) {
        Value::Function(function) => match function.body.first().map(|node| &node.kind) {
            Some(NodeKind::Expr(inner)) => Some(inner.as_text().unwrap_or("''").to_owned()),
            _ => Some("''".into()),
        },
        value => walk.sql(value),
    }
}

fn change_default(walk: &Walk, call: &Call, table: &str, column: &str, value: Option<&Value>) -> Item {
    let set = |value: &Value| Change::SetDefault {
        table: table.to_owned(),
        column: column.to_owned(),
        default: default_sql(walk, value),
    };
    let (from, to) = (call.option("from"), call.option("to"));
    match (from, to, value) {
        (Some(from), Some(to), _) => Item::with(call.line, set(to), vec![set(from)]),
        (_, _, Some(value)) => {
            Item::never(call.line, set(value), "change_column_default without from: and to: cannot be reverted")
        }
        _ => unknown(call),
    }
}

/// `index_name` of SchemaStatements; names over 62 bytes are shortened since 7.1 only.
fn index_name(table: &str, columns: &[String]) -> String {
    format!("index_{}_on_{}", table.replace('.', "_"), columns.join("_and_"))
}

fn index(walk: &Walk, call: &Call, table: &str, columns: &Value) -> Item {
    let columns = match walk.resolve(columns) {
        list @ Value::List(_) => walk.texts(Some(list)),
        one => walk.text(Some(one)).into_iter().collect(),
    };
    if columns.is_empty() {
        return unknown(call);
    }
    let plain: Vec<String> = columns
        .iter()
        .map(|text| text.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect())
        .collect();
    let name = walk.text(call.option("name")).unwrap_or_else(|| index_name(table, &plain));
    Item::new(
        call.line,
        Change::CreateIndex {
            table: table.to_owned(),
            name: Some(name),
            columns,
            unique: call.flag("unique") == Some(true),
            condition: walk.text(call.option("where")),
            if_not_exists: call.flag("if_not_exists") == Some(true),
        },
    )
}

fn remove_index(walk: &Walk, call: &Call, table: &str, columns: Option<&Value>) -> Item {
    let columns = walk.texts(call.option("column").or(columns));
    let name = walk.text(call.option("name")).unwrap_or_else(|| index_name(table, &columns));
    let if_exists = call.flag("if_exists") == Some(true);
    let change = Change::DropIndex { table: table.to_owned(), name: name.clone(), if_exists };
    if columns.is_empty() {
        return Item::never(call.line, change, "remove_index without its columns cannot be reverted");
    }
    let unique = call.flag("unique") == Some(true);
    let restore = Change::CreateIndex {
        table: table.to_owned(),
        name: Some(name),
        columns,
        unique,
        condition: walk.text(call.option("where")),
        if_not_exists: false,
    };
    Item::with(call.line, change, vec![restore])
}

/// `foreign_key_name`: `fk_rails_` and ten digits of the SHA-256 of table, column and `fk`.
fn foreign_name(table: &str, column: &str) -> String {
    let digest = Sha256::digest(format!("{table}_{column}_fk").as_bytes());
    format!("fk_rails_{}", hex(&digest[..5]))
}

fn reference_to<'a>(walk: &Walk, table: &str, option: impl Fn(&str) -> Option<&'a Value>) -> Reference {
    let action = |key: &str| match walk.text(option(key)).as_deref() {
        Some("nullify") => "set null".to_owned(),
        Some(action) => action.to_owned(),
        None => String::new(),
    };
    let key = walk.text(option("primary_key")).unwrap_or_else(|| "id".into());
    Reference { table: table.to_owned(), columns: vec![key], on_delete: action("on_delete"), on_update: action("on_update") }
}

fn foreign(walk: &Walk, call: &Call, table: &str, to: &str) -> Constraint {
    let column = walk.text(call.option("column")).unwrap_or_else(|| format!("{}_id", singular(to)));
    Constraint {
        name: Some(walk.text(call.option("name")).unwrap_or_else(|| foreign_name(table, &column))),
        kind: ConstraintKind::ForeignKey(vec![column], reference_to(walk, to, |key| call.option(key))),
        not_valid: call.flag("validate") == Some(false),
    }
}

fn foreign_key(walk: &Walk, call: &Call, table: &str, to: &str) -> Item {
    Item::new(call.line, Change::AddConstraint { table: table.to_owned(), constraint: foreign(walk, call, table, to) })
}

fn remove_foreign_key(walk: &Walk, call: &Call, table: &str, to: Option<String>) -> Item {
    let column = walk.text(call.option("column"));
    let to = to.or_else(|| walk.text(call.option("to_table")));
    let own = column.clone().or_else(|| to.as_ref().map(|to| format!("{}_id", singular(to))));
    let named = walk.text(call.option("name"));
    let Some(name) = named.or_else(|| own.map(|column| foreign_name(table, &column))) else { return unknown(call) };
    let change = Change::DropForeignKey { table: table.to_owned(), name };
    match to {
        Some(to) => {
            let constraint = foreign(walk, call, table, &to);
            Item::with(call.line, change, vec![Change::AddConstraint { table: table.to_owned(), constraint }])
        }
        None => Item::never(call.line, change, "remove_foreign_key without the other table cannot be reverted"),
    }
}

fn check(walk: &Walk, call: &Call, table: &str, text: &str) -> Item {
    let name = walk.text(call.option("name")).or_else(|| {
        let digest = Sha256::digest(format!("{table}_{text}_chk").as_bytes());
        Some(format!("chk_rails_{}", hex(&digest[..5])))
    });
    let kind = ConstraintKind::Check(text.to_owned());
    let constraint = Constraint { name, kind, not_valid: call.flag("validate") == Some(false) };
    Item::new(call.line, Change::AddConstraint { table: table.to_owned(), constraint })
}

fn drop_tables(rails: &Rails, walk: &Walk, call: &Call) -> Vec<Item> {
    let cascade = call.option_text("force") == Some("cascade");
    let if_exists = call.flag("if_exists") == Some(true);
    let tables: Vec<String> = call.args.iter().filter_map(|arg| walk.text(Some(arg))).collect();
    let restore = match (&call.block, tables.len()) {
        (Some(_), 1) => rails.create_table(walk, call),
        _ => None,
    };
    if tables.is_empty() {
        return vec![unknown(call)];
    }
    let drops = tables.into_iter().map(|table| Change::DropTable { table, if_exists, cascade });
    drops
        .map(|change| match &restore {
            Some(item) => Item::with(call.line, change, vec![item.change.clone()]),
            None => Item::never(call.line, change, "drop_table without a block cannot be reverted"),
        })
        .collect()
}

fn extension(line: u32, create: bool, call: &Call) -> Option<Item> {
    let name = call.text(0)?.replace('"', "");
    let on = Change::Sql(format!("CREATE EXTENSION IF NOT EXISTS \"{name}\""));
    let off = Change::Sql(format!("DROP EXTENSION IF EXISTS \"{name}\" CASCADE"));
    Some(if create { Item::with(line, on, vec![off]) } else { Item::with(line, off, vec![on]) })
}

/// The common plurals of ActiveSupport::Inflector; an unusual word gives a table that is not known.
pub(super) fn plural(word: &str) -> String {
    if let Some(stem) = word.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u'])) {
        return format!("{stem}ies");
    }
    match word {
        "person" => "people".into(),
        "child" => "children".into(),
        _ if ["s", "x", "ch", "sh"].iter().any(|end| word.ends_with(end)) => format!("{word}es"),
        _ => format!("{word}s"),
    }
}

fn singular(word: &str) -> String {
    match word {
        "people" => "person".into(),
        "children" => "child".into(),
        _ if word.ends_with("ies") => format!("{}y", &word[..word.len() - 3]),
        _ if ["sses", "xes", "ches", "shes", "uses"].iter().any(|end| word.ends_with(end)) => word[..word.len() - 2].to_owned(),
        _ if word.ends_with("ss") => word.to_owned(),
        _ => word.strip_suffix('s').unwrap_or(word).to_owned(),
    }
}
