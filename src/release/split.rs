//! A manifest's text → documents (`k8s.io/apimachinery` `pkg/util/yaml` `YAMLReader`).

use std::borrow::Cow;

/// Text between two separators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk<'t> {
    pub text: &'t str,
    /// Line of the first line after the separator, counting from 1.
    pub first_line: usize,
    /// Something other than a comment follows the `---` before it: `YAMLReader` stops with an error there.
    pub bad_separator: bool,
}

impl<'t> Chunk<'t> {
    /// Only blank lines and comments.
    pub fn is_blank(&self) -> bool {
        self.text.lines().all(|line| {
            let line = line.trim_start();
            line.is_empty() || line.starts_with('#')
        })
    }

    /// The template that Helm's `# Source:` comment names.
    pub fn source(&self) -> Option<&'t str> {
        self.text
            .lines()
            .take_while(|line| line.is_empty() || line.starts_with('#'))
            .find_map(|line| line.strip_prefix("# Source: "))
            .map(str::trim)
    }
}

/// Line ends as `LineReader` leaves them, and no byte order mark in front.
pub(super) fn normalize(text: &str) -> Cow<'_, str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.contains("\r\n") { Cow::Owned(text.replace("\r\n", "\n")) } else { Cow::Borrowed(text) }
}

/// Splits at lines that begin with `---`. Blank documents are handed out too.
pub(super) fn documents(text: &str) -> Documents<'_> {
    Documents { rest: Some(text), line: 1, bad_separator: false }
}

pub(super) struct Documents<'t> {
    rest: Option<&'t str>,
    line: usize,
    bad_separator: bool,
}

impl<'t> Iterator for Documents<'t> {
    type Item = Chunk<'t>;

    fn next(&mut self) -> Option<Chunk<'t>> {
        let text = self.rest.take()?;
        let first_line = self.line;
        let bad_separator = std::mem::take(&mut self.bad_separator);
        let mut end = 0;
        for line in text.split_inclusive('\n') {
            self.line += 1;
            if let Some(tail) = line.strip_prefix("---") {
                let tail = tail.trim();
                self.bad_separator = !tail.is_empty() && !tail.starts_with('#');
                self.rest = Some(&text[end + line.len()..]);
                break;
            }
            end += line.len();
        }
        Some(Chunk { text: &text[..end], first_line, bad_separator })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<(&str, usize, bool)> {
        documents(text).map(|chunk| (chunk.text, chunk.first_line, chunk.bad_separator)).collect()
    }

    #[test]
    fn separators_stand_at_the_start_of_a_line() {
        assert_eq!(
            split("---\na: 1\n--- # c\nb: |\n  ---\n  x\n---"),
            [("", 1, false), ("a: 1\n", 2, false), ("b: |\n  ---\n  x\n", 4, false), ("", 8, false),]
        );
    }

    #[test]
    fn text_after_a_separator_is_remembered() {
        assert_eq!(split("a: 1\n---b: 2\nc: 3"), [("a: 1\n", 1, false), ("c: 3", 3, true)]);
    }

    #[test]
    fn the_source_comment_names_the_template() {
        let chunk = documents("# a note\n# Source: shop/templates/db.yaml \nkind: X\n").next().unwrap();
        assert_eq!(chunk.source(), Some("shop/templates/db.yaml"));
        assert_eq!(documents("kind: X\n# Source: no\n").next().unwrap().source(), None);
    }

    #[test]
    fn line_ends_and_byte_order_mark_are_taken_as_go_takes_them() {
        assert_eq!(normalize("\u{feff}a: 1\r\nb: x\ry\r\n"), "a: 1\nb: x\ry\n");
    }
}
