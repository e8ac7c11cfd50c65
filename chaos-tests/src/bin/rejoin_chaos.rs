//! `rejoin-chaos RULES_FILE`: runs the simulation of the core with rules of a user, and says in words what became of the writes.
//!
//! Exit status: 0 no promise was broken, 1 one was, 2 the arguments or the rules file make no sense.

use std::path::PathBuf;
use std::process::ExitCode;

use rejoin_chaos::history::Rules;
use rejoin_chaos::report::{parse_rules, try_rules};
use rejoin_chaos::simulation::{Seeds, stages};

const USAGE: &str = "\
Run your merge rules through simulated datacenters and faults, and see what becomes of the writes

Usage: rejoin chaos [OPTIONS] RULES_FILE

RULES_FILE is TOML:
  [rules]
  \"/stock\" = \"counter\"      # counter, set, latest, max, min or register

Options:
  --seeds N         how many runs [default: 20]
  --first-seed S    the seed of the first of them [default: 1]
  --help            print this

Exit status: 0 no promise was broken; 1 one was; 2 usage.";

struct Arguments {
    rules: Rules,
    seeds: Seeds,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments
        .iter()
        .any(|argument| argument == "--help" || argument == "-h")
    {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match parse(arguments) {
        Ok(arguments) => run(&arguments),
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(2)
        }
    }
}

fn parse(arguments: Vec<String>) -> Result<Arguments, String> {
    let (mut file, mut seeds) = (None, Seeds { first: 1, count: 20 });
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let value = arguments.next().ok_or_else(|| format!("{argument} needs a number"))?;
            value
                .parse::<u64>()
                .map_err(|_| format!("{argument} {value}: give a whole number"))
        };
        match argument.as_str() {
            "--seeds" => seeds.count = number()?,
            "--first-seed" => seeds.first = number()?,
            flag if flag.starts_with('-') => return Err(format!("{flag} is unknown: see rejoin chaos --help")),
            _ if file.is_some() => return Err(format!("{argument}: give one rules file only")),
            _ => file = Some(argument),
        }
    }
    if seeds.count == 0 {
        return Err("--seeds 0 tries nothing: give 1 or more".to_owned());
    }
    let file = file.ok_or("give a rules file: see rejoin chaos --help")?;
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{file}: cannot be read: {error}"))?;
    let rules = parse_rules(&text).map_err(|error| format!("{file}: {error}"))?;
    Ok(Arguments { rules, seeds })
}

fn run(arguments: &Arguments) -> ExitCode {
    let directory: PathBuf = std::env::temp_dir().join("rejoin-chaos");
    let [(core, _), _] = stages();
    eprintln!(
        "running {} seeds of up to two simulated hours each; the report comes at the end",
        arguments.seeds.count
    );
    let tried = try_rules(core, &arguments.rules, arguments.seeds, &directory);
    println!("{tried}");
    if tried.is_kept() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
