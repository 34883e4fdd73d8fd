//! A history, migration by migration: what a report says of each against what a database does.

use super::compare::Figures;
use super::measure::Prover;
use super::refusal::Refusal;
use super::server::Server;
use crate::migrations::history::{History, Language, Script};
use crate::migrations::report::Report;

/// Applies a history to a server and compares with its report. `first` is what the history expects to be there. `each` hears of
/// every migration before it runs.
pub async fn prove(
    server: Server,
    history: &History,
    report: &Report,
    first: &[String],
    each: &mut dyn FnMut(&str),
) -> Result<Figures, Refusal> {
    let mut prover = Prover::start(server).await?;
    prover.apply(first).await?;
    let mut figures = Figures::default();
    for (migration, said) in history.migrations.iter().zip(&report.migrations) {
        each(&migration.path);
        figures.statements += said.statements;
        figures.understood += said.understood;
        let Some(up) = texts(&migration.up) else {
            figures.code += 1;
            continue;
        };
        match prover.step(&up, migration.down.as_deref().and_then(texts).as_deref()).await {
            Ok(measured) => figures.compare(said, &measured),
            Err(refusal) => figures.refused(&migration.path, &refusal.to_string()),
        }
    }
    prover.end().await?;
    Ok(figures)
}

/// None where a script is no SQL.
fn texts(scripts: &[Script]) -> Option<Vec<String>> {
    let text = |script: &Script| script.text().filter(|_| script.language == Language::Sql).map(str::to_owned);
    scripts.iter().map(text).collect()
}
