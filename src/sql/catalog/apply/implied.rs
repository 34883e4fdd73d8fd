//! Indexes that MySQL makes for foreign keys, and names that are taken already.

use std::sync::Arc;

use super::Replay;
use super::constraint::MANY;
use crate::sql::catalog::model::{ColumnId, Guard, GuardKind, Relation, RelationId};
use crate::sql::dialect::Dialect;
use crate::sql::name::{Ident, Name};

impl Replay {
    /// A foreign key needs an index that begins with its columns. One that is missing is made, under the name of the constraint or
    /// of the first column, and stays when the key goes (MySQL manual, "FOREIGN KEY Constraints", "Conditions and Restrictions").
    pub(super) fn imply_index(&mut self, id: RelationId, key: &Guard, written: Option<&Ident>) {
        let Some(relation) = self.with_few_guards(id).filter(|_| self.catalog.dialect.is_mysql()) else { return };
        if key.columns.is_empty() || relation.guards.iter().any(|guard| leads(guard, &key.columns)) {
            return;
        }
        let names: Vec<Ident> =
            key.columns.iter().filter_map(|id| relation.column_by_id(*id)).map(|column| column.name.clone()).collect();
        let text = names.iter().map(Ident::key).collect::<Vec<_>>().join(" , ");
        let kind = GuardKind::Index { text, fulltext: false };
        let name = written.cloned().or_else(|| names.first().cloned()).filter(|name| !has_key(relation, name));
        if name.is_some() {
            let index = Guard { name, kind, is_index: true, implied: true, ..key.clone() };
            self.catalog.edit(id, |relation| relation.guards.push(index));
        }
    }

    /// An index that was made for a foreign key gives way to one that does as well.
    pub(super) fn drop_implied(&mut self, id: RelationId, guard: &Guard) {
        let gives_way = |known: &Guard| known.implied && leads(guard, &known.columns);
        if self.with_few_guards(id).is_some_and(|relation| relation.guards.iter().any(gives_way)) {
            self.catalog.edit(id, |relation| relation.guards.retain(|known| !gives_way(known)));
        }
    }

    /// Each new guard is held against all others, which only a hostile script makes many.
    fn with_few_guards(&self, id: RelationId) -> Option<&Arc<Relation>> {
        self.catalog.relation(id).filter(|relation| relation.guards.len() <= MANY)
    }

    /// Names of indexes are a table's own in MySQL and a schema's elsewhere, names of other constraints a table's own but those of
    /// MySQL's foreign keys.
    pub(super) fn refuse_taken_name(&mut self, id: RelationId, guard: &Guard) {
        let (Some(name), Some(relation)) = (&guard.name, self.with_few_guards(id)) else { return };
        let twin = |known: &&Guard| known.name.as_ref() == Some(name) && is_key(known) == is_key(guard) && !known.implied;
        let here = relation.guards.iter().find(twin).is_some_and(|known| known.kind != GuardKind::Primary);
        let named = Name { schema: relation.name.schema.clone(), name: name.clone() };
        let elsewhere = || {
            let owner = self.catalog.indexes.get(&named).and_then(|owner| self.catalog.relation(*owner));
            owner.is_some_and(|owner| owner.guards.iter().any(|known| twin(&known)))
        };
        let taken = match self.catalog.dialect {
            Dialect::PostgreSql => here || (is_key(guard) && elsewhere()),
            Dialect::Sqlite => guard.is_index && elsewhere(),
            dialect => dialect.is_mysql() && (here || (is_named_key(guard) && elsewhere())),
        };
        if taken {
            let why = format!("there is an index or a constraint {name} already");
            self.refused(why);
        }
    }
}

/// A foreign key with a name of its own; MySQL makes up others after the table, and anew when that is renamed.
pub(super) fn is_named_key(guard: &Guard) -> bool {
    let made_up = |name: &Ident| name.key().contains("_ibfk_");
    matches!(guard.kind, GuardKind::Foreign { .. }) && guard.name.as_ref().is_some_and(|name| !made_up(name))
}

/// An index or a constraint that has one.
pub(super) fn is_key(guard: &Guard) -> bool {
    !matches!(guard.kind, GuardKind::Check { .. } | GuardKind::Foreign { .. })
}

pub(super) fn has_key(relation: &Relation, name: &Ident) -> bool {
    relation.guards.iter().any(|guard| is_key(guard) && guard.name.as_ref() == Some(name))
}

/// Whether an index begins with these columns, whole.
pub(super) fn leads(guard: &Guard, columns: &[ColumnId]) -> bool {
    let whole = match &guard.kind {
        GuardKind::Primary => true,
        GuardKind::Unique { expressions, .. } => expressions.is_empty(),
        GuardKind::Index { fulltext, .. } => !fulltext,
        _ => false,
    };
    whole && guard.columns.starts_with(columns)
}
