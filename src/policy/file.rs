//! Reads a policy file: a closed form, every fault with its line and column, all at once.

use std::collections::{BTreeMap, BTreeSet};

use super::contract::ANNOTATIONS;
use super::model::{
    AcceptMode, At, Demand, Environment, Override, PolicyFile, Proof, RuleChange, SCHEMA, Section, Trust, WaiverRule, Where,
};
use super::pattern::ObjectPattern;
use super::time::{Age, Day, Freeze, Moment, Span, Zone};
use crate::gate::OnInconclusive;
use crate::rules::Severity;
use crate::rules::fault::{Collector, Fault, Mark};
use crate::rules::form::{Form, Named, scalar};
use crate::rules::node::{self, Node};

/// Largest policy file, in bytes.
pub const MAX_BYTES: usize = 256 * 1024;

/// Most approvals that can be demanded.
const MAX_APPROVALS: u32 = 16;

const SECTION_KEYS: [&str; 10] = [
    "fail_on",
    "on_inconclusive",
    "accept",
    "forbid_accept_critical",
    "require",
    "never_accept",
    "target",
    "freeze",
    "evidence",
    "rules",
];
const TOP_KEYS: [&str; 8] =
    ["schema", "enforce", "allowed_signers", "rule_dirs", "environments", "waivers", "trust_annotations", "overrides"];
const WAIVER_KEYS: [&str; 8] = ["rule", "object", "release", "namespace", "id", "reason", "owner", "expires"];
const TRUST_KEYS: [&str; 6] = ["annotation", "rules", "object", "release", "severity", "reason"];
const DEMAND_KEYS: [&str; 5] = ["name", "object", "annotation", "volume_snapshot", "younger_than"];
const FREEZE_KEYS: [&str; 5] = ["reason", "zone", "days", "from", "to"];

impl Named for OnInconclusive {
    const WHAT: &'static str = "answer";
    fn all() -> &'static [OnInconclusive] {
        &[OnInconclusive::Block, OnInconclusive::Allow]
    }
    fn spelling(self) -> &'static str {
        self.as_str()
    }
}

impl Named for AcceptMode {
    const WHAT: &'static str = "acceptance";
    fn all() -> &'static [AcceptMode] {
        &[AcceptMode::Asked, AcceptMode::WithinGate]
    }
    fn spelling(self) -> &'static str {
        self.as_str()
    }
}

impl Named for Day {
    const WHAT: &'static str = "day";
    fn all() -> &'static [Day] {
        &Day::ALL
    }
    fn spelling(self) -> &'static str {
        self.as_str()
    }
}

/// A policy file that cannot be used.
#[derive(Clone, Debug)]
pub struct Faulty {
    pub faults: Vec<Fault>,
    /// What could be read all the same, to find more faults by and for nothing else.
    pub rest: Option<Box<PolicyFile>>,
}

/// Reads one policy file.
///
/// # Errors
/// Everything that is wrong with it. Whether the rules it names exist is not looked at here.
pub fn parse(file: &str, text: &str) -> Result<PolicyFile, Faulty> {
    let mut faults = Collector::new(file);
    let mut reader = Reader { faults: &mut faults, mentions: Vec::new() };
    let policy = reader.policy(text);
    match policy {
        Some(policy) if faults.is_empty() => Ok(policy),
        rest => {
            let mut faults = faults.into_faults();
            faults.sort();
            Err(Faulty { faults, rest: rest.map(Box::new) })
        }
    }
}

struct Reader<'f> {
    faults: &'f mut Collector,
    mentions: Vec<At<String>>,
}

impl Reader<'_> {
    fn policy(&mut self, text: &str) -> Option<PolicyFile> {
        if text.len() > MAX_BYTES {
            self.faults.add(Mark::START, format!("larger than {MAX_BYTES} bytes"));
            return None;
        }
        let root = node::parse(text).map_err(|(mark, message)| self.faults.add(mark, message)).ok()?;
        let keys: Vec<&str> = TOP_KEYS.iter().chain(&SECTION_KEYS).copied().collect();
        let form = Form::open(&root, "a policy", &keys, self.faults);
        self.schema(&form);
        let environments = self.environments(&form);
        let overrides = self.overrides(&form, &environments);
        let policy = PolicyFile {
            enforce: form.flag("enforce", self.faults).unwrap_or(false),
            base: self.section(&form),
            overrides,
            waivers: self.each(&form, "waivers", Reader::waiver),
            trust: self.each(&form, "trust_annotations", Reader::trust),
            rule_dirs: self.texts(&form, "rule_dirs"),
            allowed_signers: self.text(&form, "allowed_signers"),
            environments,
            mentions: std::mem::take(&mut self.mentions),
        };
        self.contradictions(&policy);
        Some(policy)
    }

    fn schema(&mut self, form: &Form) {
        let schema = form.text("schema", self.faults);
        if !schema.is_empty() && schema != SCHEMA {
            self.faults.add(form.mark_of("schema"), format!("the form is `{schema}`, and this program reads {SCHEMA}"));
        }
    }

    /// What nobody may accept cannot be waived or turned off in the same breath.
    fn contradictions(&mut self, policy: &PolicyFile) {
        let never: BTreeSet<&str> = policy.base.never_accept.iter().map(|rule| rule.value.as_str()).collect();
        for waiver in &policy.waivers {
            if let Some(rule) = waiver.value.rule.as_deref().filter(|rule| never.contains(rule)) {
                self.faults.add(waiver.mark, format!("`{rule}` stands in `never_accept`, so it cannot be waived"));
            }
        }
        for (rule, change) in &policy.base.rules {
            if change.value.severity.is_none() && never.contains(rule.as_str()) {
                self.faults.add(change.mark, format!("`{rule}` stands in `never_accept`, so it cannot be turned off"));
            }
        }
    }

    fn section(&mut self, form: &Form) -> Section {
        let never_accept = self.texts(form, "never_accept");
        self.mentions.extend(never_accept.iter().cloned());
        let (max_back, max_age) = self.target(form);
        Section {
            fail_on: self.name(form, "fail_on"),
            on_inconclusive: self.name(form, "on_inconclusive"),
            accept: self.name(form, "accept"),
            forbid_accept_critical: at(form, "forbid_accept_critical", form.flag("forbid_accept_critical", self.faults)),
            require: self.require(form),
            never_accept,
            max_back,
            max_age,
            freeze: self.each(form, "freeze", Reader::freeze),
            evidence: self.each(form, "evidence", Reader::demand),
            rules: self.rules(form),
        }
    }

    fn overrides(&mut self, form: &Form, environments: &BTreeMap<String, Environment>) -> Vec<Override> {
        let keys: Vec<&str> = ["where"].iter().chain(&SECTION_KEYS).copied().collect();
        let mut found = Vec::new();
        for node in form.list("overrides", self.faults) {
            let form = Form::open(node, "an entry of `overrides`", &keys, self.faults);
            let place = self.place(&form, environments);
            found.push(Override { place, section: self.section(&form) });
        }
        found
    }

    fn place(&mut self, form: &Form, environments: &BTreeMap<String, Environment>) -> Where {
        let Some(node) = form.get("where") else {
            self.faults.add(form.mark(), "an entry of `overrides` needs `where`: namespace, release or environment");
            return Where::default();
        };
        let form = Form::open(node, "`where`", &["namespace", "release", "environment"], self.faults);
        let text = |key: &str, faults: &mut Collector| form.optional_text(key, faults);
        let place = Where {
            namespace: text("namespace", self.faults),
            release: text("release", self.faults),
            environment: text("environment", self.faults),
        };
        if place == Where::default() {
            self.faults
                .add(form.mark(), "`where` needs namespace, release or environment: without one it would apply everywhere");
        }
        if let Some(name) = place.environment.as_ref().filter(|name| !environments.contains_key(*name)) {
            self.faults.add(form.mark_of("environment"), format!("`environments` has no `{name}`"));
        }
        place
    }

    fn environments(&mut self, form: &Form) -> BTreeMap<String, Environment> {
        let mut found = BTreeMap::new();
        for (name, node) in self.entries(form, "environments") {
            let form = Form::open(node, "an environment", &["namespaces", "releases", "clusters"], self.faults);
            let texts = |key: &str, faults: &mut Collector| form.texts(key, faults).into_iter().map(|(_, text)| text).collect();
            let environment = Environment {
                namespaces: texts("namespaces", self.faults),
                releases: texts("releases", self.faults),
                clusters: texts("clusters", self.faults),
            };
            if environment == Environment::default() {
                self.faults.add(form.mark(), "an environment needs namespaces, releases or clusters");
            }
            found.insert(name, environment);
        }
        found
    }

    fn require(&mut self, form: &Form) -> BTreeMap<Severity, At<u32>> {
        let mut found = BTreeMap::new();
        for (name, node) in self.entries(form, "require") {
            let severity = Severity::ALL.into_iter().find(|severity| severity.as_str() == name);
            let number = scalar(node, "require", self.faults).and_then(|text| text.parse().ok());
            match (severity, number) {
                (None, _) => self.faults.add(node.mark, format!("no severity is called `{name}`")),
                (_, Some(value @ 1..=MAX_APPROVALS)) => {
                    found.extend(severity.map(|severity| (severity, At { mark: node.mark, value })));
                }
                _ => self.faults.add(node.mark, format!("`require` takes numbers of approvals from 1 to {MAX_APPROVALS}")),
            }
        }
        found
    }

    fn target(&mut self, form: &Form) -> (Option<At<u32>>, Option<At<Age>>) {
        let Some(node) = form.get("target") else { return (None, None) };
        let form = Form::open(node, "`target`", &["max_back", "max_age"], self.faults);
        let back: Option<u32> = form.number("max_back", self.faults);
        if back == Some(0) {
            self.faults.add(form.mark_of("max_back"), "`max_back: 0` would allow no rollback at all");
        }
        (at(&form, "max_back", back), self.parsed(&form, "max_age", Age::parse))
    }

    fn rules(&mut self, form: &Form) -> BTreeMap<String, At<RuleChange>> {
        let mut found = BTreeMap::new();
        for (id, node) in self.entries(form, "rules") {
            let form = Form::open(node, &format!("rule `{id}`"), &["severity", "off", "reason"], self.faults);
            let (severity, off) = (form.name("severity", self.faults), form.flag("off", self.faults));
            if (form.get("severity").is_some(), off) != (true, None)
                && (form.get("severity").is_some(), off) != (false, Some(true))
            {
                self.faults.add(form.mark(), format!("rule `{id}` needs either `severity` or `off: true`"));
            }
            let reason = self.sentence(&form, "reason");
            self.mentions.push(At { mark: node.mark, value: id.clone() });
            found.insert(id, At { mark: node.mark, value: RuleChange { severity, reason } });
        }
        found
    }

    fn waiver(&mut self, node: &Node) -> Option<WaiverRule> {
        let form = Form::open(node, "a waiver", &WAIVER_KEYS, self.faults);
        let text = |key: &str, faults: &mut Collector| form.optional_text(key, faults);
        let rule = self.mentioned(&form, "rule");
        let object = self.parsed(&form, "object", ObjectPattern::parse).map(|found| found.value);
        if ["rule", "object", "id"].iter().all(|key| form.get(key).is_none()) {
            self.faults.add(form.mark(), "a waiver needs `rule`, `object` or `id`: without one it would waive everything");
        }
        let (reason, owner) = (self.sentence(&form, "reason"), self.sentence(&form, "owner"));
        if form.get("expires").is_none() {
            self.faults.add(form.mark(), "a waiver needs `expires`: a day such as 2027-01-31");
        }
        Some(WaiverRule {
            rule,
            object,
            release: text("release", self.faults),
            namespace: text("namespace", self.faults),
            id: text("id", self.faults),
            reason,
            owner,
            expires: self.parsed(&form, "expires", Moment::parse)?.value,
        })
    }

    fn trust(&mut self, node: &Node) -> Option<Trust> {
        let form = Form::open(node, "an entry of `trust_annotations`", &TRUST_KEYS, self.faults);
        let annotation = form.text("annotation", self.faults);
        if !annotation.is_empty() && !ANNOTATIONS.iter().any(|known| known.name == annotation && known.lowers) {
            let known: Vec<&str> = ANNOTATIONS.iter().filter(|known| known.lowers).map(|known| known.name).collect();
            self.faults.add(form.mark_of("annotation"), format!("`{annotation}` can lower nothing: use {}", known.join(", ")));
        }
        let rules = self.texts(&form, "rules");
        if rules.is_empty() {
            self.faults.add(form.mark(), "an entry of `trust_annotations` needs `rules`: those whose severity it may lower");
        }
        self.mentions.extend(rules.iter().cloned());
        let reason = self.sentence(&form, "reason");
        let severity: Option<Severity> = form.required_name("severity", self.faults);
        Some(Trust {
            annotation,
            rules: rules.into_iter().map(|rule| rule.value).collect(),
            object: self.parsed(&form, "object", ObjectPattern::parse).map(|found| found.value),
            release: form.optional_text("release", self.faults),
            severity: severity?,
            reason,
        })
    }

    fn demand(&mut self, node: &Node) -> Option<Demand> {
        let form = Form::open(node, "an entry of `evidence`", &DEMAND_KEYS, self.faults);
        let name = self.sentence(&form, "name");
        let annotation = form.optional_text("annotation", self.faults);
        let proof = match (annotation, form.flag("volume_snapshot", self.faults)) {
            (Some(annotation), None) => Some(Proof::Annotation(annotation)),
            (None, Some(true)) => Some(Proof::VolumeSnapshot),
            _ => {
                self.faults.add(form.mark(), "an entry of `evidence` needs either `annotation` or `volume_snapshot: true`");
                None
            }
        };
        for key in ["object", "younger_than"] {
            if form.get(key).is_none() {
                self.faults.add(form.mark(), format!("an entry of `evidence` needs `{key}`"));
            }
        }
        let object = self.parsed(&form, "object", ObjectPattern::parse);
        let younger_than = self.parsed(&form, "younger_than", Age::parse);
        Some(Demand { name, object: object?.value, proof: proof?, younger_than: younger_than?.value })
    }

    fn freeze(&mut self, node: &Node) -> Option<Freeze> {
        let form = Form::open(node, "an entry of `freeze`", &FREEZE_KEYS, self.faults);
        let reason = self.sentence(&form, "reason");
        if form.get("zone").is_none() {
            self.faults.add(form.mark(), "an entry of `freeze` needs `zone`: a time zone such as Europe/Berlin");
        }
        let zone = self.parsed(&form, "zone", Zone::parse);
        let days = form.names("days", self.faults);
        let (from, to) = (form.optional_text("from", self.faults), form.optional_text("to", self.faults));
        let span = Span::new(days, from.as_deref(), to.as_deref());
        let span = span.map_err(|why| self.faults.add(form.mark(), why)).ok();
        Some(Freeze { reason, zone: zone?.value, span: span? })
    }

    /// Key and value of a mapping with free keys; repeated keys are faults.
    fn entries<'n>(&mut self, form: &Form<'n>, key: &str) -> Vec<(String, &'n Node)> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for (name, node) in form.entries(key, self.faults) {
            if seen.insert(name) {
                found.push((name.to_owned(), node));
            } else {
                self.faults.add(node.mark, format!("`{name}` stands twice in `{key}`"));
            }
        }
        found
    }

    fn each<T>(&mut self, form: &Form, key: &str, read: fn(&mut Self, &Node) -> Option<T>) -> Vec<At<T>> {
        let nodes = form.list(key, self.faults);
        nodes.iter().filter_map(|node| Some(At { mark: node.mark, value: read(self, node)? })).collect()
    }

    fn name<T: Named>(&mut self, form: &Form, key: &str) -> Option<At<T>> {
        at(form, key, form.name(key, self.faults))
    }

    fn text(&mut self, form: &Form, key: &str) -> Option<At<String>> {
        at(form, key, form.optional_text(key, self.faults))
    }

    fn texts(&mut self, form: &Form, key: &str) -> Vec<At<String>> {
        form.texts(key, self.faults).into_iter().map(|(mark, value)| At { mark, value }).collect()
    }

    /// A rule id.
    fn mentioned(&mut self, form: &Form, key: &str) -> Option<String> {
        let found = self.text(form, key)?;
        self.mentions.push(found.clone());
        Some(found.value)
    }

    /// A text for people that must not be empty.
    fn sentence(&mut self, form: &Form, key: &str) -> String {
        let text = form.text(key, self.faults);
        if text.trim().is_empty() && form.get(key).is_some() {
            self.faults.add(form.mark_of(key), format!("`{key}` is empty"));
        }
        text
    }

    fn parsed<T>(&mut self, form: &Form, key: &str, parse: fn(&str) -> Result<T, String>) -> Option<At<T>> {
        let text = form.optional_text(key, self.faults)?;
        let value = parse(&text).map_err(|why| self.faults.add(form.mark_of(key), format!("`{key}`: {why}"))).ok();
        at(form, key, value)
    }
}

fn at<T>(form: &Form, key: &str, value: Option<T>) -> Option<At<T>> {
    value.map(|value| At { mark: form.mark_of(key), value })
}
