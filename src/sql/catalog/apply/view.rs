//! Views, bound to what they read when they are made.

use std::sync::Arc;

use super::Replay;
use crate::sql::catalog::model::{Column, Relation, RelationId, RelationKind, ViewDefinition};
use crate::sql::effect::By;
use crate::sql::expression::{Output, Query};
use crate::sql::name::{Ident, Name};
use crate::sql::statement::CreateView;

impl Replay {
    pub(super) fn create_view(&mut self, create: &CreateView) {
        self.mark.by = By::ChangeView;
        let name = self.scope().created(&create.name);
        let existing = self.catalog.named(&name).cloned();
        if existing.is_some() && (create.if_not_exists || !create.or_replace) {
            return;
        }
        let kind = if create.materialized { RelationKind::MaterializedView } else { RelationKind::View };
        let id = existing.as_ref().map_or_else(|| self.fresh_relation(), |view| view.id);
        let mut view = Relation::new(id, name, kind);
        view.columns = self.view_columns(create, existing.as_deref());
        view.populated = !create.with_no_data;
        view.temporary = create.temporary;
        let definition = self.view_definition(&create.query, create.check_option);
        view.open = !definition.resolved;
        view.view = Some(Arc::new(definition));
        if let Some(old) = existing {
            view.triggers.clone_from(&old.triggers);
            view.guards.clone_from(&old.guards);
            view.rules.clone_from(&old.rules);
        }
        if create.temporary {
            self.session.temporary.push(id);
        }
        self.catalog.insert(view);
        self.touch_relation(id);
    }

    fn view_columns(&mut self, create: &CreateView, existing: Option<&Relation>) -> Vec<Column> {
        let given = self.scope().outputs(&create.query);
        let mut columns = Vec::new();
        for (at, output) in given.iter().enumerate() {
            let name = create.columns.get(at).or(output.name.as_ref()).cloned();
            let name = name.unwrap_or_else(|| Ident::stored(self.catalog.dialect, "?column?"));
            let known = existing.and_then(|view| view.column(&name)).map(|column| column.id);
            let id = known.unwrap_or_else(|| self.fresh_column());
            let data_type = output.cast.clone().or_else(|| output.data_type.clone());
            columns.push(Column { data_type, source: output.source.filter(|_| output.cast.is_none()), ..Column::new(id, name) });
        }
        columns
    }

    fn view_definition(&self, query: &Query, check_option: bool) -> ViewDefinition {
        let (relations, columns, resolved) = self.scope().columns_of(query);
        let stars_known = query.outputs.iter().all(|output| !matches!(output, Output::Star { .. })) || resolved;
        ViewDefinition {
            query: query.clone(),
            relations,
            columns,
            writes_to: self.written_through(query),
            check_option,
            resolved: resolved && stars_known,
        }
    }

    /// The table that a simple view of one table passes writes on to.
    fn written_through(&self, query: &Query) -> Option<RelationId> {
        if query.combined || query.from.len() != 1 || query.guessed {
            return None;
        }
        let table = self.scope().find(query.from[0].table.as_ref()?)?;
        match &table.view {
            Some(view) => view.writes_to,
            None => Some(table.id),
        }
    }

    pub(super) fn refresh_view(&mut self, name: &Name, with_no_data: bool) {
        let Some(id) = self.find(name) else { return };
        if with_no_data {
            self.set_option(id, By::RefreshView, |view| view.populated = false);
        } else {
            self.catalog.edit(id, |view| view.populated = true);
        }
    }

    pub(super) fn drop_views(&mut self, views: &[Name], if_exists: bool, cascade: bool) {
        self.mark.by = By::DropView;
        if !cascade && self.binds_by_id() {
            self.refuse_drop_of_tables(views);
        }
        for name in views {
            let known = self.find(name);
            let id = known.or_else(|| if if_exists { None } else { self.assumed_view(name) });
            let is_view = |id: &RelationId| self.catalog.relation(*id).is_some_and(|relation| relation.is_view());
            if let Some(id) = id.filter(is_view) {
                self.drop_relation(id, cascade);
            }
        }
    }

    fn assumed_view(&mut self, name: &Name) -> Option<RelationId> {
        let id = self.target(name, false)?;
        self.catalog.edit(id, |relation| relation.kind = RelationKind::View);
        Some(id)
    }
}
