//! Columns of text.

use textwrap::core::display_width;

use crate::report::clean;

/// Between two columns.
const GAP: usize = 2;

/// Lines with their columns aligned; the last column is as long as its text. Nothing of a cell can leave its line.
pub fn render<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|cell| clean(cell).into_owned())).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(String::as_str);
        cells.chain(heading.get(column).copied()).map(display_width).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut out = line(heading.iter().copied(), &widths);
    rows.iter().for_each(|row| out += &line(row.iter().map(String::as_str), &widths));
    out
}

fn line<'a>(cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
    let mut out = String::new();
    for (cell, width) in cells.zip(widths) {
        out.push_str(cell);
        out.push_str(&" ".repeat(width.saturating_sub(display_width(cell)) + GAP));
    }
    format!("{}\n", out.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_cells_stay_in_their_line() {
        let rows =
            [["1".to_owned(), "日本".to_owned(), "x".to_owned()], ["10".to_owned(), "a\nb\u{1b}[2J".to_owned(), String::new()]];
        assert_eq!(render(["N", "NAME", "LAST"], &rows), "N   NAME           LAST\n1   日本           x\n10  a\\nb\\u{1b}[2J\n");
    }
}
