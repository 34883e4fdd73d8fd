//! The user's Helm: where it is, and its version without running it.
//!
//! Go writes the main module and its version into every binary (`debug/buildinfo`, `cmd/link` section `.go.buildinfo`).
//! Only headers and that section are read: the binary has 60 MB and more. Wrappers, `(devel)` builds and scripts are run.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use object::read::ReadCache;
use object::{Object, ObjectSection};

use super::error::LoadError;
use crate::helm::{HelmBinary, HelmVersion};
use crate::input::Known;

const RUN_TIMEOUT: Duration = Duration::from_secs(15);
/// Bound of the build information, in bytes; Helm's has about 10 kB.
const MAX_SECTION: u64 = 1024 * 1024;

/// Finds the binary and reads its version; `--helm-version` overrides the version and makes the binary optional.
pub async fn helm_binary(wanted: &OsStr, assumed: Option<&HelmVersion>) -> Result<HelmBinary, LoadError> {
    let found = resolve(wanted, env::var_os("PATH"));
    match (found, assumed) {
        (path, Some(version)) => Ok(HelmBinary { path: path.ok(), version: Known::Yes(version.clone()) }),
        (Err(why), None) => Err(LoadError::HelmMissing { wanted: wanted.to_string_lossy().into_owned(), why }),
        (Ok(path), None) => {
            let version = match built_version(&path) {
                Some(version) => Known::Yes(version),
                None => run_version(&path).await,
            };
            Ok(HelmBinary { path: Some(path), version })
        }
    }
}

/// `HELM_BIN` may be a bare name (Helm sets it to its own `argv[0]`), a relative or an absolute path.
fn resolve(wanted: &OsStr, search: Option<OsString>) -> Result<PathBuf, String> {
    let path = Path::new(wanted);
    if path.components().count() > 1 || path.is_absolute() {
        return if is_executable(path) { Ok(path.to_owned()) } else { Err("there is no executable file".to_owned()) };
    }
    if wanted.is_empty() {
        return Err("the name is empty".to_owned());
    }
    let directories = search.as_deref().map(env::split_paths).into_iter().flatten();
    directories
        .map(|directory| directory.join(path))
        .find(|file| is_executable(file))
        .ok_or_else(|| "it is not in PATH".to_owned())
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The version in the build information, if this is a Helm built from a tagged module or with Helm's own linker flags.
fn built_version(path: &Path) -> Option<HelmVersion> {
    version_in(&module_info(&section(path)?)?)
}

fn section(path: &Path) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    let mut magic = [0; 2];
    file.read_exact(&mut magic).ok()?;
    if magic == *b"#!" {
        return None;
    }
    let cache = ReadCache::new(file);
    let binary = object::File::parse(&cache).ok()?;
    let names = [".go.buildinfo", "__go_buildinfo"];
    let section = names.into_iter().find_map(|name| binary.section_by_name(name))?;
    (section.size() <= MAX_SECTION).then(|| section.data().ok().map(<[u8]>::to_vec))?
}

/// The module text of Go 1.18 and later: 32 bytes of header, then two length-prefixed strings, version and modules.
fn module_info(section: &[u8]) -> Option<String> {
    const INLINE_STRINGS: u8 = 2;
    let header = section.get(..32)?;
    if !header.starts_with(b"\xff Go buildinf:") || header.get(15)? & INLINE_STRINGS == 0 {
        return None;
    }
    let (_go_version, rest) = string(section.get(32..)?)?;
    let (modules, _) = string(rest)?;
    // Sixteen marker bytes stand on either side.
    let text = modules.get(16..modules.len().checked_sub(16)?)?;
    String::from_utf8(text.to_vec()).ok()
}

/// An unsigned varint length (`encoding/binary`) and that many bytes.
fn string(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length: usize = 0;
    for (index, byte) in data.iter().enumerate().take(5) {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let rest = data.get(index + 1..)?;
            return rest.split_at_checked(length);
        }
    }
    None
}

fn version_in(modules: &str) -> Option<HelmVersion> {
    let main = modules.lines().find_map(|line| line.strip_prefix("mod\t"))?;
    let mut fields = main.split('\t');
    fields.next()?.strip_prefix("helm.sh/helm/v")?;
    let version = fields.next()?;
    if version.starts_with('v') {
        return HelmVersion::parse(version);
    }
    // Helm's Makefile: -X helm.sh/helm/v3/internal/version.version=v3.14.2
    let flags = modules.lines().find(|line| line.starts_with("build\t-ldflags="))?;
    let (_, linked) = flags.split_once("/internal/version.version=")?;
    HelmVersion::parse(linked.split(['"', ' ', '\'']).next()?)
}

async fn run_version(path: &Path) -> Known<HelmVersion> {
    let shown = path.display();
    let run = tokio::process::Command::new(path)
        .args(["version", "--template", "{{.Version}}"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    match tokio::time::timeout(RUN_TIMEOUT, run).await {
        Err(_) => Known::No(format!("`{shown} version` gave no answer within {} s", RUN_TIMEOUT.as_secs())),
        Ok(Err(error)) => Known::No(format!("{shown} cannot be run: {error}")),
        Ok(Ok(output)) if !output.status.success() => Known::No(format!("`{shown} version` failed ({})", output.status)),
        Ok(Ok(output)) => {
            let text = String::from_utf8_lossy(&output.stdout);
            let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            let unknown = || format!("`{shown} version` does not tell a version");
            HelmVersion::parse(line).map_or_else(|| Known::No(unknown()), Known::Yes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn parsed(text: &str) -> Option<String> {
        version_in(text).map(|version| version.to_string())
    }

    #[test]
    fn module_lines() {
        assert_eq!(parsed("path\thelm.sh/helm/v3/cmd/helm\nmod\thelm.sh/helm/v3\tv3.22.0\th1:x=\n").unwrap(), "3.22.0");
        assert_eq!(parsed("mod\thelm.sh/helm/v4\tv4.3.1+dirty\t\n").unwrap(), "4.3.1");
        let devel = "mod\thelm.sh/helm/v3\t(devel)\t\nbuild\t-ldflags=\"-w -s -X helm.sh/helm/v3/internal/version.version=v3.14.2 -X x=y\"\n";
        assert_eq!(parsed(devel).unwrap(), "3.14.2");
        assert_eq!(parsed("mod\thelm.sh/helm/v3\t(devel)\t\n"), None);
        assert_eq!(parsed("mod\texample.com/wrapper\tv9.9.9\t\n"), None);
        assert_eq!(parsed(""), None);
    }

    fn info(modules: &str) -> Vec<u8> {
        let mut section = b"\xff Go buildinf:\x08\x02".to_vec();
        section.resize(32, 0);
        for text in ["go1.26".to_owned(), format!("{0}{modules}{0}", "m".repeat(16))] {
            let length = text.len();
            section.extend([u8::try_from(length & 0x7f).unwrap() | 0x80, u8::try_from(length >> 7).unwrap()]);
            section.extend(text.as_bytes());
        }
        section
    }

    #[test]
    fn inline_format_and_damage() {
        let good = info("mod\thelm.sh/helm/v4\tv4.3.1\t\n");
        assert_eq!(module_info(&good).unwrap(), "mod\thelm.sh/helm/v4\tv4.3.1\t\n");
        for cut in 0..good.len() {
            assert_eq!(module_info(&good[..cut]), None);
        }
        assert_eq!(string(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), None);
    }

    fn script(dir: &Path, name: &str, text: &str) -> PathBuf {
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[tokio::test]
    async fn wrappers_are_run_and_say_why_they_tell_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let good = script(dir.path(), "good", "#!/bin/sh\necho noise\necho v3.18.4\n");
        let found = helm_binary(good.as_os_str(), None).await.unwrap();
        assert_eq!(found.version.yes().unwrap().to_string(), "3.18.4");
        let bad = script(dir.path(), "bad", "#!/bin/sh\nexit 3\n");
        let found = helm_binary(bad.as_os_str(), None).await.unwrap();
        assert!(found.version.why_not().unwrap().contains("failed"));
    }

    #[tokio::test]
    async fn missing_binaries_and_assumed_versions() {
        let error = helm_binary(OsStr::new("no-such-helm"), None).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot find Helm as \"no-such-helm\": it is not in PATH");
        let assumed = HelmVersion::parse("3.17.0");
        let found = helm_binary(OsStr::new("/no/such/helm"), assumed.as_ref()).await.unwrap();
        assert_eq!((found.path, found.version), (None, Known::Yes(assumed.unwrap())));
    }

    #[test]
    fn bare_names_are_looked_up_in_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = script(dir.path(), "helm9", "");
        let search = Some(dir.path().as_os_str().to_owned());
        assert_eq!(resolve(OsStr::new("helm9"), search.clone()).unwrap(), path);
        assert!(resolve(OsStr::new("helm8"), search).is_err());
        assert_eq!(resolve(path.as_os_str(), None).unwrap(), path);
    }
}
