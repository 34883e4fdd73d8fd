//! Pairs the objects of two records and says how they differ.

#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]

pub mod fields;
mod items;
mod noise;
pub mod text;

use std::fmt;

use serde::{Serialize, Serializer};

use crate::k8s::identity::Identity;
use crate::release::{Object, ObjectRef, Value};

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    Key(String),
    /// Position in a list that has no merge key, counting from 0.
    Index(usize),
    /// List item by its merge key: `containers[name=web]`, `ports[port=80,protocol=TCP]`.
    Item(Vec<(String, String)>),
}

impl Segment {
    /// The key of a map; none for a place in a list.
    pub fn as_key(&self) -> Option<&str> {
        match self {
            Segment::Key(key) => Some(key),
            Segment::Index(_) | Segment::Item(_) => None,
        }
    }
}

/// A path such as `spec.template.spec.containers[name=web].image`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldPath(pub Vec<Segment>);

impl FieldPath {
    pub fn child(&self, segment: Segment) -> FieldPath {
        let mut path = self.0.clone();
        path.push(segment);
        FieldPath(path)
    }

    pub fn key(&self, key: &str) -> FieldPath {
        self.child(Segment::Key(key.to_owned()))
    }

    /// The value at this path, or `Null` where the body has none. Items are found by their merge keys.
    pub fn find<'v>(&self, body: &'v Value) -> &'v Value {
        static NONE: Value = Value::Null;
        self.0.iter().fold(body, |value, segment| match segment {
            Segment::Key(key) => value.get(key),
            Segment::Index(position) => value.as_list().get(*position).unwrap_or(&NONE),
            Segment::Item(keys) => items::find(value.as_list(), keys).unwrap_or(&NONE),
        })
    }

    /// The map keys only, without list positions: what tables of fields are written in (`spec.template.spec.containers.image`).
    pub fn keys(&self) -> String {
        let keys: Vec<&str> = self
            .0
            .iter()
            .filter_map(|segment| match segment {
                Segment::Key(key) => Some(key.as_str()),
                _ => None,
            })
            .collect();
        keys.join(".")
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) if key.contains(['.', '/']) => write!(f, "[\"{key}\"]")?,
                Segment::Key(key) if position == 0 => write!(f, "{key}")?,
                Segment::Key(key) => write!(f, ".{key}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Item(keys) => {
                    let keys: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
                    write!(f, "[{}]", keys.join(","))?;
                }
            }
        }
        Ok(())
    }
}

impl Serialize for FieldPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a difference means nothing to the running system. The raw diff still shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Noise {
    /// `1Gi` and `1024Mi`, `80` and `"80"` where the API takes both.
    SameValue,
    /// Absent on one side, the API's default on the other.
    Default,
    /// `helm.sh/chart`, `app.kubernetes.io/version` and the like.
    ChartLabel,
    /// `checksum/config` and other digests of content that is compared itself.
    Checksum,
}

/// One difference. At least one side is there.
#[derive(Clone, Debug, Serialize)]
pub struct FieldDiff {
    pub path: FieldPath,
    pub from: Option<Value>,
    pub to: Option<Value>,
    pub noise: Option<Noise>,
}

/// One object in *from*, in *to*, or in both. At least one side is there.
#[derive(Clone, Debug)]
pub struct Pair<'a> {
    pub from: Option<&'a Object>,
    pub to: Option<&'a Object>,
    /// Empty unless both sides are there.
    pub fields: Vec<FieldDiff>,
}

impl Pair<'_> {
    /// The target's reference where there is one, else from's.
    pub fn id(&self) -> &ObjectRef {
        match (self.to, self.from) {
            (Some(object), _) | (None, Some(object)) => &object.id,
            (None, None) => unreachable!("a pair has at least one side"),
        }
    }

    /// Differences that mean something.
    pub fn real_changes(&self) -> impl Iterator<Item = &FieldDiff> {
        self.fields.iter().filter(|field| field.noise.is_none())
    }
}

/// Pairs objects by the identity this Helm uses: those of *to* in their order, then those only in *from* in theirs.
pub fn pair<'a>(from: &'a [Object], to: &'a [Object], identity: Identity) -> Vec<Pair<'a>> {
    let index = identity.index(from);
    let mut pairs: Vec<Pair<'a>> = to
        .iter()
        .map(|object| {
            let before = index.get(&identity.key(&object.id)).map(|position| &from[*position]);
            let fields = before.map_or_else(Vec::new, |before| fields::compare(&before.body, &object.body, &object.id));
            Pair { from: before, to: Some(object), fields }
        })
        .collect();
    let kept = identity.index(to);
    pairs.extend(from.iter().filter(|object| !kept.contains_key(&identity.key(&object.id))).map(|object| Pair {
        from: Some(object),
        to: None,
        fields: Vec::new(),
    }));
    pairs
}
