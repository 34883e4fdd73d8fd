//! SQL that a command line hands to a database client: `psql -c '…'`, `mysql -e …`, `sqlite3 db '…'`, here-documents and pipes in
//! the text of `sh -c`. Shell text is read lexically; nothing is expanded.

use crate::sql::dialect::Dialect;

/// Bytes of shell text that are read.
const MOST: usize = 1 << 20;

/// SQL of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShellSql {
    pub dialect: Dialect,
    pub text: String,
}

/// A client: its name, its dialect, short options that take a value, and those whose value is SQL.
struct Client {
    name: &'static str,
    dialect: Dialect,
    with_value: &'static str,
    sql: char,
    long: &'static str,
}

/// psql(1), mariadb(1) and sqlite3(1).
const CLIENTS: [Client; 4] = [
    Client { name: "psql", dialect: Dialect::PostgreSql, with_value: "cdfFhLopPRTUv", sql: 'c', long: "--command" },
    Client { name: "mysql", dialect: Dialect::MySql, with_value: "ehuPDS", sql: 'e', long: "--execute" },
    Client { name: "mariadb", dialect: Dialect::MariaDb, with_value: "ehuPDS", sql: 'e', long: "--execute" },
    Client { name: "sqlite3", dialect: Dialect::Sqlite, with_value: "", sql: '\0', long: "" },
];

const SHELLS: [&str; 5] = ["sh", "bash", "ash", "dash", "zsh"];

/// Long options of clients whose value is the next word (psql(1), mariadb(1)).
const LONG_WITH_VALUE: [&str; 8] = ["--dbname", "--host", "--port", "--username", "--user", "--file", "--variable", "--database"];

/// All SQL of a container's command and arguments.
pub fn sql(argv: &[String]) -> Vec<ShellSql> {
    let program = argv.first().map_or("", |word| base(word));
    if !SHELLS.contains(&program) {
        return of_client(argv, None).into_iter().collect();
    }
    let at = argv.iter().position(|word| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c'));
    let script = at.and_then(|at| argv.get(at + 1)).filter(|script| script.len() <= MOST);
    script.map_or_else(Vec::new, |script| of_script(script))
}

fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

fn of_script(script: &str) -> Vec<ShellSql> {
    let mut found = Vec::new();
    let mut piped: Option<String> = None;
    for command in commands(script) {
        let words: Vec<String> = command.words.into_iter().skip_while(|word| is_before_a_program(word)).collect();
        let input = command.input.or(piped.take());
        if command.is_piped {
            piped = said(&words, input.as_deref());
        }
        found.extend(of_client(&words, input));
    }
    found
}

/// Assignments, and programs that run another one.
fn is_before_a_program(word: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name);
    let assigns =
        name.is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
    assigns
        || ["exec", "env", "time", "command", "then", "do", "else", "if", "elif", "until", "while", "!", "{", "nohup"]
            .contains(&word)
}

/// What `echo`, `printf` and `cat` print.
fn said(words: &[String], input: Option<&str>) -> Option<String> {
    let (program, rest) = words.split_first()?;
    if base(program) == "cat" {
        return input.map(str::to_owned);
    }
    let said: Vec<&str> = rest.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect();
    ["echo", "printf"].contains(&base(program)).then(|| said.join(" "))
}

fn of_client(words: &[String], input: Option<String>) -> Option<ShellSql> {
    let (program, rest) = words.split_first()?;
    let client = CLIENTS.iter().find(|client| client.name == base(program))?;
    let mut texts: Vec<&str> = Vec::new();
    let mut others: Vec<&str> = Vec::new();
    let mut words = rest.iter().map(String::as_str);
    while let Some(word) = words.next() {
        if let Some((long, value)) = word.split_once('=').filter(|(long, _)| long.starts_with("--")) {
            texts.extend(Some(value).filter(|_| long == client.long));
        } else if word.starts_with("--") {
            let value = (LONG_WITH_VALUE.contains(&word) || word == client.long).then(|| words.next()).flatten();
            texts.extend(value.filter(|_| word == client.long));
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            texts.extend(short(client, letters, &mut words));
        } else {
            others.push(word);
        }
    }
    if client.dialect == Dialect::Sqlite {
        texts.extend(others.iter().skip(1));
    }
    let text = if texts.is_empty() { input? } else { texts.join(";\n") };
    Some(ShellSql { dialect: client.dialect, text })
}

/// A cluster of short options: the first that takes a value takes the rest, or the next word.
fn short<'a>(client: &Client, letters: &'a str, words: &mut impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if client.dialect == Dialect::Sqlite {
        return None;
    }
    let (at, option) =
        letters.char_indices().find(|(_, letter)| client.with_value.contains(*letter) || *letter == 'p' && client.sql == 'e')?;
    let rest = &letters[at + option.len_utf8()..];
    // mysql's -p takes a value only where it is glued to it.
    let value = if rest.is_empty() && client.with_value.contains(option) { words.next() } else { Some(rest) };
    value.filter(|_| option == client.sql)
}

/// One simple command of a script.
#[derive(Debug, Default)]
struct Command {
    words: Vec<String>,
    input: Option<String>,
    is_piped: bool,
}

fn commands(script: &str) -> Vec<Command> {
    let mut reader = Reader { rest: script, command: Command::default(), done: Vec::new(), pending: Vec::new() };
    while !reader.rest.is_empty() {
        reader.step();
    }
    reader.end(false);
    reader.done
}

struct Reader<'a> {
    rest: &'a str,
    command: Command,
    done: Vec<Command>,
    /// Ends of here-documents whose text begins on the next line, with the command and whether tabs go.
    pending: Vec<(String, usize, bool)>,
}

impl Reader<'_> {
    fn step(&mut self) {
        let first = self.rest.chars().next().unwrap_or(' ');
        let skip = |reader: &mut Self, count: usize| reader.rest = &reader.rest[count.min(reader.rest.len())..];
        match first {
            '\n' => {
                skip(self, 1);
                self.end(false);
                self.documents();
            }
            ' ' | '\t' | '\r' => skip(self, 1),
            '#' => skip(self, self.rest.find('\n').unwrap_or(self.rest.len())),
            '\\' if self.rest.starts_with("\\\n") => skip(self, 2),
            '|' => {
                let is_or = self.rest.starts_with("||");
                skip(self, if is_or { 2 } else { 1 });
                self.end(!is_or);
            }
            ';' | '&' | '(' | ')' => {
                skip(self, 1);
                self.end(false);
            }
            '<' if self.rest.starts_with("<<<") => {
                skip(self, 3);
                self.blanks();
                self.command.input = Some(self.word());
            }
            '<' if self.rest.starts_with("<<") => self.here(),
            '<' | '>' => {
                skip(self, 1);
                self.rest = self.rest.trim_start_matches(['>', '&', '|']);
                self.blanks();
                self.word();
            }
            _ => {
                let word = self.word();
                self.command.words.push(word);
            }
        }
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn end(&mut self, is_piped: bool) {
        let command = Command { is_piped, ..std::mem::take(&mut self.command) };
        if !command.words.is_empty() || command.input.is_some() {
            self.done.push(command);
        } else if let (true, Some(last)) = (is_piped, self.done.last_mut()) {
            last.is_piped = true;
        }
    }

    fn here(&mut self) {
        self.rest = &self.rest[2..];
        let tabs = self.rest.starts_with('-');
        self.rest = self.rest.strip_prefix('-').unwrap_or(self.rest);
        self.blanks();
        let word = self.word();
        self.pending.push((word, self.done.len(), tabs));
    }

    /// The texts of the here-documents of the line that has ended.
    fn documents(&mut self) {
        for (end, command, tabs) in std::mem::take(&mut self.pending) {
            let mut text = String::new();
            while !self.rest.is_empty() {
                let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
                self.rest = rest;
                let line = if tabs { line.trim_start_matches('\t') } else { line };
                if line.trim_end_matches('\r') == end {
                    break;
                }
                text.push_str(line);
                text.push('\n');
            }
            if let Some(command) = self.done.get_mut(command) {
                command.input = Some(text);
            }
        }
    }

    /// One word with its quotes taken off.
    fn word(&mut self) -> String {
        let mut word = String::new();
        let mut characters = self.rest.char_indices();
        let mut quote: Option<char> = None;
        while let Some((at, c)) = characters.next() {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (Some('\''), c) => word.push(c),
                (None, '\'' | '"') => quote = Some(c),
                (Some('"'), '\\') => match characters.next() {
                    Some((_, '\n')) | None => {}
                    Some((_, c @ ('"' | '\\' | '$' | '`'))) => word.push(c),
                    Some((_, c)) => word.extend(['\\', c]),
                },
                (None, '\\') => word.extend(characters.next().map(|(_, c)| c).filter(|c| *c != '\n')),
                (None, ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')') => {
                    // A first character that ends words would stand still.
                    self.rest = if at == 0 { &self.rest[1..] } else { &self.rest[at..] };
                    return word;
                }
                (_, c) => word.push(c),
            }
        }
        self.rest = "";
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(argv: &[&str]) -> Vec<(Dialect, String)> {
        let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        sql(&argv).into_iter().map(|found| (found.dialect, found.text)).collect()
    }

    fn script(text: &str) -> Vec<String> {
        texts(&["/bin/sh", "-ec", text]).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn finds_sql_of_clients() {
        let postgres = |text: &str| vec![(Dialect::PostgreSql, text.to_owned())];
        assert_eq!(texts(&["psql", "-h", "db", "-c", "DROP TABLE t"]), postgres("DROP TABLE t"));
        assert_eq!(
            texts(&["/usr/bin/psql", "-XqtAc", "A", "--command=B", "--host", "x", "-vON_ERROR_STOP=1"]),
            postgres("A;\nB")
        );
        assert_eq!(texts(&["mysql", "-uroot", "-psecret", "-e", "A", "shop"]), [(Dialect::MySql, "A".to_owned())]);
        assert_eq!(texts(&["sqlite3", "-batch", "/data/x.db", "A"]), [(Dialect::Sqlite, "A".to_owned())]);
        assert_eq!(texts(&["psql", "-f", "/sql/x.sql"]), []);
        assert_eq!(texts(&[]), []);
    }

    #[test]
    fn finds_sql_in_shell_text() {
        assert_eq!(
            script("set -e; PGPASSWORD=$X psql -c \"ALTER TABLE \\\"t\\\" DROP a\" && echo ok"),
            ["ALTER TABLE \"t\" DROP a"]
        );
        assert_eq!(script("psql \"$URL\" <<'EOF'\nDROP TABLE a;\n  b;\nEOF\necho x | mysql\n"), ["DROP TABLE a;\n  b;\n", "x"]);
        assert_eq!(script("cat <<-A | psql -1\n\tSELECT 1;\n\tA\npsql <<< 'B' >/dev/null 2>&1"), ["SELECT 1;\n", "B"]);
        assert_eq!(script("until psql -c 'SELECT 1'; do sleep 1; done # psql -c no"), ["SELECT 1"]);
        assert_eq!(script("mariadb -e 'A\nB' \\\n shop"), ["A\nB"]);
    }

    #[test]
    fn hostile_text_ends() {
        for text in ["<<", "<<<", "'", "\"\\", "\\", "|||", "<<A\n", "a<<'\n", ")))((", "> ", "é\\é<<é\né"] {
            script(text);
        }
        script(&"<<A ".repeat(2000));
    }
}
