//! Values for synthetic rows: ordinary and extreme ones by type, distinct by row.

use super::catalog::Column;
use super::seed::{TRIALS, TRIED};
use crate::sql::dialect::Dialect;

/// How far values go. A migration that ordinary rows pass may refuse extreme ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Extreme ones, and rows that are alike but for what must differ.
    Twins,
    Extreme,
    Ordinary,
    /// Ordinary rows in tables that the migration does not name: one that refuses rows of its own tables can still be asked about.
    Elsewhere,
    /// No rows: what can be seen without.
    Empty,
}

/// A literal for `column` in row `row`.
pub fn literal(dialect: Dialect, column: &Column, row: usize, reach: Reach) -> String {
    if !column.labels.is_empty() {
        return text(dialect, label(&column.labels, row));
    }
    let declared = column.type_text.as_str();
    if declared.ends_with("[]") {
        let inner = Column { type_text: declared.trim_end_matches("[]").to_owned(), ..column.clone() };
        let value = literal(dialect, &inner, row, Reach::Ordinary);
        return format!("'{{{}}}'", value.trim_matches('\''));
    }
    let extreme = reach <= Reach::Extreme && row % 4 == 3;
    let base = declared.split(['(', ' ']).next().unwrap_or_default();
    let sizes = sizes(declared);
    plain(dialect, column, base, &sizes, row, extreme)
}

/// Rows of trials are few and take labels from all over the list: of those that are gone some are left.
fn label(labels: &[String], row: usize) -> &str {
    let at = if row >= TRIALS { (row - TRIALS) * labels.len() / TRIED } else { row };
    &labels[at % labels.len()]
}

/// What tells a column's values from those of others in the same row, or a copy could not be told from what was there.
fn own(name: &str) -> usize {
    name.bytes().fold(7, |sum, byte| (sum * 31 + usize::from(byte)) % 9_973)
}

/// Both values in every pair of columns.
fn flag(name: &str, row: usize) -> bool {
    let own = own(name);
    ((row >> (own / 2 % 2)) + own).is_multiple_of(2)
}

/// What is compared with numbers of other tables keeps them small and the same.
fn is_reference(name: &str) -> bool {
    name.to_lowercase().ends_with("id")
}

/// Later things are in later years: CHECKs ask for that.
fn year(name: &str) -> usize {
    let begins = ["creat", "start", "begin", "from", "since", "issued"].iter().any(|word| name.to_lowercase().contains(word));
    if begins { 2021 } else { 2022 + own(name) % 5 }
}

fn sizes(declared: &str) -> Vec<usize> {
    let inner = declared.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(inner, _)| inner);
    inner.split(',').filter_map(|part| part.trim().parse().ok()).collect()
}

fn plain(dialect: Dialect, column: &Column, base: &str, sizes: &[usize], row: usize, extreme: bool) -> String {
    let declared = column.type_text.as_str();
    let pg = dialect == Dialect::PostgreSql;
    match base {
        "boolean" | "bool" if pg => format!("'{}'", if flag(&column.name, row) { "t" } else { "f" }),
        "boolean" | "bool" => u8::from(flag(&column.name, row)).to_string(),
        "tinyint" if declared.starts_with("tinyint(1)") => u8::from(flag(&column.name, row)).to_string(),
        "tinyint" | "smallint" | "int2" | "mediumint" | "integer" | "int" | "int4" | "bigint" | "int8" | "smallserial"
        | "serial" | "bigserial" | "oid" => {
            format!("'{}'", number(base, column, row, extreme))
        }
        "year" => format!("'{}'", 2001 + row % 90),
        "numeric" | "decimal" => decimal(sizes, row),
        "real" | "float" | "float4" | "double" | "float8" => format!("'{row}.5'"),
        "money" => format!("'{row}.25'"),
        "uuid" => format!("'00000000-0000-4000-8000-{:012x}'", 0xabc000 + row),
        "json" | "jsonb" => text(dialect, &format!("{{\"key{row}\": \"value{row}\"}}")),
        "date" => format!("'{}-03-{:02}'", year(&column.name), 1 + row % 28),
        "time" | "timetz" => format!("'05:{:02}:07'", row % 60),
        "timestamp" | "timestamptz" | "datetime" => {
            format!("'{}-03-{:02} 05:06:{:02}.123456'", year(&column.name), 1 + row / 60 % 28, row % 60)
        }
        "interval" => format!("'{} days 01:02:03'", row + 1),
        "bytea" => format!("'\\x{:016x}'", 0xdead_beef_0000_usize + row),
        "blob" | "binary" | "varbinary" | "longblob" | "mediumblob" | "tinyblob" => bytes(base, sizes, row),
        "bit" if pg => format!("'{:0width$b}'", row % 2, width = sizes.first().copied().unwrap_or(1)),
        "bit" => format!("b'{:b}'", row % 2),
        "inet" | "cidr" => format!("'10.0.{}.{}'", row / 250 % 250, row % 250 + 1),
        "macaddr" => format!("'08:00:2b:01:02:{:02x}'", row % 256),
        "tsvector" => format!("'word{row}'"),
        "xml" => format!("'<a>{row}</a>'"),
        "point" => format!("'({row},1)'"),
        "ltree" => format!("'Top.l{row}'"),
        "hstore" => format!("'a=>{row}'"),
        "int4range" | "int8range" | "numrange" => format!("'[{row},{})'", row + 5),
        "tstzrange" | "tsrange" | "daterange" => format!("'[2021-03-{:02},2021-04-01)'", 1 + row % 28),
        _ => words(dialect, &column.name, sizes.first().copied(), row, extreme),
    }
}

fn number(base: &str, column: &Column, row: usize, extreme: bool) -> i128 {
    let bits: u32 = match base {
        "tinyint" => 8,
        "smallint" | "int2" | "smallserial" => 16,
        "mediumint" => 24,
        "bigint" | "int8" | "bigserial" => 64,
        _ => 32,
    };
    let top = (1_i128 << (bits - u32::from(!column.type_text.contains("unsigned")))) - 1;
    let among = if bits < 16 || column.counted || is_reference(&column.name) { 0 } else { own(&column.name) % 100 * 200 };
    let row = i128::try_from(row + among).unwrap_or_default();
    if extreme { top - row % 100 } else { (row + 1) % top }
}

fn decimal(sizes: &[usize], row: usize) -> String {
    let scale = sizes.get(1).copied().unwrap_or(if sizes.is_empty() { 6 } else { 0 });
    let whole = sizes.first().map_or(9, |precision| precision.saturating_sub(scale)).min(9);
    let whole = if whole == 0 { 0 } else { (row + 1) % 10_usize.pow(u32::try_from(whole).unwrap_or(1)) };
    if scale == 0 { format!("'{whole}'") } else { format!("'{whole}.{}'", &"123456789123456789123456789123"[..scale.min(30)]) }
}

fn bytes(base: &str, sizes: &[usize], row: usize) -> String {
    let length = sizes.first().copied().unwrap_or(8);
    let full = format!("{:016x}", 0x00de_adbe_ef00_0000_usize + row);
    if base == "binary" || length < 8 {
        let digits = format!("{:0width$x}", row + 1, width = length * 2);
        return format!("x'{}'", &digits[digits.len() - length * 2..]);
    }
    format!("x'{full}'")
}

/// Mixed case, distinct by their first letters, and from those of other columns, so that a copy is not taken for nothing; one in four looks like a number, extreme ones fill the column.
fn words(dialect: Dialect, name: &str, length: Option<usize>, row: usize, extreme: bool) -> String {
    let length = length.unwrap_or(200);
    let mut value = match row % 4 {
        2 => format!("{}", 10_000 + own(name) % 80 * 1_000 + row),
        _ if row == TRIALS + 1 => format!("{}.{row}.0", 1 + own(name) % 9),
        _ => {
            format!("{}Value{row}{}", code(row), &name[..name.len().min(4).min(name.chars().take_while(char::is_ascii).count())])
        }
    };
    if extreme {
        value = format!("{value}é ").chars().cycle().take(length.min(200)).collect();
        value = value.trim_end().to_owned();
    }
    if value.chars().count() > length {
        value = code(row);
    }
    text(dialect, &value.chars().take(length).collect::<String>())
}

/// One or two letters.
fn code(row: usize) -> String {
    let letter = |at: usize| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[at % 52]);
    if row < 52 { letter(row).to_string() } else { format!("{}{}", letter(row), letter(row / 52)) }
}

/// A string literal.
pub fn text(dialect: Dialect, value: &str) -> String {
    let value = value.replace('\'', "''");
    if dialect.is_mysql() { format!("'{}'", value.replace('\\', "\\\\")) } else { format!("'{value}'") }
}
