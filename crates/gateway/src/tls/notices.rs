//! Warnings about callers that are turned away: each said at once, and again only after a while, however often they call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rejoin_tls::Problem;
use tokio::time::Instant;

use crate::access::Denied;

/// How long the same caller with the same problem is not spoken of again.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Callers that are remembered at most; beyond it the one that was spoken of longest ago is forgotten.
const REMEMBERED_MAX: usize = 256;

/// What has been said. Cheap to clone; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notices(Arc<Mutex<BTreeMap<(String, &'static str), Instant>>>);

impl Notices {
    /// Warns of a caller that is refused, unless that was said a moment ago. `place` tells two callers apart.
    pub(crate) fn refused(&self, place: &str, problem: &Problem) {
        if self.is_news(place.to_owned(), problem.cause.kind(), Instant::now()) {
            tracing::warn!(caller = place, cause = problem.cause.kind(), %problem, "a caller is refused");
        }
    }

    /// Warns of a caller whose credentials are missing or wrong, likewise.
    pub(crate) fn denied(&self, place: &str, denied: &Denied) {
        let kind = match denied {
            Denied::Missing => "no credentials",
            Denied::Malformed => "malformed credentials",
            Denied::Wrong => "wrong credentials",
            Denied::Crowded(_) => "too many passwords to compare",
            Denied::Changed | Denied::Role { .. } => return,
        };
        if self.is_news(place.to_owned(), kind, Instant::now()) {
            tracing::warn!(caller = place, cause = kind, "a caller is refused");
        }
    }

    fn is_news(&self, place: String, kind: &'static str, now: Instant) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (place, kind);
        if said
            .get(&key)
            .is_some_and(|at| now.saturating_duration_since(*at) < AGAIN_AFTER)
        {
            return false;
        }
        if said.len() >= REMEMBERED_MAX {
            let oldest = said.iter().min_by_key(|(_, at)| **at).map(|(key, _)| key.clone());
            oldest.and_then(|key| said.remove(&key));
        }
        said.insert(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_that_comes_again_and_again_is_told_of_once_a_minute() {
        let (notices, begun) = (Notices::default(), Instant::now());
        let news = |kind, after| notices.is_news("10.0.0.1".to_owned(), kind, begun + Duration::from_secs(after));
        assert!(news("expired", 0));
        assert!(!news("expired", 59));
        assert!(news("other_authority", 59), "another problem is news");
        assert!(news("expired", 61));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (notices, begun) = (Notices::default(), Instant::now());
        for caller in 0..10 * REMEMBERED_MAX {
            let now = begun + Duration::from_millis(caller as u64);
            assert!(notices.is_news(caller.to_string(), "expired", now));
        }
        assert_eq!(notices.0.lock().unwrap().len(), REMEMBERED_MAX);
    }
}
