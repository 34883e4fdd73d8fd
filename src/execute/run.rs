//! Runs Helm in its own process group and passes its words on, redacted.

use std::collections::VecDeque;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use anyhow::{Context, Result};
use jiff::Timestamp;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as Listener, SignalKind, signal};
use tokio::sync::mpsc;

use super::command::HelmCommand;

/// Longest line that is passed on, in bytes. The rest of a longer one is dropped, not split: half a secret cannot be recognised.
const MAX_LINE: usize = 64 * 1024;
/// Lines kept for the final message.
const TAIL_LINES: usize = 40;
/// How long Helm's output is read after Helm has ended, in milliseconds: a child of Helm's (a credential plugin) may hold the pipe open.
const DRAIN_MS: u64 = 2_000;

/// How Helm ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelmExit {
    Code(i32),
    /// Number of the signal that ended it.
    Signal(i32),
}

impl HelmExit {
    pub fn succeeded(self) -> bool {
        self == HelmExit::Code(0)
    }
}

impl std::fmt::Display for HelmExit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HelmExit::Code(code) => write!(f, "exit status {code}"),
            HelmExit::Signal(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(f, "killed by {signal}"),
                Err(_) => write!(f, "killed by signal {number}"),
            },
        }
    }
}

/// What is known of a Helm that ran.
#[derive(Clone, Debug)]
pub struct HelmRun {
    pub exit: HelmExit,
    /// The moment before Helm was started, by this machine's clock (which is also the one Helm stamps its record with).
    pub started: Timestamp,
    /// The last lines Helm wrote to stdout or stderr, redacted.
    pub tail: Vec<String>,
    /// A signal was passed on to Helm.
    pub interrupted: bool,
}

/// Runs the command and waits for its end. Each line of its stdout and stderr goes through `scrub` to `out` (our stderr).
///
/// Helm has no signal handling: an interrupt kills it wherever it is and leaves a `pending-rollback` record. So the first
/// SIGINT or SIGTERM only explains, the second is passed on to Helm's process group. A lost terminal (SIGHUP) ends nothing.
///
/// # Errors
/// Helm could not be started, or its end could not be observed.
pub async fn run(command: &HelmCommand, scrub: impl Fn(&str) -> String, out: impl Write) -> Result<HelmRun> {
    // Before Helm starts, so that no signal between the two kills us and orphans it.
    let mut signals = Signals::listen()?;
    let started = Timestamp::now();
    let mut child = spawn(command)?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    let mut lines = read_lines(&mut child);
    let mut talk = Talk { scrub, out, tail: VecDeque::new() };
    let mut asked = false;
    let mut interrupted = false;
    let status = loop {
        tokio::select! {
            Some(line) = lines.recv() => talk.pass_on(&line),
            received = signals.next() => {
                if asked {
                    interrupted |= forward(group, received);
                    talk.say(&format!("{received} passed on to Helm; waiting for it to end."));
                } else {
                    asked = true;
                    talk.say(&first_warning(command));
                }
            }
            status = child.wait() => break status.context("waiting for Helm to end")?,
        }
    };
    let deadline = tokio::time::sleep(std::time::Duration::from_millis(DRAIN_MS));
    tokio::pin!(deadline);
    while let Some(line) = tokio::select! { line = lines.recv() => line, () = &mut deadline => None } {
        talk.pass_on(&line);
    }
    let exit = status.code().map_or_else(|| HelmExit::Signal(status.signal().unwrap_or_default()), HelmExit::Code);
    Ok(HelmRun { exit, started, tail: talk.tail.into(), interrupted })
}

fn spawn(command: &HelmCommand) -> Result<Child> {
    Command::new(&command.program)
        .args(command.args())
        .envs(command.env())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Its own group: the terminal's Ctrl-C reaches us only.
        .process_group(0)
        // Whatever becomes of us, a half-done rollback must not be killed.
        .kill_on_drop(false)
        .spawn()
        .with_context(|| format!("starting Helm: {}", command.display()))
}

fn first_warning(command: &HelmCommand) -> String {
    format!(
        "Helm is still rolling back. Killing it now would leave revision {} as pending-rollback, with the cluster at any point in between.\n\
         Press Ctrl-C again to pass the signal on to Helm; otherwise just wait.",
        command.from.saturating_add(1)
    )
}

fn forward(group: Option<Pid>, signal: Signal) -> bool {
    // An error means that the group is gone already, which `wait` reports.
    group.is_some_and(|group| killpg(group, signal).is_ok())
}

/// The signals that would otherwise end us.
struct Signals {
    interrupt: Listener,
    terminate: Listener,
    hang_up: Listener,
}

impl Signals {
    fn listen() -> Result<Signals> {
        let listen = |kind| signal(kind).context("listening for signals");
        Ok(Signals {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// The next SIGINT or SIGTERM; a SIGHUP is taken and dropped.
    async fn next(&mut self) -> Signal {
        loop {
            tokio::select! {
                Some(()) = self.interrupt.recv() => return Signal::SIGINT,
                Some(()) = self.terminate.recv() => return Signal::SIGTERM,
                Some(()) = self.hang_up.recv() => {}
                else => std::future::pending().await,
            }
        }
    }
}

/// Passes lines on. A closed stderr must not stop the reading, for Helm would block or die on its full or broken pipe.
struct Talk<S, W> {
    scrub: S,
    out: W,
    tail: VecDeque<String>,
}

impl<S: Fn(&str) -> String, W: Write> Talk<S, W> {
    fn pass_on(&mut self, line: &str) {
        let line = (self.scrub)(line);
        let _ = writeln!(self.out, "helm: {line}");
        if self.tail.len() == TAIL_LINES {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }

    fn say(&mut self, text: &str) {
        let _ = writeln!(self.out, "\n{text}");
    }
}

fn read_lines(child: &mut Child) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(64);
    if let Some(stdout) = child.stdout.take() {
        tokio::spawn(send_lines(BufReader::new(stdout), sender.clone()));
    }
    if let Some(stderr) = child.stderr.take() {
        tokio::spawn(send_lines(BufReader::new(stderr), sender));
    }
    lines
}

async fn send_lines(mut from: impl AsyncBufRead + Unpin, to: mpsc::Sender<String>) {
    while let Some(line) = next_line(&mut from).await {
        if to.send(line).await.is_err() {
            return;
        }
    }
}

/// The next line without its end, at most [`MAX_LINE`] bytes of it; none at the end or on a broken pipe.
async fn next_line(from: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut line = Vec::new();
    let mut cut = false;
    let mut any = false;
    loop {
        let chunk = from.fill_buf().await.ok()?;
        if chunk.is_empty() {
            break;
        }
        any = true;
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        let room = MAX_LINE.saturating_sub(line.len()).min(part.len());
        line.extend_from_slice(&part[..room]);
        cut |= room < part.len();
        let used = end.map_or(chunk.len(), |position| position + 1);
        from.consume(used);
        if end.is_some() {
            break;
        }
    }
    let text = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
    any.then(|| if cut { "(a line too long to be shown)".to_owned() } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines_of(bytes: &[u8]) -> Vec<String> {
        let mut reader = BufReader::with_capacity(7, bytes);
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut reader).await {
            lines.push(line);
        }
        lines
    }

    #[tokio::test]
    async fn lines_are_split_whatever_the_chunks() {
        assert_eq!(
            lines_of(b"one\n\nthree, longer than a chunk\r\nlast").await,
            ["one", "", "three, longer than a chunk", "last"]
        );
        assert_eq!(lines_of(b"\xff\xfe\n").await, ["\u{fffd}\u{fffd}"]);
        assert!(lines_of(b"").await.is_empty());
    }

    #[tokio::test]
    async fn a_line_without_end_is_bounded() {
        let mut bytes = vec![b'x'; 3 * MAX_LINE];
        bytes.extend_from_slice(b"\nnext\n");
        assert_eq!(lines_of(&bytes).await, ["(a line too long to be shown)", "next"]);
    }

    #[test]
    fn exits_read_well() {
        assert_eq!(HelmExit::Code(1).to_string(), "exit status 1");
        assert_eq!(HelmExit::Signal(2).to_string(), "killed by SIGINT");
    }
}
