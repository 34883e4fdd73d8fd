//! What every reader of a framework does: load files, hash them, put migrations in order and name what is wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::survey::{Survey, join};
use crate::migrations::framework::Framework;
use crate::migrations::history::{
    Acknowledgement, Anomaly, AnomalyKind, Body, Checksum, Gap, History, Kind, Language, Migration, Options, Script,
};
use crate::migrations::order::{Order, integer};
use crate::migrations::source::Unread;

/// More numbers than this are not named one by one.
const NAMED: usize = 20;

/// A history in the making.
pub(super) struct Reading<'a> {
    pub survey: &'a Survey<'a>,
    pub options: &'a Options,
    pub history: History,
    drafts: Vec<(Order, Migration)>,
}

/// A file that was looked into.
pub(super) struct Loaded {
    pub path: String,
    pub body: Body,
    checksum: String,
    source: Option<Arc<str>>,
}

impl Loaded {
    pub fn text(&self) -> &str {
        match &self.body {
            Body::Text(text) => text,
            _ => "",
        }
    }

    /// The whole file as one script.
    pub fn script(&self) -> Script {
        Script {
            path: self.path.clone(),
            line: 1,
            body: self.body.clone(),
            language: Language::of(&self.path).unwrap_or_default(),
            whole: false,
        }
    }

    /// A migration that is this file.
    pub fn migration(&self, version: &str, name: &str) -> Migration {
        Migration {
            version: version.to_owned(),
            name: name.to_owned(),
            path: self.path.clone(),
            up: vec![self.script()],
            transactional: true,
            checksum: self.checksum.clone(),
            source: self.source.clone(),
            acknowledged: acknowledgements(&self.path, self.text()),
            ..Migration::default()
        }
    }
}

impl<'a> Reading<'a> {
    pub fn new(survey: &'a Survey<'a>, options: &'a Options, framework: Framework, root: &str) -> Self {
        let history = History { framework, root: root.to_owned(), ..History::default() };
        Reading { survey, options, history, drafts: Vec::new() }
    }

    /// Reads a file; one that cannot be read is a gap and has an empty text.
    pub fn load(&mut self, path: &str) -> Loaded {
        let mut source = None;
        let (body, checksum) = match self.survey.tree.text(path) {
            Ok(text) => {
                if text.guessed {
                    self.gap(path, "its bytes are not UTF-8: read as Windows-1252");
                }
                source = Some(text.text.clone()).filter(|_| !text.guessed);
                let mut checksum = Checksum::default();
                checksum.add(&text.text);
                (Body::Text(text.text), checksum.finish())
            }
            Err(Unread::Large(size)) => (Body::Large(size), format!("{size} bytes")),
            Err(why) => {
                self.gap(path, &why.to_string());
                (Body::Unread, String::new())
            }
        };
        Loaded { path: path.to_owned(), body, checksum, source }
    }

    /// Reads a file of the root directory.
    pub fn load_name(&mut self, name: &str) -> Loaded {
        self.load(&join(&self.history.root.clone(), name))
    }

    pub fn gap(&mut self, what: &str, why: &str) {
        self.history.gaps.push(Gap { what: what.to_owned(), why: why.to_owned() });
    }

    pub fn anomaly(&mut self, kind: AnomalyKind, version: &str, path: &str, why: impl Into<String>) {
        self.history.anomalies.push(Anomaly { kind, version: version.to_owned(), path: path.to_owned(), why: why.into() });
    }

    pub fn add(&mut self, order: Order, migration: Migration) {
        self.drafts.push((order, migration));
    }

    /// The history in its order, with what its versions tell.
    pub fn finish(mut self) -> History {
        self.drafts.sort_by(|(order, migration), (other, another)| (order, &migration.path).cmp(&(other, &another.path)));
        let drafts = std::mem::take(&mut self.drafts);
        self.history.migrations.extend(drafts.into_iter().map(|(_, migration)| migration));
        self.duplicates();
        self.missing_numbers();
        self.history
    }

    fn duplicates(&mut self) {
        let mut first: BTreeMap<&str, &str> = BTreeMap::new();
        let mut found = Vec::new();
        for migration in self.history.migrations.iter().filter(|migration| migration.kind == Kind::Versioned) {
            if let Some(path) = first.get(migration.version.as_str()) {
                let why = format!("{path} has this version as well");
                let (version, path) = (migration.version.clone(), migration.path.clone());
                found.push(Anomaly { kind: AnomalyKind::Duplicate, version, path, why });
            } else {
                first.insert(&migration.version, &migration.path);
            }
        }
        self.history.anomalies.extend(found);
    }

    /// Where versions count up by one, those that are left out.
    fn missing_numbers(&mut self) {
        let numbers: Option<Vec<u32>> = self.history.migrations.iter().map(|migration| migration.version.parse().ok()).collect();
        let Some(numbers) = numbers.filter(|numbers| numbers.len() > 2 && numbers[0] < 2) else { return };
        let missing = |pair: &[u32]| (pair[0].saturating_add(1)..pair[1]).take(NAMED).collect::<Vec<_>>();
        let missing: Vec<u32> = numbers.windows(2).flat_map(missing).collect();
        if missing.len() * 4 > numbers.len() {
            return;
        }
        for number in missing.into_iter().take(NAMED) {
            self.anomaly(AnomalyKind::Missing, &number.to_string(), "", "the numbers before and after it are there");
        }
    }
}

/// A version of digits as an integer column shows it.
pub(super) fn as_integer(digits: &str) -> String {
    integer(digits)
}

/// Words with which files switch off a finding of another linter, each at the start of a comment.
const ACKNOWLEDGEMENTS: [&str; 7] =
    ["squawk-ignore", "atlas:nolint", "eugene: ignore", "migration-linter: ignore", "noqa", "sqlfluff:", "pgls-ignore"];

fn acknowledgements(path: &str, text: &str) -> Vec<Acknowledgement> {
    let lines = text.lines().zip(1u32..);
    let found = lines.filter_map(|(line, number)| {
        let comment = line[line.find("--")?..].trim_start_matches('-').trim();
        let known = ACKNOWLEDGEMENTS.iter().any(|word| comment.starts_with(word));
        known.then(|| Acknowledgement { path: path.to_owned(), line: number, text: comment.to_owned() })
    });
    found.collect()
}

/// Collects lines of a text into scripts.
pub(super) struct Cutter<'a> {
    path: &'a str,
    scripts: Vec<Script>,
    text: String,
    start: u32,
    pub whole: bool,
}

impl<'a> Cutter<'a> {
    pub fn new(path: &'a str) -> Self {
        Cutter { path, scripts: Vec::new(), text: String::new(), start: 0, whole: false }
    }

    pub fn line(&mut self, number: u32, line: &str) {
        if self.text.is_empty() {
            self.start = number;
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Ends a script here.
    pub fn cut(&mut self) {
        let text = std::mem::take(&mut self.text);
        if !text.trim().is_empty() {
            let whole = self.whole;
            self.scripts.push(Script { whole, body: Body::Text(Arc::from(text)), ..Script::sql(self.path, self.start, "") });
        }
    }

    pub fn finish(mut self) -> Vec<Script> {
        self.cut();
        self.scripts
    }
}

/// The checksum of a text.
pub(super) fn checksum(text: &str) -> String {
    let mut checksum = Checksum::default();
    checksum.add(text);
    checksum.finish()
}
