//! Operations in few words: their `Debug` text without what is empty, false or none.

use crate::sql::statement::Op;

/// One word of a `Debug` text, or a node with its parts.
enum Value {
    Word(String),
    Node { name: String, parts: Vec<(String, Value)> },
}

pub fn summary(ops: &[Op]) -> String {
    ops.iter().map(|op| render(&parse(&mut format!("{op:?}").as_str()))).collect::<Vec<_>>().join("; ")
}

fn parse(text: &mut &str) -> Value {
    let name = word(text);
    let close = match text.chars().next() {
        Some('{') => '}',
        Some('(') => ')',
        Some('[') => ']',
        _ => return Value::Word(name),
    };
    *text = text[1..].trim_start();
    let mut parts = Vec::new();
    while !text.is_empty() && !text.starts_with(close) {
        let mut ahead = *text;
        let first = word(&mut ahead);
        let label = match ahead.strip_prefix(": ") {
            Some(rest) => {
                *text = rest;
                first
            }
            None => String::new(),
        };
        parts.push((label, parse(text)));
        *text = text.trim_start_matches(',').trim_start();
    }
    *text = text.get(1..).unwrap_or_default().trim_start();
    Value::Node { name, parts }
}

fn word(text: &mut &str) -> String {
    if let Some(rest) = text.strip_prefix('"') {
        let end = rest.find('"').unwrap_or(rest.len());
        *text = rest.get(end + 1..).unwrap_or_default();
        return rest[..end].to_owned();
    }
    let end = text.find(|c: char| ",:{}()[] ".contains(c)).unwrap_or(text.len());
    let found = text[..end].to_owned();
    *text = &text[end..];
    if text.starts_with(" {") {
        *text = &text[1..];
    }
    found
}

fn render(value: &Value) -> String {
    match value {
        Value::Word(word) => word.clone(),
        Value::Node { name, parts } => node(name, parts),
    }
}

fn field<'v>(parts: &'v [(String, Value)], name: &str) -> &'v Value {
    &parts.iter().find(|(label, _)| label == name).expect("the field is there").1
}

fn node(name: &str, parts: &[(String, Value)]) -> String {
    match name {
        "Some" => return render(&parts[0].1),
        "Expr" | "Query" => return format!("`{}`", render(field(parts, "text"))),
        "IndexPart" => return render(field(parts, "expression")),
        "Assignment" => return render(field(parts, "column")),
        _ => {}
    }
    let shown: Vec<String> = parts.iter().filter_map(|(label, value)| part(label, &render(value))).collect();
    match name {
        "CreateTable" | "AlterTable" | "ColumnDef" | "DataType" => {
            format!("{name}{{{}}}", shown.join(" ")).replace("ColumnDef", "").replace("DataType", "")
        }
        "" => format!("[{}]", shown.join(", ")),
        name if shown.is_empty() => name.to_owned(),
        name => format!("{name}{{{}}}", shown.join(" ")),
    }
}

fn part(label: &str, value: &str) -> Option<String> {
    match (label, value) {
        (_, "false" | "None" | "[]" | "") | ("dimensions", "0") | ("on_update" | "on_delete", "NoAction") => None,
        ("", value) => Some(value.to_owned()),
        (label, "true") => Some(label.to_owned()),
        ("name" | "data_type" | "table" | "action" | "kind" | "column" | "change" | "body", value) => Some(value.to_owned()),
        (label, value) => Some(format!("{label}={value}")),
    }
}
