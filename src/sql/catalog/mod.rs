//! The catalog that statements build when they are replayed, and the log of what happened on the way.
//!
//! Snapshots are O(1): maps are persistent and relations shared, so that the two ends of a step are compared only where they
//! differ.

pub mod apply;
#[cfg(test)]
mod hostile;
pub mod log;
pub mod model;
pub mod names;
mod resolve;
mod step;

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use crate::sql::dialect::Dialect;
use crate::sql::name::{Ident, Name};
pub use apply::Replay;
pub use model::{Column, ColumnId, Guard, GuardKind, Relation, RelationId, RelationKind};
use model::{Routine, TypeObject};
pub use step::Step;

/// All that is known of a database at one time.
#[derive(Clone, Debug)]
pub struct Catalog {
    pub dialect: Dialect,
    /// By name, without the default schema.
    pub names: OrdMap<Name, RelationId>,
    pub relations: OrdMap<RelationId, Arc<Relation>>,
    /// Views and materialised views.
    pub views: OrdSet<RelationId>,
    /// Tables with a foreign key to this one, or that had one.
    pub children: OrdMap<RelationId, OrdSet<RelationId>>,
    /// Partitions and inheriting tables of a table, or that were.
    pub parts: OrdMap<RelationId, OrdSet<RelationId>>,
    /// The relation of every column that was ever seen.
    pub owners: OrdMap<ColumnId, RelationId>,
    /// Sequences that go with a column.
    pub sequences: OrdMap<ColumnId, RelationId>,
    /// Tables that are gone while foreign keys still name them: the next table of that name takes their place.
    pub orphaned: OrdMap<Name, RelationId>,
    /// Indexes by name, where their names are unique in a schema.
    pub indexes: OrdMap<Name, RelationId>,
    /// Relations with triggers, or that had some.
    pub triggered: OrdSet<RelationId>,
    /// Triggers by name, where the engine finds them so.
    pub triggers: OrdMap<Ident, RelationId>,
    pub types: OrdMap<Name, Arc<TypeObject>>,
    /// Overloads of each name.
    pub routines: OrdMap<Name, Arc<Vec<Routine>>>,
    pub schemas: OrdSet<Ident>,
    pub extensions: OrdSet<Ident>,
}

impl Catalog {
    pub fn new(dialect: Dialect) -> Self {
        Catalog {
            dialect,
            names: OrdMap::new(),
            relations: OrdMap::new(),
            views: OrdSet::new(),
            children: OrdMap::new(),
            parts: OrdMap::new(),
            owners: OrdMap::new(),
            sequences: OrdMap::new(),
            orphaned: OrdMap::new(),
            indexes: OrdMap::new(),
            triggered: OrdSet::new(),
            triggers: OrdMap::new(),
            types: OrdMap::new(),
            routines: OrdMap::new(),
            schemas: OrdSet::new(),
            extensions: OrdSet::new(),
        }
    }

    pub fn relation(&self, id: RelationId) -> Option<&Arc<Relation>> {
        self.relations.get(&id)
    }

    /// The relation of a name without the default schema.
    pub fn named(&self, name: &Name) -> Option<&Arc<Relation>> {
        self.relations.get(self.names.get(name)?)
    }

    /// A column with the relation that it is in.
    pub fn column(&self, id: ColumnId) -> Option<(&Arc<Relation>, &Column)> {
        let relation = self.relations.get(self.owners.get(&id)?)?;
        Some((relation, relation.column_by_id(id)?))
    }

    /// Changes a relation in place, sharing none of it with older snapshots.
    pub(crate) fn edit<T>(&mut self, id: RelationId, change: impl FnOnce(&mut Relation) -> T) -> Option<T> {
        self.relations.get_mut(&id).map(|relation| change(Arc::make_mut(relation)))
    }

    pub(crate) fn insert(&mut self, relation: Relation) {
        self.names.insert(relation.name.clone(), relation.id);
        for column in &relation.columns {
            self.owners.insert(column.id, relation.id);
        }
        if relation.is_view() {
            self.views.insert(relation.id);
        }
        self.relations.insert(relation.id, Arc::new(relation));
    }

    pub(crate) fn remove(&mut self, id: RelationId) -> Option<Arc<Relation>> {
        let relation = self.relations.remove(&id)?;
        if self.names.get(&relation.name) == Some(&id) {
            self.names.remove(&relation.name);
        }
        self.views.remove(&id);
        Some(relation)
    }

    /// Tables with a foreign key to this one, with that key.
    pub fn references_to(&self, parent: RelationId) -> Vec<(Arc<Relation>, Guard)> {
        let children = self.children.get(&parent).into_iter().flatten();
        let relations = children.filter_map(|child| self.relation(*child));
        relations
            .flat_map(|child| {
                let keys = child.guards.iter().filter(move |guard| guard.references(parent));
                keys.map(|guard| (child.clone(), guard.clone())).collect::<Vec<_>>()
            })
            .collect()
    }
}

impl Guard {
    /// Whether an expression or the condition of an index names a column.
    pub fn is_over(&self, column: &Ident) -> bool {
        let names = |text: &str| text.split(' ').any(|word| word.trim_matches('"') == column.key());
        match &self.kind {
            GuardKind::Index { text, .. } => names(text),
            GuardKind::Unique { expressions, condition, .. } => expressions.iter().chain(condition).any(|text| names(text)),
            _ => false,
        }
    }

    /// A foreign key to this table.
    pub fn references(&self, parent: RelationId) -> bool {
        matches!(&self.kind, GuardKind::Foreign { table, .. } if *table == parent)
    }
}
