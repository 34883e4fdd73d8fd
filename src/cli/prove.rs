//! `migrations --prove`: the verdicts on a history, compared with what a scratch database does.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::args::{MigrationsArgs, MigrationsFormat, MigrationsOutput};
use super::output::{BrokenPipe, print, save};
use super::progress::Spinner;
use crate::exit::{Advice, ExitStatus};
use crate::load::Progress as _;
use crate::load::dsn::{self, Target};
use crate::migrations::history::History;
use crate::migrations::report::Report;
use crate::prove::compare::{Disagreement, Figures};
use crate::prove::history::prove;
use crate::prove::server::Server;
use crate::prove::{guard, mysql, postgres, sqlite};
use crate::report::clean;
use crate::settings::DatabaseSource;
use crate::sql::dialect::Dialect;

/// A server, the database that its DSN names, and how to speak of it.
pub struct Scratch {
    server: Server,
    database: String,
    shown: String,
    /// Taken away at the end.
    directory: Option<PathBuf>,
}

impl Scratch {
    pub fn dialect(&self) -> Dialect {
        self.server.dialect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(directory) = &self.directory {
            let _ = fs::remove_dir_all(directory);
        }
    }
}

/// The JSON form.
#[derive(Serialize)]
struct Proof<'a> {
    schema: &'static str,
    server: &'a str,
    framework: Option<&'a str>,
    #[serde(flatten)]
    figures: &'a Figures,
}

pub fn run(args: &MigrationsArgs, mut scratch: Scratch, history: &History, report: &Report) -> Result<ExitStatus> {
    if args.output.iter().any(|output| !matches!(output.format, MigrationsFormat::Text | MigrationsFormat::Json)) {
        return Err(Advice::usage("a proof is written as text or json").into());
    }
    let runtime = super::runtime()?;
    let figures = runtime.block_on(proved(&mut scratch, args, history, report))?;
    let shown = scratch.shown.clone();
    drop(scratch);
    let proof =
        Proof { schema: "rollback-safe/proof/v1", server: &shown, framework: report.framework.as_deref(), figures: &figures };
    write(&proof, args)?;
    Ok(status(&figures))
}

async fn proved(scratch: &mut Scratch, args: &MigrationsArgs, history: &History, report: &Report) -> Result<Figures> {
    let refused = |why: &dyn std::fmt::Display| {
        Advice::new(ExitStatus::CouldNotRun, format!("{}: {}", scratch.shown, masked(&why.to_string())))
    };
    let (dialect, spoken) = (history.dialect, scratch.server.dialect());
    if dialect.is_some_and(|dialect| dialect != spoken && !(dialect.is_mysql() && spoken.is_mysql())) {
        let written = dialect.map_or("another database", Dialect::as_str);
        let why = format!("the migrations are written for {written}, and this is {}", spoken.as_str());
        return Err(refused(&why).help("say with --dialect if that is not so").into());
    }
    let objection = guard::objection(&mut scratch.server, &scratch.database).await.map_err(|refusal| refused(&refusal))?;
    if let Some(objection) = objection {
        let help = format!("name an empty database on a server that nobody needs, with a role of its own: {}", objection.wanted);
        return Err(refused(&objection.why).help(help).into());
    }
    if !args.proof.i_own_this_database {
        let error =
            refused(&"databases named proof_… would be made, filled and dropped there, and the migrations run as they are");
        return Err(error.help("add --i-own-this-database if that is what you want").into());
    }
    let version = scratch.server.version().await.map_err(|refusal| refused(&refusal))?;
    let spinner = Spinner::new(false);
    let server = std::mem::replace(&mut scratch.server, Server::Sqlite(sqlite::Server { directory: PathBuf::new() }));
    let figures = prove(server, history, report, &[], &mut |path| spinner.step(path)).await;
    let mut figures = figures.map_err(|refusal| Advice::new(ExitStatus::CouldNotRun, masked(&refusal.to_string())))?;
    scratch.shown = format!("{version}, {}", scratch.shown);
    figures.disagreements.iter_mut().for_each(mask);
    Ok(figures)
}

/// What the options name; nothing is connected yet.
pub fn scratch(args: &MigrationsArgs) -> Result<Scratch> {
    if let Some(path) = &args.proof.prove_sqlite {
        return sqlite_in(path);
    }
    let source = match (&args.proof.prove_dsn_file, &args.proof.prove_dsn_env, &args.proof.prove_service) {
        (Some(file), _, _) => DatabaseSource::File(file.clone()),
        (_, Some(name), _) => DatabaseSource::Variable(name.clone()),
        (_, _, Some(name)) => DatabaseSource::Service(name.clone()),
        _ => {
            return Err(
                Advice::usage("--prove needs --prove-dsn-file, --prove-dsn-env, --prove-service or --prove-sqlite").into()
            );
        }
    };
    let nameless = || Advice::usage("the connection string names no database");
    match dsn::read(&source).map_err(Advice::usage)? {
        Target::Postgres(target) => {
            let database = target.config.get_dbname().map(str::to_owned).ok_or_else(nameless)?;
            let shown = format!("{}, database {database}", target.server);
            let server = Server::Postgres(postgres::Server::new(target.config, target.tls));
            Ok(Scratch { server, database, shown, directory: None })
        }
        Target::MySql(target) => {
            let database = target.database.ok_or_else(nameless)?;
            let shown = format!("{}, database {database}", target.server);
            Ok(Scratch { server: Server::MySql(mysql::Server { options: target.options }), shown, database, directory: None })
        }
        Target::Sqlite(_) => Err(Advice::usage("SQLite is named with --prove-sqlite PATH, which must not exist yet").into()),
    }
}

fn sqlite_in(path: &Path) -> Result<Scratch> {
    let advice =
        || Advice::usage(format!("{} must not exist yet: it is made for the proof and removed after it", path.display()));
    fs::create_dir(path).with_context(advice)?;
    let server = Server::Sqlite(sqlite::Server { directory: path.to_owned() });
    Ok(Scratch { server, database: String::new(), shown: path.display().to_string(), directory: Some(path.to_owned()) })
}

fn mask(found: &mut Disagreement) {
    found.measured.iter_mut().for_each(|text| *text = masked(text));
}

/// Without literals: what stands in single quotes, and in double ones where a message quotes a value behind a colon.
fn masked(text: &str) -> String {
    let mut out = String::new();
    let mut end = None;
    for c in text.chars() {
        match end {
            Some(quote) if c == quote => {
                out.push('…');
                out.push(c);
                end = None;
            }
            Some(_) => {}
            None => {
                let value = c == '\'' || (c == '"' && out.ends_with(": "));
                end = value.then_some(c);
                out.push(c);
            }
        }
    }
    out
}

fn write(proof: &Proof<'_>, args: &MigrationsArgs) -> Result<()> {
    let render = |format| match format {
        MigrationsFormat::Json => crate::report::json::harmless(proof),
        _ => text(proof),
    };
    for MigrationsOutput { format, file } in &args.output {
        if let Some(file) = file {
            save(file, &render(*format))?;
        }
    }
    let shown = args.output.iter().find(|output| output.file.is_none());
    print(&render(shown.map_or(MigrationsFormat::Text, |output| output.format)), BrokenPipe::Ignore)
}

fn text(proof: &Proof<'_>) -> String {
    let figures = proof.figures;
    let (refused, wrong): (Vec<_>, Vec<_>) = figures.disagreements.iter().partition(|found| found.about == "refused");
    let verdict = match wrong.len() {
        _ if figures.migrations == 0 => "nothing was compared".to_owned(),
        0 => "every verdict is what happened".to_owned(),
        1 => "1 verdict is not what happened".to_owned(),
        several => format!("{several} verdicts are not what happened"),
    };
    let mut out = format!("PROOF: {verdict}\n\n  server      {}\n", clean(proof.server));
    let _ = writeln!(
        out,
        "  history     {}: {} migrations compared, {} refused by the database, {} no SQL and not run",
        clean(proof.framework.unwrap_or("no known framework")),
        figures.migrations,
        figures.refused,
        figures.code
    );
    let _ = writeln!(out, "  ways back   {} of {} verdicts are what happened", figures.downs_agree, figures.downs);
    let _ = writeln!(out, "\n  {:<14}{:>14}{:>14}{:>8}", "", "as predicted", "false alarm", "missed");
    for (kind, count) in &figures.kinds {
        let _ = writeln!(out, "  {kind:<14}{:>14}{:>14}{:>8}", count.right, count.false_alarms, count.missed);
    }
    let lines = wrong.iter().map(|found| disagreement(found)).chain(refused.iter().map(|found| refusal(found)));
    for (line, position) in lines.zip(0..) {
        let _ = writeln!(out, "{}  {}", if position == 0 { "\n" } else { "" }, clean(&line));
    }
    out
}

fn disagreement(found: &Disagreement) -> String {
    let list = |texts: &[String]| if texts.is_empty() { "nothing".to_owned() } else { texts.join("; ") };
    format!("{}: {}: predicted {}, happened {}", found.path, found.about, list(&found.predicted), list(&found.measured))
}

fn refusal(found: &Disagreement) -> String {
    format!("{}: not compared, the database refused it: {}", found.path, found.measured.join("; "))
}

/// A verdict that the database does not share closes the gate; what it did not run leaves it open to doubt.
fn status(figures: &Figures) -> ExitStatus {
    if figures.disagreements.iter().any(|found| found.about != "refused") {
        ExitStatus::Blocked
    } else if figures.refused + figures.code > 0 {
        ExitStatus::Inconclusive
    } else {
        ExitStatus::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn literals_are_masked_and_names_are_not() {
        assert_eq!(masked("invalid input syntax for type integer: \"secret\""), "invalid input syntax for type integer: \"…\"");
        assert_eq!(masked("column \"a\" of relation \"t\""), "column \"a\" of relation \"t\"");
        assert_eq!(masked("Duplicate entry 'secret' for key 'a'"), "Duplicate entry '…' for key '…'");
    }
}
