//! YAML events → [`Value`], with positions.
//!
//! Events come from a port of the C library that Go's YAML packages are ported from too; what a merge key or a duplicate key means is
//! decided here, after `go.yaml.in/yaml/v2` (`decode.go`) and `sigs.k8s.io/yaml`.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use libyaml_safer::{Event, EventData, Parser};

use super::object::DuplicateKey;
use super::scalar::{self, Scalar};
use super::value::{Map, Value};
use super::yaml::{Document, Fault, Limits};

/// Size of a node after expansion of its aliases.
#[derive(Clone, Copy, Default)]
struct Size {
    nodes: usize,
    bytes: usize,
    height: usize,
}

enum Anchor {
    /// Its end has not been seen: an alias to it would contain itself.
    Open,
    Done(Value, Size),
}

enum Step {
    Key(String),
    Index(usize),
}

pub(super) struct Composer<'t> {
    parser: Parser<&'t [u8]>,
    first_line: usize,
    line: usize,
    limits: Limits,
    nodes: usize,
    alias_bytes: usize,
    path: Vec<Step>,
    anchors: BTreeMap<String, Anchor>,
    duplicate_keys: Vec<DuplicateKey>,
}

type Composed = Result<(Value, Size), Fault>;

impl<'t> Composer<'t> {
    pub(super) fn new(text: &'t str, first_line: usize, limits: &Limits) -> Composer<'t> {
        let mut parser = Parser::new();
        parser.set_input(text.as_bytes());
        Composer {
            parser,
            first_line,
            line: 0,
            limits: *limits,
            nodes: 0,
            alias_bytes: 0,
            path: Vec::new(),
            anchors: BTreeMap::new(),
            duplicate_keys: Vec::new(),
        }
    }

    pub(super) fn document(mut self) -> Result<Document, Fault> {
        loop {
            let event = self.next()?;
            match event.data {
                EventData::StreamStart { .. } | EventData::DocumentStart { .. } => {}
                EventData::StreamEnd | EventData::DocumentEnd { .. } => return Ok(self.finish(Value::Null)),
                data => {
                    let (value, _) = self.node(data)?;
                    // What follows inside this document must be its end; Go checks that much and ignores later documents.
                    return match self.next()?.data {
                        EventData::DocumentEnd { .. } => Ok(self.finish(value)),
                        _ => Err(self.fault("did not find the end of the document")),
                    };
                }
            }
        }
    }

    fn finish(self, value: Value) -> Document {
        Document { value, duplicate_keys: self.duplicate_keys }
    }

    fn next(&mut self) -> Result<Event, Fault> {
        match self.parser.parse() {
            Ok(event) => {
                self.line = event.start_mark.line as usize;
                Ok(event)
            }
            Err(error) => {
                let mark = error.problem_mark().or(error.context_mark());
                let line = mark.map_or(self.line, |mark| mark.line as usize);
                Err(Fault { line: self.first_line + line, what: error.problem() })
            }
        }
    }

    fn fault(&self, what: &'static str) -> Fault {
        Fault { line: self.first_line + self.line, what }
    }

    fn node(&mut self, data: EventData) -> Composed {
        self.count(1)?;
        match data {
            EventData::Alias { anchor } => self.alias(&anchor),
            EventData::Scalar { anchor, tag, value, plain_implicit, .. } => {
                let scalar = self.scalar(value, tag.as_deref(), plain_implicit)?;
                let value = self.scalar_value(scalar)?;
                let bytes = value.as_str().map_or(0, str::len);
                self.keep(anchor, value, Size { nodes: 1, bytes, height: 0 })
            }
            EventData::SequenceStart { anchor, .. } => {
                self.open(&anchor)?;
                let (value, size) = self.sequence()?;
                self.keep(anchor, value, size)
            }
            EventData::MappingStart { anchor, .. } => {
                self.open(&anchor)?;
                let (value, size) = self.mapping()?;
                self.keep(anchor, value, size)
            }
            _ => Err(self.fault("did not find a node")),
        }
    }

    fn count(&mut self, nodes: usize) -> Result<(), Fault> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > self.limits.nodes {
            return Err(self.fault("the document has too many nodes"));
        }
        Ok(())
    }

    fn open(&mut self, anchor: &Option<String>) -> Result<(), Fault> {
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor.clone(), Anchor::Open);
        }
        if self.path.len() >= self.limits.depth {
            return Err(self.fault("the document is nested too deeply"));
        }
        Ok(())
    }

    fn keep(&mut self, anchor: Option<String>, value: Value, size: Size) -> Composed {
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, Anchor::Done(value.clone(), size));
        }
        Ok((value, size))
    }

    fn alias(&mut self, anchor: &str) -> Composed {
        let (value, size) = match self.anchors.get(anchor) {
            Some(Anchor::Done(value, size)) => (value, *size),
            Some(Anchor::Open) => return Err(self.fault("an anchor contains itself")),
            None => return Err(self.fault("unknown anchor")),
        };
        // Checked before the copy is made.
        if self.nodes + size.nodes > self.limits.nodes || self.alias_bytes + size.bytes > self.limits.alias_bytes {
            return Err(self.fault("the document contains excessive aliasing"));
        }
        if self.path.len() + size.height > self.limits.depth {
            return Err(self.fault("the document is nested too deeply"));
        }
        let value = value.clone();
        self.nodes += size.nodes;
        self.alias_bytes += size.bytes;
        Ok((value, size))
    }

    fn scalar(&self, text: String, tag: Option<&str>, plain: bool) -> Result<Scalar, Fault> {
        scalar::resolve(text, tag, plain).map_err(|what| self.fault(what))
    }

    fn scalar_value(&self, scalar: Scalar) -> Result<Value, Fault> {
        Ok(match scalar {
            Scalar::Null => Value::Null,
            Scalar::Bool(flag) => Value::Bool(flag),
            Scalar::String(text) => Value::String(text),
            number => Value::Number(number.number().ok_or_else(|| self.fault("the number is not finite"))?),
        })
    }

    fn sequence(&mut self) -> Composed {
        let mut items = Vec::new();
        let mut size = Size { nodes: 1, ..Size::default() };
        loop {
            let data = self.next()?.data;
            if matches!(data, EventData::SequenceEnd) {
                size.height += 1;
                return Ok((Value::List(items), size));
            }
            self.path.push(Step::Index(items.len()));
            let (item, item_size) = self.node(data)?;
            self.path.pop();
            size.add(item_size);
            items.push(item);
        }
    }

    fn mapping(&mut self) -> Composed {
        let mut map = Map::new();
        // Keys written out here; those that only a merge brought are no duplicates when they are overwritten.
        let mut merged = BTreeSet::new();
        let mut size = Size { nodes: 1, ..Size::default() };
        loop {
            let data = self.next()?.data;
            if matches!(data, EventData::MappingEnd) {
                size.height += 1;
                return Ok((Value::Map(map), size));
            }
            if is_merge(&data) {
                size.add(self.merge(&mut map, &mut merged)?);
                continue;
            }
            let line = self.first_line + self.line;
            let key = self.key(data)?;
            self.path.push(Step::Key(key));
            let data = self.next()?.data;
            let (value, value_size) = self.node(data)?;
            size.add(value_size);
            self.insert(&mut map, &mut merged, value, line);
        }
    }

    /// Puts the value under the key on top of the path; the last of equal keys wins.
    fn insert(&mut self, map: &mut Map, merged: &mut BTreeSet<String>, value: Value, line: usize) {
        let Some(Step::Key(key)) = self.path.pop() else { return };
        let was_merged = merged.remove(&key);
        match map.entry(key) {
            Entry::Vacant(free) => {
                free.insert(value);
            }
            Entry::Occupied(mut taken) => {
                if !was_merged {
                    let path = dotted(&self.path, taken.key());
                    self.duplicate_keys.push(DuplicateKey { path, line });
                }
                taken.insert(value);
            }
        }
    }

    fn key(&mut self, data: EventData) -> Result<String, Fault> {
        self.count(1)?;
        let key = match data {
            EventData::Scalar { anchor, tag, value, plain_implicit, .. } => {
                let scalar = self.scalar(value, tag.as_deref(), plain_implicit)?;
                if anchor.is_some() {
                    let value = self.scalar_value(scalar.clone())?;
                    self.keep(anchor, value, Size { nodes: 1, ..Size::default() })?;
                }
                scalar
            }
            EventData::Alias { anchor } => match self.alias(&anchor)?.0 {
                Value::String(text) => Scalar::String(text),
                Value::Bool(flag) => Scalar::Bool(flag),
                Value::Number(number) => {
                    number.as_i64().map(Scalar::Int).or(number.as_f64().map(Scalar::Float)).unwrap_or(Scalar::Null)
                }
                _ => Scalar::Null,
            },
            _ => return Err(self.fault("invalid mapping key")),
        };
        key.key().map_err(|what| self.fault(what))
    }

    /// `<<: mapping`, `<<: *alias` or `<<: [*a, *b]`. Go's decoder applies it where it stands: it overwrites keys before it.
    fn merge(&mut self, map: &mut Map, merged: &mut BTreeSet<String>) -> Result<Size, Fault> {
        self.path.push(Step::Key("<<".to_owned()));
        let data = self.next()?.data;
        let by_alias = matches!(data, EventData::Alias { .. });
        let (value, size) = self.node(data)?;
        self.path.pop();
        let sources = match value {
            Value::Map(source) => vec![source],
            Value::List(items) if !by_alias => items.into_iter().rev().map(into_map).collect::<Option<_>>().unwrap_or_default(),
            _ => Vec::new(),
        };
        if sources.is_empty() && size.nodes > 1 || size.height == 0 {
            return Err(self.fault("a merge key needs a mapping or a sequence of mappings"));
        }
        for (key, value) in sources.into_iter().flatten() {
            merged.insert(key.clone());
            map.insert(key, value);
        }
        Ok(size)
    }
}

impl Size {
    fn add(&mut self, child: Size) {
        self.nodes += child.nodes;
        self.bytes += child.bytes;
        self.height = self.height.max(child.height);
    }
}

fn into_map(value: Value) -> Option<Map> {
    match value {
        Value::Map(map) => Some(map),
        _ => None,
    }
}

fn is_merge(data: &EventData) -> bool {
    match data {
        EventData::Scalar { value, tag, plain_implicit, .. } => {
            value == "<<" && (*plain_implicit || tag.as_deref() == Some("tag:yaml.org,2002:merge"))
        }
        _ => false,
    }
}

/// `metadata.annotations.helm.sh/resource-policy`, `spec.containers[0].env`.
fn dotted(path: &[Step], last: &str) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) => {
                text.push_str(key);
                text.push('.');
            }
            Step::Index(index) => {
                let open = text.trim_end_matches('.').len();
                text.truncate(open);
                text.push_str(&format!("[{index}]."));
            }
        }
    }
    text + last
}
