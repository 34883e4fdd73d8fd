//! Custom resources that name the version of the software their operator runs.

use std::sync::LazyLock;

use super::data_format::{self, Product};
use super::image::Image;
use super::version::Version;
use crate::release::{ObjectRef, Value};
use crate::table::{self, Record};

const TABLE: &str = include_str!("../../rules/tables/operator-versions.csv");
const COLUMNS: [&str; 7] = ["group", "kind", "product", "path", "form", "checked", "source"];

/// One row: where a kind names the version of which product.
#[derive(Debug)]
pub struct Row {
    group: &'static str,
    kind: &'static str,
    pub product: &'static Product,
    pub path: &'static str,
    is_image: bool,
    /// Whether the source was read again for this table; else it is general knowledge.
    pub checked: bool,
    pub source: &'static str,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| read(TABLE).expect("a test reads the same text"));

/// The rows about a kind.
pub fn of(id: &ObjectRef) -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(|row| id.is(row.group, row.kind))
}

impl Row {
    /// What stands at the row's path; `Null` where nothing does.
    pub fn value<'v>(&self, body: &'v Value) -> &'v Value {
        self.path.split('.').fold(body, |value, key| value.get(key))
    }

    /// The version that a value at the row's path names.
    pub fn version(&self, value: &Value) -> Option<Version> {
        let text = value.display();
        match self.is_image {
            true => Image::parse(&text)?.version(self.product.scheme),
            false => Version::parse(&text),
        }
    }

    fn read(record: &Record) -> Option<Row> {
        let is_image = match record.field(4) {
            "image" => true,
            "version" => false,
            _ => return None,
        };
        Some(Row {
            group: record.field(0),
            kind: record.field(1),
            product: data_format::product(record.field(2))?,
            path: record.field(3),
            is_image,
            checked: record.flag(5)?,
            source: record.field(6),
        })
    }
}

fn read(text: &'static str) -> Result<Vec<Row>, String> {
    table::rows(text, &COLUMNS, 1, Row::read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_table_is_read_in_full() {
        table::check(TABLE);
        assert_eq!(read(TABLE).unwrap().len(), TABLE.lines().count() - 1);
        assert!(read("group,kind,product,path,form,checked,source\na,B,redis,spec.x,version,no,there\n").is_ok());
        assert!(read("group,kind,product,path,form,checked,source\na,B,no-such-product,spec.x,version,no,there\n").is_err());
        assert!(read("group,kind,product,path,form,checked,source\na,B,redis,spec.x,guess,no,there\n").is_err());
        assert!(read("group,kind,product,path,form,checked,source\na,B,redis,spec.x,version,perhaps,there\n").is_err());
        assert!(read("group,kind,product,path,form\na,B,redis,spec.x,image\n").is_err());
    }

    #[test]
    fn versions_and_images_are_read() {
        let version = |api: &str, kind: &str, body| {
            let body = Value::from_json(body);
            let row = of(&ObjectRef::new(api, kind, Some("prod"), "x")).find(|row| !row.value(&body).is_null())?;
            row.version(row.value(&body)).map(|version| version.to_string())
        };
        let cnpg = json!({"spec": {"imageName": "ghcr.io/cloudnative-pg/postgresql:16.4-3-bookworm"}});
        assert_eq!(version("postgresql.cnpg.io/v1", "Cluster", cnpg).as_deref(), Some("16.4"));
        let crunchy = json!({"spec": {"postgresVersion": 16}});
        assert_eq!(version("postgres-operator.crunchydata.com/v1beta1", "PostgresCluster", crunchy).as_deref(), Some("16"));
        let prometheus = json!({"spec": {"image": "quay.io/prometheus/prometheus:v3.1.0"}});
        assert_eq!(version("monitoring.coreos.com/v1", "Prometheus", prometheus).as_deref(), Some("3.1.0"));
        assert_eq!(version("apps/v1", "Deployment", json!({"spec": {"version": "1"}})), None);
    }
}
