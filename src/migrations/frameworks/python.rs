//! What Django's and Alembic's files assign to the names that order them.

use crate::migrations::code::Header;

/// A string of a value, and in which of its inner brackets it stands.
type Part = (usize, String);

/// `revision`, `down_revision`, `depends_on`, `branch_labels` of a module.
pub(super) fn alembic(text: &str) -> Header {
    let all = |name: &str| assigned(text, name).into_iter().map(|(_, part)| part).collect::<Vec<String>>();
    Header {
        id: all("revision").into_iter().next(),
        parents: all("down_revision"),
        dependencies: all("depends_on"),
        labels: all("branch_labels"),
        ..Header::default()
    }
}

/// `dependencies`, `replaces`, `run_before` of the class, each a list of pairs.
pub(super) fn django(text: &str) -> Header {
    let names = |name: &str| {
        let parts = assigned(text, name);
        let pairs = parts.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        pairs.map(|pair| format!("{}.{}", pair[0].1, pair[1].1)).collect::<Vec<String>>()
    };
    Header {
        dependencies: names("dependencies"),
        replaces: names("replaces"),
        run_before: names("run_before"),
        ..Header::default()
    }
}

/// The strings in the value that is assigned to a name at the start of a line.
fn assigned(text: &str, name: &str) -> Vec<Part> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some(value) = value(line, name) {
            return strings(&text[at + value..]);
        }
        at += line.len();
    }
    Vec::new()
}

/// Where the value begins in `name = value` or `name: type = value`.
fn value(line: &str, name: &str) -> Option<usize> {
    let rest = line.trim_start().strip_prefix(name)?;
    let after = rest.trim_start();
    let equals = if after.starts_with(':') { after.find('=')? } else { 0 };
    let is_assignment = after[equals..].starts_with('=') && !after[equals..].starts_with("==");
    is_assignment.then(|| line.len() - after.len() + equals + 1)
}

/// Strings up to the end of the value: a line end outside of brackets.
fn strings(text: &str) -> Vec<Part> {
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut group) = (0, 0usize, 0);
    let mut parts = Vec::new();
    while at < bytes.len() {
        match bytes[at] {
            b'\n' if depth == 0 => break,
            b'#' => at += text[at..].find('\n').unwrap_or(text.len() - at).max(1) - 1,
            b'(' | b'[' | b'{' => {
                depth += 1;
                group += 1;
            }
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                group += 1;
            }
            quote @ (b'\'' | b'"') => {
                let (part, length) = string(&text[at..], quote);
                parts.push((group, part));
                at += length - 1;
            }
            _ => {}
        }
        at += 1;
    }
    parts
}

/// A string literal and its length with its quotes.
fn string(text: &str, quote: u8) -> (String, usize) {
    let triple = text.as_bytes().get(..3).is_some_and(|head| head.iter().all(|byte| *byte == quote));
    let mark = if triple { &text[..3] } else { &text[..1] };
    let inner = &text[mark.len()..];
    match inner.find(mark) {
        Some(end) => (inner[..end].to_owned(), end + 2 * mark.len()),
        None => (String::new(), text.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_modules_of_alembic() {
        let header = alembic(
            "\"\"\"x\nRevises: a\n\"\"\"\nrevision: str = 'b'\ndown_revision: Union[str, None] = \"a\"  # 'no'\ndepends_on = None\n",
        );
        assert_eq!((header.id.as_deref(), header.parents), (Some("b"), vec!["a".to_owned()]));
        assert_eq!(alembic("revision = 'm'\ndown_revision = (\n  'a',\n  'b',\n)\n").parents, ["a", "b"]);
        assert_eq!(alembic("revision = 'r'\ndown_revision = None\nx = 'y'").parents, [""; 0]);
    }

    #[test]
    fn reads_classes_of_django() {
        let text = "class Migration(migrations.Migration):\n    replaces = [('app', '0001_a'), ('app', '0002_b')]\n\n    dependencies = [\n        \
                    # ('no', 'no'),\n        migrations.swappable_dependency(settings.AUTH_USER_MODEL),\n        (\"auth\", \"0001_initial\"),\n    ]\n";
        let header = django(text);
        assert_eq!(header.replaces, ["app.0001_a", "app.0002_b"]);
        assert_eq!(header.dependencies, ["auth.0001_initial"]);
    }

    #[test]
    fn unclosed_text_ends_it() {
        assert_eq!(alembic("revision = 'abc").id.as_deref(), Some(""));
        assert_eq!(django("dependencies = [('a'").dependencies, [""; 0]);
        assert_eq!(django("dependencies = [('é', '''ü").dependencies, ["é."]);
    }
}
