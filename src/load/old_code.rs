//! `--code DIR`: where code of the old version names tables and columns. Files are read in pieces; their text is never shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::Path;

use aho_corasick::{AhoCorasick, MatchKind};

use super::error::LoadError;
use super::files;
use crate::migrations::evidence::OldCode;

/// Bytes that are read of all files together.
const MOST_BYTES: u64 = 8 << 30;

/// Bytes that are read of one file.
const MOST_OF_ONE: u64 = 512 << 20;

/// Bytes that are held at once.
const PIECE: usize = 1 << 20;

/// Places that are kept of each name.
const PLACES: usize = 8;

/// Texts that tell nothing of what a program does, and files that are no program.
const PASSED_OVER: [&str; 16] = [
    ".md", ".txt", ".rst", ".png", ".jpg", ".svg", ".gif", ".woff", ".woff2", ".css", ".map", ".lock", ".gz", ".zip", ".mo",
    ".po",
];

/// Searches every file below a directory for the names. Links are not followed.
pub fn search(root: &Path, names: &BTreeSet<String>) -> Result<OldCode, LoadError> {
    let tree = files::tree(root)?;
    let mut search = Search::new(root, names)?;
    for path in tree.paths().filter(|path| !PASSED_OVER.iter().any(|end| path.ends_with(end))) {
        search.file(root, path);
    }
    Ok(search.found)
}

struct Search {
    automaton: AhoCorasick,
    names: Vec<String>,
    found: OldCode,
    left: u64,
}

impl Search {
    fn new(root: &Path, names: &BTreeSet<String>) -> Result<Search, LoadError> {
        let names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        // Code writes `user_id` as `userId`, `UserId` or `user-id` as well.
        let forms = names.iter().flat_map(|name| [name.clone(), name.replace('_', "")]);
        let automaton = AhoCorasick::builder().ascii_case_insensitive(true).match_kind(MatchKind::Standard).build(forms);
        let failed = |why: String| LoadError::File { path: root.display().to_string(), why };
        let automaton = automaton.map_err(|error| failed(error.to_string()))?;
        let found = OldCode {
            origin: root.display().to_string(),
            names: names.iter().map(|name| (name.clone(), Vec::new())).collect::<BTreeMap<_, _>>(),
            ..OldCode::default()
        };
        Ok(Search { automaton, names, found, left: MOST_BYTES })
    }

    fn cut(&mut self, why: String) {
        self.found.cut.get_or_insert(why);
    }

    fn file(&mut self, root: &Path, path: &str) {
        let whole = if root.is_file() { root.to_owned() } else { root.join(path) };
        let file = match fs::File::open(&whole) {
            Ok(file) => file,
            Err(error) => return self.cut(format!("{path}: {error}")),
        };
        self.found.files += 1;
        let most = MOST_OF_ONE.min(self.left);
        match self.pieces(&mut file.take(most), path) {
            Ok(read) if read == most => self.cut(format!("{path} and what follows is too much to read")),
            Ok(read) => self.left -= read,
            Err(error) => self.cut(format!("{path}: {error}")),
        }
    }

    /// Pieces overlap by the longest name, so that none is cut in two.
    fn pieces(&mut self, file: &mut dyn Read, path: &str) -> std::io::Result<u64> {
        let overlap = self.automaton.max_pattern_len() + 1;
        let mut buffer = vec![0; PIECE + 2 * overlap];
        let (mut kept, mut total, mut line, mut from) = (0, 0u64, 1usize, 0);
        loop {
            let count = file.read(&mut buffer[kept..])?;
            total += count as u64;
            let end = kept + count;
            let is_last = count == 0;
            let until = if is_last { end } else { end.saturating_sub(overlap) };
            self.piece(&buffer[..end], from..until, path, line);
            if is_last {
                return Ok(total);
            }
            // The byte before the next name says whether it is a word of its own.
            let next = until.saturating_sub(1);
            line += buffer[..next].iter().filter(|byte| **byte == b'\n').count();
            buffer.copy_within(next..end, 0);
            kept = end - next;
            from = until - next;
        }
    }

    /// Names that begin within the part of the bytes.
    fn piece(&mut self, bytes: &[u8], part: std::ops::Range<usize>, path: &str, first_line: usize) {
        let (mut line, mut counted) = (first_line, 0);
        for hit in self.automaton.find_overlapping_iter(bytes) {
            if !part.contains(&hit.start()) || !stands_alone(bytes, hit.start(), hit.end()) {
                continue;
            }
            let places = self.found.names.entry(self.names[hit.pattern().as_usize() / 2].clone()).or_default();
            if places.len() >= PLACES {
                continue;
            }
            if hit.start() > counted {
                line += bytes[counted..hit.start()].iter().filter(|byte| **byte == b'\n').count();
                counted = hit.start();
            }
            let place = format!("{path}:{line}");
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
}

/// Letters and digits on either side make it a part of another word; capitals begin a word of their own (`getUserName`).
fn stands_alone(bytes: &[u8], start: usize, end: usize) -> bool {
    let before = start.checked_sub(1).map(|at| bytes[at]);
    let (first, after) = (bytes[start], bytes.get(end).copied());
    let begins =
        before.is_none_or(|byte| !byte.is_ascii_alphanumeric() || (first.is_ascii_uppercase() && byte.is_ascii_lowercase()));
    // A plural, a suffix of a generated name (`user_ids`, `userIdColumn`) may still be it.
    let ends = after.is_none_or(|byte| !byte.is_ascii_lowercase() || byte == b's');
    begins && ends
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(wanted: &[&str]) -> BTreeSet<String> {
        wanted.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn finds_names_in_the_forms_that_code_writes() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.go"), "package a\nx := `SELECT user_id FROM t`\n").unwrap();
        fs::write(dir.path().join("b.java"), "class A {\n\n  String getShopName() {}\n}").unwrap();
        fs::write(dir.path().join("README.md"), "gone_name").unwrap();
        std::os::unix::fs::symlink("/etc", dir.path().join("out")).unwrap();
        let found = search(dir.path(), &names(&["user_id", "shop_name", "gone_name", "elect", "t"])).unwrap();
        assert_eq!(found.names["user_id"], ["a.go:2"]);
        assert_eq!(found.names["shop_name"], ["b.java:3"]);
        assert_eq!(found.names["t"], ["a.go:2"]);
        assert_eq!((found.names["gone_name"].len(), found.names["elect"].len()), (0, 0));
        assert_eq!((found.files, found.cut), (2, None));
    }

    #[test]
    fn finds_names_where_two_pieces_meet() {
        let dir = tempfile::tempdir().unwrap();
        for offset in [0, 1, 5, 9, 10, 11, 12, 20, 30, 31, 40] {
            let mut text = "x\n".repeat((PIECE + 40 - offset) / 2).into_bytes();
            text.extend_from_slice(b" user_id ");
            text.extend_from_slice("y\n".repeat(1000).as_bytes());
            fs::write(dir.path().join("a.sql"), &text).unwrap();
            let found = search(dir.path(), &names(&["user_id"])).unwrap();
            assert_eq!(found.names["user_id"].len(), 1, "{offset}");
        }
    }
}
