//! Credentials that a data store was initialised with: it keeps its own copy on its volume, and another content does not open it.
//!
//! Recognised by the variables of the store's own container, since keys of Secrets are called as each chart likes.

use super::Context;
use super::images::slots;
use crate::k8s::data_format;
use crate::k8s::glob::glob;
use crate::k8s::image::Image;
use crate::k8s::pods;
use crate::release::{Object, ObjectRef, Value};
use crate::table;

const TABLE: &str = include_str!("../../rules/tables/store-credentials.csv");

/// A store of the target that was initialised with a key of a Secret.
pub(super) struct Use<'c> {
    pub workload: &'c Object,
    /// `POSTGRES_PASSWORD`.
    pub variable: String,
    /// `the password of the first superuser`.
    pub what: &'static str,
    pub source: &'static str,
}

/// The first store with a claim of its own that reads one of these keys as a credential.
pub(super) fn find<'c>(context: &Context<'c>, secret: &ObjectRef, keys: &[&str]) -> Option<Use<'c>> {
    let near = context.input.to.objects.iter().filter(|object| object.id.namespace == secret.namespace);
    near.filter(|object| keeps_data(&object.body)).find_map(|object| {
        let pod = slots::pod_spec(&object.id, &object.body);
        let containers = pod.get("containers").as_list().iter();
        containers.filter(|container| !slots::is_client(container)).find_map(|container| {
            let mut variables = variables(pod, container, &secret.name, keys).into_iter();
            variables.find_map(|variable| {
                let row = credential(container, &variable)?;
                Some(Use { workload: object, what: row.field(2), source: row.field(3), variable })
            })
        })
    })
}

/// The row of the container's product that knows the variable.
fn credential(container: &Value, variable: &str) -> Option<table::Record> {
    let image = container.get("image").as_str().and_then(Image::parse)?;
    let name = variable.strip_suffix("_FILE").unwrap_or(variable);
    let row = |id: &str| table::records(TABLE).find(|row| row.field(0) == id && glob(row.field(1), name));
    data_format::products(&image).find_map(|product| row(product.id))
}

fn keeps_data(body: &Value) -> bool {
    let claims = !body.at(&["spec", "volumeClaimTemplates"]).as_list().is_empty();
    claims || pods::spec(body).get("volumes").as_list().iter().any(|volume| !volume.get("persistentVolumeClaim").is_null())
}

/// Variables of the container that hold one of these keys, or name the file in which it is mounted.
fn variables(pod: &Value, container: &Value, secret: &str, keys: &[&str]) -> Vec<String> {
    let env = || container.get("env").as_list().iter().filter_map(|env| Some((env.get("name").as_str()?, env)));
    let wanted = |key: Option<&str>| key.is_some_and(|key| keys.contains(&key));
    let direct = env().filter(|(_, env)| {
        let reference = env.at(&["valueFrom", "secretKeyRef"]);
        reference.get("name").as_str() == Some(secret) && wanted(reference.get("key").as_str())
    });
    let mounted = mounts(pod, container, secret);
    let files = env().filter(|(name, env)| {
        let file = env.get("value").as_str().and_then(|path| path.rsplit('/').next());
        mounted && name.ends_with("_FILE") && wanted(file)
    });
    let sources = container.get("envFrom").as_list().iter();
    let whole = sources.filter(|source| source.at(&["secretRef", "name"]).as_str() == Some(secret));
    let prefixes = whole.map(|source| source.get("prefix").as_str().unwrap_or(""));
    let all = prefixes.flat_map(|prefix| keys.iter().map(move |key| format!("{prefix}{key}")));
    direct.chain(files).map(|(name, _)| name.to_owned()).chain(all).collect()
}

fn mounts(pod: &Value, container: &Value, secret: &str) -> bool {
    let volumes = pod.get("volumes").as_list().iter().filter(|volume| holds(volume, secret));
    let names: Vec<&Value> = volumes.map(|volume| volume.get("name")).collect();
    container.get("volumeMounts").as_list().iter().any(|mount| names.contains(&mount.get("name")))
}

fn holds(volume: &Value, secret: &str) -> bool {
    let projected = volume.at(&["projected", "sources"]).as_list().iter();
    volume.at(&["secret", "secretName"]).as_str() == Some(secret)
        || projected.into_iter().any(|source| source.at(&["secret", "name"]).as_str() == Some(secret))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_row_names_a_known_product() {
        table::check(TABLE);
        let rows = table::strict(TABLE, &["product", "pattern", "what", "source"]).unwrap();
        for row in rows {
            assert!((0..3).all(|column| !row.field(column).is_empty()), "{}", row.field(1));
            assert!(data_format::product(row.field(0)).is_some(), "{}", row.field(0));
        }
    }

    #[test]
    fn variables_files_and_whole_secrets_are_read() {
        let pod = Value::from_json(json!({"volumes": [{"name": "keys", "secret": {"secretName": "db"}}]}));
        let container = Value::from_json(json!({
            "image": "postgres:16",
            "env": [
                {"name": "POSTGRES_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "pw"}}},
                {"name": "OTHER", "valueFrom": {"secretKeyRef": {"name": "other", "key": "pw"}}},
                {"name": "MYSQL_ROOT_PASSWORD_FILE", "value": "/keys/root"}],
            "volumeMounts": [{"name": "keys", "mountPath": "/keys"}],
            "envFrom": [{"secretRef": {"name": "db"}, "prefix": "NEO4J_"}]}));
        assert_eq!(variables(&pod, &container, "db", &["pw"]), ["POSTGRES_PASSWORD", "NEO4J_pw"]);
        assert_eq!(variables(&pod, &container, "db", &["root"]), ["MYSQL_ROOT_PASSWORD_FILE", "NEO4J_root"]);
        assert_eq!(variables(&pod, &container, "other", &["root"]), [""; 0]);
        let uses = |name: &str| credential(&container, name).is_some();
        assert!(uses("POSTGRES_PASSWORD") && uses("POSTGRES_PASSWORD_FILE") && !uses("MYSQL_ROOT_PASSWORD") && !uses("CSRF_KEY"));
    }
}
