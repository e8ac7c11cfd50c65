//! Standard output, without the panic of `println!` when nobody reads it any more.

use std::fmt::Display;
use std::io::{self, BufWriter, Stdout, Write};

use serde::Serialize;

use super::failure::Failure;
use super::json;

/// Buffered output of one command; [`Output::finish`] makes it visible.
pub(super) struct Output<W: Write = BufWriter<Stdout>> {
    writer: W,
}

/// One JSON object with a list that is written while it is read, so that memory does not grow with it.
pub(super) struct JsonList<'a, W: Write> {
    output: &'a mut Output<W>,
    separator: &'static str,
}

impl Output {
    pub(super) fn stdout() -> Self {
        Self {
            writer: BufWriter::new(io::stdout()),
        }
    }
}

impl<W: Write> Output<W> {
    /// Writes a line.
    pub(super) fn line(&mut self, text: impl Display) -> Result<(), Failure> {
        Ok(writeln!(self.writer, "{text}")?)
    }

    /// Writes text without ending the line.
    pub(super) fn part(&mut self, text: impl Display) -> Result<(), Failure> {
        Ok(write!(self.writer, "{text}")?)
    }

    /// Writes a value as one line of JSON.
    pub(super) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        self.line(json::text(value))
    }

    /// Begins an object whose first member is the list `name`.
    pub(super) fn json_list(&mut self, name: &str) -> Result<JsonList<'_, W>, Failure> {
        write!(self.writer, "{{{}:[", json::text(&name))?;
        Ok(JsonList {
            output: self,
            separator: "",
        })
    }

    /// Makes visible what was written.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.writer.flush()?)
    }

    /// Ends the output. Without it a write error would be lost with the buffer.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.flush()
    }
}

impl<W: Write> JsonList<'_, W> {
    /// Adds an item.
    pub(super) fn item(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        write!(self.output.writer, "{}{}", self.separator, json::text(value))?;
        self.separator = ",";
        Ok(())
    }

    /// Ends the list and the object.
    pub(super) fn end(self) -> Result<(), Failure> {
        self.output.line("]}")
    }

    /// Ends the list, and the object with the members of `rest`, if it has any.
    pub(super) fn end_with(self, rest: &impl Serialize) -> Result<(), Failure> {
        match json::text(rest).as_str() {
            "{}" => self.output.line("]}"),
            rest => self.output.line(format_args!("],{}", rest.trim_start_matches('{'))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_one_object_on_one_line() {
        for (items, expected) in [(0, "{\"ids\":[]}\n"), (3, "{\"ids\":[0,1,2]}\n")] {
            let mut output = Output { writer: Vec::new() };
            let mut list = output.json_list("ids").unwrap();
            for item in 0..items {
                list.item(&item).unwrap();
            }
            list.end().unwrap();
            assert_eq!(String::from_utf8(output.writer).unwrap(), expected);
        }
        for (rest, expected) in [
            (serde_json::json!({}), "{\"ids\":[]}\n"),
            (serde_json::json!({"stale": true}), "{\"ids\":[],\"stale\":true}\n"),
        ] {
            let mut output = Output { writer: Vec::new() };
            output.json_list("ids").unwrap().end_with(&rest).unwrap();
            assert_eq!(String::from_utf8(output.writer).unwrap(), expected);
        }
    }
}
