//! CronJobs that wake up again.

use super::Workload;
use crate::analyze::{Change, ChangeKind, Context, Fact};
use crate::release::Value;
use crate::rules::EvidenceSource;

pub fn analyze(_context: &Context<'_>, workloads: &[Workload<'_>]) -> Vec<Change> {
    workloads.iter().filter(|workload| workload.id().is("batch", "CronJob")).filter_map(resumes).collect()
}

/// A suspended CronJob that goes on: runs it has missed are made up for at once, as far back as its deadline reaches.
fn resumes(workload: &Workload<'_>) -> Option<Change> {
    let suspended = |body: &Value| body.at(&["spec", "suspend"]).as_bool() == Some(true);
    if !workload.before.as_ref().is_some_and(suspended) || suspended(&workload.after) {
        return None;
    }
    let deadline = workload.after.at(&["spec", "startingDeadlineSeconds"]).as_i64();
    let schedule = workload.after.at(&["spec", "schedule"]).display();
    let change = Change::of(ChangeKind::CronJobResumes, workload.id())
        .path("spec.suspend")
        .fact_if(deadline.is_some(), Fact::StartingDeadline)
        .with("schedule", &schedule)
        .with("deadline", deadline.map_or_else(|| "no".to_owned(), |seconds| seconds.to_string()))
        .evidence(EvidenceSource::To, &workload.to.origin, format!("not suspended, schedule {schedule}"));
    Some(workload.seen(change, "spec.suspend: true"))
}
