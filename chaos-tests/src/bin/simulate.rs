//! `make simulate SEEDS=200 FIRST_SEED=1`: runs seeds through every simulation. The exit status is 0 only if nothing was violated.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use rejoin_chaos::simulation::{Seeds, Summary, simulate, stages};

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<bool> {
    let mut seeds = Seeds { first: 1, count: 200 };
    let mut directory = std::env::temp_dir().join("rejoin-simulate");
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{flag} needs a value"))?;
        let number = || value.parse().with_context(|| format!("{flag} {value} is no number"));
        match flag.as_str() {
            "--seeds" => seeds.count = number()?,
            "--first-seed" => seeds.first = number()?,
            "--histories" => directory = PathBuf::from(&value),
            _ => anyhow::bail!("{flag} is none of --seeds, --first-seed, --histories"),
        }
    }
    let mut summaries = Vec::new();
    for (stage, share) in stages() {
        let count = seeds.count.div_ceil(share);
        let summary = simulate(stage, Seeds { count, ..seeds }, &directory);
        println!("{summary}\n");
        summaries.push(summary);
    }
    println!("{}", Summary::last_line(&summaries));
    Ok(summaries.iter().all(Summary::is_clean))
}
