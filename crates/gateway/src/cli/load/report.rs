//! What a load says: a bar while it runs, a line for each refused document, a line at the end.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

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
    refused: u64,
    unknown: u64,
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

    /// Ends the bar and sums up; `unknown` documents were sent and not answered.
    pub(super) fn finish(&self, unknown: u64) -> Summary {
        self.bar.finish_and_clear();
        let counts = (
            self.loaded.load(Ordering::Relaxed),
            self.refused.load(Ordering::Relaxed),
        );
        Summary::new(counts.0, counts.1, unknown, self.started.elapsed())
    }
}

impl Summary {
    fn new(loaded: u64, refused: u64, unknown: u64, elapsed: Duration) -> Self {
        let seconds = elapsed.as_secs_f64();
        let per_second = if seconds > 0.0 {
            (loaded as f64 / seconds).round() as u64
        } else {
            0
        };
        Self {
            loaded,
            refused,
            unknown,
            seconds: (seconds * 1000.0).round() / 1000.0,
            per_second,
        }
    }

    /// Whether any line was refused.
    pub(super) fn any_refused(&self) -> bool {
        self.refused > 0
    }

    /// One line for people.
    pub(super) fn text(&self) -> String {
        let unknown = match self.unknown {
            0 => String::new(),
            unknown => format!(", {} without an answer", count(unknown)),
        };
        format!(
            "loaded {}, refused {}{unknown} in {:.1} s ({} per second)",
            count(self.loaded),
            count(self.refused),
            self.seconds,
            count(self.per_second)
        )
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
        let summary = Summary::new(4_996, 4, 0, Duration::from_millis(1_200));
        assert_eq!(summary.text(), "loaded 4,996, refused 4 in 1.2 s (4,163 per second)");
        let expected = r#"{"loaded":4996,"refused":4,"unknown":0,"seconds":1.2,"per_second":4163}"#;
        assert_eq!(json::text(&summary), expected);
        let lost = Summary::new(10, 0, 3, Duration::from_secs(1));
        assert_eq!(
            lost.text(),
            "loaded 10, refused 0, 3 without an answer in 1.0 s (10 per second)"
        );
    }
}
