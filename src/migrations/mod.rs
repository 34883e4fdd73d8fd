//! Migration frameworks: from files to what each migration does.

#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]

pub mod code;
