//! Containers of the target beside what runs in their place now.

use std::collections::BTreeSet;

use crate::analyze::Context;
use crate::diff::Pair;
use crate::input::Known;
use crate::k8s::image::Image;
use crate::k8s::kinds;
use crate::release::{Object, ObjectRef, Value};
use crate::rules::{Evidence, EvidenceSource};

/// The body that a change starts from: the live one where it was read, else the one of *from*.
#[derive(Clone, Copy)]
pub struct Before<'c> {
    pub body: &'c Value,
    /// Live state was read; otherwise `at` is a place in the manifest of *from*.
    pub live: bool,
    pub object: &'c Object,
}

impl<'c> Before<'c> {
    /// None where only *to* has the object.
    pub fn of(context: &Context<'c>, pair: &Pair<'c>) -> Option<Before<'c>> {
        let (from, to) = (pair.from?, pair.to?);
        Some(match context.input.facts.live.get(&to.id) {
            Some(Known::Yes(Some(live))) => Before { body: &live.body, live: true, object: from },
            _ => Before { body: &from.body, live: false, object: from },
        })
    }

    /// Evidence that names where the body was read.
    pub fn evidence(&self, text: impl Into<String>) -> Evidence {
        match self.live {
            true => Evidence { source: EvidenceSource::Live, at: self.object.id.to_string(), text: text.into() },
            false => Evidence { source: EvidenceSource::From, at: self.object.origin.to_string(), text: text.into() },
        }
    }
}

/// A container of the target and the one it takes the place of.
pub struct Slot<'c> {
    pub id: &'c ObjectRef,
    pub target_object: &'c Object,
    pub before_object: Before<'c>,
    /// Path of the container's image in the target.
    pub path: String,
    pub name: &'c str,
    pub target: &'c Value,
    pub before: &'c Value,
    /// Claims (or claim templates) that both mount.
    pub claims: BTreeSet<&'c str>,
}

impl<'c> Slot<'c> {
    /// The two images, before and after; none where one is missing or they are the same text.
    pub fn images(&self) -> Option<(Image<'c>, Image<'c>)> {
        let (before, target) = (self.before.get("image"), self.target.get("image"));
        if before == target {
            return None;
        }
        Some((Image::parse(before.as_str()?)?, Image::parse(target.as_str()?)?))
    }

    /// Evidence: the image on both sides.
    pub fn evidence(&self) -> Vec<Evidence> {
        let shown = |value: &Value| format!("{}: {}", self.path, value.get("image").display());
        let to = Evidence { source: EvidenceSource::To, at: self.target_object.origin.to_string(), text: shown(self.target) };
        vec![to, self.before_object.evidence(shown(self.before))]
    }
}

/// Containers (not init containers) of workloads that both revisions have.
pub fn of<'c>(context: &Context<'c>) -> Vec<Slot<'c>> {
    context.pairs.iter().flat_map(|pair| of_pair(context, pair)).collect()
}

fn of_pair<'c>(context: &Context<'c>, pair: &Pair<'c>) -> Vec<Slot<'c>> {
    let (Some(before), Some(to)) = (Before::of(context, pair), pair.to) else { return Vec::new() };
    let new = pod_spec(&to.id, &to.body).get("containers").as_list();
    let old = pod_spec(&to.id, before.body).get("containers").as_list();
    new.iter().filter_map(|container| slot(to, before, container, new, old)).collect()
}

fn slot<'c>(to: &'c Object, before: Before<'c>, container: &'c Value, new: &'c [Value], old: &'c [Value]) -> Option<Slot<'c>> {
    let target_claims = claims(&to.id, &to.body, container);
    let claims_of_old = |old: &'c Value| claims(&to.id, before.body, old);
    let shares = |old: &&'c Value| !claims_of_old(old).is_disjoint(&target_claims);
    let same_name = old.iter().find(|other| other.get("name") == container.get("name"));
    let alone = (old.len() == 1 && new.len() == 1).then(|| old.first()).flatten();
    let earlier = same_name.or_else(|| old.iter().find(shares)).or(alone)?;
    let name = container.get("name").as_str()?;
    Some(Slot {
        id: &to.id,
        target_object: to,
        before_object: before,
        path: format!("{}containers[name={name}].image", spec_prefix(&to.id)),
        name,
        target: container,
        before: earlier,
        claims: claims_of_old(earlier).intersection(&target_claims).copied().collect(),
    })
}

/// The pod spec of a workload; `Null` for kinds that run no pods.
pub fn pod_spec<'v>(id: &ObjectRef, body: &'v Value) -> &'v Value {
    static NONE: Value = Value::Null;
    if kinds::pod_template_path(id).is_none() { &NONE } else { kinds::pod_template(id, body).get("spec") }
}

/// `spec.template.spec.` of a Deployment.
pub fn spec_prefix(id: &ObjectRef) -> String {
    let template = kinds::pod_template_path(id).unwrap_or_default();
    template.iter().chain(&["spec"]).map(|key| format!("{key}.")).collect()
}

/// Names of the claims and claim templates that a container mounts; an `emptyDir` keeps nothing.
fn claims<'v>(id: &ObjectRef, body: &'v Value, container: &'v Value) -> BTreeSet<&'v str> {
    let templates = body.at(&["spec", "volumeClaimTemplates"]).as_list();
    let volumes = pod_spec(id, body).get("volumes").as_list();
    let claim_of = |mount: &'v Value| {
        let name = mount.get("name").as_str()?;
        let template = templates.iter().find(|template| template.at(&["metadata", "name"]).as_str() == Some(name));
        let volume = volumes.iter().find(|volume| volume.get("name").as_str() == Some(name));
        match (template, volume) {
            (Some(_), _) => Some(name),
            (None, Some(volume)) => volume.at(&["persistentVolumeClaim", "claimName"]).as_str(),
            (None, None) => None,
        }
    };
    container.get("volumeMounts").as_list().iter().filter_map(claim_of).collect()
}

/// Programs that talk to a store and keep nothing themselves.
const CLIENTS: &[&str] = &[
    "pg_dump",
    "pg_dumpall",
    "pg_basebackup",
    "pg_isready",
    "psql",
    "pgbench",
    "mysqldump",
    "mysql",
    "mysqladmin",
    "mariadb",
    "mariadb-dump",
    "mariadb-admin",
    "mongodump",
    "mongorestore",
    "mongosh",
    "mongo",
    "redis-cli",
    "valkey-cli",
    "etcdctl",
    "kafka-topics.sh",
    "rabbitmqadmin",
    "influx",
    "clickhouse-client",
    "cqlsh",
    "mc",
    "restic",
    "nodetool",
    "sleep",
];

/// Whether the container only runs a client, a backup tool or an exporter.
pub fn is_client(container: &Value) -> bool {
    let image = container.get("image").as_str().and_then(Image::parse);
    let exporter = image.is_some_and(|image| image.name().contains("exporter"));
    let words = ["command", "args"].into_iter().flat_map(|key| container.get(key).as_list());
    let words = words.filter_map(Value::as_str).flat_map(str::split_whitespace);
    let mut programs = words.map(|word| word.rsplit('/').next().unwrap_or(word)).filter(|word| !is_shell_word(word));
    exporter || programs.next().is_some_and(|program| CLIENTS.contains(&program))
}

/// What stands before the program in `sh -ec "set -e; pg_dump …"`.
fn is_shell_word(word: &str) -> bool {
    word.starts_with('-') || matches!(word, "sh" | "bash" | "ash" | "env" | "exec" | "set" | "tini" | "dumb-init")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn clients_and_exporters_keep_nothing() {
        let client = |json| is_client(&Value::from_json(json));
        assert!(client(json!({"image": "postgres:16", "command": ["pg_dump", "-h", "db"]})));
        assert!(client(json!({"image": "postgres:16", "command": ["/bin/sh", "-ec"], "args": ["/usr/bin/pg_dump x > y"]})));
        assert!(client(json!({"image": "quay.io/x/postgres-exporter:v1"})));
        assert!(!client(json!({"image": "postgres:16", "args": ["-c", "max_connections=100"]})));
        assert!(!client(json!({"image": "postgres:16", "command": ["docker-entrypoint.sh", "postgres"]})));
    }

    #[test]
    fn mounted_claims_and_claim_templates_count() {
        let id = ObjectRef::new("apps/v1", "StatefulSet", Some("prod"), "db");
        let container = json!({"volumeMounts": [{"name": "data"}, {"name": "extra"}, {"name": "tmp"}, {"name": "gone"}]});
        let body = Value::from_json(json!({"spec": {
            "volumeClaimTemplates": [{"metadata": {"name": "data"}}, {"metadata": {"name": "unused"}}],
            "template": {"spec": {"containers": [container], "volumes": [
                {"name": "extra", "persistentVolumeClaim": {"claimName": "shared"}}, {"name": "tmp", "emptyDir": {}}]}}}}));
        let container = &pod_spec(&id, &body).get("containers").as_list()[0];
        assert_eq!(claims(&id, &body, container), BTreeSet::from(["data", "shared"]));
    }
}
