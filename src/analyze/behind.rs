//! The workloads behind a Service of the target, and what happens to their pods.

use super::{Context, after, selectors};
use crate::input::Known;
use crate::k8s::routes::{self, Backend};
use crate::k8s::{pods, selector};
use crate::release::{Object, ObjectRef, Value};

/// What the rollback does to the pods of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pods {
    Stay,
    /// Another image takes their place.
    Replaced,
    /// The workload is only being created.
    Created,
}

/// The object as it is before the rollback: live, else in *from*; none where it is not there.
pub fn body_before<'a>(context: &'a Context<'_>, id: &ObjectRef) -> Option<&'a Value> {
    match context.input.facts.live.get(id) {
        Some(Known::Yes(Some(live))) => Some(&live.body),
        Some(Known::Yes(None)) => None,
        _ => after::before(context, id).map(|object| &object.body),
    }
}

/// Workloads of the target whose pods get the requests for a backend.
pub fn workloads<'a>(context: &'a Context<'_>, backend: &Backend) -> Vec<&'a Object> {
    let objects = &context.input.to.objects;
    let Some(service) = objects.iter().find(|object| backend.is(&object.id) && backend.is_service()) else { return Vec::new() };
    let wanted = service.body.at(&["spec", "selector"]);
    let subset = subset_labels(objects, backend);
    let here = objects.iter().filter(|object| object.id.namespace == service.id.namespace);
    here.filter(|object| {
        let labels = selectors::template_labels(object);
        labels.is_some_and(|labels| {
            selector::selects(wanted, labels) && subset.is_none_or(|subset| selector::selects(subset, labels))
        })
    })
    .collect()
}

fn subset_labels<'a>(objects: &'a [Object], backend: &Backend) -> Option<&'a Value> {
    let subset = backend.subset.as_deref()?;
    let host = Backend { subset: None, ..backend.clone() };
    let mut rules =
        objects.iter().filter(|object| routes::subsets(&object.id, &object.body).is_some_and(|(about, _)| about == host));
    rules.find_map(|rule| Some(routes::subset_labels(&rule.body, subset)).filter(|labels| !labels.is_null()))
}

/// What happens to the pods of a workload of the target.
pub fn pods(context: &Context<'_>, workload: &Object) -> Pods {
    let Some(before) = body_before(context, &workload.id) else { return Pods::Created };
    if images(before) == images(&workload.body) { Pods::Stay } else { Pods::Replaced }
}

fn images(body: &Value) -> Vec<(&str, &Value)> {
    let containers = pods::spec(body).get("containers").as_list().iter();
    containers.map(|container| (container.get("name").as_str().unwrap_or(""), container.get("image"))).collect()
}
