//! Systems outside of what Helm rolls back, and what stays new in them: caches, queues, registries, stores, flags, databases.
//!
//! Nothing here can be seen from the cluster, so each system kind is at most one question, however many workloads use it.

mod addresses;
mod settings;
mod systems;

use std::collections::{BTreeMap, BTreeSet};

use self::settings::{Setting, Settings};
use self::systems::{Field, System};
use super::images::data;
use super::{Change, ChangeKind, Context, Fact, migrations};
use crate::diff::Pair;
use crate::forecast::Confidence;
use crate::k8s::image::{Image, Scheme};
use crate::k8s::kinds;
use crate::k8s::references::Referent;
use crate::release::{Object, ObjectRef, Value};
use crate::rules::EvidenceSource;

/// Users named in one message.
const MAX_NAMED: usize = 5;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let mut users: BTreeMap<System, Vec<User<'_>>> = BTreeMap::new();
    for pair in context.pairs {
        for (system, user) in uses(context, pair) {
            users.entry(system).or_default().push(user);
        }
    }
    // Where the data format of a program is judged, that says more than a question about its database.
    let judged = data::goes_back(context);
    if let Some(users) = users.get_mut(&System::Database) {
        users.retain(|user| !judged.contains(&user.object.id));
    }
    let migrated =
        users.get(&System::Database).is_some_and(|users| !users.is_empty()) && !migrations::analyze(context).is_empty();
    let changes = users.into_iter().filter_map(|(system, users)| change(system, users));
    changes.map(|(system, change)| change.fact_if(migrated && system == System::Database, Fact::MigrationKnown)).collect()
}

/// A workload that uses a system, and what the rollback changes in it.
struct User<'c> {
    object: &'c Object,
    product: &'static str,
    because: String,
    /// `web: acme/web:2.0 → acme/web:1.4`.
    images: Vec<String>,
    goes_back: bool,
    /// Topics, buckets and the like: `ORDERS_TOPIC`, with both values.
    names: Vec<Renamed>,
    /// The prefix or version that separates entries changes.
    keyed: bool,
}

struct Renamed {
    name: String,
    before: String,
    after: String,
}

fn uses<'c>(context: &'c Context<'_>, pair: &Pair<'c>) -> Vec<(System, User<'c>)> {
    let (Some(from), Some(to)) = (pair.from, pair.to) else { return Vec::new() };
    // A Job runs once; what its run leaves is the migrations' subject.
    if kinds::pod_template_path(&to.id).is_none() || to.id.is("batch", "Job") || context.is_rejected(&to.id) {
        return Vec::new();
    }
    let before = state(context, &from.id, current(context, from), Side::Now);
    let after = state(context, &to.id, &to.body, Side::Target);
    let recognised = recognise(&before).into_iter().chain(recognise(&after));
    let found: BTreeMap<System, (&'static str, String)> =
        recognised.map(|(system, product, because)| (system, (product, because))).collect();
    found.into_iter().filter_map(|(system, found)| Some((system, user(system, to, found, &before, &after)?))).collect()
}

fn user<'c>(
    system: System,
    object: &'c Object,
    (product, because): (&'static str, String),
    before: &Settings,
    after: &Settings,
) -> Option<User<'c>> {
    if before.images.values().chain(after.images.values()).any(|image| systems::is_server(system, image)) {
        return None;
    }
    let moved: Vec<(&String, &String, &String)> = after
        .images
        .iter()
        .filter_map(|(name, image)| Some((name, before.images.get(name)?, image)))
        .filter(|(_, old, new)| old != new)
        .collect();
    let user = User {
        object,
        product,
        because,
        goes_back: moved.iter().any(|(_, old, new)| goes_back(old, new)),
        images: moved.iter().map(|(name, old, new)| format!("{name}: {old} → {new}")).collect(),
        names: renamed(system, Field::Name, before, after),
        keyed: !renamed(system, Field::Version, before, after).is_empty(),
    };
    // Where neither code nor names go back, the system's content is as fitting as before.
    let changes = !user.images.is_empty() || !user.names.is_empty();
    changes.then_some(user)
}

/// Whether a major or minor version goes down. What is no version (dates, hashes, `latest`) never does: its distance says nothing.
fn goes_back(before: &str, after: &str) -> bool {
    let (Some(before), Some(after)) = (Image::parse(before), Image::parse(after)) else { return false };
    let (Some(old), Some(new)) = (before.version(Scheme::Plain), after.version(Scheme::Plain)) else { return false };
    let calendar = old.is_calendar() || new.is_calendar();
    before.name() == after.name() && !calendar && new < old && !new.same_series(&old, 2)
}

/// Settings of this field of the system that differ.
fn renamed(system: System, field: Field, before: &Settings, after: &Settings) -> Vec<Renamed> {
    let names: BTreeSet<&String> = before.named.keys().chain(after.named.keys()).collect();
    let of_system = |name: &str| systems::rows(field).any(|row| row.system == Some(system) && row.matches(name));
    let differing = names.into_iter().filter(|name| of_system(name)).filter_map(|name| {
        let (old, new) = (before.named.get(name), after.named.get(name));
        let same = old.map(|setting| &setting.value) == new.map(|setting| &setting.value);
        (!same).then(|| Renamed { name: name.clone(), before: shown(old), after: shown(new) })
    });
    differing.collect()
}

/// What a Secret holds is not shown, not even as a placeholder that looks like a value.
fn shown(setting: Option<&Setting>) -> String {
    match setting {
        None => "not set".to_owned(),
        Some(setting) if setting.is_secret => "from a Secret".to_owned(),
        Some(setting) => setting.value.display(),
    }
}

/// One reason for each system that the settings point to; names say more than addresses.
fn recognise(settings: &Settings) -> Vec<(System, &'static str, String)> {
    let mut found: BTreeMap<System, (&'static str, String)> = BTreeMap::new();
    let mut add = |row: &systems::Row, because: String| {
        if let Some(system) = row.system {
            found.entry(system).or_insert((row.product, because));
        }
    };
    for field in [Field::Env, Field::Name, Field::Version] {
        for (name, setting) in &settings.named {
            let rows = systems::rows(field).filter(|row| row.matches(name));
            rows.for_each(|row| add(row, setting.place.clone()));
        }
    }
    for (place, address) in settings.texts.iter().flat_map(|(place, text)| addresses::of(text).map(move |found| (place, found))) {
        let parts = [
            (Field::Scheme, address.scheme.as_deref(), "", "://"),
            (Field::Host, Some(address.host.as_str()), "", ""),
            (Field::Port, address.port.as_deref(), "port ", ""),
        ];
        for (field, text, before, after) in parts {
            let Some(text) = text else { continue };
            let rows = systems::rows(field).filter(|row| row.matches(text));
            rows.for_each(|row| add(row, format!("{before}{text}{after} in {place}")));
        }
    }
    for image in settings.images.values() {
        let name = Image::parse(image).map_or("", |image| image.name());
        let rows = systems::rows(Field::Image).filter(|row| row.matches(name));
        rows.for_each(|row| add(row, format!("container image {image}")));
    }
    found.into_iter().map(|(system, (product, because))| (system, product, because)).collect()
}

/// One change for all users of a system; the one most at risk comes first and gives the finding its object.
fn change(system: System, mut users: Vec<User<'_>>) -> Option<(System, Change)> {
    users.sort_by_key(|user| (user.names.is_empty(), !user.goes_back || user.keyed));
    let first = users.first()?;
    let names: Vec<&Renamed> = users.iter().flat_map(|user| &user.names).collect();
    let names_text: BTreeSet<&str> = names.iter().map(|renamed| renamed.name.as_str()).collect();
    let mut change = Change::of(ChangeKind::OutsideSystem, &first.object.id)
        .confidence(Confidence::Possible)
        .fact(system.fact())
        .fact_if(!names.is_empty(), Fact::NamesDiffer)
        .fact_if(users.iter().any(|user| user.goes_back && !user.keyed), Fact::AppGoesBack)
        .fact_if(users.iter().all(|user| user.keyed), Fact::EntriesKeyed)
        .with("system", system.as_str())
        .with("product", first.product)
        .with("because", &first.because)
        .with("images", text_or(&first.images, "no image changes"))
        .with("names", text_or(&names_text.into_iter().collect::<Vec<_>>(), "none"))
        .with("workloads", workloads(&users));
    for user in users.iter().take(MAX_NAMED) {
        change = change.evidence(
            EvidenceSource::To,
            &user.object.origin,
            format!("{} uses {}: {}", user.object.id, user.product, user.because),
        );
        for text in &user.images {
            change = change.evidence(EvidenceSource::To, &user.object.id, text);
        }
        for Renamed { name, before, after } in user.names.iter().take(MAX_NAMED) {
            change = change.evidence(EvidenceSource::To, &user.object.id, format!("{name}: {before} → {after}"));
        }
    }
    Some((system, change.evidence(EvidenceSource::Table, "external-systems.csv", system.as_str())))
}

fn text_or<T: AsRef<str>>(parts: &[T], none: &str) -> String {
    if parts.is_empty() { none.to_owned() } else { parts.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ") }
}

fn workloads(users: &[User<'_>]) -> String {
    let named: Vec<String> = users.iter().take(MAX_NAMED).map(|user| user.object.id.to_string()).collect();
    match users.len().saturating_sub(MAX_NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// The live body, or the one in *from* where live is not known or gone.
fn current<'c>(context: &'c Context<'_>, from: &'c Object) -> &'c Value {
    context.input.facts.live_of(&from.id).yes().copied().flatten().map_or(&from.body, |live| &live.body)
}

#[derive(Clone, Copy)]
enum Side {
    Now,
    Target,
}

fn state(context: &Context<'_>, id: &ObjectRef, body: &Value, side: Side) -> Settings {
    let namespace = id.namespace.clone();
    let lookup = move |to: Referent, name: &str| {
        let (_, kind) = to.kind();
        let wanted = ObjectRef::new("v1", kind, namespace.as_deref(), name);
        match side {
            Side::Target => context.in_to(&wanted).map(|object| &object.body),
            Side::Now => context.in_from(&wanted).map(|object| current(context, object)),
        }
    };
    settings::of(kinds::pod_template(id, body).get("spec"), &lookup)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn majors_and_minors_go_back_patches_do_not() {
        assert!(goes_back("acme/shop:2.0.0", "acme/shop:1.9.3"));
        assert!(goes_back("ghcr.io/acme/shop:v1.10.0-alpine", "docker.io/acme/shop:v1.9.0-alpine"));
        assert!(goes_back("localhost:5000/shop:3@sha256:00", "localhost:5000/shop:2"));
        for (before, after) in [
            ("acme/shop:1.2.3", "acme/shop:1.2.0"),
            ("acme/shop:1.2.3", "acme/shop:1.3.0"),
            ("acme/shop:2", "acme/cart:1"),
            ("acme/shop:2026.1", "acme/shop:2025.9"),
            ("acme/shop:8f3ac1", "acme/shop:1.0"),
            ("acme/shop", "acme/shop:1.0"),
        ] {
            assert!(!goes_back(before, after), "{before} {after}");
        }
    }
}
