//! What every part of the comparison asks: who changed something last, and where values are at the end.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::sql::catalog::log::{Action, Copied, Destruction, Key, Mark};
use crate::sql::catalog::{Catalog, Column, ColumnId, Relation, RelationId, Step};
use crate::sql::effect::{By, Certainty, Effect, EffectKind, Target};
use crate::sql::expression::DataType;
use crate::sql::name::{Ident, Name};
use crate::sql::statement::TypeDefinition;
use crate::sql::types::{UserType, UserTypes};

/// Copies of copies are followed this far: far more than rebuilds of one table in one migration.
const DEPTH: u32 = 256;

pub(super) struct Context<'a> {
    pub step: &'a Step,
    touches: BTreeMap<&'a Key, Mark>,
    copies: BTreeMap<ColumnId, Vec<(usize, &'a Copied)>>,
    hits: BTreeMap<ColumnId, Vec<(usize, &'a Destruction)>>,
    /// What was found before: many copies may lead to the same one. By column, and the span of the log that copies were looked for in.
    places: RefCell<BTreeMap<(ColumnId, usize, usize), Option<Place>>>,
    last: Mark,
}

/// Where values of a column are in the end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub column: ColumnId,
    pub certainty: Certainty,
}

impl<'a> Context<'a> {
    pub fn new(step: &'a Step) -> Self {
        let mut context = Context {
            step,
            touches: BTreeMap::new(),
            copies: BTreeMap::new(),
            hits: BTreeMap::new(),
            places: RefCell::default(),
            last: Mark { migration: 0, statement: 0, line: 0, by: By::Unparsed, cap: Certainty::Certain },
        };
        for (at, event) in step.log.iter().enumerate() {
            context.last = event.mark;
            match &event.action {
                Action::Touch(key) => {
                    context.touches.insert(key, event.mark);
                }
                Action::Copy(copy) => context.copies.entry(copy.from).or_default().push((at, copy)),
                Action::Destroy(destruction) => {
                    for column in &destruction.columns {
                        context.hits.entry(*column).or_default().push((at, destruction));
                    }
                }
                _ => {}
            }
        }
        context
    }

    pub fn before(&self) -> &'a Catalog {
        &self.step.before
    }

    pub fn after(&self) -> &'a Catalog {
        &self.step.after
    }

    /// The statement that changed the first of these that was changed.
    pub fn mark(&self, keys: &[Key]) -> Mark {
        keys.iter().find_map(|key| self.touches.get(key)).copied().unwrap_or(self.last)
    }

    pub fn has_mark(&self, key: &Key) -> bool {
        self.touches.contains_key(key)
    }

    /// Where the values that a column has at a place in the log are at the end: a copy made before, of the same rows.
    pub fn place(&self, column: ColumnId, at: usize, condition: Option<&str>) -> Option<Place> {
        self.place_since(column, 0, at, condition, 0)
    }

    /// Of copies made from `since` on: those before that took other values.
    fn place_since(&self, column: ColumnId, since: usize, at: usize, condition: Option<&str>, depth: u32) -> Option<Place> {
        if depth > DEPTH {
            return None;
        }
        let copies = self.copies.get(&column).into_iter().flatten().filter(|(made, _)| (since..at).contains(made));
        let covering = copies.filter(|(made, copy)| covers(copy, condition) || self.takes_all_old_rows(*made, copy));
        covering.filter_map(|(made, copy)| self.kept(copy, *made, depth)).max_by_key(|place| place.certainty)
    }

    fn place_again(&self, column: ColumnId, since: usize, at: usize, depth: u32) -> Option<Place> {
        let key = (column, since, at);
        if let Some(found) = self.places.borrow().get(&key) {
            return found.clone();
        }
        let found = self.place_since(column, since, at, None, depth);
        self.places.borrow_mut().insert(key, found.clone());
        found
    }

    /// Whether all values that the column had at the beginning were written over before, and none put back.
    pub fn was_emptied(&self, column: ColumnId, at: usize) -> bool {
        let all = |hit: &Destruction| hit.condition.is_none() && hit.certainty == Certainty::Certain;
        let hits = self.hits.get(&column).into_iter().flatten();
        let Some(first) = hits.filter(|(made, hit)| *made < at && all(hit)).map(|(made, _)| *made).next() else { return false };
        let put_back = |made: &usize, copy: &Copied| copy.to == column && (first..at).contains(made);
        !self.copies.values().flatten().any(|(made, copy)| put_back(made, copy))
    }

    /// The copy itself if it is there at the end, or a copy of it.
    fn kept(&self, copy: &Copied, made: usize, depth: u32) -> Option<Place> {
        let mut hits = self.hits.get(&copy.to).into_iter().flatten().filter(|(at, _)| *at > made);
        let place = match hits.next() {
            None => self.after().column(copy.to).map(|_| Place { column: copy.to, certainty: Certainty::Certain }),
            Some((at, _)) => self.place_again(copy.to, made + 1, *at, depth + 1),
        }?;
        Some(Place { certainty: place.certainty.min(copy.complete), ..place })
    }

    /// A column that some, but perhaps not all values were copied to.
    pub fn is_partly_copied(&self, column: ColumnId, at: usize) -> bool {
        self.copies.get(&column).into_iter().flatten().any(|(made, copy)| *made < at && self.after().column(copy.to).is_some())
    }

    /// Whether values of a column were written over, or its rows taken, before a place in the log.
    pub fn is_hit(&self, column: ColumnId, at: usize) -> bool {
        self.hits.get(&column).into_iter().flatten().any(|(made, _)| *made < at)
    }

    /// The copy that all values of a column came from, and its place in the log.
    pub fn only_copy_to(&self, column: ColumnId, at: usize) -> Option<(usize, &'a Copied)> {
        let all = self.copies.values().flatten();
        let mut to = all.filter(|(made, copy)| *made < at && copy.to == column);
        to.next().copied().filter(|_| to.next().is_none()).filter(|(_, copy)| !copy.partial)
    }

    /// Whether the values of an old column are the ones of a new one.
    pub fn same_values(&self, old: &Column, new: &Column) -> bool {
        let here = new.source.unwrap_or(new.id);
        let origin = old.source.unwrap_or(old.id);
        let moved = || self.place(old.id, usize::MAX, None).is_some_and(|place| place.column == here);
        old.id == new.id || origin == here || moved()
    }

    pub fn effect(&self, kind: EffectKind, object: Target, mark: Mark, certainty: Certainty, why: impl Into<String>) -> Effect {
        Effect {
            kind,
            object,
            to: None,
            by: mark.by,
            certainty: certainty.min(mark.cap),
            migration: mark.migration,
            statement: mark.statement,
            line: mark.line,
            why: why.into(),
        }
    }

    /// The old name of a relation that was there before.
    pub fn old_relation(&self, id: RelationId) -> Option<&'a Relation> {
        self.before().relation(id).map(|relation| &**relation)
    }
}

/// A copy of all rows covers any; one with a condition those that the same condition selects.
fn covers(copy: &Copied, condition: Option<&str>) -> bool {
    let same = || condition.is_some() && copy.condition.as_deref() == condition;
    !copy.partial && (copy.condition.is_none() || same())
}

pub(super) fn relation_target(relation: &Relation) -> Target {
    Target { relation: relation.name.clone(), column: None }
}

pub(super) fn column_target(relation: &Relation, column: &Ident) -> Target {
    Target { relation: relation.name.clone(), column: Some(column.clone()) }
}

pub(super) fn named_target(name: &Name) -> Target {
    Target { relation: name.clone(), column: None }
}

/// The types that a catalog defines.
pub(in crate::sql) struct CatalogTypes<'a>(pub &'a Catalog);

impl UserTypes for CatalogTypes<'_> {
    fn find(&self, name: &Name) -> Option<UserType> {
        let default = self.0.dialect.default_schema();
        let schema = name.schema.clone().filter(|schema| schema.key() != default);
        let object = self.0.types.get(&Name { schema, name: name.name.clone() })?;
        Some(match &object.definition {
            TypeDefinition::Enum(labels) => UserType::Enum(labels.clone()),
            TypeDefinition::Domain { base, checks, not_null, .. } => {
                UserType::Domain { base: DataType::clone(base), checked: *not_null || !checks.is_empty() }
            }
            TypeDefinition::Composite(_) => UserType::Composite,
            TypeDefinition::Other => return None,
        })
    }
}
