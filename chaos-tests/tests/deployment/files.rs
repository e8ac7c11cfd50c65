//! The files of `deploy/`, read strictly: a key that is not known here is an error, as it would be for the program that the file is for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A compose file without its extension fields (`x-…`), whose contents are merged into the services.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Compose {
    pub(crate) version: String,
    pub(crate) services: BTreeMap<String, Service>,
    #[serde(default)]
    pub(crate) networks: BTreeMap<String, Network>,
    #[serde(default)]
    pub(crate) volumes: BTreeMap<String, Volume>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Service {
    pub(crate) image: String,
    pub(crate) build: Option<Build>,
    pub(crate) profiles: Vec<String>,
    pub(crate) restart: String,
    pub(crate) stop_grace_period: String,
    pub(crate) user: String,
    pub(crate) read_only: bool,
    pub(crate) cap_drop: Vec<String>,
    pub(crate) cap_add: Vec<String>,
    pub(crate) security_opt: Vec<String>,
    pub(crate) mem_limit: String,
    pub(crate) pids_limit: u32,
    pub(crate) environment: Value,
    pub(crate) hostname: String,
    pub(crate) entrypoint: Value,
    pub(crate) command: Value,
    pub(crate) networks: Vec<String>,
    pub(crate) network_mode: String,
    pub(crate) ports: Vec<String>,
    pub(crate) volumes: Vec<String>,
    pub(crate) healthcheck: Option<Healthcheck>,
    pub(crate) depends_on: BTreeMap<String, Dependency>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Build {
    pub(crate) context: String,
    pub(crate) dockerfile: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Healthcheck {
    pub(crate) test: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dependency {
    pub(crate) condition: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Network {
    #[serde(default)]
    pub(crate) internal: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Volume {}

impl Compose {
    pub(crate) fn read(name: &str) -> anyhow::Result<Self> {
        let mut file: Value = yaml(name)?;
        let keys = file.as_object_mut().context("no mapping")?;
        keys.retain(|key, _| !key.starts_with("x-"));
        serde_json::from_value(file).with_context(|| format!("{name} is no compose file that is known here"))
    }

    pub(crate) fn service(&self, name: &str) -> anyhow::Result<&Service> {
        self.services.get(name).with_context(|| format!("no service {name}"))
    }
}

impl Service {
    /// The command in words.
    pub(crate) fn words(&self) -> Vec<&str> {
        self.command.as_str().unwrap_or_default().split_whitespace().collect()
    }

    /// A variable that the file itself sets.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name)?.as_str()
    }
}

/// A file of `deploy/`.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(name)
}

pub(crate) fn text(name: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(path(name)).with_context(|| format!("deploy/{name}"))
}

pub(crate) fn yaml<T: DeserializeOwned>(name: &str) -> anyhow::Result<T> {
    serde_saphyr::from_str(&text(name)?).map_err(|error| anyhow::anyhow!("deploy/{name}: {error}"))
}

/// `host:container:ro` or `host:container` as the two, whatever variables are in the former.
pub(crate) fn mount(volume: &str) -> anyhow::Result<(&str, &str)> {
    let volume = volume.strip_suffix(":ro").unwrap_or(volume);
    volume
        .rsplit_once(':')
        .with_context(|| format!("{volume} mounts nothing"))
}
