//! What a database refuses, and whether other data would have passed.

use std::fmt;

/// A statement that the database refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// SQLSTATE of PostgreSQL, error number of MySQL; SQLite has only words.
    pub code: String,
    pub message: String,
    /// The column that it names, where it names one.
    pub column: Option<String>,
    /// A function said it, on its way through what it was given.
    pub within: bool,
}

/// What a refused write says about other data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A constraint: other values or rows pass.
    Rows,
    /// A value that the type does not take: whether any value passes is seen by trying several.
    Value,
    /// The statement itself: no data makes it pass.
    Statement,
}

impl Refusal {
    /// A refusal without a code.
    pub fn said(message: impl Into<String>) -> Self {
        Refusal { code: String::new(), message: message.into(), column: None, within: false }
    }

    /// No answer within the time that a statement may take.
    pub fn timeout() -> Self {
        Refusal { code: "57014".to_owned(), message: "the statement took too long".to_owned(), column: None, within: false }
    }

    /// Why a write with a value for `columns` was refused.
    pub fn cause(&self, columns: &[String]) -> Cause {
        let given = |column: &str| columns.iter().any(|own| own.eq_ignore_ascii_case(column));
        match self.code.as_str() {
            "23502" | "1364" | "1048" => self.not_null(given),
            "23505" | "23503" | "23001" | "23514" | "23P01" | "1062" | "1451" | "1452" | "4025" | "3819" | "1586" | "1526" => {
                Cause::Rows
            }
            "1406" | "1265" | "1264" | "1366" | "1292" | "1411" | "4078" => Cause::Value,
            // A function that takes a value apart refuses those of another form.
            code if code.len() == 5 && code.starts_with("22") && self.within => Cause::Rows,
            code if code.len() == 5 && code.starts_with("22") => Cause::Value,
            "" => self.sqlite(given),
            // What a trigger raises depends on the row as far as anybody can tell from outside.
            "P0001" | "1644" => Cause::Value,
            _ => Cause::Statement,
        }
    }

    /// An explicit NULL can be another value; a column that the old statement does not know cannot.
    fn not_null(&self, given: impl Fn(&str) -> bool) -> Cause {
        match &self.column {
            Some(column) if given(column) => Cause::Rows,
            _ => Cause::Statement,
        }
    }

    fn sqlite(&self, given: impl Fn(&str) -> bool) -> Cause {
        let text = &self.message;
        if text.contains("NOT NULL constraint failed") {
            self.not_null(given)
        } else if text.contains("constraint failed") {
            Cause::Rows
        } else if text.contains("datatype mismatch") || text.contains("cannot store") {
            Cause::Value
        } else {
            Cause::Statement
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.code.is_empty() { write!(f, "{}", self.message) } else { write!(f, "{} {}", self.code, self.message) }
    }
}

impl std::error::Error for Refusal {}
