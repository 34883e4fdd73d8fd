//! When two manifest entries are the same object, for the Helm version at hand.

use std::collections::BTreeMap;

use crate::helm::HelmVersion;
use crate::release::{Object, ObjectRef};

/// What Helm compares besides name and namespace (`pkg/kube/resource.go` `isMatchingInfo`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Up to 3.17.0: the kind.
    Kind,
    /// 3.17.1 and later, 4.1.1 and later: kind and API group.
    Group,
    /// 4.0.0 to 4.1.0: kind, group and version.
    GroupVersion,
}

/// Namespace, name, kind, and group or group/version as far as compared.
pub type IdentityKey = (Option<String>, String, String, String);

impl Identity {
    pub fn of(helm: &HelmVersion) -> Identity {
        match helm.major {
            3 if !helm.at_least(3, 17, 1) => Identity::Kind,
            4 if !helm.at_least(4, 1, 1) => Identity::GroupVersion,
            _ => Identity::Group,
        }
    }

    pub fn key(self, id: &ObjectRef) -> IdentityKey {
        let api = match self {
            Identity::Kind => String::new(),
            Identity::Group => id.group().to_owned(),
            Identity::GroupVersion => id.api_version.clone(),
        };
        (id.namespace.clone(), id.name.clone(), id.kind.clone(), api)
    }

    /// Position of each object by its key; the first of several same-named entries counts, as in Helm's `Get`.
    pub fn index(self, objects: &[Object]) -> BTreeMap<IdentityKey, usize> {
        let mut index = BTreeMap::new();
        for (position, object) in objects.iter().enumerate() {
            index.entry(self.key(&object.id)).or_insert(position);
        }
        index
    }

    pub fn same(self, a: &ObjectRef, b: &ObjectRef) -> bool {
        self.key(a) == self.key(b)
    }
}
