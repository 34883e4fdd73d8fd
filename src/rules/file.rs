//! One rule and the form of its file.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Severity;
use super::fault::{Collector, Fault, Mark};
use super::form::Form;
use super::node::{self, Content, Node};
use super::pattern::{FieldPattern, KindPattern};
use super::template::Template;
use crate::analyze::vocabulary::COMMON_PLACEHOLDERS;
use crate::analyze::{ChangeKind, Fact};
use crate::forecast::Confidence;
use crate::k8s::surroundings::Surrounding;

/// Longest text a rule file may hold, in bytes.
pub const MAX_RULE_BYTES: usize = 64 * 1024;

/// A rule: which changes it is about, how bad they are, and what to tell people.
#[derive(Clone, Debug, Serialize)]
pub struct Rule {
    pub id: String,
    pub title: String,
    pub severity: Severity,
    /// Upper bound of a finding's confidence; none = that of the change.
    pub confidence: Option<Confidence>,
    /// The version that brought the rule.
    pub since: String,
    #[serde(rename = "match")]
    pub select: Select,
    pub unless: Unless,
    pub adjust: Vec<Adjust>,
    /// What has to be read around the release to decide; a read that fails is a gap that names the rule.
    pub needs: BTreeSet<Surrounding>,
    /// Rules that stay silent about a change this one speaks about.
    pub supersedes: Vec<String>,
    pub message: Template,
    pub why: Template,
    pub remediation: Template,
    pub references: Vec<String>,
    /// Experiments that show what the rule says: cases of `tests/lab`. Without one it rests on its references.
    pub proof: Vec<String>,
    /// Where the rule was read: `rules/storage/pvc-removed.yaml`.
    #[serde(skip)]
    pub file: String,
}

/// All given conditions must hold; an empty list is no condition.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Select {
    pub change: Vec<ChangeKind>,
    pub kinds: Vec<KindPattern>,
    pub fields: Vec<FieldPattern>,
    /// All of these.
    pub facts: BTreeSet<Fact>,
    /// At least one of these.
    pub any_facts: BTreeSet<Fact>,
    /// Values of the change's `from`, as the report shows them; at least one.
    pub from_values: Vec<String>,
    /// Values of its `to`.
    pub to_values: Vec<String>,
}

/// One condition that holds keeps the rule silent.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Unless {
    pub kinds: Vec<KindPattern>,
    pub fields: Vec<FieldPattern>,
    pub facts: BTreeSet<Fact>,
}

/// Another severity where all facts hold. The first entry that matches counts.
#[derive(Clone, Debug, Serialize)]
pub struct Adjust {
    pub facts: BTreeSet<Fact>,
    pub severity: Severity,
    /// Follows the message: `…; the volume stays because its reclaim policy is Retain`.
    pub reason: Option<Template>,
}

const RULE_KEYS: [&str; 15] = [
    "id",
    "title",
    "severity",
    "confidence",
    "since",
    "match",
    "unless",
    "adjust",
    "needs",
    "supersedes",
    "message",
    "why",
    "remediation",
    "references",
    "proof",
];
const SELECT_KEYS: [&str; 7] = ["change", "kinds", "fields", "facts", "any_facts", "from_values", "to_values"];
const UNLESS_KEYS: [&str; 3] = ["kinds", "fields", "facts"];
const ADJUST_KEYS: [&str; 3] = ["facts", "severity", "reason"];

/// Reads one rule file. Every fault of the file comes back at once.
pub fn parse(file: &str, text: &str) -> Result<Rule, Vec<Fault>> {
    let mut faults = Collector::new(file);
    let rule = read(file, text, &mut faults);
    match rule {
        Some(rule) if faults.is_empty() => Ok(rule),
        _ => Err(faults.into_faults()),
    }
}

fn read(file: &str, text: &str, faults: &mut Collector) -> Option<Rule> {
    if text.len() > MAX_RULE_BYTES {
        faults.add(Mark::START, format!("larger than {MAX_RULE_BYTES} bytes"));
        return None;
    }
    let root = node::parse(text).map_err(|(mark, message)| faults.add(mark, message)).ok()?;
    let form = Form::open(&root, "a rule", &RULE_KEYS, faults);
    let select = read_select(&form, faults);
    let offered = Offered::by(&select.change);
    let changes = &select.change;
    let id = form.text("id", faults);
    check_id(&id, file, &form, faults);
    let severity = form.required_name("severity", faults);
    Some(Rule {
        id,
        title: form.text("title", faults),
        severity: severity?,
        confidence: form.name("confidence", faults),
        since: form.text("since", faults),
        unless: read_unless(&form, changes, faults),
        adjust: form.list("adjust", faults).iter().filter_map(|item| read_adjust(item, changes, &offered, faults)).collect(),
        needs: form.names("needs", faults).into_iter().collect(),
        supersedes: form.texts("supersedes", faults).into_iter().map(|(_, id)| id).collect(),
        message: template(&form, "message", &offered, faults),
        why: sentence(&form, "why", &offered, faults),
        remediation: sentence(&form, "remediation", &offered, faults),
        references: read_references(&form, faults),
        proof: form.texts("proof", faults).into_iter().map(|(_, case)| case).collect(),
        select,
        file: file.to_owned(),
    })
}

fn check_id(id: &str, file: &str, form: &Form, faults: &mut Collector) {
    let mark = form.mark_of("id");
    let shape = id.starts_with(|c: char| c.is_ascii_lowercase())
        && !id.ends_with('-')
        && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !id.is_empty() && !shape {
        faults.add(mark, format!("`{id}` is no rule id: lower-case letters, digits and dashes, a letter first"));
    }
    if !id.is_empty() && stem(file) != id {
        faults.add(mark, format!("the id is `{id}`, so the file must be called {id}.yaml"));
    }
}

/// `rules/x/pvc-removed.yaml` → `pvc-removed`.
pub fn stem(file: &str) -> &str {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")).unwrap_or(name)
}

fn read_select(form: &Form, faults: &mut Collector) -> Select {
    let Some(node) = form.get("match") else {
        faults.add(form.mark(), "a rule needs `match` with at least `change`");
        return Select::default();
    };
    let select = Form::open(node, "`match`", &SELECT_KEYS, faults);
    let change: Vec<ChangeKind> = select.names("change", faults);
    let given = select.get("change");
    if given.is_none_or(|node| node.content == Content::List(Vec::new())) {
        faults.add(select.mark(), "`match` needs `change`: the kinds of change the rule is about");
    }
    Select {
        kinds: read_patterns(&select, "kinds", KindPattern::parse, faults),
        fields: read_patterns(&select, "fields", FieldPattern::parse, faults),
        facts: read_facts(&select, "facts", &change, faults),
        any_facts: read_facts(&select, "any_facts", &change, faults),
        from_values: read_values(&select, "from_values", "from", &change, faults),
        to_values: read_values(&select, "to_values", "to", &change, faults),
        change,
    }
}

/// Facts that the rule's changes can carry: with any other the condition could never hold.
fn read_facts(form: &Form, key: &str, changes: &[ChangeKind], faults: &mut Collector) -> BTreeSet<Fact> {
    let facts: BTreeSet<Fact> = form.names(key, faults).into_iter().collect();
    for fact in &facts {
        if !changes.is_empty() && !changes.iter().any(|kind| kind.facts().contains(fact)) {
            let known: BTreeSet<Fact> = changes.iter().flat_map(|kind| kind.facts()).copied().collect();
            let known: Vec<&str> = known.into_iter().map(Fact::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            faults.add(form.mark_of(key), format!("`{}` never comes with these changes; their facts: {known}", fact.as_str()));
        }
    }
    facts
}

/// Values to compare a parameter with that the rule's changes must have.
fn read_values(form: &Form, key: &str, param: &str, changes: &[ChangeKind], faults: &mut Collector) -> Vec<String> {
    let values = form.texts(key, faults);
    if let Some((mark, _)) = values.first()
        && !changes.iter().all(|kind| kind.placeholders().contains(&param))
    {
        faults.add(*mark, format!("`{key}` needs changes that have a `{param}`"));
    }
    values.into_iter().map(|(_, text)| text).collect()
}

fn read_unless(form: &Form, changes: &[ChangeKind], faults: &mut Collector) -> Unless {
    let Some(node) = form.get("unless") else { return Unless::default() };
    let unless = Form::open(node, "`unless`", &UNLESS_KEYS, faults);
    Unless {
        kinds: read_patterns(&unless, "kinds", KindPattern::parse, faults),
        fields: read_patterns(&unless, "fields", FieldPattern::parse, faults),
        facts: read_facts(&unless, "facts", changes, faults),
    }
}

fn read_adjust(node: &Node, changes: &[ChangeKind], offered: &Offered, faults: &mut Collector) -> Option<Adjust> {
    let form = Form::open(node, "an entry of `adjust`", &ADJUST_KEYS, faults);
    let facts = read_facts(&form, "facts", changes, faults);
    if facts.is_empty() {
        faults.add(form.mark(), "an entry of `adjust` needs `facts`: without one it would always apply");
    }
    let severity = form.required_name("severity", faults);
    let reason = form.optional_text("reason", faults).map(Template::new);
    if let Some(reason) = &reason {
        offered.check(reason, "reason", form.mark_of("reason"), faults);
    }
    Some(Adjust { facts, severity: severity?, reason })
}

fn read_patterns<T>(form: &Form, key: &str, parse: fn(&str) -> Result<T, String>, faults: &mut Collector) -> Vec<T> {
    let texts = form.texts(key, faults);
    texts.into_iter().filter_map(|(mark, text)| parse(&text).map_err(|why| faults.add(mark, why)).ok()).collect()
}

fn read_references(form: &Form, faults: &mut Collector) -> Vec<String> {
    let texts = form.texts("references", faults);
    for (mark, text) in &texts {
        if !text.starts_with("https://") {
            faults.add(*mark, format!("`{text}` is no reference: give an https address"));
        }
    }
    texts.into_iter().map(|(_, text)| text).collect()
}

fn template(form: &Form, key: &str, offered: &Offered, faults: &mut Collector) -> Template {
    let template = Template::new(form.text(key, faults));
    offered.check(&template, key, form.mark_of(key), faults);
    template
}

/// A text for people that must end as a sentence does; a command may be its last line.
fn sentence(form: &Form, key: &str, offered: &Offered, faults: &mut Collector) -> Template {
    let template = template(form, key, offered, faults);
    let text = template.as_str();
    let command_last = text.lines().last().is_some_and(|line| line.starts_with("  "));
    if !text.is_empty() && !text.ends_with('.') && !command_last {
        faults.add(form.mark_of(key), format!("`{key}` must end with a full stop (or with an indented command)"));
    }
    template
}

/// The placeholders that every change of a rule offers.
struct Offered(BTreeSet<&'static str>);

impl Offered {
    fn by(kinds: &[ChangeKind]) -> Offered {
        let mut own = kinds.iter().map(|kind| kind.placeholders().iter().copied().collect::<BTreeSet<_>>());
        let first = own.next().unwrap_or_default();
        let mut shared = own.fold(first, |shared, next| shared.intersection(&next).copied().collect());
        shared.extend(COMMON_PLACEHOLDERS);
        Offered(shared)
    }

    fn check(&self, template: &Template, key: &str, mark: Mark, faults: &mut Collector) {
        for name in template.placeholders() {
            if !self.0.contains(name) {
                let names: Vec<&str> = self.0.iter().copied().collect();
                faults.add(mark, format!("`{key}` uses {{{name}}}, which these changes do not offer: use {}", names.join(", ")));
            }
        }
    }
}
