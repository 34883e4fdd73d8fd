//! The runner against a stand-in for Helm: a shell script that writes down what it got.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rollback_safe::execute::{HelmCommand, HelmExit, run};
use rollback_safe::settings::KubeOptions;
use tempfile::TempDir;

/// Set for the copy of this test program that plays the tool in tests of signals.
const PLAYS_TOOL: &str = "ROLLBACK_SAFE_TEST_HELM";

fn fake_helm(dir: &Path, script: &str) -> PathBuf {
    let path = dir.join("helm");
    crate::write_script(&path, script);
    path
}

fn command(program: PathBuf, kube: KubeOptions) -> HelmCommand {
    let flags = vec!["--wait".to_owned(), "--description".to_owned(), "a b;$(c)".to_owned()];
    HelmCommand { program, release: "shop".into(), to: 5, from: 7, namespace: "prod".into(), kube, flags }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn helm_gets_an_argument_vector_no_stdin_and_the_token_by_environment() {
    let dir = TempDir::new().unwrap();
    let script =
        r#"for a in "$@"; do echo "arg=$a"; done; echo "token=$HELM_KUBETOKEN" >&2; read line && echo "stdin=$line"; exit 3"#;
    let kube = KubeOptions { token: Some("hunter2".into()), context: Some("east".into()), ..KubeOptions::default() };
    let command = command(fake_helm(dir.path(), script), kube);
    let mut out = Vec::new();
    let run = block_on(run(&command, |line| line.replace("hunter2", "<redacted>"), &mut out)).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(run.exit, HelmExit::Code(3));
    let args: Vec<&str> = run.tail.iter().filter_map(|line| line.strip_prefix("arg=")).collect();
    assert_eq!(
        args,
        ["rollback", "shop", "5", "--wait", "--description", "a b;$(c)", "--namespace", "prod", "--kube-context", "east"]
    );
    assert!(text.contains("helm: token=<redacted>") && !text.contains("hunter2"), "{text}");
    assert!(!text.contains("stdin="), "{text}");
}

#[test]
fn a_closed_stderr_does_not_stop_helm() {
    struct Broken;
    impl std::io::Write for Broken {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let dir = TempDir::new().unwrap();
    let done = dir.path().join("done");
    let script = format!(
        "i=0; while [ $i -lt 5000 ]; do echo 'a line of Helm that fills the pipe'; i=$((i+1)); done; touch {}",
        done.display()
    );
    let command = command(fake_helm(dir.path(), &script), KubeOptions::default());
    let run = block_on(run(&command, str::to_owned, Broken)).unwrap();
    assert!(run.exit.succeeded() && done.exists());
    assert_eq!(run.tail.len(), 40, "the tail is bounded");
}

#[test]
fn output_held_open_by_a_grandchild_does_not_hang_us() {
    let dir = TempDir::new().unwrap();
    let command =
        command(fake_helm(dir.path(), "sleep 60 & echo $! > \"$(dirname \"$0\")/pid\"; echo done"), KubeOptions::default());
    let run = block_on(run(&command, str::to_owned, Vec::new())).unwrap();
    assert_eq!(run.tail, ["done"]);
    let pid = fs::read_to_string(dir.path().join("pid")).unwrap();
    kill(Pid::from_raw(pid.trim().parse().unwrap()), Signal::SIGKILL).unwrap();
}

#[test]
fn a_helm_that_is_not_there_is_an_error_with_the_command() {
    let error =
        block_on(run(&command("/nonexistent/helm".into(), KubeOptions::default()), str::to_owned, Vec::new())).unwrap_err();
    assert!(format!("{error:#}").contains("starting Helm: /nonexistent/helm rollback shop 5"), "{error:#}");
}

/// Not a test of its own: the body of the process that the signal tests start.
#[test]
fn plays_the_tool() {
    let Some(program) = std::env::var_os(PLAYS_TOOL) else { return };
    let run = block_on(run(&command(program.into(), KubeOptions::default()), str::to_owned, std::io::stderr())).unwrap();
    eprintln!("ended: {}, interrupted: {}", run.exit, run.interrupted);
}

/// The tool with a Helm that says where it is and waits; its stderr line by line.
struct Tool {
    child: Child,
    lines: BufReader<std::process::ChildStderr>,
    _dir: TempDir,
}

impl Tool {
    fn start(script: &str) -> Tool {
        let dir = TempDir::new().unwrap();
        let helm = fake_helm(dir.path(), script);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "execute::plays_the_tool", "--nocapture", "--test-threads=1"])
            .env(PLAYS_TOOL, helm)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        Tool { child, lines, _dir: dir }
    }

    fn until(&mut self, wanted: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "ended before {wanted:?}");
            if line.contains(wanted) {
                return line;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    fn rest(mut self) -> (String, std::process::ExitStatus) {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        (rest, self.child.wait().unwrap())
    }
}

#[test]
fn the_first_interrupt_only_explains_and_the_second_is_passed_on() {
    let mut tool = Tool::start("trap 'echo got INT; exit 130' INT; echo ready; while :; do sleep 0.05; done");
    tool.until("helm: ready");
    tool.signal(Signal::SIGINT);
    tool.until("would leave revision 8 as pending-rollback");
    tool.signal(Signal::SIGINT);
    tool.until("helm: got INT");
    let (rest, status) = tool.rest();
    assert!(rest.contains("ended: exit status 130, interrupted: true"), "{rest}");
    assert!(status.success(), "the tool itself survives: {status:?}");
}

#[test]
fn the_whole_terminal_group_may_be_interrupted_without_reaching_helm() {
    let mut tool = Tool::start("echo ready; sleep 0.6; echo finished");
    tool.until("helm: ready");
    let group = Pid::from_raw(i32::try_from(tool.child.id()).unwrap());
    nix::sys::signal::killpg(group, Signal::SIGINT).unwrap();
    tool.until("Press Ctrl-C again");
    let (rest, _) = tool.rest();
    assert!(rest.contains("helm: finished") && rest.contains("ended: exit status 0, interrupted: false"), "{rest}");
}

#[test]
fn a_lost_terminal_ends_nothing_and_a_second_sigterm_ends_helm() {
    let mut tool = Tool::start("echo ready; sleep 30");
    tool.until("helm: ready");
    tool.signal(Signal::SIGHUP);
    tool.signal(Signal::SIGTERM);
    tool.until("would leave revision 8");
    tool.signal(Signal::SIGTERM);
    let (rest, status) = tool.rest();
    assert!(rest.contains("ended: killed by SIGTERM, interrupted: true"), "{rest}");
    assert_eq!(status.signal(), None);
}
