//! Migrations that the records do not carry: directories and Git revisions that were named, as redacted text.

use super::error::LoadError;
use super::{files, git};
use crate::input::{MigrationFiles, NamedMigrations};
use crate::migrations::history::is_readable;
use crate::migrations::source::Tree;
use crate::release::redact::Redactor;
use crate::settings::{MigrationSource, MigrationSources};

/// Bound of the texts of one side together, in bytes: they become part of the evidence.
const MOST: usize = 64 << 20;

/// Reads what was named; nothing named gives nothing.
pub fn named(sources: &MigrationSources, redactor: &Redactor) -> Result<NamedMigrations, LoadError> {
    let read = |source: &Option<MigrationSource>| source.as_ref().map(|source| side(source, redactor)).transpose();
    Ok(NamedMigrations { from: read(&sources.from)?, to: read(&sources.to)?, ..NamedMigrations::default() })
}

fn side(source: &MigrationSource, redactor: &Redactor) -> Result<MigrationFiles, LoadError> {
    let (tree, origin) = match &source.revision {
        Some(revision) => (git::tree(&source.dir, revision)?, format!("{} at {revision}", source.dir.display())),
        None => (files::tree(&source.dir)?, source.dir.display().to_string()),
    };
    let mut found = MigrationFiles { origin, ..MigrationFiles::default() };
    let mut left = MOST;
    let wanted = tree.paths().filter(|path| is_readable(path));
    for path in wanted {
        match text(&tree, path, &mut left) {
            Ok(text) => found.texts.insert(path.to_owned(), redactor.text(&text)),
            Err(why) => found.unread.insert(path.to_owned(), why),
        };
    }
    Ok(found)
}

fn text(tree: &Tree, path: &str, left: &mut usize) -> Result<String, String> {
    let text = tree.text(path).map_err(|why| why.to_string())?.text;
    *left = left.checked_sub(text.len()).ok_or("all files together are too much to keep as evidence")?;
    Ok(text.to_string())
}
