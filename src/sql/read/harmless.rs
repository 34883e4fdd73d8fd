//! Statements and objects that change neither the schema as old code sees it nor rows.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;

/// Verbs whose statements are harmless whatever follows.
const POSTGRESQL: [&[&str]; 28] = [
    &["COMMENT", "ON"],
    &["SECURITY", "LABEL"],
    &["ANALYZE"],
    &["ANALYSE"],
    &["VACUUM"],
    &["REINDEX"],
    &["CLUSTER"],
    &["REPACK"],
    &["CHECKPOINT"],
    &["LISTEN"],
    &["NOTIFY"],
    &["UNLISTEN"],
    &["LOAD"],
    &["DISCARD"],
    &["SHOW"],
    &["LOCK"],
    &["REASSIGN", "OWNED"],
    &["DEALLOCATE"],
    &["DECLARE"],
    &["FETCH"],
    &["MOVE"],
    &["CLOSE"],
    &["EXECUTE"],
    &["WAIT", "FOR"],
    &["ALTER", "SYSTEM"],
    &["ALTER", "LARGE", "OBJECT"],
    &["ALTER", "ROLE"],
    &["ALTER", "USER"],
];

const MYSQL: [&[&str]; 30] = [
    &["ANALYZE"],
    &["OPTIMIZE"],
    &["CHECK", "TABLE"],
    &["CHECK", "TABLES"],
    &["CHECKSUM"],
    &["REPAIR"],
    &["FLUSH"],
    &["LOCK"],
    &["UNLOCK"],
    &["SHOW"],
    &["DESCRIBE"],
    &["DESC"],
    &["KILL"],
    &["PURGE", "BINARY"],
    &["RESET"],
    &["CHANGE", "MASTER"],
    &["CHANGE", "REPLICATION"],
    &["START", "SLAVE"],
    &["START", "REPLICA"],
    &["STOP"],
    &["INSTALL"],
    &["UNINSTALL"],
    &["DEALLOCATE"],
    &["EXECUTE"],
    &["CACHE", "INDEX"],
    &["LOAD", "INDEX"],
    &["DO"],
    &["HANDLER"],
    &["ALTER", "USER"],
    &["ALTER", "INSTANCE"],
];

const SQLITE: [&[&str]; 4] = [&["ANALYZE"], &["VACUUM"], &["REINDEX"], &["EXPLAIN"]];

const OTHER: [&[&str]; 22] = [
    &["PRINT"],
    &["CHECKPOINT"],
    &["DBCC"],
    &["DECLARE"],
    &["RAISERROR"],
    &["THROW"],
    &["RETURN"],
    &["WAITFOR"],
    &["UPDATE", "STATISTICS"],
    &["OPEN"],
    &["CLOSE"],
    &["FETCH"],
    &["DEALLOCATE"],
    &["COMMENT", "ON"],
    &["ANALYZE"],
    &["WHENEVER"],
    &["PROMPT"],
    &["SPOOL"],
    &["ALTER", "SESSION"],
    &["ALTER", "SYSTEM"],
    &["ALTER", "USER"],
    &["LOCK", "TABLE"],
];

/// Objects that no old statement names, behind CREATE, ALTER and DROP.
const OBJECTS: [&[&str]; 38] = [
    &["PUBLICATION"],
    &["SUBSCRIPTION"],
    &["STATISTICS"],
    &["SERVER"],
    &["FOREIGN", "DATA", "WRAPPER"],
    &["USER", "MAPPING"],
    &["COLLATION"],
    &["CONVERSION"],
    &["DEFAULT", "CONVERSION"],
    &["CAST"],
    &["OPERATOR"],
    &["TEXT", "SEARCH"],
    &["ACCESS", "METHOD"],
    &["LANGUAGE"],
    &["TRUSTED"],
    &["PROCEDURAL"],
    &["OR", "REPLACE", "LANGUAGE"],
    &["OR", "REPLACE", "TRUSTED"],
    &["OR", "REPLACE", "TRANSFORM"],
    &["OR", "REPLACE", "AGGREGATE"],
    &["TRANSFORM"],
    &["TABLESPACE"],
    &["UNDO", "TABLESPACE"],
    &["EVENT", "TRIGGER"],
    &["LOGFILE"],
    &["SPATIAL", "REFERENCE"],
    &["LOGIN"],
    &["CERTIFICATE"],
    &["MASTER", "KEY"],
    &["SYMMETRIC", "KEY"],
    &["FULLTEXT", "CATALOG"],
    &["PARTITION", "FUNCTION"],
    &["PARTITION", "SCHEME"],
    &["RESOURCE"],
    &["PROFILE"],
    &["DIRECTORY"],
    &["CONTEXT"],
    &["PROPERTY", "GRAPH"],
];

/// Objects that are harmless to create, and not to drop.
const CREATED: [&[&str]; 10] = [
    &["ROLE"],
    &["USER"],
    &["GROUP"],
    &["DATABASE"],
    &["OR", "REPLACE", "USER"],
    &["OR", "REPLACE", "ROLE"],
    &["AGGREGATE"],
    &["OR", "REPLACE", "DATABASE"],
    &["ASSERTION"],
    &["SYNONYM"],
];

/// Whether the whole statement is harmless.
pub fn is_harmless(cursor: &Cursor) -> bool {
    let verbs: &[&[&str]] = match cursor.dialect {
        Dialect::PostgreSql => &POSTGRESQL,
        Dialect::MySql | Dialect::MariaDb => &MYSQL,
        Dialect::Sqlite => &SQLITE,
        Dialect::MsSql | Dialect::Oracle => &OTHER,
    };
    verbs.iter().any(|words| cursor.is(words))
}

/// Whether an object that no old statement names is next, behind CREATE, ALTER or DROP.
pub fn is_harmless_object(cursor: &Cursor) -> bool {
    // An operator, cast or text search configuration that goes can be in a query; so can a function that is an aggregate.
    OBJECTS.iter().any(|words| cursor.is(words))
}

/// Whether creating or altering what is next is harmless.
pub fn is_harmless_to_create(cursor: &Cursor) -> bool {
    let is_function = cursor.dialect.is_mysql() && cursor.is(&["AGGREGATE", "FUNCTION"]);
    !is_function && CREATED.iter().any(|words| cursor.is(words))
}
