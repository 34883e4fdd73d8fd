//! Layout of text output: wrapped paragraphs, labelled fields, colours where they are wanted.

use anstyle::Style;
use textwrap::{Options, WordSplitter};

use crate::report::clean;

/// Column at which the text of a labelled field starts, after the indent.
const LABEL: usize = 14;

/// Lists longer than this are cut; the JSON form has all of it.
const LONGEST_LIST: usize = 20;

/// A part of a text of several lines.
enum Block<'a> {
    /// Lines without indentation, joined.
    Prose(String),
    /// An indented line: to be copied, so never wrapped.
    Command(&'a str),
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if line.starts_with("  ") {
            blocks.push(Block::Command(line.trim()));
        } else if let Some(Block::Prose(words)) = blocks.last_mut() {
            words.push(' ');
            words.push_str(line.trim());
        } else {
            blocks.push(Block::Prose(line.trim().to_owned()));
        }
    }
    blocks
}

/// A text under construction.
pub struct Page {
    out: String,
    width: usize,
    color: bool,
}

impl Page {
    /// Widths below 40 columns are treated as 40: nothing readable fits.
    pub fn new(width: usize, color: bool) -> Page {
        Page { out: String::new(), width: width.max(40), color }
    }

    pub fn finish(self) -> String {
        self.out
    }

    pub fn blank(&mut self) {
        self.out.push('\n');
    }

    /// A line that starts with styled words. What does not fit is indented, so that no foreign text can begin a line the
    /// way our own do.
    pub fn lead(&mut self, indent: usize, style: Style, head: &str, rest: &str) {
        let head = clean(head);
        let lines = self.wrap(&format!("{head}{}", clean(rest)), indent, indent + 2);
        for (position, line) in lines.iter().enumerate() {
            match line.trim_start().strip_prefix(head.as_ref()) {
                Some(tail) if position == 0 => {
                    let painted = self.paint(style, &head);
                    self.line(&format!("{}{painted}{tail}", " ".repeat(indent)));
                }
                _ => self.line(line),
            }
        }
    }

    /// Prose. Lines are joined and wrapped anew; a line that was indented is a command and stays as it is.
    pub fn paragraph(&mut self, indent: usize, text: &str) {
        for block in blocks(text) {
            match block {
                Block::Prose(words) => {
                    for line in self.wrap(&clean(&words), indent, indent) {
                        self.line(&line);
                    }
                }
                Block::Command(line) => self.verbatim(indent + 2, line),
            }
        }
    }

    /// `label` in a column of its own, prose beside it, commands below it. Nothing is written for an empty text.
    pub fn field(&mut self, indent: usize, label: &str, text: &str) {
        let mut label = label;
        for block in blocks(text) {
            match block {
                Block::Prose(words) => self.labelled(indent, label, &clean(&words)),
                Block::Command(line) => self.verbatim(indent + 2, line),
            }
            label = "";
        }
    }

    /// One field a line, cut where it gets long.
    pub fn list<S: AsRef<str>>(&mut self, indent: usize, label: &str, items: &[S]) {
        let mut label = label;
        for item in items.iter().take(LONGEST_LIST) {
            self.labelled(indent, label, &clean(item.as_ref()));
            label = "";
        }
        if items.len() > LONGEST_LIST {
            let more = items.len() - LONGEST_LIST;
            self.labelled(indent, "", &format!("… and {more} more (-o json names them)"));
        }
    }

    /// A line that is to be copied: never wrapped, never styled.
    pub fn verbatim(&mut self, indent: usize, text: &str) {
        self.line(&format!("{}{}", " ".repeat(indent), clean(text)));
    }

    fn labelled(&mut self, indent: usize, label: &str, text: &str) {
        let lines = self.wrap(text, indent + LABEL, indent + LABEL);
        let dim = Style::new().dimmed();
        for (position, line) in lines.iter().enumerate() {
            if position == 0 && !label.is_empty() {
                let padding = " ".repeat(LABEL.saturating_sub(label.len()).max(1));
                let painted = self.paint(dim, label);
                self.line(&format!("{}{painted}{padding}{}", " ".repeat(indent), line.trim_start()));
            } else {
                self.line(line);
            }
        }
    }

    /// Words are never split: an object name must stay one that can be copied, even if it is longer than the line.
    fn wrap(&self, text: &str, first: usize, rest: usize) -> Vec<String> {
        let (first, rest) = (" ".repeat(first), " ".repeat(rest));
        let options = Options::new(self.width)
            .initial_indent(&first)
            .subsequent_indent(&rest)
            .break_words(false)
            .word_splitter(WordSplitter::NoHyphenation);
        textwrap::wrap(text, options).into_iter().map(|line| line.into_owned()).collect()
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}
