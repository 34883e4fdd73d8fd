//! `migrations --prove`: the verdicts on a history, compared with what a scratch database does.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use mysql_async::{Opts, OptsBuilder};
use serde::Serialize;

use super::args::{MigrationsArgs, MigrationsFormat, MigrationsOutput};
use super::output::{BrokenPipe, print, save};
use super::progress::Spinner;
use crate::exit::{Advice, ExitStatus};
use crate::load::Progress as _;
use crate::load::storage::postgres::target;
use crate::migrations::history::History;
use crate::migrations::report::Report;
use crate::prove::compare::{Disagreement, Figures};
use crate::prove::history::prove;
use crate::prove::server::Server;
use crate::prove::{guard, mysql, postgres, sqlite};
use crate::report::clean;

/// A server, the database that its DSN names, and how to speak of it.
struct Scratch {
    server: Server,
    database: String,
    shown: String,
    /// Taken away at the end.
    directory: Option<PathBuf>,
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

pub fn run(args: &MigrationsArgs, history: &History, report: &Report) -> Result<ExitStatus> {
    if args.output.iter().any(|output| !matches!(output.format, MigrationsFormat::Text | MigrationsFormat::Json)) {
        return Err(Advice::usage("a proof is written as text or json").into());
    }
    let mut scratch = scratch(args)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting up")?;
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
        return Err(refused(&"the migrations are written for another database").into());
    }
    let objection = guard::objection(&mut scratch.server, &scratch.database).await.map_err(|refusal| refused(&refusal))?;
    if let Some(why) = objection {
        return Err(refused(&why).help("name an empty database on a server that nobody needs, with a role of its own").into());
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
    scratch.shown = format!("{version}: {}", scratch.shown);
    figures.disagreements.iter_mut().for_each(mask);
    Ok(figures)
}

fn scratch(args: &MigrationsArgs) -> Result<Scratch> {
    if let Some(path) = &args.proof.prove_sqlite {
        return sqlite_in(path);
    }
    let dsn = match (&args.proof.prove_dsn_file, &args.proof.prove_dsn_env, &args.proof.prove_service) {
        (Some(file), _, _) => fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?,
        (_, Some(name), _) => std::env::var(name).map_err(|_| Advice::usage(format!("the variable {name} is not set")))?,
        (_, _, Some(name)) => service(name)?,
        _ => {
            return Err(
                Advice::usage("--prove needs --prove-dsn-file, --prove-dsn-env, --prove-service or --prove-sqlite").into()
            );
        }
    };
    let dsn = dsn.trim();
    if dsn.starts_with("mysql://") || dsn.starts_with("mariadb://") { mysql_at(dsn) } else { postgres_at(dsn) }
}

fn sqlite_in(path: &Path) -> Result<Scratch> {
    let advice =
        || Advice::usage(format!("{} must not exist yet: it is made for the proof and removed after it", path.display()));
    fs::create_dir(path).with_context(advice)?;
    let server = Server::Sqlite(sqlite::Server { directory: path.to_owned() });
    Ok(Scratch { server, database: String::new(), shown: path.display().to_string(), directory: Some(path.to_owned()) })
}

fn postgres_at(dsn: &str) -> Result<Scratch> {
    let target = target(dsn).map_err(Advice::usage)?;
    let Some(database) = target.config.get_dbname().map(str::to_owned) else {
        return Err(Advice::usage("the connection string names no database").into());
    };
    let shown = format!("{}, database {database}", target.server);
    let server = Server::Postgres(postgres::Server::new(target.config, target.tls));
    Ok(Scratch { server, database, shown, directory: None })
}

/// Nothing is encrypted, so only this machine is spoken to.
fn mysql_at(dsn: &str) -> Result<Scratch> {
    let url = dsn.replacen("mariadb://", "mysql://", 1);
    // The error would quote the text.
    let options = Opts::from_url(&url).map_err(|_| Advice::usage("the connection string is no mysql:// URL"))?;
    let Some(database) = options.db_name().map(str::to_owned) else {
        return Err(Advice::usage("the connection string names no database").into());
    };
    let host = options.ip_or_hostname();
    if options.socket().is_none() && !["localhost", "127.0.0.1", "::1"].contains(&host) {
        return Err(Advice::usage(format!("{host} is another machine, and connections to MySQL are not encrypted here")).into());
    }
    let place = options.socket().map_or_else(|| format!("{host}:{}", options.tcp_port()), str::to_owned);
    let server = Server::MySql(mysql::Server { options: OptsBuilder::from_opts(options) });
    Ok(Scratch { server, shown: format!("{place}, database {database}"), database, directory: None })
}

/// A service of PostgreSQL's connection service file (libpq, "The Connection Service File"), as a connection string.
fn service(name: &str) -> Result<String> {
    let files = [
        std::env::var_os("PGSERVICEFILE").map(PathBuf::from),
        std::env::var_os("HOME").map(|home| Path::new(&home).join(".pg_service.conf")),
        std::env::var_os("PGSYSCONFDIR").map(|directory| Path::new(&directory).join("pg_service.conf")),
    ];
    let texts = files.into_iter().flatten().filter_map(|file| fs::read_to_string(file).ok());
    let found = texts.into_iter().find_map(|text| section(&text, name));
    found.ok_or_else(|| Advice::usage(format!("no connection service file has a service {name:?}")).into())
}

fn section(text: &str, name: &str) -> Option<String> {
    let mut lines = text
        .lines()
        .map(str::trim)
        .skip_while(|line| line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) != Some(name));
    lines.next()?;
    let settings = lines.take_while(|line| !line.starts_with('[')).filter(|line| !line.starts_with('#'));
    let quoted =
        |(key, value): (&str, &str)| format!("{}='{}'", key.trim(), value.trim().replace('\\', "\\\\").replace('\'', "\\'"));
    let settings: Vec<String> = settings.filter_map(|line| line.split_once('=')).map(quoted).collect();
    Some(settings.join(" "))
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
    let mut out = format!("{}\n\n", clean(proof.server));
    for found in &figures.disagreements {
        let list = |texts: &[String]| if texts.is_empty() { "nothing".to_owned() } else { texts.join("; ") };
        let line =
            format!("{}: {}: predicted {}, measured {}", found.path, found.about, list(&found.predicted), list(&found.measured));
        let _ = writeln!(out, "{}", clean(&line));
    }
    if !figures.disagreements.is_empty() {
        out.push('\n');
    }
    let _ = writeln!(out, "{:<14}{:>7}{:>7}{:>8}", "effect", "right", "false", "missed");
    for (kind, count) in &figures.kinds {
        let _ = writeln!(out, "{kind:<14}{:>7}{:>7}{:>8}", count.right, count.false_alarms, count.missed);
    }
    let _ = writeln!(out, "\n{} of {} verdicts on ways back agree", figures.downs_agree, figures.downs);
    let _ = writeln!(
        out,
        "{} migrations compared, {} refused by the database, {} no SQL and not run",
        figures.migrations, figures.refused, figures.code
    );
    out
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
    use super::{masked, section};

    #[test]
    fn literals_are_masked_and_names_are_not() {
        assert_eq!(masked("invalid input syntax for type integer: \"secret\""), "invalid input syntax for type integer: \"…\"");
        assert_eq!(masked("column \"a\" of relation \"t\""), "column \"a\" of relation \"t\"");
        assert_eq!(masked("Duplicate entry 'secret' for key 'a'"), "Duplicate entry '…' for key '…'");
    }

    #[test]
    fn a_service_becomes_a_connection_string() {
        let file = "# ours\n[other]\nhost=x\n[scratch]\nhost = db\n# no\npassword=it's\n[last]\nuser=u\n";
        assert_eq!(section(file, "scratch").as_deref(), Some("host='db' password='it\\'s'"));
        assert_eq!(section(file, "none"), None);
    }
}
