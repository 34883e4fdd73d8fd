//! Histories of schema migrations: which framework wrote them, in which order they run, what lies between two versions, whether
//! the way back exists, and what old code would meet.
//!
//! ```text
//! files -> source::Tree -> frameworks (recognised, ordered, cut into scripts) -> history::History -> range, startup -> report
//! ```

#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]

pub mod analysis;
pub mod applied;
pub mod checksum;
pub mod code;
pub mod evidence;
pub mod framework;
pub mod frameworks;
pub mod halfway;
pub mod history;
pub mod history_table;
pub mod order;
pub mod probe;
pub mod range;
pub mod report;
pub mod runbook;
pub mod scripts;
pub mod shell;
pub mod source;
pub mod startup;

pub use frameworks::history;
