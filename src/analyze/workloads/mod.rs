//! Workloads of the target: what runs now, what will run, and what the way from one to the other does.

mod admission;
mod autoscaling;
mod budgets;
mod guards;
mod liveness;
mod probes;
mod quotas;
mod readiness;
mod recommendations;
mod reloads;
mod replacement;
mod rollouts;
mod schedules;
mod surge;
mod waiting;

use super::{Change, Context};
use crate::forecast::bodies::stamped;
use crate::forecast::objects::{self, Sides};
use crate::forecast::{Method, apply};
use crate::input::{Known, LiveObject};
use crate::k8s::surroundings::Surrounding;
use crate::k8s::{defaults, kinds, semantic};
use crate::release::{Object, ObjectRef, Value};
use crate::rules::EvidenceSource;

/// Looks at the workloads of the target from one side.
type Subject = fn(&Context<'_>, &[Workload<'_>]) -> Vec<Change>;

const SUBJECTS: &[Subject] = &[
    autoscaling::analyze,
    rollouts::analyze,
    reloads::analyze,
    readiness::analyze,
    liveness::analyze,
    waiting::analyze,
    guards::analyze,
    replacement::analyze,
    schedules::analyze,
    quotas::analyze,
    admission::analyze,
    budgets::analyze,
    recommendations::analyze,
];

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let workloads = Workload::all(context);
    SUBJECTS.iter().flat_map(|subject| subject(context, &workloads)).collect()
}

/// A workload that the rollback changes or creates.
pub(super) struct Workload<'a> {
    pub to: &'a Object,
    pub from: Option<&'a Object>,
    pub live: Option<&'a LiveObject>,
    /// What is stored now, defaults filled in: live, else as *from* says; none where the rollback creates the object.
    pub before: Option<Value>,
    /// What is stored afterwards, defaults filled in.
    pub after: Value,
}

impl<'a> Workload<'a> {
    /// All of the target, in its order; those whose change is refused are left out: they stay as they are.
    fn all(context: &Context<'a>) -> Vec<Workload<'a>> {
        let objects = context.input.to.objects.iter();
        let runs_pods = objects.filter(|object| kinds::pod_template_path(&object.id).is_some() || is_scalable(object));
        runs_pods.filter(|object| !context.is_rejected(&object.id)).map(|to| Workload::new(context, to)).collect()
    }

    fn new(context: &Context<'a>, to: &'a Object) -> Workload<'a> {
        let from = context.input.from.objects.iter().find(|object| object.id == to.id);
        let found = context.input.facts.live_of(&to.id);
        let live = found.yes().copied().flatten();
        let present = present(context, from, &found);
        let after = match &present {
            Some(body) => predicted(context, to, from, body),
            None => stamped(&to.body, &context.input.from.name, &context.input.from.namespace),
        };
        let filled = |body: &Value| defaults::with_defaults(&to.id, body);
        Workload { to, from, live, before: present.as_ref().map(filled), after: filled(&after) }
    }

    pub fn id(&self) -> &'a ObjectRef {
        &self.to.id
    }

    /// Whether the rollback stores another pod template than the one that is stored now.
    pub fn changes_template(&self) -> bool {
        let template = |body| kinds::pod_template(self.id(), body);
        self.before.as_ref().is_some_and(|before| !semantic::same("spec", "template", template(before), template(&self.after)))
    }

    /// The pod spec that is stored afterwards.
    pub fn pod_spec(&self) -> &Value {
        kinds::pod_template(self.id(), &self.after).get("spec")
    }

    /// The pod spec that is stored now; `Null` where the rollback creates the workload.
    pub fn pod_spec_before(&self) -> &Value {
        static NONE: Value = Value::Null;
        self.before.as_ref().map_or(&NONE, |before| kinds::pod_template(self.id(), before).get("spec"))
    }

    /// A value of the object as it is stored now.
    pub fn now(&self, path: &[&str]) -> &Value {
        static NONE: Value = Value::Null;
        self.before.as_ref().map_or(&NONE, |before| before.at(path))
    }

    /// Replicas now and afterwards.
    pub fn replicas(&self) -> (Option<i64>, Option<i64>) {
        (self.now(&["spec", "replicas"]).as_i64(), self.after.at(&["spec", "replicas"]).as_i64())
    }

    /// Adds what the object is judged against: the cluster where it could be read, else *from*.
    pub fn seen(&self, change: Change, text: impl ToString) -> Change {
        match (self.live, self.from) {
            (Some(_), _) => change.evidence(EvidenceSource::Live, self.id(), text),
            (None, Some(from)) => change.evidence(EvidenceSource::From, &from.origin, text),
            (None, None) => change,
        }
    }
}

/// A custom resource that an autoscaler may scale; its pods are its operator's business.
fn is_scalable(object: &Object) -> bool {
    !kinds::is_built_in(&object.id) && !object.body.at(&["spec", "replicas"]).is_null()
}

/// The stored object: live, or as *from* says where live is not known.
fn present(context: &Context<'_>, from: Option<&Object>, live: &Known<Option<&LiveObject>>) -> Option<Value> {
    match (live, from) {
        (Known::Yes(live), _) => live.map(|live| live.body.clone()),
        (Known::No(_), Some(from)) => Some(objects::assumed_live(from, &context.input.from)),
        (Known::No(_), None) => None,
    }
}

/// The object after Helm's patch. Where nothing says who owns the fields, the manifests do: what only *from* has goes.
pub(super) fn predicted(context: &Context<'_>, to: &Object, from: Option<&Object>, live: &Value) -> Value {
    let stamped = stamped(&to.body, &context.input.from.name, &context.input.from.namespace);
    let sides = Sides { id: &to.id, from: from.map(|from| &from.body), to: &stamped, live };
    let method = match context.forecast.method {
        Method::ServerSide if !apply::has_owners(live) => Method::ClientSide,
        method => method,
    };
    objects::change(&sides, method, context.input.flags.force_conflicts, &context.input.facts).after
}

/// Objects of a surrounding kind beside the workload.
fn beside<'c>(context: &'c Context<'_>, kind: Surrounding, id: &ObjectRef) -> Known<&'c [LiveObject]> {
    context.input.facts.around(kind, id.namespace.as_deref())
}
