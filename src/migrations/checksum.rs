//! Checksums as frameworks store them, against the files: a file that was edited after it ran does not say what it did.
//!
//! `rules/tables/migration-checksums.csv` holds what each framework that stores one computes, and where that was read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Crc;
use sha2::{Digest, Sha256, Sha384};

use super::framework::Framework;
use super::history::{History, Kind, Migration};
use super::source::file_name;
use crate::hex::hex;
use crate::table;

const TABLE: &str = include_str!("../../rules/tables/migration-checksums.csv");

/// What stands in a text for a value that was taken out of it; such a text has another checksum than its file.
pub const TAKEN_OUT: &str = "<redacted>";

/// A byte-order mark, which reading takes away and most frameworks hash.
const MARK: &str = "\u{feff}";

/// What a framework computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Lines,
    Sha256,
    Sha384,
    /// Of all files up to this one.
    Chain,
    /// Nothing that can be computed from the files.
    Opaque,
}

const FORMS: [(&str, Form); 5] = [
    ("crc32-of-lines", Form::Lines),
    ("sha256", Form::Sha256),
    ("sha384", Form::Sha384),
    ("sha256-of-all-so-far", Form::Chain),
    ("opaque", Form::Opaque),
];

fn form(framework: Framework) -> Option<Form> {
    let row = table::records(TABLE).find(|row| row.field(0) == framework.as_str())?;
    FORMS.iter().find(|(name, _)| *name == row.field(1)).map(|(_, form)| *form)
}

/// Whether a file is what ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    Same,
    Edited,
    /// There is no checksum, or none that the file could be compared with.
    Unknown,
}

/// What the files of one history have for checksums.
pub struct Checksums<'a> {
    form: Option<Form>,
    /// Atlas' sums by position, as far as every file before is known.
    chain: Vec<String>,
    history: &'a History,
}

impl<'a> Checksums<'a> {
    pub fn of(history: &'a History) -> Self {
        let form = form(history.framework);
        let chain = if form == Some(Form::Chain) { chain(history) } else { Vec::new() };
        Checksums { form, chain, history }
    }

    /// Why the framework's checksums say nothing about the files, where it stores some.
    pub fn objection(&self) -> Option<String> {
        let title = self.history.framework.title();
        (self.form == Some(Form::Opaque))
            .then(|| format!("{title} stores checksums that the files alone do not give: whether they were edited is not known"))
    }

    /// Compares what was stored of the migration at a position with its file.
    pub fn compare(&self, at: usize, stored: &str) -> Compared {
        let stored = stored.trim();
        match self.form {
            Some(Form::Chain) => self.in_chain(at, stored),
            Some(Form::Opaque) | None => Compared::Unknown,
            Some(form) => {
                let text = self.history.migrations.get(at).and_then(source);
                text.map_or(Compared::Unknown, |text| compare(form, text, stored))
            }
        }
    }

    /// One edited file changes every sum after it: only the first is told.
    fn in_chain(&self, at: usize, stored: &str) -> Compared {
        let stored = stored.strip_prefix("h1:").unwrap_or(stored);
        match self.chain.get(at) {
            Some(sum) if sum == stored => Compared::Same,
            Some(_) if stored.len() == 44 && stored.ends_with('=') => Compared::Edited,
            _ => Compared::Unknown,
        }
    }

    /// Whether the migration at a position runs once, so that its file should be what ran.
    pub fn run_once(&self, at: usize) -> bool {
        self.history.migrations.get(at).is_some_and(|migration| matches!(migration.kind, Kind::Versioned | Kind::Baseline))
    }

    /// Whether a difference at one position is one at all later ones.
    pub fn are_chained(&self) -> bool {
        self.form == Some(Form::Chain)
    }
}

/// The file's own text, if it is at hand and whole. Flyway fills placeholders of repeatable scripts in before it hashes them.
fn source(migration: &Migration) -> Option<&str> {
    let text = migration.source.as_deref()?;
    let filled_in = migration.is_repeatable() && text.contains("${");
    Some(text).filter(|text| !filled_in && !text.contains(TAKEN_OUT))
}

/// Line ends and a mark may have changed on the way, and are no edit.
fn compare(form: Form, text: &str, stored: &str) -> Compared {
    if form == Form::Lines {
        return match stored.parse::<i32>() {
            Ok(stored) if stored == of_lines(text) => Compared::Same,
            Ok(_) => Compared::Edited,
            Err(_) => Compared::Unknown,
        };
    }
    let stored = stored.strip_prefix("\\x").or(stored.strip_prefix("0x")).unwrap_or(stored).to_ascii_lowercase();
    let digits = if form == Form::Sha384 { 96 } else { 64 };
    if stored.len() != digits || !stored.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Compared::Unknown;
    }
    let sum = |text: &str| if form == Form::Sha384 { hex(Sha384::digest(text)) } else { hex(Sha256::digest(text)) };
    let plain = text.replace("\r\n", "\n");
    let found = [text, &plain, &plain.replace('\n', "\r\n")].iter().any(|text| {
        let marked = || sum(&format!("{MARK}{text}")) == stored;
        sum(text) == stored || marked()
    });
    if found { Compared::Same } else { Compared::Edited }
}

/// Java's `readLine` ends a line at `\n`, `\r` and both together.
fn of_lines(text: &str) -> i32 {
    let mut crc = Crc::new();
    text.split(['\n', '\r']).for_each(|line| crc.update(line.as_bytes()));
    crc.sum().cast_signed()
}

fn chain(history: &History) -> Vec<String> {
    let mut hash = Sha256::new();
    let mut sums = Vec::new();
    // A checkpoint is a file of the directory as well.
    if !history.baselines.is_empty() {
        return sums;
    }
    for migration in &history.migrations {
        let Some(text) = source(migration).filter(|text| !text.contains("atlas:sum")) else { break };
        hash.update(file_name(&migration.path));
        hash.update(text);
        sums.push(STANDARD.encode(hash.clone().finalize()));
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::history::Options;
    use crate::migrations::source::Tree;

    fn read(framework: Framework, files: &[(&str, &str)]) -> History {
        let options = Options { framework: Some(framework), dialect: None };
        crate::migrations::history(&Tree::from_files(files.iter().copied()), &options)
    }

    #[test]
    fn every_row_has_its_source_and_a_known_form() {
        table::check(TABLE);
        let rows = table::strict(TABLE, &["framework", "form", "source"]).expect("every row has its source");
        for row in rows {
            assert!(row.field(0).parse::<Framework>().is_ok(), "{row:?}");
            assert!(FORMS.iter().any(|(name, _)| *name == row.field(1)), "{row:?}");
        }
    }

    /// The numbers are those of `zlib.crc32` and `hashlib` over what the sources of the table hash.
    #[test]
    fn sums_are_those_of_the_frameworks() {
        let history = read(Framework::Flyway, &[("V1__a.sql", "CREATE TABLE t (a int);\n")]);
        let sums = Checksums::of(&history);
        assert_eq!(sums.compare(0, "CRC"), Compared::Unknown);
        assert_eq!(sums.compare(0, "-254098511"), Compared::Same);
        assert_eq!(sums.compare(0, "1"), Compared::Edited);
        let history = read(Framework::Sqlx, &[("1_a.sql", "SELECT 1;\n")]);
        let stored = "24454095d8d7876ca8e842f34296ca645c83e0f7b50f048c99db4b2ff4da659267afc4ef3e994f3d74e18c741165d931";
        assert_eq!(Checksums::of(&history).compare(0, &format!("\\x{stored}")), Compared::Same);
        assert_eq!(Checksums::of(&history).compare(0, &stored.replace('a', "b")), Compared::Edited);
        let history = read(Framework::Atlas, &[("1_a.sql", "A;\n"), ("2_b.sql", "B;\n"), ("atlas.sum", "")]);
        assert_eq!(Checksums::of(&history).compare(1, "Gv91oCkKCUG+4vHTTwyPaHYtvwO/dgc5sCAqp/NmU8Q="), Compared::Same);
    }

    #[test]
    fn ends_of_lines_are_no_edit() {
        for text in ["A;\nB;\n", "A;\r\nB;\r\n"] {
            assert_eq!(compare(Form::Sha256, text, &hex(Sha256::digest("A;\nB;\n"))), Compared::Same);
            assert_eq!(compare(Form::Sha256, text, &hex(Sha256::digest("\u{feff}A;\r\nB;\r\n"))), Compared::Same);
            assert_eq!(compare(Form::Lines, text, &of_lines("A;\nB;").to_string()), Compared::Same);
        }
    }

    #[test]
    fn what_was_taken_out_cannot_be_compared() {
        let history = read(Framework::Flyway, &[("V1__a.sql", "SELECT '<redacted>';"), ("R__v.sql", "SELECT '${x}';")]);
        let sums = Checksums::of(&history);
        assert_eq!((sums.compare(0, "1"), sums.compare(1, "1")), (Compared::Unknown, Compared::Unknown));
        let liquibase = History { framework: Framework::Liquibase, ..History::default() };
        assert!(Checksums::of(&liquibase).objection().is_some_and(|why| why.starts_with("Liquibase stores")));
    }
}
