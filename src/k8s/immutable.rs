//! Changes that the API server refuses, from `rules/tables/immutable-fields.csv`.
//!
//! Source: the validation functions of Kubernetes 1.36.3 that the table's last column names. Rows with status `proven` were also
//! seen on a real API server of that version.

mod rows;

use std::cmp::Ordering;

use rows::{Change, Condition, Minor, Row, When};

use super::defaults::with_defaults;
use super::{kinds, quantity, selector, semantic, service};
use crate::diff::{FieldPath, Segment};
use crate::forecast::Confidence;
use crate::release::{Map, ObjectRef, Value};

/// One change that the API server answers with 422.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The refused field as the table names it: an immutable part is named whole (`spec.template` of a Job).
    pub path: FieldPath,
    /// The API server's words, without values.
    pub reason: String,
    /// Id of the row of `rules/tables/immutable-fields.csv`.
    pub row: String,
    /// Certain only for rows seen on a real server, and within version bounds that are known to hold.
    pub confidence: Confidence,
}

/// What the API server refuses when `before`, the live object (or the one in *from* where that is unknown), becomes `after`, the
/// object as it would be stored. `server_version` is `v1.36.3` or the like; without it a row with bounds is at most likely.
///
/// `after` must hold what the patch leaves alone: a field that is only live stays there under both kinds of apply, and is missing
/// after a PUT. Defaults and what the server carries over for a Service are filled in here.
pub fn refusals(id: &ObjectRef, before: &Value, after: &Value, server_version: Option<&str>) -> Vec<Refusal> {
    if before == after {
        return Vec::new();
    }
    let version = server_version.and_then(rows::minor);
    let mut rows = rows::of(id, kinds::current_group(id)).peekable();
    if rows.peek().is_none() {
        return Vec::new();
    }
    let update = Update::new(id, before, after);
    let mut found: Vec<Refusal> = Vec::new();
    for row in rows {
        let Some(confidence) = confidence(row, version) else { continue };
        for refusal in update.refusals(row, confidence) {
            // Rows for two server versions may both apply where the version is unknown; the newer one stands first.
            if !found.iter().any(|earlier| earlier.path == refusal.path) {
                found.push(refusal);
            }
        }
    }
    found
}

/// None where the row is not true of this server.
fn confidence(row: &Row, version: Option<Minor>) -> Option<Confidence> {
    let bounded = row.min.is_some() || row.max.is_some();
    let within =
        version.is_none_or(|version| row.min.is_none_or(|min| min <= version) && row.max.is_none_or(|max| version <= max));
    let certain = row.proven && (version.is_some() || !bounded);
    within.then_some(if certain { Confidence::Certain } else { Confidence::Likely })
}

/// Both sides as validation sees them.
struct Update<'a> {
    before: Value,
    after: Value,
    /// The old object comes from the cluster and may be its metadata alone.
    before_raw_live: Option<&'a Value>,
}

impl<'a> Update<'a> {
    fn new(id: &ObjectRef, before: &'a Value, after: &Value) -> Update<'a> {
        let is_live = !before.at(&["metadata", "uid"]).is_null();
        let (mut left, mut right) = (with_defaults(id, before), with_defaults(id, after));
        if id.is("", "Service") {
            (left, right) = service::stored(&left, &right);
        } else if id.is("", "Secret") {
            (left, right) = (with_string_data(left), with_string_data(right));
        }
        Update { before: left, after: right, before_raw_live: is_live.then_some(before) }
    }

    fn side(&self, when: When) -> &Value {
        match when {
            When::Before => &self.before,
            When::After => &self.after,
        }
    }

    fn refusals(&self, row: &Row, confidence: Confidence) -> Vec<Refusal> {
        let holds = row.conditions.iter().all(|condition| self.holds(row, condition));
        if !holds {
            return Vec::new();
        }
        if row.change == Change::StoredVersionMissing {
            return self.missing_versions(row, confidence);
        }
        let refused = self.is_refused(row);
        refused.then(|| refusal(row, confidence, None)).into_iter().collect()
    }

    fn holds(&self, row: &Row, condition: &Condition) -> bool {
        let shown = |when: When, path: &[&str]| self.side(when).at(path).display();
        match condition {
            Condition::Is(when, path, values) => values.contains(&shown(*when, path).as_str()),
            Condition::IsNot(when, path, values) => !values.contains(&shown(*when, path).as_str()),
            Condition::Has(when, path) => !is_unset(self.side(*when).at(path)),
            Condition::Lacks(when, path) => is_unset(self.side(*when).at(path)),
            Condition::AbsentKeeps => !is_unset(self.after.at(&row.path)),
            Condition::AfterDiffers(path) => self.after.at(&row.path) != self.after.at(path),
            Condition::NotAbove(path) => {
                compare(self.after.at(&row.path), self.before.at(path)).is_none_or(|order| order != Ordering::Greater)
            }
            Condition::LiveHas(path) => self.before_raw_live.is_none_or(|live| !live.at(path).is_null()),
            Condition::Established => is_established(&self.before),
            // Applied while comparing.
            Condition::Except(_) => true,
        }
    }

    fn is_refused(&self, row: &Row) -> bool {
        let (before, after) = (self.before.at(&row.path), self.after.at(&row.path));
        match row.change {
            Change::Changed => differs(row, before, after),
            Change::ChangedUnordered => !covers(before, after) || !covers(after, before),
            Change::SetOnce => !before.is_null() && differs(row, before, after),
            Change::Removed => !before.is_null() && after.is_null(),
            Change::Emptied => !before.is_null() && after.as_str() == Some(""),
            Change::Lowered => compare(after, before) == Some(Ordering::Less),
            Change::Raised => compare(after, before) == Some(Ordering::Greater),
            Change::ItemsRemoved => !covers(after, before),
            Change::FirstChanged => first(before) != first(after),
            Change::Present => any_at(&self.after, &row.path, &|value| !is_unset(value)),
            Change::SelectorMismatch => self.is_mismatch(after),
            Change::StoredVersionMissing => false,
        }
    }

    fn is_mismatch(&self, labels: &Value) -> bool {
        let wanted = self.after.at(&["spec", "selector"]);
        let has_terms = wanted.as_map().is_some_and(|map| !map.is_empty());
        has_terms && !selector::selects_by_terms(wanted, labels)
    }

    /// Stored versions by the CRD's status; without one, the storage version of the old manifest is certainly among them.
    fn missing_versions(&self, row: &Row, confidence: Confidence) -> Vec<Refusal> {
        let versions = |body: &Value, filter: &dyn Fn(&Value) -> bool| -> Vec<String> {
            let listed = body.at(&["spec", "versions"]).as_list().iter().filter(|version| filter(version));
            listed.filter_map(|version| version.get("name").as_str().map(str::to_owned)).collect()
        };
        let status = self.before.at(&row.path).as_list();
        let stored: Vec<String> = match status {
            [] => versions(&self.before, &|version| version.get("storage").as_bool() == Some(true)),
            status => status.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
        };
        let listed = versions(&self.after, &|_| true);
        let missing = stored.iter().find(|name| !listed.contains(name));
        missing.map(|name| refusal(row, confidence, Some(name))).into_iter().collect()
    }
}

fn refusal(row: &Row, confidence: Confidence, item: Option<&str>) -> Refusal {
    let mut path: Vec<Segment> =
        row.path.iter().map(|key| Segment::Key(key.strip_suffix("[]").unwrap_or(key).to_owned())).collect();
    if row.change == Change::FirstChanged {
        path.push(Segment::Index(0));
    }
    let reason = item.map_or_else(|| row.reason.to_owned(), |item| row.reason.replace("{item}", item));
    Refusal { path: FieldPath(path), reason, row: row.id.to_owned(), confidence }
}

/// Absent as far as Go's zero values go.
fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0),
        _ => false,
    }
}

fn differs(row: &Row, before: &Value, after: &Value) -> bool {
    let key = row.path.last().copied().unwrap_or("");
    let parent = row.path.iter().rev().nth(1).copied().unwrap_or("");
    let excepted = row.conditions.iter().find_map(|condition| match condition {
        Condition::Except(paths) => Some(paths),
        _ => None,
    });
    match excepted {
        None => !semantic::same(parent, key, before, after),
        Some(paths) => {
            let mask = |value: &Value| paths.iter().fold(value.clone(), |value, path| without(value, path));
            !semantic::same(parent, key, &mask(before), &mask(after))
        }
    }
}

/// The value without the part at this path, and without maps that this leaves empty. The depth is that of the table's path.
fn without(mut value: Value, path: &[&str]) -> Value {
    let Some((key, rest)) = path.split_first() else { return value };
    let Some(map) = value.as_map_mut() else { return value };
    match (key.strip_suffix("[]"), rest.is_empty()) {
        (None, true) => {
            map.remove(*key);
        }
        (Some(list), _) => without_in_items(map, list, rest),
        (None, false) => {
            if let Some(child) = map.remove(*key) {
                let child = without(child, rest);
                if child.as_map().is_none_or(|map| !map.is_empty()) {
                    map.insert((*key).to_owned(), child);
                }
            }
        }
    }
    value
}

fn without_in_items(map: &mut Map, key: &str, rest: &[&str]) {
    if let Some(Value::List(items)) = map.get_mut(key) {
        for item in items {
            *item = without(std::mem::replace(item, Value::Null), rest);
        }
    }
}

/// Whether any value at the path passes the test; `[]` behind a key stands for every item.
fn any_at(value: &Value, path: &[&str], test: &dyn Fn(&Value) -> bool) -> bool {
    let Some((key, rest)) = path.split_first() else { return test(value) };
    match key.strip_suffix("[]") {
        Some(list) => value.get(list).as_list().iter().any(|item| any_at(item, rest, test)),
        None => any_at(value.get(key), rest, test),
    }
}

fn first(list: &Value) -> Option<&Value> {
    list.as_list().first()
}

/// Whether every item of `items` is in `list`. Lists of scopes and tolerations are short.
fn covers(list: &Value, items: &Value) -> bool {
    items.as_list().iter().all(|item| list.as_list().contains(item))
}

fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    Some(quantity::of(a)?.cmp(&quantity::of(b)?))
}

fn is_established(crd: &Value) -> bool {
    match crd.at(&["status", "conditions"]).as_list() {
        [] => true,
        conditions => conditions.iter().any(|condition| {
            condition.get("type").as_str() == Some("Established") && condition.get("status").as_str() == Some("True")
        }),
    }
}

/// `stringData` laid over `data`, as the API server does on every write.
fn with_string_data(mut secret: Value) -> Value {
    if let Some(map) = secret.as_map_mut()
        && let Some(Value::Map(text)) = map.remove("stringData")
    {
        let mut data = map.get("data").and_then(Value::as_map).cloned().unwrap_or_default();
        data.extend(text);
        map.insert("data".to_owned(), Value::Map(data));
    }
    secret
}

#[cfg(test)]
#[path = "immutable/tests.rs"]
mod tests;
