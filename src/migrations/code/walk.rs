//! What all frameworks share: finding the functions of a file, following helpers and constants, keeping what is not known.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::ast::{Call, Function, Node, NodeKind, Value};
use super::change::{Change, Item};
use super::lower::literal;
use crate::sql::dialect::Dialect;

/// Helpers that call each other are followed this far.
const MAX_INLINE: u32 = 8;

/// One framework's vocabulary.
pub(super) trait Vocabulary {
    /// The changes of a call as a statement of its own; none where it is not known.
    fn call(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>>;

    /// The changes of a block that its head gives a meaning (Python's `with`); none where it has none.
    fn block(&self, _: &Walk, _: &Value, _: &[Node]) -> Option<Vec<Item>> {
        None
    }
}

/// Functions and constants of a file.
pub(super) struct Walk {
    pub dialect: Dialect,
    pub functions: BTreeMap<String, Function>,
    pub constants: BTreeMap<String, Value>,
    /// A call always has parentheses: `a.b` reads a property.
    properties: bool,
    depth: u32,
    /// Helpers that may still be followed, so that a file of calls to each other ends.
    budget: Rc<Cell<u32>>,
}

impl Walk {
    pub fn new(nodes: &[Node], dialect: Dialect) -> Walk {
        let mut walk = Walk {
            dialect,
            functions: BTreeMap::new(),
            constants: BTreeMap::new(),
            properties: false,
            depth: 0,
            budget: Rc::new(Cell::new(300)),
        };
        walk.collect(nodes);
        walk
    }

    /// For a language whose calls always have parentheses: `a.b` is a property there, which changes nothing.
    pub fn with_properties(nodes: &[Node], dialect: Dialect) -> Walk {
        Walk { properties: true, ..Walk::new(nodes, dialect) }
    }

    fn collect(&mut self, nodes: &[Node]) {
        for node in nodes {
            match &node.kind {
                NodeKind::Define(name, function) => self.keep(name, function),
                NodeKind::Class(_, _, body) => self.collect(body),
                NodeKind::Assign(name, Value::Function(function)) => self.keep(name, function),
                NodeKind::Assign(name, value) => self.keep_value(name, value),
                // PHP's `return new class … { … }`.
                NodeKind::Return(Some(Value::Function(function))) => self.collect(&function.body),
                NodeKind::Return(Some(value)) => self.keep_value("module", value),
                NodeKind::Expr(value) => {
                    if let Value::Call(call) = value {
                        let block = call.block.iter().chain(call.args.iter().filter_map(|arg| match arg {
                            Value::Function(function) => Some(&**function),
                            _ => None,
                        }));
                        block.for_each(|function| self.collect(&function.body));
                    }
                    self.keep_value("", value);
                }
                _ => {}
            }
        }
    }

    fn keep(&mut self, name: &str, function: &Function) {
        self.functions.entry(name.to_owned()).or_insert_with(|| function.clone());
    }

    fn keep_value(&mut self, name: &str, value: &Value) {
        if let Value::Map(entries) = value {
            for (key, value) in entries {
                if let (Some(key), Value::Function(function)) = (key.as_text(), value) {
                    self.keep(key, function);
                }
            }
        }
        if !name.is_empty() {
            self.constants.entry(name.to_owned()).or_insert_with(|| value.clone());
        }
    }

    /// The same with the variables of a function that get one value only.
    pub fn within(&self, function: &Function) -> Walk {
        let mut found = BTreeMap::new();
        locals(&function.body, &mut found);
        let mut constants = self.constants.clone();
        for (name, value) in found {
            match value {
                Some(value) => constants.insert(name, value),
                None => constants.remove(&name),
            };
        }
        Walk {
            dialect: self.dialect,
            functions: self.functions.clone(),
            constants,
            properties: self.properties,
            depth: self.depth,
            budget: self.budget.clone(),
        }
    }

    /// The value that a constant's name stands for.
    pub fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let mut at = value;
        for _ in 0..4 {
            match at {
                Value::Call(call) if !call.called => match self.constants.get(&call.name) {
                    Some(known) => at = known,
                    None => return at,
                },
                _ => return at,
            }
        }
        at
    }

    pub fn text(&self, value: Option<&Value>) -> Option<String> {
        self.resolve(value?).as_text().map(str::to_owned)
    }

    pub fn texts(&self, value: Option<&Value>) -> Vec<String> {
        match value.map(|value| self.resolve(value)) {
            Some(Value::List(list)) => list.iter().filter_map(|value| self.text(Some(value))).collect(),
            Some(value) => value.texts(),
            None => Vec::new(),
        }
    }

    /// A number among the options of a call, as written.
    pub fn number(&self, call: &Call, option: &str) -> Option<String> {
        match call.option(option).map(|value| self.resolve(value)) {
            Some(Value::Number(number)) => Some(number.clone()),
            _ => None,
        }
    }

    /// The options `precision` and `scale` behind the name of a type: `(10,2)`, `(10)`, or nothing.
    pub fn digits(&self, call: &Call) -> String {
        match (self.number(call, "precision"), self.number(call, "scale")) {
            (Some(precision), Some(scale)) => format!("({precision},{scale})"),
            (Some(precision), None) => format!("({precision})"),
            _ => String::new(),
        }
    }

    /// A literal of the file as a literal of SQL; a call or a name has no value here.
    pub fn sql(&self, value: &Value) -> Option<String> {
        match self.resolve(value) {
            Value::Text { text, .. } => Some(literal(text, self.dialect)),
            Value::Number(number) => Some(number.trim_end_matches(['m', 'L', 'l', 'M']).to_owned()),
            Value::Bool(value) => Some(self.truth(*value)),
            Value::Null => None,
            Value::Map(_) => Some("'{}'".into()),
            Value::List(_) => Some("'{}'".into()),
            _ => Some("''".into()),
        }
    }

    pub fn truth(&self, value: bool) -> String {
        match (self.dialect, value) {
            (Dialect::PostgreSql, true) => "TRUE".into(),
            (Dialect::PostgreSql, false) => "FALSE".into(),
            (_, value) => u8::from(value).to_string(),
        }
    }

    /// The changes of a function's statements.
    pub fn body(&self, nodes: &[Node], words: &dyn Vocabulary) -> Vec<Item> {
        let mut out = Vec::new();
        for node in nodes {
            self.node(node, words, &mut out);
        }
        out
    }

    fn node(&self, node: &Node, words: &dyn Vocabulary, out: &mut Vec<Item>) {
        match &node.kind {
            NodeKind::Expr(value) | NodeKind::Return(Some(value)) => self.value(value, words, out, node.line),
            NodeKind::Assign(_, value) => {
                let mut found = Vec::new();
                self.value(value, words, &mut found, node.line);
                // Reading something into a variable changes nothing; a write whose result is kept does.
                out.extend(
                    found.into_iter().filter(|item| !matches!(&item.change, Change::Opaque { head, .. } if only_reads(head))),
                );
            }
            NodeKind::Control(word, head, body) => {
                if let Some(items) = words.block(self, head, body) {
                    return out.extend(items);
                }
                let mut inside = Vec::new();
                if !matches!(head, Value::Null) {
                    self.condition(head, words, &mut inside);
                }
                let mut branch = self.body(body, words);
                if matches!(word.as_str(), "try" | "begin" | "with") {
                    out.extend(inside);
                    out.append(&mut branch);
                    return;
                }
                inside.append(&mut branch);
                if !inside.is_empty() {
                    out.push(Item::new(node.line, Change::Conditional(inside)));
                }
            }
            _ => {}
        }
    }

    /// A condition asks; a call that is not known to do only that counts.
    fn condition(&self, head: &Value, words: &dyn Vocabulary, out: &mut Vec<Item>) {
        let mut found = Vec::new();
        self.value(head, words, &mut found, 0);
        out.extend(found.into_iter().filter(|item| !matches!(&item.change, Change::Opaque { head, .. } if only_reads(head))));
    }

    fn value(&self, value: &Value, words: &dyn Vocabulary, out: &mut Vec<Item>, line: u32) {
        match value {
            Value::Call(call) => self.call(call, words, out),
            Value::Many(parts) | Value::List(parts) => parts.iter().for_each(|part| self.value(part, words, out, line)),
            Value::Function(function) => {
                let body = self.body(&function.body, words);
                if !body.is_empty() {
                    out.push(Item::new(line, Change::Conditional(body)));
                }
            }
            _ => {}
        }
    }

    fn call(&self, call: &Call, words: &dyn Vocabulary, out: &mut Vec<Item>) {
        if let Some(items) = words.call(self, call) {
            return out.extend(items);
        }
        let followed = matches!(
            call.name.as_str(),
            "then"
                | "catch"
                | "finally"
                | "all"
                | "allSettled"
                | "sequence"
                | "each"
                | "times"
                | "map"
                | "forEach"
                | "transaction"
                | "safety_assured"
                | "each_with_index"
        );
        if followed {
            if let Some(items) = self.unrolled(call, words) {
                return out.extend(items);
            }
            if let Some(receiver @ Value::Call(_)) = &call.receiver
                && receiver.as_call().is_some_and(|call| call.called)
            {
                self.value(receiver, words, out, call.line);
            }
            let certain = matches!(call.name.as_str(), "then" | "all" | "allSettled" | "transaction" | "safety_assured");
            let mut inside = Vec::new();
            for arg in &call.args {
                match arg {
                    Value::Function(function) => inside.extend(self.body(&function.body, words)),
                    other => self.value(other, words, &mut inside, call.line),
                }
            }
            if let Some(block) = &call.block {
                inside.extend(self.body(&block.body, words));
            }
            if certain {
                out.append(&mut inside);
            } else if !inside.is_empty() {
                out.push(Item::new(call.line, Change::Conditional(inside)));
            }
            return;
        }
        let own =
            matches!(call.receiver.as_ref().map(Value::path).as_deref(), None | Some("self" | "this" | "$this" | "exports"));
        if own
            && self.depth < MAX_INLINE
            && self.budget.get() > 0
            && let Some(function) = self.functions.get(&call.name)
        {
            self.budget.set(self.budget.get() - 1);
            let inner = Walk {
                dialect: self.dialect,
                functions: self.functions.clone(),
                constants: self.bound(function, call),
                properties: self.properties,
                depth: self.depth + 1,
                budget: self.budget.clone(),
            };
            return out.extend(inner.within(function).body(&function.body, words));
        }
        if !call.called && self.properties {
            if let Some(receiver @ Value::Call(_)) = &call.receiver {
                self.value(receiver, words, out, call.line);
            }
        } else if call.called || call.receiver.is_some() {
            out.push(unknown(call));
        }
    }

    /// `[a, b].each { |x| … }` of values that are written out: its body for each of them.
    fn unrolled(&self, call: &Call, words: &dyn Vocabulary) -> Option<Vec<Item>> {
        let given = call.args.iter().find_map(|arg| match arg {
            Value::Function(function) => Some(&**function),
            _ => None,
        });
        let function = given.or(call.block.as_ref()).filter(|function| !function.params.is_empty())?;
        if function.body.iter().any(leaves) {
            return None;
        }
        let known = matches!(call.name.as_str(), "each" | "forEach");
        let Value::List(list) = self.resolve(call.receiver.as_ref().filter(|_| known)?) else { return None };
        let plain =
            |value: &Value| matches!(value, Value::Text { filled: false, .. } | Value::Number(_) | Value::Bool(_) | Value::Null);
        let row = |value: &Value| match value {
            Value::List(row) if row.len() <= function.params.len() && row.iter().all(plain) => Some(row.clone()),
            value if plain(value) => Some(vec![value.clone()]),
            _ => None,
        };
        let rows: Vec<Vec<Value>> = list.iter().map(|value| row(self.resolve(value))).collect::<Option<_>>()?;
        if rows.len() as u32 > self.budget.get() || self.depth >= MAX_INLINE {
            return None;
        }
        self.budget.set(self.budget.get() - rows.len() as u32);
        Some(rows.into_iter().flat_map(|row| self.with_values(&function.params, row).body(&function.body, words)).collect())
    }

    fn with_values(&self, names: &[String], values: Vec<Value>) -> Walk {
        let mut constants = self.constants.clone();
        constants.extend(names.iter().cloned().zip(values));
        Walk {
            dialect: self.dialect,
            functions: self.functions.clone(),
            constants,
            properties: self.properties,
            depth: self.depth + 1,
            budget: self.budget.clone(),
        }
    }

    /// Constants and the parameters of a helper.
    fn bound(&self, function: &Function, call: &Call) -> BTreeMap<String, Value> {
        let mut constants = self.constants.clone();
        for (param, value) in function.params.iter().zip(&call.args) {
            constants.insert(param.clone(), self.resolve(value).clone());
        }
        for (key, value) in &call.keywords {
            constants.insert(key.clone(), self.resolve(value).clone());
        }
        constants
    }
}

/// Whether a loop's body can end a turn early.
fn leaves(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Control(_, _, body) => body.iter().any(leaves),
        NodeKind::Return(_) | NodeKind::Raise(_) => true,
        NodeKind::Expr(Value::Call(call)) => matches!(call.name.as_str(), "next" | "break" | "continue"),
        _ => false,
    }
}

/// Values of variables by name; none where a variable gets several.
fn locals(nodes: &[Node], out: &mut BTreeMap<String, Option<Value>>) {
    for node in nodes {
        match &node.kind {
            NodeKind::Assign(name, value) => {
                let again = out.contains_key(name);
                out.insert(name.clone(), (!again).then(|| value.clone()));
            }
            // `name += …`.
            NodeKind::Expr(Value::Many(parts)) => {
                if let Some(Value::Call(first)) = parts.first()
                    && !first.called
                {
                    out.insert(first.name.clone(), None);
                }
            }
            NodeKind::Control(_, _, body) => locals(body, out),
            _ => {}
        }
    }
}

/// First words of calls that ask for something, or make a value of the program.
const READS: &[&str] = &[
    "all",
    "any",
    "array",
    "batch",
    "column",
    "columns",
    "connect",
    "count",
    "current",
    "date",
    "each",
    "empty",
    "entries",
    "enum",
    "exist",
    "exists",
    "fetch",
    "fetchall",
    "fetchone",
    "fields",
    "filter",
    "find",
    "first",
    "format",
    "from",
    "get",
    "has",
    "include",
    "in",
    "includes",
    "index",
    "inspect",
    "instance",
    "int",
    "is",
    "isinstance",
    "join",
    "keys",
    "last",
    "len",
    "length",
    "limit",
    "list",
    "load",
    "lower",
    "map",
    "max",
    "meta",
    "metadata",
    "min",
    "mock",
    "name",
    "new",
    "now",
    "number",
    "object",
    "order",
    "parse",
    "path",
    "pluck",
    "quote",
    "range",
    "read",
    "regex",
    "replace",
    "resolve",
    "respond",
    "scalar",
    "scalars",
    "select",
    "session",
    "sessionmaker",
    "show",
    "size",
    "sorted",
    "split",
    "str",
    "string",
    "strip",
    "sum",
    "supports",
    "table",
    "test",
    "text",
    "to",
    "trim",
    "tuple",
    "upper",
    "utcnow",
    "uuid",
    "values",
    "version",
    "where",
    "zip",
];

/// Whether the last name of a call starts with such a word, and none of a write stands in it.
pub(super) fn reads(name: &str) -> bool {
    let lower = name.to_lowercase();
    let writes = ["update", "delete", "insert", "save", "create", "destroy", "drop", "truncate", "exec", "upsert", "write"];
    let first: String = match name.chars().next() {
        Some(first) if first.is_uppercase() => first.to_lowercase().chain(name.chars().skip(1)).collect(),
        _ => name.to_owned(),
    };
    let word: String = first.chars().take_while(|c| c.is_lowercase()).collect();
    READS.contains(&word.as_str()) && !writes.iter().any(|part| lower.contains(part))
}

fn only_reads(head: &str) -> bool {
    let last = head.rsplit('.').next().unwrap_or(head).trim_end_matches(['?', '!']);
    // A name with capitals makes a value: `MetaData()`, `Promise`, `Date`.
    reads(last) && !head.ends_with('!')
}

/// A call that no table knows.
pub(super) fn unknown(call: &Call) -> Item {
    let path = call.path();
    let head: String = path.chars().filter(|c| c.is_alphanumeric() || "._$@!?".contains(*c)).take(120).collect();
    Item::new(call.line, Change::Opaque { head, why: "a call that is not a known schema operation".into() })
}

/// SQL text, or why it is not known.
pub(super) fn sql_item(walk: &Walk, line: u32, value: Option<&Value>) -> Item {
    let change = match value.map(|value| walk.resolve(value)) {
        Some(Value::Text { text, filled: false }) => Change::Sql(text.clone()),
        Some(Value::Text { text, filled: true }) => Change::Templated(text.clone()),
        _ => Change::Opaque { head: "SQL".into(), why: "its text is put together elsewhere".into() },
    };
    Item::new(line, change)
}
