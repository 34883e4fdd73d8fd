//! What is wrong with a file of ours, and where.

use std::fmt;

/// A place in a text, both numbers counting from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    pub line: usize,
    pub column: usize,
}

impl Mark {
    pub const START: Mark = Mark { line: 1, column: 1 };
}

/// One thing that is wrong with one file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub file: String,
    pub mark: Mark,
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.mark.line, self.mark.column, self.message)
    }
}

/// Everything that is wrong, of all files, in the order of file and line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, fault) in self.0.iter().enumerate() {
            if position > 0 {
                writeln!(f)?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// Collects the faults of one file.
#[derive(Debug)]
pub struct Collector {
    file: String,
    faults: Vec<Fault>,
}

impl Collector {
    pub fn new(file: &str) -> Collector {
        Collector { file: file.to_owned(), faults: Vec::new() }
    }

    pub fn add(&mut self, mark: Mark, message: impl Into<String>) {
        self.faults.push(Fault { file: self.file.clone(), mark, message: message.into() });
    }

    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    pub fn into_faults(self) -> Vec<Fault> {
        self.faults
    }
}
