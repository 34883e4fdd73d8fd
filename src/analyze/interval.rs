//! How far back the rollback goes.

use super::{Change, ChangeKind, Context};
use crate::release::Status;
use crate::rules::EvidenceSource;

/// From this many deployed revisions between on, what each of them changed is worth a look.
const MANY: usize = 5;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let between = context.input.between.iter();
    let worked =
        between.filter(|between| matches!(between.status, Status::Deployed | Status::Superseded) && between.restores.is_none());
    let count = worked.count();
    if count < MANY {
        return Vec::new();
    }
    let (from, to) = (context.input.from.revision, context.input.to.revision);
    let change = Change::new(ChangeKind::RevisionsSkipped, None).with("count", count).evidence(
        EvidenceSource::History,
        format!("revisions {to} to {from}"),
        format!("{count} revisions between them worked"),
    );
    vec![change]
}
