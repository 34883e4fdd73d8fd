//! What is true of Kubernetes whoever asks: knowledge without I/O.

#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]

pub mod api_removals;
pub mod balancers;
pub mod constraint;
pub mod data_format;
pub mod defaults;
pub mod endpoints;
pub mod glob;
pub mod hosts;
pub mod identity;
pub mod image;
pub mod image_locations;
pub mod immutable;
pub mod kinds;
pub mod lists;
pub mod made;
pub mod names;
pub mod operator_versions;
pub mod ownership;
pub mod patterns;
pub mod pod_security;
pub mod pods;
pub mod quantity;
pub mod references;
pub mod removed_features;
pub mod routes;
pub mod schema;
pub mod scope;
pub mod selector;
pub mod semantic;
mod service;
pub mod surroundings;
pub mod transition;
pub mod version;
