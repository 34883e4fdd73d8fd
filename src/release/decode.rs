//! Stored bytes → release record.
