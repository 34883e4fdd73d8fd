//! Pods that count as ready before they are, and probes that ask the wrong door.

use super::Workload;
use super::probes::{self, LostPort, Weakness, Weaknesses};
use crate::analyze::{Change, ChangeKind, Context, Fact};
use crate::forecast::Confidence;
use crate::k8s::kinds;
use crate::release::{Object, Release, Value};
use crate::rules::EvidenceSource;

/// Controllers whose pods serve and are rolled out.
const SERVING: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

pub fn analyze(context: &Context<'_>, workloads: &[Workload<'_>]) -> Vec<Change> {
    let serving = workloads.iter().filter(|workload| SERVING.contains(&workload.id().kind.as_str()));
    serving.flat_map(|workload| [readiness(context, workload), ports(workload)]).flatten().collect()
}

/// One change a workload: what got weaker, or, where nothing did, what stays weak while all pods are replaced.
fn readiness(context: &Context<'_>, workload: &Workload<'_>) -> Option<Change> {
    let template = |body| kinds::pod_template(workload.id(), body);
    let after = probes::weaknesses(template(&workload.after), &services(&context.input.to, workload));
    let before =
        workload.before.as_ref().map(|body| probes::weaknesses(template(body), &services(&context.input.from, workload)));
    let worse: Weaknesses = match &before {
        Some(before) => after.iter().filter(|(key, _)| !was_so(workload, before, key)).map(owned).collect(),
        None => after.clone(),
    };
    if worse.is_empty() {
        let replaced = !after.is_empty() && workload.changes_template();
        return replaced.then(|| weak(workload, &after).fact(Fact::InBoth));
    }
    let change = weak(workload, &worse).fact_if(before.is_none(), Fact::NewWorkload);
    Some(if before.is_some() { workload.seen(change, "what runs now does not have this") } else { change })
}

/// Whether the present pods have the weakness; a container under a new name takes over that of an old one.
fn was_so(workload: &Workload<'_>, before: &Weaknesses, key: &(Weakness, String)) -> bool {
    let (kind, name) = key;
    let renamed = *kind != Weakness::Ignored && !probes::has_container(workload.pod_spec_before(), name);
    before.contains_key(key) || (renamed && before.keys().any(|(other, _)| other == kind))
}

fn owned((key, text): (&(Weakness, String), &String)) -> ((Weakness, String), String) {
    (key.clone(), text.clone())
}

fn services<'r>(release: &'r Release, workload: &Workload<'_>) -> Vec<&'r Object> {
    let services = release.objects.iter().filter(|object| object.id.is("", "Service"));
    services.filter(|service| service.id.namespace == workload.id().namespace).collect()
}

fn weak(workload: &Workload<'_>, weaknesses: &Weaknesses) -> Change {
    let texts: Vec<&str> = weaknesses.values().map(String::as_str).collect();
    let missing = weaknesses.keys().any(|(kind, _)| *kind == Weakness::Missing);
    let change = Change::of(ChangeKind::ReadinessWeak, workload.id())
        .fact_if(missing, Fact::ReadinessMissing)
        .with("weaknesses", texts.join("; "));
    texts.iter().fold(change, |change, text| change.evidence(EvidenceSource::To, &workload.to.origin, text))
}

/// Probes of the target whose port is not there.
fn ports(workload: &Workload<'_>) -> Option<Change> {
    let after = probes::lost_ports(workload.pod_spec());
    let before = probes::lost_ports(workload.pod_spec_before());
    let new: Vec<&LostPort> = after.iter().filter(|lost| !before.contains(lost)).collect();
    let in_both = new.is_empty();
    let told: Vec<&LostPort> = if in_both { after.iter().filter(|_| workload.changes_template()).collect() } else { new };
    let first = told.iter().find(|lost| lost.named).or(told.first())?;
    let change = Change::of(ChangeKind::ProbePortMissing, workload.id())
        .path(format!("spec.template.spec.containers[name={}].{}", first.container, first.probe))
        .fact_if(in_both, Fact::InBoth)
        .fact_if(first.named, Fact::NamedPort)
        .confidence(if first.named { Confidence::Certain } else { Confidence::Possible })
        .with("container", &first.container)
        .with("probe", first.probe)
        .with("port", &first.port);
    let change = told.iter().fold(change, |change, lost| {
        let text = format!("{} of {} asks port {}, which is not among the pod's ports", lost.probe, lost.container, lost.port);
        change.evidence(EvidenceSource::To, &workload.to.origin, text)
    });
    let probe = |spec: &Value| {
        let containers = spec.get("containers").as_list();
        let own = containers.iter().find(|container| probes::name(container) == first.container);
        own.map_or_else(|| "no such container".to_owned(), |own| format!("{}: {}", first.probe, own.get(first.probe).display()))
    };
    Some(workload.seen(change, probe(workload.pod_spec_before())))
}
