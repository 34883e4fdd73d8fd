//! YAML text → [`Value`], read as Helm reads it.
//!
//! Events come from a port of the C library that Go's YAML packages are ported from too; what a scalar, a merge key or a duplicate key
//! means is decided here, after `go.yaml.in/yaml/v2` (`decode.go`) and `sigs.k8s.io/yaml`. A table made by those Go packages is a test fixture.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use libyaml_safer::{Event, EventData, Parser};

use super::object::DuplicateKey;
use super::plain;
use super::scalar::{self, Scalar};
use super::value::{Map, Value};

/// Bounds of one document. A document within them is parsed in linear time and bounded memory.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Nested mappings and sequences.
    pub depth: usize,
    /// Scalars, mappings and sequences after alias expansion.
    pub nodes: usize,
    /// Size of the text, in bytes.
    pub bytes: usize,
    /// Bytes of scalars that aliases may add.
    pub alias_bytes: usize,
}

impl Default for Limits {
    /// Far above what an API server takes (1.5 MB an object), far below what hurts.
    fn default() -> Limits {
        Limits { depth: 200, nodes: 1_000_000, bytes: 32 * 1024 * 1024, alias_bytes: 8 * 1024 * 1024 }
    }
}

/// A document and the keys that stand in it more than once.
#[derive(Clone, Debug)]
pub struct Document {
    pub value: Value,
    pub duplicate_keys: Vec<DuplicateKey>,
}

/// Why a text is no YAML for Helm. Fixed words only: never a part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Counting from the line number given to [`parse`].
    pub line: usize,
    pub what: &'static str,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for Fault {}

thread_local! {
    static GUARDING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside the YAML scanner, whose panics are caught and reported as faults: a panic hook should stay silent then.
pub fn is_guarding() -> bool {
    GUARDING.get()
}

/// Parses the first document of `text`, as Go's `Unmarshal` does; `first_line` is the number of its first line. An empty text is `Null`.
pub fn parse(text: &str, first_line: usize, limits: &Limits) -> Result<Document, Fault> {
    if text.len() > limits.bytes {
        return Err(Fault { line: first_line, what: "the document is too long" });
    }
    if let Some(value) = plain::read(text, limits) {
        return Ok(Document { value, duplicate_keys: Vec::new() });
    }
    parse_fully(text, first_line, limits)
}

fn parse_fully(text: &str, first_line: usize, limits: &Limits) -> Result<Document, Fault> {
    let text = with_final_break(text);
    // The scanner asserts on a few malformed inputs (a tag cut off by a comma, escapes in tags); to Helm they are syntax errors.
    GUARDING.set(true);
    let parsed = catch_unwind(AssertUnwindSafe(|| Composer::new(&text, first_line, limits).document()));
    GUARDING.set(false);
    parsed.unwrap_or(Err(Fault { line: first_line, what: "the text is no YAML" }))
}

/// The scanner looks one character past a backslash: with a final line break there always is one.
fn with_final_break(text: &str) -> Cow<'_, str> {
    if text.ends_with('\n') { Cow::Borrowed(text) } else { Cow::Owned(format!("{text}\n")) }
}

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

struct Composer<'t> {
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
    fn new(text: &'t str, first_line: usize, limits: &Limits) -> Composer<'t> {
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

    fn document(mut self) -> Result<Document, Fault> {
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
                Value::Number(number) => number.as_i64().map(Scalar::Int).or(number.as_f64().map(Scalar::Float)).unwrap_or(Scalar::Null),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Row {
        name: String,
        yaml: String,
        json: Option<serde_json::Value>,
        error: Option<String>,
    }

    /// What Kubernetes' YAML reader makes of each text, written by the Go program beside the table.
    fn table() -> Vec<Row> {
        serde_json::from_str(include_str!("../../tests/fixtures/yaml-oracle/table.json")).unwrap()
    }

    fn read(text: &str) -> Result<serde_json::Value, Fault> {
        let text = super::super::split::normalize(text);
        let first = super::super::split::documents(&text).find(|chunk| !chunk.text.trim().is_empty());
        let document = parse(first.map_or("", |chunk| chunk.text), 1, &Limits::default())?;
        Ok(serde_json::to_value(document.value).unwrap())
    }

    /// Where the scanner differs from Go's, none of them seen in a chart: ours refuses, or takes what Helm would have refused at installation.
    const KNOWN_DIFFERENCES: [&str; 4] = ["quoted '\"\\\\/\"'", "bom inside", "flow plain colon end", "flow tag comma"];

    /// Go writes whole floats without a fraction, so a number beyond an int64 is compared as a float.
    fn same(ours: &serde_json::Value, go: &serde_json::Value) -> bool {
        match (ours, go) {
            (serde_json::Value::Number(a), serde_json::Value::Number(b)) if b.as_i64().is_none() => a.as_f64() == b.as_f64(),
            (serde_json::Value::Object(a), serde_json::Value::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
            }
            (serde_json::Value::Array(a), serde_json::Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(value, other)| same(value, other))
            }
            _ => ours == go,
        }
    }

    #[test]
    fn every_text_of_the_table_reads_as_in_go() {
        let rows = table();
        assert!(rows.len() > 350);
        let mut wrong = Vec::new();
        for row in rows {
            let ours = read(&row.yaml);
            let agrees = match (&ours, &row.error) {
                (Ok(ours), None) => same(ours, row.json.as_ref().unwrap_or(&serde_json::Value::Null)),
                (Err(_), Some(_)) => true,
                _ => false,
            };
            if agrees == KNOWN_DIFFERENCES.contains(&row.name.as_str()) {
                wrong.push(format!("{}: {:?}\n  go:   {:?} {:?}\n  ours: {ours:?}", row.name, row.yaml, row.json, row.error));
            }
        }
        assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
    }
    fn duplicates(text: &str) -> Vec<(String, usize)> {
        let document = parse(text, 10, &Limits::default()).unwrap();
        document.duplicate_keys.into_iter().map(|key| (key.path, key.line)).collect()
    }

    #[test]
    fn duplicate_keys_are_reported_with_path_and_line() {
        let text = "metadata:\n  annotations:\n    helm.sh/resource-policy: keep\n  annotations: {}\nspec:\n- a: 1\n  a: 2\n";
        assert_eq!(duplicates(text), [("metadata.annotations".to_owned(), 13), ("spec[0].a".to_owned(), 16)]);
        assert_eq!(duplicates("yes: 1\ntrue: 2\n"), [("true".to_owned(), 11)]);
    }

    #[test]
    fn an_overridden_merge_key_is_no_duplicate() {
        assert_eq!(duplicates("b: &b {x: 1}\na:\n  <<: *b\n  x: 2\n"), []);
        assert_eq!(duplicates("b: &b {x: 1}\na:\n  <<: *b\n  x: 2\n  x: 3\n"), [("a.x".to_owned(), 14)]);
    }

    fn fault(text: &str, limits: &Limits) -> &'static str {
        parse(text, 1, limits).unwrap_err().what
    }

    #[test]
    fn every_bound_is_a_fault() {
        let limits = Limits { depth: 20, nodes: 200, bytes: 4000, alias_bytes: 100 };
        assert_eq!(fault(&"[".repeat(1000), &limits), "the document is nested too deeply");
        assert_eq!(fault(&"- ".repeat(1000), &limits), "the document is nested too deeply");
        assert_eq!(fault(&format!("[{}]", "1,".repeat(300)), &limits), "the document has too many nodes");
        assert_eq!(fault(&"x".repeat(5000), &limits), "the document is too long");
        let bomb = "a: &a [1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n";
        assert_eq!(fault(bomb, &limits), "the document contains excessive aliasing");
        let long = format!("a: &a {}\nb: [*a, *a, *a]\n", "x".repeat(60));
        assert_eq!(fault(&long, &limits), "the document contains excessive aliasing");
        let tower: String = (0..40).fold("a0: &a0 [1]\n".to_owned(), |text, n| format!("{text}a{}: &a{} [*a{n}]\n", n + 1, n + 1));
        assert_eq!(fault(&tower, &Limits { nodes: 100_000, ..limits }), "the document is nested too deeply");
    }

    #[test]
    fn faults_name_the_line_and_no_content() {
        let fault = parse("a: 1\npassword: \"hunter2\n", 40, &Limits::default()).unwrap_err();
        assert!(fault.line >= 41, "{fault}");
        assert!(!fault.to_string().contains("hunter2"));
    }

    const SAMPLE: &str = r#"# Source: shop/templates/all.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  labels: {}
  annotations:
    "helm.sh/hook": 'pre-upgrade, x'
    on: yes
    8080: 1e3
spec:
  replicas: 3
  args: ["a", 'b', c, 12, "x\ny"]
  empty:
  list:
  - name: a
    value: "1"

  - name: b
    value: |
      line: one
        two # no comment

      three

    after: 0x1F
  -
    name: c
  - plain text, with "quotes" and {braces}
  - -1
  - |-
    x
    y
  deeper:
    - a: 1
      b:
      - c
      - d
    - "quoted: key": v
  keep: |+
    k

last: ~
"#;

    /// What the fast reader reads, the full parser reads alike.
    fn compare(text: &str) -> bool {
        let limits = Limits { depth: 12, nodes: 100, ..Limits::default() };
        let Some(fast) = plain::read(text, &limits) else { return false };
        match parse_fully(text, 1, &limits) {
            Ok(full) => {
                assert_eq!(fast, full.value, "{text:?}");
                assert!(full.duplicate_keys.is_empty(), "{text:?}");
            }
            Err(fault) => panic!("{fault} in {text:?}, but read as {fast:?}"),
        }
        true
    }

    #[test]
    fn the_fast_reader_agrees_with_the_full_parser_or_gives_up() {
        assert!(compare(SAMPLE));
        for row in table() {
            if !row.yaml.lines().any(|line| line.starts_with("---")) {
                compare(&row.yaml);
            }
        }
    }

    /// One or two small edits at pseudo-random places: a fixed sequence, so that a failure repeats.
    #[test]
    fn the_fast_reader_agrees_on_mutated_documents() {
        const PIECES: [&str; 36] = [
            "", " ", "  ", "\n", "\n\n", "\t", ":", ": ", "- ", "-", "#", " #", "\"", "'", "|", ">", "{", "}", "[", "]", ",", "&a ", "*a", "!", "? ", "\\", "~", "0",
            "yes", "<<: ", "é", "\u{85}", "\u{2028}", "\u{feff}", "...\n", "\r",
        ];
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % below as u64).unwrap_or(0)
        };
        const MUTATIONS: usize = 3000;
        let mut read = 0;
        for _ in 0..MUTATIONS {
            let mut text = SAMPLE.to_owned();
            for _ in 0..=next(2) {
                let (from, length) = (next(text.len() + 1), next(4));
                let boundary = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
                let (start, end) = (boundary(from), boundary(boundary(from) + length));
                text.replace_range(start..end, PIECES[next(PIECES.len())]);
            }
            read += usize::from(compare(&text));
        }
        assert!(read > MUTATIONS / 8, "the fast reader gave up on all but {read}");
    }
}
