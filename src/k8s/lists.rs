//! How the API server merges a list: by keys, as a set, or as a whole.

use crate::release::ObjectRef;

/// Which of the two merge schemes is asked for; Kubernetes tags its types for each on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListMode {
    /// `patchMergeKey`/`patchStrategy` struct tags: strategic merge patch, which client-side apply uses.
    StrategicMerge,
    /// `x-kubernetes-list-type`/`x-kubernetes-list-map-keys`: server-side apply.
    ServerSide,
}

/// How a list is merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// Replaced as a whole.
    Atomic,
    /// Items are told apart by these keys; a missing key counts with the API's default.
    Map(Vec<&'static str>),
    /// Scalars, each of which stands once.
    Set,
}

/// How the list at `path_keys` ([`crate::diff::FieldPath::keys`]) of this kind is merged; unknown lists are atomic.
pub fn list_kind(_id: &ObjectRef, _path_keys: &str, _mode: ListMode) -> ListKind {
    ListKind::Atomic
}

/// Whether a strategic merge patch of the map at `path_keys` removes the keys it does not name (`patchStrategy: retainKeys`).
pub fn retains_keys(_id: &ObjectRef, _path_keys: &str) -> bool {
    false
}

/// Whether the map at `path_keys` is replaced as a whole (`x-kubernetes-map-type: atomic`, `patchStrategy: replace`).
pub fn is_atomic_map(_id: &ObjectRef, _path_keys: &str, _mode: ListMode) -> bool {
    false
}

/// Whether the kind is one of the built-in ones, whose types carry strategic merge tags.
pub fn is_built_in(_id: &ObjectRef) -> bool {
    false
}
