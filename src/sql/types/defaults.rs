//! What the engine writes into a NOT NULL column that an INSERT leaves out and that has no DEFAULT.

use super::profile::Profile;
use crate::sql::dialect::Dialect;
use crate::sql::expression::DataType;

/// Whether an INSERT that leaves out a NOT NULL column without DEFAULT is taken all the same.
///
/// MySQL and MariaDB have an implicit default for every type without strict mode, and the first label of an ENUM even with it
/// (MySQL 8.4 manual §13.6 Data Type Default Values; experiment: MariaDB 10.11.19). `strict` unknown is strict, the default of both.
pub fn default_fill(dialect: Dialect, data_type: &DataType, strict: Option<bool>) -> bool {
    let is_enum = || Profile::of(dialect, data_type).is_some_and(|profile| profile.family == "enum");
    dialect.is_mysql() && (strict == Some(false) || is_enum())
}
