//! Objects that statements mean though their creation was never seen.

use super::Replay;
use crate::sql::catalog::model::{Column, ColumnId, Relation, RelationId, RelationKind};
use crate::sql::catalog::step::{Assumption, assume_column};
use crate::sql::name::{Ident, Name};

impl Replay {
    /// The relation that a statement changes. One that is not there was made by something that was not understood, unless the
    /// statement allows for its absence.
    pub(super) fn target(&mut self, name: &Name, if_exists: bool) -> Option<RelationId> {
        if let Some(id) = self.find(name) {
            return Some(id);
        }
        if (if_exists || self.conditional) && self.complete {
            return None;
        }
        Some(self.find_in_any_schema(name).unwrap_or_else(|| self.assume_table(name)))
    }

    pub(super) fn target_column(&mut self, relation: RelationId, name: &Ident, if_exists: bool) -> Option<ColumnId> {
        let known = self.catalog.relation(relation)?;
        if let Some(column) = known.column(name) {
            return Some(column.id);
        }
        if (if_exists || self.conditional) && self.complete && !known.open {
            return None;
        }
        Some(self.assume_column(relation, name))
    }

    /// A search path that was set by an earlier connection can make a bare name mean a table elsewhere, if there is just one.
    fn find_in_any_schema(&self, name: &Name) -> Option<RelationId> {
        if name.schema.is_some() {
            return None;
        }
        let mut fits = self.catalog.names.iter().filter(|(known, _)| known.name == name.name).map(|(_, id)| *id);
        fits.next().filter(|_| fits.next().is_none())
    }

    fn assume_table(&mut self, name: &Name) -> RelationId {
        let id = self.fresh_relation();
        let mut relation = Relation::new(id, self.scope().created(name), RelationKind::Table);
        relation.open = true;
        let name_is_free = !self.before.names.contains_key(&relation.name);
        if name_is_free {
            self.before.insert(relation.clone());
        }
        self.session.each_snapshot(|catalog| catalog.insert(relation.clone()));
        self.catalog.insert(relation);
        self.assumed.push(Assumption::Relation(id));
        id
    }

    fn assume_column(&mut self, relation: RelationId, name: &Ident) -> ColumnId {
        let id = self.fresh_column();
        let column = Column { assumed: true, ..Column::new(id, name.clone()) };
        assume_column(&mut self.before, relation, &column);
        self.session.each_snapshot(|catalog| assume_column(catalog, relation, &column));
        assume_column(&mut self.catalog, relation, &column);
        self.assumed.push(Assumption::Column(relation, column));
        id
    }
}
