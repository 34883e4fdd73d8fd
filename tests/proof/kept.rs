//! Figures of one history as a file, so that runs can be put together and an interrupted one leaves what it measured.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rollback_safe::prove::compare::Figures;
use rollback_safe::sql::dialect::Dialect;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::corpora::Corpus;

/// Right, false and missed verdicts.
pub type Counts = [usize; 3];

/// What is published of one history.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Kept {
    pub name: String,
    pub framework: String,
    /// The digest of the sources that measured it.
    pub code: String,
    pub date: String,
    pub migrations: usize,
    pub refused: usize,
    pub no_sql: usize,
    pub statements: usize,
    pub understood: usize,
    pub kinds: BTreeMap<String, Counts>,
    /// Of the false ones, those that said *possible* alone; by kind.
    #[serde(default)]
    pub only_possible: BTreeMap<String, usize>,
    pub downs: usize,
    pub downs_agree: usize,
}

impl Kept {
    pub fn new(name: &str, framework: &str, figures: &Figures) -> Self {
        let counts = |(kind, count): (&&str, &rollback_safe::prove::compare::Count)| {
            ((*kind).to_owned(), [count.right, count.false_alarms, count.missed])
        };
        Kept {
            name: name.to_owned(),
            framework: framework.to_owned(),
            code: digest(),
            date: jiff::Zoned::now().date().to_string(),
            migrations: figures.migrations,
            refused: figures.refused,
            no_sql: figures.code,
            statements: figures.statements,
            understood: figures.understood,
            kinds: figures.kinds.iter().map(counts).collect(),
            only_possible: figures.kinds.iter().map(|(kind, count)| ((*kind).to_owned(), count.only_possible)).collect(),
            downs: figures.downs,
            downs_agree: figures.downs_agree,
        }
    }

    pub fn add(&mut self, other: &Kept) {
        self.migrations += other.migrations;
        self.refused += other.refused;
        self.no_sql += other.no_sql;
        self.statements += other.statements;
        self.understood += other.understood;
        self.downs += other.downs;
        self.downs_agree += other.downs_agree;
        for (kind, counts) in &other.kinds {
            let sum = self.kinds.entry(kind.clone()).or_default();
            (0..3).for_each(|at| sum[at] += counts[at]);
        }
        for (kind, count) in &other.only_possible {
            *self.only_possible.entry(kind.clone()).or_default() += count;
        }
    }
}

/// Of the sources that decide, so that figures of another state of them are told apart.
pub fn digest() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> = Vec::new();
    for part in ["src/sql", "src/migrations", "src/prove", "rules/tables"] {
        collect(&root.join(part), &mut files);
    }
    files.sort();
    let mut hash = Sha256::new();
    files.iter().for_each(|file| hash.update(std::fs::read(file).unwrap_or_default()));
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

/// Writes one into the directory that `PROOF_FIGURES` names.
pub fn store(one: &Kept) {
    let Some(directory) = std::env::var_os("PROOF_FIGURES") else { return };
    let text = serde_json::to_string_pretty(one).expect("figures are JSON");
    let _ = std::fs::create_dir_all(&directory);
    std::fs::write(Path::new(&directory).join(format!("{}.json", one.name)), text).expect("PROOF_FIGURES can be written");
}

/// A history with what is kept of it.
pub struct Shown {
    pub corpus: Corpus,
    pub kept: Kept,
}

/// In the order of `corpora.yaml`: what this run measured, else what the directory of `PROOF_FIGURES` has.
pub fn all(corpora: &[Corpus], measured: &[Kept]) -> Vec<Shown> {
    let of = |corpus: &Corpus| measured.iter().find(|one| one.name == corpus.name).cloned().or_else(|| load(&corpus.name));
    corpora.iter().filter_map(|corpus| Some(Shown { corpus: corpus.clone(), kept: of(corpus)? })).collect()
}

fn load(name: &str) -> Option<Kept> {
    let directory = std::env::var_os("PROOF_FIGURES")?;
    let text = std::fs::read_to_string(Path::new(&directory).join(format!("{name}.json"))).ok()?;
    serde_json::from_str(&text).ok()
}

/// Of one database.
pub fn of_dialect(shown: &[Shown], dialect: Dialect) -> impl Iterator<Item = &Shown> {
    shown.iter().filter(move |one| one.corpus.dialect == dialect)
}
