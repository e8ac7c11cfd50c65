//! The container engine of this machine.

use crate::process::run;

/// A container engine that answers, and its compose.
#[derive(Clone, Debug)]
pub struct Engine {
    compose: Vec<&'static str>,
}

impl Engine {
    /// The engine, or why there is none.
    ///
    /// # Errors
    /// The reason, in words.
    pub fn find() -> Result<Self, String> {
        if run("docker", ["info"]).is_err() {
            return Err("no container engine".to_owned());
        }
        let ways: [&[&str]; 2] = [&["docker", "compose"], &["docker-compose"]];
        let answers = |way: &&&[&str]| run(way[0], [&way[1..], &["version"]].concat()).is_ok();
        let compose = ways.iter().find(answers);
        let compose = compose.ok_or_else(|| "no docker compose".to_owned())?;
        Ok(Self {
            compose: compose.to_vec(),
        })
    }

    /// Runs `docker`.
    ///
    /// # Errors
    /// It fails; what it said is in the message.
    pub fn docker(&self, arguments: &[&str]) -> anyhow::Result<String> {
        run("docker", arguments)
    }

    /// Runs compose with these variables set.
    ///
    /// # Errors
    /// It fails; what it said is in the message.
    pub fn compose(&self, variables: &[(&str, String)], arguments: &[&str]) -> anyhow::Result<String> {
        let variables = variables.iter().map(|(name, value)| format!("{name}={value}"));
        let words = self.compose.iter().chain(arguments).map(|word| (*word).to_owned());
        run("env", variables.chain(words))
    }
}
