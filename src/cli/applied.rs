//! A plan that was carried out already: recognised by the record it led to, and looked at again.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::execute::command::Place;
use crate::execute::record::{self, Wanted};
use crate::execute::{self, HelmExit, Ran, Verdict, Verification};
use crate::exit::ExitStatus;
use crate::forecast::{Forecast, NotRestored, RecordForecast, Step};
use crate::input::{Input, RevisionEntry, RevisionInfo};
use crate::load::{self, Progress};
use crate::plan::Body;
use crate::release::{ObjectRef, Release, Status};
use crate::report::Predicted;
use crate::settings::{LoadOptions, TargetRequest};

use super::run::Session;

/// Whether this record is the one that carrying out the plan makes: the next number, restoring the plan's target, written
/// after the plan was made. A `helm rollback` that somebody typed leaves the same, and has done the same.
pub fn is_own(plan: &Body, newest: &Release) -> bool {
    let bound = &plan.bound;
    let wanted = Wanted {
        release: &bound.release,
        from: bound.from(),
        to: bound.to(),
        description: bound.flags.description.as_deref(),
        started: plan.made.at,
    };
    let info = RevisionInfo {
        status: newest.status,
        description: newest.description.clone(),
        restores: newest.restores(),
        chart: newest.chart.name.clone(),
        last_deployed: newest.last_deployed.clone(),
    };
    let entry = RevisionEntry { revision: newest.revision, stored: newest.stored.clone(), record: Some(info), undecodable: None };
    record::sort(&wanted, &[entry], &BTreeMap::new()).ours.is_some()
}

/// The same, where the target can no longer be read.
pub async fn newest_is_own(plan: &Body, session: &Session<'_>) -> bool {
    before(plan, session).await.is_ok_and(|now| is_own(plan, &now.from))
}

/// The release as it is now, beside the record that was the newest when the plan was made.
async fn before(plan: &Body, session: &Session<'_>) -> Result<Input> {
    let target = TargetRequest::Revision(plan.bound.from());
    let options = LoadOptions { target, ..session.settings.load.clone() };
    load::input(&options, session.redactor, &() as &dyn Progress).await
}

/// Says that the plan was carried out, and whether the result is what it forecast.
pub async fn verify(plan: &Body, session: &Session<'_>) -> Result<ExitStatus> {
    let now = match before(plan, session).await {
        Ok(now) => now,
        Err(error) => return Ok(unverified(plan, session, &format!("revision {} cannot be read: {error:#}", plan.bound.from()))),
    };
    let own = &now.from;
    let say = |text: &str| session.console.note(text, session.redactor);
    say(&format!(
        "This plan was carried out already: revision {} is {}, \"{}\", {}. Nothing was run.",
        own.revision,
        own.status,
        super::run::harmless(&own.description),
        own.last_deployed.as_deref().unwrap_or("at an unknown time")
    ));
    if !matches!(own.status, Status::Deployed) {
        say(&format!("It did not end well: revision {} is {}.", own.revision, own.status));
        return Ok(ExitStatus::RollbackFailed);
    }
    let verification = compare(plan, session, now).await;
    say(&verification.text());
    Ok(if verification.verdict == Verdict::Verified { ExitStatus::Ok } else { ExitStatus::RollbackFailed })
}

fn unverified(plan: &Body, session: &Session, why: &str) -> ExitStatus {
    let text = format!(
        "This plan was carried out already, by revision {}. Nothing was run.\nWhether the result is what it forecast cannot be told: {why}",
        plan.bound.from().saturating_add(1)
    );
    session.console.note(&text, session.redactor);
    ExitStatus::RollbackFailed
}

/// As after a run: *from* is the plan's, and *to* what the record of the rollback holds, which is the same as its target.
async fn compare(plan: &Body, session: &Session<'_>, now: Input) -> Verification {
    let target = Release { revision: plan.bound.to(), ..now.from.clone() };
    let before = Input { from: now.to.clone(), to: target, ..now };
    let seen = load::after(&session.settings.load, session.redactor, &before).await;
    let why = seen.as_ref().err().map(|error| format!("{error:#}"));
    let after = seen.as_ref().map_err(|_| why.as_deref().unwrap_or_default());
    let kube = &session.settings.load.kube;
    let place = Place { namespace: plan.bound.namespace.clone(), context: kube.context.clone() };
    let ran = Ran { exit: HelmExit::Code(0), started: plan.made.at, tail: Vec::new(), place };
    execute::verify(&before, &forecast(plan), after, &ran)
}

/// The plan's forecast, as far as verification compares it.
fn forecast(plan: &Body) -> Forecast {
    let predicted = &plan.report.predicted;
    let objects = objects(predicted);
    let object = |name: &String| objects.get(name).cloned();
    Forecast {
        outcome: predicted.outcome,
        records: predicted
            .records
            .iter()
            .map(|record| RecordForecast { revision: record.revision, status: record.status })
            .collect(),
        pruned: predicted.pruned.clone(),
        steps: predicted
            .steps
            .iter()
            .filter_map(|step| Some(Step { action: step.action, object: object(&step.object)?, result: step.result, why: None }))
            .collect(),
        not_restored: predicted
            .not_restored
            .iter()
            .filter_map(|entry| Some(NotRestored { object: object(&entry.object)?, why: entry.why.clone() }))
            .collect(),
        alternatives: predicted.alternatives.clone(),
        ..Forecast::empty(predicted.method)
    }
}

/// The objects of the steps by the name that the report gives them.
fn objects(predicted: &Predicted) -> BTreeMap<String, ObjectRef> {
    let named = predicted.steps.iter().filter_map(|step| {
        let parts: Vec<&str> = step.object.split('/').collect();
        let object = match parts.as_slice() {
            [kind, name] => ObjectRef::new(&step.api_version, kind, None, name),
            [kind, namespace, name] => ObjectRef::new(&step.api_version, kind, Some(namespace), name),
            _ => return None,
        };
        Some((step.object.clone(), object))
    });
    named.collect()
}
