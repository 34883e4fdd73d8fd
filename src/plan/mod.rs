//! A saved plan: what was reviewed, what it rests on, and who accepted which finding.
//!
//! A plan is a file that others can write to. Nothing in it is believed that can be read again: `apply` reads everything anew,
//! compares it with what the plan binds, and judges the new report. The plan adds two things to that: what must not have moved,
//! and acceptances, which count as far as policy lets them.

#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]

pub mod approve;
pub mod audit;
pub mod bound;
pub mod canonical;
pub mod evidence;
pub mod file;
pub mod model;
#[cfg(test)]
pub mod sample;
pub mod signature;
pub mod stale;

pub use bound::Bound;
pub use model::{Acceptance, Body, Made, Plan, Request};
pub use stale::{Moved, Now, moved};
