//! From a step to its effects: stored values along the path, old statements by comparing the two ends.

mod compare;
mod context;
mod guards;
mod loss;
mod nulls;
mod others;
#[cfg(test)]
mod tests;
mod ties;
mod triggers;
mod views;

use std::collections::BTreeMap;

use super::catalog::Step;
use super::effect::{Effect, EffectKind, Target};
pub(in crate::sql) use context::CatalogTypes;
use context::Context;

/// Everything that a step does to old code and stored values, in the order of its statements.
pub fn effects(step: &Step) -> Vec<Effect> {
    let context = Context::new(step);
    let mut found = Vec::new();
    loss::losses(&context, &mut found);
    compare::relations(&context, &mut found);
    views::broken(&context, &mut found);
    triggers::broken(&context, &mut found);
    others::types(&context, &mut found);
    others::routines(&context, &mut found);
    others::events(&context, &mut found);
    distinct(found)
}

/// One effect of each kind and object: the surest, of those the first.
fn distinct(found: Vec<Effect>) -> Vec<Effect> {
    let mut best: BTreeMap<(EffectKind, Target, String), Effect> = BTreeMap::new();
    for effect in found {
        let part =
            if effect.kind == EffectKind::Opaque { format!("{}/{}", effect.migration, effect.statement) } else { String::new() };
        let key = (effect.kind, effect.object.clone(), part);
        match best.get(&key) {
            Some(known) if known.certainty >= effect.certainty => {}
            _ => {
                best.insert(key, effect);
            }
        }
    }
    let mut effects: Vec<Effect> = best.into_values().collect();
    effects.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| (a.kind, &a.object).cmp(&(b.kind, &b.object))));
    effects
}

fn place(effect: &Effect) -> (usize, u32) {
    (effect.migration, effect.statement)
}
