//! Reads a closed form out of a node: every key is known, every name is listed, every fault is collected.

use std::collections::BTreeMap;

use super::fault::{Collector, Mark};
use super::node::{Content, Node};
use crate::analyze::{ChangeKind, Fact};
use crate::forecast::Confidence;
use crate::k8s::surroundings::Surrounding;
use crate::release::{HookEvent, Status};
use crate::rules::Severity;

/// A name out of a fixed list.
pub trait Named: Copy + 'static {
    /// What a message calls such a name.
    const WHAT: &'static str;
    fn all() -> &'static [Self];
    fn spelling(self) -> &'static str;
}

macro_rules! named {
    ($($type:ty, $what:literal, $all:expr, $spelling:expr;)*) => {
        $(impl Named for $type {
            const WHAT: &'static str = $what;
            fn all() -> &'static [Self] { $all }
            fn spelling(self) -> &'static str { $spelling(self) }
        })*
    };
}

named! {
    ChangeKind, "change", ChangeKind::ALL, ChangeKind::as_str;
    Fact, "fact", Fact::ALL, Fact::as_str;
    Severity, "severity", &Severity::ALL, Severity::as_str;
    Confidence, "confidence", &[Confidence::Certain, Confidence::Likely, Confidence::Possible], confidence_name;
    Status, "status", &Status::ALL, Status::as_str;
    Surrounding, "evidence", Surrounding::ALL, Surrounding::as_str;
    HookEvent, "hook event", &HookEvent::ALL, HookEvent::as_str;
}

/// The spelling in rule files and reports.
pub fn confidence_name(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Possible => "possible",
        Confidence::Likely => "likely",
        Confidence::Certain => "certain",
    }
}

/// One mapping of a file, opened for reading.
pub struct Form<'a> {
    mark: Mark,
    what: String,
    fields: BTreeMap<&'a str, &'a Node>,
}

impl<'a> Form<'a> {
    /// Opens `node` as a mapping with the keys of `allowed`. Unknown and repeated keys are faults; `what` names the form.
    pub fn open(node: &'a Node, what: &str, allowed: &[&str], faults: &mut Collector) -> Form<'a> {
        let mut form = Form { mark: node.mark, what: what.to_owned(), fields: BTreeMap::new() };
        let Content::Map(entries) = &node.content else {
            faults.add(node.mark, format!("{what} must be a mapping with the keys {}", allowed.join(", ")));
            return form;
        };
        for (key, value) in entries {
            form.take(key, value, allowed, faults);
        }
        form
    }

    fn take(&mut self, key: &'a Node, value: &'a Node, allowed: &[&str], faults: &mut Collector) {
        let Content::Scalar { text, .. } = &key.content else {
            faults.add(key.mark, format!("a key of {} must be a name", self.what));
            return;
        };
        if !allowed.contains(&text.as_str()) {
            faults.add(key.mark, format!("{} has no key `{text}`: use one of {}", self.what, allowed.join(", ")));
        } else if self.fields.contains_key(text.as_str()) {
            faults.add(key.mark, format!("`{text}` stands twice in {}", self.what));
        } else if !value.is_empty() {
            self.fields.insert(text, value);
        }
    }

    /// Where the form starts.
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// The value of a key; one without a value counts as absent.
    pub fn get(&self, key: &str) -> Option<&'a Node> {
        self.fields.get(key).copied()
    }

    /// Where the value of a key starts, or the form itself.
    pub fn mark_of(&self, key: &str) -> Mark {
        self.get(key).map_or(self.mark, |node| node.mark)
    }

    /// A text that must be there; empty where it is not, with the fault noted.
    pub fn text(&self, key: &str, faults: &mut Collector) -> String {
        match self.optional_text(key, faults) {
            Some(text) => text,
            None => {
                if self.get(key).is_none() {
                    faults.add(self.mark, format!("{} needs `{key}`", self.what));
                }
                String::new()
            }
        }
    }

    pub fn optional_text(&self, key: &str, faults: &mut Collector) -> Option<String> {
        let node = self.get(key)?;
        scalar(node, key, faults).map(|text| text.trim_end().to_owned())
    }

    /// A whole number that fits `T`.
    pub fn number<T: std::str::FromStr>(&self, key: &str, faults: &mut Collector) -> Option<T> {
        let node = self.get(key)?;
        let text = scalar(node, key, faults)?;
        let number = text.parse().ok();
        if number.is_none() {
            faults.add(node.mark, format!("`{key}` must be a whole number, not `{text}`"));
        }
        number
    }

    /// `true` or `false`.
    pub fn flag(&self, key: &str, faults: &mut Collector) -> Option<bool> {
        let node = self.get(key)?;
        match scalar(node, key, faults)? {
            "true" => Some(true),
            "false" => Some(false),
            other => {
                faults.add(node.mark, format!("`{key}` must be true or false, not `{other}`"));
                None
            }
        }
    }

    /// The nodes of a list; none where the key is absent.
    pub fn list(&self, key: &str, faults: &mut Collector) -> &'a [Node] {
        let Some(node) = self.get(key) else { return &[] };
        match &node.content {
            Content::List(items) => items,
            _ => {
                faults.add(node.mark, format!("`{key}` must be a list, not {}", node.describe()));
                &[]
            }
        }
    }

    /// A list of texts with their places.
    pub fn texts(&self, key: &str, faults: &mut Collector) -> Vec<(Mark, String)> {
        let items = self.list(key, faults);
        items.iter().filter_map(|item| Some((item.mark, scalar(item, key, faults)?.to_owned()))).collect()
    }

    /// Key and value nodes of a mapping whose keys are free; none where it is absent.
    pub fn entries(&self, key: &str, faults: &mut Collector) -> Vec<(&'a str, &'a Node)> {
        let Some(node) = self.get(key) else { return Vec::new() };
        let Content::Map(entries) = &node.content else {
            faults.add(node.mark, format!("`{key}` must be a mapping, not {}", node.describe()));
            return Vec::new();
        };
        entries.iter().filter_map(|(name, value)| Some((scalar(name, key, faults)?, value))).collect()
    }

    pub fn name<T: Named>(&self, key: &str, faults: &mut Collector) -> Option<T> {
        self.get(key).and_then(|node| name(node, key, faults))
    }

    /// A name that must be there.
    pub fn required_name<T: Named>(&self, key: &str, faults: &mut Collector) -> Option<T> {
        if self.get(key).is_none() {
            faults.add(self.mark, format!("{} needs `{key}`: one of {}", self.what, spellings::<T>()));
        }
        self.name(key, faults)
    }

    pub fn names<T: Named>(&self, key: &str, faults: &mut Collector) -> Vec<T> {
        self.list(key, faults).iter().filter_map(|item| name(item, key, faults)).collect()
    }
}

/// The text of a single value.
pub fn scalar<'a>(node: &'a Node, key: &str, faults: &mut Collector) -> Option<&'a str> {
    match &node.content {
        Content::Scalar { text, .. } => Some(text),
        _ => {
            faults.add(node.mark, format!("`{key}` must be a single value, not {}", node.describe()));
            None
        }
    }
}

fn name<T: Named>(node: &Node, key: &str, faults: &mut Collector) -> Option<T> {
    let text = scalar(node, key, faults)?;
    let found = T::all().iter().copied().find(|candidate| candidate.spelling() == text);
    if found.is_none() {
        faults.add(node.mark, format!("no {} is called `{text}`: use one of {}", T::WHAT, spellings::<T>()));
    }
    found
}

fn spellings<T: Named>() -> String {
    let names: Vec<&str> = T::all().iter().map(|name| name.spelling()).collect();
    names.join(", ")
}
