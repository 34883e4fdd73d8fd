//! Data types, their names in one spelling per dialect.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::expression::DataType;
use crate::sql::lexer::{TokenKind, decode_text};
use crate::sql::name::{Ident, Name};
use crate::sql::statement::IdentityKind;

/// Words that follow a type and belong to the column.
pub const COLUMN_WORDS: [&str; 50] = [
    "CONSTRAINT",
    "NOT",
    "NULL",
    "DEFAULT",
    "PRIMARY",
    "UNIQUE",
    "CHECK",
    "REFERENCES",
    "COLLATE",
    "GENERATED",
    "AS",
    "AUTO_INCREMENT",
    "AUTOINCREMENT",
    "KEY",
    "COMMENT",
    "ON",
    "IDENTITY",
    "DEFERRABLE",
    "INITIALLY",
    "STORAGE",
    "COMPRESSION",
    "FIRST",
    "AFTER",
    "USING",
    "VISIBLE",
    "INVISIBLE",
    "VIRTUAL",
    "STORED",
    "PERSISTENT",
    "PERSISTED",
    "SPARSE",
    "ROWGUIDCOL",
    "MASKED",
    "WITH",
    "SRID",
    "REF_SYSTEM_ID",
    "COLUMN_FORMAT",
    "ENABLE",
    "DISABLE",
    "CHARACTER",
    "CHARSET",
    "OPTIONS",
    "INTO",
    "SET",
    "ENGINE_ATTRIBUTE",
    "COMPRESSED",
    "ENCRYPTED",
    "NOVALIDATE",
    "FOREIGN",
    "RESTRICT",
];

/// Types of several words, longest first, and the word they are folded to in PostgreSQL and MySQL.
/// <https://www.postgresql.org/docs/current/datatype.html>, <https://dev.mysql.com/doc/refman/8.4/en/other-vendor-data-types.html>.
const PHRASES: [(&[&str], &str, &str); 20] = [
    (&["NATIONAL", "CHARACTER", "VARYING"], "varchar", "varchar"),
    (&["NATIONAL", "CHAR", "VARYING"], "varchar", "varchar"),
    (&["NATIONAL", "CHARACTER"], "char", "char"),
    (&["NATIONAL", "CHAR"], "char", "char"),
    (&["NATIONAL", "VARCHAR"], "varchar", "varchar"),
    (&["CHARACTER", "VARYING"], "varchar", "varchar"),
    (&["CHARACTER", "LARGE", "OBJECT"], "text", "longtext"),
    (&["CHAR", "VARYING"], "varchar", "varchar"),
    (&["CHAR", "BYTE"], "char", "binary"),
    (&["NCHAR", "VARYING"], "varchar", "varchar"),
    (&["NCHAR", "VARCHAR"], "varchar", "varchar"),
    (&["NCHAR", "VARCHARACTER"], "varchar", "varchar"),
    (&["BIT", "VARYING"], "varbit", "bit"),
    (&["DOUBLE", "PRECISION"], "double precision", "double"),
    (&["LONG", "VARCHAR"], "text", "mediumtext"),
    (&["LONG", "VARBINARY"], "bytea", "mediumblob"),
    (&["LONG", "RAW"], "bytea", "long raw"),
    (&["BINARY", "VARYING"], "bytea", "varbinary"),
    (&["CHARACTER", "SET"], "", ""),
    (&["DOUBLE"], "double precision", "double"),
];

/// Other names of PostgreSQL's types, <https://www.postgresql.org/docs/current/datatype.html#DATATYPE-TABLE>.
const POSTGRESQL: [(&str, &str); 18] = [
    ("int", "integer"),
    ("int4", "integer"),
    ("int8", "bigint"),
    ("int2", "smallint"),
    ("serial", "integer"),
    ("serial4", "integer"),
    ("bigserial", "bigint"),
    ("serial8", "bigint"),
    ("smallserial", "smallint"),
    ("serial2", "smallint"),
    ("float4", "real"),
    ("float8", "double precision"),
    ("decimal", "numeric"),
    ("dec", "numeric"),
    ("bool", "boolean"),
    ("character", "char"),
    ("nchar", "char"),
    ("bpchar", "char"),
];

/// Other names of MySQL's and MariaDB's types.
const MYSQL: [(&str, &str); 24] = [
    ("integer", "int"),
    ("int1", "tinyint"),
    ("int2", "smallint"),
    ("int3", "mediumint"),
    ("middleint", "mediumint"),
    ("int4", "int"),
    ("int8", "bigint"),
    ("bool", "tinyint"),
    ("boolean", "tinyint"),
    ("serial", "bigint"),
    ("dec", "decimal"),
    ("numeric", "decimal"),
    ("fixed", "decimal"),
    ("number", "decimal"),
    ("real", "double"),
    ("float4", "float"),
    ("float8", "double"),
    ("character", "char"),
    ("nchar", "char"),
    ("nvarchar", "varchar"),
    ("varcharacter", "varchar"),
    ("varchar2", "varchar"),
    ("long", "mediumtext"),
    ("raw", "varbinary"),
];

/// The type that is next; the place is left alone where none is.
pub fn data_type(cursor: &mut Cursor) -> Option<DataType> {
    if !matches!(cursor.kind_at(0), Some(TokenKind::Word | TokenKind::Quoted)) || is_column_word(cursor) {
        return None;
    }
    cursor.take_word("SETOF");
    let mut data_type = DataType::named(name(cursor)?);
    arguments(cursor, &mut data_type);
    suffixes(cursor, &mut data_type);
    widths(cursor.dialect, &mut data_type);
    Some(data_type)
}

/// Whether the type that is next gives its column a counter.
pub fn serial(cursor: &Cursor) -> Option<IdentityKind> {
    const SERIALS: [&str; 6] = ["SERIAL", "BIGSERIAL", "SMALLSERIAL", "SERIAL4", "SERIAL8", "SERIAL2"];
    let known = match cursor.dialect {
        Dialect::PostgreSql => cursor.is_one_of(&SERIALS),
        Dialect::MySql | Dialect::MariaDb => cursor.is_word_at(0, "SERIAL"),
        _ => false,
    };
    known.then_some(IdentityKind::Serial)
}

fn is_column_word(cursor: &Cursor) -> bool {
    !cursor.is(&["CHARACTER"]) && !cursor.is(&["SET", "("]) && !is_set_type(cursor) && cursor.is_one_of(&COLUMN_WORDS)
}

/// MySQL's SET('a', 'b').
fn is_set_type(cursor: &Cursor) -> bool {
    cursor.is_word_at(0, "SET") && cursor.text_at(1) == "("
}

fn name(cursor: &mut Cursor) -> Option<Name> {
    let dialect = cursor.dialect;
    if dialect == Dialect::Sqlite {
        return sqlite_name(cursor);
    }
    if let Some(word) = phrase(cursor) {
        return Some(Name::bare(Ident::stored(dialect, word)));
    }
    let mut name = cursor.take_name()?;
    if name.schema.as_ref().is_some_and(|schema| matches!(schema.key(), "pg_catalog" | "sys")) {
        name.schema = None;
    }
    if name.schema.is_none() {
        name.name = Ident::new(dialect, canonical(dialect, name.name.key()).unwrap_or(name.name.as_str()), true);
    }
    Some(name)
}

fn phrase(cursor: &mut Cursor) -> Option<&'static str> {
    let (_, postgresql, mysql) = PHRASES.iter().find(|(words, ..)| cursor.is(words)).copied()?;
    let words = PHRASES.iter().find(|(words, ..)| cursor.is(words))?.0;
    let word = match cursor.dialect {
        Dialect::PostgreSql => postgresql,
        Dialect::MySql | Dialect::MariaDb => mysql,
        _ => return None,
    };
    if word.is_empty() {
        return None;
    }
    cursor.take(words);
    Some(word)
}

/// SQLite takes any words for a type, <https://www.sqlite.org/syntax/type-name.html>.
fn sqlite_name(cursor: &mut Cursor) -> Option<Name> {
    let mut words = Vec::new();
    while matches!(cursor.kind_at(0), Some(TokenKind::Word | TokenKind::Quoted)) {
        if is_column_word(cursor) && !(cursor.is(&["CHARACTER"])) {
            break;
        }
        words.push(cursor.take_ident()?.as_str().to_lowercase());
    }
    (!words.is_empty()).then(|| Name::bare(Ident::new(cursor.dialect, &words.join(" "), true)))
}

fn canonical(dialect: Dialect, key: &str) -> Option<&'static str> {
    let table: &[(&str, &str)] = match dialect {
        Dialect::PostgreSql => &POSTGRESQL,
        Dialect::MySql | Dialect::MariaDb => &MYSQL,
        _ => return None,
    };
    table.iter().find(|(other, _)| *other == key).map(|(_, word)| *word)
}

fn arguments(cursor: &mut Cursor, data_type: &mut DataType) {
    let is_labelled = matches!(data_type.name.name.key(), "enum" | "set");
    let Some(inside) = cursor.take_parenthesised() else { return };
    for part in inside.split_commas() {
        match part.kind_at(0) {
            Some(TokenKind::Text) if is_labelled => {
                data_type.labels.push(decode_text(part.text_at(0), cursor.dialect));
            }
            _ => data_type.arguments.push(part.source_text().to_lowercase()),
        }
    }
}

fn suffixes(cursor: &mut Cursor, data_type: &mut DataType) {
    match cursor.dialect {
        Dialect::PostgreSql => postgresql_suffixes(cursor, data_type),
        Dialect::MySql | Dialect::MariaDb => while mysql_attribute(cursor, data_type) {},
        _ => {}
    }
}

fn postgresql_suffixes(cursor: &mut Cursor, data_type: &mut DataType) {
    match data_type.name.name.key() {
        "timestamp" | "time" => zone(cursor, data_type),
        "interval" => interval(cursor, data_type),
        _ => {}
    }
    if cursor.is_symbol("%") {
        cursor.skip();
        cursor.take_one_of(&["TYPE", "ROWTYPE"]);
    }
    loop {
        if cursor.take_symbol("[") {
            cursor.take_until(|here| here.is_symbol("]"));
            cursor.take_symbol("]");
        } else if !cursor.take_word("ARRAY") {
            break;
        } else if cursor.is_symbol("[") {
            continue;
        }
        data_type.dimensions = data_type.dimensions.saturating_add(1);
    }
}

fn zone(cursor: &mut Cursor, data_type: &mut DataType) {
    if cursor.take(&["WITH", "TIME", "ZONE"]) {
        let word = if data_type.name.name.key() == "time" { "timetz" } else { "timestamptz" };
        data_type.name.name = Ident::stored(cursor.dialect, word);
    } else {
        cursor.take(&["WITHOUT", "TIME", "ZONE"]);
    }
}

fn interval(cursor: &mut Cursor, data_type: &mut DataType) {
    let mut fields = Vec::new();
    while let Some(word) = cursor.take_one_of(&["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "TO"]) {
        fields.push(word.to_lowercase());
    }
    if !fields.is_empty() {
        data_type.arguments.push(fields.join(" "));
        arguments(cursor, data_type);
    }
}

fn mysql_attribute(cursor: &mut Cursor, data_type: &mut DataType) -> bool {
    if cursor.take_one_of(&["UNSIGNED", "ZEROFILL"]).is_some() {
        data_type.unsigned = true;
        return true;
    }
    if cursor.take(&["CHARACTER", "SET"]) || cursor.take_word("CHARSET") || cursor.take(&["CHAR", "SET"]) {
        cursor.take_symbol("=");
        data_type.charset = cursor.take_ident_or_text().map(|name| name.key().to_owned());
        return true;
    }
    if let Some(word) = cursor.take_one_of(&["ASCII", "UNICODE"]) {
        data_type.charset = Some(if word == "ASCII" { "latin1" } else { "ucs2" }.to_owned());
        return true;
    }
    cursor.take_one_of(&["SIGNED", "BINARY"]).is_some()
}

/// Widths that a name without arguments, or with some, stands for.
fn widths(dialect: Dialect, data_type: &mut DataType) {
    let written = data_type.name.name.key().to_owned();
    // float(n): up to 24 bits are single precision.
    if dialect == Dialect::PostgreSql && written == "float" {
        let bits = data_type.arguments.first().and_then(|bits| bits.parse::<u32>().ok());
        let word = if bits.is_some_and(|bits| bits <= 24) { "real" } else { "double precision" };
        data_type.arguments.clear();
        data_type.name.name = Ident::stored(dialect, word);
    }
}

/// MySQL's BOOL is tinyint(1), its SERIAL an unsigned bigint: what the written word adds to the folded one.
pub fn add_implied(written: &str, data_type: &mut DataType, dialect: Dialect) {
    if !dialect.is_mysql() {
        return;
    }
    if (written.eq_ignore_ascii_case("bool") || written.eq_ignore_ascii_case("boolean")) && data_type.arguments.is_empty() {
        data_type.arguments.push("1".to_owned());
    }
    data_type.unsigned |= written.eq_ignore_ascii_case("serial");
}
