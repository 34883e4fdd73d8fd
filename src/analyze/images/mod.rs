//! What changes in the images of a release, and what their data makes of it.

pub mod data;
pub mod locations;
pub mod operators;
pub mod slots;
