//! A history becomes a report: every migration replayed on what all earlier ones built, the range between two versions as one.

use super::applied::{Applied, Placed, State};
use super::halfway;
use super::history::{self, AnomalyKind, History, Migration};
use super::probe;
use super::range;
use super::report::{self, Anomaly, AppliedReport, DownReport, DownVerdict, EffectReport, Gap, Range, Report};
use super::scripts::{Open, Program, Programs};
use super::{runbook, startup};
use crate::sql::catalog::log::Action;
use crate::sql::catalog::{Replay, Step};
use crate::sql::dialect::Dialect;
use crate::sql::down;
use crate::sql::effect::{Certainty, Effect, EffectKind};
use crate::sql::effects::effects;
use crate::sql::statement::Statement;

/// Steps back that are tried for the oldest supported version, and what may have happened in them: each is compared as a whole.
const STEPS_BACK: usize = 200;
const EVENTS_BACK: usize = 20_000;

/// What is asked of a history.
pub struct Ask<'a> {
    /// Version that the database is at; none = the newest.
    pub from: Option<&'a str>,
    /// Version that old code knows; none = the first, or all that `older` has. `0` = before the first.
    pub to: Option<&'a str>,
    /// What the older side has, where it has files of its own.
    pub older: Option<&'a History>,
    /// What the database says was applied to it.
    pub applied: Option<&'a Applied>,
    /// The files are not the whole history: what they refer to was made elsewhere.
    pub on_unknown: bool,
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
    /// Where a history table was read.
    database: Option<Database>,
}

/// A history table, matched with the files of both sides.
struct Database {
    placed: Placed,
    report: AppliedReport,
    /// Versions that both sides have files of and that are not applied.
    not_yet: Vec<String>,
    /// Whether the older migrator finds a checksum that is not its file's; none where no checksum says.
    edited: Option<bool>,
}

impl Ends {
    /// What failed half-way, in order.
    fn failed(&self) -> Vec<usize> {
        let placed = self.database.iter().flat_map(|database| &database.placed.failed);
        placed.copied().filter(|at| self.between.migrations.contains(at)).collect()
    }

    /// What the old migrator finds in the history table, besides versions.
    fn table(&self) -> startup::Table {
        let Some(database) = &self.database else { return startup::Table::default() };
        startup::Table { failed: !database.report.failed.is_empty(), edited: database.edited }
    }

    /// Whether the newest files and the database are at the same place.
    fn is_at_newest(&self) -> bool {
        let same = |report: &AppliedReport| report.failed.is_empty() && report.pending.is_empty() && report.unknown.is_empty();
        self.database.as_ref().is_none_or(|database| same(&database.report))
    }
}

/// Analyses a history. The error names a version that it does not have.
pub fn analyze(history: &History, ask: &Ask<'_>) -> Result<Report, String> {
    let ends = ends(history, ask)?;
    let dialect = history.dialect.unwrap_or(Dialect::PostgreSql);
    let replayed = replay(history, dialect, ask);
    let all = || replayed.iter().map(|one| &one.program);
    let mut report = Report {
        schema: report::SCHEMA.to_owned(),
        framework: Some(history.framework.as_str().to_owned()),
        dialect: history.dialect,
        migrations: history.migrations.iter().zip(&replayed).map(|(migration, one)| one_migration(migration, one)).collect(),
        range: whole_range(history, &replayed, &ends, ask),
        startup: Some(startup::startup(history, ask.older, &ends.between, ends.table())),
        runbook: Vec::new(),
        last_supported_revision: None,
        oldest_supported_version: ends.is_at_newest().then(|| oldest_supported(history, &replayed)).flatten(),
        applied: ends.database.as_ref().map(|database| database.report.clone()),
        statements: all().map(|program| program.statements).sum(),
        understood: all().map(|program| program.understood).sum(),
        gaps: gaps(history, &ends),
        questions: Vec::new(),
    };
    if ends.failed().is_empty() {
        let joined = joined(history, &replayed, &ends.between, ask);
        report.questions = joined.iter().flat_map(probe::questions).collect();
    }
    report.runbook = runbook::steps(&report, history.framework);
    Ok(report)
}

fn ends(history: &History, ask: &Ask<'_>) -> Result<Ends, String> {
    let mut ends = ends_of_files(history, ask)?;
    ends.database = ask.applied.map(|applied| database(history, ask.older, applied, &mut ends.between));
    let newest = ends.database.iter().flat_map(|database| database.placed.done.iter().chain(&database.placed.failed)).max();
    if let Some(newest) = newest {
        ends.from = history.migrations[*newest].version.clone();
    }
    Ok(ends)
}

/// Narrows the range to what is applied.
fn database(history: &History, older: Option<&History>, applied: &Applied, between: &mut range::Range) -> Database {
    let placed = applied.place(history);
    let versions = |positions: &mut dyn Iterator<Item = usize>| -> Vec<String> {
        positions.map(|at| history.migrations[at].version.clone()).collect()
    };
    let once = |at: &usize| history.migrations[*at].kind == super::history::Kind::Versioned;
    let known: Vec<(String, State)> = older.map(|older| applied.place(older).unknown).unwrap_or_else(|| placed.unknown.clone());
    let unknown = placed.unknown.iter().filter(|row| row.1 != State::Undone && known.contains(row));
    let not_yet = placed.narrow(between, history);
    let ran = older.map(|older| (older, applied.place(older)));
    let edited = edited(&placed, ran.as_ref().map(|(_, placed)| placed), between);
    between.anomalies.extend(not_what_ran(history, &placed, "the file"));
    between.anomalies.extend(ran.iter().flat_map(|(older, placed)| not_what_ran(older, placed, "the older side's file")));
    let report = AppliedReport {
        origin: applied.origin.clone(),
        done: placed.done.len(),
        failed: versions(&mut placed.failed.iter().copied()),
        pending: versions(&mut (0..history.migrations.len()).filter(|at| once(at) && !placed.is_applied(*at))),
        unknown: unknown.map(|(name, _)| name.clone()).collect(),
        compared: placed.compared.len(),
        edited: versions(&mut placed.edited.iter().copied()),
        not_compared: placed.not_compared.clone(),
    };
    Database { not_yet: versions(&mut not_yet.into_iter()), placed, report, edited }
}

/// The older migrator compares what it has files of: those of the older side, or those before the range.
fn edited(placed: &Placed, older: Option<&Placed>, between: &range::Range) -> Option<bool> {
    match older {
        Some(older) => (!older.compared.is_empty()).then_some(!older.edited.is_empty()),
        None => (!placed.compared.is_empty()).then(|| placed.edited.iter().any(|at| between.before.contains(at))),
    }
}

fn not_what_ran(history: &History, placed: &Placed, whose: &str) -> Vec<history::Anomaly> {
    let why = format!("{whose} is not the text that ran: the database stored another checksum");
    let anomaly = |at: &usize| {
        let migration = &history.migrations[*at];
        let (version, path) = (migration.version.clone(), migration.path.clone());
        history::Anomaly { kind: AnomalyKind::Edited, version, path, why: why.clone() }
    };
    placed.edited.iter().map(anomaly).collect()
}

/// Where two sides have files, what differs between them; else what lies between two versions of one history. Without a version
/// to go back to that is the first one.
fn ends_of_files(history: &History, ask: &Ask<'_>) -> Result<Ends, String> {
    let newest = |history: &History| history.migrations.last().map(|migration| migration.version.clone()).unwrap_or_default();
    if let Some(older) = ask.older {
        return Ok(Ends { from: newest(history), to: newest(older), between: range::between(history, older), database: None });
    }
    let first = history.migrations.first().filter(|_| history.migrations.len() > 1).map(|migration| migration.version.as_str());
    let before_all = |version: &&str| range::find(history, version).is_some() || !version.trim_matches('0').is_empty();
    let to = match ask.to {
        Some(version) => Some(version).filter(before_all),
        None => first,
    };
    let (from, to) = in_order(history, ask.from, to);
    let version = |wanted: Option<&str>| {
        wanted.and_then(|wanted| range::find(history, wanted)).map(|at| history.migrations[at].version.clone())
    };
    let between = range::within(history, from, to)?;
    Ok(Ends {
        from: version(from).unwrap_or_else(|| newest(history)),
        to: version(to).unwrap_or_default(),
        between,
        database: None,
    })
}

/// The newer end first, whichever was named first.
fn in_order<'a>(history: &History, from: Option<&'a str>, to: Option<&'a str>) -> (Option<&'a str>, Option<&'a str>) {
    match (from.map(|from| range::find(history, from)), to.map(|to| range::find(history, to))) {
        (Some(Some(newer)), Some(Some(older))) if newer < older => (to, from),
        _ => (from, to),
    }
}

fn start(dialect: Dialect, ask: &Ask<'_>) -> Replay {
    if ask.on_unknown { Replay::unknown(dialect) } else { Replay::new(dialect) }
}

fn replay(history: &History, dialect: Dialect, ask: &Ask<'_>) -> Vec<Replayed> {
    let mut replay = start(dialect, ask);
    let mut programs = Programs::new(history.framework, dialect, ask.open);
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
    let halfway = ends.failed();
    let effects = match halfway.is_empty() {
        true => joined.iter().flat_map(effects).collect(),
        false => of_all_schemas(history, replayed, ends, ask, &halfway),
    };
    let mut found: Vec<EffectReport> = effects.iter().map(|effect| placed(effect, history)).collect();
    found.sort();
    found.dedup();
    let chosen_ones: Vec<&Replayed> = chosen.iter().map(|at| &replayed[*at]).collect();
    let nothing = || DownReport { verdict: DownVerdict::None, why: "there is nothing to undo".to_owned() };
    let down = joined.as_ref().map_or_else(nothing, |joined| range_down(joined, &chosen_ones));
    Some(Range {
        from: ends.from.clone(),
        to: ends.to.clone(),
        migrations: chosen.len(),
        effects: found,
        cleared: Vec::new(),
        down: if halfway.is_empty() { down } else { down_of_a_part(down) },
        anomalies: ends.between.anomalies.iter().map(Anomaly::of).collect(),
    })
}

/// Scripts that undo were written for the whole of what they undo.
fn down_of_a_part(down: DownReport) -> DownReport {
    if !down.verdict.restores() {
        return down;
    }
    let why = format!("a migration failed half-way, and its way back was written for the whole of it; for that: {}", down.why);
    DownReport { verdict: DownVerdict::MayFail, why }
}

/// What holds for every schema that failed migrations can have left, and what only for some.
fn of_all_schemas(history: &History, replayed: &[Replayed], ends: &Ends, ask: &Ask<'_>, failed: &[usize]) -> Vec<Effect> {
    let dialect = history.dialect.unwrap_or(Dialect::PostgreSql);
    let base = base(history, replayed, &ends.between, ask);
    let mut variants = Vec::new();
    for at in failed {
        let whole = replayed[*at].program.up.len();
        for prefix in halfway::prefixes(&history.migrations[*at], whole, dialect) {
            let step = run(base.clone(), replayed, &ends.between, Some((*at, prefix)));
            variants.push((prefix, step.iter().flat_map(effects).collect()));
        }
    }
    let version = failed.last().map_or("", |at| &history.migrations[*at].version);
    halfway::unite(version, &variants)
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
    run(base(history, replayed, between, ask), replayed, between, None)
}

/// The schema that both sides know.
fn base(history: &History, replayed: &[Replayed], between: &range::Range, ask: &Ask<'_>) -> Replay {
    let dialect = history.dialect.unwrap_or(Dialect::PostgreSql);
    let mut replay = start(dialect, ask);
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
    replay
}

/// Replays the chosen migrations; of one that failed, only so many statements.
fn run(mut replay: Replay, replayed: &[Replayed], between: &range::Range, failed: Option<(usize, usize)>) -> Option<Step> {
    let part = |at: usize| {
        let up = replayed[at].program.up.as_slice();
        failed.filter(|(cut, _)| *cut == at).map_or(up, |(_, prefix)| &up[..prefix.min(up.len())])
    };
    let steps: Vec<Step> = between.migrations.iter().map(|at| renumbered(replay.apply(part(*at)), *at)).collect();
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
        let (all, verb) = (replayed.len(), if missing == 1 { "has" } else { "have" });
        let why = format!("{missing} of {all} migrations {verb} no way back");
        return DownReport { verdict: DownVerdict::None, why };
    }
    let program: Vec<Statement> = replayed.iter().rev().flat_map(|one| one.program.down.clone().unwrap_or_default()).collect();
    down::judge(joined, Some(&program)).into()
}

/// The oldest version whose code still reads and writes all its tables on the newest schema.
fn oldest_supported(history: &History, replayed: &[Replayed]) -> Option<String> {
    let mut joined: Option<Step> = None;
    let mut oldest = history.migrations.len().checked_sub(1)?;
    for position in (1..replayed.len()).rev().take(STEPS_BACK) {
        let step = &replayed[position].step;
        let range = joined.map_or_else(|| step.clone(), |later| later.preceded_by(step));
        let is_opaque = step.log.iter().any(|event| matches!(event.action, Action::Opaque { .. }));
        if is_opaque || range.log.len() > EVENTS_BACK || effects(&range).iter().any(stops) {
            break;
        }
        oldest = position - 1;
        joined = Some(range);
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

fn gaps(history: &History, ends: &Ends) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = history.gaps.clone();
    let anomalies = history.anomalies.iter();
    gaps.extend(anomalies.map(|found| Gap { what: found.path.clone(), why: found.why.clone() }));
    gaps.extend(ends.database.iter().flat_map(gaps_of));
    gaps.sort();
    gaps.dedup();
    gaps
}

/// What a history table leaves open.
fn gaps_of(database: &Database) -> Vec<Gap> {
    let gap = |version: &String, why: &str| Gap { what: format!("version {version}"), why: why.to_owned() };
    let unknown = "it is applied and no side has its file: another release writes to this database, or files are missing; the present schema is not known";
    let failed = "it failed half-way: verdicts hold for every schema that it can have left, or say for which";
    let not_yet = "both sides have its file and it is not applied: the old migrator will run it";
    let report = &database.report;
    let several = (report.failed.len() > 1).then(|| Gap {
        what: report.failed.join(", "),
        why: "several failed: each was taken apart with the others as a whole".to_owned(),
    });
    let each = report.unknown.iter().map(|version| gap(version, unknown));
    let each = each.chain(report.failed.iter().map(|version| gap(version, failed)));
    each.chain(database.not_yet.iter().map(|version| gap(version, not_yet))).chain(several).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::applied::Row;
    use crate::migrations::history::Options;
    use crate::migrations::report::StartupVerdict;
    use crate::migrations::source::Tree;

    const FILES: [(&str, &str); 6] = [
        ("1_a.up.sql", "CREATE TABLE t (id int, a int, b int, c int);"),
        ("1_a.down.sql", "DROP TABLE t;"),
        ("2_b.up.sql", "ALTER TABLE t DROP COLUMN a; ALTER TABLE t DROP COLUMN b;"),
        ("2_b.down.sql", "ALTER TABLE t ADD COLUMN a int, ADD COLUMN b int;"),
        ("3_c.up.sql", "ALTER TABLE t DROP COLUMN c;"),
        ("3_c.down.sql", "ALTER TABLE t ADD COLUMN c int;"),
    ];

    fn report(dialect: Dialect, rows: &[(&str, State)]) -> Report {
        let options = Options { dialect: Some(dialect), framework: None };
        let history = crate::migrations::history(&Tree::from_files(FILES), &options);
        let row = |(name, state): &(&str, State)| Row { names: vec![(*name).to_owned()], state: *state, checksum: None };
        let applied = Applied { origin: "x".to_owned(), rows: rows.iter().map(row).collect(), head_only: true };
        let open = |_: &str| Err("none".to_owned());
        analyze(
            &history,
            &Ask { from: None, to: Some("1"), older: None, applied: Some(&applied), on_unknown: false, open: &open },
        )
        .unwrap()
    }

    fn losses(report: &Report) -> Vec<(&str, Certainty)> {
        let effects = report.range.iter().flat_map(|range| &range.effects);
        effects
            .filter(|effect| effect.kind == EffectKind::DataLoss)
            .map(|effect| (effect.object.as_str(), effect.certainty))
            .collect()
    }

    #[test]
    fn only_what_is_applied_is_in_the_range() {
        let found = report(Dialect::MySql, &[("2", State::Done)]);
        assert_eq!(losses(&found), [("t.a", Certainty::Certain), ("t.b", Certainty::Certain)]);
        assert_eq!(found.range.unwrap().from, "2");
        assert_eq!(found.applied.unwrap().pending, ["3"]);
        assert!(report(Dialect::MySql, &[("1", State::Done)]).range.is_none());
    }

    #[test]
    fn a_failed_migration_leaves_one_of_several_schemas() {
        let found = report(Dialect::MySql, &[("2", State::Failed)]);
        assert_eq!(losses(&found), [("t.a", Certainty::Possible), ("t.b", Certainty::Possible)]);
        let whys: Vec<&str> = found.range.iter().flat_map(|range| &range.effects).map(|effect| effect.why.as_str()).collect();
        assert!(whys.iter().any(|why| why.ends_with("(only if 2 failed after 2 or more of its 2 statements)")), "{whys:?}");
        assert_eq!(found.startup.unwrap().verdict, StartupVerdict::Refuses);
        let down = report(Dialect::MySql, &[("3", State::Failed)]);
        assert_eq!(losses(&down), [("t.a", Certainty::Certain), ("t.b", Certainty::Certain), ("t.c", Certainty::Possible)]);
    }

    #[test]
    fn versions_of_nobody_leave_the_schema_open() {
        let found = report(Dialect::PostgreSql, &[("2", State::Done), ("20990101", State::Done)]);
        assert_eq!(found.applied.unwrap().unknown, ["20990101"]);
        assert!(found.gaps.iter().any(|gap| gap.what == "version 20990101"));
    }
}
