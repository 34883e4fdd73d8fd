//! The environment as a value, read once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Environment variables and the working directory. An empty one counts as not given: Helm sets all of its own for plugins, empty where it has no value
/// (`pkg/cli/environment.go` `EnvVars`).
#[derive(Clone, Debug, Default)]
pub struct Env {
    variables: BTreeMap<OsString, OsString>,
    /// The working directory; none where it is gone.
    directory: Option<PathBuf>,
}

impl Env {
    pub fn of_process() -> Env {
        Env { variables: std::env::vars_os().collect(), directory: std::env::current_dir().ok() }
    }

    /// The working directory.
    pub fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    pub fn os(&self, name: &str) -> Option<OsString> {
        self.variables.get(&OsString::from(name)).filter(|value| !value.is_empty()).cloned()
    }

    /// None for a value that is not UTF-8: no variable that is read as text may hold one.
    pub fn text(&self, name: &str) -> Option<String> {
        self.os(name)?.into_string().ok()
    }

    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.os(name).map(PathBuf::from)
    }

    /// Helm ignores numbers and booleans it cannot read (`envIntOr`, `envBoolOr`), and what Helm ignores must not change a forecast.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }

    pub fn flag(&self, name: &str) -> bool {
        self.text(name).and_then(|text| super::flags::go_bool(&text).ok()).unwrap_or(false)
    }

    /// Comma-joined values without repetitions: Helm hands a repeated `--kube-as-group` to plugins twice.
    pub fn list(&self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        let mut items: Vec<String> = Vec::new();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            if !items.iter().any(|known| known == item) {
                items.push(item.to_owned());
            }
        }
        items
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Env {
    fn from(pairs: [(&str, &str); N]) -> Env {
        let variables = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Env { variables, directory: None }
    }
}
