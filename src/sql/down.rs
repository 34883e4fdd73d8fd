//! What a down script gives back: it is applied to the schema after the up, and the result compared with the schema before it.
//!
//! Where several verdicts fit, the one that says most is given: *none*, *empty*, *unparseable*, then *differs* (the schema is not
//! restored), *lossy* (the schema is, values are not), *may-fail* (both are, unless the new release wrote what the old schema
//! refuses) and *exact*. What only the new release wrote goes with *exact* too: `why` says so.

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::ordmap::DiffItem;

use super::catalog::log::{Action, Key};
use super::catalog::model::TypeObject;
use super::catalog::{Catalog, Column, Guard, GuardKind, Relation, RelationId, Replay, Step};
use super::dialect::Dialect;
use super::effect::{By, Certainty, Effect, EffectKind};
use super::effects::effects;
use super::name::Name;
use super::statement::{Op, Statement};
use super::types;

/// Whether a down script undoes its up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    None,
    Empty,
    Unparseable,
    Differs,
    Lossy,
    MayFail,
    Exact,
}

impl Verdict {
    /// As in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::None => "none",
            Verdict::Empty => "empty",
            Verdict::Unparseable => "unparseable",
            Verdict::Differs => "differs",
            Verdict::Lossy => "lossy",
            Verdict::MayFail => "may-fail",
            Verdict::Exact => "exact",
        }
    }
}

/// A verdict with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Down {
    pub verdict: Verdict,
    pub why: String,
}

/// Judges the statements that undo a step; none where it has no down script.
pub fn judge(up: &Step, down: Option<&[Statement]>) -> Down {
    let Some(statements) = down else { return of(Verdict::None, "There is no down script") };
    if is_empty(statements) {
        return of(Verdict::Empty, "The down script does nothing");
    }
    if let Some(statement) = statements.iter().find(|statement| !statement.is_understood()) {
        return of(Verdict::Unparseable, format!("Statement {} of the down script is not understood", statement.number));
    }
    let back = Replay::from_catalog(up.after.clone()).apply(statements);
    let mut refused = refused(up, &back);
    refused.extend(unfilled(up, &back));
    if !refused.is_empty() {
        return of(Verdict::MayFail, format!("The database refuses it: {}", told(&refused)));
    }
    let differences = differences(&up.before, &back.after);
    if !differences.is_empty() {
        return of(Verdict::Differs, told(&differences));
    }
    let lost = lost(up, &back);
    if !lost.is_empty() {
        return of(Verdict::Lossy, format!("The schema is restored, but not the values of {}", told(&lost)));
    }
    let of_back = effects(&back);
    let failing = may_fail(&of_back);
    if !failing.is_empty() {
        return of(
            Verdict::MayFail,
            format!("It fails if the new release wrote what the old schema refuses: {}", told(&failing)),
        );
    }
    of(Verdict::Exact, remarks(up, &back, &of_back))
}

fn of(verdict: Verdict, why: impl Into<String>) -> Down {
    Down { verdict, why: why.into() }
}

fn told(parts: &BTreeSet<String>) -> String {
    const SHOWN: usize = 5;
    let shown = parts.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    if parts.len() > SHOWN { format!("{shown}; and {} more", parts.len() - SHOWN) } else { shown }
}

/// Nothing but comments, transactions and SELECTs of constants.
fn is_empty(statements: &[Statement]) -> bool {
    let does_nothing = |op: &Op| match op {
        Op::Harmless | Op::Transaction(_) | Op::Set { .. } => true,
        Op::Select(query) => query.tables.is_empty() && query.functions.is_empty() && query.modifies.is_empty(),
        _ => false,
    };
    statements.iter().flat_map(|statement| &statement.ops).all(does_nothing)
}

/// Old values that the way there and back destroys.
fn lost(up: &Step, back: &Step) -> BTreeSet<String> {
    let Some(whole) = Step::join(&[up.clone(), back.clone()]) else { return BTreeSet::new() };
    let (ours, loosened) = (inserted(up), loosened(up));
    let refused_before =
        |effect: &Effect| matches!(effect.by, By::Delete | By::Update) && loosened.contains(&effect.object.relation);
    let gone = effects(&whole).into_iter().filter(|effect| is_lost(effect, &ours));
    // Of a table that takes more than before, a condition chooses what the old schema refuses.
    let gone = gone.filter(|effect| effect.certainty > Certainty::Possible || !refused_before(effect));
    gone.filter(|effect| matches!(effect.kind, EffectKind::DataLoss | EffectKind::Moved))
        .map(|effect| effect.object.to_string())
        .collect()
}

/// A DELETE of some rows takes those that the up inserted where it did so unseen of what was there; else it takes old ones.
fn is_lost(effect: &Effect, inserted: &BTreeSet<Name>) -> bool {
    let of_inserted = effect.by == By::Delete && inserted.contains(&effect.object.relation);
    let of_rows = matches!(effect.by, By::Delete | By::Update) && !of_inserted;
    effect.certainty > Certainty::Possible || of_rows
}

/// Tables that take rows after the up which they refused before.
fn loosened(up: &Step) -> BTreeSet<Name> {
    let widened = effects(up).into_iter().filter(|effect| effect.kind == EffectKind::Widens);
    widened.map(|effect| effect.object.relation).collect()
}

/// Tables that the up puts rows of its own into.
fn inserted(up: &Step) -> BTreeSet<Name> {
    let name = |event: &super::catalog::log::Event| match &event.action {
        Action::Inserted { relation } => up.after.relation(*relation).map(|relation| relation.name.clone()),
        _ => None,
    };
    up.log.iter().filter_map(name).collect()
}

/// What no rows let pass.
fn refused(up: &Step, back: &Step) -> BTreeSet<String> {
    let why = |event: &super::catalog::log::Event| match &event.action {
        Action::Refused { why } => Some(why.clone()),
        _ => None,
    };
    let mut found: BTreeSet<String> = back.log.iter().filter_map(why).collect();
    // Where the history began later than the database, more can be there than is known.
    let is_own = |relation: &Relation| relation.name.name.key().contains("migration");
    let is_whole = up.after.relations.values().all(|relation| !relation.open || is_own(relation));
    found.extend(back.unknown().into_iter().filter(|_| is_whole).map(|name| format!("there is no {name}")));
    found
}

/// Columns that the down adds and that rows of before would need a value in.
fn unfilled(up: &Step, back: &Step) -> BTreeSet<String> {
    let dialect = back.after.dialect;
    if dialect.is_mysql() {
        return BTreeSet::new();
    }
    let mut found = BTreeSet::new();
    let added = back.log.iter().filter(|event| event.mark.by == By::AddColumn);
    let relations: BTreeSet<RelationId> = added.filter_map(|event| touched(&event.action)).collect();
    for new in relations.iter().filter_map(|id| back.after.relation(*id)) {
        let Some(old) = up.before.relation(new.id).filter(|_| up.after.relation(new.id).is_some()) else { continue };
        if is_emptied(back, new.id) {
            continue;
        }
        let is_bare = |column: &&Column| !column.is_optional() && back.before.column(column.id).is_none() && !column.assumed;
        let was_written = |column: &Column| {
            back.log.iter().any(|event| match &event.action {
                Action::Destroy(one) => one.columns.contains(&column.id),
                Action::Copy(copied) => copied.to == column.id,
                _ => false,
            })
        };
        let bare = new.columns.iter().filter(is_bare).filter(|column| !was_written(column));
        found.extend(bare.map(|column| format!("rows of {} have no value for {}", old.name, column.name)));
    }
    found
}

/// Whether a step takes all rows of a table.
fn is_emptied(step: &Step, table: RelationId) -> bool {
    step.log.iter().any(|event| match &event.action {
        Action::Destroy(one) => {
            one.relation == table && one.rows && one.condition.is_none() && one.certainty == Certainty::Certain
        }
        _ => false,
    })
}

fn touched(action: &Action) -> Option<RelationId> {
    match action {
        Action::Touch(Key::Relation(id)) => Some(*id),
        _ => None,
    }
}

/// What the schema before the up refuses, and the one after it takes.
fn may_fail(of_back: &[Effect]) -> BTreeSet<String> {
    let checks_rows = |by| {
        matches!(
            by,
            By::AddConstraint
                | By::AddIndex
                | By::SetNotNull
                | By::TypeChange
                | By::RedefineColumn
                | By::RecreateTable
                | By::AddColumn
        )
    };
    let refusing = |effect: &&Effect| effect.kind == EffectKind::Restricts && checks_rows(effect.by);
    of_back.iter().filter(refusing).map(|effect| effect.why.clone()).collect()
}

fn remarks(up: &Step, back: &Step, of_back: &[Effect]) -> String {
    let mut parts = BTreeSet::new();
    for effect in of_back.iter().filter(|effect| effect.kind == EffectKind::DataLoss) {
        parts.insert(format!("what the new release writes into {} goes with it", effect.object));
    }
    for name in changed_names(&up.before, &back.after) {
        let columns = |catalog: &Catalog| catalog.named(name).map(|relation| order(relation));
        if columns(&up.before) != columns(&back.after) {
            parts.insert(format!("the columns of {name} stand in another order"));
        }
    }
    if parts.is_empty() { "The schema before the migration is restored".to_owned() } else { told(&parts) }
}

fn order(relation: &Relation) -> Vec<String> {
    relation.columns.iter().map(|column| column.name.key().to_owned()).collect()
}

/// What is not as it was, by names and structure.
fn differences(was: &Catalog, is: &Catalog) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in changed_names(was, is) {
        match (was.named(name), is.named(name)) {
            (Some(_), None) => {
                found.insert(format!("{name} is not restored"));
            }
            (None, Some(_)) => {
                found.insert(format!("{name} is left behind"));
            }
            (Some(old), Some(new)) if !Arc::ptr_eq(old, new) => relation(was, is, old, new, &mut found),
            _ => {}
        }
    }
    others(was, is, &mut found);
    found
}

/// The names of relations that are not the same at both ends.
fn changed_names<'a>(was: &'a Catalog, is: &'a Catalog) -> BTreeSet<&'a Name> {
    let mut names = BTreeSet::new();
    for change in was.relations.diff(&is.relations) {
        match change {
            DiffItem::Add(_, relation) | DiffItem::Remove(_, relation) => {
                names.insert(&relation.name);
            }
            DiffItem::Update { old: (_, old), new: (_, new) } => names.extend([&old.name, &new.name]),
        }
    }
    names
}

fn others(was: &Catalog, is: &Catalog, found: &mut BTreeSet<String>) {
    for (name, old) in &was.types {
        let same = |new: &Arc<TypeObject>| Arc::ptr_eq(old, new) || new.definition == old.definition;
        if !is.types.get(name).is_some_and(same) {
            found.insert(format!("the type {name} is not as it was"));
        }
    }
    found.extend(
        is.types.keys().filter(|name| !was.types.contains_key(*name)).map(|name| format!("the type {name} is left behind")),
    );
    for (name, old) in &was.routines {
        let same = is.routines.get(name).is_some_and(|new| Arc::ptr_eq(old, new) || old == new);
        if !same {
            found.insert(format!("the routine {name} is not as it was"));
        }
    }
    found.extend(
        is.routines
            .keys()
            .filter(|name| !was.routines.contains_key(*name))
            .map(|name| format!("the routine {name} is left behind")),
    );
    // The database keeps one that the up made: the down of few scripts takes it away.
    found.extend(
        is.extensions
            .iter()
            .filter(|name| !was.extensions.contains(*name))
            .map(|name| format!("the extension {name} is left behind")),
    );
    found.extend(
        is.schemas.iter().filter(|name| !was.schemas.contains(*name)).map(|name| format!("the schema {name} is left behind")),
    );
    found.extend(
        was.schemas.iter().filter(|name| !is.schemas.contains(*name)).map(|name| format!("the schema {name} is not restored")),
    );
}

fn relation(was: &Catalog, is: &Catalog, old: &Relation, new: &Relation, found: &mut BTreeSet<String>) {
    let name = &old.name;
    if old.kind != new.kind {
        found.insert(format!("{name} is another kind of relation"));
        return;
    }
    let view = |relation: &Relation| relation.view.as_ref().map(|view| view.query.text.clone());
    if old.is_view() {
        // PostgreSQL and MySQL keep what `*` stood for, in its order.
        let is_expanded = was.dialect != Dialect::Sqlite && order(old) != order(new);
        if is_expanded || view(old) != view(new) {
            found.insert(format!("the view {name} is not as it was"));
        }
        return;
    }
    columns(was, old, new, found);
    let (were, are) = (guards(was, old), guards(is, new));
    found.extend(were.difference(&are).map(|(guard, _)| format!("{name} has lost {guard}")));
    found.extend(are.difference(&were).map(|(guard, _)| format!("{name} keeps {guard}")));
    let triggers = |relation: &Relation| {
        relation
            .triggers
            .iter()
            .map(|trigger| (trigger.definition.name.name.key().to_owned(), trigger.enabled))
            .collect::<BTreeSet<_>>()
    };
    if triggers(old) != triggers(new) {
        found.insert(format!("the triggers of {name} are not as they were"));
    }
    if (old.row_security, old.force_row_security, old.policies.len())
        != (new.row_security, new.force_row_security, new.policies.len())
    {
        found.insert(format!("the row security of {name} is not as it was"));
    }
}

fn columns(was: &Catalog, old: &Relation, new: &Relation, found: &mut BTreeSet<String>) {
    for column in &old.columns {
        let target = format!("{}.{}", old.name, column.name);
        match new.column(&column.name) {
            None => {
                found.insert(format!("{target} is not restored"));
            }
            Some(now) if column.assumed || now.assumed => {}
            Some(now) => found.extend(attributes(was, column, now).into_iter().map(|what| format!("{target} {what}"))),
        }
    }
    let left = new.columns.iter().filter(|column| old.column(&column.name).is_none());
    found.extend(left.map(|column| format!("{}.{} is left behind", old.name, column.name)));
}

fn attributes(catalog: &Catalog, old: &Column, new: &Column) -> Vec<&'static str> {
    let mut found = Vec::new();
    if let (Some(was), Some(is)) = (&old.data_type, &new.data_type)
        && !types::equal(catalog.dialect, was, is)
    {
        found.push("has another type");
    }
    if old.not_null != new.not_null {
        found.push(if old.not_null { "has lost NOT NULL" } else { "keeps NOT NULL" });
    }
    let default =
        |column: &Column| column.default.as_ref().filter(|default| !default.is_null()).map(|default| plain(&default.text));
    if default(old) != default(new) {
        found.push("has another default");
    }
    if old.identity != new.identity || old.on_update != new.on_update {
        found.push("is filled in another way");
    }
    let generated = |column: &Column| column.generated.as_ref().map(|generated| generated.expression.text.clone());
    if generated(old) != generated(new) {
        found.push("is generated in another way");
    }
    found
}

/// Constraints and indexes by structure; their names count only where the engine shows two of the same structure apart.
fn guards(catalog: &Catalog, relation: &Relation) -> BTreeSet<(String, String)> {
    relation.guards.iter().map(|guard| (describe(catalog, relation, guard), text(guard))).collect()
}

/// An expression as the engine shows it, however it was written: without casts and brackets that it adds or leaves out.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        if word == "::" {
            words.next();
            words.next_if(|next| matches!(*next, "varying" | "precision" | "without" | "with"));
            while words.next_if(|next| matches!(*next, "time" | "zone")).is_some() {}
        } else if word == "public" && words.peek() == Some(&".") {
            // PostgreSQL's default schema goes without saying.
            words.next();
        } else {
            out.extend(word.chars().filter(|c| !"()\"`".contains(*c)));
        }
    }
    out
}

/// What is compared and not shown, because there can be literals in it.
fn text(guard: &Guard) -> String {
    match &guard.kind {
        GuardKind::Check { text, .. } | GuardKind::Exclude { text } | GuardKind::Index { text, .. } => plain(text),
        GuardKind::Unique { expressions, condition, .. } => plain(&format!("{expressions:?} {condition:?}")),
        GuardKind::Primary | GuardKind::Foreign { .. } => String::new(),
    }
}

fn describe(catalog: &Catalog, relation: &Relation, guard: &Guard) -> String {
    let names = |relation: &Relation, ids: &[super::catalog::ColumnId]| {
        ids.iter()
            .filter_map(|id| relation.column_by_id(*id))
            .map(|column| column.name.key().to_owned())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let columns = names(relation, &guard.columns);
    let kind = match &guard.kind {
        GuardKind::Primary => format!("the primary key on ({columns})"),
        GuardKind::Unique { condition, expressions, .. } => {
            let partial = if condition.is_some() || !expressions.is_empty() { "partial " } else { "" };
            format!(
                "a {partial}unique {} on ({columns})",
                if guard.is_index && !catalog.dialect.is_mysql() { "index" } else { "key" }
            )
        }
        GuardKind::Check { .. } => format!("a check on ({columns})"),
        GuardKind::Foreign { table, on_delete, on_update, .. } => {
            let parent = catalog.relation(*table).map(|parent| parent.name.to_string()).unwrap_or_default();
            format!("a foreign key on ({columns}) to {parent} ({on_delete:?}, {on_update:?})")
        }
        GuardKind::Exclude { .. } => format!("an exclusion on ({columns})"),
        GuardKind::Index { .. } => format!("an index on ({columns})"),
    };
    let kind = if guard.not_valid { kind + " that is not validated" } else { kind };
    // SQLite has no statement that takes the name of a constraint.
    let named = guard.name.as_ref().filter(|_| guard.is_index || catalog.dialect != Dialect::Sqlite);
    kind + &named.map(|name| format!(" named {name}")).unwrap_or_default()
}
