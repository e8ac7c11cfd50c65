//! Which of several addresses the calls of a client go to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Addresses in the order of preference. Calls go to the first one, and to the others while it does not answer.
#[derive(Debug)]
pub(crate) struct Route {
    addresses: Vec<Arc<str>>,
    return_after: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    current: usize,
    /// When the first address was left, or last found to be still away.
    away_since: Option<Instant>,
    /// Whether somebody is looking if the first address is back.
    probing: bool,
}

impl Route {
    /// Over at least one address; `return_after`: how long the first one is left alone once it did not answer.
    pub(crate) fn new(addresses: impl IntoIterator<Item = Arc<str>>, return_after: Duration) -> Self {
        Self {
            addresses: addresses.into_iter().collect(),
            return_after,
            state: Mutex::default(),
        }
    }

    /// How many addresses there are.
    pub(crate) fn len(&self) -> usize {
        self.addresses.len()
    }

    /// The place of the address that calls go to now.
    pub(crate) fn current(&self) -> usize {
        self.state().current
    }

    /// The address at a place.
    pub(crate) fn address(&self, place: usize) -> &str {
        self.addresses.get(place).map_or("", |address| address)
    }

    /// The address at this place did not answer: calls go to the next one, unless another call has found that out already.
    pub(crate) fn failed(&self, place: usize) {
        let mut state = self.state();
        if state.current != place {
            return;
        }
        state.current = (place + 1) % self.addresses.len().max(1);
        state.away_since = (state.current != 0).then(Instant::now);
    }

    /// Whether it is time to look if the first address is back. Whoever is told so has to say what it found.
    pub(crate) fn should_probe(&self) -> bool {
        let mut state = self.state();
        let due = state
            .away_since
            .is_some_and(|since| since.elapsed() >= self.return_after);
        let probe = due && !state.probing;
        state.probing |= probe;
        probe
    }

    /// The first address answers again, or still does not.
    pub(crate) fn probed(&self, back: bool) {
        let mut state = self.state();
        state.probing = false;
        if back {
            state.current = 0;
            state.away_since = None;
        } else if state.away_since.is_some() {
            state.away_since = Some(Instant::now());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(return_after: Duration) -> Route {
        Route::new(["a", "b", "c"].map(Arc::from), return_after)
    }

    #[test]
    fn calls_go_round_the_addresses_and_two_that_failed_at_one_go_on_together() {
        let route = route(Duration::ZERO);
        for expected in ["a", "b", "c", "a"] {
            let place = route.current();
            assert_eq!(route.address(place), expected);
            route.failed(place);
            route.failed(place);
        }
    }

    #[test]
    fn the_first_address_is_looked_at_once_at_a_time_and_taken_again_when_it_is_back() {
        let patient = route(Duration::from_secs(3600));
        patient.failed(0);
        assert!(!patient.should_probe(), "it is left alone for a while");
        let route = route(Duration::ZERO);
        assert!(!route.should_probe(), "nobody has left it");
        route.failed(0);
        assert!(route.should_probe() && !route.should_probe());
        route.probed(false);
        assert_eq!(route.current(), 1);
        assert!(route.should_probe());
        route.probed(true);
        assert_eq!(route.current(), 0);
        assert!(!route.should_probe());
    }
}
