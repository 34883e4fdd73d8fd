//! Pages about rules, written from the rules and their cases: an example that is a test cannot rot.

use std::fmt::Write;

use super::case::{Case, Live, Promise};
use super::file::Rule;
use super::form::confidence_name;
use super::set::RuleSet;
use super::{Finding, Severity};
use crate::analyze::vocabulary::COMMON_PLACEHOLDERS;
use crate::analyze::{ChangeKind, Fact};
use crate::forecast::Confidence;
use crate::k8s::surroundings::Surrounding;

/// A case and what the rule made of it.
pub struct Example<'a> {
    pub case: &'a Case,
    pub finding: Option<&'a Finding>,
}

/// Longest example on a page, in lines.
const MAX_EXAMPLE_LINES: usize = 60;

/// The page of one rule, in Markdown.
pub fn page(rule: &Rule, examples: &[Example]) -> String {
    let mut page = format!("# {}\n\n{}.\n\n{}\n", rule.id, rule.title, facts_table(rule));
    let flagged = examples.iter().find(|example| example.case.promise == Promise::Fires && example.finding.is_some());
    section(&mut page, "Why", &plain(rule.why.as_str()));
    if !rule.adjust.is_empty() {
        section(&mut page, "Severity", &adjustments(rule));
    }
    if let Some(example) = flagged {
        section(&mut page, "Flagged", &flagged_text(example));
    }
    if let Some(example) = examples.iter().find(|example| example.case.promise == Promise::Quiet) {
        section(&mut page, "Not flagged", &example_text(example.case));
    }
    let remediation =
        flagged.and_then(|example| example.finding).map_or(rule.remediation.as_str(), |finding| &finding.remediation);
    section(&mut page, "What to do", &with_commands(remediation));
    if !rule.proof.is_empty() {
        let cases: Vec<String> = rule.proof.iter().map(|case| format!("`{case}`")).collect();
        section(
            &mut page,
            "Shown by",
            &format!("Cases of tests/lab, with real Helms on a real control plane: {}", cases.join(", ")),
        );
    }
    if !rule.references.is_empty() {
        let lines: Vec<String> = rule.references.iter().map(|reference| format!("- <{reference}>")).collect();
        section(&mut page, "References", &lines.join("\n"));
    }
    page
}

fn section(page: &mut String, title: &str, text: &str) {
    // Writing to a String cannot fail.
    let _ = write!(page, "\n## {title}\n\n{}\n", text.trim_end());
}

fn facts_table(rule: &Rule) -> String {
    let confidence = rule.confidence.map_or("that of the change".to_owned(), |most| format!("at most {}", confidence_name(most)));
    let select = &rule.select;
    let mut rows = vec![
        ("severity", rule.severity.as_str().to_owned()),
        ("confidence", confidence),
        ("since", rule.since.clone()),
        ("change", names(&select.change, ChangeKind::as_str)),
        ("kinds", displayed(&select.kinds)),
        ("fields", displayed(&select.fields)),
        ("facts, all", names(&select.facts, Fact::as_str)),
        ("facts, any", names(&select.any_facts, Fact::as_str)),
        ("from value", select.from_values.join(", ")),
        ("to value", select.to_values.join(", ")),
        ("not for kinds", displayed(&rule.unless.kinds)),
        ("not for fields", displayed(&rule.unless.fields)),
        ("not with facts", names(&rule.unless.facts, Fact::as_str)),
        ("reads around the release", names(&rule.needs, Surrounding::as_str)),
        ("speaks instead of", rule.supersedes.join(", ")),
    ];
    rows.retain(|(_, value)| !value.is_empty());
    let lines: Vec<String> = rows.iter().map(|(key, value)| format!("| {key} | {value} |")).collect();
    format!("| | |\n| --- | --- |\n{}", lines.join("\n"))
}

fn names<'a, T: Copy + 'a>(items: impl IntoIterator<Item = &'a T>, name: fn(T) -> &'static str) -> String {
    let names: Vec<&str> = items.into_iter().map(|item| name(*item)).collect();
    names.join(", ")
}

fn displayed<T: ToString>(items: &[T]) -> String {
    let names: Vec<String> = items.iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// Placeholders in words: `revision {from_revision}` reads as `revision <from_revision>`.
fn plain(text: &str) -> String {
    let mut text = text.to_owned();
    let own = ChangeKind::ALL.iter().flat_map(|kind| kind.placeholders().iter().copied());
    for name in COMMON_PLACEHOLDERS.into_iter().chain(own) {
        text = text.replace(&format!("{{{name}}}"), &format!("`<{name}>`"));
    }
    text
}

fn adjustments(rule: &Rule) -> String {
    let mut lines = vec!["The first line that applies counts:".to_owned(), String::new()];
    for adjust in &rule.adjust {
        let reason = adjust.reason.as_ref().map_or(String::new(), |reason| format!(": {}", plain(reason.as_str())));
        lines.push(format!("- **{}** with {}{reason}", adjust.severity.as_str(), names(&adjust.facts, Fact::as_str)));
    }
    lines.push(format!("- **{}** otherwise", rule.severity.as_str()));
    lines.join("\n")
}

fn flagged_text(example: &Example) -> String {
    let finding = example.finding.map_or(String::new(), |finding| {
        format!("\n\n> **{}** ({}): {}", finding.severity.as_str(), confidence_name(finding.confidence), finding.message)
    });
    format!("{}{finding}", example_text(example.case))
}

/// What the rollback does to the manifest, as a diff from *from* to *to*, and what else the case says.
fn example_text(case: &Case) -> String {
    let mut parts: Vec<String> = case.about.clone().into_iter().collect();
    let diff = similar::TextDiff::from_lines(whole(&case.from), whole(&case.to))
        .unified_diff()
        .context_radius(3)
        .header(&record_line(&case.from), &record_line(&case.to))
        .to_string();
    parts.push(if diff.is_empty() { "Both revisions have the same manifest.".to_owned() } else { block("diff", &diff) });
    parts.extend(surroundings(case));
    parts.join("\n\n")
}

fn record_line(record: &super::case::Record) -> String {
    let status = record.status.map_or(String::new(), |status| format!(", {status}"));
    format!("revision {}{status}", record.revision)
}

/// The parts of a case outside the manifests that may have decided.
fn surroundings(case: &Case) -> Vec<String> {
    let live = match &case.live {
        Live::Documents(text) => text.text.as_str(),
        _ => "",
    };
    let lists = [
        ("Flags", case.flags.iter().map(|(_, flag)| flag.clone()).collect()),
        ("Gone from the cluster", case.live_without.clone()),
    ];
    let mut parts: Vec<String> = Vec::new();
    if case.live == Live::Unknown {
        parts.push("The cluster was not asked.".to_owned());
    }
    for (title, items) in lists.into_iter().filter(|(_, items): &(_, Vec<String>)| !items.is_empty()) {
        parts.push(format!("{title}: `{}`", items.join("`, `")));
    }
    for (title, text) in
        [("In the cluster:", live), ("Also in the cluster:", &case.live_also.text), ("Volumes:", &case.volumes.text)]
    {
        if !text.is_empty() {
            parts.push(format!("{title}\n\n{}", block("yaml", text)));
        }
    }
    parts
}

fn block(language: &str, text: &str) -> String {
    let lines: Vec<&str> = text.lines().take(MAX_EXAMPLE_LINES).collect();
    format!("```{language}\n{}\n```", lines.join("\n"))
}

/// Manifest and hooks of a record as one text.
fn whole(record: &super::case::Record) -> String {
    let parts = [record.manifest.text.trim(), record.hooks.text.trim()];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n---\n") + "\n"
}

/// Indented lines are commands: each run of them becomes a block.
fn with_commands(text: &str) -> String {
    let mut out = String::new();
    let mut in_block = false;
    for line in text.lines() {
        let command = line.strip_prefix("  ");
        if command.is_some() != in_block {
            out.push_str(if in_block { "```\n\n" } else { "\n```console\n" });
            in_block = !in_block;
        }
        out.push_str(command.unwrap_or(line));
        out.push('\n');
    }
    if in_block {
        out.push_str("```\n");
    }
    out.trim_start().to_owned()
}

/// `rules list`: one line per rule, worst first within a family as in the index.
pub fn list_text(rules: &RuleSet) -> String {
    let width = rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    let lines: Vec<String> = by_severity(rules)
        .into_iter()
        .map(|rule| format!("{:<8}  {:<9}  {:<width$}  {}", rule.severity.as_str(), family(rule), rule.id, rule.title))
        .collect();
    lines.join("\n") + "\n"
}

/// `rules list --wide`: also what each rule needs to be read, and what shows that it is true.
pub fn list_wide(rules: &RuleSet) -> String {
    let rows = by_severity(rules).into_iter().map(|rule| {
        let title = [rule.severity.as_str(), family(rule), &rule.id].join("  ");
        let needs = names(&rule.needs, Surrounding::as_str);
        let needs = if needs.is_empty() { "manifests, live objects where they can be read".to_owned() } else { needs };
        format!("{title}\n    {}\n    needs  {needs}\n    proof  {}\n", rule.title, proof(rule))
    });
    rows.collect()
}

/// Experiments, or the sources that the rule rests on.
fn proof(rule: &Rule) -> String {
    match (rule.proof.len(), rule.references.first()) {
        (0, None) => "none".to_owned(),
        (0, Some(reference)) => reference.clone(),
        (1, _) => format!("lab: {}", rule.proof.concat()),
        (more, _) => format!("lab: {} and {} more", rule.proof[0], more - 1),
    }
}

/// `rules list -o json`: every rule as its file says it, in the order of ids, with the digest of the set.
pub fn list_json(rules: &RuleSet) -> String {
    let list = serde_json::json!({
        "schema": "rollback-safe/rules/v1",
        "digest": rules.digest(),
        "rules": rules.iter().collect::<Vec<_>>(),
    });
    format!("{list:#}\n")
}

/// `rules explain ID`: the page of a shipped rule, or one written from the rule alone.
///
/// `words` gives the keys, changes and facts that rule files are made of.
pub fn explain(rules: &RuleSet, id: &str) -> Result<String, String> {
    if id == "words" && rules.get(id).is_none() {
        return Ok(format!("# Words of rule files\n\n{}\n", vocabulary()));
    }
    let Some(rule) = rules.get(id) else { return Err(unknown(rules, id)) };
    Ok(super::builtin::page(id).map_or_else(|| page(rule, &[]), str::to_owned))
}

fn unknown(rules: &RuleSet, id: &str) -> String {
    let close = rules.iter().map(|rule| rule.id.as_str()).filter(|known| similar_names(known, id));
    let close: Vec<&str> = close.collect();
    if close.is_empty() {
        format!("there is no rule `{id}`: `rules list` names them all")
    } else {
        format!("there is no rule `{id}`: did you mean {}?", close.join(" or "))
    }
}

fn similar_names(known: &str, typed: &str) -> bool {
    known.contains(typed) || similar::TextDiff::from_chars(known, typed).ratio() > 0.75
}

fn by_severity(rules: &RuleSet) -> Vec<&Rule> {
    let mut list: Vec<&Rule> = rules.iter().collect();
    list.sort_by_key(|rule| (std::cmp::Reverse(rule.severity), &rule.id));
    list
}

/// The catalogue: rules by family, then the words that rule files may use.
pub fn index(rules: &RuleSet) -> String {
    let mut page = "# Rules\n\nWritten from the rule files by `UPDATE_DOCS=1 cargo test --lib rules`; do not edit.\n".to_owned();
    let mut families: Vec<&str> = rules.iter().map(family).collect();
    families.sort_unstable();
    families.dedup();
    for name in families {
        let rows: Vec<String> = by_severity(rules)
            .into_iter()
            .filter(|rule| family(rule) == name)
            .map(|rule| {
                let proof = if rule.proof.is_empty() { "source" } else { "experiment" };
                let needs = names(&rule.needs, Surrounding::as_str);
                format!("| [{0}]({name}/{0}.md) | {1} | {2} | {needs} | {proof} |", rule.id, severities(rule), rule.title)
            })
            .collect();
        section(
            &mut page,
            name,
            &format!(
                "| rule | severity | what happens | reads around the release | rests on |\n| --- | --- | --- | --- | --- |\n{}",
                rows.join("\n")
            ),
        );
    }
    section(&mut page, "Words of rule files", &vocabulary());
    page
}

/// `rules/<family>/<id>.yaml` → `<family>`.
fn family(rule: &Rule) -> &str {
    rule.file.rsplit('/').nth(1).unwrap_or("")
}

/// The severity, and those it may be adjusted to.
fn severities(rule: &Rule) -> String {
    let mut others: Vec<Severity> =
        rule.adjust.iter().map(|adjust| adjust.severity).filter(|other| *other != rule.severity).collect();
    others.sort();
    others.dedup();
    let others: Vec<&str> = others.iter().rev().map(|other| other.as_str()).collect();
    match others.as_slice() {
        [] => rule.severity.as_str().to_owned(),
        others => format!("{} ({})", rule.severity.as_str(), others.join(", ")),
    }
}

fn vocabulary() -> String {
    let changes: Vec<String> = ChangeKind::ALL
        .iter()
        .map(|kind| format!("| `{}` | {} | {} |", kind.as_str(), kind.meaning(), kind.placeholders().join(", ")))
        .collect();
    let facts: Vec<String> = Fact::ALL.iter().map(|fact| format!("| `{}` | {} |", fact.as_str(), fact.meaning())).collect();
    let severities: Vec<&str> = Severity::ALL.iter().map(|severity| severity.as_str()).collect();
    let confidences = [Confidence::Certain, Confidence::Likely, Confidence::Possible].map(confidence_name);
    format!(
        "{KEYS}\n\nSeverities: {}. Confidences: {}.\n\n### Changes\n\nEvery message may use {{{}}}; each change adds its own.\n\n\
         | change | meaning | adds |\n| --- | --- | --- |\n{}\n\n### Facts\n\n| fact | meaning |\n| --- | --- |\n{}",
        severities.join(", "),
        confidences.join(", "),
        COMMON_PLACEHOLDERS.join("}, {"),
        changes.join("\n"),
        facts.join("\n"),
    )
}

/// What each key of a rule file means.
const KEYS: &str = "| key | meaning |\n| --- | --- |\n\
| `id` | lower-case words with dashes; the file is called like it |\n\
| `title` | one line for lists |\n\
| `severity` | how bad it is unless `adjust` says otherwise |\n\
| `confidence` | upper bound of a finding's confidence (optional) |\n\
| `since` | the version that brought the rule |\n\
| `match.change` | kinds of change, one of them |\n\
| `match.kinds` | `Kind`, `group/Kind` or `core/Kind`, one of them (optional) |\n\
| `match.fields` | fields, each with all below it; `*` is any one key; one of them (optional) |\n\
| `match.facts` | all of these hold (optional) |\n\
| `match.any_facts` | at least one of these holds (optional) |\n\
| `unless.kinds`, `.fields`, `.facts` | any one that applies keeps the rule silent (optional) |\n\
| `adjust` | list of `facts` (all hold), `severity` and `reason`; the first that applies counts (optional) |\n\
| `supersedes` | rules that stay silent about a change this rule speaks about (optional) |\n\
| `message` | what happens; `{placeholder}`s are filled in |\n\
| `why` | the mechanism, in sentences |\n\
| `remediation` | what to do; lines indented by two spaces are commands |\n\
| `references` | https addresses (optional) |";
