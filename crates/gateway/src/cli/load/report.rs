//! What a load says: a bar while it runs, a line for each refused document, a line at the end.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::super::json;
use super::super::table::{count, printable};

/// Counts what happened and reports it. Shared by the sending and the receiving half.
pub(super) struct Report {
    json: bool,
    bar: ProgressBar,
    started: Instant,
    loaded: AtomicU64,
    refused: AtomicU64,
}

/// The end of a load for programs.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Summary {
    loaded: u64,
    /// Lines that were refused, here or by the node.
    pub(super) refused: u64,
    /// Documents that were sent and not answered: stored or not.
    pub(super) unknown: u64,
    unsent: u64,
    input_ended: bool,
    seconds: f64,
    per_second: u64,
}

/// A refused line for programs.
#[derive(Serialize)]
struct RefusedJson<'a> {
    line: u64,
    id: Option<&'a str>,
    error: &'a str,
    message: &'a str,
}

impl Report {
    /// Starts the clock, and the bar if standard error is a terminal. `bytes` is the size of the input, if known.
    pub(super) fn start(json: bool, bytes: Option<u64>) -> Self {
        let target = if io::stderr().is_terminal() && !json {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(bytes, target).with_style(style(bytes.is_some()));
        Self {
            json,
            bar,
            started: Instant::now(),
            loaded: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// So many more bytes of input were sent.
    pub(super) fn sent(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    /// One more document is stored.
    pub(super) fn loaded(&self) {
        let loaded = self.loaded.fetch_add(1, Ordering::Relaxed) + 1;
        if loaded.is_multiple_of(100) {
            self.bar.set_message(count(loaded));
        }
    }

    /// A line was refused, here or by the node.
    pub(super) fn refused(&self, line: u64, id: Option<&str>, error: &str, message: &str) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let text = if self.json {
            json::text(&RefusedJson {
                line,
                id,
                error,
                message,
            })
        } else {
            let id = id.map(|id| format!(" ({})", printable(id))).unwrap_or_default();
            format!("line {line}{id}: {message} [{error}]")
        };
        // Standard error may be closed; the count and the exit status still tell.
        self.bar.suspend(|| {
            let _ = writeln!(io::stderr(), "{text}");
        });
    }

    /// Ends the bar and sums up. `unknown` documents were sent and not answered, `unsent` lines were not sent; unless
    /// `input_ended`, the input goes on after them.
    pub(super) fn finish(&self, unknown: u64, unsent: u64, input_ended: bool) -> Summary {
        self.bar.finish_and_clear();
        let seconds = self.started.elapsed().as_secs_f64();
        let loaded = self.loaded.load(Ordering::Relaxed);
        Summary {
            loaded,
            refused: self.refused.load(Ordering::Relaxed),
            unknown,
            unsent,
            input_ended,
            seconds: (seconds * 1000.0).round() / 1000.0,
            per_second: per_second(loaded, seconds),
        }
    }
}

impl Summary {
    /// Whether every line of the input was stored or refused.
    pub(super) fn is_complete(&self) -> bool {
        self.unknown == 0 && self.unsent == 0 && self.input_ended
    }

    /// One line for people. What is not there in a complete load is said only of one that is not.
    pub(super) fn text(&self) -> String {
        let mut text = format!("loaded {}, refused {}", count(self.loaded), count(self.refused));
        if !self.is_complete() {
            text += &format!(
                ", {} without an answer, {} never sent",
                count(self.unknown),
                count(self.unsent)
            );
        }
        if !self.input_ended {
            text += " and the rest of the input";
        }
        text += &format!(" in {:.1} s ({} per second)", self.seconds, count(self.per_second));
        text
    }
}

fn per_second(loaded: u64, seconds: f64) -> u64 {
    if seconds > 0.0 {
        (loaded as f64 / seconds).round() as u64
    } else {
        0
    }
}

fn style(length_known: bool) -> ProgressStyle {
    let template = if length_known {
        "{bar:30} {percent}% {bytes}/{total_bytes}, {msg} documents, {elapsed}"
    } else {
        "{spinner} {bytes}, {msg} documents, {elapsed}"
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_says_how_many_and_how_fast() {
        let summary = Summary {
            loaded: 4_996,
            refused: 4,
            unknown: 0,
            unsent: 0,
            input_ended: true,
            seconds: 1.2,
            per_second: per_second(4_996, 1.2),
        };
        assert_eq!(summary.text(), "loaded 4,996, refused 4 in 1.2 s (4,163 per second)");
        let expected = concat!(
            r#"{"loaded":4996,"refused":4,"unknown":0,"unsent":0,"input_ended":true,"#,
            r#""seconds":1.2,"per_second":4163}"#
        );
        assert_eq!(json::text(&summary), expected);
        let broken = Summary {
            unknown: 3,
            unsent: 2_000,
            ..summary
        };
        assert_eq!(
            broken.text(),
            "loaded 4,996, refused 4, 3 without an answer, 2,000 never sent in 1.2 s (4,163 per second)"
        );
        let endless = Summary {
            input_ended: false,
            ..broken
        };
        assert!(
            endless
                .text()
                .contains(", 2,000 never sent and the rest of the input in "),
            "{}",
            endless.text()
        );
    }
}
