//! Reading the tables that are built into the program.

/// One record of a table.
#[derive(Debug)]
pub(crate) struct Record {
    fields: Vec<&'static str>,
}

impl Record {
    /// All columns, in the order of the header.
    pub(crate) fn fields(&self) -> &[&'static str] {
        &self.fields
    }

    /// The column at this position, empty where the record is shorter.
    pub(crate) fn field(&self, position: usize) -> &'static str {
        self.fields.get(position).copied().unwrap_or("")
    }

    /// A column that says `yes` or `no`.
    pub(crate) fn flag(&self, position: usize) -> Option<bool> {
        match self.field(position) {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        }
    }
}

/// The records of a built-in CSV text without its header line.
///
/// Columns are borrowed from the text, so that reading costs one pass and no copy. A column that contains a comma is quoted; quotes
/// inside columns are not needed by any table, which [`check`] proves.
pub(crate) fn records(text: &'static str) -> impl Iterator<Item = Record> {
    text.lines().skip(1).filter(|line| !line.is_empty()).map(|line| Record { fields: split(line) })
}

/// The records of a table whose header is exactly `columns`; each must say where it was read, in its `source`.
pub(crate) fn strict(text: &'static str, columns: &[&str]) -> Result<Vec<Record>, String> {
    let header: Vec<&str> = text.lines().next().unwrap_or("").split(',').collect();
    if header != columns {
        return Err(format!("the columns are {header:?}, not {columns:?}"));
    }
    let source = columns.iter().position(|column| *column == "source").ok_or("no column `source`")?;
    let all: Vec<Record> = records(text).collect();
    for (position, record) in all.iter().enumerate() {
        if record.fields.len() != columns.len() || record.field(source).is_empty() {
            return Err(format!("row {}: {} columns, source {:?}", position + 2, record.fields.len(), record.field(source)));
        }
    }
    Ok(all)
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

/// All rows of a strict table, each read by `read`; the first column that tells rows apart names one that cannot be read.
pub(crate) fn rows<T>(
    text: &'static str,
    columns: &[&str],
    name: usize,
    read: impl Fn(&Record) -> Option<T>,
) -> Result<Vec<T>, String> {
    let records = strict(text, columns)?;
    records.iter().map(|record| read(record).ok_or_else(|| format!("{} cannot be read", record.field(name)))).collect()
}

/// Proves for a table that the reader above sees what a full CSV reader sees.
#[cfg(test)]
pub(crate) fn check(text: &'static str) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let full: Vec<Vec<String>> =
        reader.records().map(|record| record.expect("well-formed").iter().map(str::to_owned).collect()).collect();
    let ours: Vec<Vec<&str>> = records(text).map(|record| record.fields).collect();
    assert_eq!(ours.len(), full.len());
    for (ours, full) in ours.iter().zip(&full) {
        assert_eq!(ours, full);
    }
}
