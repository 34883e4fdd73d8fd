//! Everything that is asked of the world, at once and redacted on the way in.

pub mod cluster;
pub mod discovery;
pub mod discovery_cache;
pub mod documents;
pub mod error;
pub mod helm_binary;
pub mod kubeconfig;
pub mod storage;
