//! CustomResourceDefinitions that go back.

use super::{Change, ChangeKind, Context, Fact};
use crate::diff::Pair;
use crate::forecast::Confidence;
use crate::input::Known;
use crate::k8s::schema::Narrowing;
use crate::release::{Object, Value};
use crate::rules::EvidenceSource;

const GROUP: &str = "apiextensions.k8s.io";
const KIND: &str = "CustomResourceDefinition";

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let both = context.pairs.iter().filter(|pair| pair.from.is_some() && !context.is_rejected(pair.id()));
    let definitions = both.filter_map(|pair| Some((pair, pair.to.filter(|to| to.id.is(GROUP, KIND))?)));
    definitions.flat_map(|(pair, to)| narrows(context, pair, to)).collect()
}

/// What is there now, and where that was seen.
struct Now<'c> {
    body: &'c Value,
    source: EvidenceSource,
}

fn now<'c>(context: &'c Context<'_>, pair: &Pair<'c>) -> Option<Now<'c>> {
    match context.input.facts.live.get(pair.id()) {
        Some(Known::Yes(Some(live))) => Some(Now { body: &live.body, source: EvidenceSource::Live }),
        Some(Known::Yes(None)) => None,
        _ => pair.from.map(|from| Now { body: &from.body, source: EvidenceSource::From }),
    }
}

/// One change for each way in which the older definition takes less.
fn narrows(context: &Context<'_>, pair: &Pair<'_>, to: &Object) -> Vec<Change> {
    if pair.real_changes().next().is_none() {
        return Vec::new();
    }
    let Some(now) = now(context, pair) else { return Vec::new() };
    let narrowing = schemas(now.body, &to.body);
    let lost: Vec<String> =
        narrowing.preserve_dropped.iter().map(|path| format!("any field of {path}")).chain(narrowing.pruned).collect();
    let make = |facts: &[Fact], path: &str, what: Vec<String>| -> Option<Change> {
        let text = listed(&what)?;
        let change = Change::of(ChangeKind::CrdNarrows, &to.id).path(path).with("what", &text).confidence(Confidence::Likely);
        let change = facts.iter().fold(change, |change, fact| change.fact(*fact));
        let change = change.evidence(now.source, &to.id, format!("has it now: {text}"));
        Some(counted(change.evidence(EvidenceSource::To, &to.origin, "does not have it"), context, to))
    };
    let pruned = match narrowing.preserve_dropped.is_empty() {
        true => &[Fact::FieldsPruned][..],
        false => &[Fact::FieldsPruned, Fact::PreserveDropped][..],
    };
    [
        make(pruned, "spec.versions", lost),
        make(&[Fact::ConversionDropped], "spec.conversion", conversion_dropped(pair, now.body, &to.body)),
        make(&[Fact::VersionNotServed], "spec.versions", no_longer_served(now.body, &to.body)),
        make(&[Fact::SchemaTightens], "spec.versions", narrowing.tightened),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The first few, and how many more; none for none.
fn listed(all: &[String]) -> Option<String> {
    const SHOWN: usize = 4;
    let first = all.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match all.len() {
        0 => None,
        count if count > SHOWN => Some(format!("{first} and {} more", count - SHOWN)),
        _ => Some(first),
    }
}

/// Versions that both have; what several of them lose is told once.
fn schemas(now: &Value, to: &Value) -> Narrowing {
    let mut all = Narrowing::default();
    for version in to.at(&["spec", "versions"]).as_list() {
        let Some(before) = named(now, version.get("name")) else { continue };
        let schema = |version: &Value| version.at(&["schema", "openAPIV3Schema"]).clone();
        let found = Narrowing::between(&schema(before), &schema(version));
        for (into, new) in [
            (&mut all.pruned, found.pruned),
            (&mut all.preserve_dropped, found.preserve_dropped),
            (&mut all.tightened, found.tightened),
        ] {
            let fresh: Vec<String> = new.into_iter().filter(|one| !into.contains(one)).collect();
            into.extend(fresh);
        }
    }
    all
}

fn named<'v>(definition: &'v Value, name: &Value) -> Option<&'v Value> {
    definition.at(&["spec", "versions"]).as_list().iter().find(|version| version.get("name") == name)
}

/// A conversion that only the live definition has was put there by a controller and stays.
fn conversion_dropped(pair: &Pair<'_>, now: &Value, to: &Value) -> Vec<String> {
    let webhook = |body: &Value| body.at(&["spec", "conversion", "strategy"]).as_str() == Some("Webhook");
    let dropped = pair.from.is_some_and(|from| webhook(&from.body)) && webhook(now) && !webhook(to);
    if dropped { vec!["conversion by webhook".to_owned()] } else { Vec::new() }
}

fn no_longer_served(now: &Value, to: &Value) -> Vec<String> {
    let served = |version: &&Value| version.get("served").as_bool() == Some(true);
    let before = now.at(&["spec", "versions"]).as_list().iter().filter(served);
    let gone = before.filter(|version| !named(to, version.get("name")).is_some_and(|version| served(&version)));
    gone.map(|version| version.get("name").display()).collect()
}

/// How many custom resources there are to lose something, where that was counted.
fn counted(change: Change, context: &Context<'_>, definition: &Object) -> Change {
    match context.input.facts.custom_resources.get(&definition.id.name) {
        Some(Known::Yes(list)) if list.is_empty() => {
            change.fact(Fact::NoCustomResources).evidence(EvidenceSource::Live, "listing", "no custom resources")
        }
        Some(Known::Yes(list)) => change.fact(Fact::HasCustomResources).evidence(
            EvidenceSource::Live,
            "listing",
            format!("{} custom resources", list.len()),
        ),
        Some(Known::No(why)) => {
            change.fact(Fact::CountUnknown).evidence(EvidenceSource::Live, "listing", format!("not known: {why}"))
        }
        None => change.fact(Fact::CountUnknown).evidence(EvidenceSource::Live, "listing", "custom resources were not counted"),
    }
}
