//! Requests and limits that go below what a VerticalPodAutoscaler has measured.

use super::quotas::amount;
use super::{Workload, beside};
use crate::analyze::{Change, ChangeKind, Context};
use crate::input::LiveObject;
use crate::k8s::surroundings::Surrounding;
use crate::release::Value;
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>, workloads: &[Workload<'_>]) -> Vec<Change> {
    workloads.iter().filter(|workload| workload.before.is_some()).filter_map(|workload| starved(context, workload)).collect()
}

fn starved(context: &Context<'_>, workload: &Workload<'_>) -> Option<Change> {
    let found = beside(context, Surrounding::VerticalPodAutoscalers, workload.id());
    let scaler = found.yes()?.iter().find(|scaler| only_recommends(scaler) && is_for(scaler, workload))?;
    let recommended = scaler.body.at(&["status", "recommendation", "containerRecommendations"]).as_list();
    let short: Vec<String> = recommended.iter().flat_map(|item| below(workload, item)).collect();
    if short.is_empty() {
        return None;
    }
    let change = Change::of(ChangeKind::RequestsTooLow, workload.id())
        .with("short", short.join("; "))
        .with("scaler", format!("VerticalPodAutoscaler/{}", scaler.name()))
        .evidence(EvidenceSource::Live, format!("VerticalPodAutoscaler/{}", scaler.name()), short.join("; "))
        .evidence(EvidenceSource::To, &workload.to.origin, "resources of the pod template");
    Some(change)
}

/// In every other mode the admission webhook writes the recommendation into each new pod, whatever the template says.
fn only_recommends(scaler: &LiveObject) -> bool {
    scaler.body.at(&["spec", "updatePolicy", "updateMode"]).as_str() == Some("Off")
}

fn is_for(scaler: &LiveObject, workload: &Workload<'_>) -> bool {
    let target = scaler.body.at(&["spec", "targetRef"]);
    target.get("kind").as_str() == Some(&workload.id().kind) && target.get("name").as_str() == Some(&workload.id().name)
}

/// What the rollback lowers below the recommended target, in one container.
fn below(workload: &Workload<'_>, recommended: &Value) -> Vec<String> {
    let name = recommended.get("containerName");
    let container = |spec: &Value| spec.get("containers").as_list().iter().find(|item| item.get("name") == name).cloned();
    let (Some(before), Some(after)) = (container(workload.pod_spec_before()), container(workload.pod_spec())) else {
        return Vec::new();
    };
    let mut short = Vec::new();
    for (list, resource) in [("requests", "cpu"), ("requests", "memory"), ("limits", "memory")] {
        let given = |container: &Value| amount(container.at(&["resources", list, resource]));
        let target = recommended.at(&["target", resource]);
        let (Some(old), Some(new), Some(wanted)) = (given(&before), given(&after), amount(target)) else { continue };
        if new < old && new < wanted {
            let shown = after.at(&["resources", list, resource]).display();
            short.push(format!("{list}.{resource} {shown} of {}, {} recommended", name.display(), target.display()));
        }
    }
    short
}
