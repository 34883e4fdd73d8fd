//! YAML with positions, for the files a person writes: rules and cases.
//!
//! A plain tree on purpose: anchors, aliases and tags are refused, and depth and size are bounded.

use libyaml_safer::{EventData, Parser, ScalarStyle};

use super::fault::Mark;

/// Deepest nesting of a rule or case file.
const MAX_DEPTH: usize = 8;

/// A value and where it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub mark: Mark,
    pub content: Content,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// The text, and whether it was written without quotes and not as a block.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    /// In the order of the file, duplicates included.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// What a message calls it.
    pub fn describe(&self) -> &'static str {
        match &self.content {
            Content::Scalar { .. } => "a single value",
            Content::List(_) => "a list",
            Content::Map(_) => "a mapping",
        }
    }

    /// A key with nothing behind it counts as absent.
    pub fn is_empty(&self) -> bool {
        matches!(&self.content, Content::Scalar { text, plain: true } if text.is_empty() || text == "~" || text == "null")
    }
}

/// Where and why a text is no such tree.
pub type Problem = (Mark, String);

/// Reads one document. An empty text gives an empty scalar.
pub fn parse(text: &str) -> Result<Node, Problem> {
    let mut bytes = text.as_bytes();
    let mut parser = Parser::new();
    parser.set_input_string(&mut bytes);
    let mut reader = Reader { parser };
    reader.document()
}

struct Reader<'r, 'b> {
    parser: Parser<&'b mut &'r [u8]>,
}

impl Reader<'_, '_> {
    fn document(&mut self) -> Result<Node, Problem> {
        let mut root = None;
        loop {
            let (mark, data) = self.next()?;
            match data {
                EventData::StreamStart { .. } | EventData::DocumentEnd { .. } => {}
                EventData::DocumentStart { .. } if root.is_some() => {
                    return Err((mark, "one document is allowed in this file".to_owned()));
                }
                EventData::DocumentStart { .. } => {
                    let (mark, data) = self.next()?;
                    root = Some(self.node(mark, data, 0)?);
                }
                _ => break,
            }
        }
        Ok(root.unwrap_or(Node { mark: Mark::START, content: Content::Scalar { text: String::new(), plain: true } }))
    }

    fn next(&mut self) -> Result<(Mark, EventData), Problem> {
        match self.parser.parse() {
            Ok(event) => Ok((mark(event.start_mark), event.data)),
            Err(error) => {
                let place = error.problem_mark().map_or(Mark::START, mark);
                Err((place, format!("not YAML: {}", error.problem())))
            }
        }
    }

    fn node(&mut self, mark: Mark, data: EventData, depth: usize) -> Result<Node, Problem> {
        if depth > MAX_DEPTH {
            return Err((mark, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let content = match data {
            EventData::Scalar { anchor: None, tag: None, value, style, .. } => {
                Content::Scalar { text: value, plain: style == ScalarStyle::Plain }
            }
            EventData::SequenceStart { anchor: None, tag: None, .. } => Content::List(self.items(depth)?),
            EventData::MappingStart { anchor: None, tag: None, .. } => Content::Map(self.entries(depth)?),
            EventData::Alias { .. } => return Err((mark, "aliases are not allowed here".to_owned())),
            _ => return Err((mark, "anchors and tags are not allowed here".to_owned())),
        };
        Ok(Node { mark, content })
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node>, Problem> {
        let mut items = Vec::new();
        loop {
            let (mark, data) = self.next()?;
            if data == EventData::SequenceEnd {
                return Ok(items);
            }
            items.push(self.node(mark, data, depth + 1)?);
        }
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<(Node, Node)>, Problem> {
        let mut entries = Vec::new();
        loop {
            let (mark, data) = self.next()?;
            if data == EventData::MappingEnd {
                return Ok(entries);
            }
            let key = self.node(mark, data, depth + 1)?;
            let (mark, data) = self.next()?;
            entries.push((key, self.node(mark, data, depth + 1)?));
        }
    }
}

fn mark(mark: libyaml_safer::Mark) -> Mark {
    let from_one = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).saturating_add(1);
    Mark { line: from_one(mark.line), column: from_one(mark.column) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_count_from_one() {
        let node = parse("a: 1\nb:\n  - x\n").unwrap();
        let Content::Map(entries) = node.content else { panic!("a mapping") };
        assert_eq!(entries[1].0.mark, Mark { line: 2, column: 1 });
        let Content::List(items) = &entries[1].1.content else { panic!("a list") };
        assert_eq!(items[0].mark, Mark { line: 3, column: 5 });
    }

    #[test]
    fn aliases_tags_depth_and_second_documents_are_refused() {
        for (text, part) in [
            ("a: &x 1\nb: *x\n", "anchors"),
            ("a: !!str 1\n", "tags"),
            ("a: 1\n---\nb: 2\n", "one document"),
            ("[[[[[[[[[[[]]]]]]]]]]]", "deeper"),
            ("a: [1\nb: 2\n", "not YAML"),
        ] {
            let (_, message) = parse(text).unwrap_err();
            assert!(message.contains(part), "{text:?}: {message}");
        }
    }
}
