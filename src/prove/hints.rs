//! What scripts ask of rows: the values that their conditions compare columns with, so that some rows meet them and others do not.

use std::collections::{BTreeMap, BTreeSet};

use crate::sql::dialect::Dialect;
use crate::sql::lexer::{TokenKind, decode_name, decode_text, dollar_body, lex};

/// Values of one column: more conditions than a script has of one.
const VALUES: usize = 6;
/// Rows that meet conditions: each value with and without NULL in another column.
pub const HINTED: usize = 2 * VALUES;
/// Texts of a length that a condition asks for.
const LONGEST: usize = 20_000;
/// Strings within strings: bodies of functions and blocks.
const DEPTH: u32 = 3;
/// Later than the clock of any server.
const FUTURE: [&str; 2] = ["2101-02-03 04:05:06", "4137537906"];

/// What columns are asked for, by name in lower case.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    values: BTreeMap<String, Vec<String>>,
    nulls: BTreeSet<String>,
    /// Columns that are compared with each other.
    pairs: Vec<(String, String)>,
}

impl Hints {
    /// What scripts compare columns with: `column = 'x'`, `column IN ('x', 'y')`, `column LIKE 'x%'`, `CASE column WHEN 'x'`,
    /// `length(column) > 5`, `column > now()`, `column IS NULL`, `column <> other`, `replace(column, 'x', 'y')`.
    pub fn of(scripts: &[String], dialect: Dialect) -> Self {
        let mut reader = Reader::default();
        for script in scripts {
            let pieces = pieces(script, dialect, 0);
            reader.read(&pieces);
            before_renames(&pieces, &mut reader.hints);
        }
        reader.hints
    }

    /// The value that a column gets in a row, where one is asked for.
    pub fn value(&self, column: &str, row: usize) -> Option<&str> {
        let values = self.values.get(&column.to_lowercase()).filter(|values| !values.is_empty())?;
        Some(&values[row % HINTED / 2 % values.len()])
    }

    /// Whether a column that is tested for NULL is NULL in a row: each in half of them, and not all in the same.
    pub fn is_null(&self, column: &str, row: usize) -> bool {
        let Some(at) = self.nulls.iter().position(|name| name.eq_ignore_ascii_case(column)) else { return false };
        let row = row % HINTED;
        let pattern = if at == 0 { row } else { row / (at + 1) + row * (at % 2) };
        pattern % 2 == 1
    }

    /// The column whose value another one gets in a row: some rows have the same in both, some the one of the other.
    pub fn instead(&self, column: &str, row: usize) -> Option<&str> {
        let (one, other) =
            self.pairs.iter().find(|(one, other)| one.eq_ignore_ascii_case(column) || other.eq_ignore_ascii_case(column))?;
        match row % 3 {
            0 if one.eq_ignore_ascii_case(column) => Some(other),
            1 => Some(if one.eq_ignore_ascii_case(column) { other } else { one }),
            _ => None,
        }
    }

    /// Whether anything is asked of a column.
    pub fn names(&self, column: &str) -> bool {
        let name = column.to_lowercase();
        self.values.contains_key(&name)
            || self.nulls.contains(&name)
            || self.pairs.iter().any(|(one, other)| *one == name || *other == name)
    }

    /// Without the values that some columns are asked for.
    pub fn without(&self, columns: &BTreeSet<String>) -> Self {
        let mut fewer = self.clone();
        fewer.values.retain(|name, _| !columns.contains(name));
        fewer
    }

    /// What columns are compared with, by name.
    pub fn compared(&self) -> impl Iterator<Item = &String> {
        self.values.keys()
    }

    /// Adds a value that a column is compared with.
    pub fn add(&mut self, column: &str, value: String) {
        let values = self.values.entry(column.to_owned()).or_default();
        if values.len() < VALUES && !values.contains(&value) {
            values.push(value);
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// A keyword or the last part of a name, in lower case.
    Name(String),
    Text(String),
    Number(String),
    Mark(String),
}

impl Piece {
    fn is(&self, word: &str) -> bool {
        matches!(self, Piece::Name(name) | Piece::Mark(name) if name == word)
    }
}

/// Names and literals of a script, and of the bodies in it.
fn pieces(script: &str, dialect: Dialect, depth: u32) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::new();
    for token in lex(script, dialect) {
        let text = token.text(script);
        match token.kind {
            TokenKind::Word | TokenKind::Quoted => {
                let name = Piece::Name(decode_name(text).to_lowercase());
                // Of a qualified name the last part.
                if let [.., Piece::Name(_), Piece::Mark(dot)] = out.as_slice()
                    && dot == "."
                {
                    out.truncate(out.len() - 2);
                }
                out.push(name);
            }
            TokenKind::Text => match dollar_body(text).filter(|_| depth < DEPTH) {
                Some(body) => out.extend(pieces(body, dialect, depth + 1)),
                None => out.push(Piece::Text(decode_text(text, dialect))),
            },
            TokenKind::Number => out.push(Piece::Number(text.to_owned())),
            TokenKind::Parameter => {}
            TokenKind::Symbol => out.push(Piece::Mark(text.to_owned())),
        }
    }
    out
}

/// The names in scripts.
pub fn words(scripts: &[String], dialect: Dialect) -> BTreeSet<String> {
    let names = scripts.iter().flat_map(|script| pieces(script, dialect, 0));
    names.filter_map(|piece| if let Piece::Name(name) = piece { Some(name) } else { None }).collect()
}

/// Tables whose rows scripts delete or change.
pub fn changed_tables(scripts: &[String], dialect: Dialect) -> BTreeSet<String> {
    let mut tables = BTreeSet::new();
    for script in scripts {
        for window in pieces(script, dialect, 0).windows(4) {
            let is_delete = window[0].is("delete") && window[1].is("from");
            let at = if is_delete { 2 } else { 1 };
            let at = at + usize::from(window[at].is("only"));
            if let Some(Piece::Name(name)) = window.get(at).filter(|_| is_delete || window[0].is("update")) {
                tables.insert(name.clone());
            }
        }
    }
    tables
}

/// Whether scripts look for rows that are alike.
pub fn asks_for_twins(scripts: &[String], dialect: Dialect) -> bool {
    const ASKS: [&str; 6] = ["having", "row_number", "partition", "distinct", "min", "using"];
    scripts.iter().any(|script| {
        let words = words(std::slice::from_ref(script), dialect);
        (words.contains("delete") || words.contains("update")) && ASKS.iter().any(|word| words.contains(*word))
    })
}

/// Whether scripts look for rows that no other row goes with.
pub fn asks_for_orphans(scripts: &[String], dialect: Dialect) -> bool {
    scripts.iter().any(|script| {
        let pieces = pieces(script, dialect, 0);
        let is_outer = pieces.iter().any(|piece| piece.is("left")) && pieces.iter().any(|piece| piece.is("null"));
        let is_none = |pair: &[Piece]| pair[0].is("not") && (pair[1].is("in") || pair[1].is("exists"));
        is_outer || pieces.windows(2).any(is_none)
    })
}

/// What the script says of a column's new name holds for its old name.
fn before_renames(pieces: &[Piece], hints: &mut Hints) {
    for window in pieces.windows(5) {
        if let [rename, column, Piece::Name(old), to, Piece::Name(new)] = window
            && rename.is("rename")
            && column.is("column")
            && to.is("to")
            && let Some(values) = hints.values.get(new).cloned()
        {
            hints.values.entry(old.clone()).or_insert(values);
        }
    }
}

/// Words that end the list behind SET.
const ENDS_ASSIGNMENTS: [&str; 9] = ["where", "from", "update", "alter", "insert", "delete", "create", "drop", "when"];
const COMPARES: [&str; 8] = ["=", "<", ">", "<=", ">=", "<>", "!=", "=="];
/// Between a column and what it is compared with.
const BETWEEN: [&str; 12] =
    ["in", "not", "like", "ilike", "is", "any", "array", "true", "false", "interval", "date", "timestamp"];
const CLOCKS: [&str; 7] = ["now", "current_timestamp", "current_date", "localtimestamp", "getdate", "utc_timestamp", "sysdate"];

#[derive(Default)]
struct Reader {
    hints: Hints,
    column: String,
    /// The column that a CASE chooses by.
    chosen: String,
    function: String,
    compared: String,
    assigns: bool,
    /// A type follows, behind a cast.
    skips: bool,
}

impl Reader {
    fn read(&mut self, pieces: &[Piece]) {
        for (at, piece) in pieces.iter().enumerate() {
            match piece {
                Piece::Name(name) => self.name(name, at, pieces),
                Piece::Mark(mark) => self.mark(mark),
                Piece::Text(text) => self.literal(text, false, at, pieces),
                Piece::Number(number) => self.literal(number, true, at, pieces),
            }
        }
    }

    fn mark(&mut self, mark: &str) {
        if mark == "::" {
            self.skips = true;
        } else if COMPARES.contains(&mark) {
            mark.clone_into(&mut self.compared);
        } else if mark == "," || mark == ";" {
            self.compared.clear();
        }
    }

    fn name(&mut self, name: &str, at: usize, pieces: &[Piece]) {
        let before = |back: usize| at.checked_sub(back).and_then(|at| pieces.get(at));
        let is_before = |back: usize, word: &str| before(back).is_some_and(|piece| piece.is(word));
        self.assigns = name == "set" || (self.assigns && !ENDS_ASSIGNMENTS.contains(&name));
        if std::mem::take(&mut self.skips) {
            return;
        }
        match name {
            "null" if is_before(1, "is") || (is_before(1, "not") && is_before(2, "is")) => {
                self.hints.nulls.insert(self.column.clone());
            }
            "case" => self.chosen = following(pieces, at),
            "when" => self.column.clone_from(&self.chosen),
            "and" | "or" | "where" | "set" | "then" => {
                self.function.clear();
                self.compared.clear();
            }
            _ if BETWEEN.contains(&name) => {}
            _ if CLOCKS.contains(&name) => self.clock(),
            _ if pieces.get(at + 1).is_some_and(|next| next.is("(")) && !is_before(1, "into") => self.called(name),
            _ => self.other(name),
        }
    }

    /// The right side of a comparison, or what will be the left side of one.
    fn other(&mut self, name: &str) {
        if !std::mem::take(&mut self.compared).is_empty() && !self.assigns && self.column != name {
            self.hints.pairs.push((self.column.clone(), name.to_owned()));
        }
        name.clone_into(&mut self.column);
    }

    fn called(&mut self, name: &str) {
        name.clone_into(&mut self.function);
        name.clone_into(&mut self.column);
    }

    fn clock(&mut self) {
        if self.compared.starts_with('>') {
            FUTURE.iter().for_each(|time| self.hints.add(&self.column, (*time).to_owned()));
        }
        self.compared.clear();
    }

    fn literal(&mut self, literal: &str, is_number: bool, at: usize, pieces: &[Piece]) {
        let compared = std::mem::take(&mut self.compared);
        let function = std::mem::take(&mut self.function);
        let sought = match function.as_str() {
            // What stands for NULL is looked for by nobody.
            "coalesce" | "ifnull" | "nvl" | "isnull" => return,
            "replace" if !is_number => Some(literal.to_owned()),
            "regexp_replace" | "regexp_matches" if !is_number => Some(sample(literal)),
            _ => None,
        };
        if let Some(sought) = sought {
            return self.hints.add(&self.column, sought);
        }
        // What is assigned is not what is looked for: rows that have it already would not change. CASE asks inside one as well.
        let is_when = at.checked_sub(1).and_then(|before| pieces.get(before)).is_some_and(|piece| piece.is("when"));
        if self.assigns && !is_when {
            return;
        }
        match literal.parse::<i64>() {
            Ok(number) if is_number => self.number(number, &compared, &function),
            _ => self.hints.add(&self.column, literal.replace('%', "x")),
        }
    }

    fn number(&mut self, number: i64, compared: &str, function: &str) {
        let met = match compared {
            ">" | "<>" | "!=" => number.saturating_add(1),
            "<" => number.saturating_sub(1),
            _ => number,
        };
        match (function, usize::try_from(met)) {
            ("length" | "char_length" | "character_length" | "octet_length" | "len", Ok(length)) => {
                self.hints.add(&self.column, "x".repeat(length.min(LONGEST)));
            }
            ("json_length" | "json_array_length" | "jsonb_array_length", Ok(length)) => {
                self.hints.add(&self.column, format!("[{}]", vec!["1"; length.min(9)].join(",")));
            }
            _ => {
                self.hints.add(&self.column, met.to_string());
                self.hints.add(&self.column, number.to_string());
            }
        }
    }
}

fn following(pieces: &[Piece], at: usize) -> String {
    match pieces.get(at + 1) {
        Some(Piece::Name(name)) => name.clone(),
        _ => String::new(),
    }
}

/// A text that an ordinary regular expression finds: its literals, and one letter for each class.
fn sample(pattern: &str) -> String {
    let mut out = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '[' => {
                let class: String = chars.by_ref().take_while(|c| *c != ']').collect();
                out.extend(if class.starts_with('^') { Some('x') } else { class.chars().next() });
            }
            '.' => out.push('x'),
            '\\' => out.extend(chars.next().map(|escaped| match escaped {
                'd' => '1',
                'w' => 'x',
                's' => ' ',
                other => other,
            })),
            '|' => break,
            '{' => chars.by_ref().take_while(|c| *c != '}').for_each(drop),
            '(' | ')' | '*' | '+' | '?' | '^' | '$' => {}
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(script: &str) -> Hints {
        Hints::of(&[script.to_owned()], Dialect::PostgreSql)
    }

    #[test]
    fn conditions_name_the_values_that_meet_them() {
        let found = hints(
            "-- don't\nUPDATE t SET a = 'new', f = replace(f, 'git-lab', 'gitlab') WHERE length(b) > 3 AND c IS NULL AND d <> 5 \
             AND t.e::text = 'x' AND g > now(); DO $$ BEGIN DELETE FROM u WHERE kind IN ('p', 'q'); END $$",
        );
        assert_eq!(found.values.get("a"), None);
        assert_eq!(found.values["b"], ["xxxx"]);
        assert!(found.nulls.contains("c"));
        assert_eq!(found.values["d"], ["6", "5"]);
        assert_eq!(found.values["e"], ["x"]);
        assert_eq!(found.values["f"], ["git-lab"]);
        assert_eq!(found.values["g"], FUTURE);
        assert_eq!(found.values["kind"], ["p", "q"]);
    }

    #[test]
    fn columns_that_are_compared_get_each_others_values_in_some_rows() {
        let found = hints("DELETE FROM t AS x WHERE x.a < x.b");
        assert_eq!(found.pairs, [("a".to_owned(), "b".to_owned())]);
        assert_eq!((found.instead("a", 0), found.instead("b", 0)), (Some("b"), None));
        assert_eq!((found.instead("a", 1), found.instead("b", 1)), (Some("b"), Some("a")));
        assert_eq!((found.instead("a", 2), found.instead("b", 2)), (None, None));
    }

    #[test]
    fn an_expression_finds_its_sample() {
        assert_eq!(sample(r#""cf:([^"]*):([^"]*)""#), r#""cf:x:x""#);
        assert_eq!(sample(r"^v\d+\.x{2}$"), "v1.x");
    }

    #[test]
    fn rows_without_others_and_rows_that_are_alike_are_asked_for() {
        let asks = |script: &str| {
            let scripts = [script.to_owned()];
            (asks_for_orphans(&scripts, Dialect::PostgreSql), asks_for_twins(&scripts, Dialect::PostgreSql))
        };
        assert_eq!(asks("DELETE FROM a WHERE b NOT IN (SELECT id FROM c)"), (true, false));
        assert_eq!(asks("DELETE FROM a USING a AS b WHERE a.id < b.id"), (false, true));
        assert_eq!(asks("CREATE TABLE t (a int NOT NULL)"), (false, false));
        let scripts = ["DELETE FROM ONLY s.a WHERE true; UPDATE b SET c = 1".to_owned()];
        assert_eq!(changed_tables(&scripts, Dialect::PostgreSql).into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }
}
