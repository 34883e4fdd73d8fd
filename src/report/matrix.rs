//! Every form of every sort of report, each read by a reader that is not its writer's.

use super::*;
use crate::policy::{Authority, SourceInfo};
use crate::report::text::TextOptions;
use crate::settings::Format;

#[path = "../../tests/it/valid.rs"]
#[allow(dead_code)] // shared with tests/it, which also checks what is no report
mod valid;

/// What somebody who may write to the cluster would try: terminal escapes, elements, attributes, links, mentions, table cells,
/// workflow commands, spreadsheet formulas, templates, characters that XML has no place for, reordered and hidden text.
pub const EVIL: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}</script></details><script>document.title='owned'</script><img src=x \
    onerror=alert(1)>\"' onload=x ]]> --> | a | `b` **c** _d_ [x](javascript:x) ![y](https://evil.example/y) @all #1 www.evil.example \
    <https://evil.example> ::error::x %0A &lt;b&gt; ${{ github.token }} $(id) =1+1 \u{0}\u{b}\u{fffe}\u{202e}gpj.exe\u{200b}\r\nGATE: open <b>\t";

/// One report of each sort.
pub fn sorts() -> Vec<(&'static str, Report)> {
    let all = sample::all();
    let named = |name: &str| all.iter().find(|(known, _)| *known == name).map(|(_, report)| report.clone()).expect("in the set");
    let reason = |text: &str| Some(Waiver { reason: text.to_owned(), ..Waiver::default() });
    let (mut waived, mut accepted) = (named("full"), named("full"));
    waived.findings[0].waived = reason("the cache fills itself");
    accepted.findings[0].accepted = reason("looked at by two of us");
    let mut judged = named("medium");
    judged.policy = Some(policy("policies/policy.yaml"));
    let mut hostile = sample::evil(EVIL);
    hostile.policy = Some(policy(EVIL));
    let sorts = [("safe", named("safe")), ("caution", named("medium")), ("unsafe", named("full"))];
    let more = [("inconclusive", named("inconclusive")), ("waived", waived), ("accepted", accepted), ("judged", judged)];
    sorts.into_iter().chain(more).chain([("hostile", hostile), ("long", named("long"))]).collect()
}

/// One that was named and one that was found.
fn policy(path: &str) -> PolicyInfo {
    let source = |path: &str, letter: &str, authority| SourceInfo { path: path.to_owned(), digest: digest(letter), authority };
    PolicyInfo {
        digest: digest("c"),
        sources: vec![
            source(path, "a", Authority::Authoritative),
            source("ConfigMap/prod/rollback-safe-policy", "b", Authority::Tightens),
        ],
        unused_waivers: Vec::new(),
        expired_waivers: Vec::new(),
        ignored: Vec::new(),
    }
}

fn digest(letter: &str) -> String {
    format!("sha256:{}", letter.repeat(64))
}

pub fn rendered(report: &Report, format: Format) -> String {
    let policy = GatePolicy::default();
    let command = Some("helm rollback-safe shop 5 --namespace prod".to_owned());
    match format {
        Format::Text => text::render(report, &policy, &TextOptions { width: 80, color: false, command }),
        Format::Json => json::render(report),
        Format::Yaml => yaml::render(report),
        Format::Markdown => markdown::render(report, &policy),
        Format::Sarif => sarif::render(report),
        Format::Junit => junit::render(report, &policy),
        Format::Github => github::render(report),
        Format::GithubSummary => markdown::summary(report, &policy),
        Format::Gitlab => gitlab::render(report),
        Format::Html => html::render(report, &policy),
        Format::Openreports => policy_report::openreports(report, &policy),
        Format::Policyreport => policy_report::policyreport(report, &policy),
        Format::InToto => in_toto::render(report, &policy),
    }
}

#[test]
fn every_form_of_every_sort_is_valid() {
    assert_eq!(valid::FORMS, Format::ALL.map(Format::as_str));
    for (sort, report) in sorts() {
        for format in Format::ALL {
            let text = rendered(&report, format);
            let faults = valid::faults(format.as_str(), &text);
            assert!(faults.is_empty(), "{sort} as {}: {faults:#?}\n{text}", format.as_str());
        }
    }
}

/// A form that says nothing passes every parser: each has to carry what matters.
#[test]
fn every_form_says_what_matters() {
    for (sort, report) in sorts().into_iter().filter(|(sort, _)| *sort != "hostile") {
        for format in Format::ALL {
            let text = rendered(&report, format);
            let of_findings = ["github", "gitlab"].contains(&format.as_str());
            for finding in report.findings.iter().filter(|finding| !of_findings || finding.waived.is_none()) {
                assert!(text.contains(&finding.rule), "{sort} as {}: {}", format.as_str(), finding.rule);
            }
            let reasons = report.findings.iter().flat_map(|finding| [&finding.waived, &finding.accepted]).flatten();
            for reason in reasons.filter(|_| !of_findings && !["sarif", "junit"].contains(&format.as_str())) {
                assert!(text.contains(&reason.reason), "{sort} as {}: {}", format.as_str(), reason.reason);
            }
            let silent = ["junit", "gitlab"].contains(&format.as_str());
            assert!(silent || text.to_lowercase().contains(report.verdict.as_str()), "{sort} as {}", format.as_str());
        }
    }
}

/// Who reads a form learns by which policy it was judged.
#[test]
fn every_form_names_the_sources_of_the_policy() {
    let (_, report) = sorts().into_iter().find(|(sort, _)| *sort == "judged").expect("in the set");
    for format in Format::ALL {
        let text = rendered(&report, format);
        for part in ["policies/policy.yaml", &digest("a"), "ConfigMap/prod/rollback-safe-policy", &digest("b")] {
            assert!(text.contains(part), "{part} in {}:\n{text}", format.as_str());
        }
    }
}

#[test]
fn a_policy_lies_where_a_host_can_show_it() {
    let (_, report) = sorts().into_iter().find(|(sort, _)| *sort == "judged").expect("in the set");
    let entries: serde_json::Value = serde_json::from_str(&rendered(&report, Format::Gitlab)).expect("JSON");
    let places: Vec<&str> = entries.as_array().expect("a list").iter().filter_map(|e| e["location"]["path"].as_str()).collect();
    assert_eq!(places[places.len() - 2..], ["policies/policy.yaml", "shop/Chart.yaml"]);
    for (path, place) in [
        ("./p.yaml", "p.yaml"),
        ("/tmp/p.yaml", "shop/Chart.yaml"),
        ("../p.yaml", "shop/Chart.yaml"),
        (".ci/p.yaml", "shop/Chart.yaml"),
    ] {
        let source = SourceInfo { path: path.to_owned(), digest: digest("a"), authority: Authority::Tightens };
        assert_eq!(location::policy(&report, &source), place, "{path}");
    }
}

/// The readers must be able to object: each form, damaged as a careless writer would, is refused.
#[test]
fn the_readers_object() {
    let report = sample::evil("</p><script>x</script> @all \u{1b}[2J");
    let raw = |format: Format| rendered(&report, format);
    let damaged = [
        ("text", raw(Format::Text).replace("\\u{1b}", "\u{1b}")),
        ("json", raw(Format::Json).replace("\"verdict\"", "\"verdikt\"")),
        ("yaml", raw(Format::Yaml).replace("verdict:", "verdikt:")),
        ("markdown", raw(Format::Markdown).replace("`@`", "@")),
        ("github-summary", raw(Format::GithubSummary).replace("\\<", "<").replace("\\>", ">")),
        ("sarif", raw(Format::Sarif).replace("\"driver\"", "\"river\"")),
        ("junit", raw(Format::Junit).replace("&lt;", "<")),
        ("github", raw(Format::Github).replace("title=", "\n")),
        ("gitlab", raw(Format::Gitlab).replace("critical", "bad")),
        ("html", raw(Format::Html).replace("&lt;", "<").replace("&gt;", ">")),
        ("openreports", raw(Format::Openreports).replace("policy:", "polizei:")),
        ("policyreport", raw(Format::Policyreport).replace("\"high\"", "\"higher\"")),
        ("in-toto", raw(Format::InToto).replace("\"sha256\"", "\"sha1\"")),
    ];
    for (form, text) in damaged {
        assert_ne!(valid::faults(form, &text), Vec::<String>::new(), "{form} takes anything");
    }
}

/// 20,000 findings: every form stays within what its reader takes.
#[test]
fn forms_stay_within_the_bounds_of_their_hosts() {
    let finding = |number: usize| sample::found(&format!("rule-{number}"), Severity::High);
    let many: Vec<rules::Finding> = (0..20_000).map(finding).collect();
    let report = sample::built(&sample::input(), &sample::forecast(), &many, &[]);
    let bounds = [
        (Format::Markdown, 65_536),
        (Format::GithubSummary, 1_048_576),
        (Format::Openreports, 1_500_000),
        (Format::Policyreport, 1_500_000),
    ];
    for (format, longest) in bounds {
        let text = rendered(&report, format);
        assert!(text.len() <= longest, "{}: {}", format.as_str(), text.len());
        assert_eq!(valid::faults(format.as_str(), &text), Vec::<String>::new(), "{}", format.as_str());
    }
    assert!(rendered(&report, Format::Github).lines().count() < 40);
}

/// Brightness of two colours against each other (W3C, "Web Content Accessibility Guidelines 2.2", 1.4.3: at least 4.5).
#[test]
fn colours_of_the_page_can_be_read() {
    let style = include_str!("html.css");
    let sides: Vec<&str> = style.split("prefers-color-scheme: dark").collect();
    for side in [sides[0], sides[1]] {
        let side = &side[..side.find('}').expect("a block")];
        let colour = |name: &str| {
            let (_, value) = side.split_once(&format!("--{name}: #")).unwrap_or_else(|| panic!("--{name}"));
            let channel = |at: usize| {
                let part = f64::from(u8::from_str_radix(&value[at..at + 2], 16).expect("hex")) / 255.0;
                if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
        };
        for name in ["ink", "faint", "link", "unsafe", "inconclusive", "caution", "safe"] {
            for ground in ["paper", "box"] {
                let (a, b) = (colour(name), colour(ground));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(contrast >= 4.5, "--{name} on --{ground}: {contrast:.2}");
            }
        }
    }
}
