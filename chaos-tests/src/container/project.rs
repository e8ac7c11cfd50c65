//! The two datacenters of `deploy/docker-compose.yml`, under a name of our own.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use anyhow::Context;
use tempfile::TempDir;

use super::Engine;
use super::image::deploy;
use crate::process::{free_addresses, hurried, is_alive, owner};

/// The services of the file.
pub const DATACENTERS: [&str; 2] = ["dc-east", "dc-west"];

const PREFIX: &str = "rejoin-chaos-";
const PROJECT_LABEL: &str = "com.docker.compose.project";

/// Running containers. Dropping it removes them, their networks and their volumes.
#[derive(Debug)]
pub struct Project {
    engine: Engine,
    name: String,
    image: String,
    addresses: Vec<SocketAddr>,
    between: String,
    containers: Vec<String>,
    directory: TempDir,
}

impl Project {
    /// Starts both datacenters from an image; removes what processes that have ended left behind. They may not be healthy yet.
    ///
    /// # Errors
    /// The engine fails; what it said is in the message.
    pub fn start(engine: Engine, image: &str) -> anyhow::Result<Self> {
        remove_stale(&engine)?;
        let directory = crate::process::directory()?;
        // The file itself with the settings of a short run: nothing else differs.
        std::fs::write(directory.path().join("hurried.yml"), hurried_file())?;
        let mut project = Self {
            engine,
            name: format!("{PREFIX}{}", std::process::id()),
            image: image.to_owned(),
            addresses: free_addresses(DATACENTERS.len())?,
            between: String::new(),
            containers: Vec::new(),
            directory,
        };
        project.compose(&["up", "--detach", "--no-build"])?;
        for service in DATACENTERS {
            let id = project.compose(&["ps", "--quiet", service])?;
            project.containers.push(id.trim().to_owned());
        }
        let of_project = format!("label={PROJECT_LABEL}={}", project.name);
        let filter = ["network", "ls", "--quiet", "--filter", &of_project];
        let of_name = "label=com.docker.compose.network=between";
        let found = project
            .engine
            .docker(&[filter.as_slice(), &["--filter", of_name]].concat())?;
        found.trim().clone_into(&mut project.between);
        anyhow::ensure!(
            !project.between.is_empty(),
            "there is no network between the datacenters"
        );
        Ok(project)
    }

    /// Where clients dial a datacenter.
    pub fn address(&self, number: usize) -> SocketAddr {
        self.addresses[number]
    }

    /// Takes a datacenter off the network between them.
    ///
    /// # Errors
    /// The engine fails.
    pub fn disconnect(&self, number: usize) -> anyhow::Result<()> {
        self.docker(&["network", "disconnect", &self.between, &self.containers[number]])
    }

    /// Puts a datacenter on the network between them, under its name. Nothing happens if it is on it.
    ///
    /// # Errors
    /// The engine fails.
    pub fn connect(&self, number: usize) -> anyhow::Result<()> {
        if self.is_connected(number)? {
            return Ok(());
        }
        let container = &self.containers[number];
        self.docker(&[
            "network",
            "connect",
            "--alias",
            DATACENTERS[number],
            &self.between,
            container,
        ])
    }

    /// Does something to a container: `kill`, `start`, `restart`, `pause`, `unpause`.
    ///
    /// # Errors
    /// The engine fails.
    pub fn command(&self, verb: &str, number: usize) -> anyhow::Result<()> {
        self.docker(&[verb, &self.containers[number]])
    }

    /// What the engine thinks of a container's health: `starting`, `healthy`, `unhealthy`.
    ///
    /// # Errors
    /// The engine fails.
    pub fn health(&self, number: usize) -> anyhow::Result<String> {
        self.inspect(number, "{{.State.Health.Status}}")
    }

    /// The user that a container's process runs as.
    ///
    /// # Errors
    /// The engine fails.
    pub fn user(&self, number: usize) -> anyhow::Result<String> {
        let id = self.engine.docker(&["exec", &self.containers[number], "id", "-u"])?;
        Ok(id.trim().to_owned())
    }

    /// How a container is confined, in one line: its root file system read-only, bytes of memory, number of processes, capabilities taken away, options.
    ///
    /// # Errors
    /// The engine fails.
    pub fn confinement(&self, number: usize) -> anyhow::Result<String> {
        let fields = ["ReadonlyRootfs", "Memory", "PidsLimit", "CapDrop", "SecurityOpt"];
        let fields: Vec<String> = fields
            .iter()
            .map(|field| format!("{{{{.HostConfig.{field}}}}}"))
            .collect();
        self.inspect(number, &fields.join(" "))
    }

    /// The services of the file with a profile in force: it has to be well-formed, and so has all that it names.
    ///
    /// # Errors
    /// The engine does not take the file.
    pub fn services(&self, profile: &str) -> anyhow::Result<BTreeSet<String>> {
        let services = self.compose(&["--profile", profile, "config", "--services"])?;
        Ok(services.lines().map(str::to_owned).collect())
    }

    /// The last lines of the logs.
    pub fn log_tail(&self) -> String {
        let tail = self.compose(&["logs", "--no-color", "--tail", "20"]);
        tail.unwrap_or_else(|error| format!("{error:#}"))
    }

    fn is_connected(&self, number: usize) -> anyhow::Result<bool> {
        let networks = self.inspect(number, "{{range .NetworkSettings.Networks}}{{.NetworkID}} {{end}}")?;
        Ok(networks.split_whitespace().any(|id| id.starts_with(&self.between)))
    }

    fn inspect(&self, number: usize, format: &str) -> anyhow::Result<String> {
        let told = self
            .engine
            .docker(&["inspect", "--format", format, &self.containers[number]])?;
        Ok(told.trim().to_owned())
    }

    fn docker(&self, arguments: &[&str]) -> anyhow::Result<()> {
        self.engine.docker(arguments)?;
        Ok(())
    }

    fn compose(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let variables = [
            ("REJOIN_IMAGE", self.image.clone()),
            ("REJOIN_EAST_PORT", self.addresses[0].port().to_string()),
            ("REJOIN_WEST_PORT", self.addresses[1].port().to_string()),
        ];
        let (file, more) = (deploy("docker-compose.yml"), self.directory.path().join("hurried.yml"));
        let (file, more) = (file.to_string_lossy(), more.to_string_lossy());
        let common = ["--project-name", &self.name, "--file", &file, "--file", &more];
        self.engine
            .compose(&variables, &[common.as_slice(), arguments].concat())
            .with_context(|| format!("compose {}", arguments.join(" ")))
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // What cannot be removed here is removed at the next start.
        let _ = self.compose(&["down", "--volumes", "--timeout", "2"]);
    }
}

fn hurried_file() -> String {
    let settings: Vec<String> = hurried()
        .iter()
        .map(|(name, value)| format!("      {name}: \"{value}\"\n"))
        .collect();
    let service = |name| format!("  {name}:\n    environment:\n{}", settings.concat());
    format!("version: \"3.7\"\nservices:\n{}", DATACENTERS.map(service).concat())
}

/// Removes containers, networks and volumes of projects whose process has ended.
fn remove_stale(engine: &Engine) -> anyhow::Result<()> {
    let format = format!("{{{{.Label \"{PROJECT_LABEL}\"}}}}");
    let mut projects = BTreeSet::new();
    for kind in ["container", "network", "volume"] {
        let all = if kind == "container" {
            ["ls", "--all"].as_slice()
        } else {
            &["ls"]
        };
        let found = engine.docker(&[&[kind], all, &["--format", &format]].concat())?;
        projects.extend(found.lines().map(str::to_owned));
    }
    for project in projects {
        if owner(&project, PREFIX).is_none_or(is_alive) {
            continue;
        }
        let of_project = format!("label={PROJECT_LABEL}={project}");
        for (kind, list, remove) in [
            (
                "container",
                ["ls", "--all"].as_slice(),
                ["rm", "--force", "--volumes"].as_slice(),
            ),
            ("network", &["ls"], &["rm"]),
            ("volume", &["ls"], &["rm", "--force"]),
        ] {
            let found = engine.docker(&[&[kind], list, &["--quiet", "--filter", &of_project]].concat())?;
            for id in found.split_whitespace() {
                engine.docker(&[&[kind], remove, &[id]].concat())?;
            }
        }
    }
    Ok(())
}
