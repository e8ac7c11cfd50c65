//! The clients of a run with several datacenters: they do what the [`Generator`] draws, and go on with their session elsewhere when a node fails them.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use rejoin_client::{Bytes, Client, ClientOptions, Edit, ReadOptions};
use rejoin_document::Value;
use tokio::time::{Instant, sleep};

use super::{
    Base, BatchWrite, Change, Choice, Generator, How, Operation, Session, Sight, Workload, changed, merge_patch,
};
use crate::history::Json;
use crate::view::{Body, Candidate, Conflict, Contender};

/// A client waits so long for a node that has stopped in its tracks.
const DEADLINE: Duration = Duration::from_millis(1_500);
/// A node waits so long for what a session has seen elsewhere.
const WAIT: Duration = Duration::from_millis(150);
/// How long a client leaves a node alone that did not answer.
const AFTER_FAILURE: Duration = Duration::from_millis(30);

/// Where clients find a datacenter.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its name.
    pub datacenter: String,
    /// A client of its node; each session makes its own of it.
    pub client: Client,
    /// Where its node serves HTTP.
    pub http: Option<String>,
}

/// What a client has done, as far as the log does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roamed {
    /// Times that it went on at another datacenter.
    pub moves: usize,
    /// The most bytes that its token had.
    pub token_bytes_max: usize,
}

impl Site {
    /// The site of a node; `url` is where clients dial it.
    ///
    /// # Errors
    /// The address is none.
    pub fn new(datacenter: &str, url: &str) -> anyhow::Result<Self> {
        let options = ClientOptions {
            deadline: DEADLINE,
            connect_timeout: Duration::from_millis(400),
            attempts_max: 2,
            keepalive_interval: Duration::from_secs(1),
            keepalive_timeout: Duration::from_secs(1),
            ..ClientOptions::default()
        };
        let read = ReadOptions {
            wait: Some(WAIT),
            ..ReadOptions::default()
        };
        Ok(Self {
            datacenter: datacenter.to_owned(),
            client: Client::with_options(url, options)?.reading(read),
            http: None,
        })
    }

    /// The same site, whose node serves HTTP there.
    pub fn with_http(self, url: Option<String>) -> Self {
        Self { http: url, ..self }
    }
}

/// Works until `end`, at first at the site with number `home`.
///
/// # Errors
/// The log cannot be written.
pub async fn roam(
    session: &mut Session,
    random: &mut StdRng,
    (sites, home): (&[Site], usize),
    workload: &Workload,
    end: Instant,
) -> anyhow::Result<Roamed> {
    let (mut roamed, mut place) = (Roamed::default(), home);
    let mut roamer = Roamer {
        generator: Generator::new(workload, session.name()),
        memory: BTreeMap::new(),
    };
    while Instant::now() < end {
        let operation = roamer.generator.next(random);
        let answered = roamer.perform(session, &operation).await?;
        roamed.token_bytes_max = roamed.token_bytes_max.max(session.token_bytes());
        if !answered {
            sleep(AFTER_FAILURE).await;
        }
        let step = match operation {
            Operation::FailOver { to } => Some(to as usize),
            _ if !answered && random.random_bool(0.5) => Some(random.random_range(0..sites.len())),
            _ => None,
        };
        if let Some(step) = step.filter(|_| sites.len() > 1) {
            place = (place + 1 + step % (sites.len() - 1)) % sites.len();
            session.move_to(&sites[place]);
            roamed.moves += 1;
        }
        sleep(Duration::from_millis(roamer.generator.pause_ms(random))).await;
    }
    Ok(roamed)
}

/// Sights of each document that a client remembers.
const REMEMBERED_MAX: usize = 5;

struct Roamer {
    generator: Generator,
    /// What the client has read of each document, the newest first.
    memory: BTreeMap<String, Vec<Sight>>,
}

impl Roamer {
    /// Does one operation; answers whether the node answered the read that it begins with.
    async fn perform(&mut self, session: &mut Session, operation: &Operation) -> anyhow::Result<bool> {
        match operation {
            Operation::ReadMany { documents } => Ok(self.look_at_all(session, documents).await.is_some()),
            Operation::Batch { writes } => self.batch(session, writes).await,
            Operation::FailOver { .. } => Ok(true),
            Operation::Update { document, base, .. }
            | Operation::Patch { document, base, .. }
            | Operation::Delete { document, base } => {
                let Some(sight) = self.base(session, document, *base).await else {
                    return Ok(false);
                };
                write(session, operation, document, &sight).await?;
                Ok(true)
            }
            Operation::Create { document, .. }
            | Operation::Increment { document, .. }
            | Operation::Add { document, .. }
            | Operation::Discard { document, .. }
            | Operation::Read { document }
            | Operation::Resolve { document, .. } => {
                let Some(sight) = self.look(session, document).await else {
                    return Ok(false);
                };
                write(session, operation, document, &sight).await?;
                Ok(true)
            }
        }
    }

    async fn base(&mut self, session: &mut Session, document: &str, base: Base) -> Option<Sight> {
        if let Some(sight) = self.memory.get(document).and_then(|sights| recalled(sights, base)) {
            return Some(sight.clone());
        }
        self.look(session, document).await
    }

    async fn look(&mut self, session: &mut Session, document: &str) -> Option<Sight> {
        let sight = session.read(document).await.ok()?;
        self.remember(document, &sight);
        Some(sight)
    }

    async fn look_at_all(&mut self, session: &mut Session, documents: &[String]) -> Option<Vec<Sight>> {
        let sights = session.read_many(documents).await.ok()?;
        for (document, sight) in documents.iter().zip(&sights) {
            self.remember(document, sight);
        }
        Some(sights)
    }

    fn remember(&mut self, document: &str, sight: &Sight) {
        let sights = self.memory.entry(document.to_owned()).or_default();
        sights.insert(0, sight.clone());
        sights.truncate(REMEMBERED_MAX);
    }

    /// Reads all documents on one snapshot and writes them in one batch: creates what is absent, changes or deletes what is not.
    async fn batch(&mut self, session: &mut Session, writes: &[Operation]) -> anyhow::Result<bool> {
        let documents = writes.iter().flat_map(Operation::documents).map(str::to_owned);
        let documents: Vec<String> = documents.collect();
        let Some(sights) = self.look_at_all(session, &documents).await else {
            return Ok(false);
        };
        let mut bodies: Vec<Option<Body>> = Vec::new();
        for (write, sight) in writes.iter().zip(&sights) {
            let before = sight.view.as_ref().map(|view| &view.body);
            bodies.push(match write {
                Operation::Update { changes, .. } => Some(changed(before, changes)?),
                Operation::Create { body, .. } => Some(body.clone()),
                _ => None,
            });
        }
        let parts = documents.iter().zip(&sights).zip(&bodies);
        // What is absent cannot be deleted.
        let parts = parts.filter(|((_, sight), body)| sight.view.is_some() || body.is_some());
        let parts: Vec<_> = parts
            .map(|((document, sight), body)| BatchWrite {
                document,
                sight,
                body: body.as_ref(),
            })
            .collect();
        if parts.len() > 1 {
            session.write_all(&parts).await?;
        }
        Ok(true)
    }
}

/// The sight that an operation builds on; `None`: the document is to be read afresh. Where nothing was shown nobody can tell from outside what a creation
/// meets later.
fn recalled(sights: &[Sight], base: Base) -> Option<&Sight> {
    let Base::Remembered(age) = base else { return None };
    let sight = sights.get(age as usize).or(sights.last())?;
    sight.view.is_some().then_some(sight)
}

/// Writes a document that was read, if the operation has something to write.
async fn write(session: &mut Session, operation: &Operation, document: &str, sight: &Sight) -> anyhow::Result<()> {
    let before = sight.view.as_ref().map(|view| &view.body);
    let (body, how) = match operation {
        Operation::Update {
            changes, on_conflict, ..
        } => (changed(before, changes)?, How::Whole((*on_conflict).into())),
        Operation::Patch {
            changes, on_conflict, ..
        } => {
            let after = changed(before, changes)?;
            let patch = merge_patch(&after, changes)?;
            (after, How::Patch(patch, (*on_conflict).into()))
        }
        Operation::Create { body, .. } if before.is_none() => {
            (body.clone(), How::Whole(rejoin_client::OnConflict::Merge))
        }
        Operation::Delete { .. } if before.is_some() => {
            session.delete(document, sight).await?;
            return Ok(());
        }
        Operation::Increment { path, by, request, .. } if before.is_some_and(|body| is_integer(body, path)) => {
            let change = Change::Increase {
                path: path.clone(),
                by: *by,
            };
            let edit = Edit::Increment {
                path: path.clone(),
                by: *by,
            };
            (changed(before, &[change])?, How::Verb(edit, request.clone()))
        }
        Operation::Add { path, element, .. } if before.is_some_and(|body| body.elements(path).is_some()) => {
            let change = Change::Add {
                path: path.clone(),
                element: element.clone(),
            };
            let elements = Json::array(&[Json::string(element)]);
            let edit = Edit::Add {
                path: path.clone(),
                elements: Bytes::from(elements.as_str().to_owned()),
            };
            (changed(before, &[change])?, How::Verb(edit, None))
        }
        Operation::Discard { path, index, .. } if before.is_some_and(|body| !elements(body, path).is_empty()) => {
            let change = Change::Discard {
                path: path.clone(),
                index: *index,
            };
            (
                changed(before, &[change])?,
                How::Whole(rejoin_client::OnConflict::Merge),
            )
        }
        Operation::Resolve { index, choice, .. } => return resolve(session, document, sight, *index, choice).await,
        // What there is to do depends on what is there.
        _ => return Ok(()),
    };
    session.write_as(document, sight, &body, &how).await?;
    Ok(())
}

/// Settles a conflict of values without parts; what else competes is settled by ordinary writes.
async fn resolve(
    session: &mut Session,
    document: &str,
    sight: &Sight,
    index: u32,
    choice: &Choice,
) -> anyhow::Result<()> {
    let Some(view) = &sight.view else { return Ok(()) };
    let mut simple = view.conflicts.iter().filter(|conflict| is_simple(conflict));
    let count = simple.clone().count();
    if count == 0 {
        return Ok(());
    }
    let Some(conflict) = simple.nth(index as usize % count) else {
        return Ok(());
    };
    let value = match choice {
        Choice::Shown => view.body.get(&conflict.path),
        Choice::Candidate(number) => {
            let candidates = &conflict.candidates;
            let candidate = candidates.get(*number as usize % candidates.len().max(1));
            candidate.and_then(|candidate| match &candidate.kind {
                Contender::Value(value) => Some(Json::of(value)),
                _ => None,
            })
        }
        Choice::Value(text) => Some(Json::string(text)),
    };
    if let Some(value) = value {
        session.resolve(document, sight, &conflict.path, &value).await?;
    }
    Ok(())
}

/// Whether texts compete, and nothing else.
fn is_simple(conflict: &Conflict) -> bool {
    let is_text = |candidate: &Candidate| matches!(&candidate.kind, Contender::Value(Value::String(_)));
    !conflict.path.is_empty() && conflict.candidates.iter().all(is_text)
}

fn is_integer(body: &Body, path: &str) -> bool {
    body.get(path).is_some_and(|value| value.as_integer().is_some())
}

fn elements(body: &Body, path: &str) -> Vec<Json> {
    body.elements(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::planted::view;

    fn sight(at: u64, body: Option<&str>) -> Sight {
        Sight {
            asked: at,
            at,
            view: body.map(view),
            certain: None,
        }
    }

    #[test]
    fn an_old_sight_is_built_on_only_if_it_showed_a_document() {
        let sights = [sight(3, Some("{}")), sight(2, None), sight(1, Some("{}"))];
        let at = |base| recalled(&sights, base).map(|sight| sight.at);
        assert_eq!(at(Base::Remembered(0)), Some(3));
        assert_eq!(at(Base::Remembered(1)), None, "nothing was shown");
        assert_eq!(at(Base::Remembered(2)), Some(1));
        assert_eq!(at(Base::Remembered(9)), Some(1), "the oldest that is remembered");
        assert_eq!(at(Base::Fresh), None);
    }
}
