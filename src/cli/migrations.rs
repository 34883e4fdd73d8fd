//! `migrations`: what code of an older version would meet on the schema that migrations made.

use std::io::BufRead;
use std::path::Path;

use anyhow::Result;

use crate::exit::{Advice, ExitStatus};
use crate::load::{files, git, schema};
use crate::migrations;
use crate::migrations::analysis::{self, Ask};
use crate::migrations::applied::{self, Applied};
use crate::migrations::evidence;
use crate::migrations::history::{History, Options};
use crate::migrations::report::Report;
use crate::migrations::source::Tree;
use crate::report::migrations::{self as forms, Class, deeds};
use crate::sql::dialect::Dialect;

use super::args::{MigrationsArgs, MigrationsFormat, MigrationsOutput};
use super::console::Console;
use super::options::one_report_each;
use super::output::{BrokenPipe, print, save};
use super::prove;

pub fn run(args: &MigrationsArgs, console: &Console) -> Result<ExitStatus> {
    one_report_each(&args.output.iter().map(|output| output.file.as_deref()).collect::<Vec<_>>())?;
    let (newer, older) = trees(args)?;
    let settings = args.schema.settings().map_err(Advice::usage)?;
    let runtime = super::runtime()?;
    let mut opened = runtime.block_on(schema::open(&settings))?;
    let scratch = if args.proof.prove { Some(prove::scratch(args)?) } else { None };
    let history = history(&newer, args, opened.dialect(), scratch.as_ref().map(prove::Scratch::dialect));
    if history.migrations.is_empty() {
        return Err(nothing(&args.dir, &history).into());
    }
    // The older side is read as the newer one was: one of them may be too small to tell.
    let same = Options { framework: Some(history.framework), dialect: history.dialect };
    let older = older.map(|tree| migrations::history(&tree, &same));
    let open = |path: &str| match files::open(&args.dir, path) {
        Ok(file) => Ok(Box::new(file) as Box<dyn BufRead>),
        Err(error) => Err(error.to_string()),
    };
    let applied = applied(&opened.applied, &history)?;
    let ask = Ask {
        from: args.from.as_deref(),
        to: args.to.as_deref(),
        older: older.as_ref(),
        applied: applied.as_ref(),
        on_unknown: false,
        open: &open,
    };
    let mut report = analysis::analyze(&history, &ask).map_err(|why| Advice::usage(why).help(versions(&history)))?;
    if let Some(scratch) = scratch {
        return prove::run(args, scratch, &history, &report);
    }
    let evidence = runtime.block_on(opened.evidence(&settings, &[&report]))?;
    evidence::weigh(&mut report, &evidence);
    write(&report, args, console)?;
    Ok(status(&report, args.fail_on))
}

/// Without an option the application's database says which dialect it speaks, and by that which of several directories is its
/// own; a scratch database only where the files leave it open.
fn history(tree: &Tree, args: &MigrationsArgs, spoken: Option<Dialect>, scratch: Option<Dialect>) -> History {
    let read = |dialect| migrations::history(tree, &Options { framework: args.framework, dialect });
    let history = read(args.dialect.or(spoken));
    match (history.dialect, scratch) {
        _ if history.migrations.is_empty() => read(args.dialect),
        (None, Some(_)) => read(scratch),
        _ => history,
    }
}

/// The newer side, and the older one where it has files of its own.
fn trees(args: &MigrationsArgs) -> Result<(Tree, Option<Tree>)> {
    if let Some((old, new)) = &args.git {
        return Ok((git::tree(&args.dir, new)?, Some(git::tree(&args.dir, old)?)));
    }
    let older = args.old.as_ref().map(|dir| files::tree(dir)).transpose()?;
    Ok((files::tree(&args.dir)?, older))
}

/// The history table that these files have; none where none was named.
fn applied(tables: &[Applied], history: &History) -> Result<Option<Applied>> {
    if tables.is_empty() {
        return Ok(None);
    }
    let origins: Vec<&str> = tables.iter().map(|table| table.origin.as_str()).collect();
    let chosen = applied::choose(tables, history).or(tables.first().filter(|table| table.rows.is_empty()));
    let none = || Advice::usage(format!("no row of {} is of these migrations", origins.join(", "))).help(versions(history));
    Ok(Some(chosen.ok_or_else(none)?.clone()))
}

fn nothing(dir: &Path, history: &History) -> Advice {
    let error = Advice::usage(format!("{} holds no migrations that were recognised", dir.display()));
    let error = error.help("name the directory that the framework reads, or say which framework with --framework");
    history.gaps.iter().take(3).fold(error, |error, gap| error.help(format!("{}: {}", gap.what, gap.why)))
}

fn versions(history: &History) -> String {
    let ends = (history.migrations.first(), history.migrations.last());
    let (Some(first), Some(last)) = ends else { return "there are no migrations".to_owned() };
    format!("the {} versions here go from {} to {}; 0 is before the first", history.migrations.len(), first.version, last.version)
}

fn write(report: &Report, args: &MigrationsArgs, console: &Console) -> Result<()> {
    let base = args.dir.to_string_lossy();
    let render = |format, color| match format {
        MigrationsFormat::Text => forms::text::render(report, console.width, color),
        MigrationsFormat::Json => forms::json(report),
        MigrationsFormat::Markdown => forms::markdown::render(report),
        MigrationsFormat::Sarif => forms::sarif::render(report, base.trim_start_matches("./"), env!("CARGO_PKG_VERSION")),
    };
    for MigrationsOutput { format, file } in &args.output {
        if let Some(file) = file {
            save(file, &render(*format, false))?;
        }
    }
    let shown = args.output.iter().find(|output| output.file.is_none());
    print(&render(shown.map_or(MigrationsFormat::Text, |output| output.format), console.color_stdout()), BrokenPipe::Ignore)
}

/// The gate: without `--fail-on` it is open. What was not understood could be anything, so it closes the gate as inconclusive.
fn status(report: &Report, fail_on: Option<Class>) -> ExitStatus {
    let (Some(worst), Some(range)) = (fail_on, &report.range) else { return ExitStatus::Ok };
    let deeds = deeds(&range.effects);
    let unknown = report.applied.as_ref().is_some_and(|applied| !applied.unknown.is_empty())
        || deeds.iter().any(|deed| deed.class() == Class::Opaque)
        || report.understood < report.statements;
    if deeds.iter().any(|deed| deed.class() <= worst) {
        ExitStatus::Blocked
    } else if unknown {
        ExitStatus::Inconclusive
    } else {
        ExitStatus::Ok
    }
}
