//! One migration, or a range of them: the catalog before and after, and what happened between.

use std::sync::Arc;

use super::Catalog;
use super::log::Event;
use super::model::{Column, Relation, RelationId};

/// The effect of some statements on a catalog.
#[derive(Clone, Debug)]
pub struct Step {
    pub before: Catalog,
    pub after: Catalog,
    pub log: Vec<Event>,
    /// What had to be there already for the statements to make sense, though its creation was never seen.
    pub(super) assumed: Vec<Assumption>,
}

#[derive(Clone, Debug)]
pub(super) enum Assumption {
    Relation(RelationId),
    Column(RelationId, Column),
}

impl Step {
    /// Consecutive steps as one; none gives none.
    pub fn join(steps: &[Step]) -> Option<Step> {
        let (first, last) = (steps.first()?, steps.last()?);
        let mut joined = Step {
            before: first.before.clone(),
            after: last.after.clone(),
            log: steps.iter().flat_map(|step| step.log.iter().cloned()).collect(),
            assumed: first.assumed.clone(),
        };
        for step in &steps[1..] {
            for assumption in &step.assumed {
                joined.assume(assumption, &step.before);
            }
        }
        Some(joined)
    }

    /// Tables and columns that the statements name and that nothing is known of.
    pub fn unknown(&self) -> Vec<String> {
        let name = |assumption: &Assumption| match assumption {
            Assumption::Relation(id) => self.before.relation(*id).map(|relation| relation.name.to_string()),
            Assumption::Column(id, column) => {
                let relation = self.before.relation(*id).filter(|relation| !relation.open);
                relation.map(|relation| format!("{}.{}", relation.name, column.name))
            }
        };
        self.assumed.iter().filter_map(name).collect()
    }

    /// This step and the one right before it as one.
    pub fn preceded_by(mut self, earlier: &Step) -> Step {
        let known = std::mem::replace(&mut self.before, earlier.before.clone());
        let assumed = std::mem::replace(&mut self.assumed, earlier.assumed.clone());
        for assumption in &assumed {
            self.assume(assumption, &known);
        }
        let later = std::mem::take(&mut self.log);
        self.log = earlier.log.iter().cloned().chain(later).collect();
        self
    }

    /// What a later step found to be there was there before the first one too.
    fn assume(&mut self, assumption: &Assumption, known: &Catalog) {
        match assumption {
            Assumption::Relation(id) if self.before.relation(*id).is_none() => {
                if let Some(relation) = known.relation(*id).filter(|relation| !self.before.names.contains_key(&relation.name)) {
                    self.before.insert(Relation::clone(relation));
                }
            }
            Assumption::Relation(_) => {}
            Assumption::Column(id, column) => assume_column(&mut self.before, *id, column),
        }
        self.assumed.push(assumption.clone());
    }
}

/// Adds a column to a relation that is there, unless it is there already.
pub(super) fn assume_column(catalog: &mut Catalog, id: RelationId, column: &Column) {
    let missing =
        |relation: &Arc<Relation>| relation.column_by_id(column.id).is_none() && relation.column(&column.name).is_none();
    if catalog.relation(id).is_some_and(missing) {
        catalog.owners.insert(column.id, id);
        catalog.edit(id, |relation| relation.columns.push(column.clone()));
    }
}
