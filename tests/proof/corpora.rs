//! Public histories, migration by migration.

use std::path::{Path, PathBuf};

use rollback_safe::migrations::frameworks::history;
use rollback_safe::migrations::history::{Language, Migration, Options, Script};
use rollback_safe::migrations::source::Tree;
use rollback_safe::prove::measure::Prover;
use rollback_safe::sql::catalog::{Replay, Step};
use rollback_safe::sql::dialect::Dialect;
use rollback_safe::sql::statement::Statement;
use rollback_safe::sql::{down, effects, read};
use serde::Deserialize;

use super::compare::Figures;
use super::servers;

/// One line of `corpora.yaml`.
#[derive(Deserialize)]
pub struct Corpus {
    pub name: String,
    path: String,
    dialect: Dialect,
    #[serde(default)]
    held: bool,
}

pub fn all() -> Vec<Corpus> {
    serde_yaml::from_str(include_str!("corpora.yaml")).expect("corpora.yaml is valid")
}

/// Proves one history and writes what disagrees into `PROOF_OUTPUT`.
pub async fn prove(root: &Path, corpus: &Corpus) -> Result<Figures, String> {
    let server = servers::server(corpus.dialect)?;
    let directory = root.join(&corpus.path);
    if !directory.is_dir() {
        return Err(format!("{} is not in CORPORA", corpus.path));
    }
    let history = history(&tree(&directory)?, &Options { dialect: Some(corpus.dialect), ..Options::default() });
    if history.migrations.is_empty() {
        return Err("no migrations found".to_owned());
    }
    let mut prover = Prover::start(server).await.map_err(|refusal| refusal.to_string())?;
    let mut replay = Replay::new(corpus.dialect);
    let mut figures = Figures::new(&corpus.name, corpus.held, &format!("{:?}", history.framework));
    for migration in &history.migrations {
        one(&mut prover, &mut replay, corpus.dialect, migration, &mut figures).await;
    }
    prover.end().await.map_err(|refusal| refusal.to_string())?;
    figures.write();
    Ok(figures)
}

async fn one(prover: &mut Prover, replay: &mut Replay, dialect: Dialect, migration: &Migration, figures: &mut Figures) {
    let (Some(up), down) = (texts(&migration.up), migration.down.as_deref().and_then(texts)) else {
        return figures.code(&migration.version);
    };
    let statements = statements(&up, dialect);
    figures.statements(&statements);
    let step: Step = replay.apply(&statements);
    let predicted = effects::effects(&step);
    let verdict = down::judge(&step, down.as_ref().map(|down| self::statements(down, dialect)).as_deref());
    match prover.step(&up, down.as_deref()).await {
        Ok(measured) => figures.compare(&migration.path, &predicted, &format!("{:?}", verdict.verdict), &measured),
        Err(refusal) => figures.refused(&migration.path, &refusal.to_string()),
    }
}

fn texts(scripts: &[Script]) -> Option<Vec<String>> {
    let text = |script: &Script| script.text().filter(|_| script.language == Language::Sql).map(str::to_owned);
    scripts.iter().map(text).collect()
}

fn statements(scripts: &[String], dialect: Dialect) -> Vec<Statement> {
    scripts.iter().flat_map(|script| read::read_script(script, dialect)).collect()
}

fn tree(directory: &Path) -> Result<Tree, String> {
    let mut files = Vec::new();
    let mut open: Vec<PathBuf> = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).map_err(|error| error.to_string())? {
            let path = entry.map_err(|error| error.to_string())?.path();
            if path.is_dir() {
                open.push(path);
            } else if let (Ok(name), Ok(bytes)) = (path.strip_prefix(directory), std::fs::read(&path)) {
                files.push((name.to_string_lossy().into_owned(), bytes));
            }
        }
    }
    Ok(Tree::from_files(files))
}
