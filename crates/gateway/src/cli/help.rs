//! What the help of every command ends with.

/// The JSON that a command prints, and the exit statuses. Lines are broken by hand: clap prints them as they are.
macro_rules! json_help {
    ($($line:literal)+) => {
        concat!(
            "With --json: ", $($line, "\n",)+
            "\nExit status: 0 done; 1 refused (conflict, not found, ...); 2 usage; 3 the node cannot be reached or did ",
            "not answer.\nWith --json an error is {\"error\": REASON, \"message\"} on standard error."
        )
    };
}

pub(super) use json_help;
