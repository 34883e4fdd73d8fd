//! Which software an image holds, whether it keeps data, and which way back its vendor closes.
//!
//! Rows of `rules/tables/stateful-images.csv` say how products are recognised, those of
//! `rules/tables/downgrade-boundaries.csv` what going below a version means for their data.

use std::sync::LazyLock;

use super::image::{Image, Scheme};
use super::table::{self, Record};
use super::version::{self, Range, Version};

const IMAGES: &str = include_str!("../../rules/tables/stateful-images.csv");
const IMAGE_COLUMNS: [&str; 6] = ["product", "name", "state", "scheme", "image_patterns", "source"];
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
const SWAP_COLUMNS: [&str; 7] = ["current", "target", "current_scope", "target_scope", "verdict", "condition", "source"];

/// A product that keeps data.
#[derive(Debug)]
pub struct Product {
    pub id: &'static str,
    pub name: &'static str,
    pub state: State,
    pub scheme: Scheme,
    patterns: Vec<&'static str>,
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
    /// A condition that nobody meets without having prepared for it.
    pub fails_unprepared: bool,
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
    pub source: &'static str,
}

static SWAP_ROWS: LazyLock<Vec<Swap>> = LazyLock::new(|| read_swaps(SWAPS).expect("a test reads the same text"));
static PRODUCTS: LazyLock<Vec<Product>> = LazyLock::new(|| read_products(IMAGES).expect("a test reads the same text"));
static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| read_rows(BOUNDARIES).expect("a test reads the same text"));

/// The products in an image; a database with an extension is two.
pub fn products(image: &Image<'_>) -> impl Iterator<Item = &'static Product> {
    PRODUCTS.iter().filter(|product| product.patterns.iter().any(|pattern| image.matches(pattern)))
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
    rows.sort_by_key(|row| std::cmp::Reverse((row.verdict, row.fails_unprepared)));
    rows
}

/// What is known of one product on another's files. A row with a scope says nothing where the version is not known.
pub fn swap(current: &str, target: &str, from: Option<&Version>, to: Option<&Version>) -> Option<&'static Swap> {
    let within = |scope: &Range, version: Option<&Version>| match version {
        Some(version) => scope.contains(version),
        None => scope.is_everything(),
    };
    let of_pair = SWAP_ROWS.iter().filter(|row| row.current == current && row.target == target);
    of_pair.filter(|row| within(&row.current_scope, from) && within(&row.target_scope, to)).next()
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
                Boundary::Distance(far) => {
                    current.major() != target.major() || current.minor().abs_diff(target.minor()) >= *far
                }
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
        let fails_unprepared = match (verdict, record.field(6)) {
            (Verdict::Conditional, "works") => false,
            (Verdict::Conditional, "fails") => true,
            (Verdict::Conditional, _) => return None,
            (_, "") => false,
            _ => return None,
        };
        Some(Row {
            product: record.field(0),
            software: record.field(1),
            boundary,
            scope: Range::parse(record.field(4))?,
            verdict,
            fails_unprepared,
            condition: record.field(7),
            checked: read_flag(record.field(8))?,
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
            source: record.field(6),
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

fn read_flag(word: &str) -> Option<bool> {
    match word {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
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
    let product =
        Product { id: record.field(0), name: record.field(1), state, scheme: Scheme::parse(record.field(3))?, patterns };
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
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_read_in_full() {
        table::check(IMAGES);
        table::check(BOUNDARIES);
        assert_eq!(read_products(IMAGES).unwrap().len(), IMAGES.lines().count() - 1);
        assert_eq!(read_rows(BOUNDARIES).unwrap().len(), BOUNDARIES.lines().count() - 1);
        for row in ROWS.iter() {
            assert!(product(row.product).is_some() && !row.condition.is_empty(), "{row:?}");
        }
        table::check(SWAPS);
        for row in read_swaps(SWAPS).unwrap() {
            assert!(product(row.current).is_some() && product(row.target).is_some() && !row.condition.is_empty(), "{row:?}");
        }
        for product in PRODUCTS.iter() {
            assert!(ROWS.iter().any(|row| row.product == product.id), "{} has no boundary", product.id);
        }
    }

    #[test]
    fn bad_tables_are_refused() {
        const HEAD: &str = "product,software,boundary,cuts,scope,verdict,unprepared,condition,checked,source\n";
        let read = |row: &str| read_rows(Box::leak(format!("{HEAD}{row}\n").into_boxed_str()));
        assert!(read("x,X,major,,,impossible,,why,yes,there").is_ok());
        for row in [
            "x,X,major,,,impossible,,why,yes,",
            "x,X,sideways,,,impossible,,why,yes,there",
            "x,X,list,3.x,,impossible,,why,yes,there",
            "x,X,list,,,impossible,,why,yes,there",
            "x,X,distance,far,,impossible,,why,yes,there",
            "x,X,major,,8.0,impossible,,why,yes,there",
            "x,X,major,,,terrible,,why,yes,there",
            "x,X,major,,,conditional,,why,yes,there",
            "x,X,major,,,safe,works,why,yes,there",
            "x,X,major,,,safe,,why,perhaps,there",
            "x,X,major,,,safe,,why,yes,there,more",
        ] {
            assert!(read(row).is_err(), "{row}");
        }
        assert!(read_rows("product,software\nx,X\n").is_err());
        assert!(read_products("product,name,state,scheme,image_patterns,source\nx,X,volume,plain,a||b,there\n").is_err());
    }

    /// The worst verdict of a move, by image names.
    fn verdict(current: &str, target: &str) -> Option<Verdict> {
        let (current, target) = (Image::parse(current).unwrap(), Image::parse(target).unwrap());
        let verdicts = products(&target).flat_map(|product| {
            let versions = current.version(product.scheme).zip(target.version(product.scheme));
            versions.map(|(current, target)| crossed(product, &current, &target)).unwrap_or_default()
        });
        verdicts.map(|row| row.verdict).max()
    }

    #[test]
    fn the_worst_row_that_is_crossed_counts() {
        use Verdict::{Conditional, Impossible, Safe, Unsupported};
        for (current, target, expected) in [
            ("postgres:16.4", "postgres:15.8", Some(Impossible)),
            ("postgres:16.4", "postgres:16.2", Some(Safe)),
            ("postgres:16.4", "postgres:16", None),
            ("postgres:15", "postgres:16", None),
            ("postgres:9.6", "postgres:9.5", Some(Impossible)),
            ("bitnami/postgresql:16.4.0-debian-12-r7", "bitnami/postgresql:16.4.0-debian-12-r2", None),
            ("ghcr.io/zalando/spilo-16:3.3-p1", "ghcr.io/zalando/spilo-15:3.3-p1", Some(Impossible)),
            ("timescale/timescaledb:2.17.2-pg16", "timescale/timescaledb:2.16.1-pg16", Some(Conditional)),
            ("mysql:8.4.3", "mysql:8.0.40", Some(Impossible)),
            ("mysql:8.0.40", "mysql:8.0.36", Some(Safe)),
            ("mysql:8.0.36", "mysql:8.0.34", Some(Impossible)),
            ("mysql:8.0.34", "mysql:8.0.33", Some(Impossible)),
            ("mariadb:11.4.2", "mariadb:10.11.8", Some(Unsupported)),
            ("mongo:8.0.3", "mongo:7.0.14", Some(Unsupported)),
            ("mongo:6.0.5", "mongo:5.0.9", Some(Conditional)),
            ("redis:7.4.1", "redis:7.2.5", Some(Conditional)),
            ("redis:7.2.5", "redis:7.2.1", None),
            ("etcd:3.6.1", "etcd:3.5.9", Some(Conditional)),
            ("etcd:3.6.1", "etcd:3.4.30", Some(Impossible)),
            ("prom/prometheus:v3.1.0", "prom/prometheus:v2.55.0", None),
            ("prom/prometheus:v3.1.0", "prom/prometheus:v2.54.0", Some(Impossible)),
            ("strimzi/kafka:0.45.0-kafka-4.0.0", "strimzi/kafka:0.45.0-kafka-3.9.0", Some(Impossible)),
            ("strimzi/kafka:0.46.0-kafka-3.9.0", "strimzi/kafka:0.45.0-kafka-3.9.0", None),
            ("minio/minio:RELEASE.2024-05-10T01-41-38Z", "minio/minio:RELEASE.2022-05-26T05-48-41Z", Some(Conditional)),
            ("minio/minio:RELEASE.2024-05-10T01-41-38Z", "minio/minio:RELEASE.2024-01-01T00-00-00Z", None),
            ("nextcloud:29.0.4.1", "nextcloud:29.0.4.0", Some(Impossible)),
            ("memcached:1.6.1", "memcached:1.5.0", None),
        ] {
            assert_eq!(verdict(current, target), expected, "{current} → {target}");
        }
    }
}
