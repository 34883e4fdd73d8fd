//! Histories of schema migrations: which framework wrote them, in which order they run, what lies between two versions, whether
//! the way back exists, and what old code would meet.

#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]

pub mod code;
pub mod report;
