//! `digest`: one value that is equal on equal nodes.

use std::fmt::Write;

use clap::Args;
use serde::Serialize;

use super::connection::Connection;
use super::failure::Failure;
use super::help::json_help;

/// Prints the root digest over all live documents in hex.
#[derive(Debug, Args)]
#[command(after_help = json_help!(
    "{\"digest\"}."
))]
pub struct Digest {
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Serialize)]
struct DigestJson {
    digest: String,
}

impl Digest {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let digest = hex(&self.connection.client()?.digest().await?);
        let mut output = self.connection.output();
        if self.connection.json {
            output.json(&DigestJson { digest })?;
        } else {
            output.line(digest)?;
        }
        output.finish()
    }
}

/// Lower case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
