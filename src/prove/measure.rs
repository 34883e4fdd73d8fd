//! One migration on one state of the database: rows, old code, up, old code again, down.

use std::collections::BTreeSet;
use std::time::Instant;

use super::catalog::Catalog;
use super::contents::{self, Contents, Gone};
use super::hints;
use super::old_code::{self, OldCode, Outcome};
use super::refusal::Refusal;
use super::seed;
use super::server::{Server, Session};
use super::values::Reach;
use crate::sql::split;

/// A database that is made here, by what it is for: `state` keeps the history's state, `trial` is measured in. Processes do not meet.
fn name(purpose: &str) -> String {
    format!("proof_{purpose}_{}", std::process::id())
}

/// What a down did to the schema and rows that were there before its up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Down {
    None,
    Empty,
    Exact,
    /// The schema is back, values are not.
    Lossy(Vec<String>),
    /// Lines of the catalog that were not there, or are missing.
    Differs(Vec<String>),
    Fails(String),
}

impl Down {
    pub fn as_str(&self) -> &'static str {
        match self {
            Down::None => "none",
            Down::Empty => "empty",
            Down::Exact => "exact",
            Down::Lossy(_) => "lossy",
            Down::Differs(_) => "differs",
            Down::Fails(_) => "fails",
        }
    }
}

/// What one step was seen to do.
#[derive(Clone, Debug)]
pub struct Measured {
    pub old_code: Outcome,
    pub gone: Vec<Gone>,
    pub down: Down,
    /// The down ran and left everything as it found it.
    pub idle: bool,
    /// The rows that the up accepted.
    pub reach: Reach,
    /// Tables and views before it.
    pub relations: BTreeSet<String>,
    /// Tables without a row and columns without a value, so that nothing is known about values in them.
    pub empty: Vec<String>,
    /// Tables that took no INSERT of old code, so that nothing is known about later ones.
    pub closed: Vec<String>,
    pub millis: u128,
}

/// Goes through a history on one server.
pub struct Prover {
    server: Server,
    state: String,
    trial: String,
}

impl Prover {
    /// Starts with an empty database.
    pub async fn start(mut server: Server) -> Result<Self, Refusal> {
        let (state, trial) = (name("state"), name("trial"));
        server.create(&state).await?;
        Ok(Prover { server, state, trial })
    }

    /// Applies scripts without measuring.
    pub async fn apply(&mut self, scripts: &[String]) -> Result<(), Refusal> {
        let mut session = self.server.connect(&self.state).await?;
        let done = run_scripts(&mut session, scripts).await;
        session.close().await;
        done
    }

    /// Measures scripts as one step and applies them.
    pub async fn step(&mut self, ups: &[String], down: Option<&[String]>) -> Result<Measured, Refusal> {
        let begin = Instant::now();
        let mut measured = Err(Refusal::said("not tried"));
        let twins = Some(Reach::Twins).filter(|_| hints::asks_for_twins(ups, self.server.dialect()));
        for reach in twins.into_iter().chain([Reach::Extreme, Reach::Ordinary, Reach::Elsewhere, Reach::Empty]) {
            self.server.copy(&self.state, &self.trial).await?;
            measured = self.trial(ups, down, reach).await;
            // What takes too long over these rows does not get quicker.
            if measured.as_ref().err().is_none_or(|refusal| refusal.code == "57014") {
                break;
            }
        }
        let applied = self.apply(ups).await;
        let mut measured = measured?;
        applied?;
        measured.millis = begin.elapsed().as_millis();
        Ok(measured)
    }

    /// On another connection behind the up: one that ran a function before keeps plans and row types of the old schema.
    async fn trial(&mut self, ups: &[String], down: Option<&[String]>, reach: Reach) -> Result<Measured, Refusal> {
        let mut session = self.server.connect(&self.trial).await?;
        let begun = begin(&mut session, ups, down, reach).await;
        session.close().await;
        let begun = begun?;
        let mut session = self.server.connect(&self.trial).await?;
        let measured = finish(&mut session, begun, down, reach).await;
        session.close().await;
        measured
    }

    /// Takes both databases away.
    pub async fn end(mut self) -> Result<(), Refusal> {
        self.server.drop(&self.trial).await?;
        self.server.drop(&self.state).await
    }
}

/// What was there before an up that ran.
struct Begun {
    catalog: Catalog,
    old: OldCode,
    before: Contents,
}

async fn begin(session: &mut Session, ups: &[String], down: Option<&[String]>, reach: Reach) -> Result<Begun, Refusal> {
    let catalog = session.catalog().await?;
    seed::seed(session, &catalog, ups, down.unwrap_or_default(), reach).await;
    // Triggers can make tables for rows.
    let catalog = session.catalog().await?;
    let old = old_code::record(session, &catalog).await;
    let before = contents::read(session, &catalog).await;
    run_scripts(session, ups).await?;
    Ok(Begun { catalog, old, before })
}

async fn finish(session: &mut Session, begun: Begun, down: Option<&[String]>, reach: Reach) -> Result<Measured, Refusal> {
    let Begun { catalog, old, before } = begun;
    let later = session.catalog().await?;
    let after = contents::read(session, &later).await;
    let old_code = old_code::replay(session, &old).await;
    let gone = contents::gone(&before, &after);
    let (down, idle) = run_down(session, down, (&catalog, &before), (&later, &after)).await;
    let (empty, closed) = (contents::empty(&before), old.closed());
    Ok(Measured { old_code, gone, down, idle, reach, empty, closed, relations: catalog.tables.into_keys().collect(), millis: 0 })
}

type State<'a> = (&'a Catalog, &'a Contents);

async fn run_down(session: &mut Session, down: Option<&[String]>, old: State<'_>, new: State<'_>) -> (Down, bool) {
    let Some(scripts) = down else { return (Down::None, false) };
    let dialect = session.dialect();
    if scripts.iter().all(|script| split::split(script, dialect).is_empty()) {
        return (Down::Empty, true);
    }
    if let Err(refusal) = run_scripts(session, scripts).await {
        return (Down::Fails(refusal.to_string()), false);
    }
    match session.catalog().await {
        Ok(now) => {
            let rows = contents::read(session, &now).await;
            (compare(old, (&now, &rows)), now.lines == new.0.lines && rows == *new.1)
        }
        Err(refusal) => (Down::Fails(refusal.to_string()), false),
    }
}

fn compare((catalog, before): State<'_>, (now, after): State<'_>) -> Down {
    let missing = catalog.lines.difference(&now.lines).map(|line| format!("- {line}"));
    let added = now.lines.difference(&catalog.lines).map(|line| format!("+ {line}"));
    let lines: Vec<String> = missing.chain(added).collect();
    if !lines.is_empty() {
        return Down::Differs(lines);
    }
    let gone: Vec<String> = contents::gone(before, after).into_iter().map(|gone| gone.object).collect();
    if gone.is_empty() { Down::Exact } else { Down::Lossy(gone) }
}

async fn run_scripts(session: &mut Session, scripts: &[String]) -> Result<(), Refusal> {
    for script in scripts {
        run_script(session, script).await?;
    }
    Ok(())
}

/// Runs a script in one transaction, as most frameworks do, or statement by statement where it has its own or may not be in one.
async fn run_script(session: &mut Session, script: &str) -> Result<(), Refusal> {
    let statements: Vec<String> = split::split(script, session.dialect()).into_iter().map(|raw| raw.text).collect();
    if !session.dialect().is_mysql() && !statements.iter().any(|text| is_alone(text)) {
        session.run("BEGIN").await?;
        let done = run_all(session, &statements).await;
        let ended = session.run(if done.is_ok() { "COMMIT" } else { "ROLLBACK" }).await;
        return done.and(ended);
    }
    run_all(session, &statements).await
}

async fn run_all(session: &mut Session, statements: &[String]) -> Result<(), Refusal> {
    for statement in statements {
        match session.run(statement).await {
            Err(refusal) if refusal.code == "1005" => without_parents(session, statement).await?,
            outcome => outcome?,
        }
    }
    Ok(())
}

/// MySQL takes no notice of REFERENCES at a column, MariaDB refuses one to a table that is not there yet.
async fn without_parents(session: &mut Session, statement: &str) -> Result<(), Refusal> {
    session.run("SET foreign_key_checks = 0").await?;
    let outcome = session.run(statement).await;
    session.run("SET foreign_key_checks = 1").await?;
    outcome
}

/// Whether a statement controls transactions, or is refused or without effect in one.
fn is_alone(statement: &str) -> bool {
    let words: Vec<String> =
        statement.split_whitespace().take(12).map(|word| word.trim_end_matches(';').to_uppercase()).collect();
    let first = words.first().map_or("", String::as_str);
    matches!(first, "BEGIN" | "START" | "COMMIT" | "ROLLBACK" | "END" | "PRAGMA" | "VACUUM")
        || words.iter().any(|word| word == "CONCURRENTLY")
}
