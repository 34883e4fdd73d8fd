//! A fast reader for the YAML that templates usually render: block mappings and sequences, one-line scalars, literal blocks.
//!
//! It reads what it is sure about and gives up (`None`) at everything else: anchors, tags, merge keys, flow mappings, folded or multi-line
//! scalars, trailing comments, tabs, duplicate keys, bounds, and every error. The caller then takes the full parser, which is several times
//! slower and is the only one to report anything. A test holds both against each other over mutated documents.

use super::scalar::{self, Scalar};
use super::value::{Map, Value};
use super::yaml::Limits;

/// Bytes of a key and what stands before its colon; YAML allows 1024 characters.
const MAX_KEY: usize = 500;

/// The value of a document, or `None` where the full parser has to look.
pub(super) fn read(text: &str, limits: &Limits) -> Option<Value> {
    let mut reader = Reader { rest: text, line: None, nodes: 0, limits: *limits };
    reader.advance()?;
    let Some(first) = reader.line else { return Some(Value::Null) };
    let value = reader.mapping(first.indent, None, 0)?;
    reader.line.is_none().then_some(value)
}

/// A line with content: neither blank nor a comment.
#[derive(Clone, Copy)]
struct Line<'t> {
    indent: usize,
    /// Without indentation and trailing spaces; never empty.
    text: &'t str,
}

struct Reader<'t> {
    /// After the current line.
    rest: &'t str,
    /// `None` at the end.
    line: Option<Line<'t>>,
    nodes: usize,
    limits: Limits,
}

impl<'t> Reader<'t> {
    /// Goes to the next line with content. Gives up at characters that need the full parser.
    fn advance(&mut self) -> Option<()> {
        loop {
            if self.rest.is_empty() {
                self.line = None;
                return Some(());
            }
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            let line = &self.rest[..end];
            let text = line.trim_start_matches(' ');
            let indent = line.len() - text.len();
            self.rest = self.rest.get(end + 1..).unwrap_or_default();
            let text = text.trim_end_matches(' ');
            if !is_printable(text)
                || text.contains('\t')
                || (indent == 0 && (text.starts_with(['.', '%']) || text.starts_with("---")))
            {
                return None;
            }
            if !text.is_empty() && !text.starts_with('#') {
                self.line = Some(Line { indent, text });
                return Some(());
            }
        }
    }

    fn count(&mut self, depth: usize) -> Option<()> {
        self.nodes += 1;
        (self.nodes < self.limits.nodes && depth < self.limits.depth).then_some(())
    }

    /// A mapping whose keys stand at `indent`. `first`: its first entry where it begins behind a dash.
    fn mapping(&mut self, indent: usize, first: Option<&'t str>, depth: usize) -> Option<Value> {
        self.count(depth)?;
        let mut map = Map::new();
        let mut entry = first;
        loop {
            let text = match entry.take() {
                Some(text) => text,
                None => match self.line {
                    Some(line) if line.indent == indent && !is_dash(line.text) => line.text,
                    Some(line) if line.indent > indent => return None,
                    _ => break,
                },
            };
            self.count(depth)?;
            let (key, value) = split_key(text)?;
            let value = if value.is_empty() {
                self.block_value(indent, depth + 1)?
            } else {
                self.inline_value(value, indent, depth + 1)?
            };
            if map.insert(key, value).is_some() {
                return None;
            }
        }
        // An entry was asked for and none was there.
        (!map.is_empty()).then_some(Value::Map(map))
    }

    /// What follows a key with nothing behind its colon: a deeper block, a sequence at the key's own indentation, or nothing.
    fn block_value(&mut self, indent: usize, depth: usize) -> Option<Value> {
        self.advance()?;
        match self.line {
            Some(line) if line.indent > indent && is_dash(line.text) => self.sequence(line.indent, depth),
            Some(line) if line.indent > indent => self.mapping(line.indent, None, depth),
            Some(line) if line.indent == indent && is_dash(line.text) => self.sequence(indent, depth),
            _ => {
                self.count(depth)?;
                Some(Value::Null)
            }
        }
    }

    fn sequence(&mut self, indent: usize, depth: usize) -> Option<Value> {
        self.count(depth)?;
        let mut items = Vec::new();
        while let Some(line) = self.line {
            if line.indent > indent {
                return None;
            }
            if line.indent < indent || !is_dash(line.text) {
                break;
            }
            items.push(self.item(line, depth + 1)?);
        }
        Some(Value::List(items))
    }

    fn item(&mut self, line: Line<'t>, depth: usize) -> Option<Value> {
        let text = line.text[1..].trim_start_matches(' ');
        if text.is_empty() {
            self.advance()?;
            return match self.line {
                Some(next) if next.indent > line.indent && is_dash(next.text) => self.sequence(next.indent, depth),
                Some(next) if next.indent > line.indent => self.mapping(next.indent, None, depth),
                _ => {
                    self.count(depth)?;
                    Some(Value::Null)
                }
            };
        }
        if is_dash(text) {
            return None;
        }
        let indent = line.indent + line.text.len() - text.len();
        if split_key(text).is_some() {
            self.mapping(indent, Some(text), depth)
        } else {
            self.inline_value(text, line.indent, depth)
        }
    }

    /// A value on the line of its key or dash. `indent` is that of the collection it stands in.
    fn inline_value(&mut self, text: &'t str, indent: usize, depth: usize) -> Option<Value> {
        self.count(depth)?;
        let value = match text.as_bytes().first()? {
            b'|' => return self.literal(text, indent),
            b'"' | b'\'' => Value::String(whole_quoted(text)?),
            b'[' => self.flow_sequence(text, depth + 1)?,
            b'{' if text == "{}" => {
                (depth < self.limits.depth).then_some(())?;
                Value::Map(Map::new())
            }
            _ => plain(text)?,
        };
        self.advance()?;
        // A deeper line would continue a plain scalar, or be an error.
        if self.line.is_some_and(|line| line.indent > indent) { None } else { Some(value) }
    }

    /// `[]`, or `[a, "b"]` on one line with words and quoted strings only.
    fn flow_sequence(&mut self, text: &str, depth: usize) -> Option<Value> {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?.trim_matches(' ');
        let mut items = Vec::new();
        let mut rest = inner;
        while !rest.is_empty() {
            self.count(depth)?;
            let (item, after) = flow_item(rest)?;
            items.push(item);
            let after = after.trim_start_matches(' ');
            rest = match after.strip_prefix(',') {
                Some(next) => Some(next.trim_start_matches(' ')).filter(|next| !next.is_empty())?,
                None if after.is_empty() => after,
                None => return None,
            };
        }
        (depth <= self.limits.depth).then_some(Value::List(items))
    }

    /// `|`, `|-` or `|+` and the lines below that are indented more than `indent`.
    fn literal(&mut self, header: &str, indent: usize) -> Option<Value> {
        let chomp = match header {
            "|" => None,
            "|-" | "|+" => header.chars().nth(1),
            _ => return None,
        };
        let mut text = String::new();
        // Line breaks not yet known to be inside the text.
        let mut breaks = 0;
        let mut width = 0;
        while !self.rest.is_empty() {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            let line = &self.rest[..end];
            let content = line.trim_start_matches(' ');
            let spaces = line.len() - content.len();
            if content.is_empty() && width == 0 && spaces > 0 {
                // Spaces before the first line with content would decide on the indentation.
                return None;
            } else if content.is_empty() && spaces <= width {
                breaks += 1;
            } else if width == 0 && spaces > indent || width > 0 && spaces >= width {
                if width == 0 {
                    width = spaces;
                }
                if !is_printable(line) || content.starts_with('\t') && spaces == width && text.is_empty() {
                    return None;
                }
                text.extend(std::iter::repeat_n('\n', breaks));
                text.push_str(&line[width..]);
                breaks = 1;
            } else {
                if content.starts_with('\t') {
                    return None;
                }
                break;
            }
            self.rest = self.rest.get(end + 1..).unwrap_or_default();
        }
        if width == 0 {
            return None;
        }
        match chomp {
            Some('-') => {}
            Some(_) => text.extend(std::iter::repeat_n('\n', breaks)),
            None => text.push('\n'),
        }
        self.advance()?;
        Some(Value::String(text))
    }
}

/// Printable ASCII, tabs, and letters of other scripts without the characters that YAML treats specially.
fn is_printable(text: &str) -> bool {
    let ascii = text.bytes().all(|byte| matches!(byte, 0x20..=0x7e | b'\t'));
    ascii || text.chars().all(|c| matches!(c, ' '..='~' | '\t' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{10000}'..='\u{1ffff}'))
}

fn is_dash(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

/// `key: value` → key and value. Only words and quoted keys; everything else may mean something else.
fn split_key(text: &str) -> Option<(String, &str)> {
    let (key, after) = if text.starts_with(['"', '\'']) {
        quoted(text)?
    } else {
        let end = text.bytes().position(|byte| !is_word(byte))?;
        if end == 0 || !text.as_bytes()[0].is_ascii_alphanumeric() {
            return None;
        }
        let key = match text.as_bytes()[0] {
            // The usual keys; what may be a boolean, a number or null is resolved.
            b'a'..=b'e' | b'g'..=b'm' | b'p'..=b's' | b'u'..=b'x' | b'z' => text[..end].to_owned(),
            _ => scalar::resolve(text[..end].to_owned(), None, true).ok()?.key().ok()?,
        };
        (key, &text[end..])
    };
    let value = after.strip_prefix(':')?;
    let ok = value.is_empty() || value.starts_with(' ');
    (ok && text.len() - after.len() < MAX_KEY).then(|| (key, value.trim_start_matches(' ')))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/')
}

/// A plain scalar that fills the rest of a line.
fn plain(text: &str) -> Option<Value> {
    let bytes = text.as_bytes();
    let starts = match bytes[0] {
        b'-' => bytes.get(1).is_some_and(|byte| *byte != b' '),
        first => !matches!(
            first,
            b'?' | b':'
                | b','
                | b'['
                | b']'
                | b'{'
                | b'}'
                | b'#'
                | b'&'
                | b'*'
                | b'!'
                | b'|'
                | b'>'
                | b'\''
                | b'"'
                | b'%'
                | b'@'
                | b'`'
        ),
    };
    let ends = bytes.last() != Some(&b':') && !bytes.windows(2).any(|pair| pair == b": " || pair == b" #");
    if !starts || !ends {
        return None;
    }
    value_of(scalar::resolve(text.to_owned(), None, true).ok()?)
}

fn value_of(scalar: Scalar) -> Option<Value> {
    Some(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Bool(flag) => Value::Bool(flag),
        Scalar::String(text) => Value::String(text),
        number => Value::Number(number.number()?),
    })
}

fn whole_quoted(text: &str) -> Option<String> {
    let (value, after) = quoted(text)?;
    after.is_empty().then_some(value)
}

/// A quoted scalar at the start of `text`, and what follows it. Only the escapes that JSON writers use.
fn quoted(text: &str) -> Option<(String, &str)> {
    let quote = *text.as_bytes().first()?;
    let body = &text[1..];
    let end = body.bytes().position(|byte| byte == quote || byte == b'\\' && quote == b'"')?;
    if body.as_bytes()[end] == quote {
        let after = &body[end + 1..];
        // Two single quotes are one inside the text.
        return (quote == b'"' || !after.starts_with('\'')).then(|| (body[..end].to_owned(), after));
    }
    escaped(body)
}

fn escaped(body: &str) -> Option<(String, &str)> {
    let mut value = String::with_capacity(body.len());
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &body[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                '\\' => '\\',
                '"' => '"',
                'n' => '\n',
                't' => '\t',
                _ => return None,
            }),
            c => value.push(c),
        }
    }
    None
}

fn flow_item(text: &str) -> Option<(Value, &str)> {
    if text.starts_with(['"', '\'']) {
        let (value, after) = quoted(text)?;
        return Some((Value::String(value), after));
    }
    let end = text.bytes().position(|byte| !is_word(byte)).unwrap_or(text.len());
    if end == 0 || !text.as_bytes()[0].is_ascii_alphanumeric() {
        return None;
    }
    Some((value_of(scalar::resolve(text[..end].to_owned(), None, true).ok()?)?, &text[end..]))
}
