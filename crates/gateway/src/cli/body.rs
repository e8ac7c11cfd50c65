//! A body argument: the text itself, `-` for standard input or `@FILE`.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::str::FromStr;

use bytes::Bytes;

use super::failure::Failure;

/// More is not read: no node takes a larger message, and the client says so.
const BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Where a body comes from. No JSON object starts with `-` or `@`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BodyArgument {
    /// The argument is the body.
    Text(String),
    /// Standard input to its end.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl FromStr for BodyArgument {
    type Err = Infallible;

    fn from_str(argument: &str) -> Result<Self, Self::Err> {
        Ok(match argument.strip_prefix('@') {
            Some(path) => Self::File(path.into()),
            None if argument == "-" => Self::Stdin,
            None => Self::Text(argument.to_owned()),
        })
    }
}

impl BodyArgument {
    /// Reads the body. Whether it is JSON is for the node to say.
    pub(super) fn read(self) -> Result<Bytes, Failure> {
        match self {
            Self::Text(text) => Ok(text.into()),
            Self::Stdin => {
                read(io::stdin()).map_err(|error| Failure::Usage(format!("cannot read standard input: {error}")))
            }
            Self::File(path) => File::open(&path)
                .and_then(read)
                .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display()))),
        }
    }
}

fn read(source: impl Read) -> io::Result<Bytes> {
    let mut body = Vec::new();
    source.take(BYTES_MAX).read_to_end(&mut body)?;
    Ok(body.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_text_stdin_or_a_file() {
        let parse = |text: &str| BodyArgument::from_str(text).unwrap();
        assert_eq!(parse("{\"a\":1}"), BodyArgument::Text("{\"a\":1}".to_owned()));
        assert_eq!(parse("-"), BodyArgument::Stdin);
        assert_eq!(parse("@b.json"), BodyArgument::File("b.json".into()));
    }

    #[test]
    fn an_unreadable_file_is_a_usage_error_that_names_it() {
        let failure = BodyArgument::File("/does/not/exist".into()).read().unwrap_err();
        assert!(
            matches!(&failure, Failure::Usage(message) if message.contains("/does/not/exist")),
            "{failure:?}"
        );
    }
}
