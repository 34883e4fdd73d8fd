//! Placeholders of templates: names of the same length stand for their values, blanks for their control parts.

/// A placeholder at the beginning of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placeholder {
    pub length: usize,
    /// It gives no text (`{% if %}`, `{{ end }}`).
    pub control: bool,
    /// It only ends something.
    pub end: bool,
}

/// Bytes that are looked through for its end.
pub(super) const REACH: usize = 512;

const PAIRS: [(&[u8], &[u8]); 5] = [(b"{{", b"}}"), (b"{%", b"%}"), (b"<%", b"%>"), (b"${", b"}"), (b"$%", b"%$")];
const CONTROL: [&str; 14] =
    ["if", "else", "elseif", "elsif", "elif", "end", "endif", "range", "with", "define", "block", "for", "endfor", "unless"];

/// The placeholder that `bytes` begin with.
pub(super) fn find(bytes: &[u8]) -> Option<Placeholder> {
    let bytes = &bytes[..bytes.len().min(REACH)];
    let pair = PAIRS.iter().find(|(open, _)| bytes.starts_with(open));
    if let Some((open, close)) = pair {
        let inside = bytes.get(open.len()..)?;
        let length = inside.windows(close.len()).position(|window| window == *close)?;
        return Some(between(open, &inside[..length], open.len() + length + close.len()));
    }
    let length = at_signs(bytes).or_else(|| percent(bytes)).or_else(|| braces(bytes))?;
    Some(Placeholder { length, control: false, end: false })
}

fn between(open: &[u8], inside: &[u8], length: usize) -> Placeholder {
    let text = String::from_utf8_lossy(inside);
    let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '~'));
    let word: String = text.trim_start_matches(['#', '^', '/']).chars().take_while(char::is_ascii_alphanumeric).collect();
    let marked = text.starts_with(['#', '^', '/', '!']);
    let control = match open {
        b"{%" => true,
        b"<%" => !text.starts_with('='),
        b"{{" => marked || CONTROL.contains(&word.as_str()),
        _ => false,
    };
    Placeholder { length, control, end: control && (word.starts_with("end") || text.starts_with('/')) }
}

/// `@@name@@`.
fn at_signs(bytes: &[u8]) -> Option<usize> {
    let length = word_length(bytes.strip_prefix(b"@@")?)?;
    bytes[2 + length..].starts_with(b"@@").then_some(length + 4)
}

/// Python's `%(name)s`.
fn percent(bytes: &[u8]) -> Option<usize> {
    let length = word_length(bytes.strip_prefix(b"%(")?)?;
    let rest = &bytes[2 + length..];
    (rest.starts_with(b")s") || rest.starts_with(b")d")).then_some(length + 4)
}

/// `{name}`.
fn braces(bytes: &[u8]) -> Option<usize> {
    let length = word_length(bytes.strip_prefix(b"{")?)?;
    (bytes.get(1 + length) == Some(&b'}')).then_some(length + 2)
}

fn word_length(bytes: &[u8]) -> Option<usize> {
    let length = bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')).count();
    (length > 0).then_some(length)
}

/// A name of the same length.
pub(super) fn name(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| !byte.is_ascii_alphanumeric()) {
        *byte = b'_';
    }
}

/// Replaces the placeholders inside a quoted name; whether there were any.
pub(super) fn replace_in_name(bytes: &mut [u8]) -> bool {
    let (mut at, mut found) = (0, false);
    while at < bytes.len() {
        match matches!(bytes[at], b'{' | b'<' | b'$' | b'@' | b'%').then(|| find(&bytes[at..])).flatten() {
            Some(placeholder) => {
                name(&mut bytes[at..at + placeholder.length]);
                at += placeholder.length;
                found = true;
            }
            None => at += 1,
        }
    }
    found
}
