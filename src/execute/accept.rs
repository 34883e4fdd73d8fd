//! Acceptance: nobody rolls back by accident, and what is accepted is exactly what was shown.

use std::io::{self, BufRead, Write};

use crate::exit::ExitStatus;

/// Longest answer that is read from the terminal, in bytes; a release name has at most 53 characters.
const MAX_ANSWER: u64 = 4096;

/// What is to be accepted.
#[derive(Clone, Debug)]
pub struct Proposal<'a> {
    pub release: &'a str,
    pub namespace: &'a str,
    pub from: u32,
    pub to: u32,
    /// `sha256:` and 64 hex digits, of all that acceptance binds.
    pub digest: &'a str,
    /// One line for each critical finding that is not waived.
    pub critical: &'a [String],
    /// The Helm command that will run.
    pub command: &'a str,
}

/// What the caller was given.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// `--accept DIGEST`.
    pub digest: Option<String>,
    /// `--accept-critical`.
    pub critical: bool,
    /// Both stdin and stderr are terminals.
    pub terminal: bool,
}

/// The answer. Every refusal says what to do in words for stderr.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    Accepted,
    /// Nobody accepted.
    Refused(String),
    /// Something else was accepted than what is there now.
    Mismatch(String),
    /// `--accept` does not hold a digest.
    Malformed(String),
}

impl Acceptance {
    /// The exit status of a run that ends here, or none if it goes on.
    pub fn exit(&self) -> Option<ExitStatus> {
        match self {
            Acceptance::Accepted => None,
            Acceptance::Refused(_) => Some(ExitStatus::Blocked),
            Acceptance::Mismatch(_) => Some(ExitStatus::Changed),
            Acceptance::Malformed(_) => Some(ExitStatus::Usage),
        }
    }

    pub fn why_not(&self) -> Option<&str> {
        match self {
            Acceptance::Accepted => None,
            Acceptance::Refused(why) | Acceptance::Mismatch(why) | Acceptance::Malformed(why) => Some(why),
        }
    }
}

/// Decides by `--accept` where it is given, else asks on a terminal, else refuses.
///
/// # Errors
/// Reading the answer or writing the question failed.
pub fn accept(proposal: &Proposal, given: &Given, answers: impl BufRead, terminal: impl Write) -> io::Result<Acceptance> {
    match &given.digest {
        Some(digest) => Ok(by_digest(proposal, digest.trim(), given.critical)),
        None if given.terminal => ask(proposal, answers, terminal),
        None => Ok(Acceptance::Refused(how_to_accept(proposal))),
    }
}

fn by_digest(proposal: &Proposal, digest: &str, critical_too: bool) -> Acceptance {
    if !is_digest(digest) {
        return Acceptance::Malformed(format!(
            "--accept takes the whole digest of a report, sha256: and 64 hex digits, but was given '{digest}'.\n\
             The report's last lines and the field `digest` of its JSON show it."
        ));
    }
    if digest != proposal.digest {
        return Acceptance::Mismatch(format!(
            "What was accepted no longer matches: accepted {digest},\n\
             but the rollback of {} from revision {} to {} is now {}.\n\
             Release, cluster state, Helm, flags or findings are not those of the accepted report. Read the new report; nothing was run.",
            proposal.release, proposal.from, proposal.to, proposal.digest
        ));
    }
    if !proposal.critical.is_empty() && !critical_too {
        return Acceptance::Refused(format!(
            "The digest matches, but {} needs --accept-critical as well:\n{}\nNothing was run.",
            count(proposal.critical.len()),
            bullets(proposal.critical)
        ));
    }
    Acceptance::Accepted
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

fn how_to_accept(proposal: &Proposal) -> String {
    let critical = if proposal.critical.is_empty() { "" } else { " --accept-critical" };
    format!(
        "Not accepted: this is no terminal, so nobody can be asked. Nothing was run.\n\
         To accept exactly this report, repeat the command with:\n  --accept {}{critical}",
        proposal.digest
    )
}

fn ask(proposal: &Proposal, answers: impl BufRead, terminal: impl Write) -> io::Result<Acceptance> {
    typed(proposal.release, &question(proposal), "Nothing was run.", answers, terminal)
}

/// Asks for the name of the release; `nothing` ends what is said to any other answer.
///
/// # Errors
/// Reading the answer or writing the question failed.
pub fn typed(
    release: &str,
    question: &str,
    nothing: &str,
    answers: impl BufRead,
    mut terminal: impl Write,
) -> io::Result<Acceptance> {
    terminal.write_all(question.as_bytes())?;
    terminal.flush()?;
    let mut answer = Vec::new();
    answers.take(MAX_ANSWER).read_until(b'\n', &mut answer)?;
    let typed = String::from_utf8_lossy(&answer);
    let typed = typed.trim_end_matches(['\n', '\r']);
    if typed == release {
        return Ok(Acceptance::Accepted);
    }
    let what = if typed.is_empty() { "nothing was typed" } else { "what was typed is not the release name" };
    Ok(Acceptance::Refused(format!("Not accepted: {what}. {nothing}")))
}

fn question(proposal: &Proposal) -> String {
    let Proposal { release, namespace, from, to, command, .. } = proposal;
    let danger = if proposal.critical.is_empty() {
        String::new()
    } else {
        format!(
            "This will do damage that no later rollback repairs. You accept {}:\n{}\n",
            count(proposal.critical.len()),
            bullets(proposal.critical)
        )
    };
    format!(
        "\nTo be rolled back: release {release} in namespace {namespace}, from revision {from} to {to}, by\n  {command}\n{danger}\
         Type the release name to go on, anything else to stop: "
    )
}

fn count(findings: usize) -> String {
    if findings == 1 { "1 critical finding".to_owned() } else { format!("{findings} critical findings") }
}

fn bullets(lines: &[String]) -> String {
    lines.iter().map(|line| format!("  - {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn proposal(critical: &[String]) -> Proposal<'_> {
        Proposal { release: "shop", namespace: "prod", from: 7, to: 5, digest: DIGEST, critical, command: "helm rollback shop 5" }
    }

    fn with_digest(critical: &[String], digest: &str, accept_critical: bool) -> Acceptance {
        let given = Given { digest: Some(digest.to_owned()), critical: accept_critical, terminal: true };
        accept(&proposal(critical), &given, io::empty(), io::sink()).unwrap()
    }

    fn typed(critical: &[String], answer: &[u8]) -> (Acceptance, String) {
        let mut screen = Vec::new();
        let given = Given { terminal: true, ..Given::default() };
        let answer = accept(&proposal(critical), &given, answer, &mut screen).unwrap();
        (answer, String::from_utf8(screen).unwrap())
    }

    #[test]
    fn without_a_terminal_only_the_digest_counts() {
        let none = accept(&proposal(&[]), &Given { critical: true, ..Given::default() }, &b"shop\n"[..], io::sink()).unwrap();
        assert_eq!(none.exit(), Some(ExitStatus::Blocked));
        assert!(none.why_not().unwrap().contains(&format!("--accept {DIGEST}")));
        assert_eq!(with_digest(&[], DIGEST, false), Acceptance::Accepted);
    }

    #[test]
    fn critical_findings_need_a_second_flag() {
        let critical = ["PersistentVolumeClaim/prod/cache and its data are deleted".to_owned()];
        let refused = with_digest(&critical, DIGEST, false);
        assert_eq!(refused.exit(), Some(ExitStatus::Blocked));
        assert!(refused.why_not().unwrap().contains("1 critical finding needs --accept-critical"));
        assert_eq!(with_digest(&critical, DIGEST, true), Acceptance::Accepted);
    }

    #[test]
    fn another_digest_is_a_mismatch_that_names_both() {
        let other = DIGEST.replace("0123", "ffff");
        let answer = with_digest(&[], &other, true);
        assert_eq!(answer.exit(), Some(ExitStatus::Changed));
        let why = answer.why_not().unwrap();
        assert!(why.contains(&other) && why.contains(DIGEST), "{why}");
    }

    #[test]
    fn half_a_digest_is_a_usage_error() {
        for digest in ["", "sha256:", &DIGEST[..20], &DIGEST[7..], &DIGEST.to_uppercase()] {
            assert_eq!(with_digest(&[], digest, true).exit(), Some(ExitStatus::Usage), "{digest}");
        }
    }

    #[test]
    fn the_release_name_must_be_typed_exactly() {
        assert_eq!(typed(&[], b"shop\n").0, Acceptance::Accepted);
        assert_eq!(typed(&[], b"shop\r\n").0, Acceptance::Accepted);
        for answer in [&b"y\n"[..], b"yes\n", b"Shop\n", b" shop\n", b"shop \n", b"", b"\n", b"\xff\xfe\n"] {
            assert_eq!(typed(&[], answer).0.exit(), Some(ExitStatus::Blocked), "{answer:?}");
        }
    }

    #[test]
    fn the_question_names_what_is_lost() {
        let critical = ["claim cache is deleted".to_owned()];
        let (_, screen) = typed(&critical, b"\n");
        assert!(screen.contains("no later rollback repairs") && screen.contains("  - claim cache is deleted"), "{screen}");
        assert!(!typed(&[], b"\n").1.contains("damage"));
    }

    #[test]
    fn an_endless_answer_is_cut() {
        let endless = io::BufReader::new(io::repeat(b's'));
        let given = Given { terminal: true, ..Given::default() };
        let answer = accept(&proposal(&[]), &given, endless, io::sink()).unwrap();
        assert_eq!(answer.exit(), Some(ExitStatus::Blocked));
    }
}
