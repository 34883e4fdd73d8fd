//! What is said about a history of migrations, in every form it has.

pub mod markdown;
pub mod sarif;
pub mod text;

use std::collections::BTreeMap;

use crate::migrations::report::{AppliedReport, EffectReport, Report};
use crate::sql::effect::{By, Certainty, EffectKind};

/// The JSON form: `rollback-safe/migrations/v1`, indented, one line feed at the end.
pub fn json(report: &Report) -> String {
    crate::report::json::harmless(report)
}

/// What the checksums of a history table say, where it has some.
fn checksums(applied: &AppliedReport) -> Option<String> {
    match (&applied.not_compared, applied.compared, applied.edited.as_slice()) {
        (Some(why), ..) => Some(why.clone()),
        (None, 0, _) => None,
        (None, compared, []) => Some(format!("{compared} compared, every file is what ran")),
        (None, compared, edited) => Some(format!("{compared} compared; not what ran: {}", edited.join(", "))),
    }
}

/// What one statement does to one object: what people read as one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed<'a> {
    pub object: &'a str,
    pub by: By,
    pub certainty: Certainty,
    /// Worst first.
    pub effects: Vec<&'a EffectReport>,
}

/// How bad a deed is for somebody who goes back, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Values are gone.
    Gone,
    /// Old statements fail.
    Breaks,
    /// Old statements may fail or mean something else.
    Differs,
    /// Nobody knows.
    Opaque,
}

impl Class {
    pub const ALL: [Class; 4] = [Class::Gone, Class::Breaks, Class::Differs, Class::Opaque];

    fn of(kind: EffectKind) -> Class {
        match kind {
            EffectKind::DataLoss | EffectKind::Moved => Class::Gone,
            EffectKind::ReadsBreak | EffectKind::WritesBreak => Class::Breaks,
            EffectKind::Restricts | EffectKind::ChangesResult | EffectKind::Widens => Class::Differs,
            EffectKind::Opaque => Class::Opaque,
        }
    }

    /// Heading of its part of a report.
    pub fn title(self) -> &'static str {
        match self {
            Class::Gone => "does not come back",
            Class::Breaks => "old code fails",
            Class::Differs => "old code may fail or see something else",
            Class::Opaque => "not understood",
        }
    }
}

impl Deed<'_> {
    pub fn class(&self) -> Class {
        self.effects.iter().map(|effect| Class::of(effect.kind)).min().unwrap_or(Class::Opaque)
    }

    /// What happens, in words: `values lost; reads and writes fail`.
    pub fn words(&self) -> String {
        let has = |kind| self.effects.iter().find(|effect| effect.kind == kind);
        let mut words = Vec::new();
        if has(EffectKind::DataLoss).is_some() {
            words.push("values lost".to_owned());
        }
        if let Some(moved) = has(EffectKind::Moved) {
            words.push(format!("values moved to {}", moved.to.as_deref().unwrap_or("another place")));
        }
        match (has(EffectKind::ReadsBreak), has(EffectKind::WritesBreak)) {
            (Some(_), Some(_)) => words.push("reads and writes fail".to_owned()),
            (Some(_), None) => words.push("reads fail".to_owned()),
            (None, Some(_)) => words.push("writes fail".to_owned()),
            (None, None) => {}
        }
        let rest = [
            (EffectKind::Restricts, "some writes refused"),
            (EffectKind::ChangesResult, "other results"),
            (EffectKind::Widens, "new values possible"),
            (EffectKind::Opaque, "not understood"),
        ];
        words.extend(rest.iter().filter(|(kind, _)| has(*kind).is_some()).map(|(_, word)| (*word).to_owned()));
        words.join("; ")
    }

    /// `path:line`, the path of the migration where the effect names none.
    pub fn place(&self, path: &str) -> String {
        self.effects.first().map_or_else(String::new, |first| format!("{}:{}", first.path.as_deref().unwrap_or(path), first.line))
    }

    pub fn why(&self) -> &str {
        self.effects.first().map_or("", |effect| &effect.why)
    }
}

/// Joins the effects that one statement has on one object; worst first, then by object.
pub fn deeds(effects: &[EffectReport]) -> Vec<Deed<'_>> {
    let mut by_statement: BTreeMap<_, Vec<&EffectReport>> = BTreeMap::new();
    for effect in effects {
        by_statement.entry((&effect.object, &effect.version, effect.statement, effect.by)).or_default().push(effect);
    }
    let mut deeds: Vec<Deed<'_>> = by_statement.into_values().map(deed).collect();
    deeds.sort_by_key(|deed| (deed.class(), std::cmp::Reverse(deed.certainty), deed.object));
    deeds
}

fn deed(mut effects: Vec<&EffectReport>) -> Deed<'_> {
    effects.sort_by_key(|effect| (Class::of(effect.kind), std::cmp::Reverse(effect.certainty), effect.kind));
    Deed { object: &effects[0].object, by: effects[0].by, certainty: effects[0].certainty, effects }
}

/// One sentence on the whole: what code of the older end would meet.
pub fn headline(report: &Report) -> String {
    let Some(range) = &report.range else { return "there is nothing to go back over".to_owned() };
    let deeds = deeds(&range.effects);
    let count = |class: Class| deeds.iter().filter(|deed| deed.class() == class && deed.certainty >= Certainty::Likely).count();
    let breaks = deeds.iter().filter(|deed| deed.effects.iter().any(|effect| Class::of(effect.kind) == Class::Breaks)).count();
    let parts = [
        (breaks, "place where old code fails", "places where old code fails"),
        (count(Class::Gone), "place whose values do not come back", "places whose values do not come back"),
        (
            deeds.iter().filter(|deed| deed.class() == Class::Opaque).count(),
            "statement not understood",
            "statements not understood",
        ),
    ];
    let said: Vec<String> = parts
        .iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, one, many)| format!("{number} {}", if *number == 1 { one } else { many }))
        .collect();
    if said.is_empty() { "old code reads and writes as before".to_owned() } else { said.join(", ") }
}
