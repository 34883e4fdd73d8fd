use super::*;
use crate::input::RevisionInfo;
use crate::release::StoredAs;

fn parts(records: &[(Status, &str)], history_max: u32) -> Parts {
    let mut parts = Parts {
        of: Of { name: "shop".to_owned(), namespace: "prod".to_owned(), driver: "files".to_owned() },
        entries: Vec::new(),
        heads: Vec::new(),
        gaps: Vec::new(),
        history_max,
        count: usize::MAX,
        brief: false,
    };
    for ((status, description), revision) in records.iter().zip(1..) {
        let restores = description.strip_prefix("Rollback to ").and_then(|number| number.parse().ok());
        let info = RevisionInfo {
            status: *status,
            description: (*description).to_owned(),
            restores,
            chart: format!("shop-1.{revision}.0"),
            last_deployed: Some(format!("2026-03-0{revision}T09:00:00.123456+01:00")),
        };
        let stored = StoredAs { status_label: Some(*status), ..StoredAs::default() };
        parts.entries.push(RevisionEntry { revision, stored, record: Some(info.clone()), undecodable: None });
        parts.heads.push((revision, Head { info, app_version: format!("1.{revision}"), revision }));
    }
    parts
}

/// 3 went wrong and 4 restored 2; 6 restored 4, so it holds the content of 2.
fn records() -> Vec<(Status, &'static str)> {
    vec![
        (Status::Superseded, "Install complete"),
        (Status::Superseded, "Upgrade complete"),
        (Status::Failed, "Upgrade \"shop\" failed: timed out"),
        (Status::Superseded, "Rollback to 2"),
        (Status::Superseded, "by hand"),
        (Status::Deployed, "Rollback to 4"),
    ]
}

#[test]
fn what_each_revision_was() {
    let history = build(parts(&records(), 5));
    let told: Vec<_> = history.revisions.iter().map(|row| (row.content.unwrap(), row.worked_word(), row.reach)).collect();
    let row = |content, worked: &str, reach| (content, worked.to_owned(), reach);
    assert_eq!(
        told,
        [
            row(1, "yes", Reach::PrunedNext),
            row(2, "yes", Reach::PrunedNext),
            row(3, "no", Reach::Yes),
            row(2, "yes", Reach::Yes),
            row(5, "left by 6", Reach::Yes),
            row(2, "yes", Reach::Current),
        ]
    );
    assert_eq!(history.revisions[5].rollback_to, Some(4));
    assert_eq!(history.targets(), [5, 4, 3, 2, 1]);
}

#[test]
fn the_table() {
    let mut parts = parts(&records(), 5);
    parts.count = 5;
    parts.entries[2].undecodable = Some("the payload is not base64".to_owned());
    parts.entries[2].record = None;
    parts.heads.remove(2);
    let mut history = build(parts);
    let summary = Summary { critical: 1, medium: 2, ..Summary::default() };
    history.enter(2, Risk { verdict: Some(Verdict::Unsafe), summary, error: None });
    history.enter(4, Risk { verdict: None, summary: Summary::default(), error: Some("gone\u{1b}[2J".to_owned()) });
    let text = history.text();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    let titles = ["REVISION", "UPDATED", "STATUS", "CHART", "APP", "CONTENT", "WORKED", "WAY", "BACK", "RISK", "DESCRIPTION"];
    assert_eq!(lines[0], titles);
    let second = "2 2026-03-02 09:00:00+01:00 superseded shop-1.2.0 1.2 own yes pruned next unsafe (1 critical, 2 medium) Upgrade complete";
    assert_eq!(lines[1].join(" "), second);
    assert_eq!(lines[2].join(" "), "3 failed no no");
    for note in [
        "1 older, not listed: --max 0 lists all.",
        "With --history-max 5 the next revision removes 2.",
        "3: its record cannot be decoded: the payload is not base64",
        "4: no report: gone\\u{1b}[2J",
    ] {
        assert!(text.lines().any(|line| line == note), "{note} is missing in {text}");
    }
}

#[test]
fn a_brief_history_claims_nothing_about_what_was_not_read() {
    let mut parts = parts(&records(), 0);
    parts.entries.iter_mut().for_each(|entry| entry.record = None);
    parts.heads.clear();
    parts.brief = true;
    let history = build(parts);
    assert!(history.revisions.iter().all(|row| row.worked.is_none() && row.content.is_none() && row.description.is_none()));
    assert!(history.text().starts_with("REVISION  STATUS      WAY BACK\n1         superseded  yes\n"), "{}", history.text());
}

#[test]
fn times_are_cut_to_the_second() {
    assert_eq!(short_time("2026-03-02T09:00:00.123456789Z"), "2026-03-02 09:00:00Z");
    assert_eq!(short_time("2026-03-02T09:00:00+01:00"), "2026-03-02 09:00:00+01:00");
    assert_eq!(short_time("Mon Mar  2 09:00"), "Mon Mar  2 09:00");
    assert_eq!(short_time("ééééééééééééé"), "ééééééééééééé");
}
