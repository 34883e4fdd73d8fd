//! What the parser makes of a file: calls, literals, blocks.

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// `filled` where a value is put in at run time.
    Text {
        text: String,
        filled: bool,
    },
    Number(String),
    Bool(bool),
    Null,
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Call(Box<Call>),
    Function(Box<Function>),
    /// Operands of an operator, or anything else that holds values.
    Many(Vec<Value>),
}

/// `receiver.name(args, keyword: value) { block }`; a plain name is a call that was not `called`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Call {
    pub receiver: Option<Value>,
    pub name: String,
    pub args: Vec<Value>,
    pub keywords: Vec<(String, Value)>,
    pub block: Option<Function>,
    /// Type arguments as written.
    pub generic: String,
    pub line: u32,
    pub called: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Function {
    pub params: Vec<String>,
    pub body: Vec<Node>,
}

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub line: u32,
    pub kind: NodeKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum NodeKind {
    Expr(Value),
    Assign(String, Value),
    Define(String, Function),
    Class(String, Vec<Value>, Vec<Node>),
    /// `if`, loops, `try`: the word, its condition, all that may run.
    Control(String, Value, Vec<Node>),
    Return(Option<Value>),
    Raise(Value),
}

impl Value {
    pub fn text(text: &str) -> Value {
        Value::Text { text: text.to_owned(), filled: false }
    }

    /// A string or symbol without anything put in.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text { text, filled: false } => Some(text),
            _ => None,
        }
    }

    pub fn as_call(&self) -> Option<&Call> {
        match self {
            Value::Call(call) => Some(call),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The strings of a list, or the one string.
    pub fn texts(&self) -> Vec<String> {
        match self {
            Value::List(list) => list.iter().flat_map(Value::texts).collect(),
            Value::Text { text, filled: false } => vec![text.clone()],
            _ => Vec::new(),
        }
    }

    /// Value of a key in a map.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Map(entries) => entries.iter().find(|(k, _)| k.as_text() == Some(key)).map(|(_, value)| value),
            _ => None,
        }
    }

    /// `a.b.c` of names joined by dots; empty where it is something else.
    pub fn path(&self) -> String {
        match self {
            Value::Call(call) => call.path(),
            _ => String::new(),
        }
    }
}

impl Call {
    /// `op.batch_alter_table` and the like, without arguments.
    pub fn path(&self) -> String {
        match &self.receiver {
            None => self.name.clone(),
            Some(receiver) => format!("{}.{}", receiver.path(), self.name),
        }
    }

    pub fn keyword(&self, name: &str) -> Option<&Value> {
        self.keywords.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// A positional argument or the keyword of that name.
    pub fn arg(&self, position: usize, keyword: &str) -> Option<&Value> {
        self.keyword(keyword).or_else(|| self.args.get(position))
    }

    pub fn text(&self, position: usize) -> Option<&str> {
        self.args.get(position).and_then(Value::as_text)
    }

    /// An option: a keyword, or an entry of a map among the arguments.
    pub fn option(&self, name: &str) -> Option<&Value> {
        self.keyword(name).or_else(|| self.args.iter().find_map(|arg| arg.get(name)))
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        self.option(name).and_then(Value::as_bool)
    }

    pub fn option_text(&self, name: &str) -> Option<&str> {
        self.option(name).and_then(Value::as_text)
    }

    /// The calls of a chain `a().b().c()` from the first to this one.
    pub fn chain(&self) -> Vec<&Call> {
        let mut calls = vec![self];
        let mut at = self;
        while let Some(Value::Call(call)) = &at.receiver {
            calls.push(call);
            at = call;
        }
        calls.reverse();
        calls
    }
}
