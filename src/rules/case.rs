//! A case: a whole miniature world in one file, and what a rule must make of it.
//!
//! The file's name promises the outcome: `fires-*` must yield a finding of the rule whose folder it lies in, `quiet-*` must not.

use super::Severity;
use super::fault::{Collector, Fault, Mark};
use super::form::{Form, Named, scalar};
use super::node::{self, Node};
use crate::input::AccessRule;
use crate::k8s::surroundings::Surrounding;
use crate::release::{Revision, Status};

/// Longest case file, in bytes.
pub const MAX_CASE_BYTES: usize = 256 * 1024;

/// What the name of a case file promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    Fires,
    Quiet,
}

/// One case file.
#[derive(Clone, Debug)]
pub struct Case {
    pub file: String,
    /// The rule whose folder it lies in.
    pub rule: String,
    pub promise: Promise,
    /// One sentence for the rule's page.
    pub about: Option<String>,
    /// Severity the finding must have, where the case says so.
    pub severity: Option<Severity>,
    pub helm: String,
    /// Flags of `helm rollback`, as typed.
    pub flags: Vec<(Mark, String)>,
    pub release: String,
    pub namespace: String,
    /// Kubernetes version of the API server.
    pub kubernetes: String,
    /// Time of the run.
    pub now: String,
    pub from: Record,
    pub to: Record,
    pub between: Vec<Record>,
    /// Replaces what the records above say; empty = just those records.
    pub history: Vec<HistoryEntry>,
    pub live: Live,
    /// Documents that are live besides `live`, or instead of its objects of the same name.
    pub live_also: Text,
    /// `Kind/namespace/name` of objects that are gone.
    pub live_without: Vec<String>,
    pub discovery: Kinds,
    /// Helm's discovery cache on disk; none = there is no cache.
    pub cached_discovery: Option<Kinds>,
    /// PersistentVolumes; `spec.claimRef` binds a live claim to its volume.
    pub volumes: Text,
    /// Claims made by StatefulSets.
    pub set_claims: Text,
    /// Custom resources by the name of their definition, as `Kind/namespace/name`.
    pub custom_resources: Vec<(String, Vec<String>)>,
    pub namespace_contents: Vec<(String, Vec<String>)>,
    /// Ready endpoints behind Services that webhooks name, by (namespace, name); written `namespace/name: 0`.
    pub webhook_backends: Vec<((String, String), usize)>,
    /// Documents around the release; with the live objects they are what its surroundings hold.
    pub around: Text,
    /// Surrounding kinds that cannot be listed.
    pub unreadable: Vec<Surrounding>,
    /// What the caller may do, written `get,patch apps/deployments`; empty = not known.
    pub access: Vec<(Mark, AccessRule)>,
    /// Answers to a dry run by `Kind/namespace/name`: `accepted`, `warning: TEXT`, or the server's refusal.
    pub dry_run: Vec<(String, String)>,
}

/// YAML text inside a case file, and where it starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    pub text: String,
    pub mark: Option<Mark>,
}

/// A release record.
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub revision: Revision,
    pub status: Option<Status>,
    pub description: Option<String>,
    pub restores: Option<Revision>,
    /// By default what the case's Helm line writes.
    pub apply_method: Option<Recorded>,
    /// `appVersion` of the chart.
    pub app_version: Option<String>,
    /// `kubeVersion` of the chart.
    pub kube_version: Option<String>,
    pub values: Text,
    pub manifest: Text,
    /// Hook documents with their annotations.
    pub hooks: Text,
    /// Phase of the last run, by hook name.
    pub ran: Vec<(String, String)>,
}

/// How a record says it was applied: `none` as in records of Helm 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    ServerSide,
    ClientSide,
    None,
}

impl Named for Recorded {
    const WHAT: &'static str = "apply method";

    fn all() -> &'static [Recorded] {
        &[Recorded::ServerSide, Recorded::ClientSide, Recorded::None]
    }

    fn spelling(self) -> &'static str {
        match self {
            Recorded::ServerSide => "ssa",
            Recorded::ClientSide => "csa",
            Recorded::None => "none",
        }
    }
}

/// One revision as the listing tells it.
#[derive(Clone, Debug)]
pub struct HistoryEntry {
    pub revision: Revision,
    pub status: Option<Status>,
    /// The storage object's label, where it differs from the record.
    pub label: Option<Status>,
    pub description: Option<String>,
    pub restores: Option<Revision>,
}

/// What is in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Live {
    /// `same-as-from`: every object of *from*, owned by the release. The default.
    SameAsFrom,
    /// `unknown`: nobody looked.
    Unknown,
    /// Exactly these documents.
    Documents(Text),
}

/// Served kinds: those of Kubernetes itself and of live CRDs, with these changes.
#[derive(Clone, Debug, Default)]
pub struct Kinds {
    pub add: Vec<Kind>,
    pub remove: Vec<Kind>,
    /// Why it is not known.
    pub unknown: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Kind {
    pub api_version: String,
    pub kind: String,
    /// By default the kind in lower case with an `s`.
    pub plural: Option<String>,
    pub namespaced: bool,
}

const CASE_KEYS: [&str; 26] = [
    "about",
    "severity",
    "helm",
    "flags",
    "release",
    "namespace",
    "kubernetes",
    "now",
    "from",
    "to",
    "between",
    "history",
    "live",
    "live_also",
    "live_without",
    "discovery",
    "cached_discovery",
    "volumes",
    "set_claims",
    "custom_resources",
    "namespace_contents",
    "webhook_backends",
    "around",
    "unreadable",
    "access",
    "dry_run",
];
const RECORD_KEYS: [&str; 11] = [
    "revision",
    "status",
    "description",
    "restores",
    "apply_method",
    "app_version",
    "kube_version",
    "values",
    "manifest",
    "hooks",
    "ran",
];
const HISTORY_KEYS: [&str; 5] = ["revision", "status", "label", "description", "restores"];
const DISCOVERY_KEYS: [&str; 3] = ["add", "remove", "unknown"];
const KIND_KEYS: [&str; 4] = ["api_version", "kind", "plural", "namespaced"];

/// The promise in a file's name, if it is one of a case.
pub fn promise(file: &str) -> Option<Promise> {
    let name = super::file::stem(file);
    match name {
        _ if name.starts_with("fires-") => Some(Promise::Fires),
        _ if name.starts_with("quiet-") => Some(Promise::Quiet),
        _ => None,
    }
}

/// Reads one case file. Every fault of the file comes back at once.
pub fn parse(file: &str, text: &str) -> Result<Case, Vec<Fault>> {
    parse_within(file, text, MAX_CASE_BYTES)
}

/// The same with another limit in bytes: whole charts with their definitions are larger than what a case should be.
pub fn parse_within(file: &str, text: &str, limit: usize) -> Result<Case, Vec<Fault>> {
    let mut faults = Collector::new(file);
    if text.len() > limit {
        faults.add(Mark::START, format!("larger than {limit} bytes"));
        return Err(faults.into_faults());
    }
    match read(file, text, &mut faults) {
        Some(case) if faults.is_empty() => Ok(case),
        _ => Err(faults.into_faults()),
    }
}

fn read(file: &str, text: &str, faults: &mut Collector) -> Option<Case> {
    let Some(promise) = promise(file) else {
        faults.add(Mark::START, "a case is called fires-….yaml or quiet-….yaml");
        return None;
    };
    let root = node::parse(text).map_err(|(mark, message)| faults.add(mark, message)).ok()?;
    let form = Form::open(&root, "a case", &CASE_KEYS, faults);
    let or = |text: Option<String>, default: &str| text.unwrap_or_else(|| default.to_owned());
    Some(Case {
        file: file.to_owned(),
        rule: folder(file).to_owned(),
        promise,
        about: form.optional_text("about", faults),
        severity: form.name("severity", faults),
        helm: or(form.optional_text("helm", faults), "4.3.1"),
        flags: form.texts("flags", faults),
        release: or(form.optional_text("release", faults), "shop"),
        namespace: or(form.optional_text("namespace", faults), "prod"),
        kubernetes: or(form.optional_text("kubernetes", faults), "1.36.3"),
        now: or(form.optional_text("now", faults), "2026-01-01T00:00:00Z"),
        from: read_required_record(&form, "from", 2, faults),
        to: read_required_record(&form, "to", 1, faults),
        between: form.list("between", faults).iter().map(|node| read_record(node, 0, faults)).collect(),
        history: form.list("history", faults).iter().filter_map(|node| read_history(node, faults)).collect(),
        live: read_live(&form, faults),
        live_also: read_text(&form, "live_also", faults),
        live_without: form.texts("live_without", faults).into_iter().map(|(_, name)| name).collect(),
        discovery: read_kinds(&form, "discovery", faults).unwrap_or_default(),
        cached_discovery: read_kinds(&form, "cached_discovery", faults),
        volumes: read_text(&form, "volumes", faults),
        set_claims: read_text(&form, "set_claims", faults),
        custom_resources: read_lists(&form, "custom_resources", faults),
        namespace_contents: read_lists(&form, "namespace_contents", faults),
        webhook_backends: read_backends(&form, faults),
        around: read_text(&form, "around", faults),
        unreadable: form.names("unreadable", faults),
        access: read_access(&form, faults),
        dry_run: form
            .entries("dry_run", faults)
            .into_iter()
            .filter_map(|(name, node)| Some((name.to_owned(), scalar(node, "dry_run", faults)?.to_owned())))
            .collect(),
    })
}

/// `rules/storage/pvc-removed/fires-x.yaml` → `pvc-removed`.
fn folder(file: &str) -> &str {
    file.rsplit(['/', '\\']).nth(1).unwrap_or("")
}

fn read_required_record(form: &Form, key: &str, revision: Revision, faults: &mut Collector) -> Record {
    match form.get(key) {
        Some(node) => read_record(node, revision, faults),
        None => {
            faults.add(form.mark(), format!("a case needs `{key}`: the record the rollback goes {key}"));
            Record::default()
        }
    }
}

/// `default_revision` 0 = the record must name its revision.
fn read_record(node: &Node, default_revision: Revision, faults: &mut Collector) -> Record {
    let form = Form::open(node, "a record", &RECORD_KEYS, faults);
    let revision = form.number("revision", faults).unwrap_or(default_revision);
    if revision == 0 {
        faults.add(form.mark(), "a record here needs `revision`, counting from 1");
    }
    Record {
        revision,
        status: form.name("status", faults),
        description: form.optional_text("description", faults),
        restores: form.number("restores", faults),
        apply_method: form.name("apply_method", faults),
        app_version: form.optional_text("app_version", faults),
        kube_version: form.optional_text("kube_version", faults),
        values: read_text(&form, "values", faults),
        manifest: read_text(&form, "manifest", faults),
        hooks: read_text(&form, "hooks", faults),
        ran: form
            .entries("ran", faults)
            .into_iter()
            .filter_map(|(name, node)| Some((name.to_owned(), scalar(node, "ran", faults)?.to_owned())))
            .collect(),
    }
}

fn read_history(node: &Node, faults: &mut Collector) -> Option<HistoryEntry> {
    let form = Form::open(node, "an entry of `history`", &HISTORY_KEYS, faults);
    let revision = form.number("revision", faults);
    if revision.is_none() {
        faults.add(form.mark(), "an entry of `history` needs `revision`");
    }
    Some(HistoryEntry {
        revision: revision?,
        status: form.name("status", faults),
        label: form.name("label", faults),
        description: form.optional_text("description", faults),
        restores: form.number("restores", faults),
    })
}

fn read_live(form: &Form, faults: &mut Collector) -> Live {
    let live = read_text(form, "live", faults);
    match live.text.trim() {
        "" | "same-as-from" => Live::SameAsFrom,
        "unknown" => Live::Unknown,
        "nothing" => Live::Documents(Text::default()),
        _ => Live::Documents(live),
    }
}

fn read_text(form: &Form, key: &str, faults: &mut Collector) -> Text {
    let text = form.optional_text(key, faults).unwrap_or_default();
    Text { text, mark: form.get(key).map(|node| node.mark) }
}

fn read_kinds(form: &Form, key: &str, faults: &mut Collector) -> Option<Kinds> {
    let node = form.get(key)?;
    let kinds = Form::open(node, &format!("`{key}`"), &DISCOVERY_KEYS, faults);
    Some(Kinds {
        add: kinds.list("add", faults).iter().map(|node| read_kind(node, faults)).collect(),
        remove: kinds.list("remove", faults).iter().map(|node| read_kind(node, faults)).collect(),
        unknown: kinds.optional_text("unknown", faults),
    })
}

fn read_kind(node: &Node, faults: &mut Collector) -> Kind {
    let form = Form::open(node, "a kind", &KIND_KEYS, faults);
    Kind {
        api_version: form.text("api_version", faults),
        kind: form.text("kind", faults),
        plural: form.optional_text("plural", faults),
        namespaced: form.flag("namespaced", faults).unwrap_or(true),
    }
}

/// A mapping of free names to lists of texts.
fn read_lists(form: &Form, key: &str, faults: &mut Collector) -> Vec<(String, Vec<String>)> {
    let entries = form.entries(key, faults);
    entries.into_iter().map(|(name, node)| (name.to_owned(), read_items(node, key, faults))).collect()
}

fn read_backends(form: &Form, faults: &mut Collector) -> Vec<((String, String), usize)> {
    let key = "webhook_backends";
    let mut backends = Vec::new();
    for (service, node) in form.entries(key, faults) {
        let ready = scalar(node, key, faults).and_then(|text| text.parse().ok());
        match (service.split_once('/'), ready) {
            (Some((namespace, name)), Some(ready)) => backends.push(((namespace.to_owned(), name.to_owned()), ready)),
            _ => faults
                .add(node.mark, format!("an entry of `{key}` reads `namespace/name: 0`, with the number of ready endpoints")),
        }
    }
    backends
}

/// `get,patch apps/deployments,statefulsets`; the group without a name is `core`, and `*` stands for all.
fn read_access(form: &Form, faults: &mut Collector) -> Vec<(Mark, AccessRule)> {
    let words = |text: &str| -> Vec<String> { text.split(',').map(str::to_owned).collect() };
    let mut rules = Vec::new();
    for (mark, text) in form.texts("access", faults) {
        match text.split_once(' ').and_then(|(verbs, rest)| Some((verbs, rest.split_once('/')?))) {
            Some((verbs, (group, resources))) => {
                let group = if group == "core" { "" } else { group };
                let rule =
                    AccessRule { verbs: words(verbs), groups: words(group), resources: words(resources), names: Vec::new() };
                rules.push((mark, rule));
            }
            None => faults.add(mark, format!("`{text}` is no permission: write `get,patch apps/deployments`")),
        }
    }
    rules
}

fn read_items(node: &Node, key: &str, faults: &mut Collector) -> Vec<String> {
    match &node.content {
        node::Content::List(items) => items.iter().filter_map(|item| scalar(item, key, faults).map(str::to_owned)).collect(),
        _ => {
            faults.add(node.mark, format!("a name in `{key}` must have a list, not {}", node.describe()));
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_make_a_short_case_whole() {
        let case = parse("r/x/fires-a.yaml", "from: {manifest: ''}\nto: {}\n").unwrap();
        assert_eq!((case.from.revision, case.to.revision), (2, 1));
        assert_eq!((case.rule.as_str(), case.promise), ("x", Promise::Fires));
        assert_eq!(case.live, Live::SameAsFrom);
    }

    #[test]
    fn faults_come_at_once_with_their_places() {
        let text = "frm: {}\nto: {status: gone, manifest: []}\nbetween: [{}]\n";
        let faults = parse("r/x/quiet-a.yaml", text).unwrap_err();
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(lines.len(), 5, "{lines:#?}");
        assert!(lines.iter().any(|line| line.starts_with("r/x/quiet-a.yaml:2:14: no status is called `gone`")), "{lines:#?}");
    }
}
