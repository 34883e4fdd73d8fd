//! Keywords by what follows them, for telling them from names.

use crate::sql::dialect::Dialect;

/// What a word does where a value is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// A value: NULL, TRUE.
    Value,
    /// A function that is called without parentheses.
    Niladic,
    /// A value follows: NOT, CASE, DISTINCT, and words that cannot be names.
    Operator,
    /// A value follows if it is no name: INTERVAL, ARRAY, ROW, BINARY.
    Soft,
    /// CASE is over.
    End,
    Name,
}

/// What a word does after a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Infix {
    /// Another value follows.
    Operator,
    /// A name that is no column follows.
    Collate,
    /// AS: a type or an alias follows.
    As,
    At,
    /// A window, or the name of one, follows.
    Over,
    /// Parentheses with keywords of their own follow.
    Clause,
    /// PostgreSQL's `OPERATOR(schema.+)`.
    Custom,
    /// Nothing follows that matters: ASC, NULLS FIRST, units, aliases.
    Other,
}

const VALUES: [&str; 4] = ["NULL", "TRUE", "FALSE", "DEFAULT"];

const NILADIC: [&str; 12] = [
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "CURRENT_USER",
    "SESSION_USER",
    "CURRENT_ROLE",
    "CURRENT_CATALOG",
    "UTC_TIMESTAMP",
    "UTC_DATE",
    "UTC_TIME",
];

const PREFIXES: [&str; 50] = [
    "NOT",
    "DISTINCT",
    "ALL",
    "ANY",
    "SOME",
    "EXISTS",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "AND",
    "OR",
    "AS",
    "FROM",
    "WHERE",
    "ON",
    "IN",
    "IS",
    "LIKE",
    "BETWEEN",
    "ORDER",
    "GROUP",
    "HAVING",
    "USING",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "SELECT",
    "INTO",
    "SET",
    "VALUES",
    "JOIN",
    "INNER",
    "CROSS",
    "NATURAL",
    "LIMIT",
    "FETCH",
    "BY",
    "WITH",
    "FOR",
    "TO",
    "CHECK",
    "CREATE",
    "DROP",
    "ALTER",
    "TABLE",
    "DESC",
    "ASC",
    "COLLATE",
    "CONSTRAINT",
];

const SOFT: [&str; 14] = [
    "INTERVAL",
    "ARRAY",
    "ROW",
    "BINARY",
    "PRIOR",
    "CONNECT_BY_ROOT",
    "BOTH",
    "LEADING",
    "TRAILING",
    "VARIADIC",
    "LATERAL",
    "SYMMETRIC",
    "ASYMMETRIC",
    "MULTISET",
];

const INFIXES: [&str; 46] = [
    "AND",
    "OR",
    "XOR",
    "NOT",
    "LIKE",
    "ILIKE",
    "RLIKE",
    "REGEXP",
    "GLOB",
    "MATCH",
    "SIMILAR",
    "TO",
    "BETWEEN",
    "SYMMETRIC",
    "IN",
    "DIV",
    "MOD",
    "IS",
    "OVERLAPS",
    "AGAINST",
    "ESCAPE",
    "WHEN",
    "THEN",
    "ELSE",
    "FROM",
    "FOR",
    "PLACING",
    "USING",
    "BY",
    "ORDER",
    "PARTITION",
    "WHERE",
    "ON",
    "HAVING",
    "SEPARATOR",
    "SELECT",
    "OF",
    "CONTAINS",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "ALL",
    "ANY",
    "SOUNDS",
    "SET",
    "VALUES",
];

const UNITS: [&str; 32] = [
    "YEAR",
    "QUARTER",
    "MONTH",
    "WEEK",
    "DAY",
    "HOUR",
    "MINUTE",
    "SECOND",
    "MICROSECOND",
    "MILLISECOND",
    "NANOSECOND",
    "DAYOFYEAR",
    "WEEKDAY",
    "YY",
    "YYYY",
    "QQ",
    "Q",
    "MM",
    "M",
    "DY",
    "DD",
    "D",
    "WK",
    "WW",
    "HH",
    "MI",
    "N",
    "SS",
    "S",
    "MS",
    "MCS",
    "NS",
];

/// Words that the dialects keep for themselves, so that no unquoted name is one of them.
pub fn is_reserved(word: &str) -> bool {
    among(&PREFIXES, word) || among(&VALUES, word)
}

/// Units of time, as they follow an interval or lead a function's arguments.
pub fn is_unit(word: &str) -> bool {
    among(&UNITS, word) || word.contains('_') && word.split('_').all(|part| among(&UNITS, part))
}

/// Whether the first argument of this function is a unit of time.
pub fn unit_first(function: &str, dialect: Dialect) -> bool {
    match dialect {
        Dialect::MsSql => among(&["DATEADD", "DATEDIFF", "DATEDIFF_BIG", "DATEPART", "DATENAME", "DATETRUNC"], function),
        Dialect::MySql | Dialect::MariaDb => among(&["TIMESTAMPDIFF", "TIMESTAMPADD"], function),
        _ => false,
    }
}

pub fn prefix(word: &str, dialect: Dialect) -> Prefix {
    match () {
        () if among(&VALUES, word) => Prefix::Value,
        () if word.eq_ignore_ascii_case("END") => Prefix::End,
        () if among(&PREFIXES, word) => Prefix::Operator,
        () if among(&NILADIC, word) || among(own_niladic(dialect), word) => Prefix::Niladic,
        () if among(&SOFT, word) => Prefix::Soft,
        () => Prefix::Name,
    }
}

/// Functions without parentheses of one dialect; elsewhere these words name columns.
fn own_niladic(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::PostgreSql => &["USER", "CURRENT_SCHEMA"],
        Dialect::Oracle => &["SYSDATE", "SYSTIMESTAMP", "USER", "UID", "SYS_GUID", "ROWNUM", "LEVEL"],
        Dialect::MsSql => &["SYSTEM_USER", "USER"],
        _ => &[],
    }
}

pub fn infix(word: &str) -> Infix {
    match () {
        () if among(&INFIXES, word) => Infix::Operator,
        () if word.eq_ignore_ascii_case("AS") => Infix::As,
        () if word.eq_ignore_ascii_case("COLLATE") => Infix::Collate,
        () if word.eq_ignore_ascii_case("AT") => Infix::At,
        () if word.eq_ignore_ascii_case("OVER") => Infix::Over,
        () if among(&["FILTER", "GROUP", "KEEP"], word) => Infix::Clause,
        () if word.eq_ignore_ascii_case("OPERATOR") => Infix::Custom,
        () => Infix::Other,
    }
}

pub fn among(words: &[&str], word: &str) -> bool {
    words.iter().any(|one| one.eq_ignore_ascii_case(word))
}
