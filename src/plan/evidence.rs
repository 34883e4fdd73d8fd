//! What a finding rests on, without what changes by itself.

use super::canonical;
use crate::report::Finding;

/// The letters and digits of generated name suffixes (Kubernetes `staging/src/k8s.io/apimachinery/pkg/util/rand/rand.go`
/// `alphanums`).
const GENERATED: &str = "bcdfghjklmnpqrstvwxz2456789";

/// Digest of a finding's evidence. Names of pods and points in time are left out of it: they are others every hour, and decide
/// nothing.
pub fn digest(finding: &Finding) -> String {
    let mut texts: Vec<_> =
        finding.evidence.iter().map(|item| (item.source.word(), steady(&item.at), steady(&item.text))).collect();
    texts.sort();
    canonical::digest(&texts)
}

/// The text with generated suffixes and points in time replaced.
pub fn steady(text: &str) -> String {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.' | '+');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|c| part(c) != part(first)).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(length);
        if part(first) {
            push_steady(word, &mut out)
        } else {
            out.push_str(word)
        }
        rest = tail;
    }
    out
}

fn push_steady(word: &str, out: &mut String) {
    let trimmed = word.trim_end_matches(['.', ':']);
    if trimmed.contains('T') && trimmed.parse::<jiff::Timestamp>().is_ok() {
        out.push_str("<time>");
        out.push_str(&word[trimmed.len()..]);
    } else {
        out.push_str(pod_owner(trimmed).unwrap_or(trimmed));
        out.push_str(&word[trimmed.len()..]);
    }
}

/// `web` of `web-6d4cf56db6-x7k2p`, `agent` of `agent-x7k2p`; none where the last part was not generated for certain.
fn pod_owner(name: &str) -> Option<&str> {
    let (rest, suffix) = name.rsplit_once('-')?;
    let generated = |text: &str| text.chars().all(|c| GENERATED.contains(c));
    if suffix.len() != 5 || !generated(suffix) {
        return None;
    }
    match rest.rsplit_once('-') {
        // The hash of a pod template has eight to ten of these characters.
        Some((owner, hash)) if (8..=10).contains(&hash.len()) && generated(hash) => Some(owner),
        // A word such as `https` is made of these letters too.
        _ => suffix.bytes().any(|b| b.is_ascii_digit()).then_some(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_by_itself_is_left_out() {
        let table = [
            ("Pod/prod/web-6d4cf56db6-x7k2p is not ready", "Pod/prod/web is not ready"),
            ("pod agent-4wq9z.", "pod agent."),
            ("since 2026-03-01T10:00:00Z, by helm", "since <time>, by helm"),
            ("at 2026-03-01T10:00:00.123456+02:00:", "at <time>:"),
            ("Service/prod/web-https", "Service/prod/web-https"),
            ("PersistentVolume/pv-1 Delete", "PersistentVolume/pv-1 Delete"),
            ("image shop:2.4.6-alpine", "image shop:2.4.6-alpine"),
            ("StatefulSet/prod/db-0", "StatefulSet/prod/db-0"),
            ("größe – 5", "größe – 5"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(steady(text), expected);
        }
    }
}
