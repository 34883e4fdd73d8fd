//! The statement that is being put together.

use super::RawStatement;
use super::blocks::Blocks;
use super::decode;
use crate::sql::dialect::Dialect;

/// A statement beyond this length keeps only its beginning.
const LIMIT: usize = 8 << 20;
/// The same for rows that are written out, whose tokens would take many times their length.
const ROWS_LIMIT: usize = 1 << 20;
/// What is kept of the beginning.
const HEAD: usize = 64 << 10;

pub(super) struct Draft {
    text: Vec<u8>,
    line: u32,
    pub templated: bool,
    head_only: bool,
    length: u64,
    started: bool,
    pub blocks: Blocks,
}

impl Draft {
    pub fn new(dialect: Dialect) -> Self {
        Draft {
            text: Vec::new(),
            line: 0,
            templated: false,
            head_only: false,
            length: 0,
            started: false,
            blocks: Blocks::new(dialect),
        }
    }

    pub fn is_started(&self) -> bool {
        self.started
    }

    /// Marks the first word; `line` is where it stands.
    pub fn start(&mut self, line: u32) {
        if !self.started {
            self.started = true;
            self.line = line;
        }
    }

    pub fn position(&self) -> usize {
        self.text.len()
    }

    /// What was pushed since `position`.
    pub fn since(&mut self, position: usize) -> &mut [u8] {
        let position = position.min(self.text.len());
        &mut self.text[position..]
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if self.head_only {
            return;
        }
        self.text.extend_from_slice(bytes);
        let limit = if self.blocks.is_rows() { ROWS_LIMIT } else { LIMIT };
        if self.text.len() > limit {
            self.head_only = true;
            self.text.truncate(HEAD);
            self.text.shrink_to_fit();
        }
    }

    /// Stands for a blanked byte: line ends stay, so that lines inside are counted.
    pub fn blank(&mut self, bytes: &[u8]) {
        if !self.started {
            return;
        }
        self.push(b" ");
        for _ in bytes.iter().filter(|byte| **byte == b'\n') {
            self.push(b"\n");
        }
    }

    /// The statement, and an empty draft in its place; none where there was nothing but blanks.
    pub fn finish(&mut self, number: u32, dialect: Dialect) -> Option<RawStatement> {
        let mut draft = std::mem::replace(self, Draft::new(dialect));
        while draft.text.last().is_some_and(u8::is_ascii_whitespace) {
            draft.text.pop();
        }
        draft.started.then(|| RawStatement {
            number,
            line: draft.line,
            text: decode::statement(draft.text, draft.head_only),
            templated: draft.templated,
            head_only: draft.head_only,
            length: draft.length,
        })
    }
}
