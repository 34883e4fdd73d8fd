//! Texts of rules with `{placeholder}`s.

use serde::{Serialize, Serializer};

use crate::analyze::Change;

/// What stands where a change does not offer a text. Tests keep it out of built-in cases.
pub const MISSING: &str = "(not known)";

/// A text such as `{object} is deleted by this rollback`.
///
/// Only `{letters_and_underscores}` is a placeholder, so that JSON patches and jsonpath in commands stand as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    text: String,
}

impl Template {
    pub fn new(text: impl Into<String>) -> Template {
        Template { text: text.into() }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Names between braces, in the order of the text.
    pub fn placeholders(&self) -> Vec<&str> {
        parts(&self.text)
            .filter_map(|part| match part {
                Part::Placeholder(name) => Some(name),
                Part::Text(_) => None,
            })
            .collect()
    }

    pub fn render(&self, change: &Change) -> String {
        parts(&self.text)
            .map(|part| match part {
                Part::Text(text) => text.to_owned(),
                Part::Placeholder(name) => change.param(name).unwrap_or_else(|| MISSING.to_owned()),
            })
            .collect()
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

enum Part<'a> {
    Text(&'a str),
    Placeholder(&'a str),
}

fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((name, after)) = placeholder(rest) {
            rest = after;
            return Some(Part::Placeholder(name));
        }
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest[first..].find('{').map_or(rest.len(), |position| position + first);
        let (plain, after) = rest.split_at(end);
        rest = after;
        Some(Part::Text(plain))
    })
}

/// The name in a leading `{name}`, and what follows.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('{')?.split_once('}')?;
    let named = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphabetic() || c == '_');
    named.then_some((name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_jsonpath_are_text() {
        let template = Template::new(r#"kubectl patch {ref} -p '{"spec":{"a":1}}' -o jsonpath={.spec.b} {name}é{"#);
        assert_eq!(template.placeholders(), ["ref", "name"]);
        let whole: String = parts(template.as_str())
            .map(|part| match part {
                Part::Text(text) => text.to_owned(),
                Part::Placeholder(name) => format!("{{{name}}}"),
            })
            .collect();
        assert_eq!(whole, template.as_str());
    }
}
