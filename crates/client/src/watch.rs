//! What a watch asks for, and where it stands.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use rejoin_api::proto;
use thiserror::Error;

/// Where a watch stands. Opaque: nodes make tokens and read them, those of other datacenters too. Printed as hex.
///
/// It does not expire. At the node that gave it out, a watch goes on exactly there; at another one, or after that node was restored from a backup,
/// some changes may come again and none is left out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WatchToken(Bytes);

/// A text that is no token.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a token is an even number of hex digits, as `rejoin changes` prints it")]
pub struct InvalidWatchToken;

/// Where a watch begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WatchFrom {
    /// With the first change that is in the log: every document comes once.
    #[default]
    Start,
    /// With what changes from now on.
    Now,
    /// After the change, or heartbeat, that carried this token.
    After(WatchToken),
}

/// What a watch asks for. By default all documents of the database, once each, without bodies, to the end of what is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// Where it begins.
    pub from: WatchFrom,
    /// Whether it goes on with the changes to come; otherwise it ends when it has caught up.
    pub follow: bool,
    /// Only ids that begin with this.
    pub prefix: String,
    /// Only these ids, at most 1000; none: all.
    pub ids: Vec<String>,
    /// Whether changes carry the documents' bodies.
    pub bodies: bool,
    /// How long nothing comes before the node sends a heartbeat with a new token, 100 ms to 10 min. Default: 30 s.
    pub heartbeat: Option<Duration>,
}

impl WatchToken {
    /// A token that was kept as bytes.
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, to be kept as they are.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for WatchToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl FromStr for WatchToken {
    type Err = InvalidWatchToken;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digit = |character: char| character.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digits: Option<Vec<u8>> = text.chars().map(digit).collect();
        let digits = digits.filter(|digits| !digits.is_empty() && digits.len() % 2 == 0);
        let bytes = digits.ok_or(InvalidWatchToken)?;
        Ok(Self(bytes.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()))
    }
}

impl Watch {
    pub(crate) fn to_proto(&self, database: &str, options: proto::ReadOptions) -> proto::WatchChangesRequest {
        let resume_token = match &self.from {
            WatchFrom::After(token) => token.0.clone(),
            WatchFrom::Start | WatchFrom::Now => Bytes::new(),
        };
        // The node judges what is out of bounds; 0 would mean its default.
        let heartbeat_ms = |heartbeat: Duration| u32::try_from(heartbeat.as_millis()).unwrap_or(u32::MAX).max(1);
        proto::WatchChangesRequest {
            database: database.to_owned(),
            resume_token,
            until_current: !self.follow,
            from_now: self.from == WatchFrom::Now,
            prefix: self.prefix.clone(),
            ids: self.ids.clone(),
            include_bodies: self.bodies,
            heartbeat_ms: self.heartbeat.map(heartbeat_ms).unwrap_or_default(),
            options: Some(options),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_from_its_text_and_other_texts_are_refused() {
        let token = WatchToken::from_bytes(vec![0, 1, 0xab, 0xff]);
        assert_eq!(token.to_string(), "0001abff");
        assert_eq!("0001ABff".parse(), Ok(token));
        for text in ["", "0", "0g", "yesterday", "12 "] {
            assert_eq!(text.parse::<WatchToken>(), Err(InvalidWatchToken), "{text}");
        }
    }
}
