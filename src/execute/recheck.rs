//! Between acceptance and action: has anything moved?

use std::collections::BTreeSet;

use crate::input::{Gap, Input};

/// One look at the release: what was read, what it means, and the digest that binds both.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    pub input: &'a Input,
    /// One line for each finding: its message and its rule.
    pub findings: &'a [String],
    /// The gaps of the report (those of the input and of the forecast).
    pub gaps: &'a [Gap],
    pub digest: &'a str,
}

/// What moved between what was accepted and now: none if both digests are equal.
pub fn moved(accepted: &Evidence, now: &Evidence) -> Option<Vec<String>> {
    if accepted.digest == now.digest {
        return None;
    }
    let mut lines = record_moves(accepted.input, now.input);
    lines.extend(live_moves(accepted.input, now.input));
    lines.extend(listed("finding", &lines_of(accepted.findings), &lines_of(now.findings)));
    lines.extend(listed("gap", &gap_names(accepted.gaps), &gap_names(now.gaps)));
    if lines.is_empty() {
        lines.push("something the report rests on is not as it was".to_owned());
    }
    lines.push(format!("accepted was {}, the report is now {}", accepted.digest, now.digest));
    Some(lines)
}

fn record_moves(was: &Input, is: &Input) -> Vec<String> {
    let mut lines = Vec::new();
    if is.from.revision > was.from.revision {
        let new = &is.from;
        let when = new.last_deployed.as_deref().unwrap_or("an unknown time");
        lines.push(format!("there is a new revision {} ({}, \"{}\", {when})", new.revision, new.status, new.description));
    } else if is.from.revision < was.from.revision {
        lines.push(format!("revision {} is gone, the newest is now {}", was.from.revision, is.from.revision));
    } else {
        lines.extend(changed("status of the newest revision", &was.from.status, &is.from.status));
        lines.extend(rewritten(&was.from, &is.from));
    }
    lines.extend(changed("target revision", &was.to.revision, &is.to.revision));
    if was.to.revision == is.to.revision {
        lines.extend(changed("status of the target", &was.to.status, &is.to.status));
        lines.extend(rewritten(&was.to, &is.to));
    }
    lines.extend(listed("revision", &revisions(was), &revisions(is)));
    lines
}

/// The storage object was replaced or written to, whatever the record in it says.
fn rewritten(was: &crate::release::Release, is: &crate::release::Release) -> Option<String> {
    let (old, new) = (&was.stored, &is.stored);
    if old.uid != new.uid {
        return Some(format!("the record of revision {} was deleted and made anew", is.revision));
    }
    (old.resource_version != new.resource_version).then(|| format!("the record of revision {} was rewritten", is.revision))
}

fn revisions(input: &Input) -> BTreeSet<String> {
    input.history.iter().map(|entry| entry.revision.to_string()).collect()
}

fn live_moves(was: &Input, is: &Input) -> Vec<String> {
    let (before, after) = (&was.facts.live, &is.facts.live);
    let mut lines: Vec<String> = after
        .iter()
        .filter_map(|(id, now)| {
            let then = before.get(id)?;
            let what = match (then.yes(), now.yes()) {
                (Some(None), Some(Some(_))) => "exists now",
                (Some(Some(_)), Some(None)) => "is gone",
                (Some(Some(then)), Some(Some(now))) if then.uid != now.uid => "was replaced by another object of that name",
                (Some(Some(then)), Some(Some(now))) if then.is_terminating() != now.is_terminating() => "is being deleted",
                (Some(Some(then)), Some(Some(now))) if changes(&then.body, &now.body) => "was changed",
                (Some(_), None) => "cannot be read any more",
                (None, Some(_)) => "can be read now",
                _ => return None,
            };
            Some(format!("{id} {what}"))
        })
        .collect();
    lines.extend(changed("Kubernetes version", &version(was), &version(is)));
    lines
}

/// Whether more than the server's book-keeping differs.
fn changes(then: &crate::release::Value, now: &crate::release::Value) -> bool {
    let (Some(then), Some(now)) = (then.as_map(), now.as_map()) else {
        return then != now;
    };
    let keys: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let metadata = ["labels", "annotations", "finalizers", "ownerReferences"];
    let differs = |key: &str| then.get(key) != now.get(key);
    let meta = |map: &crate::release::Map, key: &str| map.get("metadata").map(|m| m.get(key).clone());
    keys.iter().any(|key| !matches!(key.as_str(), "metadata" | "status") && differs(key))
        || metadata.iter().any(|key| meta(then, key) != meta(now, key))
}

fn version(input: &Input) -> String {
    input.facts.server_version.yes().cloned().unwrap_or_else(|| "unknown".to_owned())
}

fn lines_of(findings: &[String]) -> BTreeSet<String> {
    findings.iter().cloned().collect()
}

fn gap_names(gaps: &[Gap]) -> BTreeSet<String> {
    gaps.iter().map(|gap| format!("{}: {}", gap.what, gap.why)).collect()
}

fn changed<T: PartialEq + std::fmt::Display>(what: &str, was: &T, is: &T) -> Option<String> {
    (was != is).then(|| format!("{what} was {was}, is now {is}"))
}

fn listed(what: &str, was: &BTreeSet<String>, is: &BTreeSet<String>) -> Vec<String> {
    let new = is.difference(was).map(|name| format!("new {what}: {name}"));
    let gone = was.difference(is).map(|name| format!("{what} no longer there: {name}"));
    new.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::sample;
    use crate::input::Known;
    use crate::release::Status;

    fn evidence<'a>(input: &'a Input, findings: &'a [String], digest: &'a str) -> Evidence<'a> {
        Evidence { input, findings, gaps: &input.gaps, digest }
    }

    fn moves(change: impl FnOnce(&mut Input)) -> String {
        let was = sample::input();
        let mut is = was.clone();
        change(&mut is);
        moved(&evidence(&was, &[], "sha256:a"), &evidence(&is, &[], "sha256:b")).expect("digests differ").join("\n")
    }

    #[test]
    fn equal_digests_say_nothing() {
        let input = sample::input();
        assert_eq!(moved(&evidence(&input, &[], "sha256:a"), &evidence(&input, &[], "sha256:a")), None);
    }

    #[test]
    fn a_new_revision_is_named() {
        let text = moves(|is| {
            is.from.revision = 8;
            is.from.description = "Upgrade complete".into();
        });
        assert!(text.contains("new revision 8 (deployed, \"Upgrade complete\""), "{text}");
        assert!(text.contains("accepted was sha256:a, the report is now sha256:b"), "{text}");
    }

    #[test]
    fn statuses_and_rewritten_records_are_named() {
        let text = moves(|is| {
            is.from.status = Status::PendingUpgrade;
            is.to.stored.resource_version = Some("99".into());
        });
        assert!(text.contains("status of the newest revision was deployed, is now pending-upgrade"), "{text}");
        assert!(text.contains("the record of revision 5 was rewritten"), "{text}");
    }

    #[test]
    fn live_objects_are_named_but_status_is_not_a_move() {
        let id = sample::id("ConfigMap", "settings");
        let text = moves(|is| {
            is.facts.live.insert(id.clone(), Known::Yes(None));
            is.facts
                .live
                .insert(sample::id("Service", "web"), sample::live("Service", "web", "uid-web", "other: 1\nstatus: {a: 1}"));
        });
        assert!(text.contains("ConfigMap/prod/settings is gone") && text.contains("Service/prod/web was changed"), "{text}");
        let text = moves(|is| {
            is.facts.live.insert(sample::id("Service", "web"), sample::live("Service", "web", "uid-web", "status: {a: 2}"));
        });
        assert!(!text.contains("Service"), "{text}");
        assert!(text.contains("something the report rests on"), "{text}");
    }

    #[test]
    fn findings_and_gaps_are_named() {
        let was = sample::input();
        let mut is = was.clone();
        is.gaps.push(Gap::new("live PersistentVolumeClaim/prod/cache", "forbidden"));
        let findings = ["claim cache is deleted (pvc-removed)".to_owned()];
        let text = moved(&evidence(&was, &[], "a"), &evidence(&is, &findings, "b")).unwrap().join("\n");
        assert!(text.contains("new finding: claim cache is deleted") && text.contains("new gap: live Pers"), "{text}");
    }
}
