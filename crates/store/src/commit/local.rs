//! Documents that stay at this node.

use super::group::Group;
use crate::engine::Family;
use crate::error::CommitError;
use crate::keys::local;
use crate::operation::{LocalWrite, Outcome};

impl Group<'_> {
    pub(super) fn put_local(&mut self, write: LocalWrite) -> Result<Outcome, CommitError> {
        let LocalWrite {
            database,
            id,
            base,
            body,
        } = write;
        let database = self.database(&database)?;
        let key = local::key(database.number(), &id);
        let found = match self.locals.get(&key) {
            Some(staged) => *staged,
            None => match self.engine.get(Family::Local, &key)? {
                Some(value) => local::decode(&value)?.0,
                None => 0,
            },
        };
        if found != base {
            return Err(CommitError::LocalChanged { id, found });
        }
        let number = match &body {
            Some(_) => found + 1,
            None => 0,
        };
        match &body {
            Some(body) => self
                .batch
                .put(Family::Local, key.clone(), local::encode(number, &body.to_json())),
            None => self.batch.delete(Family::Local, key.clone()),
        }
        self.locals.insert(key, number);
        Ok(Outcome::LocalPut { number })
    }
}
