//! `man`: pages of the manual, from the same definitions as the help texts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Command};

use crate::exit::ExitStatus;

use super::output::{BrokenPipe, print};

pub const EXAMPLES: &str = "\
Examples:
  helm rollback-safe man ~/.local/share/man/man1
      afterwards: man helm-rollback-safe, man helm-rollback-safe-check";

#[derive(Args, Debug)]
pub struct ManArgs {
    /// Directory to write to; made where it is missing
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}

/// Writes one page for the program and one for each command, and lists them.
pub fn run(args: &ManArgs, definition: Command) -> Result<ExitStatus> {
    let dir = &args.dir;
    let failed = || format!("writing pages of the manual to {}", dir.display());
    fs::create_dir_all(dir).with_context(failed)?;
    let pages = pages(definition).with_context(failed)?;
    let mut written = String::new();
    for (name, text) in &pages {
        let path = dir.join(name);
        fs::write(&path, text).with_context(failed)?;
        written += &format!("{}\n", shown(&path));
    }
    print(&written, BrokenPipe::Ignore)?;
    Ok(ExitStatus::Ok)
}

fn shown(path: &Path) -> String {
    crate::report::clean(&path.display().to_string()).into_owned()
}

/// File name and text of each page. `definition` is that of the program.
fn pages(mut definition: Command) -> io::Result<Vec<(String, Vec<u8>)>> {
    definition.build();
    let mut pages = Vec::new();
    page(&definition, &mut pages)?;
    Ok(pages)
}

fn page(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    let man = clap_mangen::Man::new(command.clone());
    let mut text = Vec::new();
    man.render(&mut text)?;
    pages.push((man.get_filename(), text));
    let mut commands = command.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help");
    commands.try_for_each(|command| page(command, pages))
}
