//! What the engine writes into a NOT NULL column that an INSERT leaves out and that has no DEFAULT.

use super::profile::Profile;
use crate::sql::dialect::Dialect;
use crate::sql::expression::DataType;

/// Whether an INSERT that leaves out a NOT NULL column without DEFAULT is taken all the same.
///
/// MySQL and MariaDB have an implicit default for most types without strict mode, and the first label of an ENUM even with it; that of
/// a document is no document (MySQL 8.4 manual §13.6 Data Type Default Values; experiment: MariaDB 10.11.19). `strict` unknown is strict,
/// the default of both.
pub fn default_fill(dialect: Dialect, data_type: &DataType, strict: Option<bool>) -> bool {
    let family = Profile::of(dialect, data_type).map_or("", |profile| profile.family);
    dialect.is_mysql()
        && match family {
            "enum" => true,
            "json" | "geometry" | "vector" | "" => false,
            _ => strict == Some(false),
        }
}
