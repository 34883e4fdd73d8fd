//! Liveness probes that kill a container before it has started, or at the first hiccup.

use jiff::Timestamp;

use super::probes::{has_container, name, seconds};
use super::{Workload, beside};
use crate::analyze::{Change, ChangeKind, Context, Fact};
use crate::k8s::patterns::{self, PatternTable};
use crate::k8s::selector;
use crate::k8s::surroundings::Surrounding;
use crate::release::Value;
use crate::rules::EvidenceSource;

/// What gives a slow starter away: runtime, field, pattern, source.
const SLOW: PatternTable = PatternTable::new(include_str!("../../../rules/tables/slow-starters.csv"));

/// A slow starter may well need this long on a cold node, in seconds.
const SLOW_START: i64 = 60;

/// A liveness probe that tolerates less than this kills on the first garbage collection, in seconds.
const IMPATIENT: i64 = 30;

pub fn analyze(context: &Context<'_>, workloads: &[Workload<'_>]) -> Vec<Change> {
    let serving =
        workloads.iter().filter(|workload| matches!(workload.id().kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet"));
    serving.filter(|workload| workload.changes_template()).filter_map(|workload| harsh(context, workload)).collect()
}

/// How patient a container's liveness probe is.
struct Budget {
    container: String,
    /// Seconds from the container's start to the first kill.
    first_kill: i64,
    runtime: Option<&'static str>,
}

/// The least patient container of the target; a slow starter counts first.
fn harsh(context: &Context<'_>, workload: &Workload<'_>) -> Option<Change> {
    let found = budgets(workload.pod_spec());
    let worst = found.iter().min_by_key(|budget| (budget.runtime.is_none(), budget.first_kill))?;
    let before = budgets(workload.pod_spec_before());
    let renamed = !has_container(workload.pod_spec_before(), &worst.container);
    let in_both =
        before.iter().any(|budget| (renamed || budget.container == worst.container) && budget.first_kill <= worst.first_kill);
    let started = start_ups(context, workload, &worst.container).into_iter().max();
    let change = Change::of(ChangeKind::LivenessImpatient, workload.id())
        .path(format!("spec.template.spec.containers[name={}].livenessProbe", worst.container))
        .fact_if(worst.runtime.is_some(), Fact::SlowStarter)
        .fact_if(in_both, Fact::InBoth)
        .fact_if(started.is_some_and(|started| started < worst.first_kill), Fact::StartsFaster)
        .with("container", &worst.container)
        .with("budget", worst.first_kill)
        .with("started", started.map_or_else(|| "an unknown number of".to_owned(), |started| started.to_string()));
    let text = format!("liveness kills {} after {} s, there is no startupProbe", worst.container, worst.first_kill);
    let change = change.evidence(EvidenceSource::To, &workload.to.origin, text);
    let change = match worst.runtime {
        Some(runtime) => {
            change.evidence(EvidenceSource::Table, "slow-starters.csv", format!("{} looks like {runtime}", worst.container))
        }
        None => change,
    };
    Some(match started {
        Some(started) => change.evidence(EvidenceSource::Live, "pods", format!("the slowest start seen took {started} s")),
        None => change,
    })
}

/// Containers whose first kill comes early: slow starters within a minute, others within half of one.
fn budgets(spec: &Value) -> Vec<Budget> {
    let containers = spec.get("containers").as_list().iter();
    let probed =
        containers.filter(|container| container.get("startupProbe").is_null() && !container.get("livenessProbe").is_null());
    probed.filter_map(budget).collect()
}

fn budget(container: &Value) -> Option<Budget> {
    let probe = container.get("livenessProbe");
    let tolerance = seconds(probe, "failureThreshold", 3).saturating_mul(seconds(probe, "periodSeconds", 10));
    let first_kill = seconds(probe, "initialDelaySeconds", 0).saturating_add(tolerance);
    let runtime = runtime(container);
    let early = if runtime.is_some() { first_kill < SLOW_START } else { tolerance < IMPATIENT && first_kill < IMPATIENT };
    early.then(|| Budget { container: name(container).to_owned(), first_kill, runtime })
}

/// The runtime that starts slowly, where image, environment or command names one.
fn runtime(container: &Value) -> Option<&'static str> {
    let image = container.get("image").as_str().map(patterns::repository).unwrap_or("");
    let has_env = |pattern: &str| {
        container.get("env").as_list().iter().filter_map(|env| env.get("name").as_str()).any(|name| name == pattern)
    };
    let runs = |pattern: &str| {
        let first = container.get("command").as_list().first().and_then(Value::as_str).unwrap_or("");
        first.rsplit('/').next() == Some(pattern)
    };
    let row = SLOW.rows().find(|row| match row.field {
        "image" => patterns::glob(row.pattern, image),
        "env" => has_env(row.pattern),
        _ => runs(row.pattern),
    });
    row.map(|row| row.name)
}

/// Seconds from the container's start to the pod's readiness, of the pods that run now and never restarted.
pub(super) fn start_ups(context: &Context<'_>, workload: &Workload<'_>, container: &str) -> Vec<i64> {
    let found = beside(context, Surrounding::Pods, workload.id());
    let wanted = workload.after.at(&["spec", "selector"]);
    let pods = found.yes().copied().unwrap_or_default().iter();
    let own = pods.filter(|pod| selector::selects(wanted, pod.body.at(&["metadata", "labels"])));
    own.filter_map(|pod| start_up(&pod.body, container)).collect()
}

fn start_up(pod: &Value, container: &str) -> Option<i64> {
    let status = pod.at(&["status", "containerStatuses"]).as_list().iter().find(|status| name(status) == container)?;
    let conditions = pod.at(&["status", "conditions"]).as_list();
    let ready = conditions.iter().find(|condition| condition.get("type").as_str() == Some("Ready"))?;
    if status.get("restartCount").as_i64() != Some(0) || ready.get("status").as_str() != Some("True") {
        return None;
    }
    let time = |value: &Value| value.as_str()?.parse::<Timestamp>().ok().map(Timestamp::as_second);
    let seconds = time(ready.get("lastTransitionTime"))? - time(status.at(&["state", "running", "startedAt"]))?;
    (seconds >= 0).then_some(seconds)
}
