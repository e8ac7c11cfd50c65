//! Comparing two nodes and mending what differs: one database after the other, digest, then buckets, then the entries of each bucket that
//! differs, then the whole states of the documents that differ. Whatever the knowledge says: a node that was restored from a backup may show
//! what all others have forgotten.
//!
//! ```text
//!   CompareDigest --> equal knowledge? --no--> wait, again (bounded)
//!                          | yes                  | tries used up
//!                     equal roots? --yes----------|--> next database
//!                          | no                   |
//!                     FetchBuckets           FetchBuckets, wait, FetchBuckets
//!                          | those that differ    | those that differ twice alike
//!                          '----> FetchBucket <---'
//!                                  --> FetchDocuments --> apply
//! ```
//!
//! A difference proves a fault only under equal knowledge; without it one side may simply not have received everything yet. It must also be seen
//! twice unchanged: documents run ahead of the knowledge that follows them at the end of a scan. Where writes never pause, knowledge is never
//! equal: then a bucket is suspect in which neither side changed anything for a while and that differs all the same. What is written meanwhile lies
//! in other buckets, so a busy database is not exchanged as a whole.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rejoin_document::{DatabaseName, DocumentId, ItemHash, SetHash};

use crate::heal::Counts;
use crate::message::{BucketEntries, Digest, Documents, Item, Message};
use crate::puller::PullerCommand;
use crate::{LinkOptions, Timestamp};

/// What moves a comparison on.
pub(crate) enum Input {
    Tick,
    TheirDigest(Digest),
    OurDigest(Digest),
    TheirBuckets(DatabaseName, Vec<SetHash>),
    OurBuckets(DatabaseName, Vec<SetHash>),
    TheirBucket(BucketEntries),
    OurBucket(BucketEntries),
    Documents(Documents),
    Repaired(Counts),
}

/// What a comparison wants done next.
pub(crate) enum Act {
    Nothing,
    Command(PullerCommand),
    Repair { database: DatabaseName, items: Vec<Item> },
    Done,
}

enum Step {
    Wait {
        until: Timestamp,
    },
    TheirDigest,
    OurDigest {
        theirs: Digest,
    },
    TheirBuckets {
        sift: Sift,
    },
    OurBuckets {
        sift: Sift,
        theirs: Vec<SetHash>,
    },
    Suspect {
        until: Timestamp,
        differences: Differences,
    },
    TheirBucket {
        rest: Vec<u16>,
    },
    OurBucket {
        rest: Vec<u16>,
        theirs: BucketEntries,
    },
    Documents {
        rest: Vec<u16>,
        ids: VecDeque<DocumentId>,
        asked: usize,
    },
    Repair {
        rest: Vec<u16>,
        ids: VecDeque<DocumentId>,
    },
    Done,
}

/// Buckets that differ, each with their hash and ours.
type Differences = BTreeMap<u16, (SetHash, SetHash)>;

/// Which of the buckets that differ are looked into.
enum Sift {
    /// All: the knowledge is equal.
    All,
    /// Those that differ in the same way a while later.
    Later,
    /// Those that differed in the same way a while ago.
    Again(Differences),
}

/// Documents that differ of which one database lists the ids.
const IDS_MAX: usize = 100;

/// What a comparison found in one database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ComparedDatabase {
    /// The database.
    pub name: DatabaseName,
    /// Whether the digests were equal before anything was mended. None: they could not be compared, because writes never paused.
    pub equal: Option<bool>,
    /// Buckets that differed.
    pub buckets: u64,
    /// Documents that differed.
    pub documents: u64,
    /// The first 100 of them.
    pub ids: Vec<DocumentId>,
    /// Documents whose state here changed.
    pub repaired: u64,
}

impl ComparedDatabase {
    fn begin(name: DatabaseName) -> Self {
        Self {
            name,
            equal: None,
            buckets: 0,
            documents: 0,
            ids: Vec::new(),
            repaired: 0,
        }
    }

    fn differ(&mut self, ids: &VecDeque<DocumentId>) {
        self.documents += ids.len() as u64;
        let room = IDS_MAX.saturating_sub(self.ids.len());
        self.ids.extend(ids.iter().take(room).cloned());
    }
}

/// One comparison of all databases with one peer.
pub(crate) struct Comparison {
    /// Names it for an operator who waits for it; then what each database held is kept.
    pub(crate) ticket: Option<u64>,
    /// What was found in the databases before the current one.
    pub(crate) found: Vec<ComparedDatabase>,
    here: ComparedDatabase,
    current: DatabaseName,
    waiting: VecDeque<DatabaseName>,
    step: Step,
    tries_max: u32,
    tries_left: u32,
    retry_ms: u64,
    fetch_max: usize,
    /// The two roots that differed at the last try.
    seen: Option<(SetHash, SetHash)>,
    different: bool,
    inconclusive: bool,
    /// Documents whose state here changed.
    pub(crate) repaired: u64,
}

impl Comparison {
    /// A comparison of these databases, and its first act.
    pub(crate) fn begin(databases: Vec<DatabaseName>, ticket: Option<u64>, options: &LinkOptions) -> (Self, Act) {
        let mut comparison = Self {
            ticket,
            found: Vec::new(),
            here: ComparedDatabase::begin(DatabaseName::system()),
            current: DatabaseName::system(),
            waiting: databases.into(),
            step: Step::Done,
            tries_max: options.compare_tries_max,
            tries_left: 0,
            retry_ms: options.compare_retry_ms,
            fetch_max: options.fetch_documents_max.max(1),
            seen: None,
            different: false,
            inconclusive: false,
            repaired: 0,
        };
        let act = comparison.next_database();
        (comparison, act)
    }

    /// Whether all digests were equal, as far as they could be compared.
    pub(crate) fn equal(&self) -> Option<bool> {
        match (self.different, self.inconclusive) {
            (true, _) => Some(false),
            (false, true) => None,
            (false, false) => Some(true),
        }
    }

    /// Moves on. What was not asked for, or belongs to another database, changes nothing.
    pub(crate) fn handle(&mut self, now: Timestamp, input: Input) -> Act {
        match (std::mem::replace(&mut self.step, Step::Done), input) {
            (Step::Wait { until }, Input::Tick) if now >= until => self.ask_digest(),
            (Step::TheirDigest, Input::TheirDigest(theirs)) if theirs.database == self.current => {
                self.step = Step::OurDigest { theirs };
                Act::Command(PullerCommand::ReadDigest {
                    database: self.current.clone(),
                })
            }
            (Step::OurDigest { theirs }, Input::OurDigest(ours)) if ours.database == self.current => {
                self.compare(now, &theirs, &ours)
            }
            (Step::Suspect { until, differences }, Input::Tick) if now >= until => {
                self.ask_buckets(Sift::Again(differences))
            }
            (Step::TheirBuckets { sift }, Input::TheirBuckets(database, theirs)) if database == self.current => {
                self.step = Step::OurBuckets { sift, theirs };
                Act::Command(PullerCommand::ReadBuckets {
                    database: self.current.clone(),
                })
            }
            (Step::OurBuckets { sift, theirs }, Input::OurBuckets(database, ours)) if database == self.current => {
                self.sift(now, sift, differences(&theirs, &ours))
            }
            (Step::TheirBucket { rest }, Input::TheirBucket(theirs)) if theirs.database == self.current => {
                let bucket = theirs.bucket;
                self.step = Step::OurBucket { rest, theirs };
                Act::Command(PullerCommand::ReadBucket {
                    database: self.current.clone(),
                    bucket,
                })
            }
            (Step::OurBucket { rest, theirs }, Input::OurBucket(ours)) if ours.database == self.current => {
                let ids = different_documents(&theirs.entries, &ours.entries);
                self.here.differ(&ids);
                self.next_documents(rest, ids)
            }
            (Step::Documents { rest, ids, asked }, Input::Documents(documents))
                if documents.database == self.current =>
            {
                self.repair(rest, ids, asked, documents)
            }
            (Step::Repair { rest, ids }, Input::Repaired(counts)) => {
                let repaired = counts.fast_forwarded + counts.merged;
                self.repaired += repaired;
                self.here.repaired += repaired;
                self.next_documents(rest, ids)
            }
            (step, _) => {
                self.step = step;
                Act::Nothing
            }
        }
    }

    fn next_database(&mut self) -> Act {
        match self.waiting.pop_front() {
            Some(database) => {
                self.here = ComparedDatabase::begin(database.clone());
                self.current = database;
                self.tries_left = self.tries_max;
                self.seen = None;
                self.ask_digest()
            }
            None => {
                self.step = Step::Done;
                Act::Done
            }
        }
    }

    fn ask_digest(&mut self) -> Act {
        self.step = Step::TheirDigest;
        Act::Command(PullerCommand::Send(Message::CompareDigest {
            database: self.current.clone(),
        }))
    }

    fn compare(&mut self, now: Timestamp, theirs: &Digest, ours: &Digest) -> Act {
        let (equal, roots) = (theirs.root == ours.root, (theirs.root, ours.root));
        let stable = equal || self.seen == Some(roots);
        let conclusive = theirs.knowledge == ours.knowledge && stable;
        self.seen = Some(roots);
        if !conclusive && self.tries_left > 0 {
            self.tries_left -= 1;
            self.step = Step::Wait {
                until: now.plus(self.retry_ms),
            };
            return Act::Nothing;
        }
        self.inconclusive |= !conclusive;
        self.different |= conclusive && !equal;
        self.here.equal = conclusive.then_some(equal);
        if equal {
            return self.end_database();
        }
        self.ask_buckets(if conclusive { Sift::All } else { Sift::Later })
    }

    fn ask_buckets(&mut self, sift: Sift) -> Act {
        self.step = Step::TheirBuckets { sift };
        Act::Command(PullerCommand::Send(Message::FetchBuckets {
            database: self.current.clone(),
        }))
    }

    fn sift(&mut self, now: Timestamp, sift: Sift, found: Differences) -> Act {
        match sift {
            Sift::All => self.begin_buckets(found.into_keys().collect()),
            Sift::Later => {
                let until = now.plus(self.retry_ms);
                let differences = found;
                self.step = Step::Suspect { until, differences };
                Act::Nothing
            }
            Sift::Again(before) => {
                let still = found
                    .into_iter()
                    .filter(|(bucket, hashes)| before.get(bucket) == Some(hashes));
                self.begin_buckets(still.map(|(bucket, _)| bucket).collect())
            }
        }
    }

    fn begin_buckets(&mut self, buckets: Vec<u16>) -> Act {
        self.here.buckets = buckets.len() as u64;
        self.next_bucket(buckets)
    }

    fn next_bucket(&mut self, mut rest: Vec<u16>) -> Act {
        match rest.pop() {
            Some(bucket) => {
                self.step = Step::TheirBucket { rest };
                Act::Command(PullerCommand::Send(Message::FetchBucket {
                    database: self.current.clone(),
                    bucket,
                }))
            }
            None => self.end_database(),
        }
    }

    fn end_database(&mut self) -> Act {
        if self.ticket.is_some() {
            self.found.push(self.here.clone());
        }
        self.next_database()
    }

    fn next_documents(&mut self, rest: Vec<u16>, ids: VecDeque<DocumentId>) -> Act {
        if ids.is_empty() {
            return self.next_bucket(rest);
        }
        let asked: Vec<DocumentId> = ids.iter().take(self.fetch_max).cloned().collect();
        self.step = Step::Documents {
            rest,
            ids,
            asked: asked.len(),
        };
        Act::Command(PullerCommand::Send(Message::FetchDocuments {
            database: self.current.clone(),
            ids: asked,
        }))
    }

    /// An answer that answers nothing would be asked for without end: it counts as one document, which the next comparison finds again.
    fn repair(&mut self, rest: Vec<u16>, mut ids: VecDeque<DocumentId>, asked: usize, documents: Documents) -> Act {
        let answered = usize::try_from(documents.answered)
            .unwrap_or(usize::MAX)
            .clamp(1, asked);
        ids.drain(..answered.min(ids.len()));
        if documents.items.is_empty() {
            return self.next_documents(rest, ids);
        }
        self.step = Step::Repair { rest, ids };
        Act::Repair {
            database: self.current.clone(),
            items: documents.items,
        }
    }
}

fn differences(theirs: &[SetHash], ours: &[SetHash]) -> Differences {
    let at = |hashes: &[SetHash], bucket: u16| hashes.get(usize::from(bucket)).copied().unwrap_or(SetHash::EMPTY);
    (0..rejoin_document::BUCKETS)
        .map(|bucket| (bucket, (at(theirs, bucket), at(ours, bucket))))
        .filter(|(_, (theirs, ours))| theirs != ours)
        .collect()
}

/// Documents whose entries differ or that only one side shows: what is deleted at one side has no entry there.
fn different_documents(theirs: &[(DocumentId, ItemHash)], ours: &[(DocumentId, ItemHash)]) -> VecDeque<DocumentId> {
    let theirs: BTreeMap<&DocumentId, ItemHash> = theirs.iter().map(|(id, hash)| (id, *hash)).collect();
    let ours: BTreeMap<&DocumentId, ItemHash> = ours.iter().map(|(id, hash)| (id, *hash)).collect();
    let all: BTreeSet<&DocumentId> = theirs.keys().chain(ours.keys()).copied().collect();
    all.into_iter()
        .filter(|id| theirs.get(id) != ours.get(id))
        .cloned()
        .collect()
}
