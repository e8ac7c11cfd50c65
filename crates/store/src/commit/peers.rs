//! Small facts about peers: cut links, catching up, heal reports.

use rejoin_document::{DatacenterName, HlcTime};

use super::group::Group;
use crate::engine::Family;
use crate::error::CommitError;
use crate::keys::heals;
use crate::keys::peers::{self, PeerKey};
use crate::operation::Outcome;

impl Group<'_> {
    pub(super) fn set_link_cut(&mut self, peer: DatacenterName, cut: bool) -> Result<Outcome, CommitError> {
        if !self.state.peers(&self.options.peers).contains(&peer) {
            return Err(CommitError::UnknownPeer { peer });
        }
        let key = PeerKey::Cut(peer.clone()).encode();
        let changed = if cut {
            self.state.cut.insert(peer)
        } else {
            self.state.cut.remove(&peer)
        };
        match (changed, cut) {
            (true, true) => self.batch.put(Family::Peers, key, peers::encode_mark()),
            (true, false) => self.batch.delete(Family::Peers, key),
            (false, _) => {}
        }
        Ok(Outcome::LinkCut { changed })
    }

    /// The time of the first loss stays until the link works again.
    pub(super) fn set_link_lost(&mut self, peer: DatacenterName, since: Option<HlcTime>) -> Outcome {
        let key = PeerKey::Lost(peer.clone()).encode();
        match since {
            Some(since) if !self.state.lost.contains_key(&peer) => {
                self.batch.put(Family::Peers, key, peers::encode_lost(since));
                self.state.lost.insert(peer, since);
            }
            None if self.state.lost.remove(&peer).is_some() => self.batch.delete(Family::Peers, key),
            Some(_) | None => {}
        }
        Outcome::LinkLost
    }

    pub(super) fn caught_up(&mut self, peer: DatacenterName) -> Outcome {
        if self.state.behind.remove(&peer) {
            self.batch.delete(Family::Peers, PeerKey::Behind(peer).encode());
        }
        Outcome::CaughtUp
    }

    /// A new report is numbered; with it the oldest goes that is beyond the bound. Reports may be replaced, which makes none go.
    pub(super) fn save_heal(&mut self, id: Option<u64>, report: &[u8]) -> Outcome {
        let id = id.unwrap_or_else(|| {
            self.state.last_heal += 1;
            self.state.last_heal
        });
        let kept = self.options.heals_max as u64;
        if id.saturating_add(kept) > self.state.last_heal {
            self.batch.put(Family::Heals, heals::key(id), heals::encode(report));
        }
        if let Some(oldest) = self.state.last_heal.checked_sub(kept).filter(|oldest| *oldest > 0) {
            self.batch.delete(Family::Heals, heals::key(oldest));
        }
        Outcome::HealSaved { id }
    }
}
