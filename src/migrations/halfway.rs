//! A migration that failed: the set of schemas that it can have left, and what holds for all of them.

use std::collections::{BTreeMap, BTreeSet};

use super::applied::MOST_PREFIXES;
use super::history::Migration;
use crate::sql::dialect::Dialect;
use crate::sql::effect::{Certainty, Effect, EffectKind, Target};

/// How many of its statements can have run.
pub fn prefixes(migration: &Migration, statements: usize, dialect: Dialect) -> Vec<usize> {
    let all_or_nothing = migration.transactional && !commits_by_itself(dialect);
    let every = match (all_or_nothing, statements) {
        (true, _) => vec![0, statements],
        (false, few) if few < MOST_PREFIXES => (0..=few).collect(),
        (false, many) => (0..=MOST_PREFIXES).map(|part| part * many / MOST_PREFIXES).collect(),
    };
    every.into_iter().collect::<BTreeSet<usize>>().into_iter().collect()
}

/// Statements that define something end the transaction that they are in (MySQL manual, "Statements That Cause an Implicit
/// Commit"; Oracle Database SQL Language Reference, `COMMIT`).
fn commits_by_itself(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::MySql | Dialect::MariaDb | Dialect::Oracle)
}

/// Kind and object; opaque statements are told apart by their number.
type Key = (EffectKind, Target, u32);

/// Effects of each possible schema as one list: what all have stays, what only some have is possible.
pub fn unite(version: &str, variants: &[(usize, Vec<Effect>)]) -> Vec<Effect> {
    let mut seen: BTreeMap<Key, Vec<(usize, &Effect)>> = BTreeMap::new();
    for (prefix, effects) in variants {
        for effect in effects {
            let part = if effect.kind == EffectKind::Opaque { effect.statement } else { 0 };
            seen.entry((effect.kind, effect.object.clone(), part)).or_default().push((*prefix, effect));
        }
    }
    seen.into_values().filter_map(|found| one(version, &found, variants)).collect()
}

fn one(version: &str, found: &[(usize, &Effect)], variants: &[(usize, Vec<Effect>)]) -> Option<Effect> {
    let (_, last) = found.last()?;
    let mut effect = Effect::clone(last);
    let holding: BTreeSet<usize> = found.iter().map(|(prefix, _)| *prefix).collect();
    let weakest = found.iter().map(|(_, effect)| effect.certainty).min().unwrap_or(Certainty::Possible);
    if holding.len() == variants.len() {
        effect.certainty = weakest;
        return Some(effect);
    }
    effect.certainty = Certainty::Possible;
    effect.why = format!("{} (only if {} failed {})", effect.why.trim_end_matches('.'), version, when(&holding, variants));
    Some(effect)
}

/// `after 3 or more of its 5 statements`.
fn when(holding: &BTreeSet<usize>, variants: &[(usize, Vec<Effect>)]) -> String {
    let (first, last) = (holding.first().copied().unwrap_or(0), holding.last().copied().unwrap_or(0));
    let all = variants.iter().map(|(prefix, _)| *prefix).max().unwrap_or(0);
    let said = match (first, last) {
        (first, last) if last == all => format!("after {first} or more"),
        (0, last) => format!("after {last} or fewer"),
        (first, last) if first == last => format!("after {first}"),
        (first, last) => format!("after {first} to {last}"),
    };
    format!("{said} of its {all} statements")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_transaction_holds_ran_wholly_or_not_at_all() {
        let whole = Migration { transactional: true, ..Migration::default() };
        assert_eq!(prefixes(&whole, 3, Dialect::PostgreSql), [0, 3]);
        assert_eq!(prefixes(&whole, 3, Dialect::MySql), [0, 1, 2, 3]);
        let open = Migration::default();
        assert_eq!(prefixes(&open, 2, Dialect::PostgreSql), [0, 1, 2]);
        assert_eq!(prefixes(&open, 0, Dialect::PostgreSql), [0]);
        let many = prefixes(&open, 10_000, Dialect::PostgreSql);
        assert_eq!((many.len(), many.first(), many.last()), (MOST_PREFIXES + 1, Some(&0), Some(&10_000)));
    }
}
