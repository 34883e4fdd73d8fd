//! The one sentence that must do if nothing else is read.

use crate::forecast::Outcome;
use crate::report::{Predicted, Report, Verdict};

/// `rolling back shop 7 → 5 would succeed for Helm, and delete 1 claim with its data`.
pub fn sentence(report: &Report) -> String {
    let release = &report.release;
    let what = if release.from.revision == release.to.revision {
        format!("re-applying {} revision {}", release.name, release.to.revision)
    } else {
        format!("rolling back {} {} → {}", release.name, release.from.revision, release.to.revision)
    };
    format!("{what} {}{}", outcome(report.predicted.outcome), rest(report))
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeds => "would succeed for Helm",
        Outcome::Fails => "would fail",
        Outcome::Stuck => "would fail and leave the release pending",
        Outcome::Unknown => "may succeed or fail",
    }
}

/// What follows from it: what is lost if anything is, else the worst finding, else what is not known.
fn rest(report: &Report) -> String {
    let lost = losses(&report.predicted);
    if !lost.is_empty() {
        return format!(", and delete {}", join(&lost));
    }
    let worst = report.unwaived().next();
    match (report.verdict, worst) {
        (Verdict::Safe, None) if report.gaps.is_empty() => "; nothing was found that stays behind".to_owned(),
        (Verdict::Safe, _) => "; nothing was found that cannot be undone".to_owned(),
        (Verdict::Inconclusive, _) => format!(", but {} could not be read", count(report.blocking_gaps(), "needed fact")),
        (_, Some(finding)) if !finding.title.is_empty() => format!(": {}", decapitalise(&finding.title)),
        (_, Some(finding)) => format!(": {}", finding.rule),
        (_, None) => format!(": {}", report.predicted.reason),
    }
}

/// Deleted things, what holds data first.
fn losses(predicted: &Predicted) -> Vec<String> {
    let of_kind = |list: &[String], kind: &str| {
        list.iter().filter(|object| object.split('/').next() == Some(kind)).count()
    };
    let claims = of_kind(&predicted.deletes, "PersistentVolumeClaim") + of_kind(&predicted.cascades, "PersistentVolumeClaim");
    let volumes = of_kind(&predicted.cascades, "PersistentVolume");
    let definitions = of_kind(&predicted.deletes, "CustomResourceDefinition");
    let namespaces = of_kind(&predicted.deletes, "Namespace");
    let other = predicted.deletes.len()
        - of_kind(&predicted.deletes, "PersistentVolumeClaim")
        - definitions
        - namespaces;
    let also = predicted.cascades.len() - of_kind(&predicted.cascades, "PersistentVolumeClaim") - volumes;

    let mut lost = Vec::new();
    if namespaces > 0 {
        lost.push(format!("{} with all in it", count(namespaces, "namespace")));
    }
    if claims > 0 {
        let data = match (volumes, claims) {
            (0, _) => "",
            (_, 1) => " with its data",
            (volumes, claims) if volumes >= claims => " with their data",
            _ => ", some with their data",
        };
        lost.push(format!("{}{data}", count(claims, "claim")));
    }
    if definitions > 0 {
        lost.push(count(definitions, "CRD"));
    }
    if also > 0 {
        lost.push(format!("{} that {} along", count(also, "object"), if also == 1 { "goes" } else { "go" }));
    }
    if other > 0 {
        let noun = if lost.is_empty() { "object" } else { "other object" };
        lost.push(count(other, noun));
    }
    lost
}

/// `1 claim`, `2 claims`.
pub fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

fn join(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Lower case for the first letter of a word that is not an acronym or a kind.
fn decapitalise(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            let word = text.split(' ').next().unwrap_or_default();
            if word.chars().skip(1).any(char::is_uppercase) {
                return text.to_owned();
            }
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_owned(),
    }
}
