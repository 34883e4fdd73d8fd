//! Migrations of a revision in a Git repository, without a checkout: names from `git ls-tree`, blobs from `git cat-file --batch`.
//!
//! Nothing of the repository is run: hooks, fsmonitor, textconv, filters and external diffs are off, and only blobs are read.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use super::error::LoadError;
use crate::migrations::history::is_readable;
use crate::migrations::source::{Content, LARGE, Tree};

/// Settings that would run a program of the repository's choice.
const QUIET: [&str; 8] = [
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "diff.external=",
    "core.pager=cat",
    "protocol.allow=never",
    "core.askPass=",
    "credential.helper=",
    "core.sshCommand=false",
];

/// Files of one revision at most.
const MOST_FILES: usize = 200_000;

/// The two revisions of `OLD..NEW`.
pub fn range(text: &str) -> Result<(String, String), String> {
    let (old, new) = text.split_once("..").ok_or("write OLD..NEW, as git does")?;
    let new = new.strip_prefix('.').unwrap_or(new);
    let or_head = |text: &str| if text.is_empty() { "HEAD".to_owned() } else { text.to_owned() };
    Ok((or_head(old), or_head(new)))
}

/// The files below `directory` (a path in a work tree, or in a bare repository its root) as `revision` has them.
pub fn tree(directory: &Path, revision: &str) -> Result<Tree, LoadError> {
    let listed = run(directory, &["ls-tree", "-r", "-z", "-l", "--end-of-options", &commit(directory, revision)?])?;
    files(directory, &listed)
}

/// A file, or the files below a directory, as `revision` of the repository around `directory` has them; `path` counts from its root, as in
/// Git's own `REV:PATH`. Nothing at that path is an error.
pub fn at_path(directory: &Path, revision: &str, path: &str) -> Result<Tree, LoadError> {
    let commit = commit(directory, revision)?;
    let listed =
        run(directory, &["ls-tree", "-r", "-z", "-l", "--full-tree", "--end-of-options", &commit, path.trim_end_matches('/')])?;
    if listed.is_empty() {
        return Err(failed(directory, &format!("revision {revision:?} has no {path:?}")));
    }
    files(directory, &listed)
}

fn files(directory: &Path, listed: &[u8]) -> Result<Tree, LoadError> {
    let mut wanted = Vec::new();
    let mut tree = Tree::new();
    for entry in listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        let Some(file) = File::parse(entry) else { continue };
        if wanted.len() >= MOST_FILES {
            return Err(failed(directory, "it holds too many files; name the directory of the migrations itself"));
        }
        if file.size > LARGE {
            tree.insert(&file.path, Content::Missing(format!("{} MiB are too much to hold", file.size >> 20)));
        } else {
            wanted.push(file);
        }
    }
    blobs(directory, &wanted, &mut tree)?;
    Ok(tree)
}

/// The commit that a revision names: nothing else of what people write can reach a later command.
fn commit(directory: &Path, revision: &str) -> Result<String, LoadError> {
    let peeled = format!("{revision}^{{commit}}");
    let out = run(directory, &["rev-parse", "--verify", "--quiet", "--end-of-options", &peeled])
        .map_err(|_| failed(directory, &format!("Git knows no revision {revision:?} here")))?;
    Ok(String::from_utf8_lossy(&out).trim().to_owned())
}

struct File {
    path: String,
    blob: String,
    /// In bytes.
    size: u64,
}

impl File {
    /// `100644 blob SHA    SIZE\tpath` of a file; links and submodules are none.
    fn parse(entry: &[u8]) -> Option<File> {
        let entry = String::from_utf8_lossy(entry);
        let (head, path) = entry.split_once('\t')?;
        let mut words = head.split_whitespace();
        let (mode, kind, blob, size) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let is_file = kind == "blob" && mode.starts_with("100");
        is_file.then(|| File { path: path.to_owned(), blob: blob.to_owned(), size: size.parse().unwrap_or(u64::MAX) })
    }
}

fn blobs(directory: &Path, files: &[File], tree: &mut Tree) -> Result<(), LoadError> {
    let wanted: Vec<&File> = files.iter().filter(|file| is_readable(&file.path)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let mut child = start(directory, &["cat-file", "--batch"], Stdio::piped())?;
    let broken = |error: std::io::Error| failed(directory, &error.to_string());
    let names: String = wanted.iter().map(|file| format!("{}\n", file.blob)).collect();
    let mut input = child.stdin.take().expect("asked for a pipe");
    // Git writes while it reads: a thread keeps both pipes moving.
    let writer = std::thread::spawn(move || input.write_all(names.as_bytes()));
    let mut output = BufReader::new(child.stdout.take().expect("asked for a pipe"));
    for file in &wanted {
        let bytes = blob(&mut output).map_err(broken)?;
        tree.insert(
            &file.path,
            bytes.map_or_else(|| Content::Missing("Git has no such blob".to_owned()), |b| Content::Bytes(Arc::from(b))),
        );
    }
    let _ = writer.join();
    child.wait().map_err(broken)?;
    Ok(())
}

/// One answer of `cat-file --batch`: `SHA blob SIZE\n`, the bytes, a line feed.
fn blob(output: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut head = String::new();
    output.read_line(&mut head)?;
    let Some(size) = head.split_whitespace().nth(2).and_then(|size| size.parse::<u64>().ok()).filter(|size| *size <= LARGE)
    else {
        return Ok(None);
    };
    let mut bytes = vec![0; size as usize];
    output.read_exact(&mut bytes)?;
    output.read_exact(&mut [0])?;
    Ok(Some(bytes))
}

fn run(directory: &Path, arguments: &[&str]) -> Result<Vec<u8>, LoadError> {
    let out =
        start(directory, arguments, Stdio::null())?.wait_with_output().map_err(|error| failed(directory, &error.to_string()))?;
    if out.status.success() {
        return Ok(out.stdout);
    }
    let said = String::from_utf8_lossy(&out.stderr);
    Err(failed(directory, said.lines().next().unwrap_or("Git failed and said nothing")))
}

fn start(directory: &Path, arguments: &[&str], stdin: Stdio) -> Result<Child, LoadError> {
    let mut command = Command::new("git");
    command.arg("-C").arg(directory).arg("--no-pager").arg("--no-optional-locks").arg("--literal-pathspecs");
    for setting in QUIET {
        command.args(["-c", setting]);
    }
    command.args(arguments).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_EXTERNAL_DIFF", "GIT_CONFIG_PARAMETERS"] {
        command.env_remove(name);
    }
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_NO_LAZY_FETCH", "1");
    command.spawn().map_err(|error| failed(directory, &format!("running git: {error}")))
}

fn failed(directory: &Path, why: &str) -> LoadError {
    LoadError::File { path: directory.display().to_string(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(dir: &Path, arguments: &[&str]) {
        let who = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"];
        let status = Command::new("git").arg("-C").arg(dir).args(who).args(arguments).stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "{arguments:?}");
    }

    #[test]
    fn each_revision_has_its_own_files() {
        let dir = tempfile::tempdir().unwrap();
        let db = dir.path().join("db");
        std::fs::create_dir(&db).unwrap();
        git(dir.path(), &["init", "--quiet"]);
        std::fs::write(db.join("1_a.up.sql"), "CREATE TABLE a (x int);\n").unwrap();
        git(dir.path(), &["add", "."]);
        git(dir.path(), &["commit", "--quiet", "-m", "one"]);
        std::fs::write(db.join("2 b.up.sql"), "DROP TABLE a;\n").unwrap();
        std::fs::write(dir.path().join("elsewhere.sql"), "x").unwrap();
        git(dir.path(), &["add", "."]);
        git(dir.path(), &["commit", "--quiet", "-m", "two"]);
        let (old, new) = range("HEAD~1..HEAD").unwrap();
        assert_eq!(tree(&db, &old).unwrap().paths().collect::<Vec<_>>(), ["1_a.up.sql"]);
        let new = tree(&db, &new).unwrap();
        assert_eq!(new.paths().collect::<Vec<_>>(), ["1_a.up.sql", "2 b.up.sql"]);
        assert_eq!(&*new.text("2 b.up.sql").unwrap().text, "DROP TABLE a;\n");
    }

    #[test]
    fn a_revision_is_never_an_option() {
        let dir = tempfile::tempdir().unwrap();
        git(dir.path(), &["init", "--quiet"]);
        let error = tree(dir.path(), "--output=/tmp/x").unwrap_err().to_string();
        assert!(error.contains("no revision"), "{error}");
        assert!(range("HEAD").is_err());
        assert_eq!(range("v1...").unwrap(), ("v1".to_owned(), "HEAD".to_owned()));
    }
}
