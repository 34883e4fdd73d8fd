//! From the words that were typed to the words clap parses.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use clap::Command;

/// The command meant where none is named.
const DEFAULT: &str = "run";

/// Puts the command first: the one that is named, wherever it stands, else `run`.
///
/// Helm hands a plugin flags that stood before its name (`helm -nprod rollback-safe check shop`), so the command need not be
/// the first word. Words that only ask for help or the version are left alone.
pub fn command_first(args: Vec<OsString>, cli: &Command) -> Vec<OsString> {
    let mut words = args.into_iter();
    let program = words.next().unwrap_or_else(|| "helm-rollback-safe".into());
    let mut words: Vec<OsString> = words.collect();
    let is_command = |word: &OsStr| word == "help" || cli.get_subcommands().any(|command| OsStr::new(command.get_name()) == word);
    let end_of_flags = words.iter().position(|word| word == "--").unwrap_or(words.len());
    match first_positional(&words, &takes_value(cli)) {
        // Behind `--` everything is a name.
        Some(position) if position < end_of_flags && is_command(&words[position]) => {
            let command = words.remove(position);
            words.insert(0, command);
        }
        Some(_) => words.insert(0, DEFAULT.into()),
        None if asks_about_itself(&words) => (),
        None => words.insert(0, DEFAULT.into()),
    }
    words.insert(0, program);
    words
}

fn asks_about_itself(words: &[OsString]) -> bool {
    words.iter().any(|word| ["-h", "--help", "-V", "--version"].iter().any(|known| word == known))
}

/// Flags of all commands, and whether the word behind each is its value.
fn takes_value(cli: &Command) -> BTreeMap<String, bool> {
    let mut flags = BTreeMap::new();
    let commands = std::iter::once(cli).chain(cli.get_subcommands());
    for arg in commands.flat_map(Command::get_arguments).filter(|arg| !arg.is_positional()) {
        let separate = arg.get_action().takes_values() && !arg.is_require_equals_set();
        let shorts = arg.get_short_and_visible_aliases().unwrap_or_default().into_iter().map(|short| format!("-{short}"));
        let longs = arg.get_long().into_iter().chain(arg.get_all_aliases().unwrap_or_default());
        for name in longs.map(|long| format!("--{long}")).chain(shorts) {
            flags.insert(name, separate);
        }
    }
    flags
}

/// Position of the first word that is neither a flag nor the value of one.
fn first_positional(words: &[OsString], takes_value: &BTreeMap<String, bool>) -> Option<usize> {
    let mut position = 0;
    while let Some(word) = words.get(position) {
        // Only ASCII matters here: a word that is no UTF-8 is no flag we know.
        let text = word.to_string_lossy();
        if text == "--" {
            return (position + 1 < words.len()).then_some(position + 1);
        }
        if !text.starts_with('-') || text == "-" {
            return Some(position);
        }
        position += if takes_value.get(text.as_ref()).copied().unwrap_or(false) { 2 } else { 1 };
    }
    None
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::args::Cli;

    fn normal(line: &str) -> String {
        let args = std::iter::once("x").chain(line.split_whitespace()).map(OsString::from).collect();
        let words = command_first(args, &Cli::command());
        words[1..].iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_command_comes_first() {
        let table = [
            ("shop", "run shop"),
            ("shop 5 --wait", "run shop 5 --wait"),
            ("check shop", "check shop"),
            ("-nprod check shop", "check -nprod shop"),
            ("-n prod check shop", "check -n prod shop"),
            ("-n check shop", "run -n check shop"),
            ("--kube-context check check shop", "check --kube-context check shop"),
            ("--context=check shop 5", "run --context=check shop 5"),
            ("--wait check shop", "check --wait shop"),
            ("--debug=true --qps 3 shop", "run --debug=true --qps 3 shop"),
            ("-v 5 rules list", "rules -v 5 list"),
            ("run check", "run check"),
            ("help check", "help check"),
            ("--help", "--help"),
            ("--version", "--version"),
            ("-h shop", "run -h shop"),
            ("", "run"),
            ("--wait", "run --wait"),
            ("-- shop", "run -- shop"),
            ("-- check", "run -- check"),
            ("--output json shop", "run --output json shop"),
        ];
        for (typed, parsed) in table {
            assert_eq!(normal(typed), parsed, "{typed:?}");
        }
    }

    #[test]
    fn clap_finds_no_fault_in_the_definitions() {
        Cli::command().debug_assert();
    }
}
