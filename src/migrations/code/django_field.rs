//! Fields of Django models and their columns (`data_types` of each `django.db.backends.*.base`).

use super::ast::{Call, Value};
use super::change::{Column, Constraint, ConstraintKind, Reference};
use super::django::{Model, State};
use super::lower::quote;
use super::rails::pick;
use super::walk::Walk;
use crate::sql::dialect::Dialect;

/// Class, PostgreSQL, MySQL, SQLite; `{n}` is `max_length`, `{p}` and `{s}` digits of a decimal.
const TYPES: &[(&str, &str, &str, &str)] = &[
    ("AutoField", "integer", "integer", "integer"),
    ("BigAutoField", "bigint", "bigint", "integer"),
    ("SmallAutoField", "smallint", "smallint", "integer"),
    ("BinaryField", "bytea", "longblob", "blob"),
    ("NullBooleanField", "boolean", "bool", "bool"),
    ("BooleanField", "boolean", "bool", "bool"),
    ("CharField", "varchar({n})", "varchar({n})", "varchar({n})"),
    ("EmailField", "varchar({n})", "varchar({n})", "varchar({n})"),
    ("URLField", "varchar({n})", "varchar({n})", "varchar({n})"),
    ("SlugField", "varchar({n})", "varchar({n})", "varchar({n})"),
    ("FilePathField", "varchar({n})", "varchar({n})", "varchar({n})"),
    ("FileField", "varchar({n})", "varchar({n})", "varchar({n})"),
    ("ImageField", "varchar({n})", "varchar({n})", "varchar({n})"),
    ("CommaSeparatedIntegerField", "varchar({n})", "varchar({n})", "varchar({n})"),
    ("DateTimeField", "timestamptz", "datetime(6)", "datetime"),
    ("DateField", "date", "date", "date"),
    ("TimeField", "time", "time(6)", "time"),
    ("DurationField", "interval", "bigint", "bigint"),
    ("DecimalField", "numeric({p},{s})", "numeric({p},{s})", "decimal"),
    ("FloatField", "double precision", "double precision", "real"),
    ("PositiveBigIntegerField", "bigint", "bigint UNSIGNED", "bigint unsigned"),
    ("PositiveSmallIntegerField", "smallint", "smallint UNSIGNED", "smallint unsigned"),
    ("PositiveIntegerField", "integer", "integer UNSIGNED", "integer unsigned"),
    ("SmallIntegerField", "smallint", "smallint", "smallint"),
    ("BigIntegerField", "bigint", "bigint", "bigint"),
    ("IntegerField", "integer", "integer", "integer"),
    ("GenericIPAddressField", "inet", "char(39)", "char(39)"),
    ("IPAddressField", "inet", "char(15)", "char(15)"),
    ("JSONField", "jsonb", "json", "text"),
    ("TextField", "text", "longtext", "text"),
    ("UUIDField", "uuid", "char(32)", "char(32)"),
    ("HStoreField", "hstore", "text", "text"),
    ("CITextField", "citext", "longtext", "text"),
    ("CICharField", "citext", "longtext", "text"),
    ("CIEmailField", "citext", "longtext", "text"),
    ("SearchVectorField", "tsvector", "longtext", "text"),
];

/// What a field is in the database.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Field {
    pub column: String,
    /// Table and column when it was made: names of its constraints and indexes come from them.
    pub origin: (String, String),
    pub sql_type: String,
    pub null: bool,
    pub unique: bool,
    pub indexed: bool,
    pub primary_key: bool,
    pub identity: bool,
    pub db_default: Option<String>,
    /// The program's default as SQL.
    pub default: Option<String>,
    pub references: Option<Reference>,
    /// `app.model` of the other side.
    pub to: Option<String>,
    pub many: Option<Many>,
    /// `db_column` is written.
    fixed: bool,
    pub positive: bool,
    /// SQLite's JSON columns are checked.
    json: bool,
    /// The type of columns that refer to it, where it is another one (`rel_db_type`).
    reference: Option<String>,
    /// It refers to a field that is not the primary key.
    to_field: bool,
    generated: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Many {
    /// `app.model` in lower case.
    pub to: String,
    pub through: bool,
    pub table: Option<String>,
}

/// `django.db.models.fields.proxy.OrderWrt`.
pub(super) fn order_field(table: &str) -> Field {
    Field { column: "_order".into(), origin: (table.to_owned(), "_order".into()), sql_type: "integer".into(), ..Field::default() }
}

/// A field of a model from the call that makes it.
pub(super) fn field(walk: &Walk, state: &State, app: &str, model: &Model, name: &str, call: &Call) -> Field {
    let kind = call.name.as_str();
    let fixed = walk.text(call.keyword("db_column"));
    let flag = |name: &str| call.keyword(name).and_then(Value::as_bool);
    let primary_key = flag("primary_key") == Some(true);
    let mut made = Field {
        column: fixed.clone().unwrap_or_else(|| name.to_owned()),
        origin: (model.table.clone(), fixed.clone().unwrap_or_else(|| name.to_owned())),
        fixed: fixed.is_some(),
        null: flag("null") == Some(true) && !primary_key,
        unique: flag("unique") == Some(true),
        indexed: flag("db_index").unwrap_or(kind == "SlugField"),
        primary_key,
        identity: kind.ends_with("AutoField"),
        db_default: call.keyword("db_default").and_then(|value| walk.sql(value)),
        positive: kind.starts_with("Positive"),
        ..Field::default()
    };
    if kind.ends_with("ManyToManyField") || kind.contains("ParentalManyToMany") {
        let to = target(walk, call, app, model);
        let through = call.keyword("through").is_some_and(|value| *value != Value::Null);
        made.many = Some(Many { to, through, table: walk.text(call.keyword("db_table")) });
        return made;
    }
    if kind == "NullBooleanField" {
        made.null = true;
    }
    if kind.ends_with("ForeignKey") || kind.ends_with("OneToOneField") || kind == "ParentalKey" {
        let to = target(walk, call, app, model);
        return relation(walk, state, call, made, to, name);
    }
    made.sql_type = sql_type(walk, call);
    made.json = kind.ends_with("JSONField") && walk.dialect == Dialect::Sqlite;
    made.reference = reference(kind, &made.sql_type, walk.dialect);
    made.default = effective(walk, call, kind, made.null);
    made
}

fn relation(walk: &Walk, state: &State, call: &Call, mut made: Field, to: String, name: &str) -> Field {
    if !made.fixed {
        made.column = format!("{name}_id");
        made.origin.1.clone_from(&made.column);
    }
    let one = call.name.ends_with("OneToOneField");
    made.unique |= one;
    made.indexed = call.keyword("db_index").and_then(Value::as_bool).unwrap_or(!one);
    let to_field = walk.text(call.keyword("to_field"));
    made.to_field = to_field.is_some();
    let other = match &to_field {
        Some(field) => state.models.get(&to).and_then(|model| model.field(field)),
        None => state.key_of(&to),
    };
    made.sql_type = other.map_or_else(|| "bigint".to_owned(), Field::reference_type);
    if call.keyword("db_constraint").and_then(Value::as_bool) != Some(false) {
        let mut reference = state.reference(&to);
        if let Some(other) = other {
            reference.columns = vec![other.column.clone()];
        }
        made.references = Some(reference);
    }
    made.default = call.keyword("default").and_then(|value| walk.sql(value));
    made.to = Some(to);
    made
}

/// `AutoFieldMixin.rel_db_type`, `PositiveIntegerRelDbTypeMixin.rel_db_type`.
fn reference(kind: &str, sql_type: &str, dialect: Dialect) -> Option<String> {
    match kind {
        _ if dialect != Dialect::Sqlite => None,
        "BigAutoField" => Some("bigint".into()),
        "SmallAutoField" => Some("smallint".into()),
        _ => sql_type.strip_suffix(" unsigned").map(str::to_owned),
    }
}

/// `app.model` in lower case of `to`; the setting of the user model stands for `auth.User`.
fn target(walk: &Walk, call: &Call, app: &str, model: &Model) -> String {
    let value = call.arg(0, "to").map(|value| walk.resolve(value));
    let text = match value {
        Some(Value::Text { text, .. }) => text.clone(),
        Some(Value::Call(inner)) if inner.name.ends_with("USER_MODEL") => "auth.User".into(),
        Some(other) => other.path().rsplit('.').next().unwrap_or("").to_owned(),
        None => String::new(),
    };
    let text = if text == "self" { model.name.clone() } else { text };
    if text.contains('.') { text.to_lowercase() } else { format!("{app}.{text}").to_lowercase() }
}

fn sql_type(walk: &Walk, call: &Call) -> String {
    let kind = call.name.as_str();
    if kind == "ArrayField" {
        let base =
            call.arg(0, "base_field").and_then(Value::as_call).map_or_else(|| "text".to_owned(), |base| sql_type(walk, base));
        return if walk.dialect == Dialect::PostgreSql { format!("{base}[]") } else { base };
    }
    let number = |name: &str| match call.keyword(name).map(|value| walk.resolve(value)) {
        Some(Value::Number(number)) => Some(number.clone()),
        _ => None,
    };
    let exact = TYPES.iter().find(|row| row.0 == kind).or_else(|| TYPES.iter().find(|row| kind.ends_with(row.0)));
    let pattern = match exact {
        Some(row) => pick(row, walk.dialect),
        None if number("max_length").is_some() => "varchar({n})",
        None => "text",
    };
    let length = number("max_length").unwrap_or_else(|| match kind {
        "EmailField" => "254".into(),
        "URLField" => "200".into(),
        "SlugField" => "50".into(),
        _ => "100".into(),
    });
    let pattern = if kind == "CharField" && number("max_length").is_none() && walk.dialect == Dialect::PostgreSql {
        "varchar"
    } else {
        pattern
    };
    pattern
        .replace("{n}", &length)
        .replace("{p}", &number("max_digits").unwrap_or_else(|| "10".into()))
        .replace("{s}", &number("decimal_places").unwrap_or_else(|| "0".into()))
}

/// `BaseDatabaseSchemaEditor._effective_default`.
fn effective(walk: &Walk, call: &Call, kind: &str, null: bool) -> Option<String> {
    if let Some(value) = call.keyword("default") {
        return match walk.resolve(value) {
            Value::Call(_) | Value::Many(_) => Some(made_up(kind, walk)),
            value => walk.sql(value),
        };
    }
    let flag = |name: &str| call.keyword(name).and_then(Value::as_bool) == Some(true);
    if flag("auto_now") || flag("auto_now_add") {
        return Some(made_up("DateTimeField", walk));
    }
    let textual = ["CharField", "TextField", "EmailField", "URLField", "SlugField", "FileField", "ImageField", "FilePathField"];
    (!null && flag("blank") && textual.iter().any(|end| kind.ends_with(end))).then(|| "''".into())
}

/// A value of the type that a callable gives.
fn made_up(kind: &str, walk: &Walk) -> String {
    match kind {
        "UUIDField" => "'00000000-0000-0000-0000-000000000000'".into(),
        "BooleanField" => walk.truth(false),
        "JSONField" | "ArrayField" | "HStoreField" => "'{}'".into(),
        _ if kind.contains("DateTime") => "'2000-01-01 00:00:00'".into(),
        _ if kind.contains("Date") => "'2000-01-01'".into(),
        _ if kind.contains("Integer") || kind.contains("Float") || kind.contains("Decimal") => "0".into(),
        _ => "''".into(),
    }
}

impl Field {
    /// The column as CREATE TABLE makes it.
    pub fn column(&self, dialect: Dialect) -> Column {
        let name = quote(&self.column, dialect);
        let positive = self.positive.then(|| format!("{name} >= 0"));
        let check = positive.or_else(|| self.json.then(|| format!("JSON_VALID({name}) OR {name} IS NULL")));
        Column {
            name: self.column.clone(),
            sql_type: self.sql_type.clone(),
            not_null: !self.null,
            default: self.db_default.clone(),
            identity: self.identity,
            primary_key: self.primary_key,
            unique: self.unique && !self.primary_key,
            unique_name: Some(self.made_name("key")),
            references: self.references.clone(),
            reference_name: Some(self.made_name("fk")),
            check,
            generated: self.generated.clone().map(|text| (text, true)),
        }
    }

    /// The type of a column that refers to this one.
    pub fn reference_type(&self) -> String {
        self.reference.clone().unwrap_or_else(|| self.sql_type.clone())
    }

    pub fn wants_index(&self) -> bool {
        self.indexed && !self.unique && !self.primary_key && self.many.is_none()
    }

    /// Whether its type is that of the primary key of this model.
    pub fn follows(&self, model: &str) -> bool {
        self.many.is_none() && !self.to_field && self.to.as_deref() == Some(model)
    }

    /// A name of something that belongs to it; the real one has a digest of the same two names at its end.
    pub fn made_name(&self, suffix: &str) -> String {
        format!("{}_{}_{suffix}", self.origin.0, self.origin.1)
    }

    pub fn check_constraint(&self, dialect: Dialect) -> Constraint {
        let kind = ConstraintKind::Check(format!("{} >= 0", quote(&self.column, dialect)));
        Constraint { name: Some(self.made_name("check")), kind, not_valid: false }
    }

    pub fn effective_default(&self, _: Dialect) -> Option<String> {
        self.default.clone()
    }

    pub fn unique_constraint(&self) -> Constraint {
        let name = Some(self.made_name("key"));
        Constraint { name, kind: ConstraintKind::Unique(vec![self.column.clone()]), not_valid: false }
    }

    /// The field under another name.
    pub fn rename(&mut self, old: &str, new: &str) {
        if self.fixed {
            return;
        }
        self.column = if self.to.is_some() && self.column == format!("{old}_id") { format!("{new}_id") } else { new.to_owned() };
    }

    /// Follows a model that got another name.
    pub fn retarget(&mut self, old: &str, new: &str) {
        if self.to.as_deref() == Some(old) {
            self.to = Some(new.to_owned());
        }
        if let Some(many) = self.many.as_mut().filter(|many| many.to == old) {
            many.to = new.to_owned();
        }
    }
}
