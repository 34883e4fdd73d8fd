//! Objects that say which secret of an outside store is fetched: the store itself never goes back.

use std::collections::BTreeSet;

use super::{Change, ChangeKind, Context};
use crate::diff::{FieldDiff, Pair};
use crate::forecast::Confidence;
use crate::input::Known;
use crate::release::{ObjectRef, Value};
use crate::rules::EvidenceSource;

/// Fields that name remote keys and versions: external-secrets.io `ExternalSecretSpec`, and `parameters` of the secrets-store CSI
/// driver's `SecretProviderClassSpec`.
const FIELDS: &[(&str, &str, &[&str])] = &[
    ("external-secrets.io", "ExternalSecret", &["spec.data", "spec.dataFrom", "spec.secretStoreRef"]),
    (
        "external-secrets.io",
        "ClusterExternalSecret",
        &["spec.externalSecretSpec.data", "spec.externalSecretSpec.dataFrom", "spec.externalSecretSpec.secretStoreRef"],
    ),
    ("secrets-store.csi.x-k8s.io", "SecretProviderClass", &["spec.parameters", "spec.provider"]),
];

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    context.pairs.iter().filter_map(|pair| moved(context, pair)).collect()
}

fn moved(context: &Context<'_>, pair: &Pair<'_>) -> Option<Change> {
    let (from, to) = (pair.from?, pair.to?);
    let live = context.input.facts.live_of(&to.id);
    let is_gone = matches!(live, Known::Yes(None));
    let live = live.yes().copied().flatten();
    let fields: Vec<&FieldDiff> = pair
        .real_changes()
        .filter(|field| names_remote(&to.id, &field.path.keys()))
        .filter(|field| live.is_none_or(|live| field.path.find(&live.body) != field.to.as_ref().unwrap_or(&Value::Null)))
        .collect();
    if fields.is_empty() || is_gone || context.is_rejected(&to.id) {
        return None;
    }
    let paths: BTreeSet<String> = fields.iter().map(|field| field.path.to_string()).collect();
    let change = Change::of(ChangeKind::SecretSourceMoves, &to.id)
        .confidence(if live.is_some() { Confidence::Certain } else { Confidence::Likely })
        .with("fields", paths.into_iter().collect::<Vec<_>>().join(", "));
    Some(fields.into_iter().fold(change, |change, field| {
        change.evidence(EvidenceSource::From, &from.origin, shown(field, field.from.as_ref())).evidence(
            EvidenceSource::To,
            &to.origin,
            shown(field, field.to.as_ref()),
        )
    }))
}

fn names_remote(id: &ObjectRef, keys: &str) -> bool {
    let mut rows = FIELDS.iter().filter(|(group, kind, _)| id.is(group, kind));
    rows.any(|(_, _, fields)| {
        fields.iter().any(|field| keys.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    })
}

fn shown(field: &FieldDiff, value: Option<&Value>) -> String {
    match value {
        Some(value) => format!("{}: {}", field.path, value.display()),
        None => format!("no {}", field.path),
    }
}
