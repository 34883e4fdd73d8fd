//! Public histories, migration by migration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rollback_safe::migrations::analysis::{Ask, analyze};
use rollback_safe::migrations::history;
use rollback_safe::migrations::history::Options;
use rollback_safe::migrations::source::Tree;
use rollback_safe::prove::compare::Figures;
use rollback_safe::prove::history::prove as prove_history;
use rollback_safe::sql::dialect::Dialect;
use serde::Deserialize;

use super::servers;

/// One line of `corpora.yaml`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corpus {
    pub name: String,
    path: String,
    pub dialect: Dialect,
    #[serde(default)]
    pub held: bool,
    /// What its framework or another module makes first.
    #[serde(default)]
    first: Vec<String>,
    /// Placeholders, and what its framework writes for each.
    #[serde(default)]
    fill: BTreeMap<String, String>,
}

/// What came of one.
pub struct Proved {
    pub framework: String,
    pub figures: Figures,
}

pub fn all() -> Vec<Corpus> {
    serde_yaml::from_str(include_str!("corpora.yaml")).expect("corpora.yaml is valid")
}

/// Whether a copy of it is there.
pub fn is_there(root: &Path, corpus: &Corpus) -> bool {
    root.join(&corpus.path).is_dir()
}

/// Proves one history.
pub async fn prove(root: &Path, corpus: &Corpus) -> Result<Proved, String> {
    let server = servers::server(corpus.dialect)?;
    let tree = tree(&root.join(&corpus.path), &corpus.fill)?;
    let history = history(&tree, &Options { dialect: Some(corpus.dialect), ..Options::default() });
    if history.migrations.is_empty() {
        return Err("no migrations found".to_owned());
    }
    let open = |path: &str| Err(format!("{path} is not streamed here"));
    let report = analyze(&history, &Ask { from: None, to: None, older: None, applied: None, on_unknown: false, open: &open })?;
    let figures =
        prove_history(server, &history, &report, &corpus.first, &mut |_| {}).await.map_err(|refusal| refusal.to_string())?;
    Ok(Proved { framework: history.framework.as_str().to_owned(), figures })
}

fn tree(directory: &Path, fill: &BTreeMap<String, String>) -> Result<Tree, String> {
    let mut files = Vec::new();
    let mut open: Vec<PathBuf> = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).map_err(|error| error.to_string())? {
            let path = entry.map_err(|error| error.to_string())?.path();
            if path.is_dir() {
                open.push(path);
            } else if let (Ok(name), Ok(bytes)) = (path.strip_prefix(directory), std::fs::read(&path)) {
                files.push((name.to_string_lossy().into_owned(), filled(bytes, fill)));
            }
        }
    }
    Ok(Tree::from_files(files))
}

fn filled(bytes: Vec<u8>, fill: &BTreeMap<String, String>) -> Vec<u8> {
    match String::from_utf8(bytes) {
        Ok(text) => fill.iter().fold(text, |text, (placeholder, value)| text.replace(placeholder.as_str(), value)).into_bytes(),
        Err(error) => error.into_bytes(),
    }
}
