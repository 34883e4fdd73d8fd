//! A history becomes a report: every migration replayed on what all earlier ones built, the range between two versions as one.

use super::history::{History, Migration};
use super::range;
use super::report::{self, Anomaly, DownReport, DownVerdict, EffectReport, Gap, Range, Report};
use super::scripts::{Open, Program, Programs};
use super::{runbook, startup};
use crate::sql::catalog::{Replay, Step};
use crate::sql::dialect::Dialect;
use crate::sql::down;
use crate::sql::effect::{Certainty, Effect, EffectKind};
use crate::sql::effects::effects;
use crate::sql::statement::Statement;

/// Steps back that are tried for the oldest supported version.
const STEPS_BACK: usize = 200;

/// What is asked of a history.
pub struct Ask<'a> {
    /// Version that the database is at; none = the newest.
    pub from: Option<&'a str>,
    /// Version that old code knows; none = the first, or all that `older` has. `0` = before the first.
    pub to: Option<&'a str>,
    /// What the older side has, where it has files of its own.
    pub older: Option<&'a History>,
    /// Opens files that are too large to hold.
    pub open: &'a Open<'a>,
}

/// One migration, replayed.
struct Replayed {
    step: Step,
    program: Program,
}

/// The two ends of a range, and what lies between them.
struct Ends {
    from: String,
    to: String,
    between: range::Range,
}

/// Analyses a history. The error names a version that it does not have.
pub fn analyze(history: &History, ask: &Ask<'_>) -> Result<Report, String> {
    let ends = ends(history, ask)?;
    let dialect = history.dialect.unwrap_or(Dialect::PostgreSql);
    let replayed = replay(history, dialect, ask.open);
    let all = || replayed.iter().map(|one| &one.program);
    let mut report = Report {
        schema: report::SCHEMA.to_owned(),
        framework: Some(history.framework.as_str().to_owned()),
        dialect: history.dialect,
        migrations: history.migrations.iter().zip(&replayed).map(|(migration, one)| one_migration(migration, one)).collect(),
        range: whole_range(history, &replayed, &ends, ask),
        startup: Some(startup::startup(history, ask.older, &ends.between, false)),
        runbook: Vec::new(),
        last_supported_revision: None,
        oldest_supported_version: oldest_supported(history, &replayed),
        statements: all().map(|program| program.statements).sum(),
        understood: all().map(|program| program.understood).sum(),
        gaps: gaps(history),
    };
    report.runbook = runbook::steps(&report, history.framework);
    Ok(report)
}

/// Where two sides have files, what differs between them; else what lies between two versions of one history. Without a version
/// to go back to that is the first one.
fn ends(history: &History, ask: &Ask<'_>) -> Result<Ends, String> {
    let newest = |history: &History| history.migrations.last().map(|migration| migration.version.clone()).unwrap_or_default();
    if let Some(older) = ask.older {
        return Ok(Ends { from: newest(history), to: newest(older), between: range::between(history, older) });
    }
    let first = history.migrations.first().filter(|_| history.migrations.len() > 1).map(|migration| migration.version.as_str());
    let before_all = |version: &&str| range::find(history, version).is_some() || version.trim_matches('0') != "";
    let to = match ask.to {
        Some(version) => Some(version).filter(before_all),
        None => first,
    };
    let (from, to) = in_order(history, ask.from, to);
    let version = |wanted: Option<&str>| wanted.and_then(|wanted| range::find(history, wanted)).map(|at| history.migrations[at].version.clone());
    let between = range::within(history, from, to)?;
    Ok(Ends { from: version(from).unwrap_or_else(|| newest(history)), to: version(to).unwrap_or_default(), between })
}

/// The newer end first, whichever was named first.
fn in_order<'a>(history: &History, from: Option<&'a str>, to: Option<&'a str>) -> (Option<&'a str>, Option<&'a str>) {
    match (from.map(|from| range::find(history, from)), to.map(|to| range::find(history, to))) {
        (Some(Some(newer)), Some(Some(older))) if newer < older => (to, from),
        _ => (from, to),
    }
}

fn replay(history: &History, dialect: Dialect, open: &Open<'_>) -> Vec<Replayed> {
    let mut replay = Replay::new(dialect);
    let mut programs = Programs::new(history.framework, dialect, open);
    let each = history.migrations.iter().map(|migration| {
        let program = programs.read(migration);
        let step = replay.apply(&program.up);
        Replayed { step, program }
    });
    each.collect()
}

fn one_migration(migration: &Migration, replayed: &Replayed) -> report::Migration {
    let Replayed { step, program } = replayed;
    let mut found: Vec<EffectReport> = effects(step).iter().map(EffectReport::of).collect();
    found.sort();
    found.dedup();
    report::Migration {
        version: migration.version.clone(),
        name: migration.name.clone(),
        path: migration.path.clone(),
        down_path: migration.down_path.clone(),
        effects: found,
        down: judge(step, program),
        statements: program.statements,
        understood: program.understood,
    }
}

fn judge(step: &Step, program: &Program) -> DownReport {
    if let Some(why) = &program.irreversible {
        return DownReport { verdict: DownVerdict::None, why: why.clone() };
    }
    down::judge(step, program.down.as_deref()).into()
}

fn whole_range(history: &History, replayed: &[Replayed], ends: &Ends, ask: &Ask<'_>) -> Option<Range> {
    let chosen = &ends.between.migrations;
    if chosen.is_empty() && ends.between.anomalies.is_empty() {
        return None;
    }
    let joined = joined(history, replayed, &ends.between, ask);
    let mut found: Vec<EffectReport> = joined.iter().flat_map(|joined| effects(joined)).map(|effect| placed(&effect, history)).collect();
    found.sort();
    found.dedup();
    let chosen_ones: Vec<&Replayed> = chosen.iter().map(|at| &replayed[*at]).collect();
    let nothing = || DownReport { verdict: DownVerdict::None, why: "there is nothing to undo".to_owned() };
    Some(Range {
        from: ends.from.clone(),
        to: ends.to.clone(),
        migrations: chosen.len(),
        effects: found,
        down: joined.as_ref().map_or_else(nothing, |joined| range_down(joined, &chosen_ones)),
        anomalies: ends.between.anomalies.iter().map(Anomaly::of).collect(),
    })
}

/// The chosen migrations as one step: those of the replay where they ran one after the other at its end, else replayed anew on what
/// both sides have.
fn joined(history: &History, replayed: &[Replayed], between: &range::Range, ask: &Ask<'_>) -> Option<Step> {
    let (first, last) = (*between.migrations.first()?, *between.migrations.last()?);
    let in_a_row = last - first + 1 == between.migrations.len() && !between.replay_to;
    if in_a_row && between.before.iter().all(|at| *at < first || *at > last) {
        let steps: Vec<Step> = replayed[first..=last].iter().map(|one| one.step.clone()).collect();
        return Step::join(&steps);
    }
    let dialect = history.dialect.unwrap_or(Dialect::PostgreSql);
    let mut replay = Replay::new(dialect);
    match ask.older.filter(|_| between.replay_to) {
        Some(older) => {
            let mut programs = Programs::new(older.framework, dialect, ask.open);
            for migration in &older.migrations {
                replay.apply(&programs.read(migration).up);
            }
        }
        None => between.before.iter().for_each(|at| {
            replay.apply(&replayed[*at].program.up);
        }),
    }
    let steps: Vec<Step> = between.migrations.iter().map(|at| renumbered(replay.apply(&replayed[*at].program.up), *at)).collect();
    Step::join(&steps)
}

/// A step that was replayed out of its place, with the position that its migration has in the history.
fn renumbered(mut step: Step, position: usize) -> Step {
    for event in &mut step.log {
        event.mark.migration = position;
    }
    step
}

/// With the migration that does it.
fn placed(effect: &Effect, history: &History) -> EffectReport {
    let migration = history.migrations.get(effect.migration);
    EffectReport {
        version: migration.map(|migration| migration.version.clone()),
        path: migration.map(|migration| migration.path.clone()),
        ..EffectReport::of(effect)
    }
}

/// All ways back of a range, newest first, as one program.
fn range_down(joined: &Step, replayed: &[&Replayed]) -> DownReport {
    let missing = replayed.iter().filter(|one| one.program.down.is_none()).count();
    if missing > 0 {
        let why = format!("{missing} of {} migrations have no way back", replayed.len());
        return DownReport { verdict: DownVerdict::None, why };
    }
    let program: Vec<Statement> = replayed.iter().rev().flat_map(|one| one.program.down.clone().unwrap_or_default()).collect();
    down::judge(joined, Some(&program)).into()
}

/// The oldest version whose code still reads and writes all its tables on the newest schema.
fn oldest_supported(history: &History, replayed: &[Replayed]) -> Option<String> {
    let mut steps: Vec<Step> = Vec::new();
    let mut oldest = history.migrations.len().checked_sub(1)?;
    for position in (1..replayed.len()).rev().take(STEPS_BACK) {
        steps.insert(0, replayed[position].step.clone());
        if Step::join(&steps).is_none_or(|joined| effects(&joined).iter().any(stops)) {
            break;
        }
        oldest = position - 1;
    }
    history.migrations.get(oldest).map(|migration| migration.version.clone())
}

fn stops(effect: &Effect) -> bool {
    match effect.kind {
        EffectKind::ReadsBreak | EffectKind::WritesBreak => effect.certainty >= Certainty::Likely,
        EffectKind::Opaque => true,
        _ => false,
    }
}

fn gaps(history: &History) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = history.gaps.clone();
    let anomalies = history.anomalies.iter();
    gaps.extend(anomalies.map(|found| Gap { what: found.path.clone(), why: found.why.clone() }));
    gaps.sort();
    gaps.dedup();
    gaps
}
