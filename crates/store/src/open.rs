//! Opens a store: checks the format, decides under which identity the node goes on, and reads what lies on disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use rejoin_document::{DatabaseName, HlcTime, ReplicaId, Sequence};

use crate::clock::{Clock, span};
use crate::commit::{Group, Pipeline, fresh_identity};
use crate::engine::{Durability, Engine, Family, KeyRange};
use crate::error::{CommitError, OpenError};
use crate::keys::meta::{self, IdentityRecord, TimeRecord};
use crate::operation::Identity;
use crate::options::{Place, StoreOptions};
use crate::state::{NodeState, load};
use crate::store::Store;

/// What the disk says about the former run.
struct Former {
    identity: Option<IdentityRecord>,
    time: TimeRecord,
    clean: bool,
    lineage: Option<ReplicaId>,
    /// The directory was made of a backup since.
    restored: bool,
    /// Which start of the machine it belonged to, if that is known.
    boot: Option<String>,
}

impl Store {
    /// Opens the store of an engine. An empty engine becomes a new node.
    ///
    /// The node keeps its replica id, unless its disk may be older than what the world knows of that replica: it was restored, copied to
    /// another place, or ended uncleanly and either its recorded time is long past or the machine was started anew since. Then it takes a new one,
    /// and is [behind](Store::behind) all its peers.
    ///
    /// # Errors
    /// [`OpenError`] says what an operator should do. Nothing was changed then.
    pub fn open(engine: Arc<dyn Engine>, options: StoreOptions) -> Result<Self, OpenError> {
        check_format(engine.as_ref())?;
        let former = Former::read(engine.as_ref())?;
        check_datacenter(former.identity.as_ref(), &options)?;
        let renewal = former
            .identity
            .as_ref()
            .and_then(|identity| renewal(identity, &former, &options));
        let (replica, incarnation) = match &former.identity {
            Some(identity) if renewal.is_none() => (identity.replica, identity.incarnation),
            _ => fresh_identity(&options),
        };
        if let Some(reason) = renewal {
            tracing::warn!(%replica, reason, "this node takes a new replica id; it gets lost writes back from its peers");
        }
        // A directory of an earlier version begins with the id under which it is known.
        let first = former.identity.as_ref().map_or(replica, |identity| identity.replica);
        let identity = Identity {
            lineage: former.lineage.unwrap_or(first),
            datacenter: options.datacenter.clone(),
            replica,
            incarnation,
        };
        let before = load(engine.as_ref(), identity)?;
        let opened = before
            .databases
            .iter()
            .map(|(name, database)| (name.clone(), database.record.knowledge.get(replica)));
        let opened: BTreeMap<DatabaseName, HlcTime> = opened.collect();
        let clock = Clock::new(replica, options.clock, options.max_drift, former.time.issued);
        let mut pipeline = Pipeline::new(clock, opened, numbers_from(&former, &options));
        let state = begin(engine.as_ref(), &options, &mut pipeline, before, renewal.is_some())?;
        let former_alive = former.identity.is_some().then_some(former.time.alive);
        Ok(Self::new(engine, options, pipeline, state, former_alive))
    }
}

/// Where the logs of this run begin: at the microsecond of its start, behind all that an earlier run can have added, which is no more than a change
/// each microsecond. A disk may be put back to an older state without anybody noticing. Were numbers given twice, a peer that had read on before would take
/// what it finds under them for read. The first run begins at 0; one whose clock was set back goes on where the disk ends.
fn numbers_from(former: &Former, options: &StoreOptions) -> Sequence {
    let now = (options.clock)().as_u64();
    let (seconds, fraction) = (now >> 32, now & u64::from(u32::MAX));
    match former.identity {
        Some(_) => Sequence(seconds * 1_000_000 + ((fraction * 1_000_000) >> 32)),
        None => Sequence(0),
    }
}

/// Writes what every run begins with: the format, the identity and its introduction, and that the node is not shut down.
fn begin(
    engine: &dyn Engine,
    options: &StoreOptions,
    pipeline: &mut Pipeline,
    before: NodeState,
    renewed: bool,
) -> Result<NodeState, OpenError> {
    let mut group = Group::new(engine, (options, options.tuning()), pipeline, before.clone());
    group.put_identity();
    group.number_logs();
    if renewed {
        group.fall_behind();
    }
    group.introduce().map_err(|error| match error {
        CommitError::Store(error) => OpenError::Store(error),
        // An introduction is a small valid document over what is there: nothing else can be refused but the time.
        _ => OpenError::ClockOutOfRange,
    })?;
    let mut finished = group.finish(&before)?;
    finished
        .batch
        .put(Family::Meta, meta::FORMAT_KEY.to_vec(), meta::encode_format());
    finished
        .batch
        .put(Family::Meta, meta::CLEAN_KEY.to_vec(), meta::encode_clean(false));
    let lineage = meta::encode_lineage(finished.state.identity.lineage);
    finished.batch.put(Family::Meta, meta::LINEAGE_KEY.to_vec(), lineage);
    // In the batch of the new identity, so that it is taken once and never forgotten.
    finished.batch.delete(Family::Meta, meta::RESTORED_KEY.to_vec());
    let boot = meta::encode_boot(&options.place.boot);
    finished.batch.put(Family::Meta, meta::BOOT_KEY.to_vec(), boot);
    engine.write(finished.batch, Durability::Synced)?;
    Ok(finished.state)
}

/// A directory is empty, or of this format.
fn check_format(engine: &dyn Engine) -> Result<(), OpenError> {
    let found = match engine.get(Family::Meta, meta::FORMAT_KEY)? {
        Some(value) => meta::decode_format(&value)?,
        None if engine.scan(Family::Meta, KeyRange::prefix(b"")).next().is_none() => return Ok(()),
        None => 0,
    };
    if (meta::FORMAT_READ_MIN..=meta::FORMAT).contains(&found) {
        Ok(())
    } else {
        Err(OpenError::FormatVersion {
            found,
            expected: meta::FORMAT,
        })
    }
}

/// Under another name the node would claim writes that clients know by the old one.
fn check_datacenter(identity: Option<&IdentityRecord>, options: &StoreOptions) -> Result<(), OpenError> {
    match identity.filter(|identity| identity.datacenter != options.datacenter.as_str()) {
        Some(identity) => Err(OpenError::OtherDatacenter {
            found: identity.datacenter.clone(),
            expected: options.datacenter.clone(),
        }),
        None => Ok(()),
    }
}

impl Former {
    fn read(engine: &dyn Engine) -> Result<Self, OpenError> {
        let identity = engine
            .get(Family::Meta, meta::IDENTITY_KEY)?
            .map(|value| IdentityRecord::decode(&value))
            .transpose()?;
        let time = engine
            .get(Family::Meta, meta::TIME_KEY)?
            .map(|value| TimeRecord::decode(&value))
            .transpose()?;
        let clean = engine
            .get(Family::Meta, meta::CLEAN_KEY)?
            .map(|value| meta::decode_clean(&value))
            .transpose()?;
        let boot = engine
            .get(Family::Meta, meta::BOOT_KEY)?
            .map(|value| meta::decode_boot(&value))
            .transpose()?;
        let lineage = engine
            .get(Family::Meta, meta::LINEAGE_KEY)?
            .map(|value| meta::decode_lineage(&value))
            .transpose()?;
        let restored = engine.get(Family::Meta, meta::RESTORED_KEY)?.is_some();
        Ok(Self {
            identity,
            lineage,
            restored,
            time: time.unwrap_or_default(),
            clean: clean.unwrap_or_default(),
            boot: boot.filter(|boot| !boot.is_empty()),
        })
    }
}

/// Why the node must not go on under the replica id of its disk.
fn renewal(identity: &IdentityRecord, former: &Former, options: &StoreOptions) -> Option<&'static str> {
    let Place {
        host,
        path,
        inode,
        boot,
    } = &options.place;
    let lies_elsewhere = (&identity.host, &identity.path, identity.inode) != (host, path, *inode);
    let rebooted = !boot.is_empty() && former.boot.as_ref().is_some_and(|former| former != boot);
    let now = (options.clock)().as_u64();
    let stale = now > former.time.alive.0.saturating_add(span(options.stale_after));
    #[cfg(debug_assertions)]
    if rejoin_document::planted::is(rejoin_document::planted::Bug::IdentityKept) {
        return None;
    }
    if options.restored || former.restored {
        Some("it was restored from a backup")
    } else if lies_elsewhere {
        Some("its data are a copy, or lie at another place than when they were written")
    } else if stale && !former.clean {
        Some("it ended uncleanly, and its last recorded time is long past")
    } else if rebooted && !former.clean {
        // A machine that is a copy of another, or was put back to a snapshot, knows the directory under the same host, path and number.
        Some("it ended uncleanly, and the machine was started anew since: its disk may be a copy, or an older state")
    } else {
        None
    }
}
