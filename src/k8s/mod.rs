//! What is true of Kubernetes whoever asks: knowledge without I/O.

#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]

pub mod balancers;
pub mod defaults;
pub mod hosts;
pub mod identity;
pub mod immutable;
pub mod kinds;
pub mod lists;
pub mod made;
pub mod names;
pub mod ownership;
pub mod pods;
pub mod quantity;
pub mod references;
pub mod routes;
pub mod scope;
pub mod selector;
pub mod semantic;
mod service;
pub mod surroundings;
mod table;
