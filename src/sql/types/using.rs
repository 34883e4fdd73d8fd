//! USING expressions of PostgreSQL: what happens to the stored values on their way through one.

use std::sync::LazyLock;

use super::convert::{Conversion, Engine};
use super::rules::{Alter, Mode};
use crate::sql::dialect::Dialect;
use crate::sql::effect::Certainty;
use crate::sql::expression::{DataType, Expr, Literal, Shape};
use crate::sql::name::{Ident, Name};
use crate::table;

const FUNCTIONS: &str = include_str!("../../../rules/tables/sql-functions.csv");
const COLUMNS: [&str; 4] = ["function", "result", "loses", "source"];
const MANUAL: &str = "PostgreSQL 15 manual, ALTER TABLE";

/// Casts inside casts and calls are followed this far.
const DEPTH: usize = 32;

/// One row of `rules/tables/sql-functions.csv`.
struct Function {
    name: &'static str,
    /// Name of the type it gives; none where it gives the type of its argument.
    result: Option<&'static str>,
    loses: Option<Certainty>,
    source: &'static str,
}

static FUNCTION_ROWS: LazyLock<Vec<Function>> = LazyLock::new(|| read(FUNCTIONS).expect("a test reads the same text"));

/// A value somewhere inside the expression.
struct Value {
    /// None where it is not known.
    data_type: Option<DataType>,
    so_far: Conversion,
    /// Nothing but casts led here.
    is_cast: bool,
}

/// What happens to stored values.
pub(super) fn convert(engine: &Engine, from: &DataType, to: &DataType, expression: &Expr) -> Conversion {
    let value = follow(engine, from, to, expression, DEPTH);
    let direct = engine.convert(from, to, Mode::Explicit);
    // Casts by way of text between two enumerations are one conversion by label.
    if value.is_cast && value.so_far.loses.is_none() && matches!(direct.alter, Alter::Using) {
        return Conversion { alter: Alter::Works, ..direct };
    }
    match &value.data_type {
        Some(last) => value.so_far.then(engine.convert(last, to, engine.mode)),
        None => value.so_far,
    }
}

fn follow(engine: &Engine, from: &DataType, to: &DataType, expression: &Expr, depth: usize) -> Value {
    if expression.columns.is_empty() {
        return constant();
    }
    match &expression.shape {
        _ if depth == 0 => unclear(None),
        Shape::Column(_) => Value { data_type: Some(from.clone()), so_far: Conversion::same(), is_cast: true },
        Shape::Cast { inner, to: target } => cast(engine, follow(engine, from, to, inner, depth - 1), target),
        Shape::Call { function, arguments } => match arguments.iter().find(|argument| !argument.columns.is_empty()) {
            Some(argument) => {
                let value = call(engine.dialect, function, follow(engine, from, to, argument, depth - 1));
                shortened(engine.dialect, function, arguments, value)
            }
            None => unclear(None),
        },
        _ => operators(engine, from, to, expression),
    }
}

/// The same value for every row.
fn constant() -> Value {
    let so_far = Conversion {
        loses: Some(Certainty::Certain),
        why: "The expression in USING does not use the column, so every stored value is replaced.".to_owned(),
        source: MANUAL,
        ..Conversion::same()
    };
    Value { data_type: None, so_far, is_cast: false }
}

fn unclear(data_type: Option<DataType>) -> Value {
    let so_far = Conversion {
        known: false,
        loses: Some(Certainty::Possible),
        why: "The expression in USING can give the same value for different stored ones.".to_owned(),
        source: MANUAL,
        ..Conversion::same()
    };
    Value { data_type, so_far, is_cast: false }
}

fn cast(engine: &Engine, inner: Value, target: &DataType) -> Value {
    let so_far = match &inner.data_type {
        Some(last) => {
            let step = engine.convert(last, target, Mode::Explicit);
            inner.so_far.then(step.written_out())
        }
        None => inner.so_far,
    };
    Value { data_type: Some(target.clone()), so_far, is_cast: inner.is_cast }
}

fn call(dialect: Dialect, function: &Name, argument: Value) -> Value {
    let Some(row) = FUNCTION_ROWS.iter().find(|row| row.name == function.name.key()) else {
        let inner = argument.so_far;
        return Value { so_far: inner.then(unclear(None).so_far), ..unclear(None) };
    };
    let data_type = match row.result {
        Some(name) => Some(named(dialect, name)),
        None => argument.data_type,
    };
    let step = Conversion {
        loses: row.loses,
        why: row.loses.map_or_else(String::new, |_| format!("The function {} in USING does not keep the whole value.", row.name)),
        source: row.source,
        ..Conversion::same()
    };
    Value { data_type, so_far: argument.so_far.then(step), is_cast: false }
}

/// `left(c, 20)` and `substring(c, 1, 20)` give no more characters than they say.
fn shortened(dialect: Dialect, function: &Name, arguments: &[Expr], value: Value) -> Value {
    let (name, last) = (function.name.key(), arguments.last().map(|argument| &argument.shape));
    match (name, arguments.len(), last) {
        ("left" | "right", 2, Some(Shape::Literal(Literal::Number(length))))
        | ("substring" | "substr", 3, Some(Shape::Literal(Literal::Number(length)))) => {
            let data_type = DataType { arguments: vec![length.clone()], ..named(dialect, "varchar") };
            Value { data_type: Some(data_type), ..value }
        }
        _ => value,
    }
}

/// Operators, CASE and what else is not told apart by its shape.
fn operators(engine: &Engine, from: &DataType, to: &DataType, expression: &Expr) -> Value {
    let text = expression.text.to_ascii_lowercase();
    let text = text.trim_start_matches("( ");
    let has_case = text.contains("case ");
    let is_boolean = |data_type: &DataType| engine.is_family(data_type, "bool");
    let kept = |data_type: &DataType| Value { data_type: Some(data_type.clone()), so_far: Conversion::same(), is_cast: false };
    let other_zone = if engine.is_family(from, "timestamptz") { "timestamp" } else { "timestamptz" };
    if text.contains(" at time zone ") && !has_case {
        return kept(&named(engine.dialect, other_zone));
    }
    if text.starts_with("case ") && is_boolean(from) {
        let mut value = kept(to);
        if engine.is_family(to, "enum") || engine.is_family(to, "text") || engine.is_family(to, "char") {
            value.so_far.loses = Some(Certainty::Likely);
            value.so_far.why = "The expression in USING puts other values into the place of true and false.".to_owned();
            value.so_far.source = MANUAL;
        }
        return value;
    }
    if text.starts_with("array [") && !has_case {
        return kept(to);
    }
    if text.contains(" || ") && !has_case && engine.is_family(from, "text") {
        return kept(&named(engine.dialect, "text"));
    }
    if is_boolean(to) && !is_boolean(from) {
        let mut value = unclear(Some(to.clone()));
        value.so_far.loses = Some(Certainty::Likely);
        value.so_far.known = true;
        return value;
    }
    unclear(None)
}

impl Conversion {
    /// This one, and then the other: the worse of each.
    fn then(self, next: Conversion) -> Conversion {
        let is_next_worse = next.loses > self.loses || self.why.is_empty();
        let (why, source) = if is_next_worse { (next.why, next.source) } else { (self.why, self.source) };
        Conversion {
            known: self.known && next.known,
            alter: worse(self.alter, next.alter),
            loses: self.loses.max(next.loses),
            why,
            source,
            ..next
        }
    }

    /// A cast that is written out needs no USING any more.
    fn written_out(self) -> Conversion {
        let alter = match self.alter {
            Alter::Using => Alter::Works,
            Alter::UsingRefuses => Alter::Refuses,
            other => other,
        };
        Conversion { alter, ..self }
    }
}

fn worse(a: Alter, b: Alter) -> Alter {
    let needs = |alter| matches!(alter, Alter::Using | Alter::UsingRefuses | Alter::Impossible);
    match (needs(a), needs(b)) {
        (true, _) => a,
        (false, true) => b,
        _ if a == Alter::Refuses => a,
        _ => b,
    }
}

fn named(dialect: Dialect, name: &str) -> DataType {
    let (name, dimensions) = name.strip_suffix("[]").map_or((name, 0), |element| (element, 1));
    DataType { dimensions, ..DataType::named(Name::bare(Ident::stored(dialect, name))) }
}

fn read(text: &'static str) -> Result<Vec<Function>, String> {
    table::rows(text, &COLUMNS, 0, |record| read_row(record.fields()))
}

fn read_row(record: &[&'static str]) -> Option<Function> {
    let [name, result, loses, source] = record else { return None };
    let result = Some(*result).filter(|result| *result != "argument");
    Some(Function { name, result, loses: super::rules::read_certainty(loses)?, source })
}
