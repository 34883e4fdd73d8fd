//! The history of a release: what each revision really was, and whether there is a way back to it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Of, table};
use crate::forecast::records;
use crate::forecast::target::{self, Past, ranges};
use crate::input::{Gap, RevisionEntry};
use crate::release::{Head, Revision, Status};
use crate::report::{self, Summary, Verdict};

/// `schema` of the JSON form.
pub const SCHEMA: &str = "rollback-safe/history/v1";

/// What a history is made of.
#[derive(Clone, Debug)]
pub struct Parts {
    pub of: Of,
    /// All revisions that exist, oldest first; what was read is entered.
    pub entries: Vec<RevisionEntry>,
    pub heads: Vec<(Revision, Head)>,
    pub gaps: Vec<Gap>,
    /// As `--history-max` of Helm; 0 = all are kept.
    pub history_max: u32,
    /// How many of the newest to list.
    pub count: usize,
    /// Only what the storage's labels say was read.
    pub brief: bool,
}

/// The history, oldest first.
#[derive(Clone, Debug, Serialize)]
pub struct History {
    pub schema: &'static str,
    pub release: Of,
    /// Revisions that exist, also those that are not listed.
    pub total: usize,
    pub history_max: u32,
    pub brief: bool,
    pub revisions: Vec<Row>,
    pub gaps: Vec<Gap>,
}

/// One revision. What was not read is `null`.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub revision: Revision,
    pub status: Status,
    /// RFC 3339 as recorded.
    pub updated: Option<String>,
    pub chart: Option<String>,
    pub app_version: Option<String>,
    pub description: Option<String>,
    /// What a rollback named as its target.
    pub rollback_to: Option<Revision>,
    /// The revision whose content it holds, through rollbacks to rollbacks: its own number where it is none.
    pub content: Option<Revision>,
    pub worked: Option<Worked>,
    /// Why it is not known to have worked.
    pub why: Option<String>,
    /// The rollback that went back from this content.
    pub left: Option<Left>,
    pub reach: Reach,
    /// Why it cannot be decoded.
    pub undecodable: Option<String>,
    /// With `--risk`: what a report on going back to it says.
    pub risk: Option<Risk>,
}

/// Whether a revision came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Worked {
    Yes,
    /// Its status says so; a description of its own hides how it ended.
    Probably,
    No,
}

/// Going back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    pub by: Revision,
    pub to: Revision,
}

/// Whether there is a way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// The newest: going back to it is a re-apply.
    Current,
    Yes,
    /// Yes, and the next revision removes it (Helm `pkg/storage/storage.go` `removeLeastRecent`).
    PrunedNext,
    /// Its record cannot be decoded, by Helm neither.
    No,
}

/// What going back would mean.
#[derive(Clone, Debug, Serialize)]
pub struct Risk {
    /// Absent where there is no report.
    pub verdict: Option<Verdict>,
    pub summary: Summary,
    /// Why there is no report.
    pub error: Option<String>,
}

/// Makes the history.
pub fn build(parts: Parts) -> History {
    let Parts { of, entries, heads, gaps, history_max, count, brief } = parts;
    let pasts = target::pasts(&entries);
    let pruned: BTreeSet<Revision> = records::pruned(&entries, history_max).into_iter().collect();
    let heads: BTreeMap<Revision, Head> = heads.into_iter().collect();
    let newest = entries.last().map(|entry| entry.revision);
    let older = entries.len().saturating_sub(count);
    let row = |entry: &RevisionEntry| {
        let reach = match () {
            () if entry.undecodable.is_some() => Reach::No,
            () if Some(entry.revision) == newest => Reach::Current,
            () if pruned.contains(&entry.revision) => Reach::PrunedNext,
            () => Reach::Yes,
        };
        row(entry, heads.get(&entry.revision), pasts.get(&entry.revision), reach)
    };
    let revisions = entries.iter().skip(older).map(row).collect();
    History { schema: SCHEMA, release: of, total: entries.len(), history_max, brief, revisions, gaps }
}

fn row(entry: &RevisionEntry, head: Option<&Head>, past: Option<&Past>, reach: Reach) -> Row {
    let info = head.map(|head| &head.info);
    let worked = past.map(|past| match past.worked {
        Ok(true) => Worked::Yes,
        Ok(false) => Worked::Probably,
        Err(_) => Worked::No,
    });
    Row {
        revision: entry.revision,
        status: entry.status(),
        updated: info.and_then(|info| info.last_deployed.clone()),
        chart: info.map(|info| info.chart.clone()),
        app_version: head.map(|head| head.app_version.clone()),
        description: info.map(|info| info.description.clone()),
        rollback_to: info.and_then(|info| info.restores),
        content: head.and(past).map(|past| past.content),
        worked,
        why: past.and_then(|past| past.worked.as_ref().err().cloned()),
        left: past.and_then(|past| past.left).map(|(by, to)| Left { by, to }),
        reach,
        undecodable: entry.undecodable.clone(),
        risk: None,
    }
}

impl History {
    /// Enters what a report on going back to this revision says.
    pub fn enter(&mut self, revision: Revision, risk: Risk) {
        if let Some(row) = self.revisions.iter_mut().find(|row| row.revision == revision) {
            row.risk = Some(risk);
        }
    }

    /// Revisions of the list that one could go back to, newest first.
    pub fn targets(&self) -> Vec<Revision> {
        let reachable = self.revisions.iter().filter(|row| matches!(row.reach, Reach::Yes | Reach::PrunedNext));
        reachable.map(|row| row.revision).rev().collect()
    }

    /// As indented JSON.
    pub fn json(&self) -> String {
        report::json::harmless(self)
    }

    pub fn yaml(&self) -> String {
        report::yaml::harmless(self)
    }

    /// As a table, with what the columns cannot say below it.
    pub fn text(&self) -> String {
        let mut text = if self.brief { self.brief_table() } else { self.table() };
        let notes = self.notes();
        if !notes.is_empty() {
            text.push('\n');
            notes.iter().for_each(|note| text += &format!("{}\n", report::clean(note)));
        }
        text
    }

    fn brief_table(&self) -> String {
        let rows: Vec<[String; 3]> = self
            .revisions
            .iter()
            .map(|row| [row.revision.to_string(), row.status.to_string(), row.reach.word().to_owned()])
            .collect();
        table::render(["REVISION", "STATUS", "WAY BACK"], &rows)
    }

    fn table(&self) -> String {
        let heading = ["REVISION", "UPDATED", "STATUS", "CHART", "APP", "CONTENT", "WORKED", "WAY BACK", "DESCRIPTION"];
        if !self.revisions.iter().any(|row| row.risk.is_some()) {
            let rows: Vec<_> = self.revisions.iter().map(Row::cells).collect();
            return table::render(heading, &rows);
        }
        let [revision, updated, status, chart, app, content, worked, back, description] = heading;
        let heading = [revision, updated, status, chart, app, content, worked, back, "RISK", description];
        let rows: Vec<_> = self.revisions.iter().map(Row::cells_with_risk).collect();
        table::render(heading, &rows)
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let older = self.total - self.revisions.len();
        if older > 0 {
            notes.push(format!("{older} older, not listed: --max 0 lists all."));
        }
        let pruned: Vec<Revision> =
            self.revisions.iter().filter(|row| row.reach == Reach::PrunedNext).map(|row| row.revision).collect();
        if !pruned.is_empty() {
            notes.push(format!("With --history-max {} the next revision removes {}.", self.history_max, ranges(&pruned)));
        }
        for row in &self.revisions {
            notes.extend(row.note());
        }
        notes.extend(self.gaps.iter().map(|gap| format!("not known: {}: {}", gap.what, gap.why)));
        notes
    }
}

impl Row {
    fn cells(&self) -> [String; 9] {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        [
            self.revision.to_string(),
            self.updated.as_deref().map(short_time).unwrap_or_default(),
            self.status.to_string(),
            text(&self.chart),
            text(&self.app_version),
            self.content
                .map(|content| if content == self.revision { "own".to_owned() } else { format!("of {content}") })
                .unwrap_or_default(),
            self.worked_word(),
            self.reach.word().to_owned(),
            self.description.as_deref().unwrap_or_default().lines().next().unwrap_or_default().to_owned(),
        ]
    }

    fn cells_with_risk(&self) -> [String; 10] {
        let [revision, updated, status, chart, app, content, worked, back, description] = self.cells();
        let risk = self.risk.as_ref().map(Risk::word).unwrap_or_default();
        [revision, updated, status, chart, app, content, worked, back, risk, description]
    }

    fn worked_word(&self) -> String {
        match (self.worked, self.left) {
            (None, _) => "?".to_owned(),
            (Some(Worked::Yes | Worked::Probably), Some(left)) => format!("left by {}", left.by),
            (Some(Worked::Yes), None) => "yes".to_owned(),
            (Some(Worked::Probably), None) => "probably".to_owned(),
            (Some(Worked::No), _) => "no".to_owned(),
        }
    }

    /// What its cells do not say.
    fn note(&self) -> Option<String> {
        let no_report = self.risk.as_ref().and_then(|risk| risk.error.as_ref()).map(|why| format!("no report: {why}"));
        let told = |why: &&String| !why.starts_with("its status is");
        let why = self.undecodable.as_ref().map(|why| format!("its record cannot be decoded: {why}"));
        let why = no_report.or(why).or_else(|| self.why.as_ref().filter(told).cloned())?;
        Some(format!("{}: {why}", self.revision))
    }
}

impl Reach {
    fn word(self) -> &'static str {
        match self {
            Reach::Current => "current",
            Reach::Yes => "yes",
            Reach::PrunedNext => "pruned next",
            Reach::No => "no",
        }
    }
}

impl Risk {
    fn word(&self) -> String {
        let Some(verdict) = self.verdict else { return "no report".to_owned() };
        let counts = [(self.summary.critical, "critical"), (self.summary.high, "high"), (self.summary.medium, "medium")];
        let counts: Vec<String> =
            counts.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}")).collect();
        if counts.is_empty() { verdict.as_str().to_owned() } else { format!("{} ({})", verdict.as_str(), counts.join(", ")) }
    }
}

/// `2026-03-02 09:00:00Z`: to the second, with the zone as recorded; another form as it is.
fn short_time(text: &str) -> String {
    let (Some(date), Some(time), Some(rest)) = (text.get(..10), text.get(11..19), text.get(19..)) else { return text.to_owned() };
    let zone = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    format!("{date} {time}{zone}")
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
