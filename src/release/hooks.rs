//! Hooks of a record, and hook annotations as Helm reads them.
