//! Splits input into lines without ever holding more than one bounded line.

use std::io::{self, BufRead};

/// Longer lines are skipped and reported: the default bound of a body, and a little for its id. A node cannot refuse
/// one message of a load without ending it, so what no node takes is not sent.
pub(in crate::cli) const LINE_BYTES_MAX: usize = 8 * 1024 * 1024 + 4096;

/// What came next in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line, without its newline. The last one needs none.
    Complete,
    /// A line with more bytes than allowed; it was skipped to its end.
    TooLong,
    /// There is no further line.
    End,
}

/// Reads the next line into `line`, which is cleared first.
pub(super) fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>, bytes_max: usize) -> io::Result<Line> {
    line.clear();
    let mut seen = 0_usize;
    loop {
        let buffer = match reader.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let newline = buffer.iter().position(|byte| *byte == b'\n');
        let part = &buffer[..newline.unwrap_or(buffer.len())];
        let ended = newline.is_some() || buffer.is_empty();
        seen = seen.saturating_add(part.len());
        if seen <= bytes_max {
            line.extend_from_slice(part);
        }
        let found = newline.is_some() || seen > 0;
        let consumed = part.len() + usize::from(newline.is_some());
        reader.consume(consumed);
        if ended {
            return Ok(match (found, seen > bytes_max) {
                (false, _) => Line::End,
                (true, false) => Line::Complete,
                (true, true) => Line::TooLong,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    fn split(input: &[u8], buffer: usize, bytes_max: usize) -> Vec<Option<Vec<u8>>> {
        let mut reader = BufReader::with_capacity(buffer, input);
        let mut line = Vec::new();
        let mut lines = Vec::new();
        loop {
            match read_line(&mut reader, &mut line, bytes_max).unwrap() {
                Line::Complete => lines.push(Some(line.clone())),
                Line::TooLong => lines.push(None),
                Line::End => return lines,
            }
        }
    }

    #[test]
    fn a_line_over_the_bound_is_skipped_and_the_next_one_is_whole() {
        let lines = split(b"ab\nabcdefghij\ncd", 3, 5);
        assert_eq!(lines, [Some(b"ab".to_vec()), None, Some(b"cd".to_vec())]);
    }

    #[test]
    fn empty_lines_count_and_a_last_newline_adds_none() {
        assert_eq!(
            split(b"\n\na\n", 4, 5),
            [Some(vec![]), Some(vec![]), Some(b"a".to_vec())]
        );
        assert!(split(b"", 4, 5).is_empty());
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_text_whatever_the_buffer(
            lines in proptest::collection::vec("[a-c]{0,12}", 0..8), buffer in 1_usize..9,
        ) {
            let input: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
            let expected: Vec<_> = lines.iter().map(|line| Some(line.clone().into_bytes())).collect();
            prop_assert_eq!(split(input.as_bytes(), buffer, 12), expected);
        }
    }
}
