//! sea-orm: methods of `SchemaManager` with sea-query's builders (`sea-query/src/table`, `src/index`, `src/foreign_key`), short
//! columns of `sea-orm-migration/src/schema.rs`, types of `sea-query/src/backend/*/table.rs`.

use super::CodeMigration;
use super::ast::{Call, Value};
use super::change::{Change, Column, Constraint, ConstraintKind, Item, Reference};
use super::idents::{Idents, idents};
use super::lex::Language;
use super::lower::{literal, quote, quote_name};
use super::parse::parse;
use super::rails::pick;
use super::script::{both, common, opaque_file, scanned};
use super::walk::{Vocabulary, Walk};
use crate::sql::dialect::Dialect;
use crate::sql::statement::{Op, Statement};

/// Method, PostgreSQL, MySQL, SQLite; `{n}` is the length, `{p}` all digits in their parentheses.
const TYPES: &[(&str, &str, &str, &str)] = &[
    ("char", "char", "char", "char"),
    ("char_len", "char({n})", "char({n})", "char({n})"),
    ("string", "varchar", "varchar(255)", "varchar"),
    ("string_len", "varchar({n})", "varchar({n})", "varchar({n})"),
    ("text", "text", "text", "text"),
    ("tiny_integer", "smallint", "tinyint", "tinyint"),
    ("small_integer", "smallint", "smallint", "smallint"),
    ("integer", "integer", "int", "integer"),
    ("big_integer", "bigint", "bigint", "bigint"),
    ("tiny_unsigned", "smallint", "tinyint unsigned", "tinyint"),
    ("small_unsigned", "smallint", "smallint unsigned", "smallint"),
    ("unsigned", "integer", "int unsigned", "integer"),
    ("big_unsigned", "bigint", "bigint unsigned", "bigint"),
    ("float", "real", "float", "float"),
    ("double", "double precision", "double", "double"),
    ("decimal", "decimal", "decimal", "real"),
    ("decimal_len", "decimal{p}", "decimal{p}", "real"),
    ("money", "money", "decimal", "real"),
    ("date_time", "timestamp without time zone", "datetime", "datetime_text"),
    ("timestamp", "timestamp", "timestamp", "timestamp_text"),
    ("timestamp_with_time_zone", "timestamp with time zone", "timestamp", "timestamp_with_timezone_text"),
    ("time", "time", "time", "time_text"),
    ("date", "date", "date", "date_text"),
    ("binary", "bytea", "binary(1)", "blob"),
    ("binary_len", "bytea", "binary({n})", "blob"),
    ("var_binary", "bytea", "varbinary({n})", "varbinary_blob"),
    ("blob", "bytea", "blob", "blob"),
    ("boolean", "bool", "bool", "boolean"),
    ("json", "json", "json", "json_text"),
    ("json_binary", "jsonb", "json", "jsonb_text"),
    ("uuid", "uuid", "binary(16)", "uuid_text"),
    ("interval", "interval", "time", "text"),
];

struct SeaOrm {
    names: Idents,
}

/// A file of sea-orm; any other Rust file is read for the SQL in its calls.
pub(super) fn read(text: &str, dialect: Dialect) -> CodeMigration {
    let scanned = scanned(text, Language::Rust, dialect);
    if !text.contains("SchemaManager") {
        return scanned;
    }
    let nodes = parse(text, Language::Rust);
    let mut read = both(&Walk::with_properties(&nodes, dialect), "up", "down", &SeaOrm { names: idents(text) });
    let missed = |read: &mut Vec<Statement>, scanned: &[Statement]| {
        if operations(read) < scanned.len() {
            read.extend(super::lower::lower(&[opaque_file()], dialect));
        }
    };
    missed(&mut read.up, &scanned.up);
    if let (Some(down), Some(scanned)) = (&mut read.down, &scanned.down) {
        missed(down, scanned);
    }
    read
}

fn operations(statements: &[Statement]) -> usize {
    let of = |op: &Op| match op {
        Op::Block { body, .. } => operations(body),
        _ => 1,
    };
    statements.iter().flat_map(|statement| &statement.ops).map(of).sum()
}

impl Vocabulary for SeaOrm {
    fn call(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        let of = Of { walk, names: &self.names };
        if matches!(call.name.as_str(), "Ok" | "Err" | "has_table" | "has_column" | "has_index" | "get_database_backend") {
            return Some(Vec::new());
        }
        let built = call.args.first().map(|value| walk.resolve(value)).and_then(Value::as_call);
        let changes = match (call.name.as_str(), built) {
            ("create_table", Some(built)) => of.create_table(built),
            ("alter_table", Some(built)) => of.alter_table(built),
            ("drop_table", Some(built)) => of.drop_table(built),
            ("rename_table", Some(built)) => of.rename_table(built),
            ("truncate_table", Some(built)) => of.truncate(built),
            ("create_index", Some(built)) => of.create_index(built),
            ("drop_index", Some(built)) => of.drop_index(built),
            ("create_foreign_key", Some(built)) => of.create_foreign_key(built),
            ("drop_foreign_key", Some(built)) => of.drop_foreign_key(built),
            ("create_type", Some(built)) => of.create_type(built),
            ("drop_type", Some(built)) => of.drop_type(built),
            _ => return common(walk, call),
        };
        changes.map(|changes| changes.into_iter().map(|change| Item::new(call.line, change)).collect())
    }
}

struct Of<'a> {
    walk: &'a Walk,
    names: &'a Idents,
}

fn find<'a>(chain: &[&'a Call], name: &str) -> Option<&'a Call> {
    chain.iter().copied().find(|link| link.name == name && link.called)
}

impl Of<'_> {
    /// `User::Table`, `Alias::new("user")`, `"user"`, `(Schema, User::Table)`.
    fn name(&self, value: &Value) -> Option<String> {
        let value = self.walk.resolve(value);
        if let Value::List(parts) = value {
            let parts: Option<Vec<String>> = parts.iter().map(|part| self.name(part)).collect();
            return Some(parts?.join("."));
        }
        let Some(call) = value.as_call() else { return value.as_text().map(str::to_owned) };
        if call.called {
            let through = matches!(call.name.as_str(), "into_iden" | "into_table_ref" | "to_owned" | "clone" | "into");
            return match through {
                true => self.name(call.receiver.as_ref()?),
                false if matches!(call.name.as_str(), "new" | "Alias") => self.walk.text(call.args.first()),
                false => None,
            };
        }
        let kind = call.receiver.as_ref().and_then(Value::as_call).map(|kind| kind.name.clone());
        let key = kind.map_or_else(|| (call.name.clone(), String::new()), |kind| (kind, call.name.clone()));
        self.names.get(&key).cloned()
    }

    fn first(&self, chain: &[&Call], method: &str) -> Option<String> {
        self.name(find(chain, method)?.args.first()?)
    }

    fn create_table(&self, built: &Call) -> Option<Vec<Change>> {
        let chain = built.chain();
        let table = self.first(&chain, "table")?;
        let (mut columns, mut constraints, mut after) = (Vec::new(), Vec::new(), Vec::new());
        for link in chain.iter().filter(|link| link.called) {
            match link.name.as_str() {
                "col" => columns.push(self.column(link.args.first()?)?),
                "foreign_key" => constraints.push(self.foreign(link.args.first()?.as_call()?)?.1),
                "primary_key" => {
                    let names = self.index_columns(link.args.first()?.as_call()?)?;
                    constraints.push(Constraint { name: None, kind: ConstraintKind::PrimaryKey(names), not_valid: false });
                }
                "index" => match self.inline_index(link.args.first()?.as_call()?, &table)? {
                    Ok(constraint) => constraints.push(constraint),
                    Err(index) => after.push(index),
                },
                "table" | "create" | "if_not_exists" | "to_owned" | "take" | "comment" | "engine" | "collate"
                | "character_set" => {}
                _ => return None,
            }
        }
        let if_not_exists = find(&chain, "if_not_exists").is_some();
        let mut out = vec![Change::CreateTable { table, columns, constraints, if_not_exists }];
        out.append(&mut after);
        Some(out)
    }

    fn column(&self, value: &Value) -> Option<Column> {
        let chain = self.walk.resolve(value).as_call()?.chain();
        let start = chain.iter().position(|link| link.called)?;
        let mut column = match chain[start].name.as_str() {
            "new" => Column { name: self.name(chain[start].args.first()?)?, ..Column::default() },
            "new_with_type" => return None,
            short => self.short(short, chain[start])?,
        };
        for link in &chain[start + 1..] {
            self.modify(link, &mut column)?;
        }
        (!column.sql_type.is_empty()).then_some(column)
    }

    /// `string_null(User::Name)`: not null unless it says so.
    fn short(&self, name: &str, call: &Call) -> Option<Column> {
        let column = Column { name: self.name(call.args.first()?)?, not_null: true, ..Column::default() };
        let key = Column { primary_key: true, ..column.clone() };
        match name {
            "pk_auto" => return Some(Column { sql_type: self.typed("integer", &[])?, identity: true, ..key }),
            "big_pk_auto" => return Some(Column { sql_type: self.typed("big_integer", &[])?, identity: true, ..key }),
            "pk_uuid" => return Some(Column { sql_type: self.typed("uuid", &[])?, ..key }),
            _ => {}
        }
        let (base, null, unique) = match (name.strip_suffix("_null"), name.strip_suffix("_uniq")) {
            (Some(base), _) => (base, true, false),
            (_, Some(base)) => (base, false, true),
            _ => (name, false, false),
        };
        let sql_type = self.typed(base, call.args.get(1..).unwrap_or_default())?;
        Some(Column { sql_type, not_null: !null, unique, ..column })
    }

    fn typed(&self, method: &str, args: &[Value]) -> Option<String> {
        let row = TYPES.iter().find(|row| row.0 == method)?;
        let digits = args.iter().flat_map(|arg| match self.walk.resolve(arg) {
            Value::List(parts) => parts.clone(),
            value => vec![value.clone()],
        });
        let digits: Vec<String> = digits
            .filter_map(|value| match value {
                Value::Number(number) => Some(number.trim_end_matches(char::is_alphabetic).trim_end_matches('u').to_owned()),
                _ => None,
            })
            .collect();
        let all = if digits.is_empty() { String::new() } else { format!("({})", digits.join(",")) };
        let first = digits.first().map_or("255", String::as_str);
        Some(pick(row, self.walk.dialect).replace("{n}", first).replace("{p}", &all))
    }

    fn modify(&self, link: &Call, column: &mut Column) -> Option<()> {
        match link.name.as_str() {
            "not_null" => column.not_null = true,
            "null" => column.not_null = false,
            "primary_key" => (column.primary_key, column.not_null) = (true, true),
            "auto_increment" => column.identity = true,
            "unique_key" => column.unique = true,
            "default" => column.default = Some(self.default(link.args.first()?)?),
            "comment" | "to_owned" | "take" | "borrow_mut" => {}
            "custom" => column.sql_type = self.name(link.args.first()?)?,
            "enumeration" => column.sql_type = self.enumeration(link)?,
            "array" => column.sql_type = format!("{}[]", self.element(link.args.first()?)?),
            name => column.sql_type = self.typed(name, &link.args)?,
        }
        Some(())
    }

    /// `ColumnType::BigInteger`.
    fn element(&self, value: &Value) -> Option<String> {
        let name = &self.walk.resolve(value).as_call()?.name;
        let method = super::laravel::snake(name);
        self.typed(&method, &[])
    }

    fn enumeration(&self, link: &Call) -> Option<String> {
        if self.walk.dialect == Dialect::PostgreSql {
            return Some(quote(&self.name(link.args.first()?)?, Dialect::PostgreSql));
        }
        let labels = self.names_of(link.args.get(1)?)?;
        let labels: Vec<String> = labels.iter().map(|label| literal(label, self.walk.dialect)).collect();
        Some(if self.walk.dialect.is_mysql() { format!("enum({})", labels.join(", ")) } else { "enum_text".into() })
    }

    fn names_of(&self, value: &Value) -> Option<Vec<String>> {
        match self.walk.resolve(value) {
            Value::List(list) => list.iter().map(|value| self.name(value)).collect(),
            _ => None,
        }
    }

    fn default(&self, value: &Value) -> Option<String> {
        let value = self.walk.resolve(value);
        let Some(call) = value.as_call() else { return self.walk.sql(value) };
        match call.name.as_str() {
            "current_timestamp" | "CurrentTimestamp" => Some("CURRENT_TIMESTAMP".into()),
            "cust" => self.walk.text(call.args.first()),
            "value" | "val" | "Keyword" | "into" | "to_string" | "to_owned" => {
                self.default(call.args.first().or(call.receiver.as_ref())?)
            }
            _ => Some("''".into()),
        }
    }

    fn alter_table(&self, built: &Call) -> Option<Vec<Change>> {
        let chain = built.chain();
        let table = self.first(&chain, "table")?;
        let mut out = Vec::new();
        for link in chain.iter().filter(|link| link.called) {
            let first = || self.name(link.args.first()?);
            let owned = table.clone();
            match link.name.as_str() {
                "add_column" | "add_column_if_not_exists" => {
                    let column = self.column(link.args.first()?)?;
                    let if_not_exists = link.name != "add_column";
                    out.push(Change::AddColumn { table: owned, column, if_not_exists });
                }
                "drop_column" => out.push(Change::DropColumn { table: owned, column: first()?, if_exists: false }),
                "rename_column" => {
                    out.push(Change::RenameColumn { table: owned, from: first()?, to: self.name(link.args.get(1)?)? });
                }
                "modify_column" => out.extend(self.modified(&table, link.args.first()?)?),
                "add_foreign_key" => {
                    let constraint = self.foreign(link.args.first()?.as_call()?)?.1;
                    out.push(Change::AddConstraint { table: owned, constraint });
                }
                "drop_foreign_key" => out.push(Change::DropForeignKey { table: owned, name: first()? }),
                "table" | "alter" | "to_owned" | "take" => {}
                _ => return None,
            }
        }
        Some(out)
    }

    /// What the definition says is set, the rest stays (`PostgresQueryBuilder::prepare_alter_column`); MySQL writes all anew.
    fn modified(&self, table: &str, value: &Value) -> Option<Vec<Change>> {
        let chain = self.walk.resolve(value).as_call()?.chain();
        let anew = self.walk.dialect.is_mysql();
        let (written, null) = (find(&chain, "not_null").is_some(), find(&chain, "null").is_some());
        let mut column = Column { name: self.name(find(&chain, "new")?.args.first()?)?, ..Column::default() };
        let start = chain.iter().position(|link| link.name == "new")?;
        for link in &chain[start + 1..] {
            self.modify(link, &mut column)?;
        }
        let (table, name) = (table.to_owned(), column.name);
        let mut out = Vec::new();
        if !column.sql_type.is_empty() {
            let (table, column) = (table.clone(), (name.clone(), column.sql_type));
            out.push(Change::SetType { table, column: column.0, sql_type: column.1, using: None });
        }
        if written || null || anew {
            out.push(Change::SetNotNull { table: table.clone(), column: name.clone(), not_null: column.not_null });
        }
        if column.default.is_some() || anew {
            out.push(Change::SetDefault { table, column: name, default: column.default });
        }
        Some(out)
    }

    fn drop_table(&self, built: &Call) -> Option<Vec<Change>> {
        let chain = built.chain();
        let (if_exists, cascade) = (find(&chain, "if_exists").is_some(), find(&chain, "cascade").is_some());
        let tables = chain.iter().filter(|link| link.name == "table" && link.called);
        let tables: Option<Vec<String>> = tables.map(|link| self.name(link.args.first()?)).collect();
        let drops = tables?.into_iter().map(|table| Change::DropTable { table, if_exists, cascade });
        Some(drops.collect::<Vec<_>>()).filter(|drops| !drops.is_empty())
    }

    fn rename_table(&self, built: &Call) -> Option<Vec<Change>> {
        let chain = built.chain();
        let link = find(&chain, "table")?;
        Some(vec![Change::RenameTable { from: self.name(link.args.first()?)?, to: self.name(link.args.get(1)?)? }])
    }

    fn truncate(&self, built: &Call) -> Option<Vec<Change>> {
        let table = self.first(&built.chain(), "table")?;
        Some(vec![Change::Sql(format!("TRUNCATE TABLE {}", quote_name(&table, self.walk.dialect)))])
    }

    fn index_columns(&self, built: &Call) -> Option<Vec<String>> {
        let chain = built.chain();
        let links = chain.iter().filter(|link| link.name == "col" && link.called);
        links
            .map(|link| match self.walk.resolve(link.args.first()?) {
                // A column with its order.
                Value::List(parts) => self.name(parts.first()?),
                value => self.name(value),
            })
            .collect()
    }

    /// An index in a table: a constraint where it is unique or the key.
    fn inline_index(&self, built: &Call, table: &str) -> Option<Result<Constraint, Change>> {
        let chain = built.chain();
        let columns = self.index_columns(built)?;
        let name = self.first(&chain, "name");
        if find(&chain, "primary").is_some() {
            return Some(Ok(Constraint { name, kind: ConstraintKind::PrimaryKey(columns), not_valid: false }));
        }
        if find(&chain, "unique").is_some() {
            return Some(Ok(Constraint { name, kind: ConstraintKind::Unique(columns), not_valid: false }));
        }
        let table = table.to_owned();
        Some(Err(Change::CreateIndex { table, name, columns, unique: false, condition: None, if_not_exists: false }))
    }

    fn create_index(&self, built: &Call) -> Option<Vec<Change>> {
        let chain = built.chain();
        if find(&chain, "and_where").or_else(|| find(&chain, "cond_where")).is_some() {
            return None;
        }
        Some(vec![Change::CreateIndex {
            table: self.first(&chain, "table")?,
            name: self.first(&chain, "name"),
            columns: self.index_columns(built)?,
            unique: find(&chain, "unique").is_some(),
            condition: None,
            if_not_exists: find(&chain, "if_not_exists").is_some(),
        }])
    }

    fn drop_index(&self, built: &Call) -> Option<Vec<Change>> {
        let chain = built.chain();
        let if_exists = find(&chain, "if_exists").is_some();
        let table = self.first(&chain, "table");
        if table.is_none() && self.walk.dialect.is_mysql() {
            return None;
        }
        Some(vec![Change::DropIndex { table: table.unwrap_or_default(), name: self.first(&chain, "name")?, if_exists }])
    }

    /// The table that it is made on, and the constraint.
    fn foreign(&self, built: &Call) -> Option<(Option<String>, Constraint)> {
        let chain = built.chain();
        let pair = |method: &str, table: &str, column: &str| -> Option<(Option<String>, Vec<String>)> {
            if let Some(link) = find(&chain, method) {
                let columns = self.walk.resolve(link.args.get(1)?);
                let columns = match columns {
                    Value::List(_) => self.names_of(columns)?,
                    value => vec![self.name(value)?],
                };
                return Some((Some(self.name(link.args.first()?)?), columns));
            }
            let links = chain.iter().filter(|link| link.name == column && link.called);
            let columns: Option<Vec<String>> = links.map(|link| self.name(link.args.first()?)).collect();
            Some((self.first(&chain, table), columns?))
        };
        let (own, columns) = pair("from", "from_tbl", "from_col")?;
        let (to, keys) = pair("to", "to_tbl", "to_col")?;
        let action =
            |method: &str| find(&chain, method).and_then(|link| link.args.first()).map(|value| Reference::action(&value.path()));
        let reference = Reference {
            table: to?,
            columns: keys,
            on_delete: action("on_delete").unwrap_or_default(),
            on_update: action("on_update").unwrap_or_default(),
        };
        let kind = ConstraintKind::ForeignKey(columns, reference);
        Some((own, Constraint { name: self.first(&chain, "name"), kind, not_valid: false }))
    }

    fn create_foreign_key(&self, built: &Call) -> Option<Vec<Change>> {
        let (table, constraint) = self.foreign(built)?;
        Some(vec![Change::AddConstraint { table: table?, constraint }])
    }

    fn drop_foreign_key(&self, built: &Call) -> Option<Vec<Change>> {
        let chain = built.chain();
        Some(vec![Change::DropForeignKey { table: self.first(&chain, "table")?, name: self.first(&chain, "name")? }])
    }

    fn create_type(&self, built: &Call) -> Option<Vec<Change>> {
        let chain = built.chain();
        let name = quote_name(&self.first(&chain, "as_enum")?, self.walk.dialect);
        let labels = self.names_of(find(&chain, "values")?.args.first()?)?;
        let labels: Vec<String> = labels.iter().map(|label| literal(label, self.walk.dialect)).collect();
        Some(vec![Change::Sql(format!("CREATE TYPE {name} AS ENUM ({})", labels.join(", ")))])
    }

    fn drop_type(&self, built: &Call) -> Option<Vec<Change>> {
        let chain = built.chain();
        let name = quote_name(&self.first(&chain, "name")?, self.walk.dialect);
        let if_exists = if find(&chain, "if_exists").is_some() { "IF EXISTS " } else { "" };
        Some(vec![Change::Sql(format!("DROP TYPE {if_exists}{name}"))])
    }
}
