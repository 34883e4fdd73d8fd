//! Where a semicolon does not end a statement: bodies of routines and triggers, PL/SQL and T-SQL blocks, PostgreSQL's rules.

use crate::sql::dialect::Dialect;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    /// CREATE TRIGGER, PROCEDURE, FUNCTION, EVENT, PACKAGE, TYPE BODY.
    Routine,
    /// CREATE RULE: its actions stand in parentheses.
    Rule,
    /// PL/SQL: ends at a line with `/`.
    Block,
    /// INSERT and REPLACE.
    Rows,
    Copy,
}

/// What is known of the statement so far.
pub(super) struct Blocks {
    dialect: Dialect,
    kind: Kind,
    words: u32,
    first: Vec<u8>,
    previous: Vec<u8>,
    /// What CREATE creates is not yet known.
    creating: bool,
    depth: u32,
    parentheses: u32,
    /// The outermost block is IF or a loop, so that these are counted too.
    loose: bool,
    from_stdin: bool,
}

impl Blocks {
    pub fn new(dialect: Dialect) -> Self {
        Blocks {
            dialect,
            kind: Kind::Plain,
            words: 0,
            first: Vec::new(),
            previous: Vec::new(),
            creating: false,
            depth: 0,
            parentheses: 0,
            loose: false,
            from_stdin: false,
        }
    }

    pub fn is_rows(&self) -> bool {
        self.kind == Kind::Rows
    }

    /// Rows of `COPY … FROM stdin` follow.
    pub fn takes_rows(&self) -> bool {
        self.kind == Kind::Copy && self.from_stdin
    }

    /// Whether a semicolon here belongs to the statement.
    pub fn holds_semicolon(&self) -> bool {
        match (self.dialect, self.kind) {
            (Dialect::Oracle, Kind::Routine | Kind::Block) | (Dialect::MsSql, Kind::Routine) => true,
            (_, Kind::Rule) => self.parentheses > 0,
            _ => self.depth > 0,
        }
    }

    pub fn symbol(&mut self, byte: u8) {
        match byte {
            b'(' => self.parentheses += 1,
            b')' => self.parentheses = self.parentheses.saturating_sub(1),
            _ => {}
        }
        self.remember(&[byte]);
    }

    /// `word` is in upper case.
    pub fn word(&mut self, word: &[u8]) {
        self.words += 1;
        if self.words == 1 {
            self.open(word);
            self.first.extend_from_slice(word);
        } else if self.creating {
            self.creates(word);
        } else {
            self.inside(word);
        }
        self.remember(word);
    }

    fn remember(&mut self, word: &[u8]) {
        self.previous.clear();
        self.previous.extend_from_slice(word);
    }

    fn open(&mut self, word: &[u8]) {
        match (self.dialect, word) {
            (_, b"CREATE") => self.creating = true,
            (Dialect::MsSql, b"ALTER") => self.creating = true,
            (_, b"INSERT" | b"REPLACE") => self.kind = Kind::Rows,
            (Dialect::PostgreSql, b"COPY") => self.kind = Kind::Copy,
            (Dialect::Oracle, b"BEGIN" | b"DECLARE") => self.kind = Kind::Block,
            (Dialect::MsSql, b"BEGIN") => self.depth = 1,
            _ => {}
        }
    }

    /// The first of these words says what CREATE creates.
    fn creates(&mut self, word: &[u8]) {
        match word {
            b"TRIGGER" | b"PROCEDURE" | b"PROC" | b"FUNCTION" | b"EVENT" | b"PACKAGE" | b"BODY" => self.kind = Kind::Routine,
            b"RULE" if self.dialect == Dialect::PostgreSql => self.kind = Kind::Rule,
            b"TYPE" if self.dialect == Dialect::Oracle => return,
            b"TABLE" | b"VIEW" | b"INDEX" | b"TYPE" | b"SEQUENCE" | b"SCHEMA" | b"DATABASE" | b"USER" | b"ROLE" | b"DOMAIN"
            | b"EXTENSION" | b"POLICY" | b"AS" | b"SERVER" | b"LOGIN" | b"RULE" => {}
            _ => return,
        }
        self.creating = false;
    }

    fn inside(&mut self, word: &[u8]) {
        if self.words == 3 && self.first == b"BEGIN" && self.previous == b"NOT" && word == b"ATOMIC" {
            (self.kind, self.depth) = (Kind::Routine, 1);
            return;
        }
        self.from_stdin |= self.previous == b"FROM" && word == b"STDIN";
        match (self.dialect, self.kind) {
            (Dialect::PostgreSql, Kind::Routine) => self.atomic(word),
            (Dialect::Sqlite, Kind::Routine) => self.nested(word),
            (Dialect::MySql | Dialect::MariaDb, Kind::Routine) => self.compound(word),
            (Dialect::MsSql, _) => self.batch(word),
            _ => {}
        }
    }

    fn nested(&mut self, word: &[u8]) {
        match word {
            b"BEGIN" | b"CASE" => self.depth += 1,
            b"END" => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    /// `BEGIN ATOMIC … END` of PostgreSQL.
    fn atomic(&mut self, word: &[u8]) {
        match word {
            b"ATOMIC" if self.previous == b"BEGIN" => self.depth = 1,
            b"CASE" if self.depth > 0 => self.depth += 1,
            b"END" => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    /// MySQL's compound statements: `END IF` and `END LOOP` close what is not counted, unless a body is nothing but such a one.
    fn compound(&mut self, word: &[u8]) {
        let after_end = self.previous == b"END";
        match word {
            b"IF" | b"LOOP" | b"WHILE" | b"REPEAT" if after_end => {
                self.depth += u32::from(!self.loose);
            }
            b"CASE" if after_end => {}
            b"IF" | b"LOOP" | b"WHILE" | b"REPEAT" if self.begins_statement() => {
                self.loose |= self.depth == 0;
                self.depth += u32::from(self.loose);
            }
            _ => self.nested(word),
        }
    }

    fn begins_statement(&self) -> bool {
        const BEFORE: [&[u8]; 8] = [b";", b"THEN", b"ELSE", b"DO", b"LOOP", b"REPEAT", b"ROW", b":"];
        let is_counted = self.loose || self.depth == 0;
        is_counted && (BEFORE.contains(&self.previous.as_slice()) || (self.depth == 0 && self.previous == b")"))
    }

    fn batch(&mut self, word: &[u8]) {
        let is_transaction = matches!(word, b"TRAN" | b"TRANSACTION" | b"DISTRIBUTED" | b"DIALOG" | b"CONVERSATION");
        if is_transaction && self.previous == b"BEGIN" {
            self.depth = self.depth.saturating_sub(1);
        } else {
            self.nested(word);
        }
    }
}
