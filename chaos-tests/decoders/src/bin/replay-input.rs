//! `replay-input TARGET FILE…`: runs one decoder's properties on inputs, as the fuzz target did that found them.

use std::process::ExitCode;

use rejoin_decoders::{TARGETS, Target};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((target, files)) = arguments.split_first() else {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("usage: replay-input TARGET FILE...\ntargets: {}", names.join(", "));
        return ExitCode::FAILURE;
    };
    let Some(target) = Target::named(target) else {
        eprintln!("there is no target `{target}`; run replay-input without arguments for their names");
        return ExitCode::FAILURE;
    };
    for file in files {
        match std::fs::read(file) {
            Ok(bytes) => println!("{file}: {:?}", (target.check)(&bytes)),
            Err(error) => {
                eprintln!("{file} cannot be read: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
