//! Proves verdicts on a real database: applies migrations step by step over synthetic rows, does before and after what old
//! code would do, compares rows and catalogs, and runs the downs.
//!
//! This is I/O: it connects to databases and changes them. It only ever works in databases that it made itself.

pub mod catalog;
pub mod compare;
pub mod contents;
pub mod guard;
pub mod hints;
pub mod history;
pub mod measure;
pub mod mysql;
pub mod old_code;
pub mod postgres;
pub mod refusal;
pub mod seed;
pub mod server;
pub mod sqlite;
pub mod values;
