//! Helm's on-disk discovery cache: a kind that the server dropped may still map for Helm until it expires.
//!
//! Layout and lifetime: cli-runtime `pkg/genericclioptions/config_flags.go` (`computeDiscoverCacheDir`, six hours) and
//! client-go `discovery/cached/disk/cached_discovery.go` (`getCachedFile`).

use std::env;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::discovery::Served;
use crate::input::{Discovery, Known};

const LIFETIME: Duration = Duration::from_secs(6 * 60 * 60);
/// Bound of one cache file, in bytes.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// What Helm would take from the cache for this server.
pub fn cached(server: &str) -> Known<Discovery> {
    match directory(server) {
        Some(directory) => read(&directory, SystemTime::now()),
        None => Known::No("there is no home directory to look for Helm's discovery cache in".to_owned()),
    }
}

fn directory(server: &str) -> Option<PathBuf> {
    let root = match env::var_os("KUBECACHEDIR").filter(|dir| !dir.is_empty()) {
        Some(dir) => PathBuf::from(dir),
        None => env::home_dir()?.join(".kube/cache"),
    };
    Some(root.join("discovery").join(safe_host(server)))
}

/// The address without its scheme; everything but `(`, word characters, `/`, `.` and `)` becomes `_`.
fn safe_host(server: &str) -> String {
    let host = server.replacen("https://", "", 1).replacen("http://", "", 1);
    host.chars().map(|c| if c.is_ascii_alphanumeric() || "(_/.)".contains(c) { c } else { '_' }).collect()
}

fn read(directory: &Path, now: SystemTime) -> Known<Discovery> {
    let Some(groups) = fresh(&directory.join("servergroups.json"), now) else {
        return Known::No("Helm's discovery cache holds nothing for this server, or has expired".to_owned());
    };
    let mut served = Served::default();
    for version in versions(&groups) {
        let path = version.split('/').fold(directory.to_owned(), |path, part| path.join(part));
        if let Some(list) = fresh(&path.join("serverresources.json"), now) {
            served.add_list(&list);
        }
    }
    served.into_known()
}

fn versions(groups: &Value) -> Vec<String> {
    let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let versions = list(groups, "groups").into_iter().flat_map(|group| list(&group, "versions"));
    let names = versions.filter_map(|version| version["groupVersion"].as_str().map(str::to_owned));
    // Names become directories below the cache: nothing may climb out of it.
    names.filter(|name| !name.split('/').any(|part| part.is_empty() || part == "..")).collect()
}

fn fresh(path: &Path, now: SystemTime) -> Option<Value> {
    let meta = path.metadata().ok()?;
    let age = now.duration_since(meta.modified().ok()?).unwrap_or_default();
    if age > LIFETIME || meta.len() > MAX_FILE {
        return None;
    }
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_become_directories() {
        assert_eq!(safe_host("https://127.0.0.1:6443"), "127.0.0.1_6443");
        assert_eq!(safe_host("https://r.example/k8s/clusters/c-1"), "r.example/k8s/clusters/c_1");
    }

    #[test]
    fn fresh_cache_is_read_and_an_old_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let version = dir.path().join("example.com/v1");
        std::fs::create_dir_all(&version).unwrap();
        let groups =
            r#"{"groups":[{"versions":[{"groupVersion":"example.com/v1"},{"groupVersion":"../x"},{"groupVersion":"gone/v1"}]}]}"#;
        std::fs::write(dir.path().join("servergroups.json"), groups).unwrap();
        let list = r#"{"groupVersion":"example.com/v1","resources":[{"name":"widgets","kind":"Widget","namespaced":true}]}"#;
        std::fs::write(version.join("serverresources.json"), list).unwrap();
        let now = SystemTime::now();
        let Known::Yes(kinds) = read(dir.path(), now) else { panic!("not read") };
        assert_eq!(kinds.keys().next().unwrap().1, "Widget");
        assert!(matches!(read(dir.path(), now + LIFETIME + Duration::from_secs(60)), Known::No(_)));
        assert!(matches!(read(&dir.path().join("none"), now), Known::No(_)));
    }
}
