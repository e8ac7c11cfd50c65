//! The table of replicas: everything after it names a replica by its place and a time by what lacks to the context.

use std::collections::BTreeMap;

use super::{DecodeError, Reader, Writer};
use crate::fields::{Node, Segment};
use crate::{Dot, FieldDocument, HlcTime, ReplicaId, TreeDocument, VersionVector};

/// The replicas of a state, ascending, with the context's times (zero for one that only a past names).
pub(super) struct Table {
    entries: Vec<(ReplicaId, HlcTime)>,
}

impl Table {
    pub(super) fn of_fields(document: &FieldDocument) -> Self {
        let mut times = Times::of(&document.context);
        for (dot, head) in document.heads.iter() {
            times.name(dot);
            head.past
                .iter()
                .for_each(|(replica, time)| times.name(Dot { time, replica }));
        }
        times.name_all(&document.fields);
        document.requests.by_dot.iter().for_each(|(dot, _)| times.name(dot));
        times.into_table()
    }

    pub(super) fn of_tree(document: &TreeDocument) -> Self {
        let mut times = Times::of(&document.context);
        let dots = document.nodes.values().flat_map(|node| node.dots.iter());
        dots.for_each(|(dot, ())| times.name(dot));
        document.requests.by_dot.iter().for_each(|(dot, _)| times.name(dot));
        times.into_table()
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.length(self.entries.len());
        for (replica, time) in &self.entries {
            writer.bytes(replica.as_bytes());
            writer.fixed_u64(time.0);
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.length(16)?;
        let mut entries: Vec<(ReplicaId, HlcTime)> = Vec::with_capacity(count);
        for _ in 0..count {
            let (replica, time) = (ReplicaId(reader.array()?), HlcTime(reader.fixed_u64()?));
            if entries.last().is_some_and(|(last, _)| *last >= replica) {
                return Err(DecodeError::Malformed("replicas"));
            }
            entries.push((replica, time));
        }
        Ok(Self { entries })
    }

    pub(super) fn context(&self) -> VersionVector {
        self.entries.iter().copied().collect()
    }

    pub(super) fn write_dot(&self, dot: Dot, writer: &mut Writer) {
        // The table was made of every replica of the state.
        let place = self
            .entries
            .binary_search_by_key(&dot.replica, |(replica, _)| *replica)
            .unwrap_or_default();
        writer.length(place);
        writer.varint(self.lag(place, dot.time));
    }

    pub(super) fn read_dot(&self, reader: &mut Reader<'_>) -> Result<Dot, DecodeError> {
        let (replica, latest) = *self.entries.get(reader.small()?).ok_or(DecodeError::Malformed("dot"))?;
        let time = HlcTime(latest.0.wrapping_sub(reader.varint()?));
        if time == HlcTime::ZERO {
            Err(DecodeError::Malformed("dot"))
        } else {
            Ok(Dot { time, replica })
        }
    }

    /// A vector as the dots that it ends with.
    pub(super) fn write_vector(&self, vector: &VersionVector, writer: &mut Writer) {
        writer.length(vector.len());
        vector
            .iter()
            .for_each(|(replica, time)| self.write_dot(Dot { time, replica }, writer));
    }

    pub(super) fn read_vector(&self, reader: &mut Reader<'_>) -> Result<VersionVector, DecodeError> {
        let count = reader.length(2)?;
        let mut vector = VersionVector::new();
        for _ in 0..count {
            vector.advance(self.read_dot(reader)?);
        }
        Ok(vector)
    }

    fn lag(&self, place: usize, time: HlcTime) -> u64 {
        self.entries
            .get(place)
            .map_or(0, |(_, latest)| latest.0.wrapping_sub(time.0))
    }
}

/// Collects the replicas. The context names nearly always all of them.
struct Times {
    times: BTreeMap<ReplicaId, HlcTime>,
}

impl Times {
    fn of(context: &VersionVector) -> Self {
        Self {
            times: context.iter().collect(),
        }
    }

    fn name(&mut self, dot: Dot) {
        self.times.entry(dot.replica).or_default();
    }

    fn name_all(&mut self, node: &Node) {
        node.siblings.iter().for_each(|(dot, _)| self.name(dot));
        for (segment, child) in &node.children {
            if let Segment::Increments(dot) = segment {
                self.name(*dot);
            }
            self.name_all(child);
        }
    }

    fn into_table(self) -> Table {
        Table {
            entries: self.times.into_iter().collect(),
        }
    }
}
