//! Reads `rules/tables/immutable-fields.csv`: which change of which field is refused under which condition.

use std::sync::LazyLock;

use crate::release::ObjectRef;
use crate::table;

/// `major.minor` of a Kubernetes version.
pub(super) type Minor = (u32, u32);

/// How the field must have changed. Closed: an unknown word makes the row unreadable, which a test excludes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The values differ; absence is a value.
    Changed,
    /// The lists differ as sets.
    ChangedUnordered,
    /// It was set, and is now something else or absent. Setting it for the first time is allowed.
    SetOnce,
    /// It was set and is absent now.
    Removed,
    /// It was set and is the empty string now.
    Emptied,
    /// The quantity went down.
    Lowered,
    /// The quantity went up.
    Raised,
    /// An item of the list is gone or changed.
    ItemsRemoved,
    /// The first item of the list differs.
    FirstChanged,
    /// It is set, whatever it was.
    Present,
    /// `spec.selector` does not match the pod template's labels, which the path names.
    SelectorMismatch,
    /// A CRD version in which objects are stored is not listed any more.
    StoredVersionMissing,
}

impl Change {
    fn parse(word: &str) -> Option<Change> {
        let change = match word {
            "changed" => Change::Changed,
            "changed-unordered" => Change::ChangedUnordered,
            "set-once" => Change::SetOnce,
            "removed" => Change::Removed,
            "emptied" => Change::Emptied,
            "lowered" => Change::Lowered,
            "raised" => Change::Raised,
            "items-removed" => Change::ItemsRemoved,
            "first-changed" => Change::FirstChanged,
            "present" => Change::Present,
            "selector-mismatch" => Change::SelectorMismatch,
            "stored-version-missing" => Change::StoredVersionMissing,
            _ => return None,
        };
        Some(change)
    }
}

/// A dotted path; `[]` behind a key means every item of the list there.
pub(super) type Path = Vec<&'static str>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Before,
    After,
}

/// What must hold besides the change; all conditions of a row must.
#[derive(Debug)]
pub(super) enum Condition {
    /// `before:path=a|b`.
    Is(When, Path, Vec<&'static str>),
    /// `after:path!=a|b`; holds for an absent value.
    IsNot(When, Path, Vec<&'static str>),
    /// `has-before(path)`.
    Has(When, Path),
    /// `no-before(path)`.
    Lacks(When, Path),
    /// `absent-keeps`: where the update does not name the field the server keeps the old value.
    AbsentKeeps,
    /// `except(a;b[].c)`: these parts below the path may change.
    Except(Vec<Path>),
    /// `after-differs(path)`: the new value differs from another new one.
    AfterDiffers(Path),
    /// `not-above(path)`: the new quantity is at most this old one, or the old one is not known.
    NotAbove(Path),
    /// `live-has(path)`: the old object is a manifest, or a live object that shows the field (not its metadata alone).
    LiveHas(Path),
    /// `established`: the old CRD has been accepted, or its status is not known.
    Established,
}

impl Condition {
    fn parse(word: &'static str) -> Option<Condition> {
        if let Some((name, argument)) = word.strip_suffix(')').and_then(|call| call.split_once('(')) {
            return Condition::call(name, argument);
        }
        match word {
            "absent-keeps" => return Some(Condition::AbsentKeeps),
            "established" => return Some(Condition::Established),
            _ => {}
        }
        let (when, test) = match word.split_once(':')? {
            ("before", test) => (When::Before, test),
            ("after", test) => (When::After, test),
            _ => return None,
        };
        if let Some((at, values)) = test.split_once("!=") {
            return Some(Condition::IsNot(when, path(at), values.split('|').collect()));
        }
        let (at, values) = test.split_once('=')?;
        Some(Condition::Is(when, path(at), values.split('|').collect()))
    }

    fn call(name: &str, argument: &'static str) -> Option<Condition> {
        let condition = match name {
            "has-before" => Condition::Has(When::Before, path(argument)),
            "has-after" => Condition::Has(When::After, path(argument)),
            "no-before" => Condition::Lacks(When::Before, path(argument)),
            "no-after" => Condition::Lacks(When::After, path(argument)),
            "except" => Condition::Except(argument.split(';').map(path).collect()),
            "after-differs" => Condition::AfterDiffers(path(argument)),
            "not-above" => Condition::NotAbove(path(argument)),
            "live-has" => Condition::LiveHas(path(argument)),
            _ => return None,
        };
        Some(condition)
    }
}

#[derive(Debug)]
pub(super) struct Row {
    pub id: &'static str,
    pub group: &'static str,
    pub kind: &'static str,
    pub path: Path,
    pub change: Change,
    pub conditions: Vec<Condition>,
    pub reason: &'static str,
    /// First and last Kubernetes minor version of which the row is true.
    pub min: Option<Minor>,
    pub max: Option<Minor>,
    /// Seen on a real API server, rather than read in its source.
    pub proven: bool,
}

fn path(text: &'static str) -> Path {
    text.split('.').collect()
}

/// `v1.36.3`, `1.29+`, `v1.27.9-eks-1` to `(1, 36)` and so on.
pub(super) fn minor(text: &str) -> Option<Minor> {
    let mut parts = text.trim_start_matches('v').split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?;
    let digits = minor.find(|c: char| !c.is_ascii_digit()).unwrap_or(minor.len());
    Some((major, minor.get(..digits)?.parse().ok()?))
}

fn row(record: &table::Record) -> Option<Row> {
    let bound = |text: &str| if text.is_empty() { Some(None) } else { minor(text).map(Some) };
    let conditions = record.field(5).split('&').filter(|word| !word.is_empty()).map(Condition::parse);
    Some(Row {
        id: record.field(0),
        group: record.field(1),
        kind: record.field(2),
        path: path(record.field(3)),
        change: Change::parse(record.field(4))?,
        conditions: conditions.collect::<Option<_>>()?,
        reason: record.field(6),
        min: bound(record.field(7))?,
        max: bound(record.field(8))?,
        proven: record.field(9) == "proven",
    })
}

const TABLE: &str = include_str!("../../../rules/tables/immutable-fields.csv");

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| table::records(TABLE).filter_map(|record| row(&record)).collect());

/// The rows for one kind, in file order.
pub(super) fn of<'a>(id: &'a ObjectRef, group: &'a str) -> impl Iterator<Item = &'static Row> + 'a {
    ROWS.iter().filter(move |row| row.kind == id.kind && row.group == group)
}

#[cfg(test)]
pub(super) fn all() -> &'static [Row] {
    &ROWS
}

/// A row that is true of everything, for tests of what surrounds it.
#[cfg(test)]
pub(super) fn sample() -> Row {
    Row {
        id: "sample",
        group: "",
        kind: "Sample",
        path: path("spec"),
        change: Change::Changed,
        conditions: Vec::new(),
        reason: "field is immutable",
        min: None,
        max: None,
        proven: false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_understood_and_named_once() {
        table::check(TABLE);
        assert_eq!(ROWS.len(), table::records(TABLE).count(), "a row has a word that is not understood");
        let ids: BTreeSet<&str> = ROWS.iter().map(|row| row.id).collect();
        assert_eq!(ids.len(), ROWS.len());
        for record in table::records(TABLE) {
            assert!(matches!(record.field(9), "proven" | "source"), "{}", record.field(0));
            assert!(!record.field(6).is_empty() && !record.field(10).is_empty(), "{}", record.field(0));
        }
    }

    #[test]
    fn versions() {
        assert_eq!(minor("v1.36.3"), Some((1, 36)));
        assert_eq!(minor("1.29+"), Some((1, 29)));
        assert_eq!(minor("v1.27.9-eks-abc"), Some((1, 27)));
        assert_eq!(minor("v2"), None);
        assert_eq!(minor("latest"), None);
    }
}
