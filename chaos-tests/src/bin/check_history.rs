//! Runs all checkers over histories that were saved, and prints what they say: to look into a failed run again.

use std::path::PathBuf;
use std::process::ExitCode;

use rejoin_chaos::checker;
use rejoin_chaos::history::{Event, History};

/// Characters of an event that are shown.
const EVENT_CHARACTERS: usize = 600;

fn main() -> ExitCode {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if paths.is_empty() {
        eprintln!("usage: check_history HISTORY.jsonl …");
        return ExitCode::from(2);
    }
    let mut clean = true;
    for path in paths {
        match History::load(&path) {
            Ok(history) => clean &= tell(&history, &path.display().to_string()),
            Err(error) => {
                eprintln!("{error:#}");
                return ExitCode::from(2);
            }
        }
    }
    if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints the report, and the events that show each violation. Answers whether there is none.
fn tell(history: &History, name: &str) -> bool {
    let report = checker::run(history);
    println!("{name}: {} events\n{report}", history.events.len());
    for violation in report.violations() {
        println!("{violation}");
        for place in &violation.events {
            println!(
                "  {place}: {}",
                history.events.get(*place).map(line).unwrap_or_default()
            );
        }
    }
    report.is_clean()
}

fn line(event: &Event) -> String {
    let text = serde_json::to_string(event).unwrap_or_else(|error| error.to_string());
    text.chars().take(EVENT_CHARACTERS).collect()
}
