use jiff::Timestamp;

use super::effective::{Effective, Scope};
use super::*;
use crate::gate::{Decision, GatePolicy, decide};
use crate::input::{Input, Known, LiveObject};
use crate::release::{Object, ObjectRef, Value};
use crate::report::{self, Parts, Records, Report, sample};
use crate::rules::RuleSet;

const NOW: &str = "2026-07-03T12:00:00Z";
const HEAD: &str = "schema: rollback-safe/policy/v1\n";

fn source(text: &str, authority: Authority) -> Source {
    Source::parse("p.yaml", &format!("{HEAD}{text}"), authority).unwrap_or_else(|faulty| panic!("{}", Faults(faulty.faults)))
}

fn trusted(text: &str) -> Policy {
    Policy { sources: vec![source(text, Authority::Authoritative)], flags: Flags::default() }
}

fn scope(cluster: &Known<String>) -> Scope<'_> {
    Scope { namespace: "prod", release: "shop", cluster, now: NOW.parse().unwrap() }
}

fn effective(policy: &Policy) -> Effective {
    Effective::of(policy, None, &scope(&Known::Yes("cluster-1".to_owned()))).unwrap()
}

fn report_on(input: &Input, findings: &[crate::rules::Finding], policy: &Effective) -> Report {
    let parts = Parts { forecast: &sample::forecast(), findings, schema: &[], gaps: &[], records: &Records::of(input) };
    report::build_under(input, parts, sample::tool(), policy)
}

fn report(text: &str, findings: &[crate::rules::Finding]) -> Report {
    report_on(&sample::input(), findings, &effective(&trusted(text)))
}

fn found(rule: &str, severity: Severity) -> crate::rules::Finding {
    sample::found(rule, severity)
}

fn faults(text: &str) -> Vec<String> {
    match file::parse("p.yaml", text) {
        Ok(_) => Vec::new(),
        Err(faulty) => faulty.faults.iter().map(ToString::to_string).collect(),
    }
}

const WAIVER: &str =
    "waivers:\n- rule: pvc-removed\n  object: PersistentVolumeClaim/prod/cache\n  reason: fills itself\n  owner: us\n  expires: ";

#[test]
fn a_waiver_holds_until_it_expires() {
    let findings = [found("pvc-removed", Severity::Critical)];
    let held = report(&format!("{WAIVER}2026-07-03\n"), &findings);
    let waiver = held.findings[0].waived.as_ref().expect("waived");
    assert_eq!(waiver.sentence(), "fills itself (us, until 2026-07-03, p.yaml:3)");
    assert_eq!(decide(&held, &GatePolicy::default()), Decision::Within);
    let over = report(&format!("{WAIVER}2026-07-02\n"), &findings);
    assert_eq!(over.findings[0].waived, None);
    let info = over.policy.as_ref().expect("a policy");
    assert_eq!((info.expired_waivers.len(), info.unused_waivers.len()), (1, 0));
    assert_eq!(decide(&over, &GatePolicy::default()), Decision::Blocked { findings: 1 });
    assert_ne!(held.digest, over.digest);
}

#[test]
fn an_unused_waiver_is_reported_where_it_could_have_applied() {
    let findings = [found("crd-removed", Severity::Critical)];
    let unused = report(&format!("{WAIVER}2026-08-01\n"), &findings).policy.unwrap().unused_waivers;
    assert!(
        unused[0].sentence().starts_with("rule pvc-removed, object PersistentVolumeClaim/prod/cache: fills itself"),
        "{unused:?}"
    );
    let elsewhere = report(&format!("{WAIVER}2026-08-01\n  release: other\n"), &findings).policy.unwrap();
    assert!(elsewhere.unused_waivers.is_empty());
}

#[test]
fn what_nobody_may_accept_is_not_waived() {
    let findings = [found("pvc-removed", Severity::Critical)];
    let policy = trusted(&format!("{WAIVER}2026-08-01\n"));
    let never = source("never_accept: [pvc-removed]\n", Authority::Tightens);
    let cluster = Known::Yes("c".to_owned());
    let effective = Effective::of(&policy, Some(&never), &scope(&cluster)).unwrap();
    assert_eq!(report_on(&sample::input(), &findings, &effective).findings[0].waived, None);
    assert!(faults(&format!("{HEAD}never_accept: [pvc-removed]\n{WAIVER}2026-08-01\n"))[0].starts_with("p.yaml:4:3: "));
}

#[test]
fn severities_change_with_a_reason_and_stay_visible() {
    let findings = [found("a-rule", Severity::High)];
    let lowered = report("rules:\n  a-rule: {severity: low, reason: known}\n", &findings);
    assert_eq!(lowered.findings[0].severity, Severity::Low);
    assert_eq!(lowered.findings[0].adjusted.as_ref().unwrap().sentence(), "was high: known (p.yaml:3)");
    let off = report("rules:\n  a-rule: {off: true, reason: noise}\n", &findings);
    assert_eq!(off.findings[0].waived.as_ref().unwrap().sentence(), "the rule is turned off: noise (p.yaml:3)");
    let policy = Policy {
        sources: vec![source("rules:\n  a-rule: {severity: low, reason: x}\n  b: {off: true, reason: x}\n", Authority::Tightens)],
        flags: Flags::default(),
    };
    let tight = effective(&policy);
    let kept = report_on(&sample::input(), &[found("a-rule", Severity::High), found("b", Severity::High)], &tight);
    assert!(kept.findings.iter().all(|finding| finding.severity == Severity::High && finding.waived.is_none()));
    assert!(kept.policy.unwrap().ignored[0].contains("rule b: off"));
}

#[test]
fn enforced_means_that_flags_tighten_only() {
    let with = |text: &str, flags: Flags| {
        let policy = Policy { flags, ..trusted(text) };
        Effective::of(&policy, None, &scope(&Known::No("x".to_owned())))
            .map(|effective| effective.gate)
            .map_err(|refusal| refusal.what)
    };
    let fail_on = |severity| Flags { fail_on: Some(severity), ..Flags::default() };
    assert_eq!(with("fail_on: medium\n", fail_on(Severity::Critical)).unwrap().fail_on, Severity::Critical);
    let enforced = "enforce: true\nfail_on: medium\n";
    assert_eq!(with(enforced, fail_on(Severity::Low)).unwrap().fail_on, Severity::Low);
    assert!(with(enforced, fail_on(Severity::High)).unwrap_err().contains("--fail-on high would loosen it (p.yaml:3)"));
    let allow = Flags { on_inconclusive: Some(OnInconclusive::Allow), ..Flags::default() };
    assert!(with(enforced, allow).unwrap_err().contains("--on-inconclusive allow"));
    assert!(with("on_inconclusive: allow\nenforce: true\n", allow).is_ok());
    let critical = Flags { accept_critical: true, ..Flags::default() };
    assert!(with(enforced, critical).unwrap_err().contains("--accept-critical"));
    assert!(with("forbid_accept_critical: true\n", critical).is_err() && with("", critical).is_ok());
}

#[test]
fn overrides_hold_where_they_say() {
    let text = "fail_on: high\nenvironments:\n  production: {namespaces: [\"prod*\"], clusters: [c]}\noverrides:\n- where: {environment: production}\n  fail_on: low\n- where: {release: other}\n  fail_on: critical\n";
    let policy = trusted(text);
    let on = |cluster: Known<String>| Effective::of(&policy, None, &scope(&cluster)).unwrap();
    assert_eq!(on(Known::Yes("c".to_owned())).gate.fail_on, Severity::Low);
    assert_eq!(on(Known::Yes("d".to_owned())).gate.fail_on, Severity::High);
    let unknown = on(Known::No("forbidden".to_owned()));
    assert!(unknown.gaps[0].blocks && unknown.gaps[0].what.contains("production"), "{:?}", unknown.gaps);
}

#[test]
fn freezes_and_targets_close_every_gate() {
    for fail_on in ["high", "critical", "info"] {
        let text = format!(
            "fail_on: {fail_on}\nfreeze:\n- {{reason: friday, zone: Europe/Berlin, days: [fri]}}\ntarget: {{max_back: 1, max_age: 30d}}\n"
        );
        let effective = effective(&trusted(&text));
        let report = report_on(&sample::input(), &[], &effective);
        let rules: Vec<&str> = report.findings.iter().map(|finding| &*finding.rule).collect();
        assert_eq!(rules, [judge::FREEZE, judge::TARGET, judge::TARGET]);
        assert_eq!(decide(&report, &effective.gate), Decision::Blocked { findings: 3 }, "{fail_on}");
    }
    assert!(report("target: {max_back: 2, max_age: 600d}\n", &[]).findings.is_empty());
}

/// The claim of the samples, in the manifest and live.
fn with_claim(annotation: Option<&str>, known: bool) -> Input {
    let mut input = sample::input();
    let id = ObjectRef::new("v1", "PersistentVolumeClaim", Some("prod"), "cache");
    let yaml = |annotations: &str| {
        let text = format!("{{metadata: {{name: cache, namespace: prod, annotations: {{{annotations}}}}}}}");
        Value::from_json(serde_yaml::from_str(&text).unwrap())
    };
    input.from.objects.push(Object {
        id: id.clone(),
        body: yaml("rollback-safe/disposable: \"true\""),
        origin: crate::release::Origin::default(),
        duplicate_keys: Vec::new(),
        certificates: Vec::new(),
    });
    let live = LiveObject {
        uid: "u".to_owned(),
        resource_version: "1".to_owned(),
        body: yaml(&annotation.map_or(String::new(), |time| format!("backup: \"{time}\""))),
    };
    input.facts.live.insert(id, if known { Known::Yes(Some(live)) } else { Known::No("forbidden".to_owned()) });
    input
}

const DEMAND: &str =
    "evidence:\n- {name: nightly backup, object: PersistentVolumeClaim/*/*, annotation: backup, younger_than: 24h}\n";

#[test]
fn demanded_evidence_must_be_there_and_young() {
    let effective = effective(&trusted(DEMAND));
    let on = |input: Input| report_on(&input, &[], &effective);
    assert!(on(with_claim(Some("2026-07-03T00:00:00Z"), true)).findings.is_empty());
    for (annotation, why) in [
        (None, "has no annotation backup"),
        (Some("2026-07-01T00:00:00Z"), "the last one is of 2026-07-01T00:00:00Z"),
        (Some("2036-07-01T00:00:00Z"), "lies in the future"),
        (Some("yesterday"), "holds no time"),
    ] {
        let report = on(with_claim(annotation, true));
        assert!(report.findings[0].message.contains(why), "{why}: {}", report.findings[0].message);
        assert_eq!(report.findings[0].rule, judge::EVIDENCE);
    }
    assert!(on(sample::input()).findings[0].message.contains("no object of revision 7"));
    let unread = on(with_claim(None, false));
    assert_eq!((unread.findings.len(), decide(&unread, &effective.gate)), (0, Decision::Inconclusive { gaps: 1 }));
    let mut own = with_claim(Some("2026-07-03T00:00:00Z"), true);
    own.from.objects[0].body = own.facts.live[&own.from.objects[0].id].yes().unwrap().as_ref().unwrap().body.clone();
    assert!(on(own).findings[0].message.contains("the chart itself sets"));
}

#[test]
fn snapshots_that_were_not_listed_are_a_gap() {
    let demand = DEMAND.replace("annotation: backup", "volume_snapshot: true");
    let report = report_on(&with_claim(None, true), &[], &effective(&trusted(&demand)));
    assert!(report.gaps.iter().any(|gap| gap.blocks && gap.what.starts_with("nightly backup of")), "{:?}", report.gaps);
}

const TRUST: &str =
    "trust_annotations:\n- {annotation: rollback-safe/disposable, rules: [pvc-removed], severity: info, reason: ours}\n";

#[test]
fn a_declaration_lowers_only_where_policy_trusts_it_and_never_a_critical_finding() {
    let input = with_claim(None, true);
    let severity = |text: &str, severity: Severity| {
        let report = report_on(&input, &[found("pvc-removed", severity)], &effective(&trusted(text)));
        let shown = report.findings[0].evidence.iter().any(|item| item.at.contains("rollback-safe/disposable"));
        assert!(shown, "a declaration is shown whatever it does");
        report.findings[0].severity
    };
    assert_eq!(severity("", Severity::High), Severity::High);
    assert_eq!(severity(TRUST, Severity::High), Severity::Info);
    assert_eq!(severity(TRUST, Severity::Critical), Severity::Critical);
    let lowered = format!("rules:\n  pvc-removed: {{severity: high, reason: x}}\n{TRUST}");
    assert_eq!(severity(&lowered, Severity::Critical), Severity::High, "the policy's own word is another matter");
    let raised = format!("rules:\n  pvc-removed: {{severity: critical, reason: x}}\n{TRUST}");
    assert_eq!(severity(&raised, Severity::High), Severity::Critical);
}

#[test]
fn every_fault_comes_at_once_with_its_place() {
    let text = "schema: rollback-safe/policy/v2\nfail_on: bad\nfial_on: high\naccept: yes\nrequire: {critical: 0, worst: 1}\ntarget: {max_back: 0, max_age: soon}\nwaivers:\n- reason: x\n- {rule: a, reason: x, owner: y, expires: never}\nrules:\n  a: {off: true}\n  b: {severity: low, off: true, reason: x}\nfreeze:\n- {reason: x, zone: Mars/Olympus, days: [someday]}\nevidence:\n- {name: x, object: Pod, annotation: a, volume_snapshot: true, younger_than: 1s}\ntrust_annotations:\n- {annotation: rollback-safe/irreversible, rules: [a], severity: low, reason: x}\noverrides:\n- where: {environment: nowhere}\n- fail_on: low\n";
    insta::with_settings!({snapshot_path => "../../snapshots/policy", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("faults", faults(text).join("\n"));
    });
}

#[test]
fn hostile_files_are_refused_in_bounded_time() {
    let bomb = "a: &a [x,x,x]\nb: &b [*a,*a,*a]\nc: [*b,*b]\n";
    let deep = "[".repeat(100_000);
    let wide = format!("{HEAD}{}", "fail_on: high\n".repeat(15_000));
    for text in
        [bomb, &deep, "\u{0}", "- a\n", "", &"x".repeat(file::MAX_BYTES + 1), "schema: !!python/x 1\n", "a: 1\n---\nb: 2\n"]
    {
        assert!(!faults(text).is_empty(), "{:.40}", text);
    }
    assert_eq!(faults(&wide).len(), 14_999);
}

fn schema() -> jsonschema::Validator {
    jsonschema::validator_for(&serde_json::from_str(SCHEMA_TEXT).unwrap()).unwrap()
}

fn valid(schema: &jsonschema::Validator, text: &str) -> bool {
    schema.is_valid(&serde_yaml::from_str(text).unwrap())
}

/// The schema is for editors: what the reader refuses by form it refuses too, and it refuses nothing else.
#[test]
fn the_schema_agrees_with_the_reader() {
    let schema = schema();
    let good = [
        "enforce: true\nallowed_signers: signers\nrule_dirs: [rules]\n",
        DEMAND,
        TRUST,
        &format!("{WAIVER}2026-08-01\n"),
        "accept: asked\nforbid_accept_critical: false\nrequire: {critical: 2}\nnever_accept: [pvc-removed]\n",
        "freeze:\n- {reason: a, zone: UTC, days: [mon], from: \"18:00\", to: \"08:00\"}\n- {reason: a, zone: UTC, from: 2026-12-01, to: 2026-12-02T10:00}\n",
        "environments: {prod: {clusters: [x]}}\noverrides:\n- {where: {environment: prod}, on_inconclusive: allow, target: {max_back: 1}}\n",
    ];
    for text in good {
        let text = format!("{HEAD}{text}");
        assert_eq!(faults(&text), Vec::<String>::new(), "{text}");
        assert!(valid(&schema, &text), "{text}");
    }
    let bad = [
        "enfroce: true\n",
        "enforce: maybe\n",
        "fail_on: terrible\n",
        "on_inconclusive: ask\n",
        "accept: always\n",
        "require: {worst: 1}\n",
        "require: {high: 0}\n",
        "require: {high: 17}\n",
        "target: {max_back: 0}\n",
        "target: {max_age: soon}\n",
        "target: {back: 1}\n",
        "waivers:\n- {reason: a, owner: b, expires: 2027-01-01}\n",
        "waivers:\n- {rule: a, owner: b, expires: 2027-01-01}\n",
        "waivers:\n- {rule: a, reason: b, expires: 2027-01-01}\n",
        "waivers:\n- {rule: a, reason: b, owner: c}\n",
        "waivers:\n- {rule: a, reason: b, owner: c, expires: never}\n",
        "waivers:\n- {object: Pod, reason: b, owner: c, expires: 2027-01-01}\n",
        "rules: {a: {reason: x}}\n",
        "rules: {a: {severity: low}}\n",
        "rules: {a: {severity: low, off: true, reason: x}}\n",
        "rules: {a: {off: false, reason: x}}\n",
        "freeze:\n- {reason: a, days: [mon]}\n",
        "freeze:\n- {reason: a, zone: UTC}\n",
        "freeze:\n- {reason: a, zone: UTC, from: \"18:00\"}\n",
        "freeze:\n- {reason: a, zone: UTC, days: [monday]}\n",
        "evidence:\n- {name: a, object: Pod/a/b, younger_than: 1h}\n",
        "evidence:\n- {name: a, object: Pod/a/b, annotation: x}\n",
        "evidence:\n- {object: Pod/a/b, annotation: x, younger_than: 1h}\n",
        "trust_annotations:\n- {annotation: helm.sh/hook, rules: [a], severity: low, reason: x}\n",
        "trust_annotations:\n- {annotation: rollback-safe/rerunnable, severity: low, reason: x}\n",
        "overrides:\n- {fail_on: low}\n",
        "overrides:\n- {where: {cluster: x}}\n",
        "overrides:\n- {where: {release: x}, waivers: []}\n",
        "environments: {prod: {}}\n",
    ];
    for text in bad {
        let text = format!("{HEAD}{text}");
        assert!(!faults(&text).is_empty(), "the reader takes {text}");
        assert!(!valid(&schema, &text), "the schema takes {text}");
    }
    assert!(!valid(&schema, "fail_on: high\n") && !faults("fail_on: high\n").is_empty());
}

#[test]
fn the_example_is_a_policy() {
    let text = include_str!("../../examples/policy/rollback-safe.yaml");
    let source = Source::parse("rollback-safe.yaml", text, Authority::Authoritative)
        .unwrap_or_else(|faulty| panic!("{}", Faults(faulty.faults)));
    assert_eq!(source.unknown_rules(&RuleSet::builtin()), []);
    assert!(valid(&schema(), text));
    let policy = Policy { sources: vec![source], flags: Flags::default() };
    let effective = effective(&policy);
    assert_eq!((effective.gate.fail_on, effective.approvals.within_gate, effective.freeze.len()), (Severity::Medium, false, 2));
}

#[test]
fn explained_says_where_each_value_comes_from() {
    let tight = source("fail_on: low\naccept: within-gate\n", Authority::Tightens);
    let policy = trusted(&format!("enforce: true\nfail_on: medium\nnever_accept: [crd-removed]\n{WAIVER}2026-08-01\n"));
    let cluster = Known::Yes("c".to_owned());
    let scope = scope(&cluster);
    let effective = Effective::of(&policy, Some(&tight), &scope).unwrap();
    insta::with_settings!({snapshot_path => "../../snapshots/policy", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("explained", explain::text(&effective, &scope));
    });
}

/// Numbers that look random and are the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        from[usize::try_from(self.0 >> 33).unwrap() % from.len()]
    }

    fn policy(&mut self) -> String {
        let pieces: [&[&str]; 12] = [
            &["", "fail_on: critical\n", "fail_on: medium\n", "fail_on: info\n"],
            &["", "on_inconclusive: allow\n", "on_inconclusive: block\n"],
            &["", "accept: within-gate\n", "accept: asked\n"],
            &["", "forbid_accept_critical: true\n", "forbid_accept_critical: false\n"],
            &["", "require: {critical: 3}\n", "require: {critical: 1, high: 2}\n"],
            &["", "never_accept: [b-rule]\n"],
            &["", "target: {max_back: 1}\n", "target: {max_age: 999d}\n", "target: {max_back: 9, max_age: 1d}\n"],
            &["", "freeze: [{reason: r, zone: UTC, days: [fri]}]\n", "freeze: [{reason: r, zone: UTC, days: [mon]}]\n"],
            &["", DEMAND],
            &[
                "",
                "rules: {pvc-removed: {off: true, reason: r}}\n",
                "rules: {pvc-removed: {severity: info, reason: r}, b-rule: {severity: critical, reason: r}}\n",
            ],
            &[
                "",
                "waivers: [{rule: pvc-removed, reason: r, owner: o, expires: 2026-08-01}]\n",
                "waivers: [{object: \"*/*/*\", reason: r, owner: o, expires: 2026-08-01}]\n",
                TRUST,
            ],
            &[
                "",
                "overrides: [{where: {release: shop}, fail_on: critical, on_inconclusive: allow, accept: within-gate}]\n",
                "enforce: true\n",
            ],
        ];
        pieces.iter().map(|choices| self.pick(choices)).collect()
    }
}

fn acceptable(effective: &Effective, report: &Report) -> (bool, Vec<(String, u32)>) {
    let approvals = &effective.approvals;
    let needed = report.unwaived().map(|finding| (finding.id.clone(), approvals.needed(finding.severity))).collect();
    (approvals.within_gate && decide(report, &effective.gate) == Decision::Within, needed)
}

/// A source without authority never opens what would be closed without it.
#[test]
fn what_may_only_tighten_only_tightens() {
    let mut dice = Dice(0x5eed_1234_5678_9abc);
    let cluster = Known::Yes("c".to_owned());
    let (mut closed, mut refused) = (0, 0);
    for round in 0..3_000 {
        let (base, other) = (dice.policy(), dice.policy());
        let severities = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];
        let findings = [found("pvc-removed", severities[round % 4]), found("b-rule", severities[(round / 4) % 4])];
        let flags = match round % 3 {
            0 => Flags::default(),
            1 => Flags { fail_on: Some(Severity::High), ..Flags::default() },
            _ => Flags { on_inconclusive: Some(OnInconclusive::Allow), ..Flags::default() },
        };
        let mut policy = trusted(&base);
        policy.flags = flags;
        let input = with_claim(Some("2026-07-03T00:00:00Z"), round % 5 != 0);
        let tight = source(&other, Authority::Tightens);
        let Ok(without) = Effective::of(&policy, None, &scope(&cluster)) else { continue };
        let Ok(with) = Effective::of(&policy, Some(&tight), &scope(&cluster)) else {
            refused += 1;
            continue;
        };
        let (before, after) = (report_on(&input, &findings, &without), report_on(&input, &findings, &with));
        let open = |report: &Report, effective: &Effective| decide(report, &effective.gate) == Decision::Within;
        let story = format!("round {round}\n--- authoritative\n{base}--- other\n{other}");
        assert!(open(&before, &without) || !open(&after, &with), "{story}");
        closed += usize::from(open(&before, &without) && !open(&after, &with));
        let ((runs_before, needed_before), (runs_after, needed_after)) =
            (acceptable(&without, &before), acceptable(&with, &after));
        assert!(runs_before || !runs_after, "{story}");
        for (id, number) in needed_before {
            assert!(needed_after.iter().any(|(other, more)| *other == id && *more >= number), "{id} {number}: {story}");
        }
        assert!(without.approvals.never_accept.is_subset(&with.approvals.never_accept), "{story}");
        assert!(with.approvals.forbid_accept_critical || !without.approvals.forbid_accept_critical, "{story}");
        for finding in after.unwaived().filter(|finding| finding.severity < Severity::Critical) {
            let was = before.unwaived().find(|other| other.id == finding.id);
            assert!(was.is_none_or(|was| was.severity <= finding.severity), "{}: {story}", finding.rule);
        }
    }
    assert!(closed > 100 && refused > 50, "the property must be tried: {closed} closed, {refused} refused");
}

#[test]
fn the_digest_is_of_what_is_in_force() {
    let digest = |text: &str| effective(&trusted(text)).digest();
    assert_eq!(digest("fail_on: medium\n"), digest("# a comment\nfail_on: medium\n"));
    assert_ne!(digest("fail_on: medium\n"), digest("fail_on: low\n"));
    assert_eq!(Effective::from(GatePolicy::default()).digest(), None);
    let _: Timestamp = NOW.parse().unwrap();
}
