//! What was said against what was seen, a migration and a kind of effect at a time.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::Serialize;

use super::measure::{Down, Measured};
use super::old_code::Broken;
use crate::migrations::report::{DownReport, DownVerdict, EffectReport, Migration};
use crate::sql::effect::{By, EffectKind};

/// The kinds that a database decides.
pub const KINDS: [(EffectKind, &str); 3] =
    [(EffectKind::ReadsBreak, "reads-break"), (EffectKind::WritesBreak, "writes-break"), (EffectKind::DataLoss, "data-loss")];

/// Right, false and missed verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    pub right: usize,
    pub false_alarms: usize,
    /// Of the false alarms, those that are said of particular values alone: rows without them cannot refute it.
    pub only_possible: usize,
    pub missed: usize,
}

/// One verdict that the database does not share, or an up that it refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Disagreement {
    pub path: String,
    /// A kind of effect, `down` or `refused`.
    pub about: String,
    pub predicted: Vec<String>,
    pub measured: Vec<String>,
}

/// What came of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Migrations that were compared.
    pub migrations: usize,
    /// Migrations that the database refuses.
    pub refused: usize,
    /// Migrations that are no SQL and were not run.
    pub code: usize,
    pub statements: usize,
    pub understood: usize,
    pub kinds: BTreeMap<&'static str, Count>,
    pub downs: usize,
    pub downs_agree: usize,
    pub millis: u128,
    pub disagreements: Vec<Disagreement>,
}

impl Count {
    fn add(&mut self, said: bool, seen: bool) {
        match (said, seen) {
            (true, true) => self.right += 1,
            (true, false) => self.false_alarms += 1,
            (false, true) => self.missed += 1,
            (false, false) => {}
        }
    }

    /// Of what was said, the part that was seen; none where nothing was said.
    pub fn precision(&self) -> Option<f64> {
        ratio(self.right, self.right + self.false_alarms)
    }

    /// Of what was seen, the part that was said; none where nothing was seen.
    pub fn recall(&self) -> Option<f64> {
        ratio(self.right, self.right + self.missed)
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        self.right += other.right;
        self.false_alarms += other.false_alarms;
        self.only_possible += other.only_possible;
        self.missed += other.missed;
    }
}

/// How a prediction of that certainty ends.
const POSSIBLE: &str = ", Possible)";

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl Figures {
    /// Counts a migration that the database refuses.
    pub fn refused(&mut self, path: &str, why: &str) {
        self.refused += 1;
        self.disagree(path, "refused", Vec::new(), vec![why.to_owned()]);
    }

    /// Compares one migration with what it was seen to do.
    pub fn compare(&mut self, said: &Migration, measured: &Measured) {
        self.migrations += 1;
        self.millis += measured.millis;
        for (kind, word) in KINDS {
            let (predicted, seen) = (predicted(kind, &said.effects, measured, self.refused > 0), seen(kind, measured));
            let count = self.kinds.entry(word).or_default();
            count.add(!predicted.is_empty(), !seen.is_empty());
            if seen.is_empty() && !predicted.is_empty() && predicted.iter().all(|said| said.ends_with(POSSIBLE)) {
                count.only_possible += 1;
            }
            if predicted.is_empty() != seen.is_empty() {
                self.disagree(&said.path, word, predicted, seen);
            }
        }
        self.downs += 1;
        if down_agrees(said.down.verdict, measured) || is_unseen(&said.down, measured) {
            self.downs_agree += 1;
        } else {
            let seen = vec![format!("{:?}", measured.down).chars().take(400).collect()];
            self.disagree(&said.path, "down", vec![said.down.verdict.as_str().to_owned()], seen);
        }
    }

    fn disagree(&mut self, path: &str, about: &str, predicted: Vec<String>, measured: Vec<String>) {
        self.disagreements.push(Disagreement { path: path.to_owned(), about: about.to_owned(), predicted, measured });
    }
}

impl AddAssign<&Figures> for Figures {
    fn add_assign(&mut self, other: &Figures) {
        self.migrations += other.migrations;
        self.refused += other.refused;
        self.code += other.code;
        self.statements += other.statements;
        self.understood += other.understood;
        for (kind, count) in &other.kinds {
            *self.kinds.entry(kind).or_default() += *count;
        }
        self.downs += other.downs;
        self.downs_agree += other.downs_agree;
        self.millis += other.millis;
        self.disagreements.extend(other.disagreements.iter().cloned());
    }
}

/// What was said, without what nothing can be seen of: losses in tables that took no row, refused writes of tables that took none
/// before, routines and other objects that nothing is asked of, and behind a refused migration tables that are not there.
fn predicted(kind: EffectKind, effects: &[EffectReport], measured: &Measured, behind: bool) -> Vec<String> {
    let gone = measured.gone.iter().any(|gone| gone.to.is_none());
    let blind = |effect: &EffectReport| {
        let within = |table: &String| effect.object == *table || effect.object.starts_with(&format!("{table}."));
        match kind {
            EffectKind::DataLoss => !gone && measured.empty.iter().any(within),
            EffectKind::WritesBreak => measured.old_code.writes.is_empty() && measured.closed.iter().any(within),
            _ => false,
        }
    };
    let object = |effect: &EffectReport| {
        let is_other =
            matches!(effect.by, By::DropRoutine | By::ChangeRoutine | By::DropSequence | By::DropType | By::DropExtension);
        (is_other || behind)
            && !measured.relations.iter().any(|table| effect.object == *table || effect.object.starts_with(&format!("{table}.")))
    };
    let mut said: Vec<String> = effects
        .iter()
        .filter(|effect| effect.kind == kind && !blind(effect) && !object(effect))
        .map(|effect| format!("{} ({:?}, {:?})", effect.object, effect.by, effect.certainty))
        .collect();
    said.sort();
    said.dedup();
    said
}

/// What was seen of a kind.
pub fn seen(kind: EffectKind, measured: &Measured) -> Vec<String> {
    let told = |broken: &Broken| format!("{} {} [{}]", broken.what, broken.object, broken.refusal);
    let gone = |moved: bool| measured.gone.iter().filter(move |gone| gone.to.is_some() == moved).map(|gone| gone.object.clone());
    match kind {
        EffectKind::ReadsBreak => measured.old_code.reads.iter().map(told).collect(),
        EffectKind::WritesBreak => measured.old_code.writes.iter().map(told).collect(),
        EffectKind::Restricts => measured.old_code.restricted.iter().map(told).collect(),
        EffectKind::DataLoss => gone(false).collect(),
        EffectKind::Moved => gone(true).collect(),
        _ => Vec::new(),
    }
}

/// A loss by the way back is said of tables alone that took no row.
fn is_unseen(said: &DownReport, measured: &Measured) -> bool {
    let Some((_, objects)) = said.why.split_once("not the values of ") else { return false };
    let blind = |object: &str| measured.empty.iter().any(|table| object == table || object.starts_with(&format!("{table}.")));
    measured.down == Down::Exact && objects.split("; ").all(blind)
}

/// Whether a verdict on a down is what was seen of it. Data that would make it fail later is not there.
pub fn down_agrees(said: DownVerdict, measured: &Measured) -> bool {
    let said = said.as_str();
    if said == "empty" && measured.idle {
        return true;
    }
    match measured.down.as_str() {
        "fails" => said == "may-fail" || said == "unparseable",
        seen @ ("exact" | "lossy") => said == seen || said == "may-fail",
        seen => said == seen,
    }
}
