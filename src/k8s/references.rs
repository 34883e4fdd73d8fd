//! What a pod refers to by name (core/v1 `PodSpec`, `EnvFromSource`, `VolumeSource`).

use std::collections::BTreeSet;

use crate::release::Value;

/// The kind of object referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Referent {
    ConfigMap,
    Secret,
    ServiceAccount,
    PersistentVolumeClaim,
    PriorityClass,
    RuntimeClass,
}

impl Referent {
    /// API group and kind.
    pub fn kind(self) -> (&'static str, &'static str) {
        match self {
            Referent::ConfigMap => ("", "ConfigMap"),
            Referent::Secret => ("", "Secret"),
            Referent::ServiceAccount => ("", "ServiceAccount"),
            Referent::PersistentVolumeClaim => ("", "PersistentVolumeClaim"),
            Referent::PriorityClass => ("scheduling.k8s.io", "PriorityClass"),
            Referent::RuntimeClass => ("node.k8s.io", "RuntimeClass"),
        }
    }
}

/// One reference of a pod spec.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    pub to: Referent,
    pub name: String,
    /// The key of a ConfigMap or Secret that must be there; none = the whole object.
    pub key: Option<String>,
    /// The pod starts without it.
    pub optional: bool,
    /// Where the pod spec says so: `containers[name=web].envFrom`, `volumes[name=config]`.
    pub place: String,
}

/// Everything a pod of this spec refers to, each once.
pub fn of(spec: &Value) -> BTreeSet<Reference> {
    let mut found = Found(BTreeSet::new());
    for (list, container) in containers(spec) {
        let name = container.get("name").as_str().unwrap_or("");
        found.container(&format!("{list}[name={name}]"), container);
    }
    spec.get("volumes").as_list().iter().for_each(|volume| found.volume(volume));
    let named = [
        ("serviceAccountName", Referent::ServiceAccount),
        ("priorityClassName", Referent::PriorityClass),
        ("runtimeClassName", Referent::RuntimeClass),
    ];
    for (key, to) in named {
        found.add(to, spec.get(key), None, false, key);
    }
    for secret in spec.get("imagePullSecrets").as_list() {
        // The kubelet pulls without a pull secret that is missing.
        found.add(Referent::Secret, secret.get("name"), None, true, "imagePullSecrets");
    }
    found.0
}

/// Init and ordinary containers, with the list they stand in.
pub fn containers(spec: &Value) -> impl Iterator<Item = (&'static str, &Value)> {
    ["initContainers", "containers"].into_iter().flat_map(|list| spec.get(list).as_list().iter().map(move |item| (list, item)))
}

struct Found(BTreeSet<Reference>);

impl Found {
    fn add(&mut self, to: Referent, name: &Value, key: Option<&Value>, optional: bool, place: &str) {
        let Some(name) = name.as_str().filter(|name| !name.is_empty()) else { return };
        let key = key.and_then(Value::as_str).map(str::to_owned);
        self.0.insert(Reference { to, name: name.to_owned(), key, optional, place: place.to_owned() });
    }

    fn container(&mut self, place: &str, container: &Value) {
        for env in container.get("env").as_list() {
            let place = format!("{place}.env[name={}]", env.get("name").as_str().unwrap_or(""));
            for (field, to) in [("configMapKeyRef", Referent::ConfigMap), ("secretKeyRef", Referent::Secret)] {
                let source = env.at(&["valueFrom", field]);
                self.add(to, source.get("name"), Some(source.get("key")), is_optional(source), &place);
            }
        }
        for source in container.get("envFrom").as_list() {
            for (field, to) in [("configMapRef", Referent::ConfigMap), ("secretRef", Referent::Secret)] {
                let source = source.get(field);
                self.add(to, source.get("name"), None, is_optional(source), &format!("{place}.envFrom"));
            }
        }
    }

    fn volume(&mut self, volume: &Value) {
        let place = format!("volumes[name={}]", volume.get("name").as_str().unwrap_or(""));
        self.source(volume, &place);
        volume.at(&["projected", "sources"]).as_list().iter().for_each(|source| self.projected(source, &place));
        let claim = volume.at(&["persistentVolumeClaim", "claimName"]);
        self.add(Referent::PersistentVolumeClaim, claim, None, false, &place);
    }

    /// A ConfigMap is named by `name`, a Secret by `secretName`; listed items are keys that must be there.
    fn source(&mut self, volume: &Value, place: &str) {
        let (config, secret) = (volume.get("configMap"), volume.get("secret"));
        self.with_items(Referent::ConfigMap, config.get("name"), config, place);
        self.with_items(Referent::Secret, secret.get("secretName"), secret, place);
    }

    fn projected(&mut self, source: &Value, place: &str) {
        let (config, secret) = (source.get("configMap"), source.get("secret"));
        self.with_items(Referent::ConfigMap, config.get("name"), config, place);
        self.with_items(Referent::Secret, secret.get("name"), secret, place);
    }

    fn with_items(&mut self, to: Referent, name: &Value, source: &Value, place: &str) {
        let optional = is_optional(source);
        let items = source.get("items").as_list();
        if items.is_empty() {
            self.add(to, name, None, optional, place);
        }
        items.iter().for_each(|item| self.add(to, name, Some(item.get("key")), optional, place));
    }
}

fn is_optional(source: &Value) -> bool {
    source.get("optional").as_bool() == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_kind_of_reference_is_found_with_its_place() {
        let spec = Value::from_json(json!({
            "serviceAccountName": "runner", "priorityClassName": "high", "imagePullSecrets": [{"name": "pull"}],
            "initContainers": [{"name": "wait", "envFrom": [{"configMapRef": {"name": "defaults", "optional": true}}]}],
            "containers": [{"name": "web", "env": [
                {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
                {"name": "PLAIN", "value": "x"},
            ]}],
            "volumes": [
                {"name": "config", "configMap": {"name": "web", "items": [{"key": "a.conf", "path": "a"}]}},
                {"name": "tls", "projected": {"sources": [{"secret": {"name": "tls"}}, {"serviceAccountToken": {}}]}},
                {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
                {"name": "tmp", "emptyDir": {}},
            ],
        }));
        let lines: Vec<String> = of(&spec)
            .iter()
            .map(|found| {
                let key = found.key.as_deref().unwrap_or("-");
                format!("{:?} {} {key} {} {}", found.to, found.name, found.optional, found.place)
            })
            .collect();
        let expected = [
            "ConfigMap defaults - true initContainers[name=wait].envFrom",
            "ConfigMap web a.conf false volumes[name=config]",
            "Secret db password false containers[name=web].env[name=PASSWORD]",
            "Secret pull - true imagePullSecrets",
            "Secret tls - false volumes[name=tls]",
            "ServiceAccount runner - false serviceAccountName",
            "PersistentVolumeClaim data - false volumes[name=data]",
            "PriorityClass high - false priorityClassName",
        ];
        assert_eq!(lines, expected);
    }
}
