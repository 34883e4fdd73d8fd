//! What old code meets on the schema that the newer revisions made, and which stored values are gone already.

mod contract;
mod jobs;
mod sources;

use std::collections::BTreeMap;

use super::{Change, ChangeKind, Context, Fact};
use crate::forecast::Confidence;
use crate::input::{Gap, Input};
use crate::migrations::analysis::{self, Ask};
use crate::migrations::evidence;
use crate::migrations::history::History;
use crate::migrations::report::{EffectReport, Report, StartupVerdict};
use crate::release::ObjectRef;
use crate::rules::EvidenceSource;
use crate::sql::effect::{Certainty, EffectKind};
pub use sources::Pair;

/// Places that evidence names.
const MOST_EVIDENCE: usize = 8;

/// One history of the release, analysed.
#[derive(Clone, Debug)]
pub struct Found {
    pub origin: String,
    /// The ConfigMap it lies in.
    pub object: Option<ObjectRef>,
    pub report: Report,
}

/// Analyses every history that the records carry. What cannot be analysed is a gap.
pub fn run(input: &Input) -> (Vec<Found>, Vec<Gap>) {
    let mut gaps = Vec::new();
    let mut found = Vec::new();
    for pair in sources::pairs(input) {
        match analyse(&pair) {
            Ok(mut report) => {
                evidence::weigh(&mut report, &input.schema.evidence);
                let older =
                    pair.to.iter().flat_map(|history| &history.migrations).map(|migration| migration.path.clone()).collect();
                report.last_supported_revision = contract::last_supported_revision(input, &report, &older);
                gaps.extend(database_gaps(&report, &pair.origin, !input.schema.applied.is_empty()));
                found.push(Found { origin: pair.origin, object: pair.object, report });
            }
            Err(why) => gaps.push(Gap::new(format!("migrations in {}", pair.origin), why).affecting("old-code-fails")),
        }
    }
    found.extend(jobs::found(input));
    gaps.extend(jobs::hidden(input));
    gaps.extend(found.iter().flat_map(not_understood));
    (found, gaps)
}

fn analyse(pair: &Pair) -> Result<Report, String> {
    let open = |_: &str| Err("it is too large to hold".to_owned());
    match (&pair.from, &pair.to) {
        (Some(from), to) => {
            // Nothing on the older side: its code knew none of these migrations.
            let none = History { framework: from.framework, dialect: from.dialect, ..History::default() };
            analysis::analyze(
                from,
                &Ask {
                    from: None,
                    to: None,
                    older: Some(to.as_ref().unwrap_or(&none)),
                    applied: pair.applied.as_ref(),
                    on_unknown: false,
                    open: &open,
                },
            )
        }
        (None, Some(_)) => Err("only the target has them: what the newer revision runs is not known".to_owned()),
        (None, None) => Err("there are none".to_owned()),
    }
}

/// What the history table leaves open: a version that nobody has a file of can have done anything.
fn database_gaps(report: &Report, origin: &str, asked: bool) -> Vec<Gap> {
    let gap = |what: String, why: &str| Gap::new(what, why).affecting("old-code-fails").affecting("migrated-data-lost");
    let Some(applied) = &report.applied else {
        let why = "no history table that was read has a row of its files";
        return if asked { vec![gap(format!("what is applied of {origin}"), why).blocking()] } else { Vec::new() };
    };
    let (mut gaps, named) = (Vec::new(), |versions: &[String]| versions.iter().take(5).cloned().collect::<Vec<_>>().join(", "));
    if !applied.unknown.is_empty() {
        let what = format!("{} applied versions of {} ({})", applied.unknown.len(), applied.origin, named(&applied.unknown));
        gaps.push(gap(what, "neither revision has their files: another release writes to this database, or files are missing; the present schema is not known").blocking());
    }
    if !applied.failed.is_empty() {
        let what = format!("half-applied {} of {origin}", named(&applied.failed));
        gaps.push(gap(what, "it failed half-way: findings hold for every schema that it can have left, or say for which"));
    }
    let others = report.gaps.iter().filter(|found| found.what.starts_with("rows of ") || found.what.starts_with("code in "));
    gaps.extend(others.map(|found| gap(found.what.clone(), &found.why)));
    gaps
}

/// Statements of the range that nobody understood could be anything: the verdict is open.
fn not_understood(found: &Found) -> Option<Gap> {
    let range = found.report.range.as_ref()?;
    let opaque: Vec<&EffectReport> = range.effects.iter().filter(|effect| effect.kind == EffectKind::Opaque).collect();
    let first = opaque.first()?;
    let what =
        format!("{} statements of {} ({}:{} first)", opaque.len(), found.origin, first.path.as_deref().unwrap_or(""), first.line);
    Some(Gap::new(what, first.why.clone()).affecting("old-code-fails").affecting("migrated-data-lost").blocking())
}

/// The changes: one for each table and kind of harm.
pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    let declared = contract::declared(context.input);
    for found in context.schema {
        changes.extend(effects(found, &declared));
        changes.extend(startup(found));
        changes.extend(anomalies(found));
    }
    changes
}

/// Place and words, each once: a column that is gone breaks reads and writes for one reason.
fn evidence(effects: &[&EffectReport]) -> Vec<(String, String)> {
    let mut evidence = Vec::new();
    for effect in effects {
        let at = format!("{}:{}", effect.path.as_deref().unwrap_or(""), effect.line);
        let said: String = effect.evidence.iter().map(|text| format!("; {text}")).collect();
        let named = effect.why.contains(&effect.object);
        let text = if named { format!("{}{said}", effect.why) } else { format!("{}: {}{said}", effect.object, effect.why) };
        if !evidence.contains(&(at.clone(), text.clone())) && evidence.len() < MOST_EVIDENCE {
            evidence.push((at, text));
        }
    }
    evidence
}

/// Which of the kinds of change an effect belongs to.
fn kind(effect: EffectKind) -> Option<ChangeKind> {
    match effect {
        EffectKind::DataLoss => Some(ChangeKind::MigratedDataLost),
        EffectKind::ReadsBreak | EffectKind::WritesBreak => Some(ChangeKind::OldCodeFails),
        EffectKind::Restricts | EffectKind::ChangesResult | EffectKind::Widens | EffectKind::Moved => {
            Some(ChangeKind::OldCodeDiffers)
        }
        // A gap says it: what is not understood is no finding about a table.
        EffectKind::Opaque => None,
    }
}

fn effects(found: &Found, declared: &[String]) -> Vec<Change> {
    let Some(range) = &found.report.range else { return Vec::new() };
    let mut groups: BTreeMap<(ChangeKind, &str), Vec<&EffectReport>> = BTreeMap::new();
    for effect in &range.effects {
        if let Some(kind) = kind(effect.kind) {
            groups.entry((kind, effect.table.as_str())).or_default().push(effect);
        }
    }
    let change = |((kind, table), effects): (_, Vec<&EffectReport>)| {
        let said = declared.iter().filter(|_| kind != ChangeKind::MigratedDataLost);
        said.fold(change(found, kind, table, &effects), |change, text| {
            change.evidence(EvidenceSource::From, "Chart.yaml annotations", text.clone())
        })
    };
    groups.into_iter().map(change).collect()
}

fn change(found: &Found, kind: ChangeKind, table: &str, effects: &[&EffectReport]) -> Change {
    let has = |wanted: EffectKind| effects.iter().any(|effect| effect.kind == wanted);
    let certainty = effects.iter().map(|effect| effect.certainty).max().unwrap_or(Certainty::Possible);
    let mut objects: Vec<&str> = effects.iter().map(|effect| effect.object.as_str()).collect();
    objects.dedup();
    let mut change = Change::new(kind, found.object.as_ref())
        .confidence(confidence(certainty))
        .fact_if(has(EffectKind::ReadsBreak), Fact::ReadsFail)
        .fact_if(has(EffectKind::WritesBreak), Fact::WritesFail)
        .fact_if(has(EffectKind::Restricts), Fact::WritesRefused)
        .fact_if(has(EffectKind::ChangesResult), Fact::OtherResults)
        .fact_if(has(EffectKind::Moved), Fact::ValuesMoved)
        .fact_if(certainty == Certainty::Possible, Fact::OnlyPossible)
        .fact_if(found.report.range.as_ref().is_some_and(|range| range.down.verdict.restores()), Fact::DownAvailable)
        .with("table", table)
        .with("objects", objects.join(", "))
        .with("origin", &found.origin)
        .with("what", words(effects));
    for (at, text) in evidence(effects) {
        change = change.evidence(EvidenceSource::Sql, at, text);
    }
    change
}

fn confidence(certainty: Certainty) -> Confidence {
    match certainty {
        Certainty::Certain => Confidence::Certain,
        Certainty::Likely => Confidence::Likely,
        Certainty::Possible => Confidence::Possible,
    }
}

fn words(effects: &[&EffectReport]) -> String {
    let kinds = [
        (EffectKind::DataLoss, "values are gone"),
        (EffectKind::ReadsBreak, "reads fail"),
        (EffectKind::WritesBreak, "writes fail"),
        (EffectKind::Restricts, "some writes are refused"),
        (EffectKind::ChangesResult, "statements mean something else"),
        (EffectKind::Moved, "values lie elsewhere"),
        (EffectKind::Widens, "new values are possible"),
    ];
    let said: Vec<&str> =
        kinds.iter().filter(|(kind, _)| effects.iter().any(|effect| effect.kind == *kind)).map(|(_, word)| *word).collect();
    said.join(", ")
}

fn startup(found: &Found) -> Option<Change> {
    let startup = found.report.startup.as_ref()?;
    let fact = match startup.verdict {
        StartupVerdict::Refuses => Fact::Refuses,
        StartupVerdict::Reapplies => Fact::Reapplies,
        StartupVerdict::Starts | StartupVerdict::Unknown => return None,
    };
    Some(
        Change::new(ChangeKind::OldMigrator, found.object.as_ref())
            .confidence(Confidence::Likely)
            .fact(fact)
            .with("framework", found.report.framework.as_deref().unwrap_or("unknown"))
            .with("origin", &found.origin)
            .evidence(EvidenceSource::Table, "migrator-startup.csv", startup.why.clone()),
    )
}

fn anomalies(found: &Found) -> Vec<Change> {
    let Some(range) = &found.report.range else { return Vec::new() };
    let each = range.anomalies.iter().map(|anomaly| {
        Change::new(ChangeKind::MigrationAltered, found.object.as_ref())
            .confidence(Confidence::Certain)
            .with("version", &anomaly.version)
            .with("origin", &found.origin)
            .evidence(EvidenceSource::Sql, &found.origin, anomaly.why.clone())
    });
    each.collect()
}
