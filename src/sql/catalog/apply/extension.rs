//! Extensions, and the types and functions that are theirs.

use std::sync::LazyLock;

use super::Replay;
use crate::sql::catalog::log::Key;
use crate::sql::catalog::model::{ColumnId, RelationId};
use crate::sql::effect::By;
use crate::sql::name::{Ident, Name};
use crate::table;

const EXTENSIONS: &str = include_str!("../../../../rules/tables/sql-extensions.csv");
const COLUMNS: [&str; 4] = ["extension", "kind", "name", "source"];

/// One row of `rules/tables/sql-extensions.csv`.
struct Part {
    extension: &'static str,
    is_type: bool,
    name: &'static str,
}

static PARTS: LazyLock<Vec<Part>> = LazyLock::new(|| read(EXTENSIONS).expect("a test reads the same text"));

fn read(text: &'static str) -> Result<Vec<Part>, String> {
    table::rows(text, &COLUMNS, 2, |record| {
        let [extension, kind, name, _] = record.fields() else { return None };
        let is_type = match *kind {
            "type" => true,
            "function" => false,
            _ => return None,
        };
        Some(Part { extension, is_type, name })
    })
}

impl Replay {
    pub(super) fn create_extension(&mut self, name: &Ident) {
        self.catalog.extensions.insert(name.clone());
    }

    /// CASCADE takes columns of its types, and what calls its functions.
    pub(super) fn drop_extensions(&mut self, names: &[Ident], cascade: bool) {
        self.mark.by = By::DropExtension;
        for name in names {
            if self.catalog.extensions.remove(name).is_none() {
                continue;
            }
            self.touch(Key::Schema(name.clone()));
            for part in PARTS.iter().filter(|part| part.extension == name.key()) {
                self.drop_part(name, part, cascade);
            }
        }
    }

    fn drop_part(&mut self, extension: &Ident, part: &Part, cascade: bool) {
        let name = Ident::stored(self.catalog.dialect, part.name);
        if part.is_type {
            self.drop_columns_of(extension, name, cascade);
        } else if cascade {
            self.drop_defaults_calling(&name);
            self.drop_relations_calling(&name);
        }
    }

    fn drop_columns_of(&mut self, extension: &Ident, data_type: Ident, cascade: bool) {
        let users: Vec<(RelationId, ColumnId)> = self.columns_of_type(&Name::bare(data_type));
        if !cascade && !users.is_empty() {
            return self.refused(format!("columns have types of the extension {extension}"));
        }
        for (relation, column) in users {
            self.remove_column(relation, column, true, "the column goes with the extension that its type is from");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_read() {
        assert!(read(EXTENSIONS).unwrap().len() > 20);
    }
}
