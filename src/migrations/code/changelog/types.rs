//! Types of changelogs in each dialect: what `liquibase.datatype.core.*` 4.29.2 prints with `update-sql` for the offline databases.

use crate::sql::dialect::Dialect;

/// Name; PostgreSQL, MySQL and MariaDB, SQLite, SQL Server, Oracle. `{}` takes the parameters with their parentheses. What is not
/// listed stays as it is written.
const TYPES: &[(&str, [&str; 5])] = &[
    ("bigint", ["bigint", "bigint", "bigint", "bigint", "number(38,0)"]),
    ("blob", ["oid", "blob", "blob", "varbinary(max)", "blob"]),
    ("longblob", ["bytea", "longblob", "blob", "varbinary(max)", "blob"]),
    ("mediumblob", ["bytea", "mediumblob", "blob", "varbinary(max)", "blob"]),
    ("tinyblob", ["bytea", "tinyblob", "blob", "varbinary(max)", "blob"]),
    ("longvarbinary", ["bytea", "longblob", "blob", "varbinary(max)", "blob"]),
    ("image", ["bytea", "blob", "blob", "image", "blob"]),
    ("varbinary", ["bytea", "varbinary{}", "blob{}", "varbinary{}", "raw{}"]),
    ("binary", ["bytea", "binary{}", "blob{}", "binary{}", "raw{}"]),
    ("boolean", ["boolean", "tinyint(1)", "boolean", "bit", "number(1)"]),
    ("bit", ["bit{}", "bit{}", "boolean{}", "bit", "number(1)"]),
    ("clob", ["text", "longtext", "text", "varchar(max)", "clob"]),
    ("longtext", ["text", "longtext", "text", "varchar(max)", "clob"]),
    ("longvarchar", ["text", "longtext", "text", "varchar(max)", "clob"]),
    ("text", ["text", "text", "text", "varchar(max)", "clob"]),
    ("mediumtext", ["text", "mediumtext", "text", "varchar(max)", "clob"]),
    ("tinytext", ["text", "tinytext", "text", "varchar(max)", "clob"]),
    ("nclob", ["text", "longtext character set utf8", "text", "nvarchar(max)", "nclob"]),
    ("currency", ["decimal", "decimal", "real", "money", "number(15,2)"]),
    ("money", ["decimal", "decimal", "real", "money", "number(15,2)"]),
    ("datetime", ["timestamp{}", "datetime{}", "text", "datetime", "timestamp{}"]),
    ("datetime2", ["timestamp{}", "datetime{}", "text", "datetime2{}", "timestamp{}"]),
    ("smalldatetime", ["timestamp{}", "datetime{}", "text", "smalldatetime", "timestamp{}"]),
    ("timestamp", ["timestamp{}", "timestamp{}", "text", "datetime2{}", "timestamp{}"]),
    ("timestamptz", ["timestamptz", "timestamp", "text", "datetime2", "timestamp"]),
    ("time", ["time{}", "time", "time", "time{}", "date"]),
    ("double", ["double precision", "double{}", "double{}", "float(53)", "double precision"]),
    ("int", ["integer", "int", "integer", "int", "integer"]),
    ("mediumint", ["mediumint", "mediumint", "mediumint", "int", "mediumint"]),
    ("nvarchar", ["varchar{}", "nvarchar{}", "nvarchar{}", "nvarchar{}", "nvarchar2{}"]),
    ("number", ["numeric{}", "numeric{}", "number{}", "numeric{}", "number{}"]),
    ("real", ["real", "real", "float", "real", "float"]),
    ("smallint", ["smallint", "smallint", "smallint{}", "smallint", "number(5)"]),
    ("tinyint", ["smallint", "tinyint{}", "tinyint{}", "tinyint", "number(3)"]),
    ("uuid", ["uuid", "char(36)", "text", "uniqueidentifier", "raw(16)"]),
    ("varchar", ["varchar{}", "varchar{}", "varchar{}", "varchar{}", "varchar2{}"]),
    ("serial", ["integer", "int", "integer", "int", "integer"]),
    ("bigserial", ["bigint", "bigint", "bigint", "bigint", "number(38,0)"]),
    ("xml", ["xml", "longtext", "text", "xml", "xmltype"]),
];

/// Other names of the same types (`@DataTypeInfo(aliases)`).
const ALIASES: &[(&str, &str)] = &[
    ("int8", "bigint"),
    ("integer8", "bigint"),
    ("long", "bigint"),
    ("serial8", "bigserial"),
    ("bool", "boolean"),
    ("int4", "int"),
    ("integer", "int"),
    ("int2", "smallint"),
    ("serial4", "serial"),
    ("numeric", "number"),
    ("varchar2", "varchar"),
    ("nvarchar2", "nvarchar"),
    ("longnvarchar", "nclob"),
    ("uniqueidentifier", "uuid"),
];

/// A column's type, and whether the type alone makes it count up (`serial`).
pub(super) fn sql_type(written: &str, dialect: Dialect) -> (String, bool) {
    let written = written.trim();
    let written = written.strip_prefix("java.sql.Types.").unwrap_or(written);
    let (head, parameters, rest) = parts(written);
    let lower = head.to_ascii_lowercase();
    let name = ALIASES.iter().find(|(alias, _)| *alias == lower).map_or(lower.as_str(), |(_, name)| name);
    let zoned = dialect == Dialect::PostgreSql && rest.to_ascii_lowercase().starts_with("with time zone");
    let counts = matches!(name, "serial" | "bigserial");
    if name == "uuid" && dialect == Dialect::MariaDb {
        return ("uuid".to_owned(), false);
    }
    let Some((_, columns)) = TYPES.iter().find(|(listed, _)| *listed == name) else { return (written.to_owned(), counts) };
    let column = columns[position(dialect)].replace("{}", parameters);
    let keeps = dialect.is_mysql() || zoned;
    (if keeps && !rest.is_empty() { format!("{column} {rest}") } else { column }, counts)
}

fn position(dialect: Dialect) -> usize {
    match dialect {
        Dialect::PostgreSql => 0,
        Dialect::MySql | Dialect::MariaDb => 1,
        Dialect::Sqlite => 2,
        Dialect::MsSql => 3,
        Dialect::Oracle => 4,
    }
}

/// `name(10, 2) unsigned`: name, parameters with their parentheses, the rest.
fn parts(text: &str) -> (&str, &str, &str) {
    let end = text.find(|c: char| c == '(' || c.is_whitespace()).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let rest = rest.trim_start();
    match rest.starts_with('(').then(|| rest.find(')')).flatten() {
        Some(close) => (name, &rest[..=close], rest[close + 1..].trim()),
        None => (name, "", rest),
    }
}
