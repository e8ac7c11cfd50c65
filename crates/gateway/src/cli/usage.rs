//! Arguments that clap does not accept: printed as every other error is.

use std::ffi::OsStr;

use super::exit::ExitStatus;
use super::failure::Failure;

/// Prints why `arguments` were not accepted, or the help that was asked for, and says how to exit.
///
/// With `--json` among them an error is the object that every failure is.
pub fn print_usage_error(error: &clap::Error, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> ExitStatus {
    if !error.use_stderr() {
        // Help or the version. Nobody may be reading it; that is not another error.
        let _ = error.print();
        return ExitStatus::Success;
    }
    if asks_for_json(arguments) {
        Failure::Usage(message(&error.render().to_string())).print(true);
    } else {
        let _ = error.print();
    }
    ExitStatus::Usage
}

/// What follows `--` is no flag.
fn asks_for_json(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> bool {
    arguments
        .into_iter()
        .take_while(|argument| argument.as_ref() != "--")
        .any(|argument| argument.as_ref() == "--json")
}

/// Clap's paragraphs on one line, without the word that the object says already.
fn message(rendered: &str) -> String {
    let text = rendered.trim().trim_start_matches("error: ");
    let paragraphs = text.split("\n\n").map(|paragraph| {
        let words: Vec<&str> = paragraph.split_whitespace().collect();
        words.join(" ")
    });
    paragraphs.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line() {
        let rendered = "error: missing:\n  <ID>\n\nUsage: rejoin get <DATABASE> <ID>\n\nFor more, try '--help'.\n";
        assert_eq!(
            message(rendered),
            "missing: <ID>; Usage: rejoin get <DATABASE> <ID>; For more, try '--help'."
        );
    }

    #[test]
    fn json_is_asked_for_by_its_flag_only() {
        assert!(asks_for_json(["rejoin", "get", "--json"]));
        assert!(!asks_for_json(["rejoin", "get", "--", "--json"]));
        assert!(!asks_for_json(["rejoin", "get", "json"]));
    }
}
