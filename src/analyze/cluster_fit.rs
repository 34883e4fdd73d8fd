//! What the target asks of the cluster's version.

use std::collections::BTreeSet;

use super::images::slots;
use super::{Change, ChangeKind, Context, Fact};
use crate::forecast::Confidence;
use crate::k8s::constraint::Constraint;
use crate::k8s::kinds;
use crate::k8s::removed_features::{self, Feature, Form, State};
use crate::k8s::version::Version;
use crate::release::{Object, ObjectRef, Value};
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let features = context.input.to.objects.iter().filter_map(|object| removed_feature(context, object));
    chart(context).into_iter().chain(features).collect()
}

fn server(context: &Context<'_>) -> Option<Version> {
    Version::parse(context.input.facts.server_version.yes()?)
}

/// `helm rollback` does not look at the chart's `kubeVersion`, other than install and upgrade.
fn chart(context: &Context<'_>) -> Option<Change> {
    let server = server(context)?;
    let refuses = |text: &str| Constraint::parse(text).is_some_and(|constraint| !constraint.allows(&server));
    let (from, to) = (&context.input.from.chart, &context.input.to.chart);
    let constraint = to.kube_version.as_deref().filter(|text| refuses(text))?;
    Some(
        Change::new(ChangeKind::ChartRefusesCluster, None)
            .confidence(Confidence::Likely)
            .with("constraint", constraint)
            .with("server_version", &server)
            .with("chart", format!("{}-{}", to.name, to.version))
            .fact_if(from.kube_version.as_deref().is_some_and(refuses), Fact::ConstraintInFrom)
            .evidence(EvidenceSource::To, "Chart.yaml", format!("kubeVersion: {constraint}"))
            .evidence(EvidenceSource::Live, "version", &server),
    )
}

/// A thing a pod asks for: form, name, and where it stands.
type Asked<'v> = (Form, &'v str, String);

/// What the target's pods rely on, the present ones do not, and the cluster lacks. The worst one speaks.
fn removed_feature(context: &Context<'_>, object: &Object) -> Option<Change> {
    let server = server(context);
    let now = context.in_from(&object.id).map(|from| asked(&from.id, &from.body)).unwrap_or_default();
    let new = asked(&object.id, &object.body).into_iter().filter(|item| !now.contains(item));
    let found: Vec<(Asked<'_>, &'static Feature)> =
        new.filter_map(|item| removed_features::of(item.0, item.1, server.as_ref()).map(|row| (item, row))).collect();
    let rank = |row: &Feature| matches!(row.state, State::Gone);
    let ((_, name, path), row) = found.iter().max_by_key(|(_, row)| rank(row))?;
    let change = Change::of(ChangeKind::RemovedFeatureUsed, &object.id)
        .path(path.clone())
        .confidence(if server.is_some() { Confidence::Likely } else { Confidence::Possible })
        .fact_if(row.state == State::Csi, Fact::CsiMigrated)
        .fact_if(row.state == State::Ignored, Fact::AnnotationIgnored)
        .with("feature", name)
        .with("known", row.fact)
        .with("instead", row.instead)
        .evidence(EvidenceSource::To, &object.origin, format!("{path}: {name}"))
        .evidence(EvidenceSource::Table, "removed-features.csv", format!("{} ({})", row.fact, row.source));
    Some(match server {
        Some(server) => change.evidence(EvidenceSource::Live, "version", server),
        None => change,
    })
}

fn asked<'v>(id: &ObjectRef, body: &'v Value) -> BTreeSet<Asked<'v>> {
    let mut asked = BTreeSet::new();
    let volumes = slots::pod_spec(id, body).get("volumes").as_list();
    for volume in volumes {
        let name = volume.get("name").as_str().unwrap_or("");
        let path = format!("{}volumes[name={name}]", slots::spec_prefix(id));
        if let Some(host) = volume.at(&["hostPath", "path"]).as_str() {
            asked.insert((Form::HostPath, host, path.clone()));
        }
        asked.extend(volume.as_map().into_iter().flatten().map(|(key, _)| (Form::Volume, key.as_str(), path.clone())));
    }
    if id.is("", "PersistentVolume") {
        let sources = body.get("spec").as_map().into_iter().flatten();
        asked.extend(sources.map(|(key, _)| (Form::Volume, key.as_str(), format!("spec.{key}"))));
    }
    if kinds::pod_template_path(id).is_some() {
        let annotations = kinds::pod_template(id, body).at(&["metadata", "annotations"]).as_map().into_iter().flatten();
        let path = slots::spec_prefix(id).replace("spec.template.spec.", "spec.template.") + "metadata.annotations";
        asked.extend(annotations.map(|(key, _)| (Form::Annotation, key.as_str(), path.clone())));
    }
    asked
}
