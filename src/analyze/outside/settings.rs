//! What a workload is told by its environment and its configuration files.

use std::collections::BTreeMap;

use crate::k8s::references::{self, Referent};
use crate::release::Value;

/// Longer texts are data, not settings.
const MAX_TEXT: usize = 64 * 1024;

/// Values that turn a setting off.
const OFF: [&str; 6] = ["", "false", "none", "null", "disabled", "off"];

/// Names, texts and images of one workload in one state.
#[derive(Default)]
pub(super) struct Settings {
    /// By name, spelled as an environment variable; secret values are there as something comparable.
    pub(super) named: BTreeMap<String, Setting>,
    /// Texts to search for addresses, with their places.
    pub(super) texts: Vec<(String, String)>,
    /// Container name → image, init containers left out.
    pub(super) images: BTreeMap<String, String>,
}

pub(super) struct Setting {
    pub(super) value: Value,
    /// Where it stands: `env REDIS_HOST`, `ConfigMap app, app.properties`.
    pub(super) place: String,
    pub(super) is_secret: bool,
}

/// Finds the body of a ConfigMap or Secret beside the workload.
pub(super) type Lookup<'c> = dyn Fn(Referent, &str) -> Option<&'c Value> + 'c;

pub(super) fn of<'c>(pod_spec: &Value, lookup: &Lookup<'c>) -> Settings {
    let mut settings = Settings::default();
    for (list, container) in references::containers(pod_spec) {
        let (name, image) = (container.get("name").as_str(), container.get("image").as_str());
        if let (Some(name), Some(image), "containers") = (name, image, list) {
            settings.images.insert(name.to_owned(), image.to_owned());
        }
        container.get("envFrom").as_list().iter().for_each(|source| settings.env_from(source, lookup));
        container.get("env").as_list().iter().for_each(|env| settings.env(env, lookup));
    }
    for reference in references::of(pod_spec).iter().filter(|reference| reference.place.starts_with("volumes")) {
        if let (Referent::ConfigMap, Some(body)) = (reference.to, lookup(Referent::ConfigMap, &reference.name)) {
            settings.files(&reference.name, body, reference.key.as_deref());
        }
    }
    settings
}

impl Settings {
    fn env(&mut self, env: &Value, lookup: &Lookup<'_>) {
        let Some(name) = env.get("name").as_str() else { return };
        let (config, secret) = (env.at(&["valueFrom", "configMapKeyRef"]), env.at(&["valueFrom", "secretKeyRef"]));
        let found = |to, reference: &Value| {
            let key = reference.get("key").as_str()?;
            lookup(to, reference.get("name").as_str()?).map(|body| body.at(&["data", key]).clone())
        };
        if !env.get("value").is_null() {
            self.add(name, env.get("value").clone(), format!("env {name}"), false);
        } else if !config.is_null() {
            self.add(name, found(Referent::ConfigMap, config).unwrap_or(Value::Null), format!("env {name}"), false);
        } else if !secret.is_null() {
            self.add(name, found(Referent::Secret, secret).unwrap_or(Value::Null), format!("env {name}"), true);
        }
    }

    fn env_from(&mut self, source: &Value, lookup: &Lookup<'_>) {
        let prefix = source.get("prefix").as_str().unwrap_or("");
        for (field, to) in [("configMapRef", Referent::ConfigMap), ("secretRef", Referent::Secret)] {
            let body = source.at(&[field, "name"]).as_str().and_then(|name| lookup(to, name));
            for (key, value) in body.and_then(|body| body.get("data").as_map()).into_iter().flatten() {
                let name = format!("{prefix}{key}");
                self.add(&name, value.clone(), format!("env {name}"), to == Referent::Secret);
            }
        }
    }

    fn files(&mut self, name: &str, body: &Value, only: Option<&str>) {
        let data = body.get("data").as_map().into_iter().flatten();
        for (key, value) in data.filter(|(key, _)| only.is_none_or(|only| only == *key)) {
            let Some(text) = value.as_str().filter(|text| text.len() <= MAX_TEXT) else { continue };
            let place = format!("ConfigMap {name}, {key}");
            for (setting, value) in text.lines().filter_map(line) {
                self.add(&setting, Value::from(value), place.clone(), false);
            }
            self.texts.push((place, text.to_owned()));
        }
    }

    fn add(&mut self, name: &str, value: Value, place: String, is_secret: bool) {
        let text = value.as_str().map(|text| text.trim().to_lowercase());
        if text.as_deref().is_some_and(|text| OFF.contains(&text)) || value.as_bool() == Some(false) {
            return;
        }
        if let Some(text) = value.as_str().filter(|_| !is_secret) {
            self.texts.push((place.clone(), text.to_owned()));
        }
        self.named.insert(name.to_owned(), Setting { value, place, is_secret });
    }
}

/// `spring.kafka.group-id = orders` → (`SPRING_KAFKA_GROUP_ID`, `orders`): Spring's and others' spelling of the same setting.
fn line(line: &str) -> Option<(String, &str)> {
    let line = line.trim().trim_start_matches("- ").trim_start_matches("export ");
    let end = line.find([':', '='])?;
    let (key, value) = (line[..end].trim(), line[end + 1..].trim());
    let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    let value = value.trim_matches(['"', '\'']);
    (is_key && !value.is_empty()).then(|| (key.to_ascii_uppercase().replace(['.', '-'], "_"), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn environment_and_files_are_read_as_the_pod_sees_them() {
        let config = Value::from_json(json!({"data": {"app.properties": "# x\nspring.kafka.group-id=orders\n", "MODE": "fast"}}));
        let secret = Value::from_json(json!({"data": {"TOKEN": "x"}}));
        let spec = Value::from_json(json!({
            "containers": [{"name": "web", "image": "acme/web:1", "env": [
                {"name": "A", "value": "1"}, {"name": "OFF", "value": "False"},
                {"name": "M", "valueFrom": {"configMapKeyRef": {"name": "app", "key": "MODE"}}},
                {"name": "P", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
                "envFrom": [{"prefix": "S_", "secretRef": {"name": "app"}}]}],
            "volumes": [{"name": "c", "configMap": {"name": "app"}}]}));
        let lookup = |to: Referent, name: &str| (name == "app").then_some(if to == Referent::Secret { &secret } else { &config });
        let settings = of(&spec, &lookup);
        let shown: Vec<String> = settings
            .named
            .iter()
            .map(|(name, setting)| format!("{name} {} {} {}", setting.value.display(), setting.is_secret, setting.place))
            .collect();
        let expected = [
            "A 1 false env A",
            "M fast false env M",
            "SPRING_KAFKA_GROUP_ID orders false ConfigMap app, app.properties",
            "S_TOKEN x true env S_TOKEN",
        ];
        assert_eq!(shown, expected);
        assert_eq!(settings.images.get("web").map(String::as_str), Some("acme/web:1"));
    }
}
