//! Conditions that no row from before can meet, or that every one meets: `a IS NULL` of a column that was NOT NULL then.

use super::context::Context;
use crate::sql::catalog::log::{Action, Copied, Destruction, Key};
use crate::sql::catalog::{Column, ColumnId};
use crate::sql::effect::By;
use crate::sql::name::Ident;
use crate::sql::statement::TypeDefinition;

/// Copies of copies are followed this far.
const DEPTH: u32 = 256;

impl Context<'_> {
    /// Whether what goes at a place in the log cannot be a row or value from before.
    pub(super) fn spares_old_rows(&self, at: usize, destruction: &Destruction) -> bool {
        let mark = self.step.log[at].mark;
        if mark.by != By::ForeignKeyCascade {
            return self.meets_no_old_row(at, destruction);
        }
        let same = |earlier: &usize| {
            (self.step.log[*earlier].mark.migration, self.step.log[*earlier].mark.statement) == (mark.migration, mark.statement)
        };
        let own = (0..at).rev().take_while(same).filter(|earlier| self.step.log[*earlier].mark.by == By::Delete);
        let mut own =
            own.filter_map(
                |earlier| if let Action::Destroy(one) = &self.step.log[earlier].action { Some((earlier, one)) } else { None },
            );
        own.next().is_some_and(|(earlier, one)| self.meets_no_old_row(earlier, one))
    }

    fn meets_no_old_row(&self, at: usize, destruction: &Destruction) -> bool {
        let Some(condition) = destruction.condition.as_deref().map(unquoted) else { return false };
        let is_beyond = destruction.beyond_default.is_some_and(|column| self.is_default_in_old_rows(column, at));
        if is_beyond || is_never_met(&condition) || self.asks_for_new_labels(destruction, &condition) {
            return true;
        }
        let column = |name: &str| named(&destruction.tested, name);
        each(&condition, " or ").is_some_and(|parts| {
            parts.iter().all(|part| {
                let tests = each(part, " and ").unwrap_or_default();
                tests.iter().filter_map(|test| tested(test, " is null")).any(|name| self.had_no_null(column(name), at))
            })
        })
    }

    /// Whether rows from before all have the default of a column: it was added with it, and nothing was written into it.
    fn is_default_in_old_rows(&self, column: ColumnId, at: usize) -> bool {
        let changes = |key: &Key, by| *key == Key::Column(column) && matches!(by, By::SetDefault | By::DropDefault);
        let has_other = self.step.log.iter().any(|event| match &event.action {
            Action::Touch(key) => changes(key, event.mark.by),
            Action::Copy(copied) => copied.to == column,
            _ => false,
        });
        self.before().column(column).is_none() && !has_other && !self.is_hit(column, at)
    }

    /// `a IN ('new label')` of an enumeration that did not have it: no row from before does.
    fn asks_for_new_labels(&self, destruction: &Destruction, condition: &str) -> bool {
        let Some((name, literals)) = compared(condition) else { return false };
        let old = self
            .before()
            .relation(destruction.relation)
            .and_then(|old| old.columns.iter().find(|column| column.name.key().eq_ignore_ascii_case(name)));
        let labels = old.and_then(|column| column.data_type.as_ref()).and_then(|data_type| {
            self.before().types.get(&data_type.name).and_then(|known| match &known.definition {
                TypeDefinition::Enum(labels) => Some(labels.clone()),
                _ => None,
            })
        });
        let is_old = |literal: &&str| labels.iter().flatten().any(|label| label.eq_ignore_ascii_case(literal));
        labels.is_some() && !literals.is_empty() && !literals.iter().any(is_old)
    }

    /// Whether a copy takes every row from before: `WHERE a IS NOT NULL AND b IS NOT NULL`.
    pub(super) fn takes_all_old_rows(&self, made: usize, copy: &Copied) -> bool {
        let Some(condition) = copy.condition.as_deref().map(unquoted) else { return false };
        let column = |name: &str| named(&copy.tested, name);
        each(&condition, " and ").is_some_and(|parts| {
            parts.iter().all(|part| tested(part, " is not null").is_some_and(|name| self.had_no_null(column(name), made)))
        })
    }

    fn had_no_null(&self, column: Option<ColumnId>, at: usize) -> bool {
        column.and_then(|column| self.old_column(column, at, 0)).is_some_and(|old| old.not_null && !old.assumed)
    }

    /// The column from before whose values a column has, all rows of it and nothing written over.
    fn old_column(&self, column: ColumnId, at: usize, depth: u32) -> Option<&Column> {
        if self.is_hit(column, at) || depth > DEPTH {
            return None;
        }
        if let Some((_, old)) = self.before().column(column) {
            return Some(old);
        }
        let copy = self.only_copy_to(column, at)?;
        self.old_column(copy.1.from, copy.0, depth + 1)
    }
}

/// `a = NULL`, whatever else is asked: nothing is equal to NULL.
fn is_never_met(condition: &str) -> bool {
    let plain = !condition.contains(['(', '\'']) && !condition.contains(" or ");
    plain && condition.split(" and ").any(|part| part.trim_end().ends_with("= null") || part.trim_end().ends_with("<> null"))
}

/// The column and the literals of `a = 'x'`, `a IN ('x', 'y')`.
fn compared(condition: &str) -> Option<(&str, Vec<&str>)> {
    let (name, rest) = condition.split_once(' ')?;
    let rest = rest.trim_start();
    let is_plain = (rest.starts_with("= '") || rest.starts_with("in (")) && !rest.contains(" or ") && !rest.contains(" and ");
    let name = name.rsplit('.').next()?;
    is_plain.then(|| (name, rest.split('\'').skip(1).step_by(2).collect()))
}

/// In lower case and without quotes around names: two columns of a table do not differ by these alone in practice.
fn unquoted(condition: &str) -> String {
    condition.to_lowercase().replace(['"', '`', '[', ']'], "")
}

fn named(columns: &[(Ident, ColumnId)], name: &str) -> Option<ColumnId> {
    columns.iter().find(|(own, _)| own.key().eq_ignore_ascii_case(name)).map(|(_, id)| *id)
}

/// The parts of a condition without brackets; none where there are some.
fn each<'a>(condition: &'a str, word: &str) -> Option<Vec<&'a str>> {
    let plain = !condition.is_empty() && !condition.contains(['(', '\'']);
    plain.then(|| condition.split(word).collect())
}

/// The name in `a IS NULL` or `t.a IS NULL`.
fn tested<'a>(part: &'a str, test: &str) -> Option<&'a str> {
    let name = part.trim().strip_suffix(test)?.trim();
    let last = name.rsplit(['.', ' ']).next()?;
    let is_name =
        name == last || name.rsplit_once('.').is_some_and(|(alias, rest)| rest.trim() == last && !alias.trim().contains(' '));
    is_name.then_some(last)
}
