//! Tables of patterns by which images, environment variables and annotations are recognised.

use crate::table;

/// A table whose columns are name, field, pattern and source.
pub struct PatternTable(&'static str);

/// One row: what is recognised, where to look, and the pattern (`*` stands for any run of characters).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    pub name: &'static str,
    pub field: &'static str,
    pub pattern: &'static str,
    pub source: &'static str,
}

impl PatternTable {
    pub const fn new(text: &'static str) -> PatternTable {
        PatternTable(text)
    }

    /// In the order of the file.
    pub fn rows(&self) -> impl Iterator<Item = Pattern> {
        table::records(self.0).map(|record| Pattern {
            name: record.field(0),
            field: record.field(1),
            pattern: record.field(2),
            source: record.field(3),
        })
    }

    /// What every such table has to keep: four columns, a known field, and a source.
    #[cfg(test)]
    pub fn check(&self, fields: &[&str]) {
        table::check(self.0);
        assert_eq!(
            self.0.lines().next().map(|header| header.split(',').skip(1).collect()),
            Some(vec!["field", "pattern", "source"])
        );
        for row in self.rows() {
            assert!(fields.contains(&row.field), "{row:?}");
            assert!(!row.name.is_empty() && !row.pattern.is_empty() && !row.source.is_empty(), "{row:?}");
        }
    }
}

/// The image without tag and digest.
pub fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    match image.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => before,
        _ => image,
    }
}

/// `*` matches any run of characters.
pub fn glob(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_well_formed() {
        PatternTable::new(include_str!("../../rules/tables/reloaders.csv")).check(&["annotation", "image"]);
        PatternTable::new(include_str!("../../rules/tables/slow-starters.csv")).check(&["image", "env", "command"]);
    }

    #[test]
    fn images_and_globs() {
        assert_eq!(repository("quay.io:443/a/b:1.2@sha256:00"), "quay.io:443/a/b");
        assert_eq!(repository("quay.io:443/a/b"), "quay.io:443/a/b");
        assert!(glob("*/b", "a/b") && glob("a*c", "abc") && glob("*b*", "abc") && glob("ab", "ab"));
        assert!(!glob("a*c", "ab") && !glob("ab", "abc") && !glob("*bb", "ab"));
    }
}
