//! Whose conventions a database follows where CouchDB and Sync Gateway differ.

use rejoin_document::{DatabaseName, Incarnation, Leaf, Sequence};

use super::answer::quoted;

/// The name of the database that clients of Sync Gateway's guide use.
const SYNC_GATEWAY: &str = "sync_gateway";

/// How changes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    /// Sequences name the log that they belong to: at another node they begin anew.
    CouchDb(Incarnation),
    /// Sequences are numbers. The first is taken by the guest's account, which the feed lists; the losers come in ascending order.
    SyncGateway,
}

impl Flavour {
    pub(super) fn of(database: &DatabaseName, incarnation: Incarnation) -> Self {
        match database.base().as_str() == SYNC_GATEWAY {
            true => Self::SyncGateway,
            false => Self::CouchDb(incarnation),
        }
    }

    /// Where a feed begins; `None`: it is no sequence. One of another log begins at the start, so that nothing is missed.
    pub(super) fn since(self, text: &str) -> Option<Since> {
        let text = text.trim_matches('"');
        if text == "now" {
            return Some(Since::Now);
        }
        let (number, log) = match text.split_once('-') {
            Some((number, log)) => (number, Some(log)),
            None => (text, None),
        };
        let number: u64 = number.parse().ok()?;
        Some(match self {
            Self::SyncGateway => Since::After {
                sequence: Sequence(number.saturating_sub(1)),
                account: number == 0,
            },
            Self::CouchDb(incarnation) => Since::After {
                sequence: match log {
                    Some(log) if log != format!("{:016x}", incarnation.0) => Sequence(0),
                    _ => Sequence(number),
                },
                account: false,
            },
        })
    }

    /// A sequence as JSON.
    pub(super) fn sequence(self, sequence: Sequence) -> String {
        match self {
            Self::SyncGateway => sequence.0.saturating_add(1).to_string(),
            Self::CouchDb(incarnation) => quoted(&format!("{}-{:016x}", sequence.0, incarnation.0)),
        }
    }

    /// The row of the guest's account, which has the first sequence.
    pub(super) fn account(self) -> &'static str {
        "{\"seq\":1,\"id\":\"_user/\",\"changes\":[{\"rev\":\"\"}]}"
    }

    /// The end of a feed; how many changes are left is said where it is none.
    pub(super) fn end(self, last: Sequence, finished: bool) -> String {
        let last_seq = self.sequence(last);
        match self {
            Self::SyncGateway => format!("\n],\n\"last_seq\":{}}}\n", quoted(&last_seq)),
            Self::CouchDb(_) if finished => format!("\n],\n\"last_seq\":{last_seq},\"pending\":0}}\n"),
            Self::CouchDb(_) => format!("\n],\n\"last_seq\":{last_seq}}}\n"),
        }
    }

    /// The open revisions in the order in which a change lists them.
    pub(super) fn order(self, mut leaves: Vec<Leaf>) -> Vec<Leaf> {
        if self == Self::SyncGateway
            && let Some(losers) = leaves.get_mut(1..)
        {
            losers.sort_by(|a, b| a.revision.cmp(&b.revision));
        }
        leaves
    }
}

/// Where a feed begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// With what is written from now on.
    Now,
    /// After a sequence.
    After {
        /// Of the store's log.
        sequence: Sequence,
        /// Whether the row of the guest's account comes first.
        account: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_of_another_log_begins_at_the_start() {
        let here = Flavour::CouchDb(Incarnation(7));
        let at = |sequence| {
            Some(Since::After {
                sequence: Sequence(sequence),
                account: false,
            })
        };
        assert_eq!(here.sequence(Sequence(12)), "\"12-0000000000000007\"");
        assert_eq!(here.since("12-0000000000000007"), at(12));
        assert_eq!(here.since("12-0000000000000008"), at(0));
        assert_eq!(here.since("12"), at(12));
        assert_eq!(here.since("now"), Some(Since::Now));
        assert_eq!(here.since("soon"), None);
    }

    #[test]
    fn the_guests_account_takes_the_first_number_of_sync_gateway() {
        let there = Flavour::SyncGateway;
        assert_eq!(there.sequence(Sequence(3)), "4");
        let since = |text| there.since(text);
        assert_eq!(
            since("0"),
            Some(Since::After {
                sequence: Sequence(0),
                account: true
            })
        );
        assert_eq!(
            since("4"),
            Some(Since::After {
                sequence: Sequence(3),
                account: false
            })
        );
    }
}
