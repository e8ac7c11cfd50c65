//! Reads a load's input on a thread of its own: files and pipes block.

use std::io::{self, BufReader, Read};
use std::thread;

use tokio::sync::mpsc;

use super::entry::{BadLine, Entry};
use super::lines::{LINE_BYTES_MAX, Line, read_line};

/// Lines are handed over in batches of about this many bytes, or as soon as the input has no more to give at once.
const BATCH_BYTES: usize = 256 * 1024;
/// Batches that wait to be sent. With a line's bound this bounds the memory of a load.
const BATCHES_MAX: usize = 2;

/// One line that is not blank.
#[derive(Debug)]
pub(super) struct Parsed {
    /// Its number, from 1.
    pub(super) line: u64,
    /// What stands there.
    pub(super) entry: Result<Entry, BadLine>,
}

/// Some lines, how many bytes of input they took, or why the input ended early.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The lines in order.
    pub(super) lines: Vec<Parsed>,
    /// Bytes of input.
    pub(super) bytes: u64,
    /// Set on the last batch if reading failed.
    pub(super) error: Option<io::Error>,
}

/// Starts reading. The thread ends with its input, or when the receiver is dropped; a thread that waits for a pipe
/// does not keep the process alive.
pub(super) fn start(input: Box<dyn Read + Send>) -> mpsc::Receiver<Batch> {
    let (batches, receiver) = mpsc::channel(BATCHES_MAX);
    thread::spawn(move || read(input, &batches));
    receiver
}

fn read(input: Box<dyn Read + Send>, batches: &mpsc::Sender<Batch>) {
    let mut reader = BufReader::with_capacity(BATCH_BYTES, input);
    let mut bytes = Vec::new();
    let mut batch = Batch::default();
    for line in 1_u64.. {
        let found = read_line(&mut reader, &mut bytes, LINE_BYTES_MAX);
        batch.bytes += bytes.len() as u64 + 1;
        match found {
            Ok(Line::Complete) => batch.lines.extend(parse(line, &bytes)),
            Ok(Line::TooLong) => batch.lines.push(Parsed {
                line,
                entry: Err(BadLine::too_large()),
            }),
            Ok(Line::End) => break,
            Err(error) => {
                batch.error = Some(error);
                break;
            }
        }
        let waits_for_input = reader.buffer().is_empty();
        if (batch.bytes >= BATCH_BYTES as u64 || waits_for_input)
            && batches.blocking_send(std::mem::take(&mut batch)).is_err()
        {
            return;
        }
    }
    // If nobody listens any more, there is nobody to tell.
    let _ = batches.blocking_send(batch);
}

/// Blank lines are allowed anywhere, and lines of an export that have no body; a byte order mark is, at the beginning.
fn parse(line: u64, bytes: &[u8]) -> Option<Parsed> {
    let text = if line == 1 {
        bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
    } else {
        bytes
    };
    if text.trim_ascii().is_empty() {
        return None;
    }
    let entry = Entry::parse(text).transpose()?;
    Some(Parsed { line, entry })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_numbered_and_blank_ones_are_left_out() {
        let mut batches = start(Box::new(
            &b"\xef\xbb\xbf{\"_id\":\"a\"}\r\n\n  \nbad\n{\"_id\":\"b\"}"[..],
        ));
        let mut found = Vec::new();
        while let Some(batch) = batches.blocking_recv() {
            assert!(batch.error.is_none());
            found.extend(
                batch
                    .lines
                    .into_iter()
                    .map(|parsed| (parsed.line, parsed.entry.map(|entry| entry.id).ok())),
            );
        }
        assert_eq!(found, [(1, Some("a".to_owned())), (4, None), (5, Some("b".to_owned()))]);
    }

    #[test]
    fn an_input_that_fails_says_so_after_what_it_gave() {
        struct Failing(bool);
        impl Read for Failing {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                if std::mem::replace(&mut self.0, true) {
                    return Err(io::Error::other("unplugged"));
                }
                let text = b"{\"_id\":\"a\"}\n";
                buffer[..text.len()].copy_from_slice(text);
                Ok(text.len())
            }
        }
        let mut batches = start(Box::new(Failing(false)));
        assert_eq!(batches.blocking_recv().unwrap().lines.len(), 1);
        assert_eq!(batches.blocking_recv().unwrap().error.unwrap().to_string(), "unplugged");
        assert!(batches.blocking_recv().is_none());
    }
}
