//! Policy files and the ConfigMap of a namespace.

use std::fs::{self, File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};

use anyhow::{Result, anyhow};
use nix::fcntl::OFlag;

use super::cluster::{Accept, ApiError, Cluster, resource_path};
use crate::exit::Advice;
use crate::input::NamespacePolicy;
use crate::policy::file::MAX_BYTES;
use crate::policy::{Authority, CONFIG_MAP, FILE_NAME, FaultySource, Flags, Policy, Source};
use crate::release::redact::Redactor;
use crate::rules::disk;
use crate::rules::fault::Faults;
use crate::rules::set::RuleSet;

/// What the files say, with the rules that they add.
pub struct Loaded {
    pub policy: Policy,
    pub rules: RuleSet,
}

/// Reads the file that was named, and the one that is found from `directory` upwards.
///
/// # Errors
/// A file that cannot be read, may not be trusted, or has faults: always an [`Advice`] of status *usage*.
pub fn load(config: Option<&Path>, directory: Option<&Path>, flags: Flags) -> Result<Loaded> {
    let found = directory.and_then(search).filter(|found| config.is_none_or(|config| !same(config, found)));
    let named = config.map(|path| (path.to_owned(), Authority::Authoritative));
    let found = found.map(|path| (path, Authority::Tightens));
    let mut rules = RuleSet::builtin();
    let (mut sources, mut faults) = (Vec::new(), Vec::new());
    for (path, authority) in named.into_iter().chain(found) {
        match source(&path, authority)? {
            Ok(source) => {
                // One after the other: rules of a later source may not silence those of an earlier one.
                rules = with_rules(&rules, &path, &source)?;
                sources.push(source);
            }
            // Rules of its own that cannot be read would make names of it look unknown.
            Err(found) => match found.rest.as_ref().map(|rest| with_rules(&rules, &path, rest)) {
                Some(Ok(rules)) => faults.extend(found.faults(&rules)),
                _ => faults.extend(found.faults),
            },
        }
    }
    let policy = Policy { sources, flags };
    if let Err(Faults(unknown)) = policy.check_rules(&rules) {
        faults.extend(unknown);
    }
    if faults.is_empty() { Ok(Loaded { policy, rules }) } else { Err(faulty(Faults(faults))) }
}

/// Reads one file as the whole policy, whatever its authority: for looking at it.
///
/// # Errors
/// As [`load`].
pub fn check(path: &Path) -> Result<Loaded> {
    load(Some(path), None, Flags::default())
}

/// All faults, each with its place.
pub fn faulty(faults: Faults) -> anyhow::Error {
    anyhow!(faults).context(
        Advice::usage("the policy cannot be used")
            .help("`policy schema` prints a JSON Schema for editors; `policy check FILE` tries a file"),
    )
}

/// The file next to the working directory or above it, up to the root of its repository; elsewhere only beside it.
fn search(directory: &Path) -> Option<PathBuf> {
    let inside = directory.ancestors().any(|above| above.join(".git").symlink_metadata().is_ok());
    for above in directory.ancestors() {
        let file = above.join(FILE_NAME);
        if file.symlink_metadata().is_ok() {
            return Some(file);
        }
        if !inside || above.join(".git").symlink_metadata().is_ok() {
            return None;
        }
    }
    None
}

fn same(one: &Path, other: &Path) -> bool {
    let id = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    id(one).is_some_and(|one| id(other) == Some(one))
}

fn source(path: &Path, authority: Authority) -> Result<Result<Source, FaultySource>> {
    let text = text(path, authority)?;
    let mut source = match Source::parse(&path.display().to_string(), &text, authority) {
        Ok(source) => source,
        Err(faulty) => return Ok(Err(faulty)),
    };
    if let (Some(signers), Authority::Authoritative) = (&source.file.allowed_signers, authority) {
        source.signers = Some(self::text(&beside(path, &signers.value)?, authority)?);
    }
    Ok(Ok(source))
}

/// The text of a file that nobody else may write. A name that was searched for must not be a link; one that was given may be
/// (Kubernetes mounts ConfigMaps as links).
fn text(path: &Path, authority: Authority) -> Result<String> {
    let file = open(path, authority).map_err(|error| unreadable(path, &error.to_string()))?;
    let found = file.metadata().map_err(|error| unreadable(path, &error.to_string()))?;
    if !found.is_file() {
        return Err(unreadable(path, "it is no file"));
    }
    if found.permissions().mode() & 0o002 != 0 {
        return Err(writable(path));
    }
    let mut bytes = Vec::new();
    let limit = MAX_BYTES as u64;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error.to_string()))?;
    if bytes.len() as u64 > limit {
        return Err(unreadable(path, &format!("it is larger than {limit} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| unreadable(path, "it is no UTF-8 text"))
}

/// Never waits for a writer: what is named may be a pipe.
fn open(path: &Path, authority: Authority) -> std::io::Result<File> {
    let follow = if authority == Authority::Tightens { OFlag::O_NOFOLLOW } else { OFlag::empty() };
    OpenOptions::new().read(true).custom_flags((OFlag::O_NONBLOCK | follow).bits()).open(path)
}

fn unreadable(path: &Path, why: &str) -> anyhow::Error {
    anyhow!("{}: {why}", path.display()).context(
        Advice::usage(format!("cannot read the policy {}", path.display())).help(
            "a policy that is there and cannot be used is never passed over; links are followed only for the file of --config",
        ),
    )
}

fn writable(path: &Path) -> anyhow::Error {
    Advice::usage(format!("the policy {} can be written by everybody", path.display()))
        .help(format!("take that right away: chmod o-w {}", crate::shell::word(&path.display().to_string())))
        .into()
}

/// A name inside the folder of the policy.
fn beside(policy: &Path, name: &str) -> Result<PathBuf> {
    let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if name.is_empty() || !inside {
        return Err(Advice::usage(format!("{}: {name:?} does not lie beside the policy", policy.display()))
            .help("name a file or folder beside it or below, without .. and not from the root")
            .into());
    }
    Ok(policy.parent().unwrap_or(Path::new("")).join(name))
}

fn with_rules(rules: &RuleSet, path: &Path, source: &Source) -> Result<RuleSet> {
    let mut texts = Vec::new();
    for dir in &source.file.rule_dirs {
        let folder = beside(path, &dir.value)?;
        let read = disk::rule_texts(&folder);
        texts.extend(read.map_err(|error| error.context(Advice::usage(format!("cannot read the rules of {}", path.display()))))?);
    }
    if texts.is_empty() {
        return Ok(rules.clone());
    }
    rules.with_texts(texts).map_err(faulty)
}

/// The ConfigMap in the release's namespace: one GET.
pub async fn of_namespace(cluster: &Cluster, namespace: &str, redactor: &Redactor) -> NamespacePolicy {
    let Some(path) = resource_path("v1", "configmaps", Some(namespace), Some(CONFIG_MAP)) else {
        return NamespacePolicy::None;
    };
    match cluster.get_json::<serde_json::Value>(&path, Accept::Json).await {
        Ok(map) => match map["data"][FILE_NAME].as_str() {
            Some(text) => NamespacePolicy::Text(text.to_owned()),
            None => NamespacePolicy::Unread(format!("ConfigMap {CONFIG_MAP} has no key {FILE_NAME}")),
        },
        Err(ApiError::NotFound(_)) => NamespacePolicy::None,
        Err(error) => NamespacePolicy::Unread(redactor.scrub(&error.gap("get", "configmaps", Some(namespace)))),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const TEXT: &str = "schema: rollback-safe/policy/v1\nfail_on: medium\n";

    fn said(result: Result<Loaded>) -> String {
        result.map(|_| ()).map_or_else(|error| format!("{error:#}"), |()| "fine".to_owned())
    }

    #[test]
    fn the_search_stops_at_the_repository() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("repository/a/b");
        fs::create_dir_all(&below).unwrap();
        fs::write(dir.path().join(FILE_NAME), TEXT).unwrap();
        assert_eq!(search(&below), None, "no repository: only the working directory");
        assert_eq!(search(dir.path()), Some(dir.path().join(FILE_NAME)));
        fs::create_dir(dir.path().join("repository/.git")).unwrap();
        assert_eq!(search(&below), None, "what lies outside the repository is somebody else's");
        let inside = dir.path().join("repository").join(FILE_NAME);
        fs::write(&inside, TEXT).unwrap();
        assert_eq!(search(&below), Some(inside));
    }

    #[test]
    fn the_named_file_is_not_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE_NAME);
        fs::write(&file, TEXT).unwrap();
        let loaded = load(Some(&file), Some(dir.path()), Flags::default()).unwrap();
        assert_eq!(loaded.policy.sources.len(), 1);
        assert_eq!(loaded.policy.sources[0].info.authority, Authority::Authoritative);
        let other = dir.path().join("other.yaml");
        fs::write(&other, TEXT).unwrap();
        let loaded = load(Some(&other), Some(dir.path()), Flags::default()).unwrap();
        assert_eq!(loaded.policy.sources.len(), 2);
    }

    #[test]
    fn what_cannot_be_trusted_or_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE_NAME);
        let found = || said(load(None, Some(dir.path()), Flags::default()));
        fs::write(&file, TEXT).unwrap();
        assert_eq!(found(), "fine");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(found().contains("written by everybody"), "{}", found());
        assert!(said(check(&file)).contains("written by everybody"));
        fs::remove_file(&file).unwrap();
        let elsewhere = dir.path().join("elsewhere.yaml");
        fs::write(&elsewhere, TEXT).unwrap();
        symlink(&elsewhere, &file).unwrap();
        assert!(found().contains("cannot read"), "a link: {}", found());
        assert_eq!(said(check(&file)), "fine", "a link that was named is followed");
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(found().contains("no file"), "{}", found());
        fs::remove_dir(&file).unwrap();
        nix::unistd::mkfifo(&file, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        assert!(found().contains("no file"), "{}", found());
        fs::remove_file(&file).unwrap();
        fs::write(&file, "#".repeat(MAX_BYTES + 1)).unwrap();
        assert!(found().contains("larger than"), "{}", found());
        fs::write(&file, [0xff, 0xfe]).unwrap();
        assert!(found().contains("UTF-8"), "{}", found());
    }

    #[test]
    fn own_rules_and_signers_lie_beside_the_policy() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p.yaml");
        let with = |more: &str| {
            fs::write(&file, format!("schema: rollback-safe/policy/v1\n{more}")).unwrap();
            check(&file)
        };
        assert!(said(with("rule_dirs: [../rules]\n")).contains("beside the policy"));
        assert!(said(with("allowed_signers: /etc/passwd\n")).contains("beside the policy"));
        assert!(said(with("rule_dirs: [rules]\n")).contains("cannot read the rules"));
        fs::write(dir.path().join("signers"), "a@example.com ssh-ed25519 AAAA\n").unwrap();
        let loaded = with("allowed_signers: signers\n").unwrap();
        assert!(loaded.policy.sources[0].signers.as_ref().unwrap().starts_with("a@example.com"));
        let (rules, _) = (dir.path().join("rules"), fs::create_dir(dir.path().join("rules")));
        for (name, text) in crate::rules::scaffold::files("own-rule").unwrap() {
            let path = rules.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let loaded = with("rule_dirs: [rules]\nrules:\n  own-rule: {severity: critical, reason: ours}\n").unwrap();
        assert!(loaded.rules.get("own-rule").is_some());
        assert!(said(with("rules:\n  own-rule: {severity: critical, reason: ours}\n")).contains("no rule is called `own-rule`"));
        let both = said(with("fail_on: hihg\nrules:\n  own-rule: {severity: critical, reason: ours}\n"));
        assert!(both.contains("hihg") && both.contains("no rule is called `own-rule`"), "all at once: {both}");
        let own = said(with("fail_on: hihg\nrule_dirs: [rules]\nrules:\n  own-rule: {severity: critical, reason: ours}\n"));
        assert!(own.contains("hihg") && !own.contains("own-rule"), "a rule of its own is known: {own}");
    }
}
