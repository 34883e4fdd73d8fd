//! Completion: the scripts of shells, and the names that they ask for.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;

use crate::exit::ExitStatus;
use crate::report::clean;

use super::CalledAs;
use super::args::Cli;
use super::output::{self, BrokenPipe};

/// First word of a command line by which a completion script asks for candidates. No release can be called so: names hold no underscores.
pub const ASKS: &str = "__complete";

/// What Helm and kubectl ask as well: one source of names, whoever completes.
const PLUGIN: &str = include_str!("../../plugin.complete");

/// Names come before flags in bash; where there are none, what clap knows stands.
const BASH: &str = r#"
_helm_rollback_safe_with_names() {
    _helm__rollback__safe "$@"
    local line directive=
    local -a names=()
    case "$2" in -*) return 0 ;; esac
    # Where bash has split a word at = or :, places cannot be counted.
    case " ${COMP_WORDS[*]} " in *" = "* | *" : "*) return 0 ;; esac
    while IFS= read -r line; do
        case "$line" in
            :*) directive=$line ;;
            *)
                line=${line%%$'\t'*}
                [[ "$line" == "$2"* ]] && names+=("$line")
                ;;
        esac
    done < <("$1" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    if [[ "$directive" == :0 ]]; then
        COMPREPLY=()
    elif [[ ${#names[@]} -gt 0 ]]; then
        COMPREPLY=("${names[@]}")
    fi
    return 0
}

if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -F _helm_rollback_safe_with_names -o nosort -o bashdefault -o default helm-rollback-safe
else
    complete -F _helm_rollback_safe_with_names -o bashdefault -o default helm-rollback-safe
fi
"#;

/// Stands before the lines that register the function, which also run when the script is loaded by its name.
const ZSH: &str = r#"_helm-rollback-safe() {
    local line directive=
    local -a names
    if [[ "${words[CURRENT]}" != -* ]]; then
        for line in "${(@f)$(${(Q)words[1]} __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
            case "$line" in
                :*) directive=$line ;;
                ?*) names+=("${${line//:/\\:}/$'\t'/:}") ;;
            esac
        done
    fi
    if [[ "$directive" == :0 ]]; then
        _files
    elif (( ${#names} )); then
        _describe -V 'name' names
    else
        _helm-rollback-safe_by_flags "$@"
    fi
}

"#;

/// fish reads a candidate and what is said about it, with a tab between, as the script prints them.
const FISH: &str = r#"
function __fish_helm_rollback_safe_named
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    string match -q -- '-*' $typed
    and return 1
    set -g __fish_helm_rollback_safe_names ($words[1] __complete $words[2..-1] "$typed" 2>/dev/null)
    test "$__fish_helm_rollback_safe_names[-1]" = ':4'
end

complete -c helm-rollback-safe -k -f -n __fish_helm_rollback_safe_named -a '(string match -v -- ":*" $__fish_helm_rollback_safe_names)'
"#;

/// Prints the script of a shell.
///
/// # Errors
/// Standard output cannot be written.
pub fn run(shell: Shell) -> Result<ExitStatus> {
    output::print(&script(shell), BrokenPipe::Ignore)?;
    Ok(ExitStatus::Ok)
}

/// clap's script, and for shells that take them the names of releases and revisions.
fn script(shell: Shell) -> String {
    // Shells complete programs, and the program is the same whoever calls it.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), CalledAs::Direct.name(), &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        Shell::Bash => joined_in_bash(&script) + BASH,
        Shell::Fish => script + FISH,
        Shell::Zsh => with_names_in_zsh(&script),
        _ => script,
    }
}

/// clap_complete 4.6 takes the dashes of our name for those between a command and its sub-command where it lists flags, but not where it
/// looks for the command: no command's flags would be found.
fn joined_in_bash(script: &str) -> String {
    script.replace("helm__subcmd__rollback__subcmd__safe", "helm__rollback__safe")
}

fn with_names_in_zsh(script: &str) -> String {
    const REGISTERS: &str = "if [ \"$funcstack[1]\"";
    let renamed = script.replace("\n_helm-rollback-safe() {", "\n_helm-rollback-safe_by_flags() {");
    renamed.replacen(REGISTERS, &format!("{ZSH}{REGISTERS}"), 1)
}

/// Prints the candidates for the last of these words: one a line, a tab before what is said about it, and a directive of Helm's at the
/// end (`:4` no files, `:0` files). A shell waits for it, so it says nothing about what it cannot do.
pub fn candidates(words: &[OsString]) -> ExitStatus {
    match ask(words) {
        Ok(text) => {
            let lines: String = text.lines().map(|line| format!("{}\n", harmless(line))).collect();
            output::print(&lines, BrokenPipe::Ignore).map_or(ExitStatus::CouldNotRun, |()| ExitStatus::Ok)
        }
        Err(_) => ExitStatus::CouldNotRun,
    }
}

fn ask(words: &[OsString]) -> Result<String> {
    let mut command = Command::new("sh");
    command.args(["-c", PLUGIN, "plugin.complete"]).args(words).stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().context("starting a shell")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Statuses and charts are text of others, and a shell writes them to the terminal.
fn harmless(line: &str) -> String {
    line.split('\t').map(clean).collect::<Vec<_>>().join("\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentions(word: &str) -> bool {
        PLUGIN.split(|c: char| c.is_whitespace() || "|)".contains(c)).any(|known| known == word)
    }

    /// A flag whose value looks like a name would move every place behind it.
    #[test]
    fn the_plugins_script_knows_every_command_and_every_flag_with_a_value() {
        let cli = Cli::command();
        let commands = || cli.get_subcommands().filter(|command| !command.is_hide_set());
        let unknown: Vec<&str> = commands().map(clap::Command::get_name).filter(|name| !mentions(name)).collect();
        assert_eq!(unknown, [""; 0], "commands");
        let of_all = std::iter::once(&cli).chain(commands()).flat_map(clap::Command::get_arguments);
        let valued = of_all.filter(|arg| !arg.is_hide_set() && arg.get_action().takes_values() && !arg.is_require_equals_set());
        let longs = valued.filter_map(|arg| arg.get_long()).map(|long| format!("--{long}"));
        let unknown: std::collections::BTreeSet<String> = longs.filter(|flag| !mentions(flag)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn the_scripts_of_clap_are_where_they_are_changed() {
        let zsh = script(Shell::Zsh);
        assert_eq!(zsh.matches("\n_helm-rollback-safe() {").count(), 1);
        assert_eq!(zsh.matches("\n_helm-rollback-safe_by_flags() {").count(), 1);
        assert!(zsh.find("\n_helm-rollback-safe() {") < zsh.find("\n    compdef "));
        let bash = script(Shell::Bash);
        assert!(bash.contains("_helm__rollback__safe() {"));
        let commands = bash.lines().filter_map(|line| line.trim().strip_prefix("cmd=\"")?.strip_suffix('"'));
        let unknown: Vec<&str> =
            commands.filter(|name| !name.is_empty() && !bash.contains(&format!("\n        {name})\n"))).collect();
        assert_eq!(unknown, [""; 0]);
    }

    #[test]
    fn what_others_wrote_stays_on_its_line() {
        assert_eq!(harmless("2\tdeployed shop\u{1b}[2J"), "2\tdeployed shop\\u{1b}[2J");
    }
}
