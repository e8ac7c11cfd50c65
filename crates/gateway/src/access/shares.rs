//! Something bounded that clients share, so that none of them keeps the others out.
//!
//! One client alone may take up to the bound for one. Once half of the whole is taken, what is left goes to those who have taken little: each may
//! then hold an equal part of that half. So whoever is within such a part is let in, whatever others ask for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;

use super::ClientId;

/// Why nothing more is given out. It is said at once; nobody waits.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Crowded {
    /// The client has its share.
    #[error("this client has as many {what} as it may ({most}); wait for answers before you send more")]
    Client {
        /// What is shared, in the plural.
        what: &'static str,
        /// What the client may have now.
        most: usize,
    },
    /// All is given out.
    #[error("this node has as many {what} as it may ({whole}); try again in a moment")]
    Whole {
        /// What is shared, in the plural.
        what: &'static str,
        /// What there is.
        whole: usize,
    },
}

/// What there is, and who has how much of it. Cheap to clone; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Shares(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    what: &'static str,
    whole: usize,
    one: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by: HashMap<ClientId, usize>,
}

/// What a client has taken. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Share {
    shares: Shares,
    client: ClientId,
    size: usize,
}

impl Shares {
    /// `whole` of something, of which one client gets `one` at most; each counts as one at least. `what` names it in the plural.
    pub(crate) fn new(what: &'static str, whole: usize, one: usize) -> Self {
        Self(Arc::new(Shared {
            what,
            whole: whole.max(1),
            one: one.clamp(1, whole.max(1)),
            taken: Mutex::default(),
        }))
    }

    /// Takes `size`, or says at once why not. A client that holds nothing gets what it asks for, however large, while less than the whole is taken.
    ///
    /// # Errors
    ///
    /// The client has its share, or all is given out.
    pub(crate) fn take(&self, client: &ClientId, size: usize) -> Result<Share, Crowded> {
        let Shared { what, whole, one, .. } = &*self.0;
        let (what, whole) = (*what, *whole);
        let mut taken = self.taken();
        let held = taken.by.get(client).copied().unwrap_or(0);
        let clients = taken.by.len() + usize::from(held == 0);
        let most = match taken.all.saturating_add(size) > whole / 2 {
            true => (*one).min(whole / (2 * clients)).max(1),
            false => *one,
        };
        if held > 0 && held.saturating_add(size) > most {
            return Err(Crowded::Client { what, most });
        }
        if taken.all >= whole || (taken.all > 0 && held > 0 && taken.all.saturating_add(size) > whole) {
            return Err(Crowded::Whole { what, whole });
        }
        taken.all = taken.all.saturating_add(size);
        taken.by.insert(client.clone(), held.saturating_add(size));
        drop(taken);
        Ok(Share {
            shares: self.clone(),
            client: client.clone(),
            size,
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.taken();
        taken.all = taken.all.saturating_sub(self.size);
        match taken.by.get_mut(&self.client) {
            Some(held) if *held > self.size => *held -= self.size,
            // Who holds nothing is not remembered.
            _ => drop(taken.by.remove(&self.client)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn client(number: u8) -> ClientId {
        ClientId::Address([10, 0, 0, number].into())
    }

    #[test]
    fn one_that_floods_is_refused_at_its_bound_and_another_is_let_in() {
        let shares = Shares::new("calls", 100, 50);
        let flood: Vec<_> = (0..200).map_while(|_| shares.take(&client(1), 1).ok()).collect();
        assert_eq!(flood.len(), 50);
        assert_eq!(
            shares.take(&client(1), 1).unwrap_err(),
            Crowded::Client {
                what: "calls",
                most: 50
            }
        );
        let other: Vec<_> = (0..200).map_while(|_| shares.take(&client(2), 1).ok()).collect();
        assert_eq!(other.len(), 25, "half of what is left for both");
        drop(flood);
        assert!(shares.take(&client(1), 1).is_ok());
        drop(other);
        assert_eq!(shares.taken().by.len(), 0, "nobody is remembered who holds nothing");
        assert_eq!(shares.taken().all, 0);
    }

    #[test]
    fn what_is_larger_than_a_share_is_taken_of_one_that_holds_nothing() {
        let shares = Shares::new("bytes", 100, 50);
        let large = shares.take(&client(1), 80).unwrap();
        assert!(shares.take(&client(1), 1).is_err());
        let other = shares.take(&client(2), 80).unwrap();
        assert_eq!(
            shares.take(&client(3), 1).unwrap_err(),
            Crowded::Whole {
                what: "bytes",
                whole: 100
            }
        );
        drop((large, other));
        assert!(shares.take(&client(3), 1).is_ok());
    }

    proptest! {
        /// However others ask, what is taken stays below the bound, and a client that holds less than an equal part of the second half is let in
        /// while fewer than four others hold the rest.
        #[test]
        fn nobody_keeps_out_one_who_is_within_its_part(asks in prop::collection::vec((0u8..3, any::<bool>()), 0..400)) {
            let shares = Shares::new("calls", 64, 32);
            let mut held: Vec<(u8, Share)> = Vec::new();
            for (number, gives_back) in asks {
                match held.iter().position(|(who, _)| *who == number) {
                    Some(place) if gives_back => drop(held.swap_remove(place)),
                    _ => {
                        let own = held.iter().filter(|(who, _)| *who == number).count();
                        let taken = shares.take(&client(number), 1);
                        // Three clients, of whom each may hold a sixth of the whole in any case.
                        prop_assert!(taken.is_ok() || own >= 64 / 6);
                        held.extend(taken.ok().map(|share| (number, share)));
                    }
                }
                prop_assert_eq!(shares.taken().all, held.len());
                prop_assert!(held.len() <= 64);
            }
        }
    }
}
