//! Text to statements, as the dialect's own client cuts it, in bounded memory.
//!
//! Comments are blanked (their line ends stay), placeholders of templates become names of the same length, directives of clients
//! are obeyed or handed on: `DELIMITER`, `GO`, `/`, psql's meta-commands, the rows behind `COPY … FROM stdin`.

mod blocks;
mod decode;
mod draft;
mod input;
mod placeholder;
mod scan;
#[cfg(test)]
mod tests;

use std::io::{self, BufRead};

pub use decode::decode;

use super::dialect::Dialect;
use draft::Draft;
use input::Input;

/// One statement as it stands in its script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawStatement {
    /// Counts from 1 in its script.
    pub number: u32,
    /// Line of its first word, from 1 in its file.
    pub line: u32,
    /// From its first word to its last, without the delimiter; placeholders replaced.
    pub text: String,
    /// A placeholder stood in it.
    pub templated: bool,
    /// It was too long to keep: `text` is only its beginning.
    pub head_only: bool,
    /// Its length in bytes, where only the beginning is kept that of all of it.
    pub length: u64,
}

/// Gives the statements of a script one after the other and holds one at a time.
pub struct Splitter<R> {
    input: Input<R>,
    dialect: Dialect,
    /// What ends a statement; MySQL's client changes it.
    delimiter: Vec<u8>,
    draft: Draft,
    number: u32,
    /// Only blanks since the line began.
    fresh: bool,
}

impl<R: BufRead> Splitter<R> {
    pub fn new(reader: R, dialect: Dialect) -> Self {
        Splitter {
            input: Input::new(reader),
            dialect,
            delimiter: b";".to_vec(),
            draft: Draft::new(dialect),
            number: 0,
            fresh: true,
        }
    }
}

impl<R: BufRead> Iterator for Splitter<R> {
    type Item = io::Result<RawStatement>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.input.ensure(1) {
            if let Some(statement) = self.step() {
                return Some(Ok(statement));
            }
        }
        let last = self.finish();
        match self.input.take_error() {
            Some(error) => Some(Err(error)),
            None => last.map(Ok),
        }
    }
}

/// The statements of a script.
pub fn split(text: &str, dialect: Dialect) -> Vec<RawStatement> {
    Splitter::new(text.as_bytes(), dialect).filter_map(Result::ok).collect()
}
