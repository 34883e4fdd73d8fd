//! Laravel: `Illuminate\Database\Schema\Blueprint` and the facades `Schema` and `DB`; types of `Schema\Grammars`.

use super::CodeMigration;
use super::ast::{Call, Function, Node, Value};
use super::change::{Change, Column, Constraint, ConstraintKind, Item, Reference};
use super::rails::{pick, plural};
use super::script::{both, class_name, common};
use super::walk::{Vocabulary, Walk, unknown};
use crate::sql::dialect::Dialect;

/// Method, PostgreSQL, MySQL, SQLite; `{n}` is the length or first digit, `{s}` the second; `{t}` the digits of a second (`Builder::$defaultTimePrecision` is 0),
/// `{f}` the same where none is written for 0.
const TYPES: &[(&str, &str, &str, &str)] = &[
    ("string", "varchar({n})", "varchar({n})", "varchar"),
    ("char", "char({n})", "char({n})", "varchar"),
    ("text", "text", "text", "text"),
    ("tinyText", "varchar(255)", "tinytext", "text"),
    ("mediumText", "text", "mediumtext", "text"),
    ("longText", "text", "longtext", "text"),
    ("integer", "integer", "int", "integer"),
    ("tinyInteger", "smallint", "tinyint", "integer"),
    ("smallInteger", "smallint", "smallint", "integer"),
    ("mediumInteger", "integer", "mediumint", "integer"),
    ("bigInteger", "bigint", "bigint", "integer"),
    ("unsignedInteger", "integer", "int unsigned", "integer"),
    ("unsignedTinyInteger", "smallint", "tinyint unsigned", "integer"),
    ("unsignedSmallInteger", "smallint", "smallint unsigned", "integer"),
    ("unsignedMediumInteger", "integer", "mediumint unsigned", "integer"),
    ("unsignedBigInteger", "bigint", "bigint unsigned", "integer"),
    ("foreignId", "bigint", "bigint unsigned", "integer"),
    ("foreignIdFor", "bigint", "bigint unsigned", "integer"),
    ("id", "bigint", "bigint unsigned", "integer"),
    ("increments", "integer", "int unsigned", "integer"),
    ("integerIncrements", "integer", "int unsigned", "integer"),
    ("tinyIncrements", "smallint", "tinyint unsigned", "integer"),
    ("smallIncrements", "smallint", "smallint unsigned", "integer"),
    ("mediumIncrements", "integer", "mediumint unsigned", "integer"),
    ("bigIncrements", "bigint", "bigint unsigned", "integer"),
    ("float", "double precision", "double", "float"),
    ("double", "double precision", "double", "double"),
    ("decimal", "decimal({n},{s})", "decimal({n},{s})", "numeric"),
    ("unsignedDecimal", "decimal({n},{s})", "decimal({n},{s}) unsigned", "numeric"),
    ("boolean", "boolean", "tinyint(1)", "tinyint(1)"),
    ("enum", "varchar(255)", "varchar(255)", "varchar"),
    ("set", "varchar(255)", "varchar(255)", "varchar"),
    ("json", "json", "json", "text"),
    ("jsonb", "jsonb", "json", "text"),
    ("date", "date", "date", "date"),
    ("dateTime", "timestamp({t})", "datetime{f}", "datetime"),
    ("dateTimeTz", "timestamptz({t})", "datetime{f}", "datetime"),
    ("time", "time({t})", "time{f}", "time"),
    ("timeTz", "timetz({t})", "time{f}", "time"),
    ("timestamp", "timestamp({t})", "timestamp{f}", "datetime"),
    ("timestampTz", "timestamptz({t})", "timestamp{f}", "datetime"),
    ("year", "integer", "year", "integer"),
    ("binary", "bytea", "blob", "blob"),
    ("uuid", "uuid", "char(36)", "varchar"),
    ("foreignUuid", "uuid", "char(36)", "varchar"),
    ("ulid", "char(26)", "char(26)", "varchar"),
    ("foreignUlid", "char(26)", "char(26)", "varchar"),
    ("ipAddress", "inet", "varchar(45)", "varchar"),
    ("macAddress", "macaddr", "varchar(17)", "varchar"),
    ("geometry", "geometry", "geometry", "geometry"),
    ("point", "point", "point", "point"),
    ("softDeletes", "timestamp({t})", "timestamp{f}", "datetime"),
    ("softDeletesTz", "timestamptz({t})", "timestamp{f}", "datetime"),
    ("rememberToken", "varchar(100)", "varchar(100)", "varchar"),
];

struct Laravel;

pub(super) fn read(nodes: &[Node], dialect: Dialect) -> CodeMigration {
    let walk = Walk::with_properties(nodes, dialect);
    let mut read = both(&walk, "up", "down", &Laravel);
    read.header.id = class_name(nodes);
    read
}

impl Vocabulary for Laravel {
    fn call(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        let chain = call.chain();
        let facade = chain.iter().position(|link| link.name == "Schema" || link.name == "DB")?;
        let method = chain.get(facade + 1)?;
        let method = if matches!(method.name.as_str(), "connection" | "getConnection") { chain.get(facade + 2)? } else { method };
        let table = || walk.text(method.args.first());
        let line = call.line;
        if chain[facade].name == "DB" {
            return self.database(walk, call, method);
        }
        let drop = |if_exists| Some(vec![Item::new(line, Change::DropTable { table: table()?, if_exists, cascade: false })]);
        match method.name.as_str() {
            "create" => self.create(walk, method, &table()?),
            "table" => self.alter(walk, method, &table()?),
            "drop" => drop(false),
            "dropIfExists" => drop(true),
            "rename" => Some(vec![Item::new(line, Change::RenameTable { from: table()?, to: walk.text(method.args.get(1))? })]),
            "dropColumns" => {
                let table = table()?;
                let columns = walk.texts(method.args.get(1)).into_iter();
                Some(columns.map(|column| drop_column(line, &table, column)).collect())
            }
            "hasTable"
            | "hasColumn"
            | "hasColumns"
            | "hasIndex"
            | "disableForeignKeyConstraints"
            | "enableForeignKeyConstraints"
            | "getColumnType"
            | "getConnection"
            | "getColumnListing" => Some(Vec::new()),
            "withoutForeignKeyConstraints" => match method.args.first() {
                Some(Value::Function(function)) => Some(walk.body(&function.body, self)),
                _ => None,
            },
            _ => common(walk, call),
        }
    }
}

impl Laravel {
    /// `DB::statement('…')`, `DB::table('t')->where(…)->update([…])`.
    fn database(&self, walk: &Walk, call: &Call, method: &Call) -> Option<Vec<Item>> {
        let line = call.line;
        match method.name.as_str() {
            "statement" | "unprepared" | "update" | "delete" | "insert" | "affectingStatement" => {
                Some(vec![super::walk::sql_item(walk, line, method.args.first().map(raw))])
            }
            "transaction" => match method.args.first() {
                Some(Value::Function(function)) => Some(walk.body(&function.body, self)),
                _ => None,
            },
            "select" | "selectOne" | "beginTransaction" | "commit" | "raw" | "getDriverName" => Some(Vec::new()),
            "table" => {
                let table = super::lower::quote_name(&walk.text(method.args.first())?, walk.dialect);
                let filtered = call.chain().iter().any(|link| link.name.starts_with("where") || link.name.starts_with("join"));
                let filter = if filtered { " WHERE 1 = (SELECT 1)" } else { "" };
                let sql = match call.name.as_str() {
                    "update" => format!("UPDATE {table} SET {}{filter}", assignments(walk, call)?),
                    "delete" => format!("DELETE FROM {table}{filter}"),
                    "truncate" => format!("TRUNCATE TABLE {table}"),
                    "insert" | "insertGetId" | "insertOrIgnore" => match keys(walk, call) {
                        Some((columns, values)) => format!("INSERT INTO {table} ({columns}) VALUES ({values})"),
                        None => format!("INSERT INTO {table} SELECT 1"),
                    },
                    "get" | "first" | "pluck" | "count" | "exists" | "value" | "max" | "find" => return Some(Vec::new()),
                    _ => return None,
                };
                Some(vec![Item::new(line, Change::Sql(sql))])
            }
            _ => None,
        }
    }

    fn create(&self, walk: &Walk, call: &Call, table: &str) -> Option<Vec<Item>> {
        let Some(Value::Function(function)) = call.args.get(1) else { return None };
        let mut columns = Vec::new();
        let mut rest = Vec::new();
        for item in self.blueprint(walk, table, function) {
            match item.change {
                Change::AddColumn { column, .. } => columns.push(column),
                _ => rest.push(item),
            }
        }
        let create = Change::CreateTable { table: table.to_owned(), columns, constraints: Vec::new(), if_not_exists: false };
        let mut out = vec![Item::new(call.line, create)];
        out.append(&mut rest);
        Some(out)
    }

    fn alter(&self, walk: &Walk, call: &Call, table: &str) -> Option<Vec<Item>> {
        let Some(Value::Function(function)) = call.args.get(1) else { return None };
        Some(self.blueprint(walk, table, function))
    }

    fn blueprint(&self, walk: &Walk, table: &str, function: &Function) -> Vec<Item> {
        let words = Blueprint { table: table.to_owned(), variable: function.params.first().cloned().unwrap_or_default() };
        walk.body(&function.body, &words)
    }
}

/// `$table->string('name')->nullable()`.
struct Blueprint {
    table: String,
    variable: String,
}

impl Vocabulary for Blueprint {
    fn call(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        let chain = call.chain();
        if chain.first().map(|first| first.name.as_str()) != Some(self.variable.as_str()) {
            return Laravel.call(walk, call);
        }
        let method = chain.get(1)?;
        let found = self.method(walk, method, &chain[2..]);
        Some(found.unwrap_or_else(|| vec![unknown(call)]))
    }
}

impl Blueprint {
    fn method(&self, walk: &Walk, method: &Call, modifiers: &[&Call]) -> Option<Vec<Item>> {
        let line = method.line;
        let text = |position: usize| walk.text(method.args.get(position));
        let table = self.table.clone();
        let one = |change| Some(vec![Item::new(line, change)]);
        match method.name.as_str() {
            "timestamps" | "nullableTimestamps" | "timestampsTz" => {
                let kind = if method.name == "timestampsTz" { "timestampTz" } else { "timestamp" };
                Some(["created_at", "updated_at"].map(|name| self.add(line, plain(walk, name, kind, true))).to_vec())
            }
            "morphs" | "nullableMorphs" | "uuidMorphs" | "nullableUuidMorphs" | "numericMorphs" | "nullableNumericMorphs" => {
                let name = text(0)?;
                let null = method.name.starts_with("nullable");
                let key = if method.name.to_lowercase().contains("uuid") { "uuid" } else { "unsignedBigInteger" };
                let (kind, id) = (format!("{name}_type"), format!("{name}_id"));
                let index = self.index(line, vec![kind.clone(), id.clone()], None, false);
                Some(vec![self.add(line, plain(walk, &kind, "string", null)), self.add(line, plain(walk, &id, key, null)), index])
            }
            "dropColumn" | "removeColumn" => {
                let columns = method.args.iter().flat_map(|arg| walk.texts(Some(arg)));
                Some(columns.map(|column| drop_column(line, &table, column)).collect())
            }
            "dropTimestamps" | "dropTimestampsTz" => {
                Some(["created_at", "updated_at"].map(|column| drop_column(line, &table, column.into())).to_vec())
            }
            "dropSoftDeletes" | "dropSoftDeletesTz" => {
                Some(vec![drop_column(line, &table, text(0).unwrap_or_else(|| "deleted_at".into()))])
            }
            "dropRememberToken" => Some(vec![drop_column(line, &table, "remember_token".into())]),
            "dropMorphs" => {
                let name = text(0)?;
                let columns = ["type", "id"].map(|end| format!("{name}_{end}"));
                let index = text(1).unwrap_or_else(|| self.name(&columns, "index"));
                let mut out = vec![Item::new(line, Change::DropIndex { table: table.clone(), name: index, if_exists: false })];
                out.extend(columns.map(|column| drop_column(line, &table, column)));
                Some(out)
            }
            "renameColumn" => one(Change::RenameColumn { table, from: text(0)?, to: text(1)? }),
            "rename" => one(Change::RenameTable { from: table, to: text(0)? }),
            "drop" => one(Change::DropTable { table, if_exists: false, cascade: false }),
            "dropIfExists" => one(Change::DropTable { table, if_exists: true, cascade: false }),
            "renameIndex" => one(Change::RenameIndex { table, from: text(0)?, to: text(1)? }),
            "unique" | "index" | "fullText" | "fulltext" | "spatialIndex" | "rawIndex" => {
                let columns = walk.texts(method.args.first());
                Some(vec![self.index(line, columns, text(1), method.name == "unique")])
            }
            "primary" => {
                let kind = ConstraintKind::PrimaryKey(walk.texts(method.args.first()));
                one(Change::AddConstraint { table, constraint: Constraint { name: text(1), kind, not_valid: false } })
            }
            "foreign" => {
                let columns = walk.texts(method.args.first());
                let name = text(1).unwrap_or_else(|| self.name(&columns, "foreign"));
                self.foreign(walk, line, name, columns, None, modifiers)
            }
            "dropPrimary" => one(Change::DropPrimaryKey { table }),
            "dropForeign" => one(Change::DropForeignKey { table, name: self.named(walk, method.args.first()?, "foreign") }),
            "dropUnique" => {
                one(Change::DropIndex { table, name: self.named(walk, method.args.first()?, "unique"), if_exists: false })
            }
            "dropIndex" | "dropFullText" | "dropSpatialIndex" => {
                one(Change::DropIndex { table, name: self.named(walk, method.args.first()?, "index"), if_exists: false })
            }
            "dropConstrainedForeignId" => {
                let column = text(0)?;
                let name = self.name(std::slice::from_ref(&column), "foreign");
                Some(vec![
                    Item::new(line, Change::DropForeignKey { table: table.clone(), name }),
                    drop_column(line, &table, column),
                ])
            }
            "engine" | "charset" | "collation" | "comment" | "temporary" | "after" => Some(Vec::new()),
            _ => self.column(walk, method, modifiers),
        }
    }

    fn add(&self, line: u32, column: Column) -> Item {
        Item::new(line, Change::AddColumn { table: self.table.clone(), column, if_not_exists: false })
    }

    /// `Blueprint::createIndexName`.
    fn name(&self, columns: &[String], kind: &str) -> String {
        format!("{}_{}_{kind}", self.table, columns.join("_")).to_lowercase().replace(['-', '.'], "_")
    }

    /// An index by its name, or by its columns in an array.
    fn named(&self, walk: &Walk, value: &Value, kind: &str) -> String {
        match walk.resolve(value) {
            list @ Value::List(_) => self.name(&walk.texts(Some(list)), kind),
            other => walk.text(Some(other)).unwrap_or_default(),
        }
    }

    fn index(&self, line: u32, columns: Vec<String>, name: Option<String>, unique: bool) -> Item {
        let name = name.or_else(|| Some(self.name(&columns, if unique { "unique" } else { "index" })));
        let table = self.table.clone();
        Item::new(line, Change::CreateIndex { table, name, columns, unique, condition: None, if_not_exists: false })
    }

    /// `table` is the one that a model names.
    fn foreign(
        &self,
        walk: &Walk,
        line: u32,
        name: String,
        columns: Vec<String>,
        table: Option<String>,
        modifiers: &[&Call],
    ) -> Option<Vec<Item>> {
        let find = |wanted: &str| modifiers.iter().find(|link| link.name == wanted);
        let action = |wanted: &str, cascade: &str, null: &str| {
            let written = find(wanted).and_then(|link| walk.text(link.args.first()));
            let short = find(cascade).map(|_| "cascade".to_owned()).or_else(|| find(null).map(|_| "set null".to_owned()));
            written.or(short).unwrap_or_default()
        };
        let constrained = find("constrained").or_else(|| find("on"))?;
        let guessed = columns.first().and_then(|column| column.strip_suffix("_id")).map(plural);
        let reference = Reference {
            table: walk.text(constrained.args.first()).or(table).or(guessed)?,
            columns: find("references").map_or_else(|| vec!["id".into()], |link| walk.texts(link.args.first())),
            on_delete: action("onDelete", "cascadeOnDelete", "nullOnDelete"),
            on_update: action("onUpdate", "cascadeOnUpdate", "nullOnUpdate"),
        };
        let constraint = Constraint { name: Some(name), kind: ConstraintKind::ForeignKey(columns, reference), not_valid: false };
        Some(vec![Item::new(line, Change::AddConstraint { table: self.table.clone(), constraint })])
    }

    fn column(&self, walk: &Walk, method: &Call, modifiers: &[&Call]) -> Option<Vec<Item>> {
        let kind = method.name.as_str();
        let sql_type = column_type(walk, method)?;
        let written = if kind == "foreignIdFor" { walk.text(method.args.get(1)) } else { walk.text(method.args.first()) };
        let name = written.or_else(|| {
            Some(match kind {
                "id" => "id".into(),
                "softDeletes" | "softDeletesTz" => "deleted_at".into(),
                "rememberToken" => "remember_token".into(),
                "uuid" => "uuid".into(),
                "foreignIdFor" => format!("{}_id", snake(&model(method)?)),
                _ => return None,
            })
        })?;
        let find = |wanted: &str| modifiers.iter().find(|link| link.name == wanted);
        let nullable = find("nullable").is_some_and(|link| link.args.first().and_then(Value::as_bool) != Some(false));
        let counted = kind == "id" || kind.to_lowercase().ends_with("increments") || find("autoIncrement").is_some();
        let unsigned = find("unsigned").is_some() && walk.dialect.is_mysql();
        let default = match (find("default"), find("useCurrent")) {
            (Some(link), _) => link
                .args
                .first()
                .and_then(|value| walk.sql(raw(value)).filter(|_| raw(value) == value).or_else(|| walk.text(Some(raw(value))))),
            (None, Some(_)) => Some("CURRENT_TIMESTAMP".into()),
            _ => None,
        };
        let column = Column {
            name: name.clone(),
            sql_type: if unsigned { format!("{sql_type} unsigned") } else { sql_type },
            not_null: !nullable && !matches!(kind, "softDeletes" | "softDeletesTz" | "rememberToken"),
            default,
            identity: counted,
            primary_key: counted || find("primary").is_some(),
            generated: find("storedAs")
                .map(|link| (link, true))
                .or(find("virtualAs").map(|link| (link, false)))
                .and_then(|(link, stored)| Some((walk.text(link.args.first())?, stored))),
            check: labels(walk, method, &name),
            ..Column::default()
        };
        if find("change").is_some() {
            return Some(self.changed(method.line, column, nullable, find("nullable").is_some(), find("default").is_some()));
        }
        let mut out = vec![self.add(method.line, column)];
        for (word, unique) in [("unique", true), ("index", false)] {
            out.extend(find(word).map(|link| self.index(method.line, vec![name.clone()], walk.text(link.args.first()), unique)));
        }
        if find("constrained").is_some() || find("references").is_some() && find("on").is_some() {
            let foreign = self.name(std::slice::from_ref(&name), "foreign");
            let table = model(method).filter(|_| kind == "foreignIdFor").map(|model| plural(&snake(&model)));
            out.extend(self.foreign(walk, method.line, foreign, vec![name], table, modifiers).unwrap_or_default());
        }
        Some(out)
    }

    /// `->change()`: nullability and default are those written; older versions keep what is not written.
    fn changed(&self, line: u32, column: Column, nullable: bool, says_null: bool, says_default: bool) -> Vec<Item> {
        let (table, name) = (self.table.clone(), column.name.clone());
        let mut out =
            vec![Change::SetType { table: table.clone(), column: name.clone(), sql_type: column.sql_type, using: None }];
        if says_default {
            out.push(Change::SetDefault { table: table.clone(), column: name.clone(), default: column.default });
        }
        if says_null {
            out.push(Change::SetNotNull { table, column: name, not_null: !nullable });
        }
        out.into_iter().map(|change| Item::new(line, change)).collect()
    }
}

fn plain(walk: &Walk, name: &str, kind: &str, null: bool) -> Column {
    let call = Call { name: kind.to_owned(), ..Call::default() };
    Column { name: name.to_owned(), sql_type: column_type(walk, &call).unwrap_or_default(), not_null: !null, ..Column::default() }
}

fn column_type(walk: &Walk, call: &Call) -> Option<String> {
    // PHP's methods have no case.
    let row = TYPES.iter().find(|row| row.0.eq_ignore_ascii_case(&call.name))?;
    let digits = |position: usize| match call.args.get(position).map(|value| walk.resolve(value)) {
        Some(Value::Number(number)) => Some(number.clone()),
        _ => None,
    };
    if call.name == "enum" && walk.dialect.is_mysql() {
        let labels: Vec<String> =
            walk.texts(call.args.get(1)).iter().map(|text| super::lower::literal(text, walk.dialect)).collect();
        if !labels.is_empty() {
            return Some(format!("enum({})", labels.join(", ")));
        }
    }
    let precision = digits(1);
    let first = if call.name.to_lowercase().contains("decimal") { "8" } else { "255" };
    let pattern = pick(row, walk.dialect);
    Some(
        pattern
            .replace("{t}", precision.as_deref().unwrap_or("0"))
            .replace(
                "{f}",
                &precision.as_ref().filter(|digits| *digits != "0").map_or(String::new(), |digits| format!("({digits})")),
            )
            .replace("{n}", &digits(1).unwrap_or_else(|| first.into()))
            .replace("{s}", &digits(2).unwrap_or_else(|| "2".into())),
    )
}

/// An enum is text with a CHECK where the database has no such type (`PostgresGrammar::typeEnum`, `SQLiteGrammar::typeEnum`).
fn labels(walk: &Walk, method: &Call, name: &str) -> Option<String> {
    if method.name != "enum" || walk.dialect.is_mysql() {
        return None;
    }
    let labels = walk.texts(method.args.get(1));
    let labels: Vec<String> = labels.iter().map(|text| super::lower::literal(text, walk.dialect)).collect();
    (!labels.is_empty()).then(|| format!("{} in ({})", super::lower::quote(name, walk.dialect), labels.join(", ")))
}

/// The class in `foreignIdFor(User::class)`.
fn model(method: &Call) -> Option<String> {
    let class = method.args.first()?.as_call().filter(|call| call.name == "class")?;
    Some(class.receiver.as_ref()?.as_call()?.name.clone())
}

/// `Str::snake`.
pub(super) fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// `DB::raw('…')`: its text.
fn raw(value: &Value) -> &Value {
    match value {
        Value::Call(call) if call.name == "raw" || call.name == "Expression" => call.args.first().unwrap_or(value),
        other => other,
    }
}

fn assignments(walk: &Walk, call: &Call) -> Option<String> {
    let Some(Value::Map(entries)) = call.args.first() else { return None };
    let quote =
        |key: &Value| key.as_text().map(|text| super::lower::quote(text.rsplit('.').next().unwrap_or(text), walk.dialect));
    let pairs: Vec<String> = entries
        .iter()
        .filter_map(|(key, value)| Some(format!("{} = {}", quote(key)?, walk.sql(value).unwrap_or_else(|| "NULL".into()))))
        .collect();
    (!pairs.is_empty()).then(|| pairs.join(", "))
}

/// Columns of the first row, with as many placeholders.
fn keys(walk: &Walk, call: &Call) -> Option<(String, String)> {
    let row = match walk.resolve(call.args.first()?) {
        Value::List(rows) => walk.resolve(rows.first()?),
        row => row,
    };
    let Value::Map(entries) = row else { return None };
    let columns = entries.iter().map(|(key, _)| Some(super::lower::quote(key.as_text()?, walk.dialect)));
    let columns: Vec<String> = columns.collect::<Option<_>>()?;
    (!columns.is_empty()).then(|| (columns.join(", "), vec!["''"; columns.len()].join(", ")))
}

fn drop_column(line: u32, table: &str, column: String) -> Item {
    Item::new(line, Change::DropColumn { table: table.to_owned(), column, if_exists: false })
}
