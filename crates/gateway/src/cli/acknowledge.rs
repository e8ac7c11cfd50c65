//! `--acknowledge` and `--request-id`: where a write has to be durable before the command ends, and what names it.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use rejoin_client::{Acknowledge, Client, WriteOptions, Written};

/// Milliseconds to wait for other datacenters at most.
const TIMEOUT_MS_MAX: u64 = 60_000;

/// How a write is acknowledged, and what names it.
#[derive(Debug, Args)]
pub(super) struct WriteArguments {
    /// Wait until so many datacenters have the write, the node's own included, or all of them [default: 1]
    #[arg(long, value_name = "N|all")]
    acknowledge: Option<Wanted>,
    /// Milliseconds to wait for the others [default: 5000]
    #[arg(
        long,
        value_name = "MS",
        requires = "acknowledge",
        value_parser = clap::value_parser!(u64).range(1..=TIMEOUT_MS_MAX)
    )]
    timeout: Option<u64>,
    /// Name the write, 1 to 128 bytes: sent again under the same name, here or in another datacenter, it is done once
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    request_id: Option<String>,
}

/// How many datacenters; none: all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted(Option<u32>);

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "all" => Ok(Self(None)),
            number => match number.parse() {
                Ok(number) => Ok(Self(Some(number))),
                Err(_) => Err("write a number of datacenters, or all".to_owned()),
            },
        }
    }
}

impl WriteArguments {
    /// The client, writing as it is asked for.
    pub(super) fn apply(&self, client: &Client) -> Client {
        let acknowledge = self.acknowledge.map(|Wanted(datacenters)| Acknowledge {
            datacenters,
            timeout: self.timeout.map(Duration::from_millis),
        });
        client.writing(WriteOptions {
            acknowledge,
            request_id: self.request_id.clone(),
        })
    }

    /// Whether an acknowledgement was asked for: only then the answer tells of it.
    pub(super) fn is_asked(&self) -> bool {
        self.acknowledge.is_some()
    }
}

/// Where a write is durable, in words.
pub(super) fn text(written: &Written) -> String {
    let durable = format!("durable in {}", written.durable_in.join(", "));
    if written.pending_in.is_empty() {
        durable
    } else {
        format!("{durable}; not yet in {}", written.pending_in.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_datacenters_or_all_is_wanted() {
        assert_eq!("all".parse(), Ok(Wanted(None)));
        assert_eq!("2".parse(), Ok(Wanted(Some(2))));
        for text in ["", "-1", "both", "2.0"] {
            assert!(text.parse::<Wanted>().is_err(), "{text}");
        }
    }
}
