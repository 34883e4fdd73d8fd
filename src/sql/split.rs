//! Text to statements.

use super::dialect::Dialect;
use super::lexer::lex;

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
}

/// The statements of a script.
pub fn split(text: &str, dialect: Dialect) -> Vec<RawStatement> {
    let tokens = lex(text, dialect);
    let mut out = Vec::new();
    for part in tokens.split(|token| token.text(text) == ";") {
        let (Some(first), Some(last)) = (part.first(), part.last()) else { continue };
        let number = out.len() as u32 + 1;
        let text = text.get(first.start as usize..last.end as usize).unwrap_or_default().to_owned();
        out.push(RawStatement { number, line: first.line, text, templated: false, head_only: false });
    }
    out
}
