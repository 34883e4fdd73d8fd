//! What a database answered and what old code names, weighed against the findings.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::report::{DownVerdict, EffectReport, Gap, Report};
use super::runbook;
use crate::sql::effect::{By, Certainty, EffectKind};

/// Places of one name that are shown.
const SHOWN: usize = 3;

/// What was found out besides the files of the migrations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Answers by the text of the question.
    #[serde(default)]
    pub answers: BTreeMap<String, Answer>,
    pub code: Option<OldCode>,
}

/// What a database said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    Yes,
    No,
    /// Why there is none.
    Unknown(String),
}

/// Where old code names tables and columns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldCode {
    /// The directory that was searched.
    pub origin: String,
    pub files: usize,
    /// Why not everything was searched.
    pub cut: Option<String>,
    /// Every name that was searched, in lower case, with `path:line` of where it stands.
    pub names: BTreeMap<String, Vec<String>>,
}

/// Names that say whether old code is concerned by what the range does.
pub fn names(report: &Report) -> BTreeSet<String> {
    let effects = report.range.iter().flat_map(|range| &range.effects).filter(|effect| is_about_code(effect));
    effects.map(|effect| last_part(&effect.object).to_owned()).collect()
}

/// The name that code would have to write: the column's, else the table's.
fn last_part(object: &str) -> &str {
    object.rsplit('.').next().unwrap_or(object)
}

/// A value that is gone is gone whatever code there is; a required column that is new is in no old code, and stops it for that.
fn is_about_code(effect: &EffectReport) -> bool {
    matches!(effect.kind, EffectKind::ReadsBreak | EffectKind::WritesBreak | EffectKind::ChangesResult | EffectKind::Restricts)
        && effect.by != By::AddColumn
}

/// Weighs the evidence: the report says of each finding what it was found to be.
pub fn weigh(report: &mut Report, evidence: &Evidence) {
    if !evidence.answers.is_empty() {
        answered(report, &evidence.answers);
    }
    if let Some(code) = &evidence.code {
        searched(report, code);
    }
    let framework = report.framework.as_deref().and_then(|name| name.parse().ok()).unwrap_or_default();
    report.runbook = runbook::steps(report, framework);
}

fn answered(report: &mut Report, answers: &BTreeMap<String, Answer>) {
    let questions = report.questions.clone();
    let Some(range) = &mut report.range else { return };
    let mut cleared = Vec::new();
    range.effects.retain_mut(|effect| {
        let about = questions.iter().filter(|question| {
            question.kind == effect.kind
                && question.table == effect.table
                && question.object.as_ref().is_none_or(|object| *object == effect.object)
        });
        let heard: Vec<_> = about.filter_map(|question| Some((question, answers.get(&question.sql)?))).collect();
        let yes: Vec<_> = heard.iter().filter(|(_, answer)| **answer == Answer::Yes).collect();
        if !yes.is_empty() {
            effect.certainty = Certainty::Certain;
            effect.evidence.extend(yes.iter().map(|(question, _)| format!("database: {}", question.yes)));
            return true;
        }
        if heard.is_empty() || !heard.iter().all(|(_, answer)| **answer == Answer::No) {
            return true;
        }
        effect.certainty = Certainty::Possible;
        effect.evidence.extend(heard.iter().map(|(question, _)| format!("database: {}", question.no)));
        cleared.push(effect.clone());
        false
    });
    range.cleared.extend(cleared);
    let yes: Vec<&str> = questions.iter().filter(|q| answers.get(&q.sql) == Some(&Answer::Yes)).map(|q| q.yes.as_str()).collect();
    if let (DownVerdict::MayFail, [first, ..]) = (range.down.verdict, yes.as_slice()) {
        range.down.why = format!("it fails on the rows of now, {first}; {}", range.down.why);
    }
    let unknown = questions.iter().filter_map(|question| match answers.get(&question.sql) {
        Some(Answer::Unknown(why)) => Some(Gap { what: format!("rows of {}", question.table), why: why.clone() }),
        _ => None,
    });
    report.gaps.extend(unknown);
}

fn searched(report: &mut Report, code: &OldCode) {
    let Some(range) = &mut report.range else { return };
    for effect in range.effects.iter_mut().filter(|effect| is_about_code(effect)) {
        let name = last_part(&effect.object).to_lowercase();
        match code.names.get(&name).map(Vec::as_slice) {
            Some([]) if code.cut.is_none() => {
                effect.certainty = lower(effect.certainty);
                effect.evidence.push(format!("code: {name} stands in none of {} files of {}", code.files, code.origin));
            }
            Some([]) | None => {}
            Some(places) => {
                let shown: Vec<&str> = places.iter().take(SHOWN).map(String::as_str).collect();
                effect.evidence.push(format!("code: {name} stands in {}", shown.join(", ")));
            }
        }
    }
    report.gaps.extend(code.cut.iter().map(|why| Gap { what: format!("code in {}", code.origin), why: why.clone() }));
}

/// One step, and never to silence: names can be put together at run time.
fn lower(certainty: Certainty) -> Certainty {
    match certainty {
        Certainty::Certain => Certainty::Likely,
        Certainty::Likely | Certainty::Possible => Certainty::Possible,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::analysis::{Ask, analyze};
    use crate::migrations::history::Options;
    use crate::migrations::source::Tree;

    fn report() -> Report {
        let files = [
            ("1_a.up.sql", "CREATE TABLE t (id serial PRIMARY KEY, a int NOT NULL, b text, c text);"),
            ("1_a.down.sql", "DROP TABLE t;"),
            (
                "2_b.up.sql",
                "ALTER TABLE t ALTER COLUMN a DROP NOT NULL; ALTER TABLE t DROP COLUMN b; ALTER TABLE t RENAME COLUMN c TO d;",
            ),
            (
                "2_b.down.sql",
                "ALTER TABLE t ALTER COLUMN a SET NOT NULL; ALTER TABLE t ADD COLUMN b text; ALTER TABLE t RENAME COLUMN d TO c;",
            ),
        ];
        let history = crate::migrations::history(&Tree::from_files(files), &Options::default());
        let open = |_: &str| Err("none".to_owned());
        analyze(&history, &Ask { from: None, to: Some("1"), older: None, applied: None, on_unknown: false, open: &open }).unwrap()
    }

    fn certainty(report: &Report, kind: EffectKind, object: &str) -> Option<Certainty> {
        let effects = &report.range.as_ref().unwrap().effects;
        effects.iter().find(|effect| effect.kind == kind && effect.object == object).map(|effect| effect.certainty)
    }

    #[test]
    fn rows_confirm_or_clear() {
        let whole = report();
        assert_eq!(certainty(&whole, EffectKind::Widens, "t.a"), Some(Certainty::Possible));
        let answer = |answer: Answer| {
            let answers = whole.questions.iter().map(|question| (question.sql.clone(), answer.clone())).collect();
            let mut report = whole.clone();
            weigh(&mut report, &Evidence { answers, code: None });
            report
        };
        assert_eq!(certainty(&answer(Answer::Yes), EffectKind::Widens, "t.a"), Some(Certainty::Certain));
        let cleared = answer(Answer::No);
        assert_eq!(certainty(&cleared, EffectKind::Widens, "t.a"), None);
        assert_eq!(cleared.range.unwrap().cleared[0].object, "t.a");
        let open = answer(Answer::Unknown("forbidden".to_owned()));
        assert_eq!(certainty(&open, EffectKind::Widens, "t.a"), Some(Certainty::Possible));
        assert!(open.gaps.iter().any(|gap| gap.why == "forbidden"));
    }

    #[test]
    fn names_that_stand_nowhere_lower_one_step() {
        let mut report = report();
        let names = BTreeMap::from([("b".to_owned(), vec![]), ("c".to_owned(), vec!["app/x.py:3".to_owned()])]);
        weigh(
            &mut report,
            &Evidence { code: Some(OldCode { files: 9, origin: "app".to_owned(), cut: None, names }), ..Evidence::default() },
        );
        assert_eq!(certainty(&report, EffectKind::ReadsBreak, "t.b"), Some(Certainty::Likely));
        assert_eq!(certainty(&report, EffectKind::ReadsBreak, "t.c"), Some(Certainty::Certain));
        assert_eq!(certainty(&report, EffectKind::DataLoss, "t.b"), Some(Certainty::Certain));
    }
}
