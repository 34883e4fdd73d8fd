//! A changelog's text as one tree, whichever of its notations it is written in.
//!
//! In XML a value is an attribute or the text of an element; in YAML and JSON it is a key. Lists of YAML hold maps with one key each,
//! which stand for XML's elements (`liquibase.parser.core.ParsedNode`).

use libyaml_safer::{EventData, Parser};

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 64;
/// Most nodes of one changelog; anchors cannot multiply beyond it.
const MAX_NODES: usize = 2_000_000;

/// An element or a map.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::migrations::code) struct Node {
    pub name: String,
    pub line: u32,
    pub values: Vec<(String, String)>,
    pub children: Vec<Node>,
    pub text: String,
    /// Line where the text begins.
    pub text_line: u32,
    /// Items of a list that are maps, and those that are texts; YAML only.
    items: Vec<Node>,
    texts: Vec<String>,
}

impl Node {
    /// A value by its name: an attribute, or the text of the element of that name.
    pub fn value(&self, name: &str) -> Option<&str> {
        let own = self.values.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        own.or_else(|| self.child(name).filter(|child| !child.text.trim().is_empty()).map(|child| child.text.as_str()))
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        self.value(name).map(|value| value.trim().eq_ignore_ascii_case("true"))
    }

    /// Items of a list that are maps.
    pub fn items(&self) -> Vec<Node> {
        self.items.clone()
    }

    /// Items of a list that are texts.
    pub fn texts(&self) -> Vec<String> {
        self.texts.clone()
    }

    pub fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Elements of a name, also those inside the list that YAML puts them in (`columns`).
    pub fn all<'n>(&'n self, name: &'n str, list: &'n str) -> impl Iterator<Item = &'n Node> {
        let inner = self.children.iter().filter(move |child| child.name == list).flat_map(|child| &child.children);
        self.children.iter().chain(inner).filter(move |child| child.name == name)
    }

    /// Changes every value and text of the tree.
    pub fn map(&mut self, change: &dyn Fn(&str) -> Option<String>) {
        let texts = self.values.iter_mut().map(|(_, value)| value).chain([&mut self.text]);
        for text in texts {
            if let Some(changed) = change(text) {
                *text = changed;
            }
        }
        self.children.iter_mut().for_each(|child| child.map(change));
    }
}

/// The line and reason of what cannot be read.
pub(in crate::migrations::code) type Unread = (u32, String);

pub(in crate::migrations::code) fn xml(text: &str) -> Result<Node, Unread> {
    let text = text.trim_start_matches('\u{feff}');
    if nesting(text) > 2 * MAX_DEPTH {
        return Err((1, "it is nested too deeply".to_owned()));
    }
    let options = roxmltree::ParsingOptions { allow_dtd: true, nodes_limit: MAX_NODES as u32 };
    let wrong = |error: roxmltree::Error| (error.pos().row, "its XML is not well-formed".to_owned());
    let document = roxmltree::Document::parse_with_options(text, options).map_err(wrong)?;
    let starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    element(document.root_element(), &starts, 0)
}

/// How deeply elements are nested. The XML parser calls itself for each level, so that it is asked first.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0usize);
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let skipped = [("!--", "-->"), ("![CDATA[", "]]>"), ("?", "?>")].into_iter().find(|(open, _)| rest.starts_with(open));
        if let Some((_, close)) = skipped {
            rest = rest.find(close).map_or("", |end| &rest[end..]);
        } else if rest.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if !rest.starts_with('!') {
            let Some(end) = rest.find('>') else { break };
            depth += usize::from(!rest[..end].ends_with('/'));
            deepest = deepest.max(depth);
            rest = &rest[end..];
        }
    }
    deepest
}

fn line(starts: &[usize], at: usize) -> u32 {
    starts.partition_point(|start| *start <= at) as u32
}

fn element(xml: roxmltree::Node<'_, '_>, starts: &[usize], depth: usize) -> Result<Node, Unread> {
    let own = line(starts, xml.range().start);
    if depth > MAX_DEPTH {
        return Err((own, "it is nested too deeply".to_owned()));
    }
    let values = xml.attributes().map(|attribute| (attribute.name().to_owned(), attribute.value().to_owned())).collect();
    let mut node = Node { name: xml.tag_name().name().to_owned(), line: own, values, text_line: own, ..Node::default() };
    for child in xml.children() {
        if child.is_element() {
            node.children.push(element(child, starts, depth + 1)?);
        } else if let Some(text) = child.text().filter(|_| child.is_text()) {
            if node.text.is_empty() {
                node.text_line = line(starts, child.range().start);
            }
            node.text += text;
        }
    }
    Ok(node)
}

/// YAML, and JSON, which is YAML in its flow style.
pub(in crate::migrations::code) fn yaml(text: &str) -> Result<Node, Unread> {
    let text = text.trim_start_matches('\u{feff}');
    let mut parser = Parser::new();
    parser.set_input(text.as_bytes());
    let mut builder = Builder { stack: vec![Open::root()], nodes: 0 };
    loop {
        let event = parser.parse().map_err(|_| (builder.line(), "its YAML is not well-formed".to_owned()))?;
        let line = event.start_mark.line as u32 + 1;
        match event.data {
            EventData::StreamEnd => break,
            EventData::Scalar { value, plain_implicit, .. } => builder.scalar(&value, plain_implicit, line),
            EventData::Alias { .. } => builder.scalar("", false, line),
            EventData::MappingStart { .. } => builder.open(true, line)?,
            EventData::SequenceStart { .. } => builder.open(false, line)?,
            EventData::MappingEnd | EventData::SequenceEnd => builder.close(),
            _ => {}
        }
        if builder.nodes > MAX_NODES {
            return Err((line, "it is too large".to_owned()));
        }
    }
    Ok(builder.stack.swap_remove(0).node)
}

/// A collection that is being read. Collections that have no key of their own (items of a list) fill the node around them.
struct Open {
    node: Node,
    is_map: bool,
    key: Option<(String, u32)>,
    /// It is an item of a list.
    inline: bool,
}

impl Open {
    fn root() -> Open {
        Open { node: Node { line: 1, ..Node::default() }, is_map: false, key: None, inline: false }
    }
}

struct Builder {
    stack: Vec<Open>,
    nodes: usize,
}

impl Builder {
    fn line(&self) -> u32 {
        self.stack.last().map_or(1, |open| open.node.line)
    }

    fn scalar(&mut self, value: &str, plain: bool, line: u32) {
        self.nodes += 1;
        let Some(top) = self.stack.last_mut() else { return };
        match (top.is_map, top.key.take()) {
            (true, None) => top.key = Some((value.to_owned(), line)),
            (true, Some(_)) if plain && matches!(value, "null" | "~" | "") => {}
            (true, Some((key, _))) => {
                top.node.text_line = line;
                top.node.values.push((key, value.to_owned()));
            }
            (false, _) => {
                top.node.text += value;
                top.node.texts.push(value.to_owned());
                top.node.text_line = line;
            }
        }
    }

    fn open(&mut self, is_map: bool, line: u32) -> Result<(), Unread> {
        self.nodes += 1;
        if self.stack.len() > 2 * MAX_DEPTH {
            return Err((line, "it is nested too deeply".to_owned()));
        }
        let key = self.stack.last_mut().and_then(|top| if top.is_map { top.key.take() } else { None });
        let inline = key.is_none();
        let (name, line) = key.unwrap_or((String::new(), line));
        self.stack.push(Open { node: Node { name, line, text_line: line, ..Node::default() }, is_map, key: None, inline });
        Ok(())
    }

    fn close(&mut self) {
        if self.stack.len() < 2 {
            return;
        }
        let Some(done) = self.stack.pop() else { return };
        let Some(around) = self.stack.last_mut() else { return };
        if done.inline {
            // Only lists of plain maps are asked for their items: the copies stay as many as the values.
            if !around.is_map && done.node.values.iter().any(|(key, _)| key == "name") {
                around.node.items.push(done.node.clone());
            }
            around.node.values.extend(done.node.values);
            around.node.children.extend(done.node.children);
        } else {
            around.node.children.push(done.node);
        }
    }
}
