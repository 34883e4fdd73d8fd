//! When two written types are one type of the engine.

use super::profile::{self, Profile};
use super::rules::charset;
use crate::sql::dialect::Dialect;
use crate::sql::expression::DataType;

/// Whether the engine makes the same column of both.
pub fn equal(dialect: Dialect, a: &DataType, b: &DataType) -> bool {
    if dialect == Dialect::Sqlite {
        // A declared type is nothing but its affinity, whatever stands in its parentheses.
        return profile::affinity(a.name.name.key()) == profile::affinity(b.name.name.key());
    }
    is_same_name(dialect, a, b)
        && a.labels == b.labels
        && a.dimensions.min(1) == b.dimensions.min(1)
        && a.unsigned == b.unsigned
        && is_same_or_unsaid(charset(a), charset(b))
        && is_same_or_unsaid(a.collation.as_deref(), b.collation.as_deref())
}

/// What a column without the clause has is the table's, which these two share.
fn is_same_or_unsaid(a: Option<&str>, b: Option<&str>) -> bool {
    a.is_none() || b.is_none() || a == b
}

fn is_same_name(dialect: Dialect, a: &DataType, b: &DataType) -> bool {
    match (Profile::of(dialect, a), Profile::of(dialect, b)) {
        (Some(a), Some(b)) => a == b,
        (None, None) => a.name == b.name && a.arguments == b.arguments,
        _ => false,
    }
}

/// A type as the engine would show it: `varchar(50)`, `numeric(10,2)`, `bigint unsigned`, `integer[]`. Labels are left out.
pub fn display(dialect: Dialect, data_type: &DataType) -> String {
    let known = profile::find(dialect, data_type.name.name.key());
    let name = known.map_or_else(|| data_type.name.to_string(), |row| row.canonical.to_owned());
    let keeps_arguments = known.is_none_or(|row| row.keeps_arguments()) && !data_type.arguments.is_empty();
    let arguments = if keeps_arguments { format!("({})", data_type.arguments.join(",")) } else { String::new() };
    let unsigned = if data_type.unsigned { " unsigned" } else { "" };
    format!("{name}{arguments}{unsigned}{}", "[]".repeat(usize::from(data_type.dimensions.min(1))))
}
