//! When an API version was deprecated and removed, and what took its place.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::version::{self, Version};
use crate::release::ObjectRef;
use crate::table::{self, Record};

const TABLE: &str = include_str!("../../rules/tables/api-removals.csv");
const COLUMNS: [&str; 9] =
    ["component", "api_version", "kind", "deprecated_in", "removed_in", "status", "replacement", "source", "notes"];

/// The component whose versions are those of the API server.
const KUBERNETES: &str = "k8s";

/// One row: the fate of a kind in an API version.
#[derive(Debug)]
pub struct Removal {
    /// `k8s`, or the project whose definitions bring the kind; versions are the component's.
    pub component: &'static str,
    pub deprecated_in: Option<Version>,
    pub removed_in: Option<Version>,
    /// An API version, or words in parentheses where nothing takes its place.
    pub replacement: &'static str,
    pub source: &'static str,
    /// What else is known of it.
    pub notes: &'static str,
}

/// By API version, then by kind.
type Rows = BTreeMap<&'static str, BTreeMap<&'static str, Removal>>;

static ROWS: LazyLock<Rows> = LazyLock::new(|| read(TABLE).expect("a test reads the same text"));

/// The row about the kind of an object.
pub fn of(id: &ObjectRef) -> Option<&'static Removal> {
    ROWS.get(id.api_version.as_str())?.get(id.kind.as_str())
}

impl Removal {
    /// The API server's own kinds; all others are removed by their project.
    pub fn is_kubernetes(&self) -> bool {
        self.component == KUBERNETES
    }

    /// Whether an API server of this version does not serve the kind any more; never for other components.
    pub fn is_gone(&self, server: &Version) -> bool {
        self.is_kubernetes() && self.removed_in.as_ref().is_some_and(|removed| is_at_least(server, removed))
    }

    /// Whether the API server's next minor version removes the kind.
    pub fn goes_next(&self, server: &Version) -> bool {
        let next = Version::of(&[server.major(), server.minor() + 1]);
        self.is_kubernetes() && self.removed_in.as_ref().is_some_and(|removed| removed.same_series(&next, 2))
    }

    /// What happened, and what to use: `Kubernetes 1.25 removed it, and batch/v1 takes its place`.
    pub fn explanation(&self) -> String {
        let component = if self.is_kubernetes() { "Kubernetes" } else { self.component };
        let what = match (&self.removed_in, &self.deprecated_in) {
            (Some(removed), _) => format!("{component} {removed} removed it"),
            (None, Some(deprecated)) => format!("{component} {deprecated} deprecated it"),
            (None, None) => format!("{component} deprecated it"),
        };
        match self.replacement {
            "" => what,
            none if none.starts_with('(') => format!("{what} {none}"),
            other => format!("{what}, and {other} takes its place"),
        }
    }
}

/// By minor version: a pre-release or vendor suffix of a server does not matter.
fn is_at_least(server: &Version, limit: &Version) -> bool {
    (server.major(), server.minor()) >= (limit.major(), limit.minor())
}

fn read_row(record: &Record) -> Option<Removal> {
    let version = |text: &'static str| if text.is_empty() { Some(None) } else { version::exact(text).map(Some) };
    let removed_in = version(record.field(4))?;
    let known = matches!(record.field(5), "removed" | "planned" | "deprecated");
    if !known || (record.field(5) == "removed" && removed_in.is_none()) || record.field(1).is_empty() {
        return None;
    }
    Some(Removal {
        component: record.field(0),
        deprecated_in: version(record.field(3))?,
        removed_in,
        replacement: record.field(6),
        source: record.field(7),
        notes: record.field(8),
    })
}

fn read(text: &'static str) -> Result<Rows, String> {
    let mut rows = Rows::new();
    for record in table::strict(text, &COLUMNS)? {
        let (version, kind) = (record.field(1), record.field(2));
        let row = read_row(&record).ok_or_else(|| format!("{version} {kind} cannot be read"))?;
        if rows.entry(version).or_default().insert(kind, row).is_some() {
            return Err(format!("{version} {kind} stands twice"));
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "component,api_version,kind,deprecated_in,removed_in,status,replacement,source,notes\n";

    #[test]
    fn the_table_is_read_in_full() {
        table::check(TABLE);
        assert_eq!(read(TABLE).unwrap().values().map(BTreeMap::len).sum::<usize>(), TABLE.lines().count() - 1);
        for row in [
            "k8s,a/v1,B,,,removed,,there,",
            "k8s,a/v1,B,,main,removed,,there,",
            "k8s,a/v1,B,,1.2,lost,,there,",
            "k8s,a/v1,B,,1.2,removed,,,",
            "k8s,a/v1,B,,1.2,removed,,there,\nk8s,a/v1,B,,1.3,removed,,there,",
        ] {
            assert!(read(Box::leak(format!("{HEAD}{row}\n").into_boxed_str())).is_err(), "{row}");
        }
    }

    #[test]
    fn versions_of_the_server_decide_about_its_own_kinds_only() {
        let server = |text| Version::parse(text).unwrap();
        let cron = of(&ObjectRef::new("batch/v1beta1", "CronJob", Some("prod"), "x")).unwrap();
        assert!(cron.is_gone(&server("1.25.0-gke.100")) && !cron.is_gone(&server("1.24.9")) && cron.goes_next(&server("1.24")));
        assert_eq!(cron.explanation(), "Kubernetes 1.25 removed it, and batch/v1 takes its place");
        let certificate = of(&ObjectRef::new("cert-manager.io/v1alpha2", "Certificate", Some("prod"), "x")).unwrap();
        assert!(!certificate.is_gone(&server("1.36")) && !certificate.goes_next(&server("1.5")));
        assert!(of(&ObjectRef::new("apps/v1", "Deployment", Some("prod"), "x")).is_none());
    }
}
