//! A directory of migrations as a [`Tree`]: names now, bytes at the first look.

use std::fs;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::LoadError;
use crate::migrations::source::{Content, Tree};

/// Files and directories that are looked at, at most.
const MOST_ENTRIES: usize = 200_000;

/// Directories below each other, at most.
const DEEPEST: usize = 32;

/// Directories that hold no migrations of the project itself.
const PASSED_OVER: [&str; 6] = [".git", ".hg", ".svn", "node_modules", "target", ".venv"];

/// Lists everything below `root`. Symbolic links are not followed: they may lead out of it, or back into it.
pub fn tree(root: &Path) -> Result<Tree, LoadError> {
    let mut tree = Tree::new();
    let mut walk = Walk { root, tree: &mut tree, seen: 0 };
    match fs::metadata(root) {
        Ok(found) if found.is_file() => walk.file(root, found.len()),
        Ok(_) => walk.directory(root, 0)?,
        Err(error) => return Err(failed(root, &error)),
    }
    Ok(tree)
}

/// Opens a file of the tree for reading it piece by piece.
pub fn open(root: &Path, path: &str) -> Result<BufReader<fs::File>, LoadError> {
    let whole = if root.is_file() { root.to_owned() } else { root.join(path) };
    fs::File::open(&whole).map(BufReader::new).map_err(|error| failed(&whole, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> LoadError {
    LoadError::File { path: path.display().to_string(), why: error.to_string() }
}

struct Walk<'a> {
    root: &'a Path,
    tree: &'a mut Tree,
    seen: usize,
}

impl Walk<'_> {
    fn directory(&mut self, path: &Path, depth: usize) -> Result<(), LoadError> {
        if depth > DEEPEST {
            self.missing(path, "directories are nested too deeply");
            return Ok(());
        }
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            // The root must be readable; what lies below is a gap of its own.
            Err(error) if depth == 0 => return Err(failed(path, &error)),
            Err(error) => {
                self.missing(path, &error.to_string());
                return Ok(());
            }
        };
        for entry in entries.flatten() {
            self.seen += 1;
            if self.seen > MOST_ENTRIES {
                let why = format!("it holds more than {MOST_ENTRIES} files; name the directory of the migrations itself");
                return Err(LoadError::File { path: self.root.display().to_string(), why });
            }
            self.entry(&entry, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &fs::DirEntry, depth: usize) -> Result<(), LoadError> {
        let path = entry.path();
        let Ok(found) = entry.metadata() else {
            self.missing(&path, "it cannot be looked at");
            return Ok(());
        };
        if found.is_dir() {
            let name = entry.file_name();
            let passed_over = PASSED_OVER.iter().any(|passed| name == *passed);
            return if passed_over { Ok(()) } else { self.directory(&path, depth + 1) };
        }
        if found.is_file() {
            self.file(&path, found.len());
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, size: u64) {
        let whole = path.to_owned();
        let read = Arc::new(move || read(&whole));
        self.tree.insert(&self.relative(path), Content::Later { size, read });
    }

    fn missing(&mut self, path: &Path, why: &str) {
        self.tree.insert(&self.relative(path), Content::Missing(why.to_owned()));
    }

    fn relative(&self, path: &Path) -> String {
        let relative = path.strip_prefix(self.root).ok().filter(|rest| !rest.as_os_str().is_empty());
        relative
            .map_or_else(|| PathBuf::from(path.file_name().unwrap_or_default()), Path::to_owned)
            .to_string_lossy()
            .into_owned()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    // It may have grown since it was listed.
    file.take(crate::migrations::source::LARGE + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_below_and_follows_no_links() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/node_modules")).unwrap();
        fs::write(dir.path().join("a/1.sql"), "SELECT 1").unwrap();
        fs::write(dir.path().join("a/node_modules/2.sql"), "x").unwrap();
        std::os::unix::fs::symlink("/etc", dir.path().join("out")).unwrap();
        let tree = tree(dir.path()).unwrap();
        assert_eq!(tree.paths().collect::<Vec<_>>(), ["a/1.sql"]);
        assert_eq!(&*tree.text("a/1.sql").unwrap().text, "SELECT 1");
    }

    #[test]
    fn a_single_file_is_a_tree_of_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("dump.sql");
        fs::write(&file, "SELECT 1").unwrap();
        assert_eq!(tree(&file).unwrap().paths().collect::<Vec<_>>(), ["dump.sql"]);
    }

    #[test]
    fn what_is_not_there_is_named() {
        assert!(tree(Path::new("/nonexistent/x")).unwrap_err().to_string().contains("/nonexistent/x"));
    }
}
