//! Mounts of data volumes, and how two sets of them differ.

use std::fmt;

use crate::analyze::Fact;
use crate::k8s::kinds;
use crate::release::{ObjectRef, Value};

/// Where the bytes are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Claim(String),
    /// `volumeClaimTemplates` of a StatefulSet: `<template>-<set>-<ordinal>`, from the first ordinal on.
    Template {
        template: String,
        set: String,
        start: i64,
    },
    /// A volume that lives outside the pod without a claim: `nfs server:/path`.
    Other(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Claim(name) => write!(f, "claim {name}"),
            Source::Template { template, set, start } => write!(f, "claims {template}-{set}-{start} and up"),
            Source::Other(text) => f.write_str(text),
        }
    }
}

impl Source {
    /// The same volume; a plain claim may be the first one that a template made.
    fn same_volume(&self, other: &Source) -> bool {
        match (self, other) {
            (Source::Claim(name), Source::Template { template, set, start })
            | (Source::Template { template, set, start }, Source::Claim(name)) => *name == format!("{template}-{set}-{start}"),
            _ => self == other,
        }
    }

    /// Claims of one template that only start at another ordinal.
    fn same_template(&self, other: &Source) -> bool {
        let key = |source: &Source| match source {
            Source::Template { template, set, .. } => Some((template.clone(), set.clone())),
            _ => None,
        };
        key(self).is_some() && key(self) == key(other)
    }
}

/// A writable data volume in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    container: String,
    path: String,
    source: Source,
    directory: String,
}

impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}: {}", self.path, self.container, self.source)?;
        if self.directory.is_empty() { Ok(()) } else { write!(f, " subPath {}", self.directory) }
    }
}

/// The mounts of a workload, and every path at which anything is mounted.
pub(super) struct Mounts {
    data: Vec<Mount>,
    paths: Vec<String>,
}

/// A mount that the other side has otherwise.
#[derive(Clone, Debug)]
pub(super) struct Move {
    old: Mount,
    /// What comes nearest to it; none where the volume is not mounted any more.
    new: Option<Mount>,
    /// Something without data of its own takes the path: an `emptyDir`, a ConfigMap.
    path_taken: bool,
}

impl Mounts {
    /// Whether any container mounts the volume.
    pub(super) fn mounts(&self, source: &Source) -> bool {
        self.data.iter().any(|mount| mount.source.same_volume(source))
    }
}

impl Move {
    /// What kind of move it is; facts are declared worst first.
    pub(super) fn fact(&self) -> Fact {
        match &self.new {
            Some(new) if !new.source.same_volume(&self.old.source) && new.source.same_template(&self.old.source) => {
                Fact::OrdinalsMoved
            }
            Some(new) if !new.source.same_volume(&self.old.source) => Fact::OtherVolume,
            Some(new) if new.directory != self.old.directory && new.path == self.old.path => Fact::OtherDirectory,
            Some(_) => Fact::MountMoved,
            None if self.path_taken => Fact::VolumeReplaced,
            None => Fact::NotMounted,
        }
    }

    pub(super) fn left(&self) -> &Source {
        &self.old.source
    }

    pub(super) fn entered(&self) -> Option<&Source> {
        self.new.as_ref().map(|new| &new.source)
    }

    pub(super) fn before(&self) -> String {
        self.old.to_string()
    }

    pub(super) fn after(&self) -> String {
        match &self.new {
            Some(new) => new.to_string(),
            None if self.path_taken => format!("{}: no claim", self.old.path),
            None => format!("{} is not mounted", self.old.source),
        }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {}", self.before(), self.after())
    }
}

/// The data mounts of a workload's pods.
pub(super) fn of(id: &ObjectRef, body: &Value) -> Mounts {
    let spec = kinds::pod_template(id, body).get("spec");
    let containers = spec.get("containers").as_list();
    let mounts = || containers.iter().flat_map(|one| one.get("volumeMounts").as_list().iter().map(move |mount| (one, mount)));
    let data = mounts().filter(|(_, mount)| mount.get("readOnly").as_bool() != Some(true)).filter_map(|(container, mount)| {
        Some(Mount {
            container: container.get("name").as_str()?.to_owned(),
            path: trimmed(mount.get("mountPath").as_str()?),
            source: source(id, body, spec, mount.get("name").as_str()?)?,
            directory: directory(mount),
        })
    });
    let paths = mounts().filter_map(|(_, mount)| Some(trimmed(mount.get("mountPath").as_str()?))).collect();
    Mounts { data: data.collect(), paths }
}

fn trimmed(path: &str) -> String {
    path.trim_end_matches('/').to_owned()
}

fn directory(mount: &Value) -> String {
    let given = ["subPath", "subPathExpr"].iter().find_map(|key| mount.get(key).as_str()).unwrap_or("");
    trimmed(given.trim_start_matches("./"))
}

/// Claim templates win over a volume of the same name, as in the StatefulSet controller (`updateStorage`).
fn source(id: &ObjectRef, body: &Value, spec: &Value, volume: &str) -> Option<Source> {
    let named = |list: &Value, path: &[&str]| list.as_list().iter().any(|item| item.at(path).as_str() == Some(volume));
    if id.kind == "StatefulSet" && named(body.at(&["spec", "volumeClaimTemplates"]), &["metadata", "name"]) {
        let start = body.at(&["spec", "ordinals", "start"]).as_i64().unwrap_or(0);
        return Some(Source::Template { template: volume.to_owned(), set: id.name.clone(), start });
    }
    let found = spec.get("volumes").as_list().iter().find(|item| item.get("name").as_str() == Some(volume))?;
    if let Some(claim) = found.at(&["persistentVolumeClaim", "claimName"]).as_str() {
        let read_only = found.at(&["persistentVolumeClaim", "readOnly"]).as_bool() == Some(true);
        return (!read_only).then(|| Source::Claim(claim.to_owned()));
    }
    let nfs = found.get("nfs");
    let text = |key: &str| nfs.get(key).as_str().unwrap_or("").to_owned();
    (!nfs.is_null()).then(|| Source::Other(format!("nfs {}:{}", text("server"), text("path"))))
}

/// Mounts of `old` that `new` has not: each with what comes nearest among those that only `new` has.
pub(super) fn compare(old: &Mounts, new: &Mounts) -> Vec<Move> {
    let only = |mounts: &[Mount], others: &[Mount]| -> Vec<Mount> {
        mounts.iter().filter(|mount| !others.iter().any(|other| same_place(mount, other))).cloned().collect()
    };
    let added = only(&new.data, &old.data);
    let lost = only(&old.data, &new.data).into_iter();
    lost.map(|old| Move { new: nearest(&old, &added).cloned(), path_taken: new.paths.contains(&old.path), old }).collect()
}

fn same_place(a: &Mount, b: &Mount) -> bool {
    a.path == b.path && a.directory == b.directory && a.source.same_volume(&b.source)
}

/// The same path first, in the same container before others; else the same volume at another path.
fn nearest<'m>(mount: &Mount, new: &'m [Mount]) -> Option<&'m Mount> {
    let here = |other: &&Mount| other.path == mount.path;
    let same_container = |other: &&Mount| here(other) && other.container == mount.container;
    let same_data = |other: &&Mount| other.source.same_volume(&mount.source);
    let same_directory = |other: &&Mount| same_data(other) && other.directory == mount.directory;
    let find = |wanted: &dyn Fn(&&'m Mount) -> bool| new.iter().find(|other| wanted(other));
    find(&same_container).or_else(|| find(&here)).or_else(|| find(&same_directory)).or_else(|| find(&same_data))
}
