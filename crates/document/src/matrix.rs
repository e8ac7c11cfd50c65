//! The matrix of knowledge: what each datacenter is known to know. Its minimum is stable, and only what is stable may be forgotten.

use std::collections::BTreeMap;

use crate::encoding::{DecodeError, Reader, Writer};
use crate::{DatacenterName, VersionVector};

/// One row of knowledge per datacenter. Rows only grow, so matrices merge in any order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matrix {
    rows: BTreeMap<DatacenterName, VersionVector>,
}

impl Matrix {
    /// The matrix that knows of nobody's knowledge.
    pub const fn new() -> Self {
        Self { rows: BTreeMap::new() }
    }

    /// What the datacenter is known to know, if anything was heard of it.
    pub fn row(&self, datacenter: &DatacenterName) -> Option<&VersionVector> {
        self.rows.get(datacenter)
    }

    /// The rows, ascending by datacenter.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = (&DatacenterName, &VersionVector)> {
        self.rows.iter()
    }

    /// Learns that the datacenter knows at least this.
    pub fn advance(&mut self, datacenter: &DatacenterName, knowledge: &VersionVector) {
        match self.rows.get_mut(datacenter) {
            Some(row) => row.merge(knowledge),
            None => drop(self.rows.insert(datacenter.clone(), knowledge.clone())),
        }
    }

    /// Learns all that the other matrix says.
    pub fn merge(&mut self, other: &Self) {
        other
            .rows()
            .for_each(|(datacenter, knowledge)| self.advance(datacenter, knowledge));
    }

    /// What every member datacenter is known to know: the minimum over the members' rows, with our own knowledge as the row of `own`. A member of
    /// which nothing was heard makes it empty.
    pub fn stable<'a>(
        &self,
        own: &DatacenterName,
        own_knowledge: &VersionVector,
        members: impl IntoIterator<Item = &'a DatacenterName>,
    ) -> VersionVector {
        let unknown = VersionVector::new();
        let mut rows = vec![own_knowledge];
        rows.extend(
            members
                .into_iter()
                .filter(|member| *member != own)
                .map(|member| self.row(member).unwrap_or(&unknown)),
        );
        VersionVector::meet(&rows)
    }

    /// The number of rows as a varint, then for each its datacenter (length and text) and its vector, ascending.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.length(self.rows.len());
        for (datacenter, knowledge) in &self.rows {
            writer.text(datacenter.as_str());
            knowledge.write(&mut writer);
        }
        writer.into_bytes()
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are anything else, trailing bytes included.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let count = reader.length(2)?;
        let mut matrix = Self::new();
        for _ in 0..count {
            let datacenter = reader
                .text()?
                .parse()
                .map_err(|_| DecodeError::Malformed("datacenter name"))?;
            let knowledge = VersionVector::read(&mut reader)?;
            if matrix.rows.insert(datacenter, knowledge).is_some() {
                return Err(DecodeError::Malformed("matrix"));
            }
        }
        reader.finish()?;
        Ok(matrix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HlcTime, ReplicaId};

    fn knows(entries: &[(u8, u64)]) -> VersionVector {
        entries
            .iter()
            .map(|(replica, time)| (ReplicaId([*replica; 8]), HlcTime(*time)))
            .collect()
    }

    #[test]
    fn stable_is_what_every_member_knows() {
        let [east, west, south] =
            ["east", "west", "south"].map(|name| name.parse::<DatacenterName>().expect("a valid name"));
        let mut matrix = Matrix::new();
        matrix.advance(&west, &knows(&[(1, 3), (2, 9)]));
        matrix.advance(&west, &knows(&[(1, 5)]));
        let own = knows(&[(1, 7), (2, 4)]);
        assert_eq!(matrix.stable(&east, &own, [&east, &west]), knows(&[(1, 5), (2, 4)]));
        assert_eq!(matrix.stable(&east, &own, [&east, &west, &south]), knows(&[]));
        assert_eq!(Matrix::decode(&matrix.encode()), Ok(matrix));
    }
}
