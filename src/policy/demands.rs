//! Freeze windows, how far back a target may lie, and evidence that must be there.

use jiff::Timestamp;

use super::effective::{Effective, Sourced};
use super::judge::{EVIDENCE, FREEZE, Own, TARGET};
use super::model::{Demand, Proof};
use crate::input::{Gap, Input, Known, LiveObject};
use crate::k8s::surroundings::Surrounding;
use crate::release::{ObjectRef, Value};
use crate::report::Finding;
use crate::rules::{Evidence, EvidenceSource};

/// Clocks differ by so much, in seconds, without anybody lying about a time.
const SKEW: i64 = 300;

/// Findings of the policy itself. What cannot be read is a gap that blocks.
pub(super) fn run(effective: &Effective, input: &Input, gaps: &mut Vec<Gap>) -> Vec<Finding> {
    let mut found: Vec<Own> = effective.freeze.iter().filter(|freeze| freeze.value.holds(effective.now)).map(frozen).collect();
    found.extend(effective.max_back.as_ref().and_then(|limit| too_far(limit, input)));
    found.extend(effective.max_age.as_ref().and_then(|limit| too_old(limit, input, effective.now, gaps)));
    for demand in &effective.evidence {
        found.extend(missing(demand, input, effective.now, gaps));
    }
    found.into_iter().map(|own| own.finding(effective.closing)).collect()
}

/// Says nothing about the present moment, so that the report stays the same as long as the freeze holds.
fn frozen(freeze: &Sourced<super::time::Freeze>) -> Own<'_> {
    let window = freeze.value.describe();
    Own {
        rule: FREEZE,
        title: "A freeze window holds",
        object: None,
        key: &freeze.source,
        message: format!("Nothing is to be rolled back now: {} ({window}).", freeze.value.reason),
        why: format!("The policy freezes changes in this window ({}).", freeze.source),
        remediation: "Wait for the end of the window, or have the report accepted by somebody who may.".to_owned(),
        evidence: Vec::new(),
    }
}

fn too_far<'a>(limit: &'a Sourced<u32>, input: &Input) -> Option<Own<'a>> {
    let back = input.from.revision.saturating_sub(input.to.revision);
    (back > limit.value).then(|| Own {
        rule: TARGET,
        title: "The target lies too far back",
        object: None,
        key: "max_back",
        message: format!(
            "Revision {} lies {back} revisions before revision {}; the policy allows {}.",
            input.to.revision, input.from.revision, limit.value
        ),
        why: format!("The farther back, the less was ever tried together ({}).", limit.source),
        remediation: "Choose a newer revision, or go forward with a fix.".to_owned(),
        evidence: Vec::new(),
    })
}

fn too_old<'a>(limit: &'a Sourced<super::time::Age>, input: &Input, now: Timestamp, gaps: &mut Vec<Gap>) -> Option<Own<'a>> {
    let Some(time) = input.to.last_deployed.as_ref().and_then(|text| text.parse::<Timestamp>().ok()) else {
        let gap = Gap::new(format!("age of revision {}", input.to.revision), "the record has no time that can be read");
        gaps.push(gap.affecting(TARGET).blocking());
        return None;
    };
    limit.value.is_exceeded(time, now).then(|| Own {
        rule: TARGET,
        title: "The target is too old",
        object: None,
        key: "max_age",
        message: format!(
            "Revision {} is of {time}, older than the {} that the policy allows.",
            input.to.revision, limit.value.text
        ),
        why: format!("What surrounds a release moves on: images, certificates, other services ({}).", limit.source),
        remediation: "Choose a newer revision, or go forward with a fix.".to_owned(),
        evidence: Vec::new(),
    })
}

/// One finding for each object without the evidence, and one where no object could have it.
fn missing<'a>(demand: &'a Sourced<Demand>, input: &Input, now: Timestamp, gaps: &mut Vec<Gap>) -> Vec<Own<'a>> {
    let objects = matching(&demand.value, input);
    if objects.is_empty() && demand.value.proof != Proof::VolumeSnapshot {
        let why = format!("no object of revision {} is {}", input.from.revision, demand.value.object);
        return vec![lacking(demand, None, why, Vec::new())];
    }
    let mut found = Vec::new();
    for id in objects {
        match shown(&demand.value, &id, input, now) {
            Known::Yes(Ok(())) => {}
            Known::Yes(Err((why, evidence))) => found.push(lacking(demand, Some(id), why, evidence)),
            Known::No(why) => {
                gaps.push(Gap::new(format!("{} of {id}", demand.value.name), why).affecting(EVIDENCE).blocking());
            }
        }
    }
    found
}

fn lacking<'a>(demand: &'a Sourced<Demand>, object: Option<ObjectRef>, why: String, evidence: Vec<Evidence>) -> Own<'a> {
    let (name, age) = (&demand.value.name, &demand.value.younger_than.text);
    Own {
        rule: EVIDENCE,
        title: "Evidence that the policy demands is missing",
        object,
        key: name,
        message: format!("There is no {name} younger than {age}: {why}."),
        why: format!("The policy lets nothing be rolled back without it ({}).", demand.source),
        remediation: format!("Make it ({name}), then check again."),
        evidence,
    }
}

fn matching(demand: &Demand, input: &Input) -> Vec<ObjectRef> {
    let named = input.from.objects.iter().map(|object| object.id.clone());
    let made = input.facts.set_claims.values().filter_map(Known::yes).flatten().map(claim);
    let mut all: Vec<ObjectRef> = named.chain(made).filter(|id| demand.object.matches(id)).collect();
    if demand.proof == Proof::VolumeSnapshot {
        all.retain(|id| id.is("", "PersistentVolumeClaim"));
    }
    all.sort();
    all.dedup();
    all
}

fn claim(live: &LiveObject) -> ObjectRef {
    ObjectRef::new("v1", "PersistentVolumeClaim", live.body.at(&["metadata", "namespace"]).as_str(), live.name())
}

type Answer = Result<(), (String, Vec<Evidence>)>;

fn shown(demand: &Demand, id: &ObjectRef, input: &Input, now: Timestamp) -> Known<Answer> {
    match &demand.proof {
        Proof::Annotation(key) => annotated(demand, key, id, input, now),
        Proof::VolumeSnapshot => snapped(demand, id, input, now),
    }
}

/// An annotation that stands in a manifest is the chart's word, not what a backup left behind.
fn annotated(demand: &Demand, key: &str, id: &ObjectRef, input: &Input, now: Timestamp) -> Known<Answer> {
    let manifests = input.from.objects.iter().chain(&input.to.objects);
    let own = manifests.filter(|object| object.id == *id).any(|object| has_annotation(&object.body, key));
    let live = match live(id, input) {
        Known::Yes(Some(live)) => live,
        Known::Yes(None) => return Known::Yes(Err((format!("{id} does not exist"), Vec::new()))),
        Known::No(why) => return Known::No(why),
    };
    let Some(text) = live.annotation(key) else {
        return Known::Yes(Err((format!("{id} has no annotation {key}"), Vec::new())));
    };
    let evidence =
        Evidence { source: EvidenceSource::Live, at: format!("{id} metadata.annotations[\"{key}\"]"), text: text.to_owned() };
    let answer = match text.parse::<Timestamp>() {
        _ if own => Err("the chart itself sets that annotation".to_owned()),
        Ok(time) => young(demand, time, now),
        Err(_) => Err("the annotation holds no time (RFC 3339)".to_owned()),
    };
    Known::Yes(answer.map_err(|why| (why, vec![evidence])))
}

fn has_annotation(body: &Value, key: &str) -> bool {
    !body.at(&["metadata", "annotations"]).get(key).is_null()
}

fn live<'a>(id: &ObjectRef, input: &'a Input) -> Known<Option<&'a LiveObject>> {
    let of_set = input.facts.set_claims.values().filter_map(Known::yes).flatten().find(|live| claim(live) == *id);
    match of_set {
        Some(live) => Known::Yes(Some(live)),
        None => input.facts.live_of(id),
    }
}

/// A time in the future is no evidence either.
fn young(demand: &Demand, time: Timestamp, now: Timestamp) -> Result<(), String> {
    if time.duration_since(now).as_secs() > SKEW {
        Err(format!("{time} lies in the future"))
    } else if demand.younger_than.is_exceeded(time, now) {
        Err(format!("the last one is of {time}"))
    } else {
        Ok(())
    }
}

/// VolumeSnapshots are made by controllers after the claim (snapshot.storage.k8s.io/v1 `status.creationTime`).
fn snapped(demand: &Demand, id: &ObjectRef, input: &Input, now: Timestamp) -> Known<Answer> {
    let snapshots = match input.facts.around(Surrounding::VolumeSnapshots, id.namespace.as_deref()) {
        Known::Yes(found) => found,
        Known::No(why) => return Known::No(why),
    };
    let of_claim = |live: &&LiveObject| {
        live.body.at(&["spec", "source", "persistentVolumeClaimName"]).as_str() == Some(&id.name)
            && live.body.at(&["status", "readyToUse"]).as_bool() == Some(true)
    };
    let times = snapshots
        .iter()
        .filter(of_claim)
        .filter_map(|live| live.body.at(&["status", "creationTime"]).as_str().and_then(|text| text.parse::<Timestamp>().ok()));
    Known::Yes(match times.max() {
        None => Err((format!("{id} has no VolumeSnapshot that is ready to use"), Vec::new())),
        Some(time) => young(demand, time, now).map_err(|why| (why, Vec::new())),
    })
}
