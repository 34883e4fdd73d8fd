//! The plan as text, and back. What is read may have been written by anybody.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::model::{Plan, SCHEMA};
use crate::report::clean;
use crate::report::json;

/// Largest plan that is read, in bytes: a report of a release with some thousand objects takes one or two MiB.
pub const MAX_BYTES: u64 = 32 * 1024 * 1024;

/// Most acceptances that are read: each of them is verified.
const MAX_ACCEPTANCES: usize = 10_000;

/// Why a text is no plan that could be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No JSON, or no plan at all.
    NoPlan(String),
    /// A plan of another form.
    Version(String),
    /// A plan that does not have the form it names.
    Malformed { tool: String, why: String },
    /// It was changed after it was written.
    Changed { says: String, is: String },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::NoPlan(why) => write!(f, "it is no plan: {why}"),
            Fault::Version(found) => write!(f, "its form is {found:?}, and this program reads {SCHEMA}"),
            Fault::Malformed { tool, why } => {
                write!(f, "it was made by version {tool} and does not have the form {SCHEMA}: {why}")
            }
            Fault::Changed { says, is } => {
                write!(f, "the plan was changed after it was written: its digest is given as {says}, and computed as {is}")
            }
        }
    }
}

impl std::error::Error for Fault {}

/// The head of any plan.
#[derive(Deserialize)]
struct Head {
    schema: String,
    #[serde(default)]
    plan: Value,
}

/// Reads a plan and checks that it is whole.
///
/// # Errors
/// The text is not a plan of this version, or was changed.
pub fn parse(text: &[u8]) -> Result<Plan, Fault> {
    let value: Value = serde_json::from_slice(text).map_err(|error| Fault::NoPlan(place(&error)))?;
    let head: Head = Head::deserialize(&value).map_err(|_| Fault::NoPlan("it names no schema".to_owned()))?;
    if head.schema != SCHEMA {
        return Err(Fault::Version(short(&head.schema)));
    }
    let tool = short(head.plan["made"]["tool"].as_str().unwrap_or("unknown"));
    let malformed = |why: String| Fault::Malformed { tool: tool.clone(), why };
    // From the text, so that the place of a fault is known and a member given twice is one.
    let plan: Plan = serde_json::from_slice(text).map_err(|error| malformed(place(&error)))?;
    if plan.acceptances.len() > MAX_ACCEPTANCES {
        return Err(malformed(format!("{} acceptances are more than {MAX_ACCEPTANCES}", plan.acceptances.len())));
    }
    let again = serde_json::to_value(&plan).map_err(|_| malformed("it cannot be written again".to_owned()))?;
    if let Some(where_) = difference(&value, &again, String::new()) {
        return Err(malformed(format!("{where_} is unknown to this version, or not written as it writes it")));
    }
    let is = plan.computed();
    if plan.digest != is {
        return Err(Fault::Changed { says: short(&plan.digest), is });
    }
    Ok(plan)
}

/// The text of the file.
pub fn render(plan: &Plan) -> String {
    json::harmless(plan)
}

/// Where a fault is; what stands there is not repeated.
fn place(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "the text ends too early",
        serde_json::error::Category::Syntax => "no JSON",
        _ => "not as expected",
    };
    format!("{what} at line {}, column {}", error.line(), error.column())
}

/// The first place at which two values differ. A closed schema is one that loses nothing when it is read.
fn difference(one: &Value, other: &Value, at: String) -> Option<String> {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            let names = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
            names.into_iter().find_map(|name| {
                let below = format!("{at}.{}", short(name));
                match (a.get(name), b.get(name)) {
                    (Some(a), Some(b)) => difference(a, b, below),
                    _ => Some(below),
                }
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(index, (a, b))| difference(a, b, format!("{at}[{index}]")))
        }
        _ => (one != other).then_some(at),
    }
}

/// A text of the file, short and harmless.
fn short(text: &str) -> String {
    clean(&text.chars().take(80).collect::<String>()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sample;

    fn fault(text: &str) -> Fault {
        parse(text.as_bytes()).unwrap_err()
    }

    /// The sample plan's text with one word replaced.
    fn with(old: &str, new: &str) -> String {
        let text = render(&sample::plan());
        assert!(text.contains(old), "{old} is not in:\n{text}");
        text.replacen(old, new, 1)
    }

    #[test]
    fn what_was_written_is_read_again() {
        let plan = sample::plan();
        let read = parse(render(&plan).as_bytes()).unwrap();
        assert_eq!(render(&read), render(&plan));
        assert_eq!(read.plan.digest(), plan.plan.digest());
    }

    #[test]
    fn hostile_texts_are_faults_with_a_place() {
        assert!(matches!(fault(""), Fault::NoPlan(why) if why.contains("ends too early")));
        assert!(matches!(fault("[]"), Fault::NoPlan(_)));
        assert!(matches!(fault("{\"schema\": 5}"), Fault::NoPlan(_)));
        assert!(matches!(fault(&"[".repeat(100_000)), Fault::NoPlan(_)), "depth is bounded");
        assert!(matches!(fault("{\"schema\": \"rollback-safe/plan/v2\", \"plan\": 7}"), Fault::Version(v) if v.ends_with("v2")));
        let text = fault(&with("\"gaps\"", "\"gapes\"")).to_string();
        assert!(text.contains("made by version") && text.contains("line "), "{text}");
    }

    #[test]
    fn unknown_members_are_refused_wherever_they_are() {
        for (old, new) in [
            ("\"valid_until\"", "\"extra\": 1, \"valid_until\""),
            ("\"outcome\"", "\"extra\": 1, \"outcome\""),
            ("\"severity\"", "\"extra\": 1, \"severity\""),
            ("\"history_max\"", "\"extra\": 1, \"history_max\""),
        ] {
            let text = fault(&with(old, new)).to_string();
            assert!(text.contains("extra is unknown to this version"), "{old}: {text}");
        }
    }

    #[test]
    fn a_change_is_found() {
        for (old, new) in [
            ("\"release\": \"shop\"", "\"release\": \"shob\""),
            ("\"severity\": \"critical\"", "\"severity\": \"info\""),
            ("\"critical\": 1", "\"critical\": 0"),
            ("sha256:", "sha256:0"),
        ] {
            assert!(matches!(fault(&with(old, new)), Fault::Changed { .. }), "{old}");
        }
    }
}
