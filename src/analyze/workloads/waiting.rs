//! Whether `--wait` can see the pods ready before its time is up.

use super::Workload;
use super::liveness::start_ups;
use super::probes::{name, seconds};
use super::surge::bounds;
use crate::analyze::{Change, ChangeKind, Context, Fact};
use crate::forecast::Confidence;
use crate::release::Value;
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>, workloads: &[Workload<'_>]) -> Vec<Change> {
    let flags = &context.input.flags;
    let Some(timeout) = flags.timeout_seconds().filter(|_| flags.wait.waits_for_objects()) else { return Vec::new() };
    let rolled = workloads.iter().filter(|workload| workload.before.is_none() || workload.changes_template());
    rolled.filter_map(|workload| too_short(context, workload, timeout)).collect()
}

fn too_short(context: &Context<'_>, workload: &Workload<'_>, timeout: i64) -> Option<Change> {
    let waves = waves(workload)?;
    let by_probes = slowest(workload, least);
    let seen = slowest(workload, |container| {
        let fastest = start_ups(context, workload, name(container)).into_iter().min();
        fastest.unwrap_or(0).max(least(container))
    });
    let pause = workload.after.at(&["spec", "minReadySeconds"]).as_i64().unwrap_or(0);
    // Between two waves pods must be available; Helm itself asks for readiness only.
    let whole = |pod: i64| waves.saturating_mul(pod).saturating_add((waves - 1).saturating_mul(pause));
    let measured = whole(by_probes) <= timeout;
    let (needed, pod) = if measured { (whole(seen), seen) } else { (whole(by_probes), by_probes) };
    let basis = if measured { "the fastest start seen now" } else { "initialDelaySeconds of its probes" };
    let text = format!("{waves} times in a row, pods that take {pod} s by {basis}; minReadySeconds: {pause}");
    (needed > timeout).then(|| {
        Change::of(ChangeKind::WaitTooShort, workload.id())
            .confidence(if measured { Confidence::Possible } else { Confidence::Likely })
            .fact_if(measured, Fact::Measured)
            .with("needed", needed)
            .with("timeout", timeout)
            .with("pods", &text)
            .evidence(EvidenceSource::To, &workload.to.origin, text)
    })
}

/// How often pods of the workload start one after the other before Helm counts it as ready; none where Helm does not wait for it.
///
/// A lower bound (Helm `pkg/kube/ready.go` `deploymentReady`, `statefulSetReady`, `daemonSetReady`): pods are taken to stop at once.
fn waves(workload: &Workload<'_>) -> Option<i64> {
    let replicas = workload.replicas().1.unwrap_or(1);
    let waves = match workload.id().kind.as_str() {
        "Deployment" if workload.before.is_none() => replicas.min(1),
        "Deployment" => match bounds(&workload.after, replicas) {
            Some(bounds) => ceiling(replicas - bounds.unavailable, bounds.surge + bounds.unavailable),
            None => replicas.min(1),
        },
        "StatefulSet" => set_waves(workload, replicas)?,
        // Updated everywhere is enough: the last pods need not be ready.
        "DaemonSet" if workload.before.is_some() => daemon_waves(workload)? - 1,
        _ => return None,
    };
    (waves > 0).then_some(waves)
}

/// Rolling updates go pod by pod; only the first start may be parallel (apps/v1 `podManagementPolicy`).
fn set_waves(workload: &Workload<'_>, replicas: i64) -> Option<i64> {
    let strategy = workload.after.at(&["spec", "updateStrategy"]);
    if strategy.get("type").as_str() == Some("OnDelete") {
        return None;
    }
    let parallel = workload.after.at(&["spec", "podManagementPolicy"]).as_str() == Some("Parallel");
    if workload.before.is_none() {
        return Some(if parallel { replicas.min(1) } else { replicas });
    }
    let rolling = strategy.get("rollingUpdate");
    let at_once = match rolling.get("maxUnavailable") {
        Value::Null => 1,
        Value::Number(number) => number.as_i64()?.max(1),
        _ => return None,
    };
    Some(ceiling(replicas - rolling.get("partition").as_i64().unwrap_or(0), at_once))
}

fn daemon_waves(workload: &Workload<'_>) -> Option<i64> {
    let nodes = workload.now(&["status", "desiredNumberScheduled"]).as_i64()?;
    let rolling = workload.after.at(&["spec", "updateStrategy", "rollingUpdate"]);
    let number = |key: &str, default: i64| if rolling.get(key).is_null() { Some(default) } else { rolling.get(key).as_i64() };
    Some(ceiling(nodes, number("maxUnavailable", 1)? + number("maxSurge", 0)?))
}

fn ceiling(all: i64, at_once: i64) -> i64 {
    let at_once = at_once.max(1);
    all.max(0).saturating_add(at_once - 1) / at_once
}

fn slowest(workload: &Workload<'_>, of: impl Fn(&Value) -> i64) -> i64 {
    workload.pod_spec().get("containers").as_list().iter().map(of).max().unwrap_or(0)
}

/// The earliest second in which a container can count as ready by its probes (core/v1 `Probe`).
fn least(container: &Value) -> i64 {
    let (startup, readiness) = (container.get("startupProbe"), container.get("readinessProbe"));
    let repeats = seconds(readiness, "successThreshold", 1).saturating_sub(1).max(0);
    let delay = |probe: &Value| seconds(probe, "initialDelaySeconds", 0);
    delay(startup).max(delay(readiness)).saturating_add(repeats.saturating_mul(seconds(readiness, "periodSeconds", 10)))
}
