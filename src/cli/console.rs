//! What is said on stderr: errors, bugs, debug messages. All of it passes the redactor.

use std::io::{self, IsTerminal, Write};
use std::panic::PanicHookInfo;

use anstyle::{AnsiColor, Style};

use crate::exit::{Advice, ExitStatus};
use crate::load::error::LoadError;
use crate::release::redact::Redactor;
use crate::report::clean;
use crate::settings::ColorMode;

/// Columns where there is no terminal to ask, and the most that are used of a wide one: long lines are hard to read.
const DEFAULT_WIDTH: usize = 80;
const MAX_WIDTH: usize = 100;

/// How to write to this terminal, or to what stands in its place.
#[derive(Clone, Debug)]
pub struct Console {
    pub color: ColorMode,
    pub width: usize,
}

impl Console {
    pub fn new(color: ColorMode, width: Option<u16>) -> Console {
        let terminal = || terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0).min(MAX_WIDTH));
        let width = width.map(usize::from).or_else(terminal).filter(|width| *width > 0).unwrap_or(DEFAULT_WIDTH);
        Console { color, width }
    }

    /// Whether colours go to standard output.
    pub fn color_stdout(&self) -> bool {
        self.colors(anstream::AutoStream::choice(&io::stdout()))
    }

    fn color_stderr(&self) -> bool {
        self.colors(anstream::AutoStream::choice(&io::stderr()))
    }

    fn colors(&self, auto: anstream::ColorChoice) -> bool {
        match self.color {
            ColorMode::Always => true,
            ColorMode::Never => false,
            ColorMode::Auto => auto != anstream::ColorChoice::Never,
        }
    }

    /// Writes an error with its causes and what to do, and says what the process ends with.
    pub fn fail(&self, error: &anyhow::Error, redactor: &Redactor) -> ExitStatus {
        let mut text = self.labelled("error:", AnsiColor::Red, &error.to_string(), redactor);
        for cause in error.chain().skip(1) {
            text += &self.labelled("caused by:", AnsiColor::Yellow, &cause.to_string(), redactor);
        }
        for line in help(error) {
            text += &self.labelled("help:", AnsiColor::Green, &line, redactor);
        }
        say(&text);
        status(error)
    }

    /// A remark of ours that is not part of the report.
    pub fn note(&self, text: &str, redactor: &Redactor) {
        say_lines(&redactor.scrub(text));
    }

    fn labelled(&self, label: &str, color: AnsiColor, text: &str, redactor: &Redactor) -> String {
        let style = if self.color_stderr() { color.on_default().bold() } else { Style::new() };
        format!("{style}{label}{style:#} {}", lines(&redactor.scrub(text)))
    }
}

fn status(error: &anyhow::Error) -> ExitStatus {
    match (error.downcast_ref::<Advice>(), error.downcast_ref::<LoadError>()) {
        (Some(advice), _) => advice.status,
        (None, Some(LoadError::Configuration(_))) => ExitStatus::Usage,
        _ => ExitStatus::CouldNotRun,
    }
}

fn help(error: &anyhow::Error) -> Vec<String> {
    let advice = error.downcast_ref::<Advice>().map(|advice| advice.help.clone());
    advice.unwrap_or_else(|| error.downcast_ref::<LoadError>().and_then(LoadError::help).into_iter().collect())
}

/// Text of others, one harmless line each; those after the first are indented.
fn lines(text: &str) -> String {
    let lines: Vec<_> = text.trim_end().lines().map(clean).collect();
    format!("{}\n", lines.join("\n  "))
}

/// Text that may repeat what was typed, as it is but harmless.
pub fn say_lines(text: &str) {
    let text: Vec<_> = text.trim_end().lines().map(clean).collect();
    say(&format!("{}\n", text.join("\n")));
}

/// Nothing can be done about a stderr that is gone.
fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Whether a person can be asked: the question goes to stderr, the answer comes from stdin.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// A panic is a bug: it is said so, without secrets, and the process ends with *could not run*.
pub fn install_panic_hook(redactor: Redactor) {
    std::panic::set_hook(Box::new(move |info| {
        // Caught right there, and reported as a fault of the text.
        if crate::release::yaml::is_guarding() {
            return;
        }
        say_lines(&redactor.scrub(&bug(info)));
        let trace = std::backtrace::Backtrace::capture();
        if trace.status() == std::backtrace::BacktraceStatus::Captured {
            say(&redactor.scrub(&trace.to_string()));
        }
        std::process::exit(ExitStatus::CouldNotRun.code().into());
    }));
}

fn bug(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let what = text.unwrap_or("unknown");
    let place = info.location().map_or_else(String::new, |place| format!(" at {place}"));
    format!(
        "error: this is a bug in helm-rollback-safe {}: {what}{place}\n\
         help: please report this message and the command; RUST_BACKTRACE=1 adds where it came from",
        env!("CARGO_PKG_VERSION")
    )
}

/// `--debug`: what is being done, on stderr.
pub fn install_debug_log(redactor: Redactor) {
    let filter = tracing_subscriber::EnvFilter::new("info,rollback_safe=debug");
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).without_time();
    // Only a second installation fails, and then there is a log already.
    let _ = log.with_writer(move || Scrubbed(redactor.clone())).try_init();
}

/// `fmt` hands over one whole event at a time, so a secret is never cut in two.
struct Scrubbed(Redactor);

impl Write for Scrubbed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        say(&lines(&self.0.scrub(&String::from_utf8_lossy(bytes))));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn errors_know_their_status_however_deep_they_are() {
        let usage = || anyhow::Error::from(Advice::usage("x").help("y"));
        let load = |error: LoadError| anyhow::Error::from(error).context("reading the release");
        let table = [
            (anyhow::anyhow!("x"), ExitStatus::CouldNotRun, 0),
            (usage(), ExitStatus::Usage, 1),
            (usage().context("outer"), ExitStatus::Usage, 1),
            (anyhow::anyhow!("inner").context(Advice::new(ExitStatus::Changed, "x")), ExitStatus::Changed, 0),
            (load(LoadError::Configuration("x".to_owned())), ExitStatus::Usage, 1),
            (load(LoadError::Storage("x".to_owned())), ExitStatus::CouldNotRun, 0),
            (load(LoadError::RecordGone { revision: 3 }), ExitStatus::CouldNotRun, 1),
        ];
        for (row, (error, expected, helps)) in table.iter().enumerate() {
            assert_eq!((status(error), help(error).len()), (*expected, *helps), "row {row}");
        }
        let io: Result<(), _> = Err(io::Error::other("x")).context(Advice::usage("y"));
        assert_eq!(status(&io.unwrap_err()), ExitStatus::Usage);
    }

    #[test]
    fn foreign_lines_cannot_pass_for_ours() {
        assert_eq!(lines("one\nerror: two\u{1b}[2J\n"), "one\n  error: two\u{1b}[2J\n".replace('\u{1b}', "\\u{1b}"));
    }
}
