//! What a preview adds to the text: the upgrade itself, and what to do before it.

use super::headline::count;
use super::page::Page;
use crate::preview::Preview;

pub fn write(page: &mut Page, preview: &Preview) {
    if let Some(upgrade) = &preview.upgrade {
        page.field(2, "upgrade", &format!("{}: {}", upgrade.outcome, upgrade.reason));
        page.list(2, "it deletes", &upgrade.deletes);
        page.list(2, "and with it", &upgrade.cascades);
        page.list(2, "refused", &upgrade.rejected);
    }
    if let Some(revision) = preview.goes_back_to {
        page.field(2, "goes back to", &format!("revision {revision}, by itself, with {}", preview.flag));
    }
    page.list(2, "leaves", &preview.leaves);
    let steps: Vec<String> = preview
        .first
        .iter()
        .map(|step| step.object.as_ref().map_or(step.what.clone(), |object| format!("{object}: {}", step.what)))
        .collect();
    page.list(2, "do first", &steps);
    if preview.in_baseline > 0 {
        page.field(2, "baseline", &format!("{} that it has already are left out", count(preview.in_baseline, "finding")));
    }
}
