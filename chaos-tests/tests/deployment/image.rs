//! The image of one node.

use anyhow::Context;
use rejoin_chaos::process::run;
use serde_json::Value;

use crate::files::{path, text};

/// A stage of a Dockerfile: what it begins with, its name, and its lines, a continued one being one line.
struct Stage {
    from: String,
    name: String,
    lines: Vec<String>,
}

impl Stage {
    fn line(&self, instruction: &str) -> anyhow::Result<&str> {
        let found = self
            .lines
            .iter()
            .find(|line| line.starts_with(&format!("{instruction} ")));
        let found = found.with_context(|| format!("{} has no {instruction}", self.name))?;
        Ok(found)
    }
}

fn stages() -> anyhow::Result<Vec<Stage>> {
    let text = text("Dockerfile")?.replace("\\\n", " ");
    let mut stages: Vec<Stage> = Vec::new();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        match (words.as_slice(), stages.last_mut()) {
            (["FROM", from, "AS", name], _) => stages.push(Stage {
                from: (*from).to_owned(),
                name: (*name).to_owned(),
                lines: Vec::new(),
            }),
            (["FROM", ..], _) => anyhow::bail!("a stage without a name: {line}"),
            (_, Some(stage)) => stage.lines.push(line.to_owned()),
            (_, None) => assert!(line.starts_with("ARG "), "{line}"),
        }
    }
    Ok(stages)
}

fn stage<'a>(stages: &'a [Stage], name: &str) -> anyhow::Result<&'a Stage> {
    let found = stages.iter().find(|stage| stage.name == name);
    found.with_context(|| format!("no stage {name}"))
}

#[test]
fn the_node_runs_as_an_ordinary_user_and_is_asked_how_it_is() -> anyhow::Result<()> {
    let stages = stages()?;
    let base = stage(&stages, "base")?;
    assert_eq!(base.line("USER")?, "USER rejoin");
    assert!(base.line("RUN")?.contains("--uid 10001"));
    assert!(
        base.line("HEALTHCHECK")?
            .contains(r#"CMD ["/usr/local/bin/rejoin", "status", "--json"]"#)
    );
    assert_eq!(base.line("VOLUME")?, "VOLUME /data");
    assert_eq!(base.line("EXPOSE")?, "EXPOSE 7601");
    assert!(base.line("ENV")?.contains("REJOIN_NODE_DATA=/data/node"));
    Ok(())
}

#[test]
fn what_runs_holds_the_binary_and_nothing_that_made_it() -> anyhow::Result<()> {
    let stages = stages()?;
    let last = stages.last().context("no stage")?;
    assert_eq!(last.name, "runtime", "it is what is built where no stage is named");
    for (name, copies) in [
        (
            "runtime",
            "COPY --from=build /build/release/rejoin /usr/local/bin/rejoin",
        ),
        ("prebuilt", "COPY rejoin /usr/local/bin/rejoin"),
    ] {
        let stage = stage(&stages, name)?;
        assert_eq!(
            (stage.from.as_str(), stage.lines.as_slice()),
            ("base", &[copies.to_owned()][..])
        );
    }
    assert!(
        stage(&stages, "base")?
            .line("RUN")?
            .contains("rm -rf /var/lib/apt/lists")
    );
    Ok(())
}

#[test]
fn dependencies_are_compiled_before_our_own_sources_come_in() -> anyhow::Result<()> {
    let stages = stages()?;
    let build = stage(&stages, "build")?;
    let place = |what: &str| {
        let found = build.lines.iter().position(|line| line.contains(what));
        found.with_context(|| format!("no {what}"))
    };
    assert!(place("COPY --from=manifests")? < place("cargo build")?);
    assert!(
        place("cargo build")? < place("COPY . /source")?,
        "a change of ours leaves that layer as it is"
    );
    Ok(())
}

#[test]
fn the_manifests_alone_are_a_workspace_with_the_program() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let (script, to) = (
        path("only-manifests.sh"),
        directory.path().to_string_lossy().into_owned(),
    );
    let from = path("..").to_string_lossy().into_owned();
    run(&script.to_string_lossy(), [&from, &to])?;
    let manifest = format!("{to}/Cargo.toml");
    let arguments = [
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
        "--manifest-path",
        &manifest,
    ];
    let metadata: Value = serde_json::from_str(&run(env!("CARGO"), arguments)?)?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let gateway = packages.iter().find(|package| package["name"] == "rejoin-gateway");
    let targets = gateway.context("no gateway")?["targets"]
        .as_array()
        .context("no targets")?;
    assert!(targets.iter().any(|target| target["name"] == "rejoin"), "{targets:?}");
    Ok(())
}
