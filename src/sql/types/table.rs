//! Reading the two tables of this part.

/// The records of a CSV text whose header is exactly `columns`; none of them may be empty in its last column, `source`.
///
/// A column that contains a comma is quoted; quotes inside columns do not occur.
pub(super) fn records(text: &'static str, columns: &[&str]) -> Result<Vec<Vec<&'static str>>, String> {
    let mut lines = text.lines();
    let header = split(lines.next().unwrap_or_default());
    if header != columns {
        return Err(format!("the columns are {header:?}, not {columns:?}"));
    }
    let records: Vec<_> = lines.filter(|line| !line.is_empty()).map(split).collect();
    match records.iter().find(|record| record.len() != columns.len() || record.last().is_none_or(|source| source.is_empty())) {
        Some(record) => Err(format!("not {} columns with a source: {record:?}", columns.len())),
        None => Ok(records),
    }
}

fn split(line: &'static str) -> Vec<&'static str> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) {
            Some((field, after)) => (field, after.strip_prefix(',')),
            None => match rest.split_once(',') {
                Some((field, after)) => (field, Some(after)),
                None => (rest, None),
            },
        };
        fields.push(field);
        match after {
            Some(after) => rest = after,
            None => return fields,
        }
    }
}

/// Whether `word` is one of the words of `list`, which `|` separates; `*` stands for all but `user`, the types nobody measured.
pub(super) fn lists(list: &str, word: &str) -> bool {
    list == "*" && word != "user" || list.split('|').any(|entry| entry == word)
}
