//! What names in queries and expressions stand for.

use std::sync::Arc;

use super::Catalog;
use super::model::{ColumnId, Relation, RelationId};
use crate::sql::expression::{ColumnRef, DataType, Expr, Output, Query, Shape, Source};
use crate::sql::name::{Ident, Name};

/// Queries are followed this deep into their subqueries.
const DEPTH: usize = 16;

/// Columns of one query that are followed; PostgreSQL allows 1664 (`MaxTupleAttributeNumber` in htup_details.h), MySQL 4096.
const MOST_COLUMNS: usize = 5_000;

/// Sources whose columns are looked for by name.
const MOST_SOURCES: usize = 1_000;

/// A column that a query gives.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub name: Option<Ident>,
    /// The column whose values these are.
    pub source: Option<ColumnId>,
    /// It comes from the first table, so that no row of that is left out by a join.
    pub first: bool,
    /// A cast stands around it, or a function that keeps what is not NULL.
    pub cast: Option<DataType>,
    /// The type it has in its table.
    pub data_type: Option<DataType>,
}

/// A catalog, seen with a search path.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub catalog: &'a Catalog,
    pub path: &'a [Ident],
}

/// A table in FROM, with the name it goes by there.
struct Bound {
    name: Option<Ident>,
    columns: Vec<Given>,
}

impl<'a> Scope<'a> {
    /// `name` without the default schema.
    pub fn canonical(&self, name: &Name) -> Name {
        let default = self.catalog.dialect.default_schema();
        let schema = name.schema.clone().filter(|schema| schema.key() != default);
        Name { schema, name: name.name.clone() }
    }

    /// The name that something created as `name` gets.
    pub fn created(&self, name: &Name) -> Name {
        let schema = name.schema.clone().or_else(|| self.path.first().cloned());
        self.canonical(&Name { schema, name: name.name.clone() })
    }

    /// What `name` can stand for, best first.
    pub fn candidates(&self, name: &Name) -> Vec<Name> {
        if name.schema.is_some() || self.path.is_empty() {
            return vec![self.canonical(name)];
        }
        let qualified = |schema: &Ident| self.canonical(&Name { schema: Some(schema.clone()), name: name.name.clone() });
        self.path.iter().map(qualified).collect()
    }

    pub fn find(&self, name: &Name) -> Option<&'a Arc<Relation>> {
        self.candidates(name).iter().find_map(|name| self.catalog.named(name))
    }

    pub fn find_id(&self, name: &Name) -> Option<RelationId> {
        self.find(name).map(|relation| relation.id)
    }

    /// The columns that a query gives.
    pub fn outputs(&self, query: &Query) -> Vec<Given> {
        self.outputs_at(query, 0)
    }

    fn outputs_at(&self, query: &Query, depth: usize) -> Vec<Given> {
        let bound = self.bound(query, depth);
        query.outputs.iter().flat_map(|output| given(output, &bound)).take(MOST_COLUMNS).collect()
    }

    /// The sources of a query. Each can have as many columns as the query before it, and stand here as often as it is named.
    fn bound(&self, query: &Query, depth: usize) -> Vec<Bound> {
        let mut columns = 0;
        let mut bound = Vec::new();
        for source in &query.from {
            if columns > MOST_COLUMNS {
                break;
            }
            bound.push(self.bind(source, depth));
            columns += bound.last().map_or(0, |source: &Bound| source.columns.len());
        }
        bound
    }

    fn bind(&self, source: &Source, depth: usize) -> Bound {
        let relation = source.table.as_ref().and_then(|table| self.find(table));
        let subquery = source.query.as_ref().filter(|_| depth < DEPTH).map(|query| self.outputs_at(query, depth + 1));
        let own = |relation: &Arc<Relation>| relation.columns.iter().map(own_column).collect();
        Bound {
            name: source.alias.clone().or_else(|| source.table.as_ref().map(|table| table.name.clone())),
            columns: relation.map(own).or(subquery).unwrap_or_default(),
        }
    }

    /// The column of these relations that a reference means.
    pub fn column(&self, reference: &ColumnRef, relations: &[(Option<Ident>, RelationId)]) -> Option<ColumnId> {
        let fits = |name: &Option<Ident>| reference.qualifier.is_none() || *name == reference.qualifier;
        let candidates = relations.iter().filter(|(name, _)| fits(name));
        candidates
            .filter_map(|(_, id)| self.catalog.relation(*id))
            .find_map(|relation| relation.column(&reference.column))
            .map(|column| column.id)
    }

    /// All columns that a query names, of the relations that it reads.
    pub fn columns_of(&self, query: &Query) -> (Vec<RelationId>, Vec<ColumnId>, bool) {
        let found: Vec<Option<RelationId>> = query.tables.iter().map(|table| self.find_id(table)).collect();
        let relations: Vec<RelationId> = found.iter().flatten().copied().collect();
        let mut named: Vec<(Option<Ident>, RelationId)> = Vec::new();
        self.named_sources(query, &mut named, 0);
        for (table, id) in query.tables.iter().zip(&found) {
            named.extend(id.map(|id| (Some(table.name.clone()), id)));
        }
        let mut columns: Vec<ColumnId> = query.columns.iter().filter_map(|column| self.column(column, &named)).collect();
        columns.extend(self.outputs(query).iter().filter_map(|given| given.source));
        columns.sort_unstable();
        columns.dedup();
        (relations, columns, found.iter().all(Option::is_some) && !query.guessed)
    }

    fn named_sources(&self, query: &Query, into: &mut Vec<(Option<Ident>, RelationId)>, depth: usize) {
        for source in query.from.iter().filter(|_| depth < DEPTH) {
            if into.len() > MOST_SOURCES {
                return;
            }
            if let Some(id) = source.table.as_ref().and_then(|table| self.find_id(table)) {
                into.push((source.alias.clone().or_else(|| source.table.as_ref().map(|table| table.name.clone())), id));
            }
            if let Some(inner) = &source.query {
                self.named_sources(inner, into, depth + 1);
            }
        }
    }
}

fn own_column(column: &super::model::Column) -> Given {
    Given {
        name: Some(column.name.clone()),
        source: column.source.or(Some(column.id)),
        first: true,
        cast: None,
        data_type: column.data_type.clone(),
    }
}

/// One output of a query, a star as all that it stands for.
fn given(output: &Output, bound: &[Bound]) -> Vec<Given> {
    match output {
        Output::Star { qualifier } => {
            let fits = |source: &&(usize, &Bound)| qualifier.is_none() || source.1.name == *qualifier;
            let sources: Vec<(usize, &Bound)> = bound.iter().enumerate().collect();
            sources
                .iter()
                .filter(fits)
                .flat_map(|(at, source)| source.columns.iter().map(|column| in_place(column, *at)))
                .collect()
        }
        Output::Column { name, value } => {
            let (column, cast) = carried(value);
            let found = column.and_then(|column| find(column, bound));
            let name = name.clone().or_else(|| value.as_column().map(|column| column.column.clone()));
            let (source, first, data_type) =
                found.map_or((None, false, None), |given| (given.source, given.first, given.data_type));
            vec![Given { name, source, first, cast, data_type }]
        }
    }
}

fn in_place(given: &Given, at: usize) -> Given {
    Given { first: given.first && at == 0, ..given.clone() }
}

fn find(column: &ColumnRef, bound: &[Bound]) -> Option<Given> {
    let fits = |source: &Bound| column.qualifier.is_none() || source.name == column.qualifier;
    let sources = bound.iter().enumerate().filter(|(_, source)| fits(source));
    let named = |source: &Bound| source.columns.iter().find(|given| given.name.as_ref() == Some(&column.column)).cloned();
    sources.filter_map(|(at, source)| named(source).map(|given| in_place(&given, at))).next()
}

/// The column whose values an expression carries whole, and the type it casts them to: the column itself, a cast of it, or
/// COALESCE with it in front, which changes NULLs only.
pub(super) fn carried(value: &Expr) -> (Option<&ColumnRef>, Option<DataType>) {
    match &value.shape {
        Shape::Column(column) => (Some(column), None),
        Shape::Cast { inner, to } => (carried(inner).0, Some(to.clone())),
        Shape::Call { function, arguments } if matches!(function.name.key(), "coalesce" | "ifnull" | "nvl" | "isnull") => {
            arguments.first().map_or((None, None), carried)
        }
        _ => (None, None),
    }
}
