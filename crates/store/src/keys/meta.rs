//! `meta`: one record each of what the whole directory shares.
//!
//! | key | value | lifetime |
//! |---|---|---|
//! | `format` | `version u32`: the format of the directory | written once |
//! | `identity` | `version u8, replica [8], incarnation u64, datacenter length u32, datacenter, host length u32, host, inode u64, path` | rewritten when the node takes a new identity |
//! | `time` | `version u8, issued u64, alive u64`: no write has a later time than `issued`; the node ran at `alive` | in the batch of every write, and while the node idles |
//! | `clean` | `version u8, clean u8`: whether the node was shut down in order | at the start and at the end of a run |
//! | `lineage` | `version u8, replica [8]`: the first replica id of the directory; missing in one of format 2 | written once |
//! | `restored` | `version u8, backup`: the directory was made of this backup | until the node has taken a new identity |
//! | `boot` | `version u8, boot`: which start of the machine the run belongs to; missing where an earlier version wrote last | at the start of a run |

use rejoin_document::{HlcTime, Incarnation, ReplicaId};

use super::{CorruptRecord, Reader, Writer};
use crate::engine::Family;

/// The format of the directory as a whole. A directory of another one is refused.
pub(crate) const FORMAT: u32 = 3;

/// The oldest format that is read: a directory of it becomes one of [`FORMAT`] when it is opened.
pub(crate) const FORMAT_READ_MIN: u32 = 2;

pub(crate) const FORMAT_KEY: &[u8] = b"format";
pub(crate) const IDENTITY_KEY: &[u8] = b"identity";
pub(crate) const TIME_KEY: &[u8] = b"time";
pub(crate) const CLEAN_KEY: &[u8] = b"clean";
pub(crate) const LINEAGE_KEY: &[u8] = b"lineage";
pub(crate) const RESTORED_KEY: &[u8] = b"restored";
pub(crate) const BOOT_KEY: &[u8] = b"boot";

const VERSION: u8 = 1;

/// Who writes into this directory, and where it lay when that was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdentityRecord {
    pub replica: ReplicaId,
    pub incarnation: Incarnation,
    /// The name as text: one that is no longer valid must be readable to be refused.
    pub datacenter: String,
    pub host: String,
    pub path: String,
    pub inode: u64,
}

impl IdentityRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let writer = Writer::versioned(VERSION).raw(&self.replica.0).u64(self.incarnation.0);
        let writer = writer.block(self.datacenter.as_bytes()).block(self.host.as_bytes());
        writer.u64(self.inode).raw(self.path.as_bytes()).finish()
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, CorruptRecord> {
        let mut reader = Reader::value(Family::Meta, value, VERSION)?;
        let (replica, incarnation) = (ReplicaId(reader.eight()?), Incarnation(reader.u64()?));
        let datacenter = String::from_utf8_lossy(reader.block()?).into_owned();
        let host = String::from_utf8_lossy(reader.block()?).into_owned();
        let inode = reader.u64()?;
        Ok(Self {
            inode,
            replica,
            incarnation,
            datacenter,
            host,
            path: reader.text()?.to_owned(),
        })
    }
}

pub(crate) fn encode_format() -> Vec<u8> {
    FORMAT.to_be_bytes().to_vec()
}

pub(crate) fn decode_format(value: &[u8]) -> Result<u32, CorruptRecord> {
    let mut reader = Reader::key(Family::Meta, value);
    let format = reader.u32()?;
    reader.end()?;
    Ok(format)
}

/// How far the replica's times have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct TimeRecord {
    /// No write has a later time. It is in the batch of the write itself, so it needs no margin: a time that is not on disk was never shown.
    pub issued: HlcTime,
    /// What the physical clock said then.
    pub alive: HlcTime,
}

impl TimeRecord {
    pub(crate) fn encode(self) -> Vec<u8> {
        Writer::versioned(VERSION).u64(self.issued.0).u64(self.alive.0).finish()
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, CorruptRecord> {
        let mut reader = Reader::value(Family::Meta, value, VERSION)?;
        let record = Self {
            issued: HlcTime(reader.u64()?),
            alive: HlcTime(reader.u64()?),
        };
        reader.end()?;
        Ok(record)
    }
}

pub(crate) fn encode_clean(clean: bool) -> Vec<u8> {
    Writer::versioned(VERSION).u8(u8::from(clean)).finish()
}

pub(crate) fn decode_clean(value: &[u8]) -> Result<bool, CorruptRecord> {
    Ok(Reader::value(Family::Meta, value, VERSION)?.u8()? != 0)
}

pub(crate) fn encode_lineage(lineage: ReplicaId) -> Vec<u8> {
    Writer::versioned(VERSION).raw(&lineage.0).finish()
}

pub(crate) fn decode_lineage(value: &[u8]) -> Result<ReplicaId, CorruptRecord> {
    let mut reader = Reader::value(Family::Meta, value, VERSION)?;
    let lineage = ReplicaId(reader.eight()?);
    reader.end()?;
    Ok(lineage)
}

pub(crate) fn encode_restored(backup: &str) -> Vec<u8> {
    Writer::versioned(VERSION).raw(backup.as_bytes()).finish()
}

pub(crate) fn encode_boot(boot: &str) -> Vec<u8> {
    Writer::versioned(VERSION).raw(boot.as_bytes()).finish()
}

pub(crate) fn decode_boot(value: &[u8]) -> Result<String, CorruptRecord> {
    Ok(Reader::value(Family::Meta, value, VERSION)?.text()?.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn values_round_trip(replica: [u8; 8], incarnation: u64, datacenter in "\\PC{0,9}", host in "\\PC{0,9}", path in "\\PC{0,9}", inode: u64, issued: u64, alive: u64, clean: bool, boot in "\\PC{0,9}") {
            let identity = IdentityRecord { replica: ReplicaId(replica), incarnation: Incarnation(incarnation), datacenter, host, path, inode };
            prop_assert_eq!(IdentityRecord::decode(&identity.encode()), Ok(identity));
            let time = TimeRecord { issued: HlcTime(issued), alive: HlcTime(alive) };
            prop_assert_eq!(TimeRecord::decode(&time.encode()), Ok(time));
            prop_assert_eq!(decode_lineage(&encode_lineage(ReplicaId(replica))), Ok(ReplicaId(replica)));
            prop_assert_eq!(decode_clean(&encode_clean(clean)), Ok(clean));
            prop_assert_eq!(decode_boot(&encode_boot(&boot)), Ok(boot));
            prop_assert_eq!(decode_format(&encode_format()), Ok(FORMAT));
        }
    }

    #[test]
    fn the_keys_differ() {
        let keys = std::collections::BTreeSet::from([
            FORMAT_KEY,
            IDENTITY_KEY,
            TIME_KEY,
            CLEAN_KEY,
            LINEAGE_KEY,
            RESTORED_KEY,
            BOOT_KEY,
        ]);
        assert_eq!(keys.len(), 7);
    }
}
