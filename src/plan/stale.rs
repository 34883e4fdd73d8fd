//! Between a plan and its execution: what moved that matters?

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::bound::{Bound, Record};
use super::evidence;
use super::model::Body;
use crate::report::{Finding, Predicted, Report};

/// One kind of thing a plan binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    Validity,
    Cluster,
    Driver,
    Namespace,
    Release,
    Revision,
    Status,
    Record,
    Helm,
    Flags,
    Rules,
    Policy,
    Finding,
    Evidence,
    Gap,
    Forecast,
}

impl What {
    /// The word that a refusal begins with.
    pub fn as_str(self) -> &'static str {
        match self {
            What::Validity => "validity",
            What::Cluster => "cluster",
            What::Driver => "storage driver",
            What::Namespace => "namespace",
            What::Release => "release",
            What::Revision => "revision",
            What::Status => "status",
            What::Record => "record",
            What::Helm => "Helm",
            What::Flags => "flags",
            What::Rules => "rules",
            What::Policy => "policy",
            What::Finding => "finding",
            What::Evidence => "evidence",
            What::Gap => "gap",
            What::Forecast => "forecast",
        }
    }
}

/// One thing that is not as the plan binds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    pub what: What,
    pub text: String,
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what.as_str(), self.text)
    }
}

/// What was read now.
#[derive(Clone, Copy, Debug)]
pub struct Now<'a> {
    pub bound: &'a Bound,
    pub report: &'a Report,
    pub at: Timestamp,
    /// Findings that somebody accepted.
    pub accepted: &'a BTreeSet<String>,
}

/// Everything that moved, causes before consequences; empty if the plan still holds.
///
/// Where another record is the newest, another rollback is forecast, and its findings are no news about this one.
pub fn moved(plan: &Body, now: &Now<'_>) -> Vec<Moved> {
    let mut list = List::default();
    list.expired(plan, now.at);
    list.place(&plan.bound, now.bound);
    let same_ends = list.records(&plan.bound, now);
    list.circumstances(&plan.bound, now.bound);
    if same_ends {
        list.findings(plan, now);
        list.gaps(&plan.report, now.report);
        list.forecast(&plan.report.predicted, &now.report.predicted);
    }
    list.0
}

/// The plan is too old, whatever else is so.
pub fn expired(plan: &Body, at: Timestamp) -> Option<Moved> {
    let text = format!("the plan was valid until {}", plan.valid_until);
    (at >= plan.valid_until).then_some(Moved { what: What::Validity, text })
}

/// The cluster is another one, or can no longer be told. A plan made without knowing its cluster is held by its records alone.
pub fn other_cluster(plan: &Bound, now: Option<&str>) -> Option<Moved> {
    let was = plan.cluster.as_deref()?;
    let text = match now {
        Some(is) if is == was => return None,
        Some(is) => format!("the plan is for the cluster whose kube-system has the uid {was}, this one's is {is}"),
        None => format!("the plan is for the cluster whose kube-system has the uid {was}; the uid of this one cannot be read"),
    };
    Some(Moved { what: What::Cluster, text })
}

#[derive(Default)]
struct List(Vec<Moved>);

impl List {
    fn add(&mut self, what: What, text: impl Into<String>) {
        self.0.push(Moved { what, text: text.into() });
    }

    fn changed(&mut self, what: What, was: &str, is: &str) {
        if was != is {
            self.add(what, format!("was {was}, is now {is}"));
        }
    }

    fn expired(&mut self, plan: &Body, at: Timestamp) {
        self.0.extend(expired(plan, at));
    }

    fn place(&mut self, was: &Bound, is: &Bound) {
        self.0.extend(other_cluster(was, is.cluster.as_deref()));
        self.changed(What::Driver, &was.driver, &is.driver);
        self.changed(What::Namespace, &was.namespace, &is.namespace);
        self.changed(What::Release, &was.release, &is.release);
    }

    /// Whether the same two records are compared.
    fn records(&mut self, was: &Bound, now: &Now<'_>) -> bool {
        let is = now.bound;
        if is.from() > was.from() {
            let from = &now.report.release.from;
            let text = format!("there is a new revision {} ({}, {})", from.revision, from.status, from.chart);
            self.add(What::Revision, text);
        } else if is.from() < was.from() {
            self.add(What::Revision, format!("revision {} is gone, the newest is now {}", was.from(), is.from()));
        }
        if was.to() != is.to() {
            self.add(What::Revision, format!("the target was {}, is now {}", was.to(), is.to()));
        }
        if (was.from(), was.to()) != (is.from(), is.to()) {
            return false;
        }
        for old in &was.records {
            match is.record(old.revision) {
                Some(new) => self.record(old, new),
                None => self.add(What::Revision, format!("revision {} is gone", old.revision)),
            }
        }
        for new in is.records.iter().filter(|new| was.record(new.revision).is_none()) {
            self.add(What::Revision, format!("there is a new revision {} in between", new.revision));
        }
        true
    }

    fn record(&mut self, was: &Record, is: &Record) {
        let revision = was.revision;
        if was.status != is.status {
            self.add(What::Status, format!("revision {revision} was {}, is now {}", was.status, is.status));
        }
        if was.uid != is.uid {
            self.add(What::Record, format!("the record of revision {revision} was deleted and made anew"));
        } else if was.resource_version != is.resource_version || was.content != is.content {
            self.add(What::Record, format!("the record of revision {revision} was rewritten"));
        }
    }

    fn circumstances(&mut self, was: &Bound, is: &Bound) {
        let version = |helm: &Option<String>| helm.clone().unwrap_or_else(|| "unknown".to_owned());
        self.changed(What::Helm, &version(&was.helm), &version(&is.helm));
        if was.flags != is.flags {
            self.add(What::Flags, differences(&was.flags, &is.flags).join(", "));
        }
        if was.rules != is.rules {
            self.add(What::Rules, "the rules in force are not those the plan was judged by");
        }
        if was.gate != is.gate {
            self.add(What::Policy, differences(&was.gate, &is.gate).join(", "));
        } else if was.policy != is.policy {
            self.add(What::Policy, "the demands on acceptance are not those of the plan");
        }
    }

    fn findings(&mut self, plan: &Body, now: &Now<'_>) {
        let (was, is) = (by_id(&plan.report), by_id(now.report));
        for (id, new) in &is {
            match was.get(id) {
                None => self.add(What::Finding, format!("new, {}: {} ({})", new.severity.as_str(), new.message, new.rule)),
                Some(old) => self.finding(old, new, plan, now),
            }
        }
        for (_, old) in was.iter().filter(|(id, _)| !is.contains_key(*id)) {
            self.add(What::Finding, format!("no longer there: {} ({})", old.message, old.rule));
        }
    }

    /// Evidence that changed counts where somebody decided on it, or where it closes the gate.
    fn finding(&mut self, was: &Finding, is: &Finding, plan: &Body, now: &Now<'_>) {
        let waived = |finding: &Finding| if finding.waived.is_some() { "waived" } else { "not waived" };
        let changes = [(was.severity.as_str(), is.severity.as_str()), (waived(was), waived(is))];
        for (was_word, is_word) in changes.into_iter().filter(|(a, b)| a != b) {
            self.add(What::Finding, format!("was {was_word}, is now {is_word}: {} ({})", is.message, is.rule));
        }
        if was.confidence != is.confidence {
            let text = format!("was {}, is now {}: {} ({})", was.confidence, is.confidence, is.message, is.rule);
            self.add(What::Finding, text);
        }
        let decided = now.accepted.contains(&was.id) || is.severity >= plan.bound.gate.fail_on;
        if decided && evidence::digest(was) != evidence::digest(is) {
            self.add(What::Evidence, format!("what this rests on has changed: {} ({})", is.message, is.rule));
        }
    }

    /// Only what the comparison needed: a failed read that nothing needed decides nothing.
    fn gaps(&mut self, was: &Report, is: &Report) {
        let blocking = |report: &Report| -> BTreeSet<String> {
            report.gaps.iter().filter(|gap| gap.blocks).map(|gap| evidence::steady(&gap.what)).collect()
        };
        let (was, is) = (blocking(was), blocking(is));
        for new in is.difference(&was) {
            self.add(What::Gap, format!("{new} is needed and cannot be read"));
        }
        for gone in was.difference(&is) {
            self.add(What::Gap, format!("{gone} can be read now"));
        }
    }

    /// What will happen; reasons in words are left out.
    fn forecast(&mut self, was: &Predicted, is: &Predicted) {
        let outcome = |predicted: &Predicted| predicted.outcome.to_string();
        self.changed(What::Forecast, &outcome(was), &outcome(is));
        let (was, is) = (steps(was), steps(is));
        for new in is.difference(&was) {
            self.add(What::Forecast, format!("now {new}"));
        }
        for gone in was.difference(&is) {
            self.add(What::Forecast, format!("no longer {gone}"));
        }
    }
}

fn by_id(report: &Report) -> BTreeMap<&str, &Finding> {
    report.findings.iter().map(|finding| (finding.id.as_str(), finding)).collect()
}

/// Each thing the forecast says, in a few words.
fn steps(predicted: &Predicted) -> BTreeSet<String> {
    let mut lines: BTreeSet<String> = [format!("applied {}", word(&predicted.method))].into();
    lines.extend(predicted.steps.iter().map(|step| format!("{} {}: {}", word(&step.action), step.object, word(&step.result))));
    lines.extend(predicted.records.iter().map(|record| format!("revision {} ends {}", record.revision, record.status)));
    lines.extend(predicted.pruned.iter().map(|revision| format!("revision {revision} is pruned")));
    lines.extend(predicted.cascades.iter().map(|object| format!("{object} goes with it")));
    lines.extend(predicted.adopts.iter().map(|object| format!("{object} is taken over")));
    lines.extend(predicted.kept.iter().map(|object| format!("{object} is kept")));
    lines.extend(predicted.not_restored.iter().map(|entry| format!("{} is not restored", entry.object)));
    lines.extend(predicted.rejected.iter().map(|entry| format!("{} {} is refused", entry.object, entry.field)));
    lines.extend(predicted.hooks.iter().map(|hook| format!("hook {} runs at {}", hook.name, word(&hook.event))));
    lines.extend(predicted.alternatives.iter().map(|other| format!("{} if {}", other.outcome, evidence::steady(&other.when))));
    lines
}

/// A value as the report writes it.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => other.unwrap_or_default().to_string(),
    }
}

/// The members of two records of one kind that differ.
fn differences<T: Serialize>(was: &T, is: &T) -> Vec<String> {
    let members = |value: &T| match serde_json::to_value(value) {
        Ok(serde_json::Value::Object(members)) => members,
        _ => serde_json::Map::new(),
    };
    let (was, is) = (members(was), members(is));
    let differs = was.iter().filter_map(|(name, old)| {
        let new = is.get(name)?;
        (old != new).then(|| format!("{} was {old}, is now {new}", name.replace('_', "-")))
    });
    differs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::{Outcome, StepResult};
    use crate::gate::{GatePolicy, OnInconclusive};
    use crate::input::{Gap, Input, Known};
    use crate::plan::bound::Policy;
    use crate::plan::sample;
    use crate::policy::approvals::Approvals;
    use crate::release::Status;
    use crate::report::Waiver;
    use crate::rules::Severity;

    /// All that can be read anew, before it is looked at.
    struct World {
        input: Input,
        report: Report,
        cluster: Option<String>,
        gate: GatePolicy,
        approvals: Approvals,
        at: Timestamp,
        accepted: BTreeSet<String>,
    }

    impl World {
        fn of_the_plan() -> World {
            let input = sample::input();
            World {
                report: sample::report(&input),
                input,
                cluster: Some("cluster-1".to_owned()),
                gate: GatePolicy::default(),
                approvals: Approvals::default(),
                at: sample::time("2026-03-01T12:00:00Z"),
                accepted: BTreeSet::new(),
            }
        }

        fn moved(&self) -> Vec<Moved> {
            let policy = Policy { gate: &self.gate, approvals: &self.approvals };
            let bound = Bound::of(&self.input, &self.report, self.cluster.as_deref(), &policy);
            let now = Now { bound: &bound, report: &self.report, at: self.at, accepted: &self.accepted };
            moved(&sample::plan().plan, &now)
        }
    }

    type Change = fn(&mut World);

    /// Each bound input by itself, with the name that the refusal has to give it.
    const BOUND: &[(What, &str, Change)] = &[
        (What::Validity, "valid until", |w| w.at = sample::time("2026-03-02T09:00:00Z")),
        (What::Cluster, "cluster-2", |w| w.cluster = Some("cluster-2".into())),
        (What::Cluster, "cannot be read", |w| w.cluster = None),
        (What::Driver, "configmaps", |w| w.input.driver = "configmaps".into()),
        (What::Namespace, "is now test", |w| w.input.namespace = "test".into()),
        (What::Release, "is now shop2", |w| w.input.from.name = "shop2".into()),
        (What::Revision, "new revision 8 (deployed", |w| {
            w.input.from.revision = 8;
            w.report.release.from.revision = 8;
        }),
        (What::Revision, "revision 7 is gone", |w| w.input.from.revision = 6),
        (What::Revision, "the target was 5, is now 4", |w| w.input.to.revision = 4),
        (What::Revision, "revision 6 is gone", |w| w.input.between.clear()),
        (What::Status, "revision 7 was deployed, is now failed", |w| w.input.from.status = Status::Failed),
        (What::Status, "revision 5 was", |w| w.input.to.status = Status::Uninstalled),
        (What::Status, "revision 6 was", |w| w.input.between[0].status = Status::Superseded),
        (What::Record, "of revision 7 was rewritten", |w| w.input.from.stored.resource_version = Some("999".into())),
        (What::Record, "of revision 5 was deleted and made anew", |w| w.input.to.stored.uid = Some("other".into())),
        (What::Record, "of revision 6 was rewritten", |w| {
            w.input.history[1].stored.resource_version = Some("999".into());
        }),
        (What::Helm, "is now 3.22.0", |w| w.report.release.helm = Some("3.22.0".into())),
        (What::Helm, "is now unknown", |w| w.report.release.helm = None),
        (What::Flags, "no-hooks was false, is now true", |w| w.input.flags.no_hooks = true),
        (What::Flags, "history-max was 10, is now 5", |w| w.input.flags.history_max = 5),
        (What::Flags, "timeout", |w| w.input.flags.timeout = Some("1s".into())),
        (What::Rules, "rules in force", |w| w.report.tool.rules_digest = "sha256:1".into()),
        (What::Policy, "fail-on", |w| w.gate.fail_on = Severity::Low),
        (What::Policy, "on-inconclusive", |w| w.gate.on_inconclusive = OnInconclusive::Allow),
        (What::Policy, "demands on acceptance", |w| w.approvals.require = [(Severity::Critical, 2)].into()),
        (What::Finding, "new, high", |w| w.report.findings.push(sample::finding("image-gone", Severity::High))),
        (What::Finding, "new, info", |w| w.report.findings.push(sample::finding("a-note", Severity::Info))),
        (What::Finding, "no longer there", |w| drop(w.report.findings.remove(0))),
        (What::Finding, "was critical, is now high", |w| w.report.findings[0].severity = Severity::High),
        (What::Finding, "was not waived, is now waived", |w| {
            w.report.findings[0].waived = Some(Waiver { reason: "known".into(), ..Waiver::default() });
        }),
        (What::Evidence, "pvc-removed", |w| w.report.findings[0].evidence[0].text = "Retain".into()),
        (What::Gap, "needed and cannot be read", |w| {
            w.report.gaps.push(Gap::new("live Service/prod/web", "forbidden").blocking())
        }),
        (What::Forecast, "was succeeds, is now fails", |w| w.report.predicted.outcome = Outcome::Fails),
        (What::Forecast, "now patch ConfigMap/prod/settings: rejected", |w| {
            w.report.predicted.steps[0].result = StepResult::Rejected;
        }),
        (What::Forecast, "Widget/prod/a goes with it", |w| w.report.predicted.cascades.push("Widget/prod/a".into())),
        (What::Forecast, "revision 5 is pruned", |w| w.report.predicted.pruned.push(5)),
    ];

    #[test]
    fn each_bound_input_is_named_when_it_moves_by_itself() {
        assert_eq!(World::of_the_plan().moved(), [], "nothing moved");
        for (row, (what, text, change)) in BOUND.iter().enumerate() {
            let mut world = World::of_the_plan();
            change(&mut world);
            let moved = world.moved();
            assert!(moved.iter().all(|moved| moved.what == *what), "row {row}: {moved:?}");
            assert!(moved.iter().any(|moved| moved.text.contains(text)), "row {row}: {moved:?}");
        }
    }

    /// Each input that decides nothing.
    const IRRELEVANT: &[Change] = &[
        |w| w.at = sample::time("2026-03-02T08:59:59Z"),
        |w| w.report.tool.version = "9.9.9".into(),
        |w| w.report.digest = "sha256:9".into(),
        |w| w.input.facts.now = Known::Yes(sample::time("2026-03-01T12:00:00Z")),
        |w| w.input.facts.server_version = Known::Yes("1.37.0".into()),
        |w| w.report.release.from.last_deployed = None,
        |w| w.report.release.target.reason = "asked for".into(),
        |w| w.report.predicted.reason = "other words".into(),
        |w| w.report.predicted.steps[0].why = Some("other words".into()),
        |w| w.report.findings[0].message = "other words".into(),
        |w| w.report.findings[0].evidence[1].text = "Pod/prod/web-77cf5d9f7b-zzv4d uses it since 2026-03-01T11:00:00Z".into(),
        |w| w.report.findings[1].evidence[0].text = "below the gate".into(),
        |w| w.report.gaps.push(Gap::new("nodes", "forbidden: list nodes")),
        |w| w.input.history[0].stored.key = "other".into(),
        |w| w.accepted = ["id-pvc-removed".to_owned()].into(),
    ];

    #[test]
    fn what_does_not_matter_may_move() {
        for (row, change) in IRRELEVANT.iter().enumerate() {
            let mut world = World::of_the_plan();
            change(&mut world);
            assert_eq!(world.moved(), [], "row {row}");
        }
    }

    #[test]
    fn evidence_below_the_gate_counts_where_it_was_accepted() {
        let mut world = World::of_the_plan();
        world.report.findings[1].evidence[0].text = "something else".into();
        assert_eq!(world.moved(), []);
        world.accepted = [world.report.findings[1].id.clone()].into();
        assert!(matches!(world.moved().as_slice(), [Moved { what: What::Evidence, .. }]), "{:?}", world.moved());
    }

    #[test]
    fn records_without_an_identity_are_bound_by_their_redacted_content() {
        let mut world = World::of_the_plan();
        world.input.from.stored = Default::default();
        let policy = Policy { gate: &world.gate, approvals: &world.approvals };
        let bound = Bound::of(&world.input, &world.report, None, &policy);
        let mut plan = sample::plan().plan;
        plan.bound = bound;
        world.cluster = None;
        world.input.from.notes = "rewritten".into();
        let bound = Bound::of(&world.input, &world.report, None, &policy);
        let now = Now { bound: &bound, report: &world.report, at: world.at, accepted: &world.accepted };
        let moved = moved(&plan, &now);
        assert!(matches!(moved.as_slice(), [Moved { what: What::Record, .. }]), "{moved:?}");
    }
}
