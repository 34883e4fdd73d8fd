//! Which software an image holds, whether it keeps data, and which way back its vendor closes.
//!
//! Rows of `rules/tables/stateful-images.csv` say how products are recognised, those of
//! `rules/tables/downgrade-boundaries.csv` what going below a version means for their data.

use std::sync::LazyLock;

use super::image::{Image, Scheme};
use super::version::{self, Range, Version};
use crate::table::{self, Record};

const IMAGES: &str = include_str!("../../rules/tables/stateful-images.csv");
const IMAGE_COLUMNS: [&str; 7] = ["product", "name", "state", "scheme", "image_patterns", "mounts", "source"];
const BOUNDARIES: &str = include_str!("../../rules/tables/downgrade-boundaries.csv");
const BOUNDARY_COLUMNS: [&str; 10] =
    ["product", "software", "boundary", "cuts", "scope", "verdict", "unprepared", "condition", "checked", "source"];

/// Where a product keeps what a newer version may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// On a volume of the pod.
    Volume,
    /// In a database it migrates, which may be anywhere.
    Database,
    /// In custom resources and the like.
    Resources,
}

const SWAPS: &str = include_str!("../../rules/tables/image-swaps.csv");
const SWAP_COLUMNS: [&str; 8] =
    ["current", "target", "current_scope", "target_scope", "verdict", "condition", "checked", "source"];

/// A product that keeps data.
#[derive(Debug)]
pub struct Product {
    pub id: &'static str,
    pub name: &'static str,
    pub state: State,
    pub scheme: Scheme,
    patterns: Vec<&'static str>,
    /// Directories that its images keep their data in.
    mounts: Vec<&'static str>,
}

/// What the vendor says about going below a boundary with the data kept. Ordered from harmless to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Safe,
    /// Works where the condition holds.
    Conditional,
    Unsupported,
    /// The older program refuses the data.
    Impossible,
}

/// How the way back goes where nobody prepared for a condition. Ordered from harmless to worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unprepared {
    /// Well, with few exceptions; also for rows without a condition.
    #[default]
    Mostly,
    /// Well or not: it depends.
    Works,
    /// Badly.
    Fails,
}

/// Which moves a row is about.
#[derive(Clone, Debug)]
enum Boundary {
    /// The first number differs.
    Major,
    /// The first or the second number differs.
    Minor,
    /// Any number differs.
    Patch,
    /// From a cut or above to below it; or to below the floor, where older versions down to it understand the newer format.
    List(Vec<Cut>),
    /// The second numbers are at least this far apart, or the first differ.
    Distance(u64),
}

#[derive(Clone, Debug)]
struct Cut {
    at: Version,
    floor: Option<Version>,
}

/// One row of the table of boundaries.
#[derive(Debug)]
pub struct Row {
    product: &'static str,
    /// The product, or a mode of it.
    pub software: &'static str,
    boundary: Boundary,
    scope: Range,
    pub verdict: Verdict,
    /// What happens where nobody prepared for the condition.
    pub unprepared: Unprepared,
    pub condition: &'static str,
    /// Whether the source was read again for this table; else it is general knowledge.
    pub checked: bool,
    pub source: &'static str,
}

/// One row of the table of swaps: another program on the files of this one.
#[derive(Debug)]
pub struct Swap {
    current: &'static str,
    target: &'static str,
    current_scope: Range,
    target_scope: Range,
    pub verdict: Verdict,
    pub condition: &'static str,
    /// Whether the source was read again for this table; else it is general knowledge.
    pub checked: bool,
    pub source: &'static str,
}

static SWAP_ROWS: LazyLock<Vec<Swap>> = LazyLock::new(|| read_swaps(SWAPS).expect("a test reads the same text"));
static PRODUCTS: LazyLock<Vec<Product>> = LazyLock::new(|| read_products(IMAGES).expect("a test reads the same text"));
static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| read_rows(BOUNDARIES).expect("a test reads the same text"));

/// The products in an image; a database with an extension is two.
pub fn products(image: &Image<'_>) -> impl Iterator<Item = &'static Product> {
    PRODUCTS.iter().filter(|product| product.patterns.iter().any(|pattern| image.matches(pattern)))
}

/// The product whose data directory this is, or lies in; only where a single product uses it.
pub fn product_at(mount: &str) -> Option<&'static Product> {
    let is_in = |home: &&str| mount.strip_prefix(*home).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let mut products = PRODUCTS.iter().filter(|product| product.mounts.iter().any(&is_in));
    let found = products.next()?;
    products.next().is_none().then_some(found)
}

pub fn product(id: &str) -> Option<&'static Product> {
    PRODUCTS.iter().find(|product| product.id == id)
}

/// The rows of a product that a move from `current` down to `target` crosses, worst first.
pub fn crossed(product: &Product, current: &Version, target: &Version) -> Vec<&'static Row> {
    if !is_below(target, current) {
        return Vec::new();
    }
    let of_product = ROWS.iter().filter(|row| row.product == product.id);
    let mut rows: Vec<&Row> = of_product.filter(|row| row.is_crossed(current, target)).collect();
    rows.sort_by_key(|row| std::cmp::Reverse((row.verdict, row.unprepared)));
    rows
}

/// What is known of one product on another's files. A row with a scope says nothing where the version is not known.
pub fn swap(current: &str, target: &str, from: Option<&Version>, to: Option<&Version>) -> Option<&'static Swap> {
    let within = |scope: &Range, version: Option<&Version>| match version {
        Some(version) => scope.contains(version),
        None => scope.is_everything(),
    };
    let mut of_pair = SWAP_ROWS.iter().filter(|row| row.current == current && row.target == target);
    of_pair.find(|row| within(&row.current_scope, from) && within(&row.target_scope, to))
}

/// Whether the target is surely lower: `16` says nothing about `16.4`.
pub fn is_below(target: &Version, current: &Version) -> bool {
    !target.same_series(current, target.len().min(current.len())) && target < current
}

impl Row {
    fn is_crossed(&self, current: &Version, target: &Version) -> bool {
        self.scope.contains(current)
            && self.scope.contains(target)
            && match &self.boundary {
                Boundary::Major => current.major() != target.major(),
                Boundary::Minor => !current.same_series(target, 2),
                Boundary::Patch => current != target,
                Boundary::List(cuts) => cuts.iter().any(|cut| cut.is_crossed(current, target)),
                Boundary::Distance(far) => current.major() != target.major() || current.minor().abs_diff(target.minor()) >= *far,
            }
    }

    fn read(record: &Record) -> Option<Row> {
        let boundary = match (record.field(2), record.field(3)) {
            ("major", "") => Boundary::Major,
            ("minor", "") => Boundary::Minor,
            ("patch", "") => Boundary::Patch,
            ("list", cuts) => Boundary::List(cuts.split(';').map(Cut::read).collect::<Option<_>>()?),
            ("distance", far) => Boundary::Distance(far.parse().ok()?),
            _ => return None,
        };
        let verdict = Verdict::read(record.field(5))?;
        let unprepared = match (verdict, record.field(6)) {
            (Verdict::Conditional, "mostly") => Unprepared::Mostly,
            (Verdict::Conditional, "works") => Unprepared::Works,
            (Verdict::Conditional, "fails") => Unprepared::Fails,
            (Verdict::Conditional, _) => return None,
            (_, "") => Unprepared::default(),
            _ => return None,
        };
        Some(Row {
            product: record.field(0),
            software: record.field(1),
            boundary,
            scope: Range::parse(record.field(4))?,
            verdict,
            unprepared,
            condition: record.field(7),
            checked: record.flag(8)?,
            source: record.field(9),
        })
    }
}

impl Verdict {
    fn read(word: &str) -> Option<Verdict> {
        Some(match word {
            "safe" => Verdict::Safe,
            "conditional" => Verdict::Conditional,
            "unsupported" => Verdict::Unsupported,
            "impossible" => Verdict::Impossible,
            _ => return None,
        })
    }
}

impl Swap {
    fn read(record: &Record) -> Option<Swap> {
        Some(Swap {
            current: record.field(0),
            target: record.field(1),
            current_scope: Range::parse(record.field(2))?,
            target_scope: Range::parse(record.field(3))?,
            verdict: Verdict::read(record.field(4))?,
            condition: record.field(5),
            checked: record.flag(6)?,
            source: record.field(7),
        })
    }
}

impl Cut {
    /// `3.0`, or `3.0:2.55` with its floor.
    fn read(text: &str) -> Option<Cut> {
        let (at, floor) = match text.split_once(':') {
            Some((at, floor)) => (at, Some(version::exact(floor)?)),
            None => (text, None),
        };
        Some(Cut { at: version::exact(at)?, floor })
    }

    fn is_crossed(&self, current: &Version, target: &Version) -> bool {
        *current >= self.at && target < self.floor.as_ref().unwrap_or(&self.at)
    }
}

fn read_product(record: &Record) -> Option<Product> {
    let state = match record.field(2) {
        "volume" => State::Volume,
        "database" => State::Database,
        "resources" => State::Resources,
        _ => return None,
    };
    let patterns: Vec<&str> = record.field(4).split('|').collect();
    let readable = patterns.iter().all(|pattern| !pattern.is_empty() && !pattern.contains([':', ' ']));
    let mounts = record.field(5).split('|').filter(|mount| !mount.is_empty()).collect();
    let product =
        Product { id: record.field(0), name: record.field(1), state, scheme: Scheme::parse(record.field(3))?, patterns, mounts };
    readable.then_some(product)
}

fn read_products(text: &'static str) -> Result<Vec<Product>, String> {
    let records = table::strict(text, &IMAGE_COLUMNS)?;
    records.iter().map(|record| read_product(record).ok_or_else(|| unreadable(record))).collect()
}

fn read_rows(text: &'static str) -> Result<Vec<Row>, String> {
    let records = table::strict(text, &BOUNDARY_COLUMNS)?;
    records.iter().map(|record| Row::read(record).ok_or_else(|| unreadable(record))).collect()
}

fn read_swaps(text: &'static str) -> Result<Vec<Swap>, String> {
    let records = table::strict(text, &SWAP_COLUMNS)?;
    records.iter().map(|record| Swap::read(record).ok_or_else(|| unreadable(record))).collect()
}

fn unreadable(record: &Record) -> String {
    format!("a row of {} cannot be read", record.field(0))
}

#[cfg(test)]
mod tests;
