//! What lies where in a tree, seen once for all recognisers.

use std::collections::BTreeMap;

use crate::migrations::framework::Framework;
use crate::migrations::source::{self, Tree, directory, file_name};
use crate::sql::dialect::Dialect;

/// Directories of other people's files.
const FOREIGN: [&str; 6] = ["node_modules", ".git", "vendor", "__pycache__", "site-packages", ".terraform"];

/// How much a recogniser has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// SQL files.
    Guess,
    /// Names that several frameworks have.
    Common,
    /// Names that one framework has.
    Names,
    /// A file or a comment that only this framework has.
    Marker,
}

/// A directory that may hold a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub framework: Framework,
    pub strength: Strength,
    /// Directory of the migrations.
    pub root: String,
    /// Migrations in it.
    pub count: usize,
    /// Named by the directory.
    pub dialect: Option<Dialect>,
}

impl Candidate {
    pub fn new(framework: Framework, strength: Strength, root: &str, count: usize) -> Self {
        Candidate { framework, strength, root: root.to_owned(), count, dialect: dialect_of(root) }
    }
}

/// The dialect that a directory is named after; the innermost such part speaks.
pub(super) fn dialect_of(path: &str) -> Option<Dialect> {
    path.rsplit('/').find_map(|part| {
        let plain = part.to_ascii_lowercase();
        let plain = plain.strip_suffix("_migrations").or(plain.strip_suffix("-migrations")).unwrap_or(&plain);
        plain.parse().ok()
    })
}

/// Files by directory.
pub(super) struct Survey<'a> {
    pub tree: &'a Tree,
    directories: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Survey<'a> {
    pub fn new(tree: &'a Tree) -> Self {
        let mut directories: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let own = |path: &&str| !directory(path).split('/').any(|part| FOREIGN.contains(&part));
        for path in tree.paths().filter(own) {
            directories.entry(directory(path)).or_default().push(file_name(path));
        }
        Survey { tree, directories }
    }

    /// Each directory and the names of the files directly in it.
    pub fn directories(&self) -> impl Iterator<Item = (&'a str, &[&'a str])> {
        self.directories.iter().map(|(directory, names)| (*directory, names.as_slice()))
    }

    /// Names of the files directly in a directory.
    pub fn names(&self, directory: &str) -> &[&'a str] {
        self.directories.get(directory).map_or(&[], Vec::as_slice)
    }

    /// Paths of all files below a directory that are not other people's.
    pub fn under<'s>(&'s self, root: &'s str) -> impl Iterator<Item = String> + 's {
        let directories = self.directories.iter().filter(move |(directory, _)| is_below(directory, root));
        directories.flat_map(|(directory, names)| names.iter().map(move |name| join(directory, name)))
    }

    pub fn contains(&self, root: &str, name: &str) -> bool {
        self.tree.contains(&join(root, name))
    }

    /// Whether a file of this name is in the directory or in one above it.
    pub fn above(&self, root: &str, name: &str) -> Option<String> {
        let mut at = root;
        loop {
            let path = join(at, name);
            if self.tree.contains(&path) {
                return Some(path);
            }
            if at.is_empty() {
                return None;
            }
            at = directory(at);
        }
    }

    /// Whether the texts of the first and the last of some files all hold a word.
    pub fn sample(&self, directory: &str, names: &[&str], test: impl Fn(&str) -> bool) -> bool {
        let mut picked: Vec<&str> = names.iter().take(2).copied().collect();
        picked.extend(names.iter().skip(2).last());
        let mut read = picked.iter().filter_map(|name| self.tree.text(&join(directory, name)).ok()).peekable();
        read.peek().is_some() && read.all(|text| test(&text.text))
    }
}

/// A path of a file in a directory.
pub(super) fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// Whether a directory is another or lies in it.
pub(super) fn is_below(directory: &str, root: &str) -> bool {
    root.is_empty() || directory == root || directory.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'))
}

/// A directory and those above it, innermost first.
pub(super) fn ancestors(directory: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(directory), |at| if at.is_empty() { None } else { Some(source::directory(at)) })
}
