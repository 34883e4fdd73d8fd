//! Names that engines make up for constraints and indexes that were given none.

use crate::sql::dialect::Dialect;
use crate::sql::name::Ident;

/// PostgreSQL names are cut to this many bytes (NAMEDATALEN - 1).
const POSTGRESQL_LIMIT: usize = 63;

/// What a name is made up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Primary,
    Unique,
    Foreign,
    /// Written at a column or not.
    Check,
    Exclude,
    Index,
}

/// The name an engine makes up: `taken` says which are in use.
pub fn made_up(
    dialect: Dialect,
    table: &str,
    columns: &[&str],
    purpose: Purpose,
    taken: impl Fn(&Ident) -> bool,
) -> Option<Ident> {
    match dialect {
        Dialect::PostgreSql => Some(postgresql(table, columns, purpose, taken)),
        Dialect::MySql | Dialect::MariaDb => Some(mysql(dialect, table, columns, purpose, taken)),
        _ => None,
    }
}

/// `table_columns_label`, with a number behind it where it is taken (ChooseRelationName in PostgreSQL's indexcmds.c; checks
/// name their column only where there is one, ChooseConstraintName in pg_constraint.c).
fn postgresql(table: &str, columns: &[&str], purpose: Purpose, taken: impl Fn(&Ident) -> bool) -> Ident {
    let label = match purpose {
        Purpose::Primary => "pkey",
        Purpose::Unique => "key",
        Purpose::Foreign => "fkey",
        Purpose::Check => "check",
        Purpose::Exclude => "excl",
        Purpose::Index => "idx",
    };
    let middle = match purpose {
        Purpose::Primary => String::new(),
        Purpose::Check if columns.len() != 1 => String::new(),
        _ => columns.join("_"),
    };
    let numbered = |number: u32| if number == 0 { label.to_owned() } else { format!("{label}{number}") };
    let name = |number| Ident::stored(Dialect::PostgreSql, &object_name(table, &middle, &numbered(number)));
    name(first_free(0, |number| taken(&name(number))))
}

/// The first number that is not taken. Long rows of taken ones, which no schema has, are taken to be without gaps.
fn first_free(first: u32, taken: impl Fn(u32) -> bool) -> u32 {
    const ONE_BY_ONE: u32 = 16;
    if let Some(free) = (first..first + ONE_BY_ONE).find(|number| !taken(*number)) {
        return free;
    }
    let (mut low, mut high) = (first + ONE_BY_ONE, first + 2 * ONE_BY_ONE);
    while taken(high) && high < u32::MAX / 2 {
        (low, high) = (high, high * 2);
    }
    while low < high {
        let middle = low.midpoint(high);
        if taken(middle) { low = middle + 1 } else { high = middle }
    }
    high
}

/// makeObjectName: the longer of the two parts is cut until all fits.
fn object_name(table: &str, middle: &str, label: &str) -> String {
    let room = POSTGRESQL_LIMIT.saturating_sub(label.len() + 1 + usize::from(!middle.is_empty()));
    let (mut first, mut second) = (table.len(), middle.len());
    while first + second > room && first + second > 0 {
        if first > second { first -= 1 } else { second -= 1 }
    }
    let parts = [clip(table, first), clip(middle, second), label];
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("_")
}

fn clip(text: &str, length: usize) -> &str {
    let mut end = length.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Indexes are named after their first column, `_2` and so on behind it (make_unique_key_name in MySQL's sql_table.cc); foreign
/// keys `table_ibfk_1`; checks `table_chk_1`, in MariaDB `CONSTRAINT_1`.
fn mysql(dialect: Dialect, table: &str, columns: &[&str], purpose: Purpose, taken: impl Fn(&Ident) -> bool) -> Ident {
    let ident = |text: &str| Ident::stored(dialect, text);
    let first = columns.first().copied().unwrap_or("functional_index");
    let name = |number: u32| match purpose {
        Purpose::Primary => "PRIMARY".to_owned(),
        Purpose::Foreign => format!("{table}_ibfk_{number}"),
        Purpose::Check if dialect == Dialect::MariaDb => format!("CONSTRAINT_{number}"),
        Purpose::Check => format!("{table}_chk_{number}"),
        _ if number == 1 => first.to_owned(),
        _ => format!("{first}_{number}"),
    };
    if purpose == Purpose::Primary {
        return ident(&name(1));
    }
    ident(&name(first_free(1, |number| taken(&ident(&name(number))))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_engine_has_its_own_way() {
        let free = |_: &Ident| false;
        let name =
            |dialect, columns: &[&str], purpose| made_up(dialect, "t", columns, purpose, free).map(|name| name.to_string());
        assert_eq!(name(Dialect::PostgreSql, &["a", "b"], Purpose::Unique).as_deref(), Some("t_a_b_key"));
        assert_eq!(name(Dialect::PostgreSql, &["a", "b"], Purpose::Check).as_deref(), Some("t_check"));
        assert_eq!(name(Dialect::PostgreSql, &["id"], Purpose::Primary).as_deref(), Some("t_pkey"));
        assert_eq!(name(Dialect::MySql, &["a", "b"], Purpose::Unique).as_deref(), Some("a"));
        assert_eq!(name(Dialect::MySql, &["a"], Purpose::Foreign).as_deref(), Some("t_ibfk_1"));
        assert_eq!(name(Dialect::Sqlite, &["a"], Purpose::Unique), None);
    }

    #[test]
    fn numbers_are_found_in_long_rows_too() {
        for count in [0, 1, 15, 16, 17, 31, 32, 33, 1000] {
            assert_eq!(first_free(0, |number| number < count), count);
            assert_eq!(first_free(1, |number| number < count), count.max(1));
        }
    }

    #[test]
    fn long_names_are_cut_and_taken_ones_numbered() {
        let long = "x".repeat(70);
        let made = made_up(Dialect::PostgreSql, &long, &["a"], Purpose::Foreign, |_| false).unwrap();
        assert_eq!(made.as_str().len(), 63);
        assert!(made.as_str().ends_with("_a_fkey"));
        let taken = Ident::stored(Dialect::PostgreSql, "t_a_key");
        let made = made_up(Dialect::PostgreSql, "t", &["a"], Purpose::Unique, |name| *name == taken).unwrap();
        assert_eq!(made.as_str(), "t_a_key1");
    }
}
