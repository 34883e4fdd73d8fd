//! The analysis of a history as SARIF 2.1.0 (OASIS Standard, 27 March 2020), for code scanning.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Deed, deeds};
use crate::migrations::report::Report;
use crate::report::{clean, uri};
use crate::sql::effect::{Certainty, EffectKind};

/// Hosts show no more results of a run than this.
const RESULTS: usize = 5_000;

/// One SARIF rule for one kind of effect: identity, default level, what it says.
const RULES: [(EffectKind, &str, &str, &str); 8] = [
    (EffectKind::DataLoss, "data-loss", "error", "Stored values are gone and are not found elsewhere in the database."),
    (EffectKind::ReadsBreak, "reads-break", "error", "A SELECT of something that existed before fails."),
    (
        EffectKind::WritesBreak,
        "writes-break",
        "error",
        "An INSERT, UPDATE or DELETE that worked before fails, whatever the data.",
    ),
    (EffectKind::Restricts, "restricts", "warning", "Writes that were valid before are refused for some values."),
    (EffectKind::ChangesResult, "changes-result", "warning", "Old statements succeed and mean something else."),
    (EffectKind::Moved, "moved", "warning", "Values left their place and are found elsewhere in the database."),
    (EffectKind::Widens, "widens", "note", "The database may hold values that the old schema could not."),
    (EffectKind::Opaque, "opaque", "warning", "A statement that cannot be understood."),
];

/// Writes the report. `base` is the directory that was read, relative to the repository, `/` separated; empty for its root.
pub fn render(report: &Report, base: &str, version: &str) -> String {
    let results: Vec<Value> = report
        .migrations
        .iter()
        .flat_map(|migration| {
            deeds(&migration.effects)
                .into_iter()
                .map(|deed| result(&deed, &place(base, &migration.path), &migration.version))
                .collect::<Vec<_>>()
        })
        .take(RESULTS)
        .collect();
    let rules: Vec<Value> = RULES.iter().map(|(_, id, level, text)| rule(id, level, text)).collect();
    let log = json!({
        "$schema": crate::report::sarif::SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "rollback-safe migrations", "semanticVersion": version, "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn place(base: &str, path: &str) -> String {
    let joined = if base.is_empty() { path.to_owned() } else { format!("{}/{path}", base.trim_end_matches('/')) };
    uri::path(&joined)
}

fn rule(id: &str, level: &str, text: &str) -> Value {
    json!({
        "id": id,
        "name": id,
        "shortDescription": {"text": text},
        "defaultConfiguration": {"level": level},
        "properties": {"precision": "high", "tags": ["migrations", "rollback"]},
    })
}

fn result(deed: &Deed<'_>, path: &str, version: &str) -> Value {
    let worst = deed.effects[0];
    let (position, (_, id, level, _)) =
        RULES.iter().enumerate().find(|(_, rule)| rule.0 == worst.kind).expect("every kind has a rule");
    let level = if deed.certainty == Certainty::Possible { "note" } else { level };
    let object = clean(deed.object);
    json!({
        "ruleId": id,
        "ruleIndex": position,
        "level": level,
        "message": {"text": format!("{object}: {} ({}, {}). {}", deed.words(), deed.by, deed.certainty, clean(deed.why()))},
        "locations": [{
            "physicalLocation": {"artifactLocation": {"uri": path}, "region": {"startLine": worst.line.max(1)}},
            "logicalLocations": [{"name": object, "kind": "object"}],
        }],
        "partialFingerprints": {"rollbackSafe/v1": fingerprint(&[id, deed.object, &deed.by.to_string(), version])},
    })
}

/// Stable where lines move: it holds no line.
fn fingerprint(parts: &[&str]) -> String {
    let digest = Sha256::digest(parts.join("\u{0}"));
    crate::hex::hex(&digest[..16])
}
