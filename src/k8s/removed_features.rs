//! What pods may ask for that newer nodes do not have any more.

use std::sync::LazyLock;

use super::glob::glob;
use super::version::{self, Version};
use crate::table::{self, Record};

const TABLE: &str = include_str!("../../rules/tables/removed-features.csv");
const COLUMNS: [&str; 8] = ["form", "name", "since", "state", "fact", "instead", "checked", "source"];

/// Where a pod asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// The key of a volume source.
    Volume,
    /// An annotation of the pod.
    Annotation,
    /// The path of a `hostPath` volume.
    HostPath,
}

/// What becomes of a pod that asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does not start, or does not work.
    Gone,
    /// A CSI driver does it where one is installed.
    Csi,
    /// The pod runs without it.
    Ignored,
}

/// One row.
#[derive(Debug)]
pub struct Feature {
    form: Form,
    name: &'static str,
    since: Version,
    pub state: State,
    pub fact: &'static str,
    pub instead: &'static str,
    pub source: &'static str,
}

static ROWS: LazyLock<Vec<Feature>> = LazyLock::new(|| read(TABLE).expect("a test reads the same text"));

/// The row about a name, where a server of this version lacks it; a version that is not known may.
pub fn of(form: Form, name: &str, server: Option<&Version>) -> Option<&'static Feature> {
    let mut rows = ROWS.iter().filter(|row| row.form == form && glob(row.name, name));
    rows.find(|row| server.is_none_or(|server| *server >= row.since))
}

fn read_row(record: &Record) -> Option<Feature> {
    let form = match record.field(0) {
        "volume" => Form::Volume,
        "annotation" => Form::Annotation,
        "host-path" => Form::HostPath,
        _ => return None,
    };
    let state = match record.field(3) {
        "gone" => State::Gone,
        "csi" => State::Csi,
        "ignored" => State::Ignored,
        _ => return None,
    };
    matches!(record.field(6), "yes" | "no").then_some(())?;
    let since = version::exact(record.field(2))?;
    Some(Feature {
        form,
        name: record.field(1),
        since,
        state,
        fact: record.field(4),
        instead: record.field(5),
        source: record.field(7),
    })
}

fn read(text: &'static str) -> Result<Vec<Feature>, String> {
    table::rows(text, &COLUMNS, 1, read_row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_in_full() {
        table::check(TABLE);
        assert_eq!(read(TABLE).unwrap().len(), TABLE.lines().count() - 1);
        let head = "form,name,since,state,fact,instead,checked,source\n";
        for row in ["pod,x,1.2,gone,f,i,no,there", "volume,x,soon,gone,f,i,no,there", "volume,x,1.2,gone,f,i,maybe,there"] {
            assert!(read(Box::leak(format!("{head}{row}\n").into_boxed_str())).is_err(), "{row}");
        }
    }

    #[test]
    fn the_server_s_version_decides() {
        let server = Version::parse("1.30.1");
        let has = |form, name| of(form, name, server.as_ref()).is_some();
        assert!(has(Form::Volume, "glusterfs") && !has(Form::Volume, "rbd") && !has(Form::Volume, "configMap"));
        assert!(has(Form::Annotation, "seccomp.security.alpha.kubernetes.io/pod"));
        assert!(of(Form::Volume, "rbd", None).is_some());
    }
}
