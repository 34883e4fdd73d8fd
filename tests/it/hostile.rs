//! Records made to hurt: every one ends in a named error or gap, never in a panic, and within bounds.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rollback_safe::k8s::scope::Scopes;
use rollback_safe::release::StoredAs;
use rollback_safe::release::decode::{DecodeError, decode_payload};
use rollback_safe::release::manifest::{ParseContext, ParsedManifest, parse_manifest};
use rollback_safe::release::redact::Redactor;
use rollback_safe::release::saved::parse_saved;
use serde_json::json;

const LIMIT: u64 = 64 << 20;

fn payload(json: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(json).unwrap();
    STANDARD.encode(gzip.finish().unwrap()).into_bytes()
}

fn manifest(text: &str) -> ParsedManifest {
    let (scopes, redactor) = (Scopes::builtin(), Redactor::with_key([2; 32]));
    parse_manifest(text, &ParseContext { default_namespace: "n", scopes: &scopes, redactor: &redactor })
}

fn only_gap(text: &str) -> (String, String) {
    let parsed = manifest(text);
    assert_eq!(parsed.objects.len(), 0);
    assert_eq!(parsed.gaps.len(), 1, "{:?}", parsed.gaps);
    assert!(parsed.gaps[0].blocks);
    (parsed.gaps[0].what.clone(), parsed.gaps[0].why.clone())
}

#[test]
fn truncated_and_damaged_payloads() {
    let good = payload(br#"{"name":"a","version":1,"info":{}}"#);
    for cut in 0..good.len() {
        // Whole base64 groups survive the first step; nothing shorter than the whole does the second.
        assert!(decode_payload(&good[..cut], LIMIT).is_err(), "cut at {cut}");
    }
    for at in 0..good.len() {
        let mut damaged = good.clone();
        damaged[at] = b'!';
        assert_eq!(decode_payload(&damaged, LIMIT).err(), Some(DecodeError::Base64));
    }
}

#[test]
fn a_gzip_bomb_stops_at_the_limit() {
    let bomb = payload(&vec![b' '; 100 << 20]);
    assert!(bomb.len() < 1 << 20);
    assert_eq!(decode_payload(&bomb, 1 << 20).err(), Some(DecodeError::TooLarge { limit: 1 << 20 }));
}

#[test]
fn a_manifest_of_ten_megabytes_is_read_whole() {
    let line = "x".repeat(120);
    let documents: Vec<String> = (0..80)
        .map(|n| format!("---\n# Source: c/templates/{n}.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m{n}\ndata:\n  file: |\n{}", format!("    {line}\n").repeat(1000)))
        .collect();
    let text = documents.concat();
    assert!(text.len() > 10_000_000);
    let json = serde_json::to_vec(&json!({"name": "a", "version": 1, "info": {"status": "deployed"}, "manifest": text})).unwrap();
    let record = decode_payload(&payload(&json), LIMIT).ok().unwrap();
    let (scopes, redactor) = (Scopes::builtin(), Redactor::with_key([2; 32]));
    let release =
        record.into_release(StoredAs::default(), &ParseContext { default_namespace: "n", scopes: &scopes, redactor: &redactor });
    assert_eq!((release.objects.len(), release.gaps.len()), (80, 0));
    assert_eq!(release.objects[79].origin.template.as_deref(), Some("c/templates/79.yaml"));
}

#[test]
fn deep_yaml_is_a_gap_that_names_the_line() {
    for text in [
        format!("a: {}", "[".repeat(100_000)),
        format!("a:\n  {}", "- ".repeat(100_000)),
        format!("a: {}", "{b: ".repeat(100_000)),
    ] {
        let (what, why) = only_gap(&format!("---\n# Source: c/templates/deep.yaml\n{text}"));
        assert_eq!(what, "document 1, c/templates/deep.yaml (manifest line 2)");
        assert!(why.ends_with("the document is nested too deeply"), "{why}");
    }
}

#[test]
fn an_alias_bomb_is_a_gap() {
    let mut text = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n".to_owned();
    for n in 1..20 {
        let aliases = vec![format!("*a{}", n - 1); 10].join(",");
        text.push_str(&format!("a{n}: &a{n} [{aliases}]\n"));
    }
    assert!(only_gap(&text).1.ends_with("the document contains excessive aliasing"));
    let quoted = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(1 << 20), "*a,".repeat(5000));
    assert!(only_gap(&quoted).1.ends_with("the document contains excessive aliasing"));
}

#[test]
fn a_million_documents() {
    assert_eq!(manifest(&"---\n".repeat(1_000_000)).objects.len(), 0);
    let parsed = manifest(&"---\na: 1\n".repeat(1_000_000));
    assert_eq!(parsed.objects.len(), 0);
    assert!(parsed.gaps.len() <= 102, "{}", parsed.gaps.len());
    assert!(parsed.gaps.iter().any(|gap| gap.why.contains("more than 50000 documents") || gap.what.contains("more documents")));
}

#[test]
fn invalid_utf_8() {
    let mut json = br#"{"name":"a","version":1,"info":{"status":"deployed","description":"x"#.to_vec();
    json.extend([0xff, 0xfe]);
    json.extend(br#""}}"#);
    let record = decode_payload(&payload(&json), LIMIT).ok().unwrap();
    assert_eq!(record.info(&Redactor::with_key([2; 32])).description, "x\u{fffd}\u{fffd}", "as Go reads it");
    let error = parse_saved(b"a: 1\nb: \xff\n", "r", "", LIMIT).err().unwrap();
    assert_eq!(error.to_string(), "document 1 (line 2): the text is not UTF-8");
}

#[test]
fn broken_documents_do_not_take_the_others_along_and_are_not_quoted() {
    let text = "---\n# Source: c/templates/good.yaml\napiVersion: v1\nkind: Service\nmetadata: {name: a}\n---\n# Source: c/templates/bad.yaml\nkind: Secret\nstringData:\n  password: \"hunter2\n---\n# Source: c/templates/odd.yaml\n- hunter2\n---\napiVersion: v1\nkind: Pod\nmetadata: {}\n---\nkind: {{ hunter2 }}\n";
    let parsed = manifest(text);
    assert_eq!(parsed.objects.len(), 1);
    let what: Vec<&str> = parsed.gaps.iter().map(|gap| gap.what.as_str()).collect();
    assert_eq!(
        what,
        [
            "document 2, c/templates/bad.yaml (manifest line 7)",
            "document 5, manifest line 19",
            "object at c/templates/odd.yaml (manifest line 12)",
            "object at manifest line 15"
        ]
    );
    assert!(parsed.gaps.iter().all(|gap| !format!("{gap:?}").contains("hunter2")));
}

#[test]
fn malformed_texts_that_trip_the_scanner_are_faults() {
    for text in [
        "[!foo, a]",
        "a: !%C3%A9 b",
        "a: \"b\\",
        "a: !%",
        "%TAG",
        "a: !<",
        "? ",
        "a: &",
        "a: *",
        "- !!",
        "\u{feff}",
        "a: |9",
        "{",
        "'",
        "!",
        "&a",
    ] {
        manifest(text);
        for cut in 0..text.len() {
            if text.is_char_boundary(cut) {
                manifest(&text[..cut]);
            }
        }
    }
}

#[test]
fn saved_files_that_are_no_records_say_where() {
    let error =
        |text: &str| parse_saved(text.as_bytes(), "r", "", LIMIT).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error("a: 1\n").starts_with("document 1 (line 1): neither a storage object nor a release"));
    assert!(error("kind: Secret\n---\nb: [\n").starts_with("document 2 (line "));
    assert!(error("kind: Deployment\n").contains("Deployment is no release record"));
    assert_eq!(error("hello\n"), "document 1 (line 1): neither a storage object nor a release");
}

#[test]
fn a_damaged_record_in_a_file_is_named() {
    let broken = "apiVersion: v1\nkind: Secret\nmetadata: {name: sh.helm.release.v1.r.v3}\ndata: {release: '!!'}\n";
    let records = parse_saved(broken.as_bytes(), "r", "", LIMIT).unwrap();
    assert_eq!(records[0].stored.key, "sh.helm.release.v1.r.v3");
    assert_eq!(records[0].record.as_ref().err(), Some(&DecodeError::Base64));
}
