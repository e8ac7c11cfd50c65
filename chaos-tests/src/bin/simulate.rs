//! `make simulate SEEDS=200 FIRST_SEED=1`: runs seeds through every simulation, or with `--stage` through one. The exit status is 0 only if nothing was
//! violated.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use rejoin_chaos::simulation::{Seeds, Summary, simulate_reducing, stages};

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
    let mut reduced = 3;
    let mut only = None;
    let mut directory = std::env::temp_dir().join("rejoin-simulate");
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{flag} needs a value"))?;
        if flag == "--stage" {
            only = Some(value);
            continue;
        }
        let number = || value.parse().with_context(|| format!("{flag} {value} is no number"));
        match flag.as_str() {
            "--seeds" => seeds.count = number()?,
            "--first-seed" => seeds.first = number()?,
            "--reduced" => reduced = number()?,
            "--histories" => directory = PathBuf::from(&value),
            _ => anyhow::bail!("{flag} is none of --seeds, --first-seed, --reduced, --stage, --histories"),
        }
    }
    let mut summaries = Vec::new();
    let asked = |name: &str| only.as_ref().is_none_or(|only| only == name);
    for (stage, share) in stages().into_iter().filter(|(stage, _)| asked(stage.name())) {
        let count = seeds.count.div_ceil(share);
        let summary = simulate_reducing(stage, Seeds { count, ..seeds }, &directory, reduced);
        println!("{summary}\n");
        summaries.push(summary);
    }
    anyhow::ensure!(!summaries.is_empty(), "there is no such stage");
    println!("{}", Summary::last_line(&summaries));
    Ok(summaries.iter().all(Summary::is_clean))
}
