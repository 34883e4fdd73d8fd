//! The one sentence that must do if nothing else is read.

use std::fmt;

use crate::forecast::Outcome;
use crate::report::{Predicted, Report, Verdict};

/// `rolling back shop 7 → 5 would succeed for Helm, and delete 1 claim with its data`.
pub fn sentence(report: &Report) -> String {
    if let Some(preview) = &report.preview {
        return preview.headline.clone();
    }
    let release = &report.release;
    let what = if release.from.revision == release.to.revision {
        format!("re-applying {} revision {}", release.name, release.to.revision)
    } else {
        format!("rolling back {} {} → {}", release.name, release.from.revision, release.to.revision)
    };
    let reason = &report.predicted.reason;
    let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    match report.predicted.outcome {
        Outcome::Succeeds => format!("{what} would succeed for Helm{}", yet(report)),
        Outcome::Fails => format!("{what} would fail{because}{}", also(&report.predicted)),
        Outcome::Stuck => format!("{what} would fail and leave the release pending{because}{}", also(&report.predicted)),
        Outcome::Unknown => format!("{what} may succeed or fail{}", yet(report)),
    }
}

/// What follows although Helm is content: lost data if there is any, else what decided the verdict.
fn yet(report: &Report) -> String {
    let losses = Losses::of(&report.predicted);
    if losses.grave() {
        return format!(", and delete {losses}");
    }
    let also = also(&report.predicted);
    let worst = report.unwaived().next();
    match (report.verdict, worst) {
        (Verdict::Inconclusive, _) => format!(", but {} could not be read{also}", count(report.blocking_gaps(), "needed fact")),
        (Verdict::Unsafe | Verdict::Caution, Some(finding)) => format!(", but {}{also}", decapitalise(&finding.title)),
        (Verdict::Unsafe | Verdict::Caution, None) => format!(": {}{also}", report.predicted.reason),
        (Verdict::Safe, None) if report.gaps.is_empty() => format!("; nothing was found that stays behind{also}"),
        (Verdict::Safe, _) => format!("; nothing was found that cannot be undone{also}"),
    }
}

fn also(predicted: &Predicted) -> String {
    let losses = Losses::of(predicted);
    if losses.any() { format!("; it deletes {losses}") } else { String::new() }
}

/// Deleted things, counted by what they mean.
struct Losses {
    namespaces: usize,
    claims: usize,
    volumes: usize,
    definitions: usize,
    /// What goes along with a deleted object, claims and volumes aside.
    along: usize,
    others: usize,
}

impl Losses {
    fn of(predicted: &Predicted) -> Losses {
        let mut losses = Losses { namespaces: 0, claims: 0, volumes: 0, definitions: 0, along: 0, others: 0 };
        for object in &predicted.deletes {
            match kind(object) {
                "Namespace" => losses.namespaces += 1,
                "PersistentVolumeClaim" => losses.claims += 1,
                "CustomResourceDefinition" => losses.definitions += 1,
                _ => losses.others += 1,
            }
        }
        for object in &predicted.cascades {
            match kind(object) {
                "PersistentVolumeClaim" => losses.claims += 1,
                "PersistentVolume" => losses.volumes += 1,
                _ => losses.along += 1,
            }
        }
        losses
    }

    fn any(&self) -> bool {
        self.grave() || self.others > 0
    }

    /// Whether it may take data along.
    fn grave(&self) -> bool {
        self.namespaces + self.claims + self.volumes + self.definitions + self.along > 0
    }

    fn data(&self) -> &'static str {
        match (self.volumes, self.claims) {
            (0, _) => "",
            (_, 1) => " with its data",
            (volumes, claims) if volumes >= claims => " with their data",
            _ => ", some with their data",
        }
    }
}

impl fmt::Display for Losses {
    /// What holds data first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.namespaces > 0 {
            parts.push(format!("{} with all in it", count(self.namespaces, "namespace")));
        }
        if self.claims > 0 {
            parts.push(format!("{}{}", count(self.claims, "claim"), self.data()));
        } else if self.volumes > 0 {
            parts.push(format!("{} with data", count(self.volumes, "volume")));
        }
        if self.definitions > 0 {
            parts.push(count(self.definitions, "CRD"));
        }
        if self.along > 0 {
            let go = if self.along == 1 { "goes" } else { "go" };
            parts.push(format!("{} that {go} along", count(self.along, "object")));
        }
        if self.others > 0 {
            let noun = if parts.is_empty() { "object" } else { "other object" };
            parts.push(count(self.others, noun));
        }
        f.write_str(&join(&parts))
    }
}

fn kind(object: &str) -> &str {
    object.split('/').next().unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn losses(deletes: &[&str], cascades: &[&str]) -> String {
        let mut predicted = sample::empty().predicted;
        predicted.deletes = deletes.iter().map(ToString::to_string).collect();
        predicted.cascades = cascades.iter().map(ToString::to_string).collect();
        Losses::of(&predicted).to_string()
    }

    #[test]
    fn losses_name_data_first() {
        let claim = "PersistentVolumeClaim/prod/a";
        assert_eq!(losses(&["ConfigMap/prod/a"], &[]), "1 object");
        assert_eq!(losses(&["ConfigMap/prod/a", claim], &["PersistentVolume/a"]), "1 claim with its data and 1 other object");
        assert_eq!(losses(&[claim], &[]), "1 claim");
        assert_eq!(losses(&[claim, claim], &["PersistentVolume/a"]), "2 claims, some with their data");
        assert_eq!(
            losses(&["CustomResourceDefinition/a", "Namespace/b"], &["Widget/x/a", "Widget/x/b"]),
            "1 namespace with all in it, 1 CRD and 2 objects that go along"
        );
        assert_eq!(losses(&["StatefulSet/prod/a"], &[claim, "PersistentVolume/a"]), "1 claim with its data and 1 other object");
    }

    #[test]
    fn titles_become_clauses() {
        assert_eq!(decapitalise("A migration stays done"), "a migration stays done");
        assert_eq!(decapitalise("StatefulSet is refused"), "StatefulSet is refused");
        assert_eq!(decapitalise("CRD is deleted"), "CRD is deleted");
        assert_eq!(decapitalise(""), "");
    }
}
