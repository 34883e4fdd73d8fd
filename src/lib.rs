//! `helm rollback-safe`: says what a Helm rollback will not bring back, and runs it only when that report is accepted.
//!
//! Data flows one way:
//!
//! ```text
//! args -> Settings -> load -> Input -> diff -> forecast -> analyze -> rules -> Report -> gate -> execute -> verify
//!                     [I/O]            \________________ pure _______________/          [I/O]
//! ```
//!
//! `load` asks for everything once and redacts on the way in, so no later module ever holds a secret value.

#![forbid(unsafe_code)]

pub mod analyze;
mod both;
pub mod cli;
pub mod diff;
pub mod execute;
pub mod exit;
pub mod forecast;
pub mod gate;
pub mod helm;
mod hex;
pub mod input;
pub mod inspect;
pub mod k8s;
pub mod load;
pub mod migrations;
pub mod pipeline;
pub mod plan;
pub mod policy;
pub mod preview;
pub mod prove;
pub mod recording;
pub mod release;
pub mod report;
pub mod rules;
pub mod settings;
mod shell;
pub mod sql;
mod table;
mod whole;
