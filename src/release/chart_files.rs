//! Files of the chart inside a record (`chart.files`): the few that may be migrations are kept, all others skipped while reading.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::decode::decode_base64;
use super::redact::Redactor;
use super::{Hook, Object, ObjectRef};

/// Bound of one file, in bytes of its base64 text.
const LONGEST: usize = 1 << 20;

/// The same for a definition of `crds/`: those of large operators are close to a megabyte of text.
const LONGEST_DEFINITION: usize = 4 << 20;

/// Bound of all files together, in bytes of text.
const MOST: usize = 8 << 20;

/// Name and data as `pkg/chart.File` (3.x) and `pkg/chart/common.File` (4.x) marshal them: name first.
#[derive(Clone, Default)]
pub(super) struct RawFile {
    pub name: String,
    /// Base64 text; empty for a file that is not of interest.
    data: String,
    /// Base64 text of a file of `crds/`.
    definition: String,
}

impl RawFile {
    fn is_definition(&self) -> bool {
        self.name.starts_with("crds/")
    }

    fn is_wanted(&self) -> bool {
        self.is_definition() || is_of_interest(&self.name)
    }

    /// Takes what a file of this name may hold.
    fn keep(&mut self, data: Option<String>) {
        let Some(data) = data else { return };
        if self.is_definition() {
            self.definition = Some(data).filter(|data| data.len() <= LONGEST_DEFINITION).unwrap_or_default();
        } else if is_of_interest(&self.name) {
            self.data = Some(data).filter(|data| data.len() <= LONGEST).unwrap_or_default();
        }
    }

    /// Keeps that there is a file of `crds/`, and not its text.
    pub fn forget_definition(&mut self) {
        self.definition = String::new();
    }

    pub fn is_kept(&self) -> bool {
        !self.data.is_empty()
    }

    /// Text of a file of `crds/` as it is stored; none for other files, and where it is no text or too long.
    pub fn definition(&self) -> Option<String> {
        let bytes = decode_base64(self.definition.as_bytes()).filter(|bytes| !bytes.is_empty())?;
        String::from_utf8(bytes).ok()
    }
}

/// A script or changelog that a migration framework could read; templates and values of the chart are none.
fn is_of_interest(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let script = lower.ends_with(".sql");
    let named = ["migration", "changelog", "db/", "schema"].iter().any(|word| lower.contains(word));
    let list = [".xml", ".yaml", ".yml", ".json", ".toml", ".sum", ".plan"].iter().any(|end| lower.ends_with(end));
    !lower.starts_with("crds/") && (script || (named && list))
}

/// Place of the files of the chart among the places of [`names`].
pub const OF_CHART: &str = "chart";

/// Place of the keys of a ConfigMap among the places of [`names`].
pub fn of_config_map(id: &ObjectRef) -> String {
    format!("ConfigMap {id}")
}

/// Names of files that may be migrations, by the place that holds them.
pub fn names<'a>(objects: &[Object], hooks: &[Hook], chart: impl Iterator<Item = &'a str>) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let hooks = hooks.iter().filter_map(|hook| hook.object.as_ref());
    for object in objects.iter().chain(hooks).filter(|object| object.id.is("", "ConfigMap")) {
        let data = object.body.get("data");
        let keys = data.as_map().into_iter().flat_map(|map| map.iter()).map(|(key, _)| key.to_string());
        let scripts: BTreeSet<String> = keys.filter(|key| is_of_interest(key)).collect();
        if !scripts.is_empty() {
            found.insert(of_config_map(&object.id), scripts);
        }
    }
    let chart: BTreeSet<String> = chart.map(str::to_owned).collect();
    if !chart.is_empty() {
        found.insert(OF_CHART.to_owned(), chart);
    }
    found
}

/// Redacted texts of the files that are of interest, by path.
pub(super) fn texts(files: &[RawFile], redactor: &Redactor) -> BTreeMap<String, String> {
    let mut left = MOST;
    let mut texts = BTreeMap::new();
    for file in files.iter().filter(|file| !file.data.is_empty()) {
        let Some(text) = decode_base64(file.data.as_bytes()).and_then(|bytes| String::from_utf8(bytes).ok()) else { continue };
        let Some(rest) = left.checked_sub(text.len()) else { break };
        left = rest;
        texts.insert(file.name.clone(), redactor.text(&text));
    }
    texts
}

impl<'de> Deserialize<'de> for RawFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FileVisitor)
    }
}

struct FileVisitor;

impl<'de> Visitor<'de> for FileVisitor {
    type Value = RawFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file of a chart")
    }

    fn visit_unit<E>(self) -> Result<RawFile, E> {
        Ok(RawFile::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawFile, A::Error> {
        let mut file = RawFile::default();
        // Where keys were sorted on the way, data comes before the name that says what it is.
        let mut early = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "name" => file.name = map.next_value::<Option<String>>()?.unwrap_or_default(),
                "data" if file.name.is_empty() => early = map.next_value::<Option<String>>()?,
                "data" if file.is_wanted() => file.keep(map.next_value::<Option<String>>()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        file.keep(early);
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let json = r#"[{"data":"U0VMRUNUIDE7","name":"migrations/1_a.up.sql"},{"data":"eA==","name":"README.md"},{"data":"eA==","name":"crds/a.yaml"}]"#;
        let files: Vec<RawFile> = serde_json::from_str(json).unwrap();
        assert_eq!(files.iter().map(RawFile::is_kept).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(files[2].definition().as_deref(), Some("x"));
    }

    #[test]
    fn only_what_may_be_a_migration_is_kept() {
        let json = r#"[{"name":"README.md","data":"eA=="},{"name":"migrations/1_a.up.sql","data":"U0VMRUNUIDE7"},null]"#;
        let files: Vec<RawFile> = serde_json::from_str(json).unwrap();
        let texts = texts(&files, &Redactor::with_key([1; 32]));
        assert_eq!(texts.into_iter().collect::<Vec<_>>(), [("migrations/1_a.up.sql".to_owned(), "SELECT 1;".to_owned())]);
    }

    #[test]
    fn templates_and_definitions_are_not_migrations() {
        for name in ["crds/x.sql", "dashboards/a.json", "values.schema.jsonnet", "README.md"] {
            assert!(!is_of_interest(name), "{name}");
        }
        assert!(is_of_interest("db/changelog-master.xml"));
    }
}
