//! Tables and headings: plain text, 100 columns at most.

use std::time::Duration;

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, TableStyle};

const INDENT: &str = "  ";
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Prints a heading.
pub(super) fn heading(text: &str) {
    println!("\n{text}");
    println!("{}", "═".repeat(text.chars().count()));
}

/// Prints a line of prose below a heading.
pub(super) fn say(text: &str) {
    println!("{INDENT}{text}");
}

/// A table that is printed row by row, one line each.
#[derive(Debug)]
pub(super) struct Table<const N: usize> {
    table: comfy_table::Table,
    widths: [usize; N],
}

impl<const N: usize> Table<N> {
    /// A table with these headings, each with the most characters that a cell below it shows; headings that begin
    /// with `#` are of numbers, aligned to the right.
    pub(super) fn new(columns: [(&str, usize); N]) -> Self {
        let mut table = comfy_table::Table::new();
        table
            .load_style(STYLE)
            .set_content_arrangement(ContentArrangement::Disabled);
        table
            .force_no_tty()
            .set_header(columns.map(|(heading, _)| heading.trim_start_matches('#').to_owned()));
        for (place, (column, (heading, _))) in table.column_iter_mut().zip(columns).enumerate() {
            column.set_padding((0, if place + 1 < N { 2 } else { 0 }));
            if heading.starts_with('#') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        Self {
            table,
            widths: columns.map(|(_, width)| width),
        }
    }

    /// Adds a row; what does not fit is cut.
    pub(super) fn row(&mut self, cells: [String; N]) {
        let cells: Vec<String> = cells
            .iter()
            .zip(self.widths)
            .map(|(cell, width)| shortened(cell, width))
            .collect();
        self.table.add_row(cells);
    }

    /// Prints it.
    pub(super) fn print(&self) {
        for line in self.table.lines() {
            println!("{INDENT}{}", line.trim_end());
        }
    }
}

/// A duration of a call: `1.2 ms`.
pub(super) fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

/// A duration that one waits for: `1.23 s`.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// A count with thousands separated.
pub(super) fn count(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    groups.join(",")
}

/// `text` in at most `characters` characters.
fn shortened(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    text.chars().take(characters.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(count),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn long_text_is_cut_with_an_ellipsis() {
        assert_eq!(shortened("Ødegård", 7), "Ødegård");
        assert_eq!(shortened("Ødegårdsen", 7), "Ødegår…");
    }
}
