//! How two records differ, part by part; made from redacted values.

use serde::Serialize;

use super::{Brief, Of, table};
use crate::diff::{self, FieldDiff, text};
use crate::input::Gap;
use crate::k8s::identity::Identity;
use crate::release::{Inspected, Object, ObjectRef, Value};
use crate::report::{self, clean};

/// `schema` of the JSON form.
pub const SCHEMA: &str = "rollback-safe/diff/v1";

/// Parts of a record that can be compared, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    Values,
    /// The chart's own `crds/`, and with no manifest asked for the definitions in it.
    Crds,
    Manifest,
    Hooks,
    Notes,
}

impl Part {
    pub const ALL: [Part; 5] = [Part::Values, Part::Crds, Part::Manifest, Part::Hooks, Part::Notes];

    pub fn as_str(self) -> &'static str {
        match self {
            Part::Values => "values",
            Part::Crds => "crds",
            Part::Manifest => "manifest",
            Part::Hooks => "hooks",
            Part::Notes => "notes",
        }
    }
}

/// What became of something from the first revision to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Became {
    Added,
    Removed,
    Changed,
}

impl Became {
    fn word(self) -> &'static str {
        match self {
            Became::Added => "added",
            Became::Removed => "removed",
            Became::Changed => "changed",
        }
    }
}

/// One thing that differs.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    pub part: Part,
    pub became: Became,
    /// Absent for values and notes, which there is one of.
    pub object: Option<ObjectRef>,
    pub template: Option<String>,
    /// By field, where it is in both revisions.
    pub fields: Vec<FieldDiff>,
    /// Every field that differs means nothing to the running system: labels of the chart, defaults.
    pub only_noise: bool,
    /// A unified diff of both sides as YAML, secrets left out.
    pub hunks: String,
    pub lines_added: usize,
    pub lines_removed: usize,
}

/// How many of a part differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    pub part: Part,
    pub added: usize,
    pub removed: usize,
    pub changed: usize,
    pub unchanged: usize,
}

/// The whole comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Differences {
    pub schema: &'static str,
    pub release: Of,
    pub from: Brief,
    pub to: Brief,
    /// Nothing of the parts that were compared differs.
    pub same: bool,
    pub counts: Vec<Count>,
    pub differences: Vec<Difference>,
    /// What of either record could not be read, and so was not compared.
    pub gaps: Vec<Gap>,
}

/// Compares parts of two records.
pub fn compare(of: Of, from: &Inspected, to: &Inspected, parts: &[Part]) -> Differences {
    let mut counts = Vec::new();
    let mut differences = Vec::new();
    for part in Part::ALL.into_iter().filter(|part| parts.contains(part)) {
        let (count, found) = match part {
            Part::Values => one(part, &from.release.config, &to.release.config),
            Part::Notes => notes(from, to),
            Part::Manifest => objects(part, &from.release.objects, &to.release.objects),
            Part::Hooks => objects(part, &hook_objects(from), &hook_objects(to)),
            Part::Crds => {
                let with_manifest = !parts.contains(&Part::Manifest);
                objects(part, &definitions(from, with_manifest), &definitions(to, with_manifest))
            }
        };
        counts.push(count);
        differences.extend(found);
    }
    let gaps = [from, to].into_iter().flat_map(|record| {
        let revision = record.release.revision;
        record.release.gaps.iter().map(move |gap| Gap { what: format!("revision {revision}: {}", gap.what), ..gap.clone() })
    });
    Differences {
        schema: SCHEMA,
        release: of,
        from: Brief::of(&from.release),
        to: Brief::of(&to.release),
        same: differences.is_empty(),
        counts,
        differences,
        gaps: gaps.collect(),
    }
}

fn hook_objects(record: &Inspected) -> Vec<Object> {
    record.release.hook_objects().cloned().collect()
}

fn definitions(record: &Inspected, with_manifest: bool) -> Vec<Object> {
    let rendered = record.release.objects.iter().filter(|object| with_manifest && object.id.kind == "CustomResourceDefinition");
    record.definitions.iter().chain(rendered).cloned().collect()
}

fn objects(part: Part, from: &[Object], to: &[Object]) -> (Count, Vec<Difference>) {
    let mut count = Count { part, added: 0, removed: 0, changed: 0, unchanged: 0 };
    let mut found = Vec::new();
    for pair in diff::pair(from, to, Identity::Group) {
        let became = match (pair.from, pair.to) {
            (None, _) => Became::Added,
            (_, None) => Became::Removed,
            (Some(from), Some(to)) if from.body == to.body => {
                count.unchanged += 1;
                continue;
            }
            (Some(_), Some(_)) => Became::Changed,
        };
        let hunks = text::hunks(pair.from.map(|object| &object.body), pair.to.map(|object| &object.body));
        let object = pair.id().clone();
        let template = pair.to.or(pair.from).and_then(|object| object.origin.template.clone());
        let only_noise = became == Became::Changed && pair.real_changes().next().is_none();
        found.push(Difference { object: Some(object), template, fields: pair.fields, only_noise, ..bare(part, became, hunks) });
    }
    let of = |became| found.iter().filter(|difference| difference.became == became).count();
    (count.added, count.removed, count.changed) = (of(Became::Added), of(Became::Removed), of(Became::Changed));
    (count, found)
}

/// What there is one of.
fn one(part: Part, from: &Value, to: &Value) -> (Count, Vec<Difference>) {
    let mut count = Count { part, added: 0, removed: 0, changed: 0, unchanged: 0 };
    if from == to || (is_empty(from) && is_empty(to)) {
        count.unchanged = 1;
        return (count, Vec::new());
    }
    let became = match (is_empty(from), is_empty(to)) {
        (true, _) => Became::Added,
        (_, true) => Became::Removed,
        (false, false) => Became::Changed,
    };
    match became {
        Became::Added => count.added = 1,
        Became::Removed => count.removed = 1,
        Became::Changed => count.changed = 1,
    }
    let hunks = text::hunks(Some(from).filter(|value| !is_empty(value)), Some(to).filter(|value| !is_empty(value)));
    (count, vec![bare(part, became, hunks)])
}

/// Helm writes no values as `null` or as an empty table.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Map(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// Compared with their credentials, shown without.
fn notes(from: &Inspected, to: &Inspected) -> (Count, Vec<Difference>) {
    let (count, mut found) = one(Part::Notes, &from.notes, &to.notes);
    for difference in &mut found {
        let hunks = text::lines(&from.release.notes, &to.release.notes);
        let hidden = "(only what is left out as a secret differs)\n".to_owned();
        *difference = bare(Part::Notes, difference.became, if hunks.is_empty() { hidden } else { hunks });
    }
    (count, found)
}

fn bare(part: Part, became: Became, hunks: String) -> Difference {
    let lines = |sign: char| hunks.lines().filter(|line| line.starts_with(sign)).count();
    let (lines_added, lines_removed) = (lines('+'), lines('-'));
    Difference {
        part,
        became,
        object: None,
        template: None,
        fields: Vec::new(),
        only_noise: false,
        hunks,
        lines_added,
        lines_removed,
    }
}

impl Difference {
    fn name(&self) -> String {
        self.object.as_ref().map_or_else(|| self.part.as_str().to_owned(), ToString::to_string)
    }
}

/// How text is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextOptions {
    pub color: bool,
    /// Names and numbers of lines only.
    pub stat: bool,
}

impl Differences {
    pub fn json(&self) -> String {
        report::json::harmless(self)
    }

    pub fn yaml(&self) -> String {
        report::yaml::harmless(self)
    }

    /// For people. No text of a record begins a line: each line of a hunk begins with its sign.
    pub fn text(&self, options: TextOptions) -> String {
        let mut out = format!("--- {}\n+++ {}\n", heading(&self.release, &self.from), heading(&self.release, &self.to));
        if options.stat {
            out += &self.stat();
        } else {
            self.differences.iter().for_each(|difference| out += &block(difference, options.color));
        }
        out += &self.summary();
        for gap in &self.gaps {
            out += &format!("not compared: {}: {}\n", clean(&gap.what), clean(&gap.why));
        }
        out
    }

    fn stat(&self) -> String {
        let row = |difference: &Difference| {
            [
                difference.part.as_str().to_owned(),
                difference.became.word().to_owned(),
                format!("+{}", difference.lines_added),
                format!("-{}", difference.lines_removed),
                difference.name(),
            ]
        };
        let rows: Vec<_> = self.differences.iter().map(row).collect();
        if rows.is_empty() { String::new() } else { table::render(["PART", "BECAME", "+", "-", "NAME"], &rows) }
    }

    fn summary(&self) -> String {
        let parts: Vec<&str> = self.counts.iter().map(|count| count.part.as_str()).collect();
        if self.same {
            return format!("No difference in {}.\n", parts.join(", "));
        }
        let told = |count: &Count| {
            let numbers =
                [(count.added, "added"), (count.removed, "removed"), (count.changed, "changed"), (count.unchanged, "unchanged")];
            let numbers: Vec<String> =
                numbers.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}")).collect();
            let numbers = if numbers.is_empty() { "none".to_owned() } else { numbers.join(", ") };
            format!("{}: {numbers}\n", count.part.as_str())
        };
        self.counts.iter().map(told).collect()
    }
}

fn heading(of: &Of, record: &Brief) -> String {
    let app = if record.app_version.is_empty() { String::new() } else { format!(" (app {})", record.app_version) };
    let updated = record.updated.as_ref().map_or(String::new(), |time| format!(", {time}"));
    let text = format!("{} revision {}, {}, {}{app}{updated}", of.name, record.revision, record.status, record.chart);
    clean(&text).into_owned()
}

fn block(difference: &Difference, color: bool) -> String {
    let noise = if difference.only_noise { ", nothing that matters to what runs" } else { "" };
    let template = difference.template.as_ref().map_or(String::new(), |template| format!("  ({template})"));
    let name = format!("{} {} {}{noise}{template}", difference.part.as_str(), difference.became.word(), difference.name());
    let mut out = format!("\n{}\n", clean(&name));
    for line in difference.hunks.lines() {
        out += &painted(&clean(line), color);
        out.push('\n');
    }
    out.push('\n');
    out
}

fn painted(line: &str, color: bool) -> String {
    use anstyle::AnsiColor;
    let shade = match line.bytes().next() {
        Some(b'+') => AnsiColor::Green,
        Some(b'-') => AnsiColor::Red,
        Some(b'@') => AnsiColor::Cyan,
        _ => return line.to_owned(),
    };
    let style = shade.on_default();
    if color { format!("{style}{line}{style:#}") } else { line.to_owned() }
}

#[cfg(test)]
#[path = "differences_tests.rs"]
mod tests;
