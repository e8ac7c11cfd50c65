//! Failures of sessions and acknowledgements.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rejoin_api::{Reason, SessionTokenError};
use rejoin_document::DatacenterName;

use super::Failure;

/// Where a session's missing writes have to come from.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Whose writes are missing, as far as that is known here.
    pub datacenter: Option<DatacenterName>,
    /// The link that they would come over and that is down, and since when in milliseconds since 1970.
    pub down: Option<(DatacenterName, u64)>,
}

impl Failure {
    /// Bytes that are no token of a session with the database.
    pub fn session_token(error: SessionTokenError) -> Self {
        Self::new(Reason::InvalidSession, &error)
    }

    /// This node has not got yet what a session has seen.
    pub(crate) fn session_behind(gap: &Gap) -> Self {
        let whose = match &gap.datacenter {
            Some(datacenter) => format!("writes of {datacenter}"),
            None => "writes of a datacenter that it does not know yet".to_owned(),
        };
        let link = match &gap.down {
            Some((peer, since)) => format!("and the link with {peer} is down since {}; wait for it", time(*since)),
            None => "and they are on their way; try again".to_owned(),
        };
        let mut failure = Self::text(
            Reason::SessionBehind,
            format!(
                "this node does not have all that the session has seen: {whose} are missing, {link}, ask another \
                 datacenter, or allow a stale read"
            ),
        );
        if let Some(datacenter) = &gap.datacenter {
            failure = failure.with("datacenter", datacenter);
        }
        if let Some((peer, since)) = &gap.down {
            failure = failure.with("link", peer).with("since_unix_ms", since);
        }
        failure
    }

    /// What a session has seen was lost with the disk of a datacenter that was restored at `restored_unix_ms`.
    pub(crate) fn session_lost(datacenter: &DatacenterName, restored_unix_ms: Option<u64>) -> Self {
        let when = restored_unix_ms.map_or_else(String::new, |at| format!(" at {}", time(at)));
        let failure = Self::text(
            Reason::SessionLost,
            format!(
                "writes of {datacenter} that the session has seen were lost when {datacenter} was restored from an \
                 older state{when}; begin a new session, without its token"
            ),
        );
        let failure = failure.with("datacenter", datacenter);
        match restored_unix_ms {
            Some(at) => failure.with("restored_unix_ms", at),
            None => failure,
        }
    }

    /// An acknowledgement that cannot be had.
    pub fn acknowledgement(problem: &str) -> Self {
        Self::text(
            Reason::InvalidAcknowledge,
            format!("{problem}; ask for 1 to as many datacenters as there are, or for all"),
        )
    }

    /// Hands out what the session has seen with this answer.
    pub(crate) fn with_session_token(self, token: &[u8]) -> Self {
        self.with("session_token", URL_SAFE_NO_PAD.encode(token))
    }

    /// Whether the answer tells something of a document as it is.
    pub(crate) fn tells_of_document(&self) -> bool {
        matches!(
            self.reason,
            Reason::DocumentNotFound
                | Reason::DocumentExists
                | Reason::Conflict
                | Reason::ChecksumMismatch
                | Reason::BaseUnknown
                | Reason::BaseCompacted
                | Reason::PatchMisfit
                | Reason::BatchRefused
        )
    }
}

fn time(unix_ms: u64) -> String {
    let time = i64::try_from(unix_ms).ok();
    let time = time.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| format!("{unix_ms} ms"), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_is_behind_is_told_who_is_missing_since_when_and_what_to_do() {
        let gap = Gap {
            datacenter: Some("dc-west".parse().unwrap()),
            down: Some(("dc-west".parse().unwrap(), 1_700_000_000_500)),
        };
        let failure = Failure::session_behind(&gap);
        assert_eq!(
            failure.message(),
            "this node does not have all that the session has seen: writes of dc-west are missing, and the link with \
             dc-west is down since 2023-11-14T22:13:20.5Z; wait for it, ask another datacenter, or allow a stale read"
        );
        let metadata = [
            ("datacenter", "dc-west"),
            ("link", "dc-west"),
            ("since_unix_ms", "1700000000500"),
        ];
        assert_eq!(failure.metadata, metadata.map(|(key, value)| (key, value.to_owned())));
        assert!(Failure::session_behind(&Gap::default()).metadata.is_empty());
    }
}
