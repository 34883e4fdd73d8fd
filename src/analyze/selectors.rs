//! Services of the target whose selector fits no pods that the target runs.

use super::{Change, ChangeKind, Context, Fact, after, traffic};
use crate::forecast::Confidence;
use crate::input::Known;
use crate::k8s::surroundings::Surrounding;
use crate::k8s::{kinds, selector};
use crate::release::{Map, Object, Release, Value};
use crate::rules::EvidenceSource;

/// Labels that controllers put on pods besides those of the template (Kubernetes well-known labels, apps/v1 and batch/v1).
const CONTROLLER_LABELS: [&str; 9] = [
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
    "batch.kubernetes.io/job-name",
    "controller-revision-hash",
    "job-name",
    "pod-template-generation",
    "pod-template-hash",
    "statefulset.kubernetes.io/pod-name",
];

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let explained: Vec<_> = traffic::analyze(context).into_iter().filter_map(|change| change.object).collect();
    let services = context.input.to.objects.iter().filter(|object| object.id.is("", "Service"));
    services.filter(|service| !explained.contains(&service.id)).filter_map(|service| check(context, service)).collect()
}

fn check(context: &Context<'_>, service: &Object) -> Option<Change> {
    let wanted = own_labels(&service.body)?;
    if context.is_rejected(&service.id) || selects_template(&context.input.to, service, &wanted) {
        return None;
    }
    let before = after::before(context, &service.id);
    let served = before.and_then(|old| Some(selects_template(&context.input.from, old, &own_labels(&old.body)?)));
    let unchanged = served == Some(false);
    let pods = matching_pods(context, service, &wanted);
    if pods.yes().is_some_and(|count| *count > 0) && served != Some(true) || (unchanged && pods.yes().is_none()) {
        return None;
    }
    let operator = operator(context, service, &wanted);
    Some(
        Change::of(ChangeKind::ServiceSelectsNothing, &service.id)
            .path("spec.selector")
            .confidence(if operator.is_some() { Confidence::Possible } else { Confidence::Likely })
            .fact_if(unchanged, Fact::InBoth)
            .fact_if(operator.is_some(), Fact::MayBeMade)
            .with("selector", wanted.display())
            .with("maker", operator.unwrap_or_default())
            .evidence(EvidenceSource::To, &service.origin, format!("selector {}", wanted.display()))
            .evidence(EvidenceSource::To, "manifest", "no pod template of the revision carries these labels")
            .evidence(
                EvidenceSource::Live,
                "pods",
                match pods {
                    Known::Yes(count) => format!("{count} running pods match now"),
                    Known::No(why) => format!("not known: {why}"),
                },
            ),
    )
}

/// What the selector asks of a template; none for Services without selector and for names outside the cluster.
fn own_labels(service: &Value) -> Option<Value> {
    let spec = service.get("spec");
    let selector = spec.get("selector").as_map().filter(|map| !map.is_empty())?;
    if spec.get("type").as_str() == Some("ExternalName") {
        return None;
    }
    let own = selector.iter().filter(|(key, _)| !CONTROLLER_LABELS.contains(&key.as_str()));
    Some(Value::Map(own.map(|(key, value)| (key.clone(), value.clone())).collect::<Map>()))
}

/// Whether a pod template in the Service's namespace carries the labels; nothing left to ask for fits any template.
fn selects_template(release: &Release, service: &Object, wanted: &Value) -> bool {
    let here = release.objects.iter().filter(|object| object.id.namespace == service.id.namespace);
    let mut labels = here.filter_map(template_labels);
    labels.any(|labels| wanted.as_map().is_none_or(Map::is_empty) || selector::selects(wanted, labels))
}

/// Labels of the pods that an object runs. Custom resources with a pod template of the usual shape count (Argo `Rollout`).
pub fn template_labels(object: &Object) -> Option<&Value> {
    let template = match kinds::pod_template_path(&object.id) {
        Some(path) => object.body.at(path),
        None => object.body.at(&["spec", "template"]),
    };
    let runs = !template.at(&["spec", "containers"]).is_null();
    runs.then(|| template.at(&["metadata", "labels"]))
}

fn matching_pods(context: &Context<'_>, service: &Object, wanted: &Value) -> Known<usize> {
    match context.input.facts.around(Surrounding::Pods, service.id.namespace.as_deref()) {
        Known::Yes(pods) => {
            let matching = pods.iter().filter(|pod| selector::selects(wanted, pod.body.at(&["metadata", "labels"])));
            Known::Yes(matching.count())
        }
        Known::No(why) => Known::No(why),
    }
}

/// A custom resource of the target whose operator may run the pods, or none where the target itself runs pods and has no other.
fn operator(context: &Context<'_>, service: &Object, wanted: &Value) -> Option<String> {
    let here = || context.input.to.objects.iter().filter(|object| object.id.namespace == service.id.namespace);
    let named = |name: &String| {
        *name == service.id.name
            || wanted.as_map().is_some_and(|labels| labels.values().any(|label| label.as_str() == Some(name)))
    };
    let custom = here().find(|object| !kinds::is_built_in(&object.id) && named(&object.id.name));
    let runs_pods = here().any(|object| template_labels(object).is_some());
    let elsewhere = (!runs_pods).then(|| "workloads outside this release".to_owned());
    after::maker(context, &service.id).or_else(|| custom.map(|object| object.id.to_string())).or(elsewhere)
}
