//! The walk-through of `deploy/README.md`, run as it stands there: every block of commands in one shell, and what each prints beside what the text says
//! that it prints.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;
use rejoin_chaos::container::{Engine, build_image};
use rejoin_chaos::process::{free_addresses, rejoin_binary};
use tempfile::TempDir;

/// Above a block of commands that the test leaves out.
const NOT_RUN: &str = "<!-- not run -->";

/// How long the whole may take.
const SECONDS_MAX: &str = "600";

/// Between what two blocks print.
const END: &str = "== end of a block ==";

/// Commands, and what the text says that they print.
#[derive(Debug, Default, PartialEq)]
struct Block {
    commands: String,
    printed: Option<String>,
}

#[test]
fn the_walk_through_of_the_deployment_does_what_it_says() -> anyhow::Result<()> {
    let engine = match Engine::find() {
        Ok(engine) => engine,
        Err(reason) => {
            println!("skipped: {reason}");
            return Ok(());
        }
    };
    let text = std::fs::read_to_string(checkout().join("deploy/README.md"))?;
    let blocks = blocks(&text);
    assert!(blocks.len() >= 8, "{blocks:?}");
    let walk = Walk {
        image: build_image(&engine)?,
        certificates: tempfile::tempdir()?,
        // A later run of the tests with containers removes what this one could not.
        project: format!("rejoin-chaos-{}", std::process::id()),
        ports: free_addresses(2)?
            .iter()
            .map(|address| address.port().to_string())
            .collect(),
        engine,
    };
    let printed = walk.run(&blocks)?;
    assert_eq!(printed.len(), blocks.len(), "every block was run: {printed:#?}");
    for (block, printed) in blocks.iter().zip(&printed) {
        if let Some(expected) = &block.printed {
            assert_eq!(masked(printed), masked(expected), "{}\n{printed}", block.commands);
        }
    }
    Ok(())
}

/// The two datacenters of the compose file, under a name and on ports of our own. Dropping it removes them.
struct Walk {
    engine: Engine,
    image: String,
    project: String,
    ports: Vec<String>,
    certificates: TempDir,
}

impl Walk {
    /// What each block prints, all of them run in one shell that ends with the first command that fails.
    fn run(&self, blocks: &[Block]) -> anyhow::Result<Vec<String>> {
        let ended = format!("\necho '{END}'\n");
        let script: String = blocks.iter().map(|block| block.commands.clone() + &ended).collect();
        let mut shell = Command::new("timeout");
        shell
            .args([SECONDS_MAX, "sh", "-eu", "-c", &script])
            .current_dir(checkout())
            .stdin(Stdio::null());
        for (name, value) in self.variables() {
            shell.env(name, value);
        }
        shell.env("PATH", path_with(&rejoin_binary()?)?);
        let output = shell.output().context("no shell")?;
        let printed = String::from_utf8(output.stdout)?;
        anyhow::ensure!(
            output.status.success(),
            "{}: it printed\n{printed}\nand complained\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        let mut parts: Vec<String> = printed.split(&format!("{END}\n")).map(str::to_owned).collect();
        parts.pop();
        Ok(parts)
    }

    fn variables(&self) -> [(&'static str, String); 5] {
        [
            ("COMPOSE_PROJECT_NAME", self.project.clone()),
            ("REJOIN_IMAGE", self.image.clone()),
            ("REJOIN_EAST_PORT", self.ports[0].clone()),
            ("REJOIN_WEST_PORT", self.ports[1].clone()),
            (
                "REJOIN_CERTIFICATES",
                self.certificates.path().to_string_lossy().into_owned(),
            ),
        ]
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        let file = |name: &str| checkout().join("deploy").join(name).to_string_lossy().into_owned();
        let (plain, secured) = (file("docker-compose.yml"), file("docker-compose.tls.yml"));
        let files = ["--file", &plain, "--file", &secured];
        let down = [&files[..], &["down", "--volumes", "--timeout", "2"]].concat();
        // What cannot be removed here is removed at the next start of the tests with containers.
        let _ = self.engine.compose(&self.variables(), &down);
    }
}

/// The paths of this process, where the directory of a program comes first.
fn path_with(program: &Path) -> anyhow::Result<OsString> {
    let directory = program.parent().context("the program lies nowhere")?;
    let before = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(directory.to_owned()).chain(std::env::split_paths(&before));
    Ok(std::env::join_paths(paths)?)
}

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The blocks of commands of a text that are to be run. What comes in a block of `text` is what the commands before it print.
fn blocks(text: &str) -> Vec<Block> {
    let (mut blocks, mut lines) = (Vec::<Block>::new(), text.lines());
    let mut left_out = false;
    while let Some(line) = lines.next() {
        match line {
            "```sh" => {
                let commands = until_fence(&mut lines);
                if !left_out {
                    blocks.push(Block {
                        commands,
                        printed: None,
                    });
                }
                left_out = false;
            }
            "```text" => {
                let printed = until_fence(&mut lines);
                if let Some(block) = blocks.last_mut() {
                    block.printed = Some(printed);
                }
            }
            NOT_RUN => left_out = true,
            _ => {}
        }
    }
    blocks
}

fn until_fence<'a>(lines: &mut impl Iterator<Item = &'a str>) -> String {
    lines
        .take_while(|line| *line != "```")
        .map(|line| format!("{line}\n"))
        .collect()
}

/// A text without what differs from run to run: numbers, hashes, and how wide a table is.
fn masked(text: &str) -> Vec<String> {
    let word = |word: &str| {
        let digits: usize = word.chars().filter(char::is_ascii_digit).count();
        let end = word.rsplit('-').next().unwrap_or_default();
        let hashed = end.len() >= 16 && end.chars().all(|digit| digit.is_ascii_hexdigit());
        match (hashed, digits) {
            (true, 1..) => "#".to_owned(),
            _ if word.chars().all(|letter| letter == '─') => "─".to_owned(),
            _ => numbered(word),
        }
    };
    // A minute is written in another way than a second.
    let spans = |line: String| line.replace("#m #s", "#.# s");
    let line = |line: &str| spans(line.split_whitespace().map(word).collect::<Vec<_>>().join(" "));
    text.trim().lines().map(line).collect()
}

/// Each number in a word becomes the same sign. Those in a body stay: they are what the walk is about.
fn numbered(word: &str) -> String {
    if word.starts_with('{') {
        return word.to_owned();
    }
    // A clock is a little ahead or a little behind.
    let word = match word.strip_prefix(['+', '-']) {
        Some(rest) if rest.starts_with(|first: char| first.is_ascii_digit()) => rest,
        _ => word,
    };
    let mut masked = String::new();
    for letter in word.chars() {
        match letter {
            '0'..='9' if masked.ends_with('#') => {}
            '0'..='9' => masked.push('#'),
            other => masked.push(other),
        }
    }
    masked
}

#[test]
fn blocks_are_taken_from_a_text_with_what_they_print() {
    let text = "# A\n```sh\none\n```\nwords\n```text\n1\n```\n<!-- not run -->\n```sh\ntwo\n```\n```sh\nthree\n```\n";
    let expected = [("one\n", Some("1\n")), ("three\n", None)].map(|(commands, printed)| Block {
        commands: commands.to_owned(),
        printed: printed.map(str::to_owned),
    });
    assert_eq!(blocks(text), expected);
}

#[test]
fn what_differs_from_run_to_run_is_not_compared_and_the_rest_is() {
    let one = "stored ada 1-429649b5d1c07af0f041b431c6f4be09\n────\n 1  dc-west  2026-11-22 13:06:52  0.1 s  +0.000 s  equal\n{\"points\":8}";
    let other = "stored ada 2-40430d1334759277a7ce704e254ac55c\n──────\n12 dc-west 2027-01-02 03:04:05 1m 02s -0.012 s equal\n{\"points\":8}";
    assert_eq!(masked(one), masked(other));
    for (what, by) in [
        ("8}", "7}"),
        ("equal", "differ"),
        ("stored", "created"),
        ("dc-west", "dc-east"),
    ] {
        assert_ne!(masked(&one.replace(what, by)), masked(one), "{what}");
    }
}
