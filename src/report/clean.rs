//! Foreign text on its way to a terminal.

use std::borrow::Cow;
use std::fmt::Write;

/// Makes characters visible that would move the cursor, change colours, hide or reorder text.
///
/// Names and messages come from whoever may write to the cluster. A line feed counts too: what may have several lines
/// is split before it comes here.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push(' '),
            c if is_hostile(c) => write!(out, "\\u{{{:x}}}", u32::from(c)).expect("writing to a String"),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// C0 and C1 controls, line and paragraph separators, zero-width, bidirectional and tag characters, and what is no character (XML 1.0
/// has no place for U+FFFE and U+FFFF).
pub fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays() {
        assert!(matches!(clean("Überblick → 5 naïve 日本"), Cow::Borrowed(_)));
    }

    #[test]
    fn escapes_become_visible() {
        assert_eq!(clean("a\u{1b}[2Jb\u{9b}31mc"), "a\\u{1b}[2Jb\\u{9b}31mc");
        assert_eq!(clean("x\u{202e}y\u{200b}z\u{7f}"), "x\\u{202e}y\\u{200b}z\\u{7f}");
        assert_eq!(clean("one\r\ntwo\tthree"), "one\\r\\ntwo three");
    }
}
