//! The texts of a migration as statements, with the lines of their files.

use std::io::BufRead;

use super::code::{self, DownKind};
use super::framework::Framework;
use super::frameworks::code_kind;
use super::history::{Body, Language, Migration, Script};
use crate::sql::dialect::Dialect;
use crate::sql::read::script::ScriptReader;
use crate::sql::split::Splitter;
use crate::sql::statement::{InsertSource, Op, Statement};

/// Statements of a script that are kept whatever they do.
const FEW: usize = 5_000;

/// Statements of a script that are kept.
const MOST: usize = 25_000;

/// Opens a file that is too large to hold.
pub type Open<'a> = dyn Fn(&str) -> Result<Box<dyn BufRead>, String> + 'a;

/// What a migration executes, both ways.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Program {
    pub up: Vec<Statement>,
    /// None where there is no way back.
    pub down: Option<Vec<Statement>>,
    /// Why there is no way back, where the framework or the author says so.
    pub irreversible: Option<String>,
    /// Statements of the way up, those included that were counted and let go.
    pub statements: usize,
    pub understood: usize,
}

/// Reads the migrations of one history in their order.
pub struct Programs<'a> {
    framework: Framework,
    dialect: Dialect,
    /// Programs may refer to what earlier files define.
    readers: Vec<(code::Kind, code::Reader)>,
    open: &'a Open<'a>,
}

impl<'a> Programs<'a> {
    pub fn new(framework: Framework, dialect: Dialect, open: &'a Open<'a>) -> Self {
        Programs { framework, dialect, readers: Vec::new(), open }
    }

    pub fn read(&mut self, migration: &Migration) -> Program {
        let mut program = Program::default();
        for script in &migration.up {
            self.up(script, &mut program);
        }
        if let Some(scripts) = &migration.down {
            let down = program.down.get_or_insert_default();
            for script in scripts {
                down.extend(self.down(script));
            }
        }
        number(&mut program.up);
        program
    }

    fn up(&mut self, script: &Script, program: &mut Program) {
        let Some(text) = script.text().filter(|_| script.language != Language::Sql) else {
            let mut counter = Counter::default();
            let statements = self.statements(script, &mut counter);
            program.statements += counter.statements;
            program.understood += counter.understood;
            program.up.extend(statements);
            return;
        };
        let Some(reader) = self.reader(script.language) else {
            program.count(vec![unread(script, "no reader for this language")]);
            return;
        };
        let read = reader.read(&script.path, text);
        program.count(read.up);
        match read.down_kind {
            DownKind::Irreversible(why) => program.irreversible = Some(why),
            DownKind::Empty => program.down = Some(Vec::new()),
            DownKind::Written | DownKind::Inverse => program.down.get_or_insert_default().extend(read.down.unwrap_or_default()),
            DownKind::Missing => {}
        }
    }

    /// A file that goes back is a program of its own: what it does is its way up.
    fn down(&mut self, script: &Script) -> Vec<Statement> {
        let Some(text) = script.text().filter(|_| script.language != Language::Sql) else {
            return self.statements(script, &mut Counter::default());
        };
        let Some(reader) = self.reader(script.language) else { return vec![unread(script, "no reader for this language")] };
        reader.read(&script.path, text).up
    }

    fn reader(&mut self, language: Language) -> Option<&mut code::Reader> {
        let kind = code_kind(self.framework, language)?;
        let position = self.readers.iter().position(|(known, _)| *known == kind).unwrap_or_else(|| {
            self.readers.push((kind, code::Reader::new(kind, self.dialect)));
            self.readers.len() - 1
        });
        self.readers.get_mut(position).map(|(_, reader)| reader)
    }

    fn statements(&self, script: &Script, counter: &mut Counter) -> Vec<Statement> {
        match &script.body {
            Body::Statements(statements) => statements.iter().map(|statement| counter.count(statement.clone())).collect(),
            Body::Text(text) => self.split(text.as_bytes(), script, FEW, counter),
            Body::Large(_) => self.streamed(script, counter),
            Body::Unread => vec![counter.count(unread(script, "the file could not be read"))],
        }
    }

    /// A file of many rows: what only adds rows is counted and let go from the first statement on.
    fn streamed(&self, script: &Script, counter: &mut Counter) -> Vec<Statement> {
        let reader = match (self.open)(&script.path) {
            Ok(reader) => reader,
            Err(why) => return vec![counter.count(unread(script, &why))],
        };
        self.split(reader, script, 0, counter)
    }

    /// Statements one after the other. Where there are more than `few`, what only adds rows is let go, and there is an end to
    /// what is kept: a script can be a single letter and a semicolon, as often as its file has room for.
    fn split(&self, reader: impl BufRead, script: &Script, few: usize, counter: &mut Counter) -> Vec<Statement> {
        let mut kept = Vec::new();
        let mut reading = ScriptReader::new(self.dialect);
        for raw in Splitter::new(reader, self.dialect) {
            let statement = match raw {
                Ok(raw) if kept.len() >= MOST => {
                    let mut rest = unread(script, "the script has more statements than are read, and what follows is not read");
                    (rest.number, rest.line) = (raw.number, raw.line + script.line.saturating_sub(1));
                    kept.push(counter.count(rest));
                    break;
                }
                Ok(raw) => counter.count(moved(reading.read(&raw), script.line)),
                Err(error) => counter.count(unread(script, &error.to_string())),
            };
            if kept.len() < few || !only_adds_rows(&statement) {
                kept.push(statement);
            }
        }
        kept
    }
}

impl Program {
    fn count(&mut self, statements: Vec<Statement>) {
        self.statements += statements.len();
        self.understood += statements.iter().filter(|statement| statement.is_understood()).count();
        self.up.extend(statements);
    }
}

#[derive(Default)]
struct Counter {
    statements: usize,
    understood: usize,
}

impl Counter {
    fn count(&mut self, statement: Statement) -> Statement {
        self.statements += 1;
        self.understood += usize::from(statement.is_understood());
        statement
    }
}

/// Lines of a script that begins further down in its file.
fn moved(mut statement: Statement, first_line: u32) -> Statement {
    statement.line += first_line.saturating_sub(1);
    statement
}

fn only_adds_rows(statement: &Statement) -> bool {
    let adds = |op: &Op| match op {
        Op::Insert(insert) => {
            insert.overwrites.is_empty() && !insert.replaces && matches!(insert.source, InsertSource::Values(_))
        }
        Op::Load { .. } | Op::Harmless => true,
        _ => false,
    };
    statement.ops.iter().all(adds)
}

fn unread(script: &Script, why: &str) -> Statement {
    let op = Op::Opaque { head: String::new(), risky: Vec::new(), why: why.to_owned() };
    Statement { number: 1, line: script.line.max(1), ops: vec![op], templated: false }
}

/// Several scripts are one migration: their statements are counted on. Those that were let go keep their numbers.
fn number(statements: &mut [Statement]) {
    let mut last = 0;
    let mut offset = 0;
    for statement in statements {
        if statement.number + offset <= last {
            offset = last;
        }
        statement.number += offset;
        last = statement.number;
    }
}
