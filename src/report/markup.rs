//! Foreign text inside Markdown: nothing in it may open markup.

use super::clean;

/// Hosts of comments cut what is longer.
pub const LONGEST: usize = 65_536;

/// A code span: nothing in it is markup.
pub fn code(text: &str) -> String {
    let text: String = clean(text).chars().map(|c| if matches!(c, '`' | '|') { '\'' } else { c }).take(200).collect();
    if text.trim().is_empty() { "``".to_owned() } else { format!("`{text}`") }
}

/// Prose with foreign names in it: every mark of Markdown and HTML is taken literally.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in clean(&text.replace('\n', " ")).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' | '!' | '&' | '@' | '$') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Several lines as they are, indented by four: no fence that they could close.
pub fn verbatim(text: &str) -> String {
    text.lines().map(|line| format!("    {}\n", clean(line))).collect()
}

/// Cuts at the end of a line where the whole is too long for a comment.
pub fn cut(mut text: String) -> String {
    if text.len() <= LONGEST {
        return text;
    }
    let tail = "\n\n… cut here; the JSON form has all of it.\n";
    let mut end = LONGEST - tail.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(text[..end].rfind('\n').unwrap_or(end));
    text.push_str(tail);
    text
}
