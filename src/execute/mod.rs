//! Acts on an accepted report: asks, checks again, runs the user's Helm, and says whether the result is what was forecast.
//!
//! ```text
//! accept -> recheck -> command + run -> verify -> way_out
//! ```
//!
//! Only `accept` (the terminal) and `run` (the Helm process) touch the outside world; the rest compares what `load` read.

pub mod accept;
pub mod command;
pub mod interrupted;
pub mod recheck;
pub mod record;
pub mod run;
#[cfg(test)]
mod sample;
pub mod steps;
pub mod verify;
pub mod way_out;

pub use accept::{Acceptance, Given, Proposal, accept, typed};
pub use command::HelmCommand;
pub use interrupted::explain_pending;
pub use recheck::{Evidence, moved};
pub use run::{HelmExit, HelmRun, run};
pub use verify::{Observed, Ran, Verdict, Verification, verify};
