//! Registries and repositories from which an image can no longer be expected to come.

use std::sync::LazyLock;

use super::image::Image;
use crate::table::{self, Record};

const TABLE: &str = include_str!("../../rules/tables/image-locations.csv");
const COLUMNS: [&str; 7] = ["place", "tags", "state", "fact", "instead", "checked", "source"];

/// What became of a place. Ordered from harmless to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Still used, in the midst of a place that is not.
    Served,
    /// Still there, without anything new.
    Frozen,
    /// Served somewhere else, in part.
    Moved,
    Gone,
}

/// One row.
#[derive(Debug)]
pub struct Location {
    place: &'static str,
    /// Only tags other than `latest`, and digests, are concerned.
    versions_only: bool,
    pub state: State,
    pub fact: &'static str,
    pub instead: &'static str,
    /// Whether the source was read for this table; else it is general knowledge.
    pub checked: bool,
    pub source: &'static str,
}

static ROWS: LazyLock<Vec<Location>> = LazyLock::new(|| read(TABLE).expect("a test reads the same text"));

/// The row about the place an image comes from, the first that fits. Registry and path count: a mirror is another place.
pub fn of(image: &Image<'_>) -> Option<&'static Location> {
    let row = ROWS.iter().find(|row| image.is_at(row.place) && !(row.versions_only && is_latest(image)))?;
    (row.state != State::Served).then_some(row)
}

fn is_latest(image: &Image<'_>) -> bool {
    image.digest.is_none() && matches!(image.tag, None | Some("latest"))
}

fn read_row(record: &Record) -> Option<Location> {
    let versions_only = match record.field(1) {
        "versions" => true,
        "any" => false,
        _ => return None,
    };
    let state = match record.field(2) {
        "gone" => State::Gone,
        "moved" => State::Moved,
        "frozen" => State::Frozen,
        "served" => State::Served,
        _ => return None,
    };
    Some(Location {
        place: record.field(0),
        versions_only,
        state,
        fact: record.field(3),
        instead: record.field(4),
        checked: record.flag(5)?,
        source: record.field(6),
    })
}

fn read(text: &'static str) -> Result<Vec<Location>, String> {
    table::rows(text, &COLUMNS, 0, read_row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_in_full() {
        table::check(TABLE);
        assert_eq!(read(TABLE).unwrap().len(), TABLE.lines().count() - 1);
        assert!(read("place,tags,state,fact,instead,checked,source\nx/*,any,lost,f,i,yes,there\n").is_err());
        assert!(read("place,tags,state,fact,instead,checked,source\nx/*,any,gone,f,i,yes,\n").is_err());
    }

    #[test]
    fn the_place_is_registry_and_path() {
        let state = |text| of(&Image::parse(text).unwrap()).map(|row| row.state);
        assert_eq!(state("bitnami/redis:7.2.4"), Some(State::Gone));
        assert_eq!(state("docker.io/bitnami/redis@sha256:01"), Some(State::Gone));
        assert_eq!(state("bitnami/redis:latest"), None);
        assert_eq!(state("bitnami/redis"), None);
        assert_eq!(state("registry.example.com/bitnami/redis:7.2.4"), None);
        assert_eq!(state("bitnamilegacy/redis:7.2.4"), Some(State::Frozen));
        assert_eq!(state("k8s.gcr.io/ingress-nginx/controller:v1.1.0"), Some(State::Frozen));
        assert_eq!(state("gcr.io/team/app:1"), Some(State::Moved));
        assert_eq!(state("gcr.io/distroless/static:nonroot"), None);
        assert_eq!(state("quay.io/coreos/etcd:v3.5.14"), None);
        assert_eq!(state("eu.gcr.io/team/app:1"), None);
    }
}
