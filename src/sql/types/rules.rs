//! The table of what a change of type does.

use std::sync::LazyLock;

use super::lists;
use super::profile::{Profile, UNLIMITED};
use crate::sql::dialect::Dialect;
use crate::sql::effect::Certainty;
use crate::sql::expression::DataType;
use crate::table;

const CHANGES: &str = include_str!("../../../rules/tables/sql-type-changes.csv");
const COLUMNS: [&str; 11] = ["dialect", "from", "to", "when", "mode", "alter", "loses", "old_writes", "reads", "why", "source"];

/// How the engine converts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// By itself, with `sql_mode` strict or in a STRICT table where the dialect has such.
    Strict,
    /// By itself, without.
    Lax,
    /// By a cast that is written out.
    Explicit,
}

/// What the statement needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alter {
    /// Nothing: every value has a form in the new type.
    Works,
    /// Values that fit.
    Refuses,
    /// A USING expression.
    Using,
    /// A USING expression and values that fit.
    UsingRefuses,
    /// There is no cast at all.
    Impossible,
}

/// How old INSERTs fare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// Every value that the old type took is taken.
    All,
    /// Some are refused: `Possible` where only extreme values are, `Likely` where ordinary ones are.
    Some(Certainty),
    /// No ordinary value is taken.
    None,
}

/// Whether a plain SELECT gives the same text and client type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    Same,
    Differs,
}

/// One row of `rules/tables/sql-type-changes.csv`.
#[derive(Debug)]
pub(super) struct Row {
    dialects: &'static str,
    from: &'static str,
    to: &'static str,
    when: Vec<Condition>,
    mode: Option<Mode>,
    pub alter: Alter,
    pub loses: Option<Certainty>,
    pub old_writes: Writes,
    pub reads: Reads,
    pub why: &'static str,
    pub source: &'static str,
    #[cfg(test)]
    pub key: String,
}

/// A comparison of the two types that a row asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    RangeShrinks,
    FractionShrinks,
    FractionChanges,
    BitsShrink,
    LengthShrinks,
    LabelsShrink,
    /// Members that both have stand at another place.
    LabelsReorder,
    CharsetShrinks,
    CollationChanges,
    /// The new type keeps all digits after the point.
    FractionUnlimited,
    /// The new type keeps none of them.
    FractionZero,
}

const CONDITIONS: [(&str, Condition); 11] = [
    ("range_shrinks", Condition::RangeShrinks),
    ("fraction_shrinks", Condition::FractionShrinks),
    ("fraction_changes", Condition::FractionChanges),
    ("bits_shrink", Condition::BitsShrink),
    ("length_shrinks", Condition::LengthShrinks),
    ("labels_shrink", Condition::LabelsShrink),
    ("labels_reorder", Condition::LabelsReorder),
    ("charset_shrinks", Condition::CharsetShrinks),
    ("collation_changes", Condition::CollationChanges),
    ("fraction_zero", Condition::FractionZero),
    ("fraction_unlimited", Condition::FractionUnlimited),
];

/// One side of a change.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub written: &'a DataType,
    /// None for a type that the table of names does not know.
    pub profile: Option<&'a Profile>,
    pub family: &'a str,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| read(CHANGES).expect("a test reads the same text"));

#[cfg(test)]
pub(super) fn rows() -> &'static [Row] {
    &ROWS
}

/// The first row that is about this change.
pub(super) fn find(dialect: Dialect, from: Side, to: Side, mode: Mode) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.covers(dialect, from, to, mode))
}

impl Row {
    /// Whether the row was written for this mode alone.
    pub fn is_for(&self, mode: Mode) -> bool {
        self.mode == Some(mode)
    }

    fn covers(&self, dialect: Dialect, from: Side, to: Side, mode: Mode) -> bool {
        lists(self.dialects, dialect.as_str())
            && lists(self.from, from.family)
            && lists(self.to, to.family)
            && self.mode.is_none_or(|only| only == mode)
            && self.when.iter().all(|condition| condition.holds(from, to))
    }
}

impl Condition {
    fn holds(self, from: Side, to: Side) -> bool {
        let missing = |of: &[String], other: &[String]| of.iter().any(|label| !other.contains(label));
        match self {
            Condition::LabelsShrink => return missing(&from.written.labels, &to.written.labels),
            Condition::LabelsReorder => return is_moved(&from.written.labels, &to.written.labels),
            Condition::CharsetShrinks => return charset_shrinks(from.written, to.written),
            Condition::CollationChanges => return differs(from.written.collation.as_ref(), to.written.collation.as_ref()),
            _ => {}
        }
        let (Some(from), Some(to)) = (from.profile, to.profile) else { return false };
        match self {
            Condition::RangeShrinks => to.low > from.low || to.high < from.high,
            Condition::FractionShrinks => to.fraction < from.fraction,
            Condition::FractionChanges => to.fraction != from.fraction,
            Condition::BitsShrink => to.bits < from.bits,
            Condition::LengthShrinks => to.length < from.length,
            Condition::FractionZero => to.fraction == 0,
            Condition::FractionUnlimited => to.fraction == UNLIMITED,
            _ => false,
        }
    }
}

/// Whether a label that both have stands at another place.
fn is_moved(from: &[String], to: &[String]) -> bool {
    from.iter().enumerate().any(|(at, label)| to.iter().position(|other| other == label).is_some_and(|now| now != at))
}

/// Both are known and not the same.
fn differs(from: Option<&String>, to: Option<&String>) -> bool {
    matches!((from, to), (Some(from), Some(to)) if from != to)
}

/// The new character set has no form for every character of the old one.
fn charset_shrinks(from: &DataType, to: &DataType) -> bool {
    let rank = |charset: &str| match charset {
        "ascii" => 0,
        "latin1" => 1,
        "utf8mb3" | "ucs2" => 2,
        "utf8mb4" | "utf16" | "utf16le" | "utf32" => 3,
        _ => -1,
    };
    match (charset(from), charset(to)) {
        (Some(from), Some(to)) if from != to => rank(to) < 0 || rank(to) < rank(from),
        _ => false,
    }
}

/// The character set, also where only a collation of it is written; `utf8` is `utf8mb3`.
pub(super) fn charset(data_type: &DataType) -> Option<&str> {
    let of_collation = || data_type.collation.as_deref().and_then(|collation| collation.split('_').next());
    data_type.charset.as_deref().or_else(of_collation).map(|name| if name == "utf8" { "utf8mb3" } else { name })
}

fn read(text: &'static str) -> Result<Vec<Row>, String> {
    table::rows(text, &COLUMNS, 0, |record| read_row(record.fields()))
}

fn read_row(record: &[&'static str]) -> Option<Row> {
    let [dialects, from, to, when, mode, alter, loses, old_writes, reads, why, source] = record else { return None };
    Some(Row {
        dialects,
        from,
        to,
        when: read_conditions(when)?,
        mode: read_mode(mode)?,
        alter: read_alter(alter)?,
        loses: read_certainty(loses)?,
        old_writes: read_writes(old_writes)?,
        reads: read_reads(reads)?,
        why,
        source,
        #[cfg(test)]
        key: [dialects, from, to, when, mode].map(|field| *field).join(","),
    })
}

fn read_conditions(text: &str) -> Option<Vec<Condition>> {
    let named = |word: &str| CONDITIONS.iter().find(|(name, _)| *name == word).map(|(_, condition)| *condition);
    text.split('+').filter(|word| !word.is_empty()).map(named).collect()
}

fn read_mode(word: &str) -> Option<Option<Mode>> {
    Some(match word {
        "" => None,
        "strict" => Some(Mode::Strict),
        "lax" => Some(Mode::Lax),
        "explicit" => Some(Mode::Explicit),
        _ => return None,
    })
}

fn read_alter(word: &str) -> Option<Alter> {
    Some(match word {
        "works" => Alter::Works,
        "refuses" => Alter::Refuses,
        "using" => Alter::Using,
        "using-refuses" => Alter::UsingRefuses,
        "impossible" => Alter::Impossible,
        _ => return None,
    })
}

pub(super) fn read_certainty(word: &str) -> Option<Option<Certainty>> {
    Some(match word {
        "" => None,
        "possible" => Some(Certainty::Possible),
        "likely" => Some(Certainty::Likely),
        "certain" => Some(Certainty::Certain),
        _ => return None,
    })
}

fn read_writes(word: &str) -> Option<Writes> {
    Some(match word {
        "all" => Writes::All,
        "some" => Writes::Some(Certainty::Possible),
        "few" => Writes::Some(Certainty::Likely),
        "none" => Writes::None,
        _ => return None,
    })
}

fn read_reads(word: &str) -> Option<Reads> {
    match word {
        "same" => Some(Reads::Same),
        "differs" => Some(Reads::Differs),
        _ => None,
    }
}
