//! The table of systems that a rollback leaves as they are, and how their use is recognised.

use std::sync::LazyLock;

use crate::analyze::Fact;
use crate::k8s::glob::glob;
use crate::k8s::image::Image;
use crate::table;

const TABLE: &str = include_str!("../../../rules/tables/external-systems.csv");

/// Kinds of system; at most one finding each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum System {
    Cache,
    Queue,
    SchemaRegistry,
    Store,
    FeatureFlags,
    Database,
}

impl System {
    fn parse(word: &str) -> Option<Option<System>> {
        match word {
            "any" => Some(None),
            word => System::ALL.iter().copied().find(|system| system.as_str() == word).map(Some),
        }
    }

    pub(super) const ALL: [System; 6] =
        [System::Cache, System::Queue, System::SchemaRegistry, System::Store, System::FeatureFlags, System::Database];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            System::Cache => "cache",
            System::Queue => "queue",
            System::SchemaRegistry => "schema-registry",
            System::Store => "store",
            System::FeatureFlags => "feature-flags",
            System::Database => "database",
        }
    }

    pub(super) fn fact(self) -> Fact {
        match self {
            System::Cache => Fact::UsesCache,
            System::Queue => Fact::UsesQueue,
            System::SchemaRegistry => Fact::UsesSchemaRegistry,
            System::Store => Fact::UsesStore,
            System::FeatureFlags => Fact::UsesFeatureFlags,
            System::Database => Fact::UsesDatabase,
        }
    }
}

/// What a pattern is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// The name of a variable or of a line in a file.
    Env,
    /// The name of a variable that holds the name of a topic, bucket, index and so on.
    Name,
    /// The name of a variable that separates the entries of versions.
    Version,
    /// The scheme of a URL.
    Scheme,
    /// The host of a URL, or a full domain name.
    Host,
    /// The port behind a host.
    Port,
    /// A container that runs beside the application.
    Image,
    /// The system itself, which is no user of itself.
    Server,
}

impl Field {
    fn parse(word: &str) -> Option<Field> {
        Some(match word {
            "env" => Field::Env,
            "name" => Field::Name,
            "version" => Field::Version,
            "scheme" => Field::Scheme,
            "host" => Field::Host,
            "port" => Field::Port,
            "image" => Field::Image,
            "server" => Field::Server,
            _ => return None,
        })
    }
}

pub(super) struct Row {
    /// None = of every system.
    pub(super) system: Option<System>,
    pub(super) product: &'static str,
    pub(super) field: Field,
    pattern: &'static str,
}

impl Row {
    pub(super) fn matches(&self, text: &str) -> bool {
        glob(self.pattern, text)
    }
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let rows = table::records(TABLE);
    rows.filter_map(|record| {
        Some(Row {
            system: System::parse(record.field(0))?,
            product: record.field(1),
            field: Field::parse(record.field(2))?,
            pattern: record.field(3),
        })
    })
    .collect()
});

/// Rows that speak about this field.
pub(super) fn rows(field: Field) -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(move |row| row.field == field)
}

/// Whether the image, by the last part of its repository, is a server of the system.
pub(super) fn is_server(system: System, image: &str) -> bool {
    let Some(image) = Image::parse(image) else { return false };
    rows(Field::Server).any(|row| row.system.is_none_or(|of| of == system) && row.matches(image.name()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_read_and_names_its_source() {
        table::check(TABLE);
        assert_eq!(TABLE.lines().next(), Some("system,product,field,pattern,source"));
        assert_eq!(ROWS.len(), TABLE.lines().count() - 1, "a row has an unknown word");
        for record in table::records(TABLE) {
            assert!((0..5).all(|column| !record.field(column).is_empty()), "{}", record.field(3));
        }
    }

    #[test]
    fn no_row_stands_twice() {
        let rows: BTreeSet<_> = ROWS.iter().map(|row| (row.system, row.field as u8, row.pattern)).collect();
        assert_eq!(rows.len(), ROWS.len());
    }

    #[test]
    fn every_system_can_be_recognised() {
        for system in System::ALL {
            assert!(ROWS.iter().any(|row| row.system == Some(system) && row.field == Field::Env), "{}", system.as_str());
        }
    }
}
