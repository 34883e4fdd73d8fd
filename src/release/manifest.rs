//! Manifest text → objects, split and read as Helm's builder does.
//!
//! Helm hands a manifest to `k8s.io/cli-runtime` `pkg/resource` (`StreamVisitor`, `FlattenListVisitor`, `SetNamespace`, `FilterNamespace`),
//! which splits it with `k8s.io/apimachinery` `pkg/util/yaml` `YAMLReader`.

use std::borrow::Cow;

use super::redact::Redactor;
use super::split::{self, Chunk};
use super::value::Value;
use super::{Object, ObjectRef, Origin, certificate, yaml};
use crate::input::Gap;
use crate::k8s::scope::Scopes;

/// Non-empty documents of one manifest that are read; the rest becomes one gap.
const MAX_DOCUMENTS: usize = 50_000;

/// Gaps of one manifest that are listed one by one.
const MAX_GAPS: usize = 100;

/// What parsing needs to know beside the text.
#[derive(Clone, Copy)]
pub struct ParseContext<'a> {
    /// Namespace of namespaced objects that name none: the release's.
    pub default_namespace: &'a str,
    pub scopes: &'a Scopes,
    pub redactor: &'a Redactor,
}

/// Redacted objects in stored order, and what could not be read.
#[derive(Clone, Debug, Default)]
pub struct ParsedManifest {
    pub objects: Vec<Object>,
    pub gaps: Vec<Gap>,
}

/// A parsed document or list item before it has an identity.
struct Entry {
    body: Value,
    origin: Origin,
    duplicate_keys: Vec<super::object::DuplicateKey>,
}

/// Parses a stored manifest, or the output of `helm template` and `helm get manifest`.
pub fn parse_manifest(text: &str, context: &ParseContext<'_>) -> ParsedManifest {
    parse_where(text, context, |_| true)
}

/// As [`parse_manifest`], only for documents whose text is wanted.
pub(super) fn parse_where(text: &str, context: &ParseContext<'_>, wanted: impl Fn(&str) -> bool) -> ParsedManifest {
    let text = split::normalize(text);
    let mut gaps = Gaps::default();
    let entries = read_entries(&text, &mut gaps, wanted);
    let scopes = scopes_with_crds(&entries, context.scopes);
    let objects = entries.into_iter().filter_map(|entry| build(entry, &scopes, context, &mut gaps)).collect();
    ParsedManifest { objects, gaps: gaps.finish() }
}

fn read_entries(text: &str, gaps: &mut Gaps, wanted: impl Fn(&str) -> bool) -> Vec<Entry> {
    let mut entries = Vec::new();
    let chunks = split::documents(text).filter(|chunk| chunk.bad_separator || !chunk.is_blank());
    for (index, chunk) in chunks.enumerate() {
        if index == MAX_DOCUMENTS {
            let what = format!("documents from manifest line {} on", chunk.first_line);
            gaps.push(what, format!("the manifest has more than {MAX_DOCUMENTS} documents"));
            break;
        }
        if wanted(chunk.text) || chunk.bad_separator {
            read_chunk(&chunk, index + 1, &mut entries, gaps);
        }
    }
    entries
}

fn read_chunk(chunk: &Chunk<'_>, number: usize, entries: &mut Vec<Entry>, gaps: &mut Gaps) {
    let origin = Origin { template: chunk.source().map(str::to_owned), line: chunk.first_line };
    if chunk.bad_separator {
        gaps.push(format!("document {number}, {origin}"), "text follows the document separator".to_owned());
    }
    let mut limits = yaml::Limits::default();
    limits.bytes = limits.bytes.max(chunk.text.len());
    match yaml::parse(chunk.text, chunk.first_line, &limits) {
        Err(fault) => gaps.push(format!("document {number}, {origin}"), fault.to_string()),
        Ok(document) if document.value.is_null() => {}
        Ok(document) => {
            let entry = Entry { body: document.value, origin, duplicate_keys: document.duplicate_keys };
            flatten(entry, number, entries, gaps);
        }
    }
}

/// Anything with a list under `items` is a list to `cli-runtime`, whatever its kind; lists in lists are taken apart too.
fn flatten(mut entry: Entry, number: usize, entries: &mut Vec<Entry>, gaps: &mut Gaps) {
    let items = entry.body.as_map_mut().and_then(|map| map.remove("items"));
    match items {
        None => entries.push(entry),
        Some(Value::Null) => {}
        Some(Value::List(items)) => {
            let item_api = entry.body.get("apiVersion").clone();
            let item_kind =
                entry.body.get("kind").as_str().and_then(|kind| kind.strip_suffix("List")).unwrap_or_default().to_owned();
            let mut duplicate_keys = entry.duplicate_keys;
            for mut item in items {
                name_item(&mut item, &item_api, &item_kind);
                let keys = std::mem::take(&mut duplicate_keys);
                flatten(Entry { body: item, origin: entry.origin.clone(), duplicate_keys: keys }, number, entries, gaps);
            }
        }
        Some(_) => gaps.push(format!("document {number}, {}", entry.origin), "its items are no list".to_owned()),
    }
}

/// An item with neither kind nor apiVersion takes them from its list (`unstructured/helpers.go` `decodeToList`).
fn name_item(item: &mut Value, api_version: &Value, kind: &str) {
    let unnamed = item.get("kind").as_str().unwrap_or_default().is_empty()
        && item.get("apiVersion").as_str().unwrap_or_default().is_empty();
    if let (true, Some(map)) = (unnamed, item.as_map_mut()) {
        map.insert("kind".to_owned(), Value::String(kind.to_owned()));
        map.insert("apiVersion".to_owned(), api_version.clone());
    }
}

/// A custom resource beside its own CRD has the scope that the CRD says.
fn scopes_with_crds<'a>(entries: &[Entry], scopes: &'a Scopes) -> Cow<'a, Scopes> {
    let mut scopes = Cow::Borrowed(scopes);
    for entry in entries.iter().filter(|entry| entry.body.get("kind").as_str() == Some("CustomResourceDefinition")) {
        scopes.to_mut().learn_crd(&entry.body);
    }
    scopes
}

fn build(mut entry: Entry, scopes: &Scopes, context: &ParseContext<'_>, gaps: &mut Gaps) -> Option<Object> {
    match identify(&entry.body, scopes, context.default_namespace) {
        Ok(id) => {
            let certificates = certificate::of_secret(&entry.body);
            context.redactor.object(&mut entry.body);
            Some(Object { id, body: entry.body, origin: entry.origin, duplicate_keys: entry.duplicate_keys, certificates })
        }
        Err(why) => {
            gaps.push(format!("object at {}", entry.origin), why.to_owned());
            None
        }
    }
}

/// Helm cannot build an object without kind and version, and cannot look one up without a name.
fn identify(body: &Value, scopes: &Scopes, default_namespace: &str) -> Result<ObjectRef, &'static str> {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    if body.as_map().is_none() {
        return Err("the document is no mapping");
    }
    let kind = text(body.get("kind")).ok_or("it has no kind")?;
    let api_version = text(body.get("apiVersion")).ok_or("it has no apiVersion")?;
    let name = text(body.at(&["metadata", "name"])).ok_or("it has no metadata.name")?;
    let namespaced = scopes.namespaced(&api_version, &kind).unwrap_or(true);
    let namespace = namespaced.then(|| text(body.at(&["metadata", "namespace"])).unwrap_or_else(|| default_namespace.to_owned()));
    Ok(ObjectRef { api_version, kind, namespace, name })
}

/// Gaps with an upper bound on their number.
#[derive(Default)]
struct Gaps {
    listed: Vec<Gap>,
    more: usize,
}

impl Gaps {
    fn push(&mut self, what: String, why: String) {
        if self.listed.len() < MAX_GAPS {
            self.listed.push(Gap::new(what, why).affecting("forecast").blocking());
        } else {
            self.more += 1;
        }
    }

    fn finish(mut self) -> Vec<Gap> {
        if self.more > 0 {
            let what = format!("{} more documents", self.more);
            self.listed.push(Gap::new(what, "they could not be parsed either").affecting("forecast").blocking());
        }
        self.listed
    }
}
