//! Transactions and the settings of a connection.

use super::Replay;
use crate::sql::catalog::Catalog;
use crate::sql::catalog::model::RelationId;
use crate::sql::dialect::Dialect;
use crate::sql::name::Ident;
use crate::sql::statement::{Op, Transaction};

/// What one connection remembers between statements.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub search_path: Vec<Ident>,
    /// Strict SQL mode (MySQL), where it was set.
    pub strict: Option<bool>,
    /// FOREIGN_KEY_CHECKS, PRAGMA foreign_keys, where it was set.
    pub foreign_keys: Option<bool>,
    pub temporary: Vec<RelationId>,
    snapshots: Vec<Snapshot>,
}

#[derive(Clone, Debug)]
struct Snapshot {
    /// None for the transaction itself.
    name: Option<Ident>,
    catalog: Catalog,
    log: usize,
}

impl Session {
    pub fn new(dialect: Dialect) -> Self {
        Session {
            search_path: default_path(dialect),
            strict: None,
            foreign_keys: None,
            temporary: Vec::new(),
            snapshots: Vec::new(),
        }
    }

    pub fn each_snapshot(&mut self, mut change: impl FnMut(&mut Catalog)) {
        self.snapshots.iter_mut().for_each(|snapshot| change(&mut snapshot.catalog));
    }
}

fn default_path(dialect: Dialect) -> Vec<Ident> {
    let default = dialect.default_schema();
    if default.is_empty() { Vec::new() } else { vec![Ident::stored(dialect, default)] }
}

impl Replay {
    pub(super) fn transaction(&mut self, transaction: &Transaction) {
        match transaction {
            Transaction::Begin => {
                self.session.snapshots.clear();
                self.snapshot(None);
            }
            Transaction::Commit => self.session.snapshots.clear(),
            Transaction::Rollback => {
                self.session.snapshots.truncate(1);
                self.restore();
                self.session.snapshots.clear();
            }
            Transaction::Savepoint(name) => self.snapshot(Some(name.clone())),
            Transaction::RollbackTo(name) => self.roll_back_to(name),
            Transaction::Release(name) => {
                if let Some(at) = self.savepoint(name) {
                    self.session.snapshots.truncate(at);
                }
            }
        }
    }

    fn snapshot(&mut self, name: Option<Ident>) {
        self.session.snapshots.push(Snapshot { name, catalog: self.catalog.clone(), log: self.log.len() });
    }

    fn savepoint(&self, name: &Ident) -> Option<usize> {
        self.session.snapshots.iter().rposition(|snapshot| snapshot.name.as_ref() == Some(name))
    }

    fn roll_back_to(&mut self, name: &Ident) {
        if let Some(at) = self.savepoint(name) {
            self.session.snapshots.truncate(at + 1);
            self.restore();
        }
    }

    fn restore(&mut self) {
        if let Some(snapshot) = self.session.snapshots.last() {
            self.catalog = snapshot.catalog.clone();
            self.log.truncate(snapshot.log);
        }
    }

    /// DDL of MySQL and Oracle commits what came before, and is not rolled back itself (MySQL manual, "Statements That Cause an
    /// Implicit Commit").
    pub(super) fn commit_implicitly(&mut self, op: &Op) {
        let commits = self.catalog.dialect.is_mysql() || self.catalog.dialect == Dialect::Oracle;
        if commits && !self.session.snapshots.is_empty() && is_ddl(op) {
            self.session.snapshots.clear();
        }
    }

    pub(super) fn set_variable(&mut self, variable: &str, values: &[String]) {
        match variable {
            "search_path" => self.set_search_path(values),
            "sql_mode" => {
                let strict = |value: &String| {
                    let value = value.to_ascii_uppercase();
                    value.contains("STRICT_") || value.contains("TRADITIONAL")
                };
                self.session.strict = Some(values.iter().any(strict));
            }
            "foreign_key_checks" | "foreign_keys" => {
                self.session.foreign_keys = values.first().map(|value| is_on(value));
            }
            _ => {}
        }
    }

    fn set_search_path(&mut self, values: &[String]) {
        let dialect = self.catalog.dialect;
        let names = values.iter().flat_map(|value| value.split(',')).map(|value| value.trim().trim_matches(['"', '\'']));
        let schemas = names.filter(|name| !name.is_empty() && *name != "$user" && !name.eq_ignore_ascii_case("default"));
        self.session.search_path = schemas.map(|name| Ident::stored(dialect, name)).collect();
        if self.session.search_path.is_empty() {
            self.session.search_path = default_path(dialect);
        }
    }

    /// Temporary tables go with the connection.
    pub(super) fn end_session(&mut self) {
        for id in std::mem::take(&mut self.session.temporary) {
            self.catalog.remove(id);
        }
    }
}

fn is_on(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "1" | "on" | "true" | "yes")
}

fn is_ddl(op: &Op) -> bool {
    !matches!(
        op,
        Op::Insert(_)
            | Op::Update(_)
            | Op::Delete(_)
            | Op::Select(_)
            | Op::Load { .. }
            | Op::Call { .. }
            | Op::Set { .. }
            | Op::Block { .. }
            | Op::Dynamic { .. }
            | Op::Transaction(_)
            | Op::Harmless
            | Op::Opaque { .. }
            | Op::SetSequence { .. }
    )
}
