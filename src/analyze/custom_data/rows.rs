//! The table of custom resources whose deletion does something to data.

use crate::release::{ObjectRef, Value};
use crate::table;

const TABLE: &str = include_str!("../../../rules/tables/cr-data-loss.csv");

/// What becomes of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Destroy,
    /// It goes, and something else still has it.
    Rebuild,
    Keep,
    /// The kind holds configuration only.
    Nothing,
}

/// One way to decide for one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    group: &'static str,
    kind: &'static str,
    /// Where no row of the kind decides.
    pub default: Fate,
    /// `spec.a.b`, with `[]` after a list; `annotation x`; `finalizer x`; empty where nothing can change the default.
    pub place: &'static str,
    keep: &'static str,
    destroy: &'static str,
    /// What goes, in words.
    pub loss: &'static str,
    pub source: &'static str,
}

fn rows() -> impl Iterator<Item = Row> {
    table::records(TABLE).filter_map(|record| {
        Some(Row {
            group: record.field(0),
            kind: record.field(1),
            default: fate(record.field(2))?,
            place: record.field(3),
            keep: record.field(4),
            destroy: record.field(5),
            loss: record.field(6),
            source: record.field(7),
        })
    })
}

fn fate(text: &str) -> Option<Fate> {
    match text {
        "destroy" => Some(Fate::Destroy),
        "rebuild" => Some(Fate::Rebuild),
        "keep" => Some(Fate::Keep),
        "none" => Some(Fate::Nothing),
        _ => None,
    }
}

/// Rows of the kind: those that name it, else those of its whole group, else those of its family of groups.
pub(super) fn of(id: &ObjectRef) -> Vec<Row> {
    let rank = |row: &Row| match (row.group == id.group(), row.kind == id.kind) {
        (true, true) => Some(0),
        (true, false) if row.kind == "*" => Some(1),
        (false, true) if in_family(row.group, id.group()) => Some(2),
        (false, false) if row.kind == "*" && in_family(row.group, id.group()) => Some(3),
        _ => None,
    };
    let matching: Vec<(usize, Row)> = rows().filter_map(|row| Some((rank(&row)?, row))).collect();
    let best = matching.iter().map(|(rank, _)| *rank).min();
    matching.into_iter().filter(|(rank, _)| Some(*rank) == best).map(|(_, row)| row).collect()
}

/// `*.upbound.io` has `s3.aws.upbound.io` in it.
fn in_family(pattern: &str, group: &str) -> bool {
    pattern.strip_prefix('*').is_some_and(|suffix| group.ends_with(suffix))
}

impl Row {
    /// What the object itself says about its content, and where; none where it says nothing.
    pub(super) fn decide(&self, body: &Value) -> Option<(Fate, String)> {
        let found = self.values(body);
        let told = |value: &String| format!("{}: {value}", self.place);
        if let Some(value) = found.iter().find(|value| lists(self.destroy, value)) {
            let fate = if self.default == Fate::Rebuild { Fate::Rebuild } else { Fate::Destroy };
            return Some((fate, told(value)));
        }
        found.iter().find(|value| lists(self.keep, value)).map(|value| (Fate::Keep, told(value)))
    }

    fn values(&self, body: &Value) -> Vec<String> {
        match self.place.split_once(' ') {
            Some(("annotation", key)) => shown(body.at(&["metadata", "annotations"]).get(key)).into_iter().collect(),
            Some(("finalizer", name)) => {
                let all = body.at(&["metadata", "finalizers"]).as_list().iter();
                all.filter(|item| item.as_str() == Some(name)).flat_map(shown).collect()
            }
            _ => at(body, self.place),
        }
    }
}

/// Every scalar at a path; `[]` steps into each item of a list.
fn at(body: &Value, path: &str) -> Vec<String> {
    let mut values = vec![body];
    for step in path.split('.').filter(|step| !step.is_empty()) {
        let (key, into_list) = step.strip_suffix("[]").map_or((step, false), |key| (key, true));
        values = values.into_iter().map(|value| value.get(key)).collect();
        if into_list {
            values = values.into_iter().flat_map(|value| value.as_list()).collect();
        }
    }
    values.into_iter().flat_map(shown).collect()
}

fn shown(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| value.display())
}

/// Whether a column of the table lists the value. `*` stands for itself where other values stand beside it, else for any; `!` is any.
fn lists(column: &str, value: &str) -> bool {
    matches!(column, "*" | "!") || column.split('|').any(|one| !one.is_empty() && one == value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn decided(api_version: &str, kind: &str, body: serde_json::Value) -> Option<Fate> {
        let rows = of(&ObjectRef::new(api_version, kind, Some("prod"), "x"));
        let body = Value::from_json(body);
        let own = rows.iter().find_map(|row| row.decide(&body)).map(|(fate, _)| fate);
        own.or(rows.first().map(|row| row.default))
    }

    #[test]
    fn the_table_is_whole() {
        table::check(TABLE);
        let mut lines = csv::Reader::from_reader(TABLE.as_bytes());
        let header: Vec<String> = lines.headers().unwrap().iter().map(str::to_owned).collect();
        assert_eq!(header, ["group", "kind", "default", "place", "keep", "destroy", "loss", "source"]);
        assert_eq!(rows().count(), table::records(TABLE).count(), "a default that is not known");
        for row in rows() {
            assert!(!row.group.is_empty() && !row.kind.is_empty() && !row.source.is_empty(), "{row:?}");
            assert_eq!(row.place.is_empty(), row.keep.is_empty() && row.destroy.is_empty(), "{row:?}");
            assert_eq!(row.default == Fate::Nothing, row.loss.is_empty(), "{row:?}");
        }
    }

    #[test]
    fn fields_annotations_and_finalizers_decide() {
        let topic = |body| decided("kafka.strimzi.io/v1beta2", "KafkaTopic", body);
        assert_eq!(topic(json!({})), Some(Fate::Destroy));
        assert_eq!(topic(json!({"metadata": {"annotations": {"strimzi.io/managed": "false"}}})), Some(Fate::Keep));
        let percona = |body| decided("pxc.percona.com/v1", "PerconaXtraDBCluster", body);
        assert_eq!(percona(json!({})), Some(Fate::Keep));
        assert_eq!(percona(json!({"metadata": {"finalizers": ["percona.com/delete-pxc-pvc"]}})), Some(Fate::Destroy));
        let kafka = |body| decided("kafka.strimzi.io/v1", "Kafka", body);
        let jbod = json!({"spec": {"kafka": {"storage": {"volumes": [{"deleteClaim": false}, {"deleteClaim": true}]}}}});
        assert_eq!(kafka(jbod), Some(Fate::Destroy));
    }

    #[test]
    fn families_of_groups_and_management_policies() {
        let bucket = |spec| decided("s3.aws.upbound.io/v1beta1", "Bucket", json!({"spec": spec}));
        assert_eq!(bucket(json!({})), Some(Fate::Destroy));
        assert_eq!(bucket(json!({"deletionPolicy": "Orphan"})), Some(Fate::Keep));
        assert_eq!(bucket(json!({"managementPolicies": ["*"]})), Some(Fate::Destroy));
        assert_eq!(bucket(json!({"managementPolicies": ["Observe"]})), Some(Fate::Keep));
        assert_eq!(decided("aws.upbound.io/v1beta1", "ProviderConfig", json!({})), Some(Fate::Nothing));
        assert_eq!(decided("example.com/v1", "Widget", json!({})), None);
    }
}
