//! The files that migrations are read from: a directory, the keys of a ConfigMap, the files of a chart, blobs of a repository.
//!
//! Whoever does the reading fills a [`Tree`]; here it is only looked into. Files may be read at the first look, so that a tree of a
//! large project costs no more than the files that turn out to be migrations.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::sql::split;

/// A file larger than this is not held in memory: its statements are streamed by whoever holds the tree.
pub const LARGE: u64 = 64 << 20;

/// Reads a file's bytes, or says why it cannot.
pub type Read = Arc<dyn Fn() -> Result<Vec<u8>, String> + Send + Sync>;

/// Where a file's bytes are.
#[derive(Clone)]
pub enum Content {
    Bytes(Arc<[u8]>),
    /// Read when looked at.
    Later {
        size: u64,
        read: Read,
    },
    /// Not readable, and why.
    Missing(String),
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Content::Later { size, .. } => write!(f, "{size} bytes, not read yet"),
            Content::Missing(why) => write!(f, "missing: {why}"),
        }
    }
}

/// Paths (relative, with `/`) and their files.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    files: BTreeMap<String, Content>,
}

/// A file's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub text: Arc<str>,
    /// The bytes were not UTF-8 and were read as Windows-1252, so names and values may differ from what was meant.
    pub guessed: bool,
}

/// Why a file has no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    Absent,
    /// It has this many bytes: stream it.
    Large(u64),
    /// It holds what no text holds.
    Binary,
    Failed(String),
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unread::Absent => f.write_str("there is no such file"),
            Unread::Large(size) => write!(f, "{} MiB are too much to hold", size >> 20),
            Unread::Binary => f.write_str("it is not text"),
            Unread::Failed(why) => f.write_str(why),
        }
    }
}

impl Tree {
    pub fn new() -> Self {
        Tree::default()
    }

    /// Files whose bytes are at hand. A ConfigMap's keys are such paths without directories.
    pub fn from_files<P: Into<String>, B: Into<Vec<u8>>>(files: impl IntoIterator<Item = (P, B)>) -> Self {
        let mut tree = Tree::default();
        for (path, bytes) in files {
            tree.insert(&path.into(), Content::Bytes(Arc::from(bytes.into())));
        }
        tree
    }

    /// Adds a file; `\` and doubled or leading `/` and `./` are made the one form.
    pub fn insert(&mut self, path: &str, content: Content) {
        self.files.insert(normal(path), content);
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    pub fn len(&self) -> usize {
        self.files.len()
    }

    pub fn contains(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Every path, in byte order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Paths below a directory (`""` is the tree itself), in byte order.
    pub fn under<'a>(&'a self, directory: &'a str) -> impl Iterator<Item = &'a str> {
        self.files
            .range(directory.to_owned()..)
            .map(|(path, _)| path.as_str())
            .take_while(move |path| path.starts_with(directory))
            .filter(move |path| directory.is_empty() || path.as_bytes().get(directory.len()) == Some(&b'/'))
    }

    pub fn content(&self, path: &str) -> Option<&Content> {
        self.files.get(path)
    }

    /// The bytes of a file that is not too large.
    pub fn bytes(&self, path: &str) -> Result<Arc<[u8]>, Unread> {
        let bytes = match self.files.get(path).ok_or(Unread::Absent)? {
            Content::Bytes(bytes) => bytes.clone(),
            Content::Missing(why) => return Err(Unread::Failed(why.clone())),
            Content::Later { size, .. } if *size > LARGE => return Err(Unread::Large(*size)),
            Content::Later { read, .. } => Arc::from(read().map_err(Unread::Failed)?),
        };
        if bytes.len() as u64 > LARGE { Err(Unread::Large(bytes.len() as u64)) } else { Ok(bytes) }
    }

    /// The text of a file, whatever its encoding.
    pub fn text(&self, path: &str) -> Result<Text, Unread> {
        decode(&self.bytes(path)?)
    }
}

fn normal(path: &str) -> String {
    let parts = path.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".");
    parts.collect::<Vec<_>>().join("/")
}

/// The directory of a path, `""` at the top.
pub fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// The last part of a path.
pub fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// UTF-8 with or without a mark, UTF-16 with one, else Windows-1252; what holds control characters is no text.
pub fn decode(bytes: &[u8]) -> Result<Text, Unread> {
    let is_utf16 = bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]);
    if !is_utf16 && bytes.contains(&0) {
        return Err(Unread::Binary);
    }
    let (text, is_other) = split::decode(bytes);
    let guessed = is_other && !is_utf16;
    if text.contains('\0') || (guessed && is_binary(bytes)) {
        return Err(Unread::Binary);
    }
    Ok(Text { text: Arc::from(text), guessed })
}

/// More than one in thirty bytes are control characters that no script has.
fn is_binary(bytes: &[u8]) -> bool {
    let controls = bytes.iter().filter(|byte| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0C)).count();
    controls * 30 > bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_editors_write() {
        assert_eq!(&*decode(b"\xEF\xBB\xBFa").unwrap().text, "a");
        assert_eq!(&*decode(b"\xFF\xFEa\0").unwrap().text, "a");
        assert_eq!(&*decode(b"\xFE\xFF\0a").unwrap().text, "a");
        assert_eq!(decode(b"caf\xE9 \x80").unwrap(), Text { text: Arc::from("café €"), guessed: true });
        assert_eq!(decode(b"a\0b"), Err(Unread::Binary));
    }

    #[test]
    fn lists_a_directory_only() {
        let tree = Tree::from_files([("./a/b.sql", ""), ("a//c.sql", ""), ("a-b/d.sql", ""), ("ab.sql", ""), ("a\\e.sql", "")]);
        assert_eq!(tree.under("a").collect::<Vec<_>>(), ["a/b.sql", "a/c.sql", "a/e.sql"]);
        assert_eq!(tree.under("").count(), 5);
    }

    #[test]
    fn keeps_large_files_out_of_memory() {
        let mut tree = Tree::new();
        tree.insert("x.sql", Content::Later { size: LARGE + 1, read: Arc::new(|| panic!("must not be read")) });
        assert_eq!(tree.text("x.sql"), Err(Unread::Large(LARGE + 1)));
    }
}
