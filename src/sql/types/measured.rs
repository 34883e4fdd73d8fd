//! What real servers did with every ordered pair of types, against what the table says.
//!
//! A column was filled with one value at a time, first ordinary ones, then extreme ones; altered; altered back and compared; and the
//! same literal was inserted into a column of the new type. Outcomes of ordinary values stand before the bar: `ok`, `lossy`, `refused`,
//! `using` (only with an expression), `none` (no cast at all), `far` (stored, but the way back was refused).

use super::tests::{Moods, cast, column, parse};
use super::*;
use crate::table;

const POSTGRESQL: &str = include_str!("measured/postgresql.csv");
const MARIADB: &str = include_str!("measured/mariadb.csv");

/// Differences that are the measurement's own: from, to, and why. A `*` at the end stands for any rest.
const KNOWN: [(&str, &str, &str); 20] = [
    ("smallint", "money", "only integer and bigint have the cast"),
    ("date", "char(10)", "a date after the year 9999 or infinity is longer"),
    ("date", "timestamp*", "a date after the year 294276"),
    ("timestamp*", "time*", "infinity has no time of day"),
    ("time", "interval", "24:00:00 is kept, and comes back as 00:00:00"),
    ("*", "bytea", "bytes come back as hexadecimal digits"),
    ("json", "char*", "padding inside a document comes back with it"),
    ("xml", "char*", "padding inside a document comes back with it"),
    ("tstzrange", "*", "no limit of the type, but always longer than this"),
    ("*", "varbit(16)", "an identifier of hexadecimal digits can look like bits"),
    ("*[]", "interval", "braces are read as an interval"),
    ("bigint unsigned", "*", "texts are read back as signed numbers"),
    ("float", "time(6)", "the sample has no more than six digits"),
    ("bit(8)", "*", "the sample is no text of its own"),
    ("*", "varchar(20) character set latin1", "every byte is a character of it"),
    ("date", "macaddr", "infinity begins like an address"),
    ("*", "char(10)", "the samples are all longer, or all shorter"),
    ("timetz", "*char(20)", "the samples are shorter than the longest"),
    ("*", "tsvector", "a colon is read as the start of a position"),
    ("uuid", "*blob", "the text of an identifier is taken as bytes"),
];

fn is_known(from: &str, to: &str) -> bool {
    let matches = |pattern: &str, name: &str| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => name.ends_with(end),
        (_, Some(start)) => name.starts_with(start),
        _ => pattern == name,
    };
    KNOWN.iter().any(|(known_from, known_to, _)| matches(known_from, from) && matches(known_to, to))
}

/// What happened to the values of one pair.
#[derive(Clone, Copy)]
struct Outcome(&'static str);

impl Outcome {
    fn ordinary(self, word: &str) -> bool {
        self.0.split('|').next().unwrap_or_default().split('/').any(|outcome| outcome == word)
    }

    fn any(self, word: &str) -> bool {
        self.0.split(['|', '/']).any(|outcome| outcome == word)
    }

    fn all(self, word: &str) -> bool {
        self.0.split(['|', '/']).all(|outcome| outcome == word)
    }

    /// Loss as it was seen; `far` says nothing.
    fn agrees_on_loss(self, loses: Option<Certainty>) -> bool {
        match loses {
            None => !self.any("lossy"),
            Some(Certainty::Possible) => !self.ordinary("lossy") || self.ordinary("ok") || self.ordinary("refused"),
            Some(_) => self.any("lossy") || self.any("far") || self.all("refused"),
        }
    }

    fn agrees_on_refusal(self, refuses: bool) -> bool {
        refuses || !self.any("refused")
    }

    fn agrees_on_writes(self, writes: Writes) -> bool {
        match writes {
            Writes::All => !self.any("refused"),
            Writes::Some(Certainty::Possible) => !self.all("refused"),
            Writes::Some(_) => self.ordinary("refused"),
            Writes::None => self.all("refused") || self.0.starts_with("refused|"),
        }
    }
}

fn pairs(text: &'static str, columns: &[&str]) -> Vec<(&'static str, &'static str, Vec<Outcome>)> {
    let records = table::strict(text, columns).expect("a table");
    let each = |record: &table::Record| {
        let record = record.fields();
        let outcomes: Vec<Outcome> = record[2..columns.len() - 1].iter().map(|code| Outcome(code)).collect();
        let from = record[0];
        record[1].split(';').map(|to| (from, to, outcomes.clone())).collect::<Vec<_>>()
    };
    records.iter().flat_map(each).collect()
}

#[test]
fn postgresql_agrees() {
    let mut differences = Vec::new();
    for (from, to, outcomes) in pairs(POSTGRESQL, &["from", "to", "alter", "cast", "writes", "source"]) {
        let [alter, explicit, writes] = outcomes[..] else { panic!("{from}") };
        let (a, b) = (parse(Dialect::PostgreSql, from), parse(Dialect::PostgreSql, to));
        let plain = change_with(Dialect::PostgreSql, &a, &b, None, None, &Moods);
        let using = change_with(Dialect::PostgreSql, &a, &b, Some(&cast(column(), to)), None, &Moods);
        let mut tell = |fine: bool, what: &str, code: Outcome, said: String| {
            if !fine && !is_known(from, to) {
                differences.push(format!("{from} -> {to}: {what} {} said {said}", code.0));
            }
        };
        tell(alter.any("using") == plain.needs_using, "using", alter, format!("{}", plain.needs_using));
        if !alter.any("using") {
            tell(alter.agrees_on_loss(plain.loses), "loss", alter, format!("{:?}", plain.loses));
            tell(alter.agrees_on_refusal(plain.refuses), "refusal", alter, format!("{}", plain.refuses));
        }
        if !explicit.any("none") {
            tell(explicit.agrees_on_loss(using.loses), "cast loss", explicit, format!("{:?}", using.loses));
            tell(explicit.agrees_on_refusal(using.refuses), "cast refusal", explicit, format!("{}", using.refuses));
        }
        tell(writes.agrees_on_writes(plain.old_writes), "writes", writes, format!("{:?}", plain.old_writes));
    }
    assert!(differences.is_empty(), "{}\n{}", differences.join("\n"), differences.len());
}

#[test]
fn mariadb_agrees() {
    let mut differences = Vec::new();
    for (from, to, outcomes) in pairs(MARIADB, &["from", "to", "alter", "writes", "lax", "lax_writes", "source"]) {
        let [alter, writes, lax, lax_writes] = outcomes[..] else { panic!("{from}") };
        let (a, b) = (parse(Dialect::MariaDb, from), parse(Dialect::MariaDb, to));
        for (strict, alter, writes) in [(true, alter, writes), (false, lax, lax_writes)] {
            let said = change(Dialect::MariaDb, &a, &b, None, Some(strict));
            let mut tell = |fine: bool, what: &str, code: Outcome, said: String| {
                if !fine && !is_known(from, to) {
                    differences.push(format!("{from} -> {to} strict {strict}: {what} {} said {said}", code.0));
                }
            };
            tell(alter.agrees_on_loss(said.loses), "loss", alter, format!("{:?}", said.loses));
            tell(alter.agrees_on_refusal(said.refuses), "refusal", alter, format!("{}", said.refuses));
            tell(writes.agrees_on_writes(said.old_writes), "writes", writes, format!("{:?}", said.old_writes));
        }
    }
    assert!(differences.is_empty(), "{}\n{}", differences.join("\n"), differences.len());
}
