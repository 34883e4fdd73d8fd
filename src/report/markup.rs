//! Foreign text inside Markdown and HTML: nothing in it may open markup.

use std::fmt::Write;

use super::clean;

/// Hosts of comments cut what is longer.
pub const LONGEST: usize = 65_536;

/// A code span: nothing in it is markup.
pub fn code(text: &str) -> String {
    let text: String = clean(text).chars().map(|c| if matches!(c, '`' | '|') { '\'' } else { c }).take(200).collect();
    if text.trim().is_empty() { "``".to_owned() } else { format!("`{text}`") }
}

/// Prose with foreign names in it: every mark of Markdown and HTML is taken literally.
///
/// Hosts look for mentions, references and addresses in the text that is left after Markdown was read, where a backslash is gone:
/// what starts one stands in a code span, in which they do not look.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let text = clean(&text.replace('\n', " ")).into_owned();
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        let starter = STARTERS.iter().find(|starter| rest.starts_with(**starter));
        if let Some(starter) = starter {
            let _ = write!(out, "`{starter}`");
            rest = &rest[starter.len()..];
            continue;
        }
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '!' | '&' | '$') {
            out.push('\\');
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// What begins a mention, a reference or an address.
const STARTERS: [&str; 4] = ["@", "#", "://", "www."];

/// Several lines as they are, indented by four: no fence that they could close.
pub fn verbatim(text: &str) -> String {
    text.lines().map(|line| format!("    {}\n", clean(line))).collect()
}

/// Cuts at the end of a line where the whole is too long for a comment.
pub fn cut(text: String) -> String {
    cut_at(text, LONGEST)
}

/// Cuts at the end of a line what is longer than `longest` bytes.
pub fn cut_at(mut text: String, longest: usize) -> String {
    if text.len() <= longest {
        return text;
    }
    let tail = "\n\n… cut here; the JSON form has all of it.\n";
    let mut end = longest.saturating_sub(tail.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(text[..end].rfind('\n').unwrap_or(end));
    text.push_str(tail);
    text
}

/// Text between tags and in quoted attributes of HTML.
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
