//! Each form of the report, read by a reader or schema that is not the writer's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde_json::Value;

const REPORT: &str = include_str!("../../schema/report-v1.schema.json");
const MIGRATIONS: &str = include_str!("../../schema/migrations-v1.schema.json");
const IN_TOTO: &str = include_str!("../../schema/in-toto-v1.schema.json");
const SARIF: &str = include_str!("../fixtures/formats/sarif-2.1.0.schema.json");
const OPENREPORTS: &str = include_str!("../fixtures/formats/openreports.io_reports.yaml");
const POLICYREPORT: &str = include_str!("../fixtures/formats/wgpolicyk8s.io_policyreports.yaml");

/// All forms, by the name that `-o` takes.
pub const FORMS: [&str; 13] = [
    "text",
    "json",
    "yaml",
    "markdown",
    "sarif",
    "junit",
    "github",
    "github-summary",
    "gitlab",
    "html",
    "openreports",
    "policyreport",
    "in-toto",
];

/// What is wrong with a text of this form.
pub fn faults(form: &str, text: &str) -> Vec<String> {
    let mut faults = match form {
        "text" => Vec::new(),
        "json" => schema(REPORT, &[], &json(text)),
        "yaml" => schema(REPORT, &[], &yaml(text)),
        "markdown" => markdown(text, 65_536, true, 4),
        "github-summary" => markdown(text, 1_048_576, false, 4),
        "sarif" => schema(SARIF, &[], &json(text)),
        "junit" => junit(text),
        "github" => commands(text),
        "gitlab" => quality(&json(text)),
        "html" => page(text),
        "openreports" => custom_resource(OPENREPORTS, "v1alpha1", &yaml(text)),
        "policyreport" => custom_resource(POLICYREPORT, "v1alpha2", &yaml(text)),
        "in-toto" => schema(IN_TOTO, &[("urn:rollback-safe:report:v1", REPORT)], &json(text)),
        other => vec![format!("no form is called {other}")],
    };
    faults.extend(inert(text));
    if text.lines().any(|line| line.starts_with("GATE: open <") || (line.starts_with("::") && form != "github")) {
        faults.push("a line is forged".to_owned());
    }
    faults
}

fn inert(text: &str) -> impl Iterator<Item = String> {
    text.chars().filter(|c| *c != '\n' && acts(*c)).map(|c| format!("{c:?} stands in it"))
}

/// Forms of the analysis of a history, by the name that `-o` takes.
pub const MIGRATION_FORMS: [&str; 4] = ["text", "json", "markdown", "sarif"];

/// What is wrong with a text of one of these.
pub fn migration_faults(form: &str, text: &str) -> Vec<String> {
    let mut faults = match form {
        "text" => Vec::new(),
        "json" => schema(MIGRATIONS, &[], &json(text)),
        "markdown" => markdown(text, 65_536, true, 6),
        "sarif" => schema(SARIF, &[], &json(text)),
        other => vec![format!("no form is called {other}")],
    };
    faults.extend(inert(text));
    faults
}

/// Control characters, and those that reorder or hide text (Unicode 17, general categories Cc and Cf in part).
fn acts(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("no JSON: {error}\n{text}"))
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("no YAML: {error}\n{text}"))
}

fn schema(schema: &str, others: &[(&str, &str)], value: &Value) -> Vec<String> {
    read_once(schema, others).iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// To read a schema takes longer than to look at a report by it.
fn read_once(schema: &str, others: &[(&str, &str)]) -> Arc<jsonschema::Validator> {
    static READ: Mutex<BTreeMap<String, Arc<jsonschema::Validator>>> = Mutex::new(BTreeMap::new());
    let known = READ.lock().expect("no test panics while it reads").get(schema).cloned();
    known.unwrap_or_else(|| {
        let others = others.iter().map(|(id, text)| (*id, jsonschema::Resource::from_contents(json(text))));
        let registry = jsonschema::Registry::new().extend(others).expect("schemas").prepare().expect("schemas");
        let read = jsonschema::options().with_registry(&registry).build(&json(schema)).expect("a schema");
        let read = Arc::new(read);
        READ.lock().expect("no test panics while it reads").insert(schema.to_owned(), Arc::clone(&read));
        read
    })
}

/// By the schema of the definition, in which the API server would drop what is not named: here that is a fault.
fn custom_resource(definition: &str, version: &str, value: &Value) -> Vec<String> {
    let definition = yaml(definition);
    let versions = definition["spec"]["versions"].as_array().expect("versions");
    let found = versions.iter().find(|found| found["name"] == version).expect("the version");
    let mut schema = found["schema"]["openAPIV3Schema"].clone();
    close(&mut schema);
    schema["properties"]["metadata"] = serde_json::json!({"type": "object", "required": ["name", "namespace"]});
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let mut faults: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    let (group, kind) = (&definition["spec"]["group"], &definition["spec"]["names"]["kind"]);
    let wanted = format!("{}/{version}", group.as_str().expect("a group"));
    if value["apiVersion"] != wanted || value["kind"] != *kind {
        faults.push(format!("{} {} is not {wanted} {kind}", value["apiVersion"], value["kind"]));
    }
    for (field, longest) in [("name", 253), ("namespace", 63)] {
        let name = value["metadata"][field].as_str().unwrap_or_default();
        let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if name.is_empty() || name.len() > longest || !plain || name.starts_with('-') || name.ends_with('-') {
            faults.push(format!("metadata.{field}: {name:?} is no name"));
        }
    }
    let results = value["results"].as_array().map_or(0, Vec::len) as u64;
    let counted: u64 = value["summary"].as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum();
    if counted < results {
        faults.push(format!("{results} results and {counted} counted"));
    }
    faults
}

fn close(schema: &mut Value) {
    if let Some(map) = schema.as_object_mut() {
        if map.contains_key("properties") {
            map.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
        map.values_mut().for_each(close);
    } else if let Some(items) = schema.as_array_mut() {
        items.iter_mut().for_each(close);
    }
}

/// As a host reads it: no element but ours, no link, no image, and no mention, reference or address outside of code.
fn markdown(text: &str, longest: usize, marked: bool, columns: usize) -> Vec<String> {
    let mut faults = Vec::new();
    if text.len() > longest {
        faults.push(format!("{} bytes", text.len()));
    }
    if text.starts_with("<!-- rollback-safe: ") != marked {
        faults.push("the marker line".to_owned());
    }
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_GFM;
    let (mut cells, mut table, mut verbatim) = (0, false, false);
    for event in Parser::new_ext(text, options) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => faults.extend(elements(&html)),
            Event::Start(Tag::Link { .. } | Tag::Image { .. }) => faults.push(format!("{event:?}")),
            Event::Start(Tag::CodeBlock(_)) => verbatim = true,
            Event::End(TagEnd::CodeBlock) => verbatim = false,
            Event::Text(text) if !verbatim && ["@", "://", "www."].iter().any(|starter| text.contains(starter)) => {
                faults.push(format!("text a host looks into: {text}"));
            }
            Event::Start(Tag::TableHead | Tag::TableRow) => (table, cells) = (true, 0),
            Event::Start(Tag::TableCell) => cells += 1,
            _ => {}
        }
        if table && cells > columns {
            faults.push("a row with more cells than the head".to_owned());
        }
    }
    faults
}

/// Elements of a fragment of HTML that are not among those which the report uses.
fn elements(html: &str) -> Vec<String> {
    const OURS: [&str; 9] =
        ["<!--", "<details>", "</details>", "<summary>", "</summary>", "<code>", "</code>", "<sub>", "</sub>"];
    let starts = html.match_indices('<').map(|(at, _)| &html[at..]);
    starts.filter(|tag| !OURS.iter().any(|ours| tag.starts_with(ours))).map(|tag| format!("element {tag}")).collect()
}

fn junit(text: &str) -> Vec<String> {
    let document = match roxmltree::Document::parse(text) {
        Ok(document) => document,
        Err(error) => return vec![error.to_string()],
    };
    let known = ["testsuites", "testsuite", "properties", "property", "testcase", "failure", "error", "skipped", "system-out"];
    let nodes = document.descendants().filter(roxmltree::Node::is_element);
    nodes.map(|node| node.tag_name().name()).filter(|name| !known.contains(name)).map(|name| format!("element {name}")).collect()
}

fn commands(text: &str) -> Vec<String> {
    let known = |line: &&str| ["::error ", "::warning ", "::notice "].iter().any(|word| line.starts_with(word));
    text.lines().filter(|line| !known(line)).map(|line| format!("no command: {line}")).collect()
}

/// The fields that docs.gitlab.com, "Code Quality", "Code Quality report format" asks for.
fn quality(value: &Value) -> Vec<String> {
    let wanted = serde_json::json!({
        "type": "array",
        "items": {
            "type": "object",
            "required": ["description", "check_name", "fingerprint", "severity", "location"],
            "properties": {
                "description": {"type": "string"},
                "check_name": {"type": "string"},
                "fingerprint": {"type": "string", "minLength": 1},
                "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
                "location": {
                    "type": "object",
                    "required": ["path", "lines"],
                    "properties": {
                        "path": {"type": "string", "pattern": "^[^./]"},
                        "lines": {"type": "object", "required": ["begin"], "properties": {"begin": {"type": "integer"}}},
                    },
                },
            },
        },
    });
    schema(&wanted.to_string(), &[], value)
}

/// The page is XML too, so a strict parser tells of every element and attribute.
fn page(text: &str) -> Vec<String> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let document = match roxmltree::Document::parse_with_options(text, options) {
        Ok(document) => document,
        Err(error) => return vec![error.to_string()],
    };
    let elements: BTreeSet<&str> = ELEMENTS.split(' ').collect();
    let attributes: BTreeSet<&str> = ATTRIBUTES.split(' ').collect();
    let mut faults = Vec::new();
    let mut ids = BTreeSet::new();
    let mut level = 0;
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        let name = node.tag_name().name();
        if !elements.contains(name) {
            faults.push(format!("element {name}"));
        }
        let unknown = node.attributes().filter(|attribute| !attributes.contains(attribute.name()));
        faults.extend(unknown.map(|attribute| format!("attribute {} of {name}", attribute.name())));
        faults.extend(node.attribute("id").filter(|id| !ids.insert(*id)).map(|id| format!("id {id} twice")));
        if let Some(next) = name.strip_prefix('h').and_then(|digit| digit.parse::<u32>().ok()) {
            if next > level + 1 {
                faults.push(format!("heading {name} behind a heading of level {level}"));
            }
            level = next;
        }
    }
    let named = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).count();
    faults.extend(
        ["h1", "main", "header", "footer", "title"]
            .into_iter()
            .filter(|name| named(name) != 1)
            .map(|name| format!("not one {name}")),
    );
    let refers = document.descendants().filter_map(|node| node.attribute("href").or(node.attribute("aria-labelledby")));
    faults.extend(refers.filter(|id| !ids.contains(id.trim_start_matches('#'))).map(|id| format!("no {id}")));
    faults
}

const ELEMENTS: &str = "html head meta title style body a header main footer section h1 h2 h3 p dl dt dd ul ol li details summary \
                        span code pre strong table thead tbody tr th td br";
const ATTRIBUTES: &str = "lang charset http-equiv content name class href id tabindex aria-labelledby open scope";

/// By the schema of Tekton's own definition, in which nothing may be unknown.
pub fn tekton_task(task: &Value) -> Vec<String> {
    let mut closed = json(include_str!("../fixtures/formats/tekton-task-v1.schema.json"));
    close(&mut closed);
    closed["properties"]["metadata"] = serde_json::json!({"type": "object"});
    let validator = jsonschema::validator_for(&closed).expect("a schema");
    validator.iter_errors(task).map(|error| format!("{}: {error}", error.instance_path())).collect()
}
