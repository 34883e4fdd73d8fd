//! The forecast part of the text.

use anstyle::Style;

use super::headline::count;
use super::page::Page;
use crate::forecast::{Action, Method, Outcome, StepResult};
use crate::release::HookEvent;
use crate::report::{Hook, NotRestored, Predicted, Rejected};

pub fn write(page: &mut Page, predicted: &Predicted) {
    page.blank();
    page.lead(0, Style::new().bold(), "FORECAST", &format!(": {}", outcome(predicted)));
    for other in &predicted.alternatives {
        page.field(2, "or else", &format!("{} if {}: {}", word(other.outcome), other.when, other.reason));
    }
    page.list(2, "deletes", &predicted.deletes);
    page.list(2, "goes along", &predicted.cascades);
    page.list(2, "creates", &predicted.creates);
    page.list(2, "takes over", &predicted.adopts);
    page.list(2, "refused", &predicted.rejected.iter().map(rejected).collect::<Vec<_>>());
    page.list(2, "kept", &predicted.kept);
    page.list(2, "not restored", &predicted.not_restored.iter().map(not_restored).collect::<Vec<_>>());
    page.list(2, "hooks", &predicted.hooks.iter().map(hook).collect::<Vec<_>>());
    page.field(2, "steps", &steps(predicted));
    let records: Vec<String> =
        predicted.records.iter().map(|record| format!("revision {} {}", record.revision, record.status)).collect();
    page.field(2, "records after", &records.join(", "));
    let pruned: Vec<String> = predicted.pruned.iter().map(u32::to_string).collect();
    page.field(2, "pruned", &pruned.join(", "));
}

fn outcome(predicted: &Predicted) -> String {
    let head = match predicted.outcome {
        Outcome::Succeeds => "Helm reports success",
        Outcome::Fails => "Helm reports an error",
        Outcome::Stuck => "Helm reports an error and the newest record stays pending",
        Outcome::Unknown => "not decidable with what is known",
    };
    let method = match predicted.method {
        Method::ClientSide => "client-side apply",
        Method::ServerSide => "server-side apply",
        Method::Replace => "replacement",
    };
    // Why it fails stands in the first line of the report already.
    let said = predicted.reason.is_empty() || matches!(predicted.outcome, Outcome::Fails | Outcome::Stuck);
    let reason = if said { String::new() } else { format!(": {}", predicted.reason) };
    format!("{head} ({method}){reason}")
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeds => "succeeds",
        Outcome::Fails => "fails",
        Outcome::Stuck => "gets stuck",
        Outcome::Unknown => "is unknown",
    }
}

fn rejected(item: &Rejected) -> String {
    let field = if item.field.is_empty() { String::new() } else { format!(" {}", item.field) };
    format!("{}{field}: {}", item.object, item.reason.replace('\n', " "))
}

fn not_restored(item: &NotRestored) -> String {
    format!("{}: {}", item.object, item.why.replace('\n', " "))
}

fn hook(hook: &Hook) -> String {
    let event: HookEvent = hook.event;
    format!("{} {}/{} (weight {}, as in revision {})", event.as_str(), hook.kind, hook.name, hook.weight, hook.from_revision)
}

/// How many steps of each sort, and how many of them are not expected to go through or not known.
fn steps(predicted: &Predicted) -> String {
    const ACTIONS: [(Action, &str); 8] = [
        (Action::Hook, "hook"),
        (Action::Create, "creation"),
        (Action::Patch, "update"),
        (Action::Replace, "replacement"),
        (Action::Adopt, "take-over"),
        (Action::Delete, "deletion"),
        (Action::Keep, "skipped deletion"),
        (Action::Wait, "wait"),
    ];
    let of = |wanted: Action| predicted.steps.iter().filter(|step| step.action == wanted).count();
    let ended = |wanted: StepResult| predicted.steps.iter().filter(|step| step.result == wanted).count();
    let mut parts: Vec<String> = ACTIONS
        .iter()
        .map(|(action, name)| (of(*action), name))
        .filter(|(number, _)| *number > 0)
        .map(|(number, name)| count(number, name))
        .collect();
    for (result, words) in [(StepResult::NotRun, "not reached"), (StepResult::Unknown, "of unknown result")] {
        let number = ended(result);
        if number > 0 {
            parts.push(format!("{number} {words}"));
        }
    }
    parts.join(", ")
}
