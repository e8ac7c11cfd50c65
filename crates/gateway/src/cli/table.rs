//! Tables for people: no borders, one line a row, never wider than the terminal.

use std::fmt;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Row, TableStyle};

/// Where no terminal says how wide it is.
const WIDTH_DEFAULT: u16 = 100;
const WIDTH_MIN: u16 = 80;
const WIDTH_MAX: u16 = 120;
/// No cell is ever shown wider than this; cutting before laying out keeps a long body cheap.
const CELL_CHARACTERS_MAX: usize = 120;

const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// A table with one heading line.
pub(super) struct Table {
    table: comfy_table::Table,
}

impl Table {
    pub(super) fn new<const N: usize>(headings: [&str; N]) -> Self {
        let mut table = comfy_table::Table::new();
        table
            .load_style(STYLE)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_truncation_indicator("…");
        let width = table
            .width()
            .map_or(WIDTH_DEFAULT, |width| width.clamp(WIDTH_MIN, WIDTH_MAX));
        table.force_no_tty().set_width(width).set_header(headings);
        for column in table.column_iter_mut() {
            column.set_padding((0, 1));
        }
        Self { table }
    }

    /// The columns of these indices hold numbers: aligned to the right and never cut.
    pub(super) fn numbers<const N: usize>(mut self, columns: [usize; N]) -> Self {
        for index in columns {
            if let Some(column) = self.table.column_mut(index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        self.whole(columns)
    }

    /// The columns of these indices are short and never cut; the others give way to them.
    pub(super) fn whole<const N: usize>(mut self, columns: [usize; N]) -> Self {
        for index in columns {
            if let Some(column) = self.table.column_mut(index) {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        self
    }

    /// Adds a row. What does not fit is cut with an ellipsis.
    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        let mut row = Row::from(cells.map(|text| printable(&text)));
        row.max_height(1);
        self.table.add_row(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.table.lines().map(|line| line.trim_end().to_owned()).collect();
        formatter.write_str(&lines.join("\n"))
    }
}

/// Text that cannot move the cursor: control characters are escaped; cut where no column is that wide.
pub(super) fn printable(text: &str) -> String {
    let mut result = String::with_capacity(text.len().min(CELL_CHARACTERS_MAX));
    for (index, character) in text.chars().enumerate() {
        if index == CELL_CHARACTERS_MAX {
            result.push('…');
            break;
        }
        if character.is_control() {
            result.extend(character.escape_default());
        } else {
            result.push(character);
        }
    }
    result
}

/// A path in a document as a table shows it; the empty one as it is typed, too.
pub(super) fn path(pointer: &str) -> String {
    if pointer.is_empty() {
        return "\"\" (document)".to_owned();
    }
    pointer.to_owned()
}

/// A count with thousands separated.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut result = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            result.push(',');
        }
        result.push(digit);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_plain_text_in_columns() {
        let mut table = Table::new(["name", "documents"]).numbers([1]);
        table.row(["customers".to_owned(), count(5_000)]);
        table.row(["a".to_owned(), count(7)]);
        let lines: Vec<String> = table.to_string().lines().map(str::to_owned).collect();
        assert_eq!(lines[0], "name       documents");
        assert!(lines[1].chars().all(|character| character == '─'), "{}", lines[1]);
        assert_eq!(lines[2], "customers      5,000");
        assert_eq!(lines[3], "a                  7");
    }

    #[test]
    fn a_long_value_is_cut_on_one_line() {
        let mut table = Table::new(["id", "body"]);
        table.row(["x".to_owned(), "word ".repeat(10_000)]);
        let text = table.to_string();
        assert_eq!(text.lines().count(), 3);
        assert!(
            text.lines()
                .all(|line| line.chars().count() <= usize::from(WIDTH_DEFAULT)),
            "{text}"
        );
        assert!(text.ends_with('…'), "{text}");
    }

    #[test]
    fn times_stay_whole_beside_long_values() {
        let mut table = Table::new(["path", "candidate", "time"]).whole([2]);
        table.row([
            "/a/rather/long/path".repeat(4),
            "text ".repeat(100),
            "2023-11-14 22:13:20".to_owned(),
        ]);
        let text = table.to_string();
        assert!(text.ends_with("2023-11-14 22:13:20"), "{text}");
        assert!(
            text.lines()
                .all(|line| line.chars().count() <= usize::from(WIDTH_DEFAULT)),
            "{text}"
        );
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[2J\nb"), "a\\u{1b}[2J\\nb");
    }

    #[test]
    fn thousands_are_separated() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(count),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
