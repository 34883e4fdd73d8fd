//! Certificates that the target brings back although they are expired, or nearly.

use jiff::Timestamp;

use super::{Change, ChangeKind, Context, Fact, secrets};
use crate::input::Known;
use crate::k8s::pods;
use crate::release::{Certificate, Object, ObjectRef, Value, certificate};
use crate::rules::EvidenceSource;

/// A certificate that ends within this time is as good as expired: there is hardly time to replace it after the rollback.
const SOON: i64 = 7 * 24 * 3600;

/// Annotations by which cert-manager marks what it writes itself (cert-manager.io `reference/annotations`).
const MANAGER: &str = "cert-manager.io/";

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let Known::Yes(now) = context.input.facts.now else { return Vec::new() };
    let objects = context.input.to.objects.iter().filter(|object| !context.is_rejected(&object.id));
    objects.filter_map(|object| change(context, object, now)).collect()
}

/// The worst certificate of an object speaks for all.
fn change(context: &Context<'_>, object: &Object, now: Timestamp) -> Option<Change> {
    let certificates = of_object(object);
    let worst = worst(&certificates, now)?;
    let until = date(worst.certificate.not_after);
    let expired = worst.certificate.not_after <= now.as_second();
    let change = Change::of(ChangeKind::CertificateExpires, &object.id)
        .path(&worst.certificate.key)
        .fact_if(worst.is_old_root, Fact::OldRoot)
        .fact_if(is_used(context, &object.id), Fact::CertificateUsed)
        .fact_if(is_managed(context, object), Fact::CertificateManaged)
        .with("subject", &worst.certificate.subject)
        .with("expiry", if expired { format!("expired on {until}") } else { format!("expires on {until}") })
        .evidence(EvidenceSource::To, &object.origin, described(worst.certificate));
    Some(match unchanged(context, object, worst.certificate) {
        Some(source) => change.fact(Fact::CertificateUnchanged).evidence(source, &object.id, "the same certificate"),
        None => change,
    })
}

fn described(certificate: &Certificate) -> String {
    let Certificate { key, subject, issuer, not_before, not_after, .. } = certificate;
    format!("{key}: {subject}, issued by {issuer}, valid from {} to {}", date(*not_before), date(*not_after))
}

fn date(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| "an unknown day".to_owned(), |time| time.strftime("%Y-%m-%d").to_string())
}

struct Worst<'c> {
    certificate: &'c Certificate,
    is_old_root: bool,
}

/// Leaves before authorities, then what ended first.
fn worst<'c>(certificates: &'c [Certificate], now: Timestamp) -> Option<Worst<'c>> {
    let limit = now.as_second().saturating_add(SOON);
    let ended = certificates.iter().filter(|certificate| certificate.not_after < limit);
    let judged = ended.map(|certificate| Worst { certificate, is_old_root: is_old_root(certificate, certificates, limit) });
    judged.min_by_key(|worst| (worst.is_old_root, worst.certificate.not_after))
}

/// An authority that ended, in a file that holds something valid: clients go by the others.
fn is_old_root(certificate: &Certificate, all: &[Certificate], limit: i64) -> bool {
    let same_file = |other: &&Certificate| other.key == certificate.key;
    certificate.is_authority && all.iter().filter(same_file).any(|other| other.not_after >= limit)
}

/// Of a Secret, or of the `caBundle`s by which the API server trusts webhooks and extension servers.
fn of_object(object: &Object) -> Vec<Certificate> {
    if object.certificates.is_empty() { bundles(&object.id, &object.body) } else { object.certificates.clone() }
}

fn bundles(id: &ObjectRef, body: &Value) -> Vec<Certificate> {
    match (id.group(), id.kind.as_str()) {
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration") => {
            let webhooks = body.get("webhooks").as_list().iter();
            webhooks.flat_map(|webhook| certificate::of_bundle(&webhook_path(webhook), bundle(webhook, &[]))).collect()
        }
        ("apiregistration.k8s.io", "APIService") => certificate::of_bundle("spec.caBundle", body.at(&["spec", "caBundle"])),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => certificate::of_bundle(
            "spec.conversion.webhook.clientConfig.caBundle",
            bundle(body, &["spec", "conversion", "webhook"]),
        ),
        _ => Vec::new(),
    }
}

fn bundle<'v>(value: &'v Value, path: &[&str]) -> &'v Value {
    value.at(path).at(&["clientConfig", "caBundle"])
}

fn webhook_path(webhook: &Value) -> String {
    format!("webhooks[name={}].clientConfig.caBundle", webhook.get("name").as_str().unwrap_or(""))
}

/// Where the very same certificate is there already: the rollback does not bring it.
fn unchanged(context: &Context<'_>, object: &Object, certificate: &Certificate) -> Option<EvidenceSource> {
    let in_from = || context.in_from(&object.id).is_some_and(|before| of_object(before).contains(certificate));
    match context.input.facts.live_of(&object.id) {
        // A placeholder that a controller replaces after each upgrade is replaced after the rollback too.
        _ if !object.id.is("", "Secret") && in_from() => Some(EvidenceSource::From),
        Known::Yes(live) => {
            let body = &live?.body;
            let same = match object.id.is("", "Secret") {
                true => content(body, &certificate.key) == content(&object.body, &certificate.key),
                false => bundles(&object.id, body).contains(certificate),
            };
            same.then_some(EvidenceSource::Live)
        }
        Known::No(_) => in_from().then_some(EvidenceSource::From),
    }
}

/// `stringData` wins, as on the server.
fn content<'v>(body: &'v Value, key: &str) -> &'v Value {
    let plain = body.at(&["stringData", key]);
    if plain.is_null() { body.at(&["data", key]) } else { plain }
}

/// A pod, Ingress or Gateway of the target presents or trusts it; the API server reads every `caBundle`.
fn is_used(context: &Context<'_>, id: &ObjectRef) -> bool {
    if !id.is("", "Secret") {
        return true;
    }
    let neighbours = context.input.to.objects.iter().filter(|object| object.id.namespace == id.namespace);
    neighbours.into_iter().any(|object| names_secret(object, &id.name))
}

fn names_secret(object: &Object, name: &str) -> bool {
    let body = &object.body;
    let is_name = |value: &Value| value.as_str() == Some(name);
    match object.id.kind.as_str() {
        "Ingress" => body.at(&["spec", "tls"]).as_list().iter().any(|tls| is_name(tls.get("secretName"))),
        "Gateway" => body.at(&["spec", "listeners"]).as_list().iter().any(|listener| {
            listener.at(&["tls", "certificateRefs"]).as_list().iter().any(|reference| is_name(reference.get("name")))
        }),
        _ => secrets::refers_to_secret(pods::spec(body), name),
    }
}

/// cert-manager writes it again on its own.
fn is_managed(context: &Context<'_>, object: &Object) -> bool {
    let annotated = |body: &Value| {
        let annotations = body.at(&["metadata", "annotations"]).as_map().into_iter().flatten();
        annotations.into_iter().any(|(key, _)| key.starts_with(MANAGER))
    };
    let live = context.input.facts.live_of(&object.id).yes().copied().flatten();
    annotated(&object.body) || live.is_some_and(|live| annotated(&live.body)) || has_certificate(context, &object.id)
}

/// A Certificate of the target names the Secret as its own.
fn has_certificate(context: &Context<'_>, id: &ObjectRef) -> bool {
    let mut certificates = context.input.to.objects.iter().filter(|object| object.id.is("cert-manager.io", "Certificate"));
    id.is("", "Secret")
        && certificates.any(|object| {
            object.id.namespace == id.namespace && object.body.at(&["spec", "secretName"]).as_str() == Some(&id.name)
        })
}
