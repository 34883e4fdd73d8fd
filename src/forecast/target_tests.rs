use super::*;
use crate::input::RevisionInfo;
use crate::release::StoredAs;

const FAILED: &str = "Upgrade \"shop\" failed: cannot patch \"db\" with kind StatefulSet";

fn unread_entry(revision: Revision, label: Status) -> RevisionEntry {
    let stored = StoredAs { status_label: Some(label), ..StoredAs::default() };
    RevisionEntry { revision, stored, record: None, undecodable: None }
}

fn entry(revision: Revision, status: Status, description: &str) -> RevisionEntry {
    let restores = description.strip_prefix("Rollback to ").and_then(|n| n.parse().ok());
    let record =
        RevisionInfo { status, description: description.to_owned(), restores, chart: String::new(), last_deployed: None };
    RevisionEntry { record: Some(record), ..unread_entry(revision, status) }
}

fn ok(revision: Revision) -> RevisionEntry {
    let description = if revision == 1 { "Install complete" } else { "Upgrade complete" };
    entry(revision, Status::Superseded, description)
}

fn rollback(revision: Revision, to: Revision, status: Status) -> RevisionEntry {
    entry(revision, status, &format!("Rollback to {to}"))
}

fn deployed(revision: Revision) -> RevisionEntry {
    entry(revision, Status::Deployed, "Upgrade complete")
}

fn pick(history: &[RevisionEntry]) -> TargetChoice {
    match choose(TargetRequest::Best, history) {
        Ok(Decision::Chosen(choice)) => choice,
        other => panic!("no choice: {other:?}"),
    }
}

fn skipped(choice: &TargetChoice) -> Vec<Revision> {
    choice.skipped.iter().map(|s| s.revision).collect()
}

#[test]
fn the_one_before_when_all_is_well() {
    let choice = pick(&[ok(1), ok(2), deployed(3)]);
    assert_eq!((choice.revision, choice.helm_default, choice.requested), (2, Some(2), false));
    assert!(choice.skipped.is_empty());
}

#[test]
fn failed_newest_goes_back_to_the_deployed_one() {
    let choice = pick(&[ok(1), deployed(2), entry(3, Status::Failed, FAILED)]);
    assert_eq!(choice.revision, 2);
}

#[test]
fn failed_one_below_is_skipped_and_helms_default_named() {
    let choice = pick(&[ok(1), entry(2, Status::Failed, FAILED), deployed(3)]);
    assert_eq!((choice.revision, choice.helm_default), (1, Some(2)));
    assert_eq!(choice.skipped[0].why, "its status is failed");
    assert!(choice.reason.contains("a bare helm rollback would take 2"), "{}", choice.reason);
}

#[test]
fn superseded_with_a_failure_text_did_not_work() {
    let choice = pick(&[ok(1), entry(2, Status::Superseded, FAILED), deployed(3)]);
    assert_eq!(choice.revision, 1);
    assert!(choice.skipped[0].why.starts_with("it did not work although its status is superseded: Upgrade \"shop\" failed"));
}

#[test]
fn custom_description_is_no_evidence_of_failure() {
    let choice = pick(&[ok(1), entry(2, Status::Superseded, "JIRA-12 roll out"), deployed(3)]);
    assert_eq!(choice.revision, 2);
    assert!(choice.reason.contains("probably worked"), "{}", choice.reason);
}

#[test]
fn after_a_rollback_neither_the_fled_nor_the_same_content() {
    let choice = pick(&[ok(1), ok(2), ok(3), rollback(4, 2, Status::Deployed)]);
    assert_eq!(choice.revision, 1);
    assert_eq!(skipped(&choice), [3, 2]);
    assert_eq!(choice.skipped[0].why, "revision 4 went back from it to 2");
    assert_eq!(choice.skipped[1].why, "it has the same content as revision 4, which is deployed now");
}

#[test]
fn upgrade_after_a_rollback_goes_back_to_the_rollback() {
    let choice = pick(&[ok(1), ok(2), rollback(3, 1, Status::Superseded), deployed(4)]);
    assert_eq!(choice.revision, 3);
    assert!(choice.reason.contains("revision 3 (the content of revision 1)"), "{}", choice.reason);
}

#[test]
fn fled_content_stays_bad_after_a_later_upgrade() {
    // 2 was fled by 3; 4 was a failed attempt; 5 is the newest.
    let history = [ok(1), ok(2), rollback(3, 1, Status::Superseded), entry(4, Status::Failed, FAILED), deployed(5)];
    assert_eq!(pick(&history).revision, 3);
    // Without the rollback revision itself (pruned records can leave holes), 2 is still not taken.
    let choice = pick(&[ok(1), ok(2), rollback(3, 1, Status::Failed), deployed(4)]);
    assert_eq!((choice.revision, skipped(&choice)), (1, vec![3, 2]));
}

#[test]
fn content_fled_from_through_a_rollback_revision() {
    // 4 = content of 2; 5 went forward to 3 again, so the content of 2 was left twice.
    let choice = pick(&[ok(1), ok(2), ok(3), rollback(4, 2, Status::Superseded), rollback(5, 3, Status::Deployed)]);
    assert_eq!((choice.revision, skipped(&choice)), (1, vec![4, 3, 2]));
    assert_eq!(choice.skipped[2].why, "revision 5 went back from it to 3");
}

#[test]
fn a_failed_rollback_may_be_tried_again() {
    let failed = entry(4, Status::Failed, "Rollback \"shop\" failed: no Job with the name \"x\" found");
    let mut failed_with_target = failed.clone();
    failed_with_target.record.as_mut().unwrap().restores = Some(2);
    for newest in [failed, failed_with_target, rollback(4, 2, Status::PendingRollback)] {
        let choice = pick(&[ok(1), deployed(2), entry(3, Status::Superseded, FAILED), newest]);
        assert_eq!((choice.revision, skipped(&choice)), (2, vec![3]));
    }
}

#[test]
fn a_hung_rollback_made_superseded_by_a_failed_one_is_not_trusted() {
    let hung = rollback(4, 2, Status::Superseded);
    let mut failed = entry(5, Status::Failed, "Rollback \"shop\" failed: x");
    failed.record.as_mut().unwrap().restores = Some(2);
    let choice = pick(&[ok(1), ok(2), entry(3, Status::Failed, FAILED), hung, failed]);
    assert_eq!((choice.revision, skipped(&choice)), (2, vec![4, 3]));
}

#[test]
fn a_rollback_to_a_number_not_below_itself_is_ignored() {
    let choice = pick(&[ok(1), rollback(2, 7, Status::Superseded), deployed(3)]);
    assert_eq!(choice.revision, 2);
}

#[test]
fn undecodable_is_skipped_with_its_reason_and_is_not_helms_default() {
    let broken = RevisionEntry { undecodable: Some("not base64".to_owned()), ..unread_entry(2, Status::Superseded) };
    let choice = pick(&[ok(1), broken, deployed(3)]);
    assert_eq!((choice.revision, choice.helm_default), (1, None));
    assert_eq!(choice.skipped[0].why, "its record cannot be decoded: not base64");
}

#[test]
fn records_are_asked_for_newest_first() {
    let history = [
        unread_entry(1, Status::Superseded),
        unread_entry(2, Status::Superseded),
        unread_entry(3, Status::Failed),
        unread_entry(4, Status::Deployed),
    ];
    let Ok(Decision::NeedsRecords(wanted)) = choose(TargetRequest::Best, &history) else { panic!() };
    assert_eq!(wanted, [4, 3, 2]);
    let mut history = history.to_vec();
    history[3] = deployed(4);
    history[2] = entry(3, Status::Failed, FAILED);
    history[1] = entry(2, Status::Superseded, FAILED);
    let Ok(Decision::NeedsRecords(wanted)) = choose(TargetRequest::Best, &history) else { panic!() };
    assert_eq!(wanted, [1]);
    history[0] = ok(1);
    assert_eq!(pick(&history).revision, 1);
}

#[test]
fn only_as_many_records_as_needed_are_asked_for() {
    let mut history: Vec<RevisionEntry> = (1..=5).map(|n| unread_entry(n, Status::Superseded)).collect();
    history[4] = deployed(5);
    history[3].undecodable = Some("not base64".to_owned());
    let Ok(Decision::NeedsRecords(wanted)) = choose(TargetRequest::Best, &history) else { panic!() };
    assert_eq!(wanted, [3]);
}

#[test]
fn uninstalled_release_names_the_revision_that_was_uninstalled() {
    let choice = pick(&[ok(1), ok(2), entry(3, Status::Uninstalled, "Uninstallation complete")]);
    assert_eq!(choice.revision, 2);
    assert!(choice.reason.ends_with("give 3 to bring back what was uninstalled"));
}

#[test]
fn requests_and_their_errors() {
    let history = [ok(2), ok(3), deployed(7)];
    let given = |request| choose(request, &history);
    assert!(
        matches!(given(TargetRequest::Revision(3)), Ok(Decision::Chosen(c)) if c.revision == 3 && c.requested && c.helm_default.is_none())
    );
    assert!(matches!(given(TargetRequest::Revision(7)), Ok(Decision::Chosen(c)) if c.reason.contains("re-apply")));
    let missing = given(TargetRequest::HelmDefault).unwrap_err();
    assert_eq!(missing.to_string(), "the release has no revision 6; it has 2, 3, 7");
    assert_eq!(choose(TargetRequest::Best, &[deployed(1)]).unwrap_err(), NoTarget::OnlyRevision(1));
    assert_eq!(choose(TargetRequest::HelmDefault, &[deployed(1)]).unwrap_err(), NoTarget::OnlyRevision(1));
    assert_eq!(choose(TargetRequest::Best, &[]).unwrap_err(), NoTarget::NoHistory);
    let none = choose(TargetRequest::Best, &[entry(1, Status::Failed, FAILED), deployed(2)]).unwrap_err();
    assert_eq!(none.to_string(), "no earlier revision is known to have worked:\n  1: its status is failed");
}

#[test]
fn revision_ranges() {
    assert_eq!(ranges(&[1, 2, 3, 5, 6, 9]), "1–3, 5, 6, 9");
    assert_eq!(ranges(&[]), "");
}
