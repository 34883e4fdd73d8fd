//! Forecast against world, and both against what the case states.

use std::collections::BTreeSet;
use std::fmt::Debug;

use serde_json::Value;

use crate::case::{Case, Expect, Expected};
use crate::observe::Observation;

type Names = BTreeSet<String>;

/// Lines that say what is wrong; empty: nothing.
#[derive(Default)]
pub struct Faults(pub Vec<String>);

impl Faults {
    fn add(&mut self, line: String) {
        self.0.push(line);
    }

    fn equal<T: PartialEq + Debug>(&mut self, what: &str, predicted: &T, observed: &T) {
        if predicted != observed {
            self.add(format!("{what}: predicted {predicted:?}, observed {observed:?}"));
        }
    }

    fn same_names(&mut self, what: &str, predicted: &Names, observed: &Names) {
        let only = |a: &Names, b: &Names| a.difference(b).cloned().collect::<Vec<_>>().join(", ");
        let (too_much, too_little) = (only(predicted, observed), only(observed, predicted));
        if !too_much.is_empty() {
            self.add(format!("{what}: predicted, did not happen: {too_much}"));
        }
        if !too_little.is_empty() {
            self.add(format!("{what}: happened, not predicted: {too_little}"));
        }
    }
}

/// The report's forecast against what happened.
pub fn forecast(report: &Value, case: &Case, seen: &Observation, faults: &mut Faults) {
    let predicted = &report["predicted"];
    let outcome = predicted["outcome"].as_str().unwrap_or("absent");
    if case.expect.race.is_some() {
        return;
    }
    if case.expect.alternative {
        return alternative(predicted, seen, faults);
    }
    if outcome == "unknown" && case.expect.may_be_unknown.is_some() {
        return;
    }
    if outcome != seen.outcome {
        let reason = predicted["reason"].as_str().unwrap_or_default();
        faults.add(format!("outcome: predicted {outcome} ({reason}), observed {}", seen.outcome));
    }
    // Where the release's own namespace goes, no record is left to compare.
    if !seen.records.is_empty() {
        records(predicted, seen, faults);
        let none = Vec::new();
        let pruned: BTreeSet<u32> = predicted["pruned"].as_array().unwrap_or(&none).iter().filter_map(number).collect();
        faults.equal("pruned", &pruned, &seen.pruned);
    }
    // Created and deleted in the same run: neither world shows it.
    let (created, deleted) = (names(&predicted["creates"]), names(&predicted["deletes"]));
    let cascades = names(&predicted["cascades"]);
    let fleeting: Names = created
        .intersection(&deleted)
        .filter(|name| !seen.creates.contains(*name) && !seen.deletes.contains(*name))
        .cloned()
        .collect();
    faults.same_names("deletes", &deleted.difference(&fleeting).cloned().collect(), &seen.deletes);
    faults.same_names("cascades", &lasting(cascades.clone()), &lasting(seen.cascades.clone()));
    faults.same_names("creates", &created.difference(&fleeting).cloned().collect(), &seen.creates);
    adopts(&names(&predicted["adopts"]), seen, faults);
    rejected(&objects(&predicted["rejected"]), seen, faults);
    if seen.outcome == "succeeds" {
        faults.same_names("kept", &names(&predicted["kept"]), &seen.kept);
        let gone = deleted.union(&cascades).cloned().collect();
        not_restored(&objects(&predicted["not_restored"]), &gone, seen, faults);
    }
    hooks(predicted, seen, faults);
}

/// A hook that is started and cannot be created, or whose old run is taken for this one, may be listed or not: its step says
/// what happens to it.
fn hooks(predicted: &Value, seen: &Observation, faults: &mut Faults) {
    let steps = predicted["steps"].as_array().cloned().unwrap_or_default();
    let halted = |step: &&Value| step["action"] == "hook" && matches!(step["result"].as_str(), Some("rejected" | "skipped"));
    let halted: Names =
        steps.iter().filter(halted).filter_map(|step| kind_and_name(step["object"].as_str()?)).map(|(_, name)| name).collect();
    let listed = predicted["hooks"].as_array().cloned().unwrap_or_default();
    let ran = |name: &String| !halted.contains(name);
    let predicted: Vec<String> = listed.iter().filter_map(|hook| text(&hook["name"])).filter(ran).collect();
    let observed: Vec<String> = seen.hooks.iter().filter(|name| ran(name)).cloned().collect();
    faults.equal("hooks", &predicted, &observed);
}

fn alternative(predicted: &Value, seen: &Observation, faults: &mut Faults) {
    let named = predicted["alternatives"].as_array().cloned().unwrap_or_default();
    if !named.iter().any(|alternative| alternative["outcome"] == seen.outcome.as_str())
        && predicted["outcome"] != seen.outcome.as_str()
    {
        faults.add(format!("outcome {} is neither predicted nor among the alternatives: {named:?}", seen.outcome));
    }
}

fn records(predicted: &Value, seen: &Observation, faults: &mut Faults) {
    let mut named = BTreeSet::new();
    for record in predicted["records"].as_array().into_iter().flatten() {
        let Some(revision) = number(&record["revision"]) else {
            continue;
        };
        named.insert(revision);
        let status = text(&record["status"]).unwrap_or_default();
        let now = seen.records.get(&revision).cloned().unwrap_or_else(|| "absent".into());
        faults.equal(&format!("record {revision}"), &status, &now);
    }
    for revision in seen.changed_records.difference(&named) {
        faults.add(format!("record {revision}: became {:?}, not predicted", seen.records.get(revision)));
    }
}

fn adopts(predicted: &Names, seen: &Observation, faults: &mut Faults) {
    for name in seen.adopts.difference(predicted) {
        faults.add(format!("adopts: {name} was taken over, not predicted"));
    }
    for name in predicted.difference(&seen.met) {
        faults.add(format!("adopts: {name} predicted, and it was no live object that only *to* has"));
    }
}

/// Helm's messages name kind and name, seldom the namespace; what it only logs under `--debug` is not seen at all.
fn rejected(predicted: &Names, seen: &Observation, faults: &mut Faults) {
    let short: BTreeSet<(String, String)> = predicted.iter().filter_map(|name| kind_and_name(name)).collect();
    for name in seen.rejected.iter().filter(|name| !is_hook(name, seen)) {
        let found = kind_and_name(name).is_some_and(|(kind, name)| short.iter().any(|(k, n)| *n == name && is_kind(k, &kind)));
        if !found {
            faults.add(format!("rejected: {name}, not predicted"));
        }
    }
    let output = format!("{}{}", seen.output.stdout, seen.output.stderr);
    for name in predicted {
        let Some((_, short)) = kind_and_name(name) else {
            continue;
        };
        if !output.contains(&short) {
            faults.add(format!("rejected: {name} predicted, and Helm does not name it"));
        }
    }
}

/// Hooks that cannot be created are judged as hooks.
fn is_hook(name: &str, seen: &Observation) -> bool {
    kind_and_name(name).is_some_and(|(_, name)| seen.hooks.contains(&name))
}

/// `jobs` (a resource, in `failed to create resource: jobs.batch "x" …`) is the kind `Job`.
fn is_kind(kind: &str, said: &str) -> bool {
    let (kind, said) = (kind.to_lowercase(), said.to_lowercase());
    said == kind || said.strip_suffix('s') == Some(kind.as_str()) || said.strip_suffix("es") == Some(kind.as_str())
}

fn not_restored(predicted: &Names, gone: &Names, seen: &Observation, faults: &mut Faults) {
    for (name, why) in &seen.not_restored {
        // That it is gone was said already.
        if !predicted.contains(name) && !gone.contains(name) {
            faults.add(format!("not restored: {name} {why}, not predicted"));
        }
    }
    // A hook that was not run again is not restored in a sense that no object shows.
    let hooks: Names = seen.hooks.iter().cloned().collect();
    for name in predicted.iter().filter(|name| !seen.not_restored.contains_key(*name)) {
        if kind_and_name(name).is_none_or(|(_, short)| !hooks.contains(&short)) {
            faults.add(format!("not restored: {name} predicted, and it is as *to* says"));
        }
    }
}

/// Rules and verdict that the case states.
pub fn findings(report: &Value, expect: &Expect, faults: &mut Faults) {
    let findings = report["findings"].as_array().cloned().unwrap_or_default();
    let fired: Names = findings.iter().filter_map(|finding| text(&finding["rule"])).collect();
    for rule in expect.rules.difference(&fired) {
        faults.add(format!("rule {rule} did not fire; fired: {fired:?}"));
    }
    for rule in expect.not_rules.intersection(&fired) {
        faults.add(format!("rule {rule} fired"));
    }
    if let Some(limit) = &expect.quiet_from {
        for finding in findings.iter().filter(|finding| rank(&finding["severity"]) >= rank(&Value::from(limit.as_str()))) {
            faults.add(format!("false alarm: {} {} {}", finding["severity"], finding["rule"], finding["message"]));
        }
    }
    if let Some(verdict) = &expect.verdict {
        faults.equal("verdict", &text(&report["verdict"]).unwrap_or_default(), verdict);
    }
}

fn rank(severity: &Value) -> usize {
    let order = ["info", "low", "medium", "high", "critical"];
    order.iter().position(|name| severity == name).unwrap_or(0)
}

/// What the case says of the world, whatever the tool says.
pub fn observed(expected: &Expected, seen: &Observation, faults: &mut Faults) {
    let mut check = |what: &str, expected: Option<&dyn Debug>, holds: bool, got: &dyn Debug| {
        if let Some(expected) = expected
            && !holds
        {
            faults.add(format!("lab: {what} expected {expected:?}, got {got:?}"));
        }
    };
    macro_rules! part {
        ($name:ident, $got:expr) => {
            let got = $got;
            check(
                stringify!($name),
                expected.$name.as_ref().map(|e| e as &dyn Debug),
                expected.$name.as_ref() == Some(&got),
                &got,
            );
        };
    }
    part!(outcome, seen.outcome.clone());
    part!(pruned, seen.pruned.clone());
    part!(deletes, seen.deletes.clone());
    part!(cascades, lasting(seen.cascades.clone()));
    part!(creates, seen.creates.clone());
    part!(adopts, seen.adopts.clone());
    part!(rejected, seen.rejected.clone());
    part!(kept, seen.kept.clone());
    part!(not_restored, seen.not_restored.keys().cloned().collect::<Names>());
    part!(terminating, seen.terminating.clone());
    part!(hooks, seen.hooks.clone());
    for (revision, status) in &expected.records {
        let got = seen.records.get(revision);
        check("record", Some(&(revision, status)), got == Some(status), &got);
    }
    let output = format!("{}{}", seen.output.stdout, seen.output.stderr);
    for said in &expected.says {
        check("output", Some(said), output.contains(said.as_str()), &"another text");
    }
    for said in &expected.says_not {
        check("no output", Some(said), !output.contains(said.as_str()), &"that text");
    }
}

/// Volumes have names that no case can know: `PersistentVolume/*` stands for all of them. Records are compared as records.
fn lasting(names: Names) -> Names {
    let is_record = |name: &String| name.starts_with("Secret/") && name.contains("/sh.helm.release.v1.");
    names
        .into_iter()
        .filter(|name| !is_record(name))
        .map(|name| if name.starts_with("PersistentVolume/") { "PersistentVolume/*".into() } else { name })
        .collect()
}

fn kind_and_name(name: &str) -> Option<(String, String)> {
    let (kind, rest) = name.split_once('/')?;
    Some((kind.to_owned(), rest.rsplit('/').next()?.to_owned()))
}

fn names(list: &Value) -> Names {
    list.as_array().into_iter().flatten().filter_map(text).collect()
}

fn objects(list: &Value) -> Names {
    list.as_array().into_iter().flatten().filter_map(|entry| text(&entry["object"])).collect()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn number(value: &Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}
