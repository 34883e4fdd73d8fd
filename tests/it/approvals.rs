//! Who has to accept before a plan runs: as many keys as policy wants, and a person at a terminal who types it.

use std::fs;

use crate::act::on_a_terminal;
use crate::helms;
use crate::place::{Ended, Place};
use crate::plan::{Planned, in_memory, key};

/// A plan under a policy that wants two for what is critical, and the keys of those whom it knows.
struct Committee {
    planned: Planned,
    policy: String,
    keys: Vec<String>,
}

impl Committee {
    /// None where ssh-keygen is not installed.
    fn new(mut planned: Planned) -> Option<Committee> {
        let keys = ["jane", "joe", "mallory"].map(|name| key(&planned, name, "ed25519"));
        let keys: Vec<String> = keys.into_iter().collect::<Option<_>>()?;
        let public = |at: usize| fs::read_to_string(format!("{}.pub", keys[at])).unwrap();
        let home = planned.place.home.path().to_owned();
        fs::write(home.join("signers"), format!("jane {}joe {}", public(0), public(1))).unwrap();
        let policy = "schema: rollback-safe/policy/v1\nallowed_signers: signers\nrequire: {critical: 2}\n";
        fs::write(home.join("policy.yaml"), policy).unwrap();
        let policy = home.join("policy.yaml").to_str().unwrap().to_owned();
        planned.file = home.join("approved.plan");
        let committee = Committee { planned, policy, keys };
        committee.plan();
        Some(committee)
    }

    fn plan(&self) {
        let args = ["plan", "shop", "2", "--out", self.planned.path(), "--config", &self.policy];
        self.planned.place.tool(&args).expect(0, &["Plan written to"]);
    }

    /// Accepts all that closes the gate, signed by the key of that number.
    fn accept(&self, by: Option<usize>) -> Ended {
        let findings = self.planned.findings();
        let mut args = vec!["accept", self.planned.path(), "--reason", "known", "--by", "anybody", "--config", &self.policy];
        args.extend(findings.iter().flat_map(|id| ["--finding", id.as_str()]));
        args.extend(by.iter().flat_map(|key| ["--sign", self.keys[*key].as_str()]));
        self.planned.place.tool(&args)
    }

    fn apply(&self, more: &[&str]) -> Ended {
        self.planned.apply(&[&["--config", &self.policy], more].concat())
    }

    #[track_caller]
    fn refused(&self, words: &str) {
        for digest in [None, Some(self.planned.digest())] {
            let by_digest = digest.iter().flat_map(|digest| ["--accept", digest, "--accept-critical"]);
            let ended = self.apply(&by_digest.collect::<Vec<_>>()).expect(1, &["Not accepted", "pvc-removed", words]);
            assert!(!ended.stderr.contains("helm: "), "{}", ended.stderr);
        }
    }
}

fn committees() -> impl Iterator<Item = Committee> {
    in_memory().filter_map(Committee::new)
}

#[test]
fn two_keys_are_two_and_one_key_is_one() {
    for committee in committees() {
        committee.refused("0 of 2 signed approvals, 2 more signers are missing");
        let left = "1 of 2 signed approvals, 1 more signer is missing";
        committee.accept(Some(0)).expect(0, &["Still to be accepted", left]);
        committee.refused(left);
        committee.accept(Some(0)).expect(0, &[left]);
        committee.refused(left);
        committee.accept(Some(1)).expect(0, &["Everything that needs acceptance is accepted"]);
        committee.apply(&[]).expect(0, &["helm: Rollback was a success!"]);
    }
}

/// It counts once where one is enough: nothing tells it apart from the one who signed.
#[test]
fn what_is_not_signed_never_makes_two() {
    for committee in committees() {
        for _ in 0..2 {
            committee.accept(None).expect(0, &["0 of 2 signed approvals, 2 more signers are missing"]);
        }
        committee.refused("0 of 2 signed approvals");
        committee.accept(Some(1)).expect(0, &["1 of 2 signed approvals, 1 more signer is missing"]);
        committee.refused("1 of 2 signed approvals");
        // The same plan where one suffices.
        fs::write(&committee.policy, "schema: rollback-safe/policy/v1\nallowed_signers: signers\n").unwrap();
        committee.plan();
        committee.accept(None).expect(0, &["Everything that needs acceptance is accepted"]);
        committee.apply(&[]).expect(0, &["helm: Rollback was a success!"]);
    }
}

#[test]
fn only_whom_policy_knows_counts() {
    for committee in committees() {
        committee.accept(Some(2)).expect(2, &["none of the allowed signers"]);
        assert_eq!(committee.planned.json()["acceptances"].as_array().map(Vec::len), Some(0));
        committee.accept(Some(0)).expect(0, &[]);
        committee.accept(Some(1)).expect(0, &["Everything that needs acceptance is accepted"]);
        // Jane has left since.
        let signers = committee.planned.place.home.path().join("signers");
        let text = fs::read_to_string(&signers).unwrap();
        fs::write(&signers, text.lines().filter(|line| line.starts_with("joe")).collect::<String>()).unwrap();
        let ended = committee.apply(&[]);
        assert!([Some(2), Some(6)].contains(&ended.code) && !ended.stderr.contains("helm: "), "{}", ended.stderr);
    }
}

/// Without the policy of the plan one acceptance seems enough, and `apply` wants two.
#[test]
fn accept_says_where_it_does_not_see_the_policy_of_the_plan() {
    for committee in committees() {
        let findings = committee.planned.findings();
        let mut args = vec!["accept", committee.planned.path(), "--reason", "known", "--by", "anybody"];
        args.extend(findings.iter().flat_map(|id| ["--finding", id.as_str()]));
        let words = ["policy.yaml (authoritative) sha256:", "which --config FILE names: `apply` may want more"];
        committee.planned.place.tool(&args).expect(0, &words);
        let seen = committee.accept(Some(0)).expect(0, &[]);
        assert!(!seen.stderr.contains("may want more"), "{}", seen.stderr);
        committee.refused("1 of 2 signed approvals");
    }
}

#[test]
fn what_policy_lets_nobody_accept_is_told_at_once() {
    for committee in committees() {
        fs::write(&committee.policy, "schema: rollback-safe/policy/v1\nnever_accept: [pvc-removed]\n").unwrap();
        committee.plan();
        committee.accept(None).expect(1, &["policy lets nobody accept findings of the rule pvc-removed"]);
        let digest = committee.planned.digest();
        committee.apply(&["--accept", &digest, "--accept-critical"]).expect(1, &["Policy lets nobody accept"]);
    }
}

/// What `accept` is given to accept everything.
fn accept_all(planned: &Planned) -> Vec<String> {
    let named = planned.findings().into_iter().flat_map(|id| ["--finding".to_owned(), id]);
    let args = ["accept", planned.path(), "--reason", "it refills \u{1b}[2J itself", "--by", "jane"];
    args.into_iter().map(str::to_owned).chain(named).collect()
}

fn acceptances(planned: &Planned) -> usize {
    planned.json()["acceptances"].as_array().unwrap().len()
}

#[test]
fn on_a_terminal_an_acceptance_must_be_typed() {
    for planned in in_memory() {
        let args = accept_all(&planned);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let typed = |typed: &str, more: &[&str]| on_a_terminal(&planned.place, &[&args[..], more].concat(), typed);
        for other in ["yes", "", "Shop"] {
            let (screen, code) = typed(other, &[]);
            assert_eq!((code, acceptances(&planned)), (Some(1), 0), "{screen}");
            assert!(screen.contains("Nothing was accepted") && screen.contains("critical: "), "{screen}");
            assert!(screen.contains("from revision 3 to 2") && screen.contains("(pvc-removed)"), "{screen}");
            assert!(screen.contains("by jane, because: it refills") && !screen.contains('\u{1b}'), "{screen}");
        }
        let wrong = format!("sha256:{}", "0".repeat(64));
        let (screen, code) = typed("", &["--accept", &wrong]);
        assert_eq!((code, acceptances(&planned)), (Some(6), 0), "{screen}");
        let (screen, code) = typed("shop", &[]);
        assert_eq!(code, Some(0), "{screen}");
        assert!(screen.contains("Everything that needs acceptance is accepted"), "{screen}");
        let many = acceptances(&planned);
        let (screen, code) = typed("", &["--accept", &planned.digest()]);
        assert_eq!((code, acceptances(&planned)), (Some(0), 2 * many), "{screen}");
        assert!(!screen.contains("Type the release name"), "{screen}");
    }
}

#[test]
fn on_a_terminal_a_plan_is_run_by_who_types_it() {
    for helm in helms() {
        let planned = Planned::new(Place::memory(helm), "2");
        let apply = ["apply", planned.path()];
        let (screen, code) = on_a_terminal(&planned.place, &apply, "yes");
        assert_eq!(code, Some(1), "{screen}");
        assert!(screen.contains("not the release name") && !screen.contains("helm: "), "{screen}");
        let (screen, code) = on_a_terminal(&planned.place, &apply, "shop");
        assert_eq!(code, Some(0), "{screen}");
        assert!(screen.contains("no later rollback repairs") && screen.contains("helm: Rollback was a success!"), "{screen}");
        // Once it is accepted in the plan, the terminal is still asked, and not about damage that somebody answers for.
        let args = accept_all(&planned);
        planned.place.tool(&args.iter().map(String::as_str).collect::<Vec<_>>()).expect(0, &[]);
        let (screen, code) = on_a_terminal(&planned.place, &apply, "shop");
        assert_eq!(code, Some(0), "{screen}");
        assert!(screen.contains("Type the release name") && !screen.contains("no later rollback repairs"), "{screen}");
    }
}

#[test]
fn a_terminal_is_one_voice_where_policy_wants_two() {
    for committee in committees() {
        let apply = ["apply", committee.planned.path(), "--config", &committee.policy];
        committee.accept(Some(0)).expect(0, &[]);
        let (screen, code) = on_a_terminal(&committee.planned.place, &apply, "shop");
        assert_eq!(code, Some(1), "{screen}");
        assert!(screen.contains("1 more signer is missing") && !screen.contains("helm: "), "{screen}");
        committee.accept(Some(1)).expect(0, &[]);
        let (screen, code) = on_a_terminal(&committee.planned.place, &apply, "shop");
        assert_eq!(code, Some(0), "{screen}");
        assert!(screen.contains("helm: Rollback was a success!"), "{screen}");
    }
}
