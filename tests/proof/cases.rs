//! The cases of the predictor, asked of real databases: what is expected must be what happens.

use std::collections::BTreeSet;

use rollback_safe::migrations::report::{DownReport, DownVerdict, EffectReport, Migration};
use rollback_safe::prove::compare::{Figures, KINDS, down_agrees, seen};
use rollback_safe::prove::measure::{Measured, Prover};
use rollback_safe::sql::catalog::{Replay, Step};
use rollback_safe::sql::dialect::Dialect;
use rollback_safe::sql::effect::EffectKind;
use rollback_safe::sql::read::read_script;
use rollback_safe::sql::{down, effects};
use serde::Deserialize;

use super::servers;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub id: String,
    /// Of the statement forms of `forms.yaml`, which the predictor's own tests look at.
    #[serde(default, rename = "forms")]
    _forms: Vec<u32>,
    dialects: Vec<Dialect>,
    #[serde(default)]
    setup: String,
    up: Vec<String>,
    down: Option<String>,
    expect: Expected,
    /// Why a database cannot be asked.
    unmeasured: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    effects: Vec<String>,
    down: Option<DownVerdict>,
}

/// How one case went.
pub enum Outcome {
    /// What is expected and does not happen, or the other way round.
    Proved(Vec<String>),
    Skipped(String),
}

/// Every file of cases, by name.
pub fn files() -> Vec<(String, Vec<Case>)> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/proof/cases");
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let read = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let cases = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), cases)
    };
    paths.into_iter().filter(|path| path.extension().is_some_and(|end| end == "yaml")).map(read).collect()
}

/// Runs a case on every engine that it is for. What the predictor says goes into `figures`.
pub async fn prove(case: &Case, figures: &mut Figures) -> Vec<(Dialect, Outcome)> {
    let mut outcomes = Vec::new();
    for dialect in &case.dialects {
        if let Some(why) = &case.unmeasured {
            outcomes.push((*dialect, Outcome::Skipped(why.clone())));
            continue;
        }
        let outcome = match one(case, *dialect, figures).await {
            Ok(faults) => Outcome::Proved(faults),
            // What only MySQL takes cannot be seen here.
            Err(why) if *dialect == Dialect::MySql => Outcome::Skipped(format!("MariaDB refuses: {why}")),
            Err(why) => Outcome::Proved(vec![format!("refused: {why}")]),
        };
        outcomes.push((*dialect, outcome));
    }
    outcomes
}

async fn one(case: &Case, dialect: Dialect, figures: &mut Figures) -> Result<Vec<String>, String> {
    let server = servers::server(dialect)?;
    let mut prover = Prover::start(server).await.map_err(|refusal| refusal.to_string())?;
    let down: Option<Vec<String>> = case.down.clone().map(|down| vec![down]);
    let applied = prover.apply(std::slice::from_ref(&case.setup)).await;
    let measured = match applied {
        Ok(()) => prover.step(&case.up, down.as_deref()).await,
        Err(refusal) => Err(refusal),
    };
    prover.end().await.map_err(|refusal| refusal.to_string())?;
    let measured = measured.map_err(|refusal| refusal.to_string())?;
    figures.compare(&predicted(case, dialect), &measured);
    Ok(faults(&case.expect, &measured))
}

fn predicted(case: &Case, dialect: Dialect) -> Migration {
    let mut replay = Replay::new(dialect);
    replay.apply(&read_script(&case.setup, dialect));
    let steps: Vec<Step> = case.up.iter().map(|up| replay.apply(&read_script(up, dialect))).collect();
    let step = Step::join(&steps).unwrap_or_else(|| replay.apply(&[]));
    let down = case.down.as_ref().map(|down| read_script(down, dialect));
    Migration {
        version: String::new(),
        name: String::new(),
        path: format!("{} ({dialect})", case.id),
        down_path: None,
        effects: effects::effects(&step).iter().map(EffectReport::of).collect(),
        down: DownReport::from(down::judge(&step, down.as_deref())),
        statements: 0,
        understood: 0,
    }
}

fn faults(expected: &Expected, measured: &Measured) -> Vec<String> {
    let kinds: BTreeSet<&str> = expected.effects.iter().filter_map(|effect| effect.split(' ').next()).collect();
    let mut faults = Vec::new();
    for (kind, word) in KINDS {
        let seen = seen(kind, measured);
        if kinds.contains(word) == seen.is_empty() {
            faults.push(format!("{word} expected: {}, measured {seen:?}", kinds.contains(word)));
        }
    }
    // Under another name the values are elsewhere as well, so only that they are can be asked.
    if kinds.contains("moved") && seen(EffectKind::Moved, measured).is_empty() {
        faults.push("moved expected, not measured".to_owned());
    }
    let restricted = seen(EffectKind::Restricts, measured);
    // Without rows of a parent its children cannot be written.
    let said = ["restricts", "writes-break", "changes-result", "data-loss", "moved"].iter().any(|word| kinds.contains(word));
    if !restricted.is_empty() && !said {
        faults.push(format!("restricts not expected, measured {restricted:?}"));
    }
    if let Some(down) = expected.down.filter(|down| !down_agrees(*down, measured)) {
        faults.push(format!("down expected {}, measured {:?}", down.as_str(), measured.down));
    }
    faults
}
