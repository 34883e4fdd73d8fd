//! Bytes that are read in pieces and looked at ahead.

use std::io::{self, BufRead};

/// What is kept of the input beyond the place where it is read.
pub(super) struct Input<R> {
    reader: R,
    buffer: Vec<u8>,
    at: usize,
    ended: bool,
    error: Option<io::Error>,
    /// From 1.
    pub line: u32,
}

impl<R: BufRead> Input<R> {
    pub fn new(reader: R) -> Self {
        Input { reader, buffer: Vec::new(), at: 0, ended: false, error: None, line: 1 }
    }

    pub fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    /// Whether `count` bytes are there; reads more where they are not yet.
    pub fn ensure(&mut self, count: usize) -> bool {
        while self.buffer.len() - self.at < count && !self.ended {
            self.fill();
        }
        self.buffer.len() - self.at >= count
    }

    fn fill(&mut self) {
        self.buffer.drain(..self.at);
        self.at = 0;
        match self.reader.fill_buf() {
            Ok([]) => self.ended = true,
            Ok(piece) => {
                let length = piece.len().min(PIECE);
                self.buffer.extend_from_slice(&piece[..length]);
                self.reader.consume(length);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                self.error = Some(error);
                self.ended = true;
            }
        }
    }

    /// What has been read and not been consumed.
    pub fn window(&self) -> &[u8] {
        &self.buffer[self.at..]
    }

    /// The byte `ahead`; 0 behind the end.
    pub fn peek(&mut self, ahead: usize) -> u8 {
        if self.ensure(ahead + 1) { self.buffer[self.at + ahead] } else { 0 }
    }

    pub fn starts_with(&mut self, bytes: &[u8]) -> bool {
        self.ensure(bytes.len()) && self.window().starts_with(bytes)
    }

    /// Consumes and returns the next `count` bytes, as many as are there.
    pub fn take(&mut self, count: usize) -> &[u8] {
        let start = self.at;
        self.at = (start + count).min(self.buffer.len());
        let taken = &self.buffer[start..self.at];
        self.line = self.line.saturating_add(taken.iter().filter(|byte| **byte == b'\n').count() as u32);
        taken
    }

    /// Consumes up to the end of the line, which stays; `keep` gets what is consumed.
    pub fn take_line(&mut self, mut keep: impl FnMut(&[u8])) {
        while self.ensure(1) {
            let end = self.window().iter().position(|byte| *byte == b'\n');
            let count = end.unwrap_or(self.window().len());
            keep(self.take(count));
            if end.is_some() {
                return;
            }
        }
    }

    /// The rest of the line, as far as `limit` bytes show it.
    pub fn line_ahead(&mut self, limit: usize) -> &[u8] {
        self.ensure(limit);
        let window = &self.buffer[self.at..];
        let window = &window[..window.len().min(limit)];
        let end = window.iter().position(|byte| *byte == b'\n').unwrap_or(window.len());
        &window[..end]
    }
}

/// Bytes that are taken from the reader at once.
const PIECE: usize = 64 << 10;
