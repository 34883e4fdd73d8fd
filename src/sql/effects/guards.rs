//! Constraints and unique indexes of the two ends: what is refused now, and what the old schema could not hold.

use std::collections::BTreeSet;

use super::context::{Context, column_target, relation_target};
use crate::sql::catalog::log::{Key, Mark};
use crate::sql::catalog::{ColumnId, Guard, GuardKind, Relation};
use crate::sql::dialect::Dialect;
use crate::sql::effect::{By, Certainty, Effect, EffectKind, Target};
use crate::sql::name::Name;
use crate::sql::statement::ReferentialAction;

/// What a guard guards, comparable between two versions of a table: columns by their old names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Unique { columns: BTreeSet<String>, condition: Option<String>, nulls_not_distinct: bool },
    Check(String),
    Foreign { columns: Vec<String>, table: Name, referenced: Vec<String> },
    Exclude(String),
}

struct Side<'a> {
    relation: &'a Relation,
    rules: Vec<(Rule, &'a Guard)>,
}

/// A table that old code does not know can refuse what old code does to the tables that it refers to.
pub(super) fn new_table(context: &Context, new: &Relation, found: &mut Vec<Effect>) {
    if !new.is_table() || new.temporary || context.before().named(&new.name).is_some() {
        return;
    }
    for guard in new.guards.iter().filter(|guard| !guard.not_enforced) {
        let mark = context.mark(&[Key::Part(new.id, guard.name.clone()), Key::Relation(new.id)]);
        restricts_parent(context, new, guard, mark, found);
    }
}

pub(super) fn compare(context: &Context, old: &Relation, new: &Relation, found: &mut Vec<Effect>) {
    if old.id == new.id && old.guards == new.guards {
        return;
    }
    let was = Side { relation: old, rules: rules(context, old, None) };
    let is = Side { relation: new, rules: rules(context, new, Some(old)) };
    for (rule, guard) in is.rules.iter().filter(|(rule, _)| !was.rules.iter().any(|(known, _)| implies(known, rule))) {
        added(context, &was, new, rule, guard, found);
    }
    for (rule, guard) in was.rules.iter().filter(|(rule, _)| !is.rules.iter().any(|(known, _)| implies(known, rule))) {
        dropped(context, &was, new, rule, guard, found);
    }
    upserts(context, &was, &is, found);
    actions(context, &was, &is, found);
    fulltext(context, old, new, found);
    casting(context, old, new, found);
}

/// `old` names the columns where the relation is a later version of it.
fn rules<'a>(context: &Context, relation: &'a Relation, old: Option<&Relation>) -> Vec<(Rule, &'a Guard)> {
    let enforced = relation.guards.iter().filter(|guard| !guard.not_enforced);
    enforced.filter_map(|guard| Some((rule(context, relation, old, guard)?, guard))).collect()
}

fn rule(context: &Context, relation: &Relation, old: Option<&Relation>, guard: &Guard) -> Option<Rule> {
    let names: Vec<String> = guard.columns.iter().map(|id| column_name(relation, old, *id)).collect();
    Some(match &guard.kind {
        GuardKind::Primary => Rule::Unique { columns: names.into_iter().collect(), condition: None, nulls_not_distinct: false },
        GuardKind::Unique { nulls_not_distinct, expressions, condition } => {
            let columns = names.into_iter().chain(expressions.iter().map(|text| format!("({text})"))).collect();
            Rule::Unique { columns, condition: condition.clone(), nulls_not_distinct: *nulls_not_distinct }
        }
        GuardKind::Check { text, .. } => Rule::Check(text.clone()),
        GuardKind::Foreign { table, referenced, .. } => {
            let parent = context.before().relation(*table).or_else(|| context.after().relation(*table))?;
            let referenced = if referenced.is_empty() { primary_columns(parent) } else { referenced.clone() };
            let of_parent = referenced.iter().map(|id| column_name(parent, None, *id)).collect();
            Rule::Foreign { columns: names, table: parent.name.clone(), referenced: of_parent }
        }
        GuardKind::Exclude { text } => Rule::Exclude(text.clone()),
        GuardKind::Index { .. } => return None,
    })
}

fn primary_columns(relation: &Relation) -> Vec<ColumnId> {
    relation.primary_key().map(|key| key.columns.clone()).unwrap_or_default()
}

/// The old name of a column, or its own where it is new.
fn column_name(relation: &Relation, old: Option<&Relation>, id: ColumnId) -> String {
    let before = old.and_then(|old| old.column_by_id(id));
    let column = before.or_else(|| relation.column_by_id(id));
    column.map(|column| column.name.key().to_owned()).unwrap_or_else(|| format!("#{}", id.0))
}

/// Whether what the first allows is allowed by the second anyway.
fn implies(known: &Rule, asked: &Rule) -> bool {
    match (known, asked) {
        (
            Rule::Unique { columns: few, condition: known, nulls_not_distinct: strict },
            Rule::Unique { columns: many, condition: asked, nulls_not_distinct: wanted },
        ) => few.is_subset(many) && (known.is_none() || known == asked) && (*strict || !*wanted),
        _ => known == asked,
    }
}

fn added(context: &Context, was: &Side, new: &Relation, rule: &Rule, guard: &Guard, found: &mut Vec<Effect>) {
    let old = was.relation;
    let mark = mark(context, new, guard, By::AddConstraint);
    if matches!(rule, Rule::Foreign { .. }) {
        restricts_parent(context, new, guard, mark, found);
    }
    let is_old = |id: &ColumnId| old.column(&name_of(new, *id)).is_some() || old.column_by_id(*id).is_some();
    if !guard.columns.is_empty() && !guard.columns.iter().any(is_old) {
        return;
    }
    // A new column that old INSERTs leave NULL keeps their rows out of it.
    let left_null =
        |id: &ColumnId| !is_old(id) && new.column_by_id(*id).is_some_and(|column| !column.not_null && !column.has_default());
    let nulls_count = matches!(rule, Rule::Unique { nulls_not_distinct: true, .. });
    if !matches!(rule, Rule::Check(_)) && !nulls_count && guard.columns.iter().any(left_null) {
        return;
    }
    let what = match rule {
        Rule::Unique { .. } => "refuses rows with the values of another row",
        Rule::Check(_) => "refuses values that a check does not allow",
        Rule::Foreign { .. } => "refuses values that the referenced table does not have",
        Rule::Exclude(_) => "refuses rows that conflict with another row",
    };
    let target = target(old, new, guard);
    let why = format!("{target} {what}");
    found.push(context.effect(EffectKind::Restricts, target, mark, Certainty::Possible, why));
}

fn name_of(relation: &Relation, id: ColumnId) -> crate::sql::name::Ident {
    let column = relation.column_by_id(id).map(|column| column.name.clone());
    column.unwrap_or_else(|| relation.name.name.clone())
}

fn restricts_parent(context: &Context, new: &Relation, guard: &Guard, mark: Mark, found: &mut Vec<Effect>) {
    let GuardKind::Foreign { table, on_delete, .. } = &guard.kind else { return };
    let Some(parent) = context.old_relation(*table).filter(|parent| parent.id != new.id) else { return };
    if matches!(on_delete, ReferentialAction::NoAction | ReferentialAction::Restrict) {
        let why = format!("Rows of {} that {} refers to cannot be deleted", parent.name, new.name);
        found.push(context.effect(EffectKind::Restricts, relation_target(parent), mark, Certainty::Possible, why));
    }
}

fn dropped(context: &Context, was: &Side, new: &Relation, rule: &Rule, guard: &Guard, found: &mut Vec<Effect>) {
    let old = was.relation;
    let mark = mark(context, old, guard, By::DropConstraint);
    if guard.columns.iter().any(|id| old.column_by_id(*id).is_some_and(|column| new.column(&column.name).is_none())) {
        return;
    }
    let what = match rule {
        Rule::Unique { .. } => "can hold the same values twice",
        Rule::Check(_) => "can hold values that a check refused",
        Rule::Foreign { .. } => "can hold values that the referenced table does not have",
        Rule::Exclude(_) => "can hold rows that conflicted",
    };
    let target = target(old, old, guard);
    found.push(context.effect(EffectKind::Widens, target.clone(), mark, Certainty::Possible, format!("{target} {what}")));
    let cascades = |action: &ReferentialAction| !matches!(action, ReferentialAction::NoAction | ReferentialAction::Restrict);
    if matches!(&guard.kind, GuardKind::Foreign { on_delete, .. } if cascades(on_delete)) {
        let why = format!("Deletes no longer reach {target}");
        found.push(context.effect(EffectKind::ChangesResult, target, mark, Certainty::Likely, why));
    }
}

/// ON CONFLICT and ON DUPLICATE KEY need a unique key on just these columns.
fn upserts(context: &Context, was: &Side, is: &Side, found: &mut Vec<Effect>) {
    for (rule, guard) in was.rules.iter().filter(|(rule, _)| matches!(rule, Rule::Unique { .. })) {
        let columns_stay = guard.columns.iter().all(|id| is.relation.column(&name_of(was.relation, *id)).is_some());
        let same_key = |known: &Rule| matches!((known, rule), (Rule::Unique { columns: a, condition: c, .. }, Rule::Unique { columns: b, condition: d, .. }) if a == b && c == d);
        if is.rules.iter().any(|(known, _)| same_key(known)) || !columns_stay {
            continue;
        }
        let target = target(was.relation, was.relation, guard);
        let mark = mark(context, was.relation, guard, By::DropConstraint);
        if context.after().dialect.is_mysql() {
            let why = format!("ON DUPLICATE KEY UPDATE on {target} inserts a second row");
            found.push(context.effect(EffectKind::ChangesResult, target, mark, Certainty::Possible, why));
        } else if matches!(context.after().dialect, Dialect::PostgreSql | Dialect::Sqlite) {
            let why = format!("ON CONFLICT on {target} finds no unique key and fails");
            found.push(context.effect(EffectKind::ChangesResult, target, mark, Certainty::Possible, why));
        }
    }
}

/// The same foreign key with another ON DELETE or ON UPDATE.
fn actions(context: &Context, was: &Side, is: &Side, found: &mut Vec<Effect>) {
    for (rule, guard) in &is.rules {
        let GuardKind::Foreign { on_delete, on_update, .. } = &guard.kind else { continue };
        let Some((_, old)) = was.rules.iter().find(|(known, _)| known == rule) else { continue };
        let GuardKind::Foreign { on_delete: deleted, on_update: updated, .. } = &old.kind else { continue };
        if (on_delete, on_update) == (deleted, updated) {
            continue;
        }
        let target = target(was.relation, is.relation, guard);
        let mark = mark(context, is.relation, guard, By::AddConstraint);
        let why = format!("Deletes and updates of the rows that {target} refers to now do something else to it");
        found.push(context.effect(EffectKind::ChangesResult, target, mark, Certainty::Likely, why));
        restricts_parent(context, is.relation, guard, mark, found);
    }
}

/// An index over a cast refuses the values that it cannot cast.
fn casting(context: &Context, old: &Relation, new: &Relation, found: &mut Vec<Effect>) {
    let text = |guard: &Guard| match &guard.kind {
        GuardKind::Index { text, .. } if casts(text) => Some(text.clone()),
        _ => None,
    };
    let known: Vec<String> = old.guards.iter().filter_map(text).collect();
    for guard in new.guards.iter().filter(|guard| text(guard).is_some_and(|text| !known.contains(&text))) {
        let words = text(guard).unwrap_or_default();
        let column = old.columns.iter().find(|column| words.split(' ').any(|word| word == column.name.key()));
        let target = column.map_or_else(|| relation_target(old), |column| column_target(old, &column.name));
        let why = format!("{target} refuses values that an index cannot cast");
        let mark = mark(context, new, guard, By::AddIndex);
        found.push(context.effect(EffectKind::Restricts, target, mark, Certainty::Possible, why));
    }
}

/// Every value can be cast to text.
fn casts(text: &str) -> bool {
    let words: Vec<&str> = text.split(' ').collect();
    let to_text = |word: &str| matches!(word, "text" | "varchar" | "character" | "citext");
    words.windows(2).any(|pair| pair[0] == "::" && !to_text(pair[1]))
}

fn fulltext(context: &Context, old: &Relation, new: &Relation, found: &mut Vec<Effect>) {
    let indexes = |relation: &Relation| {
        let full = relation.guards.iter().filter(|guard| matches!(guard.kind, GuardKind::Index { fulltext: true, .. }));
        full.map(|guard| guard.columns.iter().map(|id| name_of(relation, *id)).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    let now = indexes(new);
    for columns in indexes(old).into_iter().filter(|columns| !now.contains(columns)) {
        let Some(first) = columns.first().filter(|name| new.column(name).is_some()) else { continue };
        let mark = context.mark(&[Key::Relation(old.id)]);
        let target = column_target(old, first);
        let why = format!("MATCH … AGAINST on {target} needs the full-text index that is gone");
        found.push(context.effect(
            EffectKind::ChangesResult,
            target,
            Mark { by: By::DropIndex, ..mark },
            Certainty::Possible,
            why,
        ));
    }
}

/// The one column of a guard that old code knows, or else the table.
fn target(old: &Relation, of: &Relation, guard: &Guard) -> Target {
    match guard.columns.as_slice() {
        [column] => {
            let known = old.column_by_id(*column).map(|column| column.name.clone());
            column_target(old, &known.unwrap_or_else(|| name_of(of, *column)))
        }
        _ => relation_target(old),
    }
}

fn mark(context: &Context, relation: &Relation, guard: &Guard, by: By) -> Mark {
    let part = Key::Part(relation.id, guard.name.clone());
    let known = context.has_mark(&part);
    let mark = context.mark(&[part, Key::Relation(relation.id)]);
    if known || mark.by == By::RecreateTable { mark } else { Mark { by, ..mark } }
}
