//! ADD, DROP, RENAME and ALTER COLUMN.

use super::Replay;
use crate::sql::catalog::Guard;
use crate::sql::catalog::log::{Action, Destruction, Key};
use crate::sql::catalog::model::{Column, ColumnId, GuardKind, RelationId, RelationKind};
use crate::sql::dialect::Dialect;
use crate::sql::effect::{By, Certainty};
use crate::sql::effects::CatalogTypes;
use crate::sql::expression::{DataType, Expr};
use crate::sql::name::Ident;
use crate::sql::statement::{ColumnChange, ColumnDef, Generated, IdentityKind, Keeps, TableAction};
use crate::sql::types;

impl Replay {
    /// Whether the action was about a column.
    pub(super) fn alter_column_of(&mut self, id: RelationId, action: &TableAction) -> bool {
        match action {
            TableAction::AddColumn { column, if_not_exists, .. } => self.add_column(id, column, *if_not_exists),
            TableAction::DropColumn { column, if_exists, cascade } => self.drop_column(id, column, *if_exists, *cascade),
            TableAction::SetUnused { columns } => {
                columns.iter().for_each(|column| self.drop_column(id, column, false, true));
            }
            TableAction::RenameColumn { from, to } => self.rename_column(id, from, to),
            TableAction::AlterColumn { column, change, if_exists } => self.change_column(id, column, change, *if_exists),
            TableAction::RedefineColumn { from, column, keeps, if_exists } => {
                self.redefine_column(id, from, column, *keeps, *if_exists);
            }
            _ => return false,
        }
        true
    }

    fn add_column(&mut self, id: RelationId, definition: &ColumnDef, if_not_exists: bool) {
        self.mark.by = By::AddColumn;
        if self.catalog.relation(id).is_some_and(|relation| relation.column(&definition.name).is_some()) {
            if !if_not_exists {
                self.refused(format!("there is a column {} already", definition.name));
            }
            return;
        }
        self.new_column(id, definition);
        self.touch_relation(id);
        for constraint in &definition.constraints {
            self.add_constraint(id, constraint, true);
        }
        for child in self.parts_of(id) {
            if self.catalog.relation(child).is_some_and(|child| child.column(&definition.name).is_none()) {
                self.new_column(child, definition);
            }
        }
    }

    /// Partitions and inheriting tables, all the way down.
    pub(super) fn parts_of(&self, id: RelationId) -> Vec<RelationId> {
        let parts = self.catalog.parts.get(&id).into_iter().flatten().filter_map(|part| self.catalog.relation(*part));
        parts.filter(|part| part.partition_of == Some(id) || part.inherits.contains(&id)).map(|part| part.id).collect()
    }

    pub(super) fn drop_column(&mut self, id: RelationId, name: &Ident, if_exists: bool, cascade: bool) {
        self.mark.by = By::DropColumn;
        let Some(column) = self.target_column(id, name, if_exists) else { return };
        if !cascade {
            self.refuse_drop_of_column(id, column);
        }
        self.remove_column(id, column, cascade, "the column is dropped with all its values");
        for part in self.parts_of(id) {
            let inherited = self.catalog.relation(part).and_then(|part| part.column(name)).map(|column| column.id);
            if let Some(column) = inherited {
                self.remove_column(part, column, cascade, "the column is dropped with all its values");
            }
        }
    }

    pub(super) fn remove_column(&mut self, id: RelationId, column: ColumnId, cascade: bool, why: &str) {
        let Some(relation) = self.catalog.relation(id).cloned() else { return };
        let stores = relation.column_by_id(column).is_some_and(|column| column.generated.is_none());
        if stores && relation.is_table() {
            self.destroy(id, vec![column], false, None, Certainty::Certain, why);
        }
        self.touch(Key::Column(column));
        self.drop_guards_on(id, column);
        if cascade {
            self.drop_dependents_of_column(id, column);
        }
        self.drop_owned_sequence(column);
        self.catalog.edit(id, |relation| relation.columns.retain(|known| known.id != column));
    }

    /// PostgreSQL drops every index and constraint that has the column, MySQL takes the column out of its indexes.
    fn drop_guards_on(&mut self, id: RelationId, column: ColumnId) {
        let shrinks = self.catalog.dialect.is_mysql();
        let Some(relation) = self.catalog.relation(id).cloned() else { return };
        // Its expressions and its condition depend on columns as well.
        let name =
            relation.column_by_id(column).filter(|_| self.catalog.dialect == Dialect::PostgreSql).map(|own| own.name.clone());
        let has = |guard: &Guard| guard.columns.contains(&column) || name.as_ref().is_some_and(|name| guard.is_over(name));
        for guard in relation.guards.iter().filter(|guard| has(guard)) {
            self.touch(Key::Part(id, guard.name.clone()));
        }
        self.catalog.edit(id, |relation| {
            if shrinks {
                relation.guards.iter_mut().for_each(|guard| shrink(&mut guard.columns, &guard.kind, column));
            }
            relation.guards.retain(|guard| !has(guard) && (!shrinks || keeps_any(&guard.kind, &guard.columns)));
        });
    }

    fn rename_column(&mut self, id: RelationId, from: &Ident, to: &Ident) {
        self.mark.by = By::Rename;
        let Some(column) = self.target_column(id, from, false) else { return };
        self.name_column(id, column, to);
        for part in self.parts_of(id) {
            let inherited = self.catalog.relation(part).and_then(|part| part.column(from)).map(|column| column.id);
            if let Some(column) = inherited {
                self.name_column(part, column, to);
            }
        }
    }

    fn name_column(&mut self, id: RelationId, column: ColumnId, to: &Ident) {
        let from = self.catalog.relation(id).and_then(|relation| relation.column_by_id(column)).map(|column| column.name.clone());
        let Some(from) = from.filter(|from| from != to) else { return };
        if self.catalog.relation(id).is_some_and(|relation| relation.column(to).is_some()) {
            self.refused(format!("there is a column {to} already"));
        }
        self.catalog.edit(id, |relation| {
            for known in &mut relation.columns {
                if known.id == column {
                    known.name = to.clone();
                }
            }
            for guard in &mut relation.guards {
                rename_in_guard(&mut guard.kind, &from, to);
            }
        });
        self.touch(Key::Column(column));
        if self.catalog.dialect == Dialect::Sqlite {
            self.rename_in_views(column, &from, to);
        }
    }

    /// SQLite writes the new name into views, whose columns are called after what they select.
    fn rename_in_views(&mut self, column: ColumnId, from: &Ident, to: &Ident) {
        let views: Vec<RelationId> = self.catalog.views.iter().copied().collect();
        for view in views {
            let shows = |known: &Column| known.source == Some(column) && known.name == *from;
            let Some(relation) = self.catalog.relation(view) else { continue };
            let Some(shown) = relation.columns.iter().find(|known| shows(known)).map(|known| known.id) else { continue };
            self.catalog.edit(view, |view| {
                view.columns.iter_mut().filter(|known| known.id == shown).for_each(|known| known.name = to.clone());
            });
            self.touch(Key::Column(shown));
        }
    }

    pub(super) fn edit_column(&mut self, id: RelationId, column: ColumnId, change: impl Fn(&mut Column)) {
        let name = self.catalog.relation(id).and_then(|relation| relation.column_by_id(column)).map(|column| column.name.clone());
        let mut all = vec![(id, column)];
        for part in self.parts_of(id) {
            let inherited = self.catalog.relation(part).and_then(|part| part.column(name.as_ref()?)).map(|column| column.id);
            all.extend(inherited.map(|column| (part, column)));
        }
        for (id, column) in all {
            self.catalog.edit(id, |relation| relation.columns.iter_mut().filter(|known| known.id == column).for_each(&change));
            self.touch(Key::Column(column));
        }
    }

    fn change_column(&mut self, id: RelationId, name: &Ident, change: &ColumnChange, if_exists: bool) {
        if matches!(change, ColumnChange::Harmless) {
            return;
        }
        let Some(column) = self.target_column(id, name, if_exists) else { return };
        match change {
            ColumnChange::Type { data_type, using } => self.change_type(id, column, data_type, using.as_ref()),
            ColumnChange::SetDefault(value) => self.set_default(id, column, Some(value)),
            ColumnChange::DropDefault => self.set_default(id, column, None),
            ColumnChange::SetNotNull => self.edit_by(By::SetNotNull, id, column, |column| column.not_null = true),
            ColumnChange::DropNotNull => self.edit_by(By::DropNotNull, id, column, |column| column.not_null = false),
            ColumnChange::AddIdentity(kind) | ColumnChange::SetIdentity(kind) => {
                self.edit_by(By::Identity, id, column, |column| {
                    column.identity = Some(*kind);
                    column.not_null = true;
                })
            }
            ColumnChange::DropIdentity { .. } => self.edit_by(By::Identity, id, column, |column| column.identity = None),
            ColumnChange::SetExpression(expression) => self.become_generated(id, column, expression),
            ColumnChange::DropExpression { .. } => self.edit_by(By::Generated, id, column, |column| column.generated = None),
            ColumnChange::Harmless => {}
        }
    }

    /// The numbers of PostgreSQL's `serial` are a default like any other (manual, 8.1.4): another one, or none, takes its place.
    fn set_default(&mut self, id: RelationId, column: ColumnId, value: Option<&Expr>) {
        let by = if value.is_some() { By::SetDefault } else { By::DropDefault };
        let counts = value.is_some_and(|value| value.text.to_lowercase().contains("nextval"));
        let is_default = self.catalog.dialect == Dialect::PostgreSql && !counts;
        self.edit_by(by, id, column, |column| {
            column.default = value.cloned();
            column.default_type = None;
            if is_default && column.identity == Some(IdentityKind::Serial) {
                column.identity = None;
            }
        });
    }

    pub(super) fn edit_by(&mut self, by: By, id: RelationId, column: ColumnId, change: impl Fn(&mut Column)) {
        self.mark.by = by;
        self.edit_column(id, column, change);
    }

    fn become_generated(&mut self, id: RelationId, column: ColumnId, expression: &Expr) {
        self.edit_by(By::Generated, id, column, |column| {
            column.generated = Some(Generated { expression: expression.clone(), stored: true });
        });
    }

    fn change_type(&mut self, id: RelationId, column: ColumnId, to: &DataType, using: Option<&Expr>) {
        self.mark.by = By::TypeChange;
        self.log_type_loss(id, column, to, using);
        let from =
            self.column_by_id(column).and_then(|known| known.data_type.as_ref()).and_then(|from| self.type_named(&from.name));
        self.edit_column(id, column, |column| {
            column.data_type = Some(to.clone());
            if column.default.is_some() && column.default_type.is_none() {
                column.default_type.clone_from(&from);
            }
        });
    }

    fn log_type_loss(&mut self, id: RelationId, column: ColumnId, to: &DataType, using: Option<&Expr>) {
        let Some(relation) = self.catalog.relation(id).cloned() else { return };
        let Some(known) = relation.column_by_id(column).filter(|column| column.generated.is_none()) else { return };
        let Some(from) = &known.data_type else { return };
        if relation.kind != RelationKind::Table {
            return;
        }
        let user = CatalogTypes(&self.catalog);
        let change = types::change_with(self.catalog.dialect, from, to, using, self.session.strict, &user);
        if let Some(certainty) = change.loses {
            self.destroy(id, vec![column], false, None, certainty, &change.why);
        }
    }

    fn redefine_column(&mut self, id: RelationId, from: &Ident, definition: &ColumnDef, keeps: Keeps, if_exists: bool) {
        self.mark.by = By::RedefineColumn;
        let Some(column) = self.target_column(id, from, if_exists) else { return };
        if let Some(to) = definition.data_type.as_ref().filter(|_| !keeps.data_type) {
            self.mark.by = By::TypeChange;
            self.log_type_loss(id, column, to, None);
        }
        if definition.generated.is_some() {
            self.lose_to_expression(id, column);
        }
        self.mark.by = By::RedefineColumn;
        let fresh = self.column_from(definition);
        self.edit_column(id, column, |column| redefine(column, &fresh, keeps));
        self.keep_key_not_null(id);
        if *from != definition.name {
            self.mark.by = By::Rename;
            self.name_column(id, column, &definition.name);
        }
        self.mark.by = By::RedefineColumn;
        for constraint in &definition.constraints {
            self.add_constraint(id, constraint, true);
        }
    }

    /// A column that becomes generated has the values of its expression instead of its own.
    fn lose_to_expression(&mut self, id: RelationId, column: ColumnId) {
        let known = self.catalog.relation(id).and_then(|relation| relation.column_by_id(column));
        if known.is_some_and(|known| known.generated.is_none()) {
            self.mark.by = By::Generated;
            self.destroy(id, vec![column], false, None, Certainty::Likely, "the column is generated now");
        }
    }

    /// Columns of a primary key stay NOT NULL whatever MODIFY says.
    fn keep_key_not_null(&mut self, id: RelationId) {
        self.catalog.edit(id, |relation| {
            let key = relation.primary_key().map(|key| key.columns.clone()).unwrap_or_default();
            relation.columns.iter_mut().filter(|column| key.contains(&column.id)).for_each(|column| column.not_null = true);
        });
    }

    pub(super) fn set_charset(&mut self, id: RelationId, charset: Option<&String>, collation: Option<&String>, convert: bool) {
        self.pin_charset(id);
        self.set_option(id, By::Charset, |table| {
            table.charset = charset.cloned();
            table.collation = collation.cloned();
        });
        if !convert {
            return;
        }
        let Some(relation) = self.catalog.relation(id).cloned() else { return };
        for column in relation.columns.iter().filter(|column| column.data_type.as_ref().is_some_and(is_text)) {
            let Some(data_type) = &column.data_type else { continue };
            let to = DataType { charset: charset.cloned(), collation: collation.cloned(), ..data_type.clone() };
            self.log_type_loss(id, column.id, &to, None);
            self.edit_column(id, column.id, |column| column.data_type = Some(to.clone()));
        }
    }

    /// Columns keep the character set and collation that they have from the table when its default changes.
    fn pin_charset(&mut self, id: RelationId) {
        let Some(relation) = self.catalog.relation(id).cloned() else { return };
        self.catalog.edit(id, |table| {
            let texts = table.columns.iter_mut().filter_map(|column| column.data_type.as_mut()).filter(|known| is_text(known));
            for data_type in texts.filter(|known| known.charset.is_none() && known.collation.is_none()) {
                data_type.charset.clone_from(&relation.charset);
                data_type.collation.clone_from(&relation.collation);
            }
        });
    }

    /// Values are gone: of some columns, or rows with all of theirs.
    pub(super) fn destroy(
        &mut self,
        relation: RelationId,
        columns: Vec<ColumnId>,
        rows: bool,
        condition: Option<String>,
        certainty: Certainty,
        why: &str,
    ) {
        let certainty = certainty.min(self.mark.cap);
        let tested = self.tested(Some(relation), condition.as_deref());
        let beyond_default = self.beyond_default(relation, condition.as_deref());
        let why = why.to_owned();
        self.event(Action::Destroy(Destruction { relation, columns, rows, condition, tested, beyond_default, certainty, why }));
    }
}

fn redefine(column: &mut Column, fresh: &Column, keeps: Keeps) {
    if !keeps.data_type {
        column.data_type.clone_from(&fresh.data_type);
        column.on_update = fresh.on_update;
        column.generated.clone_from(&fresh.generated);
    }
    if !keeps.not_null || fresh.not_null {
        column.not_null = fresh.not_null;
    }
    if !keeps.default || fresh.default.is_some() {
        column.default.clone_from(&fresh.default);
    }
    if !keeps.identity || fresh.identity.is_some() {
        column.identity = fresh.identity;
    }
}

fn shrink(columns: &mut Vec<ColumnId>, kind: &GuardKind, column: ColumnId) {
    if kind.is_unique() || matches!(kind, GuardKind::Index { .. }) {
        columns.retain(|known| *known != column);
    }
}

fn keeps_any(kind: &GuardKind, columns: &[ColumnId]) -> bool {
    let has_expressions = match kind {
        GuardKind::Unique { expressions, .. } => !expressions.is_empty(),
        GuardKind::Index { text, .. } => text.contains('('),
        _ => false,
    };
    !columns.is_empty() || has_expressions || matches!(kind, GuardKind::Check { .. } | GuardKind::Exclude { .. })
}

/// Checks and expressions follow the renames of their columns.
fn rename_in_guard(kind: &mut GuardKind, from: &Ident, to: &Ident) {
    match kind {
        GuardKind::Check { text, .. } | GuardKind::Exclude { text } | GuardKind::Index { text, .. } => {
            *text = rename_in_text(text, from, to);
        }
        GuardKind::Unique { expressions, condition, .. } => {
            expressions.iter_mut().chain(condition).for_each(|text| *text = rename_in_text(text, from, to));
        }
        GuardKind::Primary | GuardKind::Foreign { .. } => {}
    }
}

fn rename_in_text(text: &str, from: &Ident, to: &Ident) -> String {
    let renamed = |word| if word == from.key() { to.key() } else { word };
    text.split(' ').map(renamed).collect::<Vec<_>>().join(" ")
}

/// Types that have a character set (MySQL).
fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type.name.name.key(),
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set" | "character" | "character varying"
    )
}
