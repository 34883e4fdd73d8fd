//! Rules × changes → findings. Nothing is computed here, only selected and put into words.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::Finding;
use super::file::{Adjust, Rule, Select, Unless};
use super::pattern::{FieldPattern, KindPattern};
use super::set::RuleSet;
use crate::analyze::Change;

/// Every finding of every rule: worst first, then surest, then by rule, object and path.
pub fn apply(rules: &RuleSet, changes: &[Change]) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        changes.iter().flat_map(|change| speaking(rules, change).into_iter().map(|rule| finding(rule, change))).collect();
    findings.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    number_twins(&mut findings);
    findings
}

fn sort_key(finding: &Finding) -> impl Ord + '_ {
    (
        Reverse((finding.severity, finding.confidence)),
        &finding.rule,
        &finding.object,
        &finding.path,
        &finding.message,
        &finding.id,
        &finding.evidence,
    )
}

/// Rules that match the change and that no other matching rule supersedes.
pub fn speaking<'r>(rules: &'r RuleSet, change: &Change) -> Vec<&'r Rule> {
    let matching: Vec<&Rule> = rules.iter().filter(|rule| matches(rule, change)).collect();
    let silenced: BTreeSet<&String> = matching.iter().flat_map(|rule| &rule.supersedes).collect();
    matching.into_iter().filter(|rule| !silenced.contains(&rule.id)).collect()
}

/// Whether the rule is about this change.
pub fn matches(rule: &Rule, change: &Change) -> bool {
    selects(&rule.select, change) && !excepts(&rule.unless, change)
}

fn selects(select: &Select, change: &Change) -> bool {
    (select.change.is_empty() || select.change.contains(&change.kind))
        && (select.kinds.is_empty() || any_kind(&select.kinds, change))
        && (select.fields.is_empty() || any_field(&select.fields, change))
        && select.facts.is_subset(&change.facts)
        && (select.any_facts.is_empty() || !select.any_facts.is_disjoint(&change.facts))
        && has_value(&select.from_values, change, "from")
        && has_value(&select.to_values, change, "to")
}

fn excepts(unless: &Unless, change: &Change) -> bool {
    any_kind(&unless.kinds, change) || any_field(&unless.fields, change) || !unless.facts.is_disjoint(&change.facts)
}

fn has_value(wanted: &[String], change: &Change, param: &str) -> bool {
    wanted.is_empty() || change.params.get(param).is_some_and(|text| wanted.contains(text))
}

fn any_kind(kinds: &[KindPattern], change: &Change) -> bool {
    change.object.as_ref().is_some_and(|id| kinds.iter().any(|kind| kind.matches(id)))
}

fn any_field(fields: &[FieldPattern], change: &Change) -> bool {
    change.path.as_ref().is_some_and(|path| fields.iter().any(|field| field.matches(path)))
}

fn finding(rule: &Rule, change: &Change) -> Finding {
    let adjust = rule.adjust.iter().find(|adjust| adjust.facts.is_subset(&change.facts));
    Finding {
        id: fingerprint(&rule.id, change),
        rule: rule.id.clone(),
        title: rule.title.clone(),
        severity: adjust.map_or(rule.severity, |adjust| adjust.severity),
        confidence: rule.confidence.map_or(change.confidence, |most| most.min(change.confidence)),
        object: change.object.clone(),
        path: change.path.clone(),
        message: message(rule, adjust, change),
        why: rule.why.render(change),
        remediation: rule.remediation.render(change),
        evidence: change.evidence.clone(),
    }
}

fn message(rule: &Rule, adjust: Option<&Adjust>, change: &Change) -> String {
    let message = rule.message.render(change);
    match adjust.and_then(|adjust| adjust.reason.as_ref()) {
        Some(reason) => format!("{message}; {}", reason.render(change)),
        None => message,
    }
}

/// What names a finding across runs: rule, object (without the API version, which may move) and path, and the
/// parameters that tell changes of its kind apart. 16 hex digits.
pub fn fingerprint(rule: &str, change: &Change) -> String {
    let object = change.object.as_ref().map(|id| format!("{}/{id}", id.group()));
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update(part);
        hash.update([0]);
    };
    add(rule);
    add(object.as_deref().unwrap_or(""));
    add(change.path.as_deref().unwrap_or(""));
    for name in change.kind.discriminators() {
        add(change.params.get(name).map_or("", String::as_str));
    }
    short(&hash.finalize())
}

/// Two findings must not share an id: a second one of the same identity gets one of its own, by its place.
fn number_twins(findings: &mut [Finding]) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for finding in findings {
        let count = seen.entry(finding.id.clone()).or_insert(0);
        if *count > 0 {
            finding.id = short(&Sha256::digest(format!("{}#{count}", finding.id)));
        }
        *count += 1;
    }
}

fn short(digest: &[u8]) -> String {
    crate::hex::hex(digest.get(..8).unwrap_or(digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::{ChangeKind, Fact};
    use crate::forecast::Confidence;
    use crate::release::ObjectRef;
    use crate::rules::Severity;

    const RULES: &str = "id: gone\ntitle: x\nseverity: low\nconfidence: likely\nsince: 0.1.0\n\
        match: {change: [object-deleted], kinds: [core/Secret, core/PersistentVolumeClaim]}\n\
        unless: {facts: [not-live]}\n\
        adjust:\n  - {facts: [reclaim-retain], severity: info, reason: it stays}\n  - {facts: [bound-volume], severity: critical}\n\
        message: '{object}'\nwhy: x.\nremediation: x.\n";

    fn rules() -> RuleSet {
        let narrow =
            RULES.replace("id: gone", "id: secret-gone").replace(", core/PersistentVolumeClaim", "") + "supersedes: [gone]\n";
        RuleSet::from_texts(vec![("gone.yaml".into(), RULES.into()), ("secret-gone.yaml".into(), narrow)]).unwrap()
    }

    fn deleted(kind: &str, name: &str) -> Change {
        Change::of(ChangeKind::ObjectDeleted, &ObjectRef::new("v1", kind, Some("prod"), name))
    }

    #[test]
    fn the_first_adjustment_counts_and_confidence_is_capped() {
        let change = deleted("PersistentVolumeClaim", "a").fact(Fact::BoundVolume).fact(Fact::ReclaimRetain);
        let findings = apply(&rules(), &[change]);
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].severity, findings[0].confidence), (Severity::Info, Confidence::Likely));
        assert_eq!(findings[0].message, "PersistentVolumeClaim/prod/a; it stays");
        let possible = deleted("PersistentVolumeClaim", "a").confidence(Confidence::Possible);
        assert_eq!(apply(&rules(), &[possible])[0].confidence, Confidence::Possible);
    }

    #[test]
    fn the_narrower_rule_speaks_and_an_exception_silences() {
        let findings =
            apply(&rules(), &[deleted("Secret", "a"), deleted("ConfigMap", "b"), deleted("Secret", "c").fact(Fact::NotLive)]);
        let spoke: Vec<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
        assert_eq!(spoke, ["secret-gone"]);
    }

    #[test]
    fn worst_first_whatever_the_order_of_changes() {
        let claim = deleted("PersistentVolumeClaim", "z").fact(Fact::BoundVolume);
        let changes = [deleted("Secret", "b"), claim, deleted("Secret", "a")];
        let names = |changes: &[Change]| -> Vec<String> { apply(&rules(), changes).into_iter().map(|f| f.message).collect() };
        let expected = ["PersistentVolumeClaim/prod/z", "Secret/prod/a", "Secret/prod/b"];
        assert_eq!(names(&changes), expected);
        let mut reversed = changes.to_vec();
        reversed.reverse();
        assert_eq!(names(&reversed), expected);
    }

    /// People keep these in waivers: a change here breaks them.
    #[test]
    fn fingerprints_stay_what_they_were() {
        let change = deleted("PersistentVolumeClaim", "cache").with("template", "any");
        assert_eq!(fingerprint("pvc-removed", &change), "404a784de23c0f6e");
        let moved =
            Change { object: change.object.clone().map(|id| ObjectRef { api_version: "v2".into(), ..id }), ..change.clone() };
        assert_eq!(fingerprint("pvc-removed", &moved), fingerprint("pvc-removed", &change));
        assert_ne!(fingerprint("pvc-removed", &change.clone().path("spec")), fingerprint("pvc-removed", &change));
        let ran = |revision: u32| Change::new(ChangeKind::MigrationRan, None).with("revision", revision);
        assert_ne!(fingerprint("migration-stays", &ran(2)), fingerprint("migration-stays", &ran(3)));
    }

    #[test]
    fn twins_get_ids_of_their_own() {
        let findings = apply(&rules(), &[deleted("Secret", "a"), deleted("Secret", "a")]);
        assert_ne!(findings[0].id, findings[1].id);
        assert_eq!(findings[0].id, fingerprint("secret-gone", &deleted("Secret", "a")));
    }
}
