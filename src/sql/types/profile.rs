//! What a type can hold, as far as two types are compared by it.

use std::sync::LazyLock;

use super::lists;
use crate::sql::dialect::Dialect;
use crate::sql::expression::DataType;
use crate::table;

const NAMES: &str = include_str!("../../../rules/tables/sql-type-names.csv");
const COLUMNS: [&str; 9] = ["dialect", "name", "canonical", "family", "arguments", "size", "fraction", "width", "source"];

/// What stands in the parentheses of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arguments {
    /// Nothing that matters: display widths, modifiers of extensions.
    Ignored,
    /// Digits and digits after the point.
    Digits,
    /// Characters, bytes or bits.
    Length,
    /// Digits of the seconds.
    Seconds,
    /// Binary digits of a mantissa: more than 24 ask for the longer of two types.
    Mantissa,
    /// Nothing, and the integer has no negative values.
    Unsigned,
}

/// One row of `rules/tables/sql-type-names.csv`.
#[derive(Debug)]
pub(super) struct TypeName {
    pub dialects: &'static str,
    pub name: &'static str,
    /// The name that the engine shows, the same for all synonyms.
    pub canonical: &'static str,
    pub family: &'static str,
    arguments: Arguments,
    /// Bits of an integer or of a mantissa, digits of a decimal, or length; none where there is no limit.
    size: Option<u32>,
    /// Digits after the point where none are written; none where there is no limit.
    fraction: Option<u32>,
    /// Characters of the longest value as text; none where there is no limit.
    width: Option<u32>,
}

static ROWS: LazyLock<Vec<TypeName>> = LazyLock::new(|| read(NAMES).expect("a test reads the same text"));

/// A limit where there is none.
pub(super) const UNLIMITED: u32 = u32::MAX;

/// A type reduced to what decides whether values fit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Profile {
    pub canonical: &'static str,
    pub family: &'static str,
    /// Smallest and largest number.
    pub low: f64,
    pub high: f64,
    /// Digits after the point, of numbers and of seconds.
    pub fraction: u32,
    /// Binary digits that a number needs or keeps.
    pub bits: u32,
    /// Characters, bytes or bits; of other types, those of the longest value as text.
    pub length: u32,
}

/// The rows of the table, for tests.
#[cfg(test)]
pub(super) fn names() -> &'static [TypeName] {
    &ROWS
}

/// The row of a type's name.
pub(super) fn find(dialect: Dialect, name: &str) -> Option<&'static TypeName> {
    ROWS.iter().find(|row| row.name == name && lists(row.dialects, dialect.as_str()))
}

impl Profile {
    /// A type that holds texts up to this length.
    pub fn of_text(family: &'static str, length: u32) -> Profile {
        let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
        Profile { canonical: family, family, low, high, fraction: UNLIMITED, bits: 0, length }
    }

    /// None for a name that the table does not know: a type of an extension or of the user.
    pub fn of(dialect: Dialect, data_type: &DataType) -> Option<Profile> {
        let name = data_type.name.name.key();
        let row = match dialect {
            Dialect::Sqlite => find(dialect, &affinity(name)),
            _ => find(dialect, name),
        }?;
        let number = |at: usize| data_type.arguments.get(at).and_then(|text| text.trim().parse::<u32>().ok());
        let profile = match row.family {
            "int" => integer(row, data_type.unsigned || row.arguments == Arguments::Unsigned),
            "decimal" => decimal(row, number(0), number(1)),
            "float" => Profile { bits: mantissa(row, dialect, data_type, number(0)), ..row.blank() },
            "year" => Profile { low: 0.0, high: 2155.0, bits: 12, ..row.blank() },
            "date" | "time" | "datetime" | "timestamp" if dialect.is_mysql() => digits(row, data_type, number(0)),
            "bit" if dialect.is_mysql() => bits(row, number(0)),
            _ => sized(row, data_type.arguments.first().map(|_| number(0).unwrap_or(UNLIMITED)), data_type),
        };
        Some(profile)
    }
}

impl TypeName {
    /// Whether what stands in the parentheses is part of the type.
    pub fn keeps_arguments(&self) -> bool {
        matches!(self.arguments, Arguments::Digits | Arguments::Length | Arguments::Seconds)
    }

    fn blank(&self) -> Profile {
        Profile {
            canonical: self.canonical,
            family: self.family,
            low: f64::NEG_INFINITY,
            high: f64::INFINITY,
            fraction: self.fraction.unwrap_or(UNLIMITED),
            bits: 0,
            length: self.width.unwrap_or(UNLIMITED),
        }
    }
}

/// `float(24)` is the short one; MySQL's `float(7,2)` says digits, not bits.
fn mantissa(row: &TypeName, dialect: Dialect, data_type: &DataType, argument: Option<u32>) -> u32 {
    let own = row.size.unwrap_or(53);
    match argument {
        Some(_) if dialect.is_mysql() && data_type.arguments.len() > 1 => own,
        Some(bits) if row.arguments == Arguments::Mantissa => {
            if bits > 24 {
                53
            } else {
                24
            }
        }
        _ => own,
    }
}

fn integer(row: &TypeName, unsigned: bool) -> Profile {
    let bits = row.size.unwrap_or(64);
    let (value_bits, low) = if unsigned { (bits, 0.0) } else { (bits - 1, -(f64::from(bits - 1)).exp2()) };
    Profile { low, high: f64::from(value_bits).exp2() - 1.0, fraction: 0, bits: value_bits, ..row.blank() }
}

/// MySQL reads a moment as the number of its digits.
fn digits(row: &TypeName, data_type: &DataType, argument: Option<u32>) -> Profile {
    // A number that is read back from a short float has six digits, one less than a time.
    let (high, bits) = match row.family {
        "date" => (99_991_231.0, 27),
        "time" => (8_385_959.0, 25),
        _ => (99_991_231_235_959.0, 47),
    };
    let low = if row.family == "time" { -high } else { 0.0 };
    let sized = sized(row, argument, data_type);
    Profile { low, high, bits: bits + sized.fraction.min(6) * 10 / 3, ..sized }
}

/// MySQL reads bits as a number.
fn bits(row: &TypeName, argument: Option<u32>) -> Profile {
    let length = argument.or(row.size).unwrap_or(1);
    Profile { low: 0.0, high: f64::from(length).exp2() - 1.0, fraction: 0, bits: length, length, ..row.blank() }
}

/// Without digits the dialect's own, which in PostgreSQL are no limit at all.
fn decimal(row: &TypeName, digits: Option<u32>, fraction: Option<u32>) -> Profile {
    let blank = row.blank();
    let Some(total) = digits.or(row.size) else {
        return Profile { bits: UNLIMITED, ..blank };
    };
    let fraction = fraction.unwrap_or(if digits.is_some() { 0 } else { row.fraction.unwrap_or(0) });
    let ten = |digits: u32| 10f64.powi(i32::try_from(digits.min(1000)).unwrap_or(1000));
    let high = ten(total.saturating_sub(fraction)) - 1.0 / ten(fraction);
    // A digit is 3.33 bits.
    Profile { low: -high, high, fraction, bits: total.min(1000) * 10 / 3, length: total.saturating_add(2), ..blank }
}

fn sized(row: &TypeName, argument: Option<u32>, data_type: &DataType) -> Profile {
    let blank = row.blank();
    match row.arguments {
        Arguments::Length => Profile { length: argument.or(row.size).unwrap_or(UNLIMITED), ..blank },
        Arguments::Seconds => {
            let fraction = argument.or(row.fraction).unwrap_or(UNLIMITED);
            Profile { fraction, length: width_with(row.width, fraction), ..blank }
        }
        _ if !data_type.labels.is_empty() => Profile { length: longest(&data_type.labels, row.family == "set"), ..blank },
        _ => blank,
    }
}

/// The width in the table is that with six digits of the seconds; without any, their point is gone too.
fn width_with(width: Option<u32>, fraction: u32) -> u32 {
    let unused = 6u32.saturating_sub(fraction) + u32::from(fraction == 0);
    width.map_or(UNLIMITED, |width| width.saturating_sub(unused))
}

/// The longest value of an enumeration, or of a set with all its members and commas.
pub(super) fn longest(labels: &[String], joined: bool) -> u32 {
    let lengths = labels.iter().map(|label| u32::try_from(label.chars().count()).unwrap_or(UNLIMITED));
    if joined { lengths.fold(0, |sum, length| sum.saturating_add(length).saturating_add(1)) } else { lengths.max().unwrap_or(0) }
}

/// The affinity that SQLite gives a declared type, or a name that only STRICT tables take (SQLite manual, datatype3 §3.1).
pub(super) fn affinity(declared: &str) -> String {
    let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    let affinity = if has(&["int"]) {
        "integer"
    } else if has(&["char", "clob", "text"]) {
        "text"
    } else if has(&["blob"]) || declared.is_empty() {
        "blob"
    } else if has(&["real", "floa", "doub"]) {
        "real"
    } else {
        "numeric"
    };
    affinity.to_owned()
}

fn read(text: &'static str) -> Result<Vec<TypeName>, String> {
    table::strict(text, &COLUMNS)?.iter().map(|record| read_row(record.fields())).collect()
}

fn read_row(record: &[&'static str]) -> Result<TypeName, String> {
    let [dialects, name, canonical, family, arguments, size, fraction, width, _] = record else {
        return Err(format!("{record:?}"));
    };
    let limit = |text: &str| match text {
        "" => Ok(None),
        text => text.parse::<u32>().map(Some).map_err(|error| format!("{name}: {error}")),
    };
    let arguments = match *arguments {
        "" => Arguments::Ignored,
        "digits" => Arguments::Digits,
        "length" => Arguments::Length,
        "seconds" => Arguments::Seconds,
        "mantissa" => Arguments::Mantissa,
        "unsigned" => Arguments::Unsigned,
        other => return Err(format!("{name}: {other}")),
    };
    let (size, fraction, width) = (limit(size)?, limit(fraction)?, limit(width)?);
    Ok(TypeName { dialects, name, canonical, family, arguments, size, fraction, width })
}
