//! YAML text → [`Value`], read as Helm reads it.
//!
//! What usually stands in a manifest is read by a fast reader (`plain`), everything else by the full parser (`compose`). A table made by the Go
//! packages that Helm uses is a test fixture.

use std::borrow::Cow;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::compose::Composer;
use super::object::DuplicateKey;
use super::plain;
use super::value::Value;

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
        let tower: String =
            (0..40).fold("a0: &a0 [1]\n".to_owned(), |text, n| format!("{text}a{}: &a{} [*a{n}]\n", n + 1, n + 1));
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
            "", " ", "  ", "\n", "\n\n", "\t", ":", ": ", "- ", "-", "#", " #", "\"", "'", "|", ">", "{", "}", "[", "]", ",",
            "&a ", "*a", "!", "? ", "\\", "~", "0", "yes", "<<: ", "é", "\u{85}", "\u{2028}", "\u{feff}", "...\n", "\r",
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
