//! What is in the cluster once the rollback has run: the target and what is live, without what Helm deletes.

use super::Context;
use crate::input::{Known, LiveObject};
use crate::k8s::surroundings::Surrounding;
use crate::k8s::{kinds, made, pods, references};
use crate::release::{Object, ObjectRef, Value};

/// Whether an object is there after the rollback, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    There,
    /// Not there now; something of the target may make it.
    MayBeMade(String),
    /// The rollback deletes it.
    Deleted,
    /// Not in the target and not in the cluster.
    Absent,
    Unknown(String),
}

/// Whether this object will be there. API versions do not count, only group, kind, namespace and name.
pub fn presence(context: &Context<'_>, id: &ObjectRef) -> Presence {
    let same = |other: &ObjectRef| same_object(other, id);
    if context.input.to.objects.iter().any(|object| same(&object.id)) || made_in_target(context, id) || is_set_claim(context, id)
    {
        return Presence::There;
    }
    let live = is_live(context, id);
    let goes = context.forecast.deletes.iter().chain(&context.forecast.cascades).any(same);
    match live {
        Known::Yes(true) if !goes => Presence::There,
        _ if live != Known::Yes(false) && goes => Presence::Deleted,
        Known::No(why) => Presence::Unknown(why),
        _ => maker(context, id).map_or(Presence::Absent, Presence::MayBeMade),
    }
}

/// A claim of a StatefulSet, `<template>-<set>-<ordinal>`: there already, or made by a set of either revision (claims outlive their set).
fn is_set_claim(context: &Context<'_>, id: &ObjectRef) -> bool {
    let listed = || context.input.facts.set_claims.values().filter_map(Known::yes).flatten();
    let of_set = |set: &Object| {
        let templates = set.body.at(&["spec", "volumeClaimTemplates"]).as_list().iter();
        templates.filter_map(|template| template.at(&["metadata", "name"]).as_str()).any(|template| {
            let ordinal = id.name.strip_prefix(&format!("{template}-{}-", set.id.name));
            set.id.namespace == id.namespace && ordinal.is_some_and(|ordinal| ordinal.parse::<u32>().is_ok())
        })
    };
    let goes = context.forecast.cascades.iter().any(|other| same_object(other, id));
    id.is("", "PersistentVolumeClaim")
        && !goes
        && (listed().any(|claim| claim.name() == id.name)
            || context.input.to.objects.iter().chain(&context.input.from.objects).any(of_set))
}

pub fn same_object(a: &ObjectRef, b: &ObjectRef) -> bool {
    a.kind == b.kind && a.name == b.name && a.namespace == b.namespace && a.group() == b.group()
}

/// The object of *from*, under whatever version, and under the group that its kind had before.
pub fn before<'a>(context: &'a Context<'_>, id: &ObjectRef) -> Option<&'a Object> {
    let same = |other: &ObjectRef| {
        let group = kinds::current_group(other) == kinds::current_group(id);
        group && other.kind == id.kind && other.name == id.name && other.namespace == id.namespace
    };
    context.input.from.objects.iter().find(|object| same(&object.id))
}

/// Whether the cluster has it now: by the live objects of the release, else by what was listed around it.
pub fn is_live(context: &Context<'_>, id: &ObjectRef) -> Known<bool> {
    let facts = &context.input.facts;
    if let Some((_, Known::Yes(found))) = facts.live.iter().find(|(other, _)| same_object(other, id)) {
        return Known::Yes(found.is_some());
    }
    let Some(kind) = Surrounding::ALL.iter().find(|kind| id.is(kind.group(), kind.kubernetes_kind())) else {
        return Known::No("kinds like this are not listed".to_owned());
    };
    match facts.around(*kind, id.namespace.as_deref()) {
        Known::Yes(found) => Known::Yes(found.iter().any(|live| live.name() == id.name)),
        Known::No(why) => Known::No(why),
    }
}

/// Live objects of a surrounding kind in all namespaces that were read, each with its reference.
pub fn surrounding<'a>(
    context: &'a Context<'_>,
    kind: Surrounding,
) -> impl Iterator<Item = (ObjectRef, &'a LiveObject)> + use<'a> {
    let lists = context.input.facts.around.iter().filter(move |((other, _), _)| *other == kind);
    lists.flat_map(move |((_, namespace), found)| {
        let found = found.yes().map(Vec::as_slice).unwrap_or_default();
        found.iter().map(move |live| {
            let version = live.body.get("apiVersion").as_str().unwrap_or(kind.api_versions().first().copied().unwrap_or(""));
            (ObjectRef::new(version, kind.kubernetes_kind(), namespace.as_deref(), live.name()), live)
        })
    })
}

/// Whether the object is neither part of the release nor deleted by the rollback.
pub fn is_foreign(context: &Context<'_>, id: &ObjectRef) -> bool {
    let release = &context.input;
    let own = release.to.objects.iter().chain(&release.from.objects).any(|object| same_object(&object.id, id));
    !own && !context.forecast.deletes.iter().any(|deleted| same_object(deleted, id))
}

fn target_hooks<'a>(context: &'a Context<'_>) -> impl Iterator<Item = &'a Object> + use<'a> {
    context.input.to.hook_objects()
}

/// A hook of the target is the object, or an operator makes it from an object of the target.
fn made_in_target(context: &Context<'_>, id: &ObjectRef) -> bool {
    let objects = || target_hooks(context).chain(&context.input.to.objects);
    let by_operator = |object: &Object| {
        id.group().is_empty()
            && (object.id.namespace == id.namespace || object.id.namespace.is_none())
            && made::makes(&object.id, &object.body, &id.kind, &id.name)
    };
    target_hooks(context).any(|hook| same_object(&hook.id, id)) || objects().any(by_operator)
}

/// What of the target names the object in a way that suggests it makes it: a custom resource, or the arguments of a container.
pub fn maker(context: &Context<'_>, id: &ObjectRef) -> Option<String> {
    let mut objects = target_hooks(context).chain(&context.input.to.objects);
    objects.find(|object| names(object, id)).map(|object| object.id.to_string())
}

fn names(object: &Object, id: &ObjectRef) -> bool {
    let name = id.name.as_str();
    if kinds::pod_template_path(&object.id).is_some() {
        return references::containers(pods::spec(&object.body)).any(|(_, container)| {
            let plain = container.get("env").as_list().iter().map(|env| env.get("value"));
            let texts = container.get("args").as_list().iter().chain(container.get("command").as_list()).chain(plain);
            texts.into_iter().any(|text| text.as_str().is_some_and(|plain| has_word(plain, name)) || hides_name(text, id))
        });
    }
    !kinds::is_built_in(&object.id)
        && (name.strip_prefix(&object.id.name).is_some_and(|rest| rest.starts_with('-')) || mentions(&object.body, name))
}

/// Whether a masked argument may name the Secret: `--secret-name=<redacted>`.
fn hides_name(text: &Value, id: &ObjectRef) -> bool {
    id.is("", "Secret") && matches!(text, Value::Masked(masked) if masked.text().contains("secret"))
}

/// Whether some text of the value is exactly this name.
pub fn mentions(value: &Value, name: &str) -> bool {
    match value {
        Value::Map(map) => map.values().any(|value| mentions(value, name)),
        Value::List(items) => items.iter().any(|value| mentions(value, name)),
        other => other.as_str() == Some(name),
    }
}

/// Whether `word` stands in `text` on its own.
fn has_word(text: &str, word: &str) -> bool {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (text.get(..at).unwrap_or(""), text.get(at + word.len()..).unwrap_or(""));
        !inside(before.chars().next_back()) && !inside(after.chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_on_their_own() {
        assert!(has_word("--secret-name=web-tls", "web-tls") && has_word("a,web-tls,b", "web-tls"));
        assert!(!has_word("--secret=my-web-tls", "web-tls") && !has_word("web-tls-2", "web-tls"));
    }
}
