//! Changes of a changeset: each element of `liquibase.change.core`, with what `createInverses` gives for it.

use super::super::change::{Change, Column, Constraint, ConstraintKind, Item, Reference, Undo};
use super::super::lower::{literal, quote, quote_name};
use super::tree::Node;
use super::types::sql_type;
use super::{folded, guards, opaque};
use crate::sql::dialect::Dialect;

/// What changes are read with. `text` gives a file by the name that an element has for it.
pub(super) struct Scope<'s> {
    pub dialect: Dialect,
    pub text: &'s dyn Fn(&str, &Node) -> Option<String>,
}

/// Rows of a changelog that no rollback gives back.
const NO_INVERSE: &str = "the change has no inverse and the changeset no rollback";

impl Scope<'_> {
    /// What an element does; what is not known or lacks what it needs is opaque.
    pub fn change(&self, node: &Node) -> Vec<Item> {
        if !guards::matches_database(node.value("dbms"), self.dialect) {
            return Vec::new();
        }
        let found = self.structure(node).or_else(|| self.column(node)).or_else(|| self.object(node)).or_else(|| self.rows(node));
        found.unwrap_or_else(|| {
            let why = "a change that is not known, or lacks an attribute";
            vec![Item::new(node.line, opaque(&node.name, why))]
        })
    }

    fn name(&self, node: &Node, key: &str) -> Option<String> {
        node.value(key).map(str::trim).filter(|name| !name.is_empty()).map(|name| folded(name, self.dialect))
    }

    fn names(&self, node: &Node, key: &str) -> Vec<String> {
        let list = node.value(key).unwrap_or("").split(',').map(str::trim).filter(|name| !name.is_empty());
        list.map(|name| folded(name, self.dialect)).collect()
    }

    /// `schema.table`.
    fn qualified(&self, node: &Node, schema: &str, key: &str) -> Option<String> {
        let name = self.name(node, key)?;
        let catalog = schema.replace("chema", "atalog").replace('S', "C").replace('s', "c");
        let schema = self.name(node, schema).or_else(|| self.dialect.is_mysql().then(|| self.name(node, &catalog)).flatten());
        Some(schema.map_or(name.clone(), |schema| format!("{schema}.{name}")))
    }

    fn table(&self, node: &Node) -> Option<String> {
        self.qualified(node, "schemaName", "tableName")
    }

    /// Tables, keys and indexes.
    fn structure(&self, node: &Node) -> Option<Vec<Item>> {
        let line = node.line;
        let one = |change| Some(vec![Item::new(line, change)]);
        let gone = |change| Some(vec![Item::never(line, change, NO_INVERSE)]);
        let named = |key: &str| self.name(node, key);
        match node.name.as_str() {
            "createTable" => self.create_table(node),
            "dropTable" => {
                let cascade = node.flag("cascadeConstraints") == Some(true);
                gone(Change::DropTable { table: self.table(node)?, if_exists: false, cascade })
            }
            "renameTable" => {
                let schema = self.name(node, "schemaName").map_or(String::new(), |schema| format!("{schema}."));
                let full = |name: String| format!("{schema}{name}");
                one(Change::RenameTable { from: full(named("oldTableName")?), to: full(named("newTableName")?) })
            }
            "addForeignKeyConstraint" => self.add_foreign_key(node),
            "dropForeignKeyConstraint" => {
                let table = self.qualified(node, "baseTableSchemaName", "baseTableName")?;
                gone(Change::DropForeignKey { table, name: named("constraintName")? })
            }
            "addPrimaryKey" => self.add_key(node, ConstraintKind::PrimaryKey(self.names(node, "columnNames"))),
            "dropPrimaryKey" => gone(Change::DropPrimaryKey { table: self.table(node)? }),
            "addUniqueConstraint" => self.add_key(node, ConstraintKind::Unique(self.names(node, "columnNames"))),
            "dropUniqueConstraint" => gone(self.drop_unique(self.table(node)?, named("constraintName")?)),
            "addCheckConstraint" => {
                let text = node.value("constraintBody").or(node.value("checkConstraint"))?;
                self.add_key(node, ConstraintKind::Check(text.to_owned()))
            }
            "dropCheckConstraint" => {
                gone(Change::DropConstraint { table: self.table(node)?, name: named("constraintName")?, if_exists: false })
            }
            "createIndex" => {
                let columns = node.all("column", "columns").filter_map(|column| self.index_column(column)).collect();
                let unique = node.flag("unique") == Some(true);
                let (table, name) = (self.table(node)?, named("indexName"));
                one(Change::CreateIndex { table, name, columns, unique, condition: None, if_not_exists: false })
            }
            "dropIndex" => {
                let table = self.table(node).unwrap_or_default();
                gone(Change::DropIndex { table, name: named("indexName")?, if_exists: false })
            }
            _ => None,
        }
    }

    /// An expression stays as it is written.
    fn index_column(&self, column: &Node) -> Option<String> {
        let computed = column.flag("computed") == Some(true);
        let name = column.value("name").or(column.value("computed"))?;
        let plain = !computed && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        Some(if plain { folded(name, self.dialect) } else { name.to_owned() })
    }

    fn create_table(&self, node: &Node) -> Option<Vec<Item>> {
        let table = self.table(node)?;
        let mut columns = Vec::new();
        let mut constraints = Vec::new();
        let mut key: (Option<String>, Vec<String>) = (None, Vec::new());
        for column in node.all("column", "columns") {
            let mut made = self.definition(column)?;
            if let Some(about) = column.child("constraints") {
                constraints.extend(self.constraints(about, &made.name));
                if std::mem::take(&mut made.primary_key) {
                    key.0 = key.0.or_else(|| self.name(about, "primaryKeyName"));
                    key.1.push(made.name.clone());
                }
            }
            columns.push(made);
        }
        self.settle_key(&mut columns, &mut constraints, key);
        let if_not_exists = node.flag("ifNotExists") == Some(true);
        Some(vec![Item::new(node.line, Change::CreateTable { table, columns, constraints, if_not_exists })])
    }

    /// Several columns share one key; SQLite's rowid needs its key at the column.
    fn settle_key(&self, columns: &mut [Column], constraints: &mut Vec<Constraint>, key: (Option<String>, Vec<String>)) {
        let only = columns.iter_mut().find(|column| [column.name.clone()][..] == key.1[..]);
        match only {
            Some(column) if self.dialect == Dialect::Sqlite => column.primary_key = true,
            _ if key.1.is_empty() => {}
            _ => {
                let constraint = Constraint { name: key.0, kind: ConstraintKind::PrimaryKey(key.1), not_valid: false };
                constraints.insert(0, constraint);
            }
        }
    }

    /// A column without its foreign key and unique constraint.
    fn definition(&self, node: &Node) -> Option<Column> {
        let (mut kind, counts) = sql_type(node.value("type")?, self.dialect);
        let about = node.child("constraints");
        let is = |key: &str| about.and_then(|about| about.flag(key));
        let primary_key = is("primaryKey") == Some(true);
        let not_null = is("nullable") == Some(false) || primary_key;
        // MySQL's first timestamp would be NOT NULL without it.
        if self.dialect.is_mysql() && !not_null && kind.starts_with("timestamp") {
            kind += " NULL";
        }
        Some(Column {
            name: self.name(node, "name")?,
            sql_type: kind,
            not_null,
            default: self.value(node, "defaultValue"),
            identity: counts || node.flag("autoIncrement") == Some(true),
            primary_key,
            check: about.and_then(|about| about.value("checkConstraint")).map(strip_check),
            ..Column::default()
        })
    }

    fn constraints(&self, about: &Node, column: &str) -> Vec<Constraint> {
        let mut out = Vec::new();
        if about.flag("unique") == Some(true) {
            let name = self.name(about, "uniqueConstraintName");
            out.push(Constraint { name, kind: ConstraintKind::Unique(vec![column.to_owned()]), not_valid: false });
        }
        if let Some(reference) = self.reference(about) {
            let name = self.name(about, "foreignKeyName");
            out.push(Constraint { name, kind: ConstraintKind::ForeignKey(vec![column.to_owned()], reference), not_valid: false });
        }
        out
    }

    /// `references="t(c)"`, or its parts by themselves.
    fn reference(&self, about: &Node) -> Option<Reference> {
        let (table, columns) = match about.value("references") {
            Some(text) => {
                let (table, columns) = text.split_once('(').unwrap_or((text, ""));
                let list = columns.trim_end_matches(')').split(',').map(str::trim).filter(|name| !name.is_empty());
                (folded(table.trim(), self.dialect), list.map(|name| folded(name, self.dialect)).collect())
            }
            None => (self.name(about, "referencedTableName")?, self.names(about, "referencedColumnNames")),
        };
        let on_delete = if about.flag("deleteCascade") == Some(true) { "CASCADE" } else { "" };
        Some(Reference { table, columns, on_delete: on_delete.to_owned(), on_update: String::new() })
    }

    /// `value`, `valueNumeric`, … or `defaultValue`, `defaultValueNumeric`, … as SQL.
    fn value(&self, node: &Node, stem: &str) -> Option<String> {
        let get = |end: &str| node.values.iter().find(|(key, _)| *key == format!("{stem}{end}")).map(|(_, value)| value.as_str());
        if let Some(text) = get("Computed") {
            return Some(text.to_owned());
        }
        if let Some(text) = get("SequenceNext") {
            return Some(format!("nextval({})", literal(text, self.dialect)));
        }
        if let Some(text) = get("Boolean") {
            let truth = text.trim().eq_ignore_ascii_case("true") || text.trim() == "1";
            let word = if truth { "TRUE" } else { "FALSE" };
            let plain = self.dialect == Dialect::PostgreSql;
            return Some(if plain { word.to_owned() } else { u8::from(truth).to_string() });
        }
        if let Some(text) = get("Numeric") {
            return Some(text.trim().to_owned());
        }
        if let Some(text) = get("Date") {
            let function = text.contains('(') || text.to_ascii_uppercase().starts_with("CURRENT");
            return Some(if function { text.to_owned() } else { literal(text, self.dialect) });
        }
        let text = get("").or(get("ClobFile")).or(get("BlobFile")).or((stem == "value").then_some(node.text.as_str()))?;
        let null = text.eq_ignore_ascii_case("null") || stem == "value" && text.is_empty() && get("").is_none();
        Some(if null { "NULL".to_owned() } else { literal(text, self.dialect) })
    }

    fn add_key(&self, node: &Node, kind: ConstraintKind) -> Option<Vec<Item>> {
        let table = self.table(node)?;
        let name = self.name(node, "constraintName");
        if matches!(&kind, ConstraintKind::PrimaryKey(columns) | ConstraintKind::Unique(columns) if columns.is_empty()) {
            return None;
        }
        let undo = match (&kind, &name) {
            (ConstraintKind::Unique(_), Some(name)) => Undo::Changes(vec![self.drop_unique(table.clone(), name.clone())]),
            _ => Undo::Auto,
        };
        let not_valid = node.flag("validate") == Some(false);
        let change = Change::AddConstraint { table, constraint: Constraint { name, kind, not_valid } };
        Some(vec![Item { line: node.line, change, undo }])
    }

    fn drop_unique(&self, table: String, name: String) -> Change {
        match self.dialect.is_mysql() {
            true => Change::DropIndex { table, name, if_exists: false },
            false => Change::DropConstraint { table, name, if_exists: false },
        }
    }

    fn add_foreign_key(&self, node: &Node) -> Option<Vec<Item>> {
        let table = self.qualified(node, "baseTableSchemaName", "baseTableName")?;
        let name = self.name(node, "constraintName")?;
        let cascade = node.flag("deleteCascade") == Some(true);
        let reference = Reference {
            table: self.qualified(node, "referencedTableSchemaName", "referencedTableName")?,
            columns: self.names(node, "referencedColumnNames"),
            on_delete: if cascade { "CASCADE" } else { node.value("onDelete").unwrap_or("") }.to_owned(),
            on_update: node.value("onUpdate").unwrap_or("").to_owned(),
        };
        let kind = ConstraintKind::ForeignKey(self.names(node, "baseColumnNames"), reference);
        let not_valid = node.flag("validate") == Some(false);
        let undo = vec![Change::DropForeignKey { table: table.clone(), name: name.clone() }];
        let change = Change::AddConstraint { table, constraint: Constraint { name: Some(name), kind, not_valid } };
        Some(vec![Item::with(node.line, change, undo)])
    }

    /// Columns.
    fn column(&self, node: &Node) -> Option<Vec<Item>> {
        let line = node.line;
        let one = |change| Some(vec![Item::new(line, change)]);
        let gone = |change| Some(vec![Item::never(line, change, NO_INVERSE)]);
        let (table, column) = (|| self.table(node), || self.name(node, "columnName"));
        match node.name.as_str() {
            "addColumn" => self.add_columns(node),
            "dropColumn" => {
                let listed = node.all("column", "columns").filter_map(|column| self.name(column, "name"));
                let columns: Vec<String> = column().into_iter().chain(listed).collect();
                let table = table()?;
                let drop = |column| Change::DropColumn { table: table.clone(), column, if_exists: false };
                let items: Vec<Item> = columns.into_iter().map(|column| Item::never(line, drop(column), NO_INVERSE)).collect();
                (!items.is_empty()).then_some(items)
            }
            "renameColumn" => self.rename_column(node),
            "modifyDataType" => {
                let (kind, _) = sql_type(node.value("newDataType")?, self.dialect);
                let (table, column) = (table()?, column()?);
                let cast = format!("{}::{kind}", quote(&column, self.dialect));
                let using = (self.dialect == Dialect::PostgreSql).then_some(cast);
                match self.dialect.is_mysql() {
                    true => gone(self.modify(&table, &column, &kind)),
                    false => gone(Change::SetType { table, column, sql_type: kind, using }),
                }
            }
            "addNotNullConstraint" => self.not_null(node, true),
            "dropNotNullConstraint" => self.not_null(node, false),
            "addDefaultValue" => {
                let (table, column) = (table()?, column()?);
                let default = Some(self.value(node, "defaultValue")?);
                let undo = vec![Change::SetDefault { table: table.clone(), column: column.clone(), default: None }];
                Some(vec![Item::with(line, Change::SetDefault { table, column, default }, undo)])
            }
            "dropDefaultValue" => gone(Change::SetDefault { table: table()?, column: column()?, default: None }),
            "addAutoIncrement" => self.auto_increment(node),
            "setTableRemarks" | "setColumnRemarks" => Some(vec![Item::never(line, Change::Harmless, NO_INVERSE)]),
            "tagDatabase" | "empty" | "output" => one(Change::Harmless),
            _ => None,
        }
    }

    fn modify(&self, table: &str, column: &str, rest: &str) -> Change {
        let (table, column) = (quote_name(table, self.dialect), quote(column, self.dialect));
        Change::Sql(format!("ALTER TABLE {table} MODIFY {column} {rest}"))
    }

    fn add_columns(&self, node: &Node) -> Option<Vec<Item>> {
        let table = self.table(node)?;
        let mut out = Vec::new();
        let mut values = Vec::new();
        for node in node.all("column", "columns") {
            let column = self.definition(node)?;
            let about = node.child("constraints");
            let constraints = about.map(|about| self.constraints(about, &column.name)).unwrap_or_default();
            let value = ["value", "valueNumeric", "valueBoolean", "valueComputed", "valueDate"];
            if value.iter().any(|key| node.values.iter().any(|(name, _)| name == key)) {
                let (table, name) = (quote_name(&table, self.dialect), quote(&column.name, self.dialect));
                let text = format!("UPDATE {table} SET {name} = {}", self.value(node, "value")?);
                values.push(Item { line: node.line, change: Change::Sql(text), undo: Undo::Nothing });
            }
            out.push(Item::new(node.line, Change::AddColumn { table: table.clone(), column, if_not_exists: false }));
            for constraint in constraints {
                let change = Change::AddConstraint { table: table.clone(), constraint };
                // They go with the column.
                values.push(Item { line: node.line, change, undo: Undo::Nothing });
            }
        }
        out.append(&mut values);
        (!out.is_empty()).then_some(out)
    }

    /// MySQL's generator writes CHANGE with the type alone, which drops what else the column had.
    fn rename_column(&self, node: &Node) -> Option<Vec<Item>> {
        let (table, from, to) = (self.table(node)?, self.name(node, "oldColumnName")?, self.name(node, "newColumnName")?);
        let kind = node.value("columnDataType").map(|kind| sql_type(kind, self.dialect).0);
        let (Some(kind), true) = (kind, self.dialect.is_mysql()) else {
            return Some(vec![Item::new(node.line, Change::RenameColumn { table, from, to })]);
        };
        let text = |from: &str, to: &str| {
            let quoted = |name: &str| quote(name, self.dialect);
            Change::Sql(format!("ALTER TABLE {} CHANGE {} {} {kind}", quote_name(&table, self.dialect), quoted(from), quoted(to)))
        };
        Some(vec![Item::with(node.line, text(&from, &to), vec![text(&to, &from)])])
    }

    fn not_null(&self, node: &Node, not_null: bool) -> Option<Vec<Item>> {
        let (table, column) = (self.table(node)?, self.name(node, "columnName")?);
        let kind = node.value("columnDataType").map(|kind| sql_type(kind, self.dialect).0);
        let change = |not_null: bool| match (&kind, self.dialect.is_mysql()) {
            (Some(kind), true) => self.modify(&table, &column, &format!("{kind} {}", if not_null { "NOT NULL" } else { "NULL" })),
            _ => Change::SetNotNull { table: table.clone(), column: column.clone(), not_null },
        };
        let mut out = Vec::new();
        if let Some(value) = node.value("defaultNullValue").filter(|_| not_null) {
            let (table, column) = (quote_name(&table, self.dialect), quote(&column, self.dialect));
            let text = format!("UPDATE {table} SET {column} = {} WHERE {column} IS NULL", literal(value, self.dialect));
            out.push(Item { line: node.line, change: Change::Sql(text), undo: Undo::Nothing });
        }
        out.push(Item::with(node.line, change(not_null), vec![change(!not_null)]));
        Some(out)
    }

    fn auto_increment(&self, node: &Node) -> Option<Vec<Item>> {
        let (table, column) = (self.table(node)?, self.name(node, "columnName")?);
        let kind = node.value("columnDataType").map(|kind| sql_type(kind, self.dialect).0);
        let change = match (self.dialect, kind) {
            (Dialect::MySql | Dialect::MariaDb, Some(kind)) => self.modify(&table, &column, &format!("{kind} AUTO_INCREMENT")),
            (Dialect::PostgreSql, _) => {
                let (table, column) = (quote_name(&table, self.dialect), quote(&column, self.dialect));
                Change::Sql(format!("ALTER TABLE {table} ALTER COLUMN {column} ADD GENERATED BY DEFAULT AS IDENTITY"))
            }
            _ => return None,
        };
        Some(vec![Item::never(node.line, change, NO_INVERSE)])
    }

    /// Views, sequences, routines and text.
    fn object(&self, node: &Node) -> Option<Vec<Item>> {
        let line = node.line;
        let gone = |text: String| Some(vec![Item::never(line, Change::Sql(text), NO_INVERSE)]);
        let with = |text: String, undo: String| Some(vec![Item::with(line, Change::Sql(text), vec![Change::Sql(undo)])]);
        let full = |key: &str| self.qualified(node, "schemaName", key).map(|name| quote_name(&name, self.dialect));
        match node.name.as_str() {
            "createView" => self.create_view(node),
            "dropView" => gone(format!("DROP VIEW {}", full("viewName")?)),
            "renameView" => {
                let (from, to) = (full("oldViewName")?, full("newViewName")?);
                let text = |from: &str, to: &str| match self.dialect.is_mysql() {
                    true => format!("RENAME TABLE {from} TO {to}"),
                    false => format!("ALTER VIEW {from} RENAME TO {to}"),
                };
                with(text(&from, &to), text(&to, &from))
            }
            "createSequence" => {
                let name = full("sequenceName")?;
                with(format!("CREATE SEQUENCE {name}"), format!("DROP SEQUENCE {name}"))
            }
            "dropSequence" => gone(format!("DROP SEQUENCE {}", full("sequenceName")?)),
            "renameSequence" => {
                let (from, to) = (full("oldSequenceName")?, full("newSequenceName")?);
                with(format!("ALTER SEQUENCE {from} RENAME TO {to}"), format!("ALTER SEQUENCE {to} RENAME TO {from}"))
            }
            "alterSequence" => gone(format!("ALTER SEQUENCE {} CACHE 1", full("sequenceName")?)),
            "dropProcedure" => gone(format!("DROP PROCEDURE {}", full("procedureName")?)),
            "createProcedure" | "createFunction" | "createTrigger" | "createPackage" | "createPackageBody" => {
                let (text, at) = self.body(node, "procedureText")?;
                Some(vec![Item::never(at, Change::Sql(text), NO_INVERSE)])
            }
            "sql" => {
                let (text, at) = self.body(node, "sql")?;
                Some(self.script(node, &text, at))
            }
            "sqlFile" => match (self.text)(node.value("path")?, node) {
                Some(text) => Some(self.script(node, &text, 1)),
                None => Some(vec![Item::new(line, opaque("sqlFile", "the file that it executes is not there"))]),
            },
            _ => None,
        }
    }

    /// Text of an element, of one of its attributes, or of the file that it names; with its line.
    fn body(&self, node: &Node, key: &str) -> Option<(String, u32)> {
        if let Some(text) = node.value(key).filter(|text| !text.trim().is_empty()) {
            return Some((text.to_owned(), node.text_line));
        }
        if !node.text.trim().is_empty() {
            return Some((node.text.clone(), node.text_line));
        }
        (self.text)(node.value("path")?, node).map(|text| (text, 1))
    }

    /// Statements, parted by `endDelimiter` where it is not a semicolon.
    fn script(&self, node: &Node, text: &str, line: u32) -> Vec<Item> {
        let delimiter = node.value("endDelimiter").map(str::trim).map(|text| text.trim_start_matches("\\n").replace('\\', ""));
        let parts: Vec<&str> = match delimiter.as_deref() {
            None | Some("" | ";") => vec![text],
            Some(delimiter) => text.split(delimiter).collect(),
        };
        let mut at = line;
        let mut out = Vec::new();
        for part in parts {
            if !part.trim().is_empty() {
                out.push(Item::never(at, Change::Sql(part.to_owned()), NO_INVERSE));
            }
            at += part.matches('\n').count() as u32;
        }
        out
    }

    fn create_view(&self, node: &Node) -> Option<Vec<Item>> {
        let name = quote_name(&self.qualified(node, "schemaName", "viewName")?, self.dialect);
        let (text, line) = self.body(node, "selectQuery")?;
        let whole = node.flag("fullDefinition") == Some(true) || text.trim_start().to_ascii_uppercase().starts_with("CREATE");
        let replaces = node.flag("replaceIfExists") == Some(true);
        let text = match whole {
            true => text,
            false => format!("CREATE {}VIEW {name} AS {}", if replaces { "OR REPLACE " } else { "" }, text.trim_start()),
        };
        let undo =
            if replaces { Undo::Never(NO_INVERSE.into()) } else { Undo::Changes(vec![Change::Sql(format!("DROP VIEW {name}"))]) };
        Some(vec![Item { line, change: Change::Sql(text), undo }])
    }

    /// Rows.
    fn rows(&self, node: &Node) -> Option<Vec<Item>> {
        let gone = |change| Some(vec![Item::never(node.line, change, NO_INVERSE)]);
        let table = || self.table(node).map(|table| quote_name(&table, self.dialect));
        match node.name.as_str() {
            "insert" => {
                let columns: Vec<&Node> = node.all("column", "columns").collect();
                let names = columns.iter().filter_map(|column| self.name(column, "name")).map(|name| quote(&name, self.dialect));
                let names: Vec<String> = names.collect();
                let values: Vec<String> =
                    columns.iter().map(|column| self.value(column, "value").unwrap_or("NULL".into())).collect();
                gone(Change::Sql(format!("INSERT INTO {} ({}) VALUES ({})", table()?, names.join(", "), values.join(", "))))
            }
            "update" => {
                let mut set = Vec::new();
                for column in node.all("column", "columns") {
                    let value = self.value(column, "value").unwrap_or("NULL".into());
                    set.push(format!("{} = {value}", quote(&self.name(column, "name")?, self.dialect)));
                }
                gone(Change::Sql(format!("UPDATE {} SET {}{}", table()?, set.join(", "), self.filter(node))))
            }
            "delete" => gone(Change::Sql(format!("DELETE FROM {}{}", table()?, self.filter(node)))),
            "loadData" => gone(Change::Sql(format!("INSERT INTO {} SELECT 1", table()?))),
            "loadUpdateData" => {
                let head = format!("loadUpdateData {}", self.table(node)?);
                gone(opaque(&head, "rows of a file overwrite those with the same key"))
            }
            "addLookupTable" => self.lookup_table(node),
            "mergeColumns" => self.merge_columns(node),
            "dropAllForeignKeyConstraints" => {
                gone(opaque("DROP all foreign keys", "which keys the table has is asked at run time"))
            }
            "stop" => gone(Change::Harmless),
            "executeCommand" | "customChange" => gone(opaque(&node.name, "a program that is not read")),
            _ => None,
        }
    }

    /// `<where>`, its parameters filled in.
    fn filter(&self, node: &Node) -> String {
        let Some(filter) = node.value("where").map(str::trim).filter(|text| !text.is_empty()) else { return String::new() };
        let mut text = filter.to_owned();
        for param in node.all("param", "whereParams") {
            let value = self.value(param, "value").unwrap_or("NULL".into());
            let name = param.value("name").map_or(":value".to_owned(), |name| format!(":{name}"));
            text = text.replacen(&name, &value, 1);
        }
        format!(" WHERE {text}")
    }

    /// Values of a column become rows of a new table, which it then refers to.
    fn lookup_table(&self, node: &Node) -> Option<Vec<Item>> {
        let named = |key: &str| self.name(node, key);
        let quoted = |name: &str| quote(name, self.dialect);
        let (table, column) = (named("existingTableName")?, named("existingColumnName")?);
        let (new, new_column) = (named("newTableName")?, named("newColumnName")?);
        let copy = format!(
            "CREATE TABLE {} AS SELECT DISTINCT {} AS {} FROM {} WHERE {} IS NOT NULL",
            quoted(&new),
            quoted(&column),
            quoted(&new_column),
            quoted(&table),
            quoted(&column)
        );
        let name = named("constraintName").unwrap_or_else(|| format!("fk_{table}_{new}"));
        let reference = Reference { table: new.clone(), columns: vec![new_column.clone()], ..Reference::default() };
        let foreign =
            Constraint { name: Some(name.clone()), kind: ConstraintKind::ForeignKey(vec![column], reference), not_valid: false };
        let primary = Constraint { name: None, kind: ConstraintKind::PrimaryKey(vec![new_column.clone()]), not_valid: false };
        let undo = vec![
            Change::DropForeignKey { table: table.clone(), name },
            Change::DropTable { table: new.clone(), if_exists: false, cascade: false },
        ];
        let none = |change| Item { line: node.line, change, undo: Undo::Nothing };
        Some(vec![
            Item::with(node.line, Change::Sql(copy), undo),
            none(Change::SetNotNull { table: new.clone(), column: new_column, not_null: true }),
            none(Change::AddConstraint { table: new, constraint: primary }),
            none(Change::AddConstraint { table, constraint: foreign }),
        ])
    }

    fn merge_columns(&self, node: &Node) -> Option<Vec<Item>> {
        let table = self.table(node)?;
        let [first, second, merged] = ["column1Name", "column2Name", "finalColumnName"].map(|key| self.name(node, key));
        let (first, second, merged) = (first?, second?, merged?);
        let quoted = |name: &str| quote(name, self.dialect);
        let between = literal(node.value("joinString").unwrap_or(""), self.dialect);
        let text = match self.dialect.is_mysql() {
            true => format!("CONCAT_WS({between}, {}, {})", quoted(&first), quoted(&second)),
            false => format!("{} || {between} || {}", quoted(&first), quoted(&second)),
        };
        let update = format!("UPDATE {} SET {} = {text}", quote_name(&table, self.dialect), quoted(&merged));
        let sql_type = sql_type(node.value("finalColumnType")?, self.dialect).0;
        let column = Column { name: merged, sql_type, ..Column::default() };
        let drop = |column| Change::DropColumn { table: table.clone(), column, if_exists: false };
        let changes = [
            Change::AddColumn { table: table.clone(), column, if_not_exists: false },
            Change::Sql(update),
            drop(first),
            drop(second),
        ];
        Some(changes.into_iter().map(|change| Item::never(node.line, change, NO_INVERSE)).collect())
    }
}

/// The condition alone, without its word and parentheses.
fn strip_check(text: &str) -> String {
    let text = text.trim();
    let text = text.get(..5).filter(|word| word.eq_ignore_ascii_case("check")).map_or(text, |_| text[5..].trim());
    let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
    let mut depth = 0i32;
    let balanced = |inner: &&str| {
        inner.chars().all(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth >= 0
        })
    };
    inner.filter(balanced).unwrap_or(text).to_owned()
}
