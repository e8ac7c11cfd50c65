//! Replays the corpus of the fuzz targets: every input that a search has found worth keeping, and those that once broke a decoder.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use rejoin_decoders::{Outcome, TARGETS, Target, seeds};
use rejoin_document::planted_decoder;

/// What the whole corpus may come to.
const CORPUS_BYTES_MAX: u64 = 300 * 1024;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn inputs(target: &Target) -> Vec<PathBuf> {
    files(&fuzz().join("corpus").join(target.name))
}

/// What a decoder makes of a file, or that it breaks a property.
fn replay(target: &Target, file: &Path) -> Result<Outcome, String> {
    let (check, bytes) = (target.check, fs::read(file).unwrap());
    let outcome = catch_unwind(move || check(&bytes));
    outcome.map_err(|_| format!("{} breaks a property: see the panic above", file.display()))
}

#[test]
fn no_input_of_the_corpus_breaks_a_property() {
    let mut broken = Vec::new();
    for target in TARGETS {
        let outcomes: Vec<_> = inputs(target).iter().map(|file| replay(target, file)).collect();
        let decoded = outcomes
            .iter()
            .filter(|outcome| **outcome == Ok(Outcome::Decoded))
            .count();
        assert!(
            decoded >= 5,
            "{}: hardly any input is read, so hardly anything is checked",
            target.name
        );
        broken.extend(outcomes.into_iter().filter_map(Result::err));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_corpus_holds_every_seed_as_it_is_encoded_today() {
    for seed in seeds::all() {
        let file = fuzz().join("corpus").join(seed.target).join(&seed.name);
        let kept = fs::read(&file).unwrap_or_default();
        assert!(
            kept == seed.bytes,
            "{} is out of date: run `cargo run --package rejoin-decoders --example seeds`",
            file.display()
        );
    }
}

/// A state that commits and joins made and a message that a node sends must be read: refusing one is as bad as a panic.
#[test]
fn what_a_node_wrote_itself_is_never_refused() {
    for seed in seeds::all() {
        if [
            "document_state",
            "wire_message",
            "session_token",
            "watch_token",
            "knowledge",
        ]
        .contains(&seed.target)
        {
            let target = Target::named(seed.target).unwrap();
            assert_eq!(
                (target.check)(&seed.bytes),
                Outcome::Decoded,
                "{} {}",
                seed.target,
                seed.name
            );
        }
    }
}

#[test]
fn the_corpus_has_a_folder_for_each_target_and_stays_small() {
    let names: BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
    let folders = files(&fuzz().join("corpus"));
    let folders: BTreeSet<&str> = folders
        .iter()
        .map(|folder| folder.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(folders, names);
    let bytes = TARGETS
        .iter()
        .flat_map(inputs)
        .map(|file| file.metadata().unwrap().len());
    let bytes: u64 = bytes.sum();
    assert!(
        bytes <= CORPUS_BYTES_MAX,
        "the corpus has {bytes} bytes, at most {CORPUS_BYTES_MAX}: minimise it"
    );
}

#[test]
fn each_target_has_a_program_that_searches_it() {
    let programs = files(&fuzz().join("targets"));
    let programs: BTreeSet<&str> = programs
        .iter()
        .map(|file| file.file_stem().unwrap().to_str().unwrap())
        .collect();
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    assert_eq!(programs, TARGETS.iter().map(|target| target.name).collect());
    for target in TARGETS {
        assert!(
            manifest.contains(&format!("path = \"targets/{}.rs\"", target.name)),
            "{}",
            target.name
        );
    }
}

#[test]
fn a_decoder_that_believes_lengths_is_found() {
    let target = Target::named("document_state").unwrap();
    let file = fuzz().join("planted/believed_length");
    assert_eq!(replay(target, &file), Ok(Outcome::Refused), "the decoder as it is");
    planted_decoder::believe_lengths(true);
    let with_bug = replay(target, &file);
    planted_decoder::believe_lengths(false);
    assert!(with_bug.is_err(), "the planted bug went unnoticed");
}
