//! SQL scripts: text to statements, statements to operations, operations to effects on a replayed catalog.
//!
//! ```text
//! bytes -> split -> lexer -> read -> Statement -> catalog::Replay -> Step{before, after, log} -> effects
//! ```
//!
//! Nothing here reads a file or asks a database. Where values come from and where they go is followed along the path (every
//! statement in order); whether old code still works is decided by comparing the two ends.

#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]

pub mod catalog;
pub mod cursor;
pub mod dialect;
pub mod down;
pub mod effect;
pub mod effects;
pub mod expression;
pub mod lexer;
pub mod name;
pub mod read;
pub mod split;
pub mod statement;
pub mod types;
