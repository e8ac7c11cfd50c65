//! The first bytes of every encoding: the version and the replicas.

use super::table::Table;
use super::{DecodeError, Reader, Writer, field_state, tree_state};
use crate::{Document, VersionVector};

/// Granularity `field`.
const FIELDS: u8 = 1;
/// Granularity `document`.
const TREE: u8 = 2;

impl Document {
    /// The bytes of the state: versioned, compact, independent of rules.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        match self {
            Self::Fields(document) => {
                writer.byte(FIELDS);
                let table = Table::of_fields(document);
                table.write(&mut writer);
                field_state::write(document, &table, &mut writer);
            }
            Self::Tree(document) => {
                writer.byte(TREE);
                let table = Table::of_tree(document);
                table.write(&mut writer);
                tree_state::write(document, &table, &mut writer);
            }
        }
        writer.into_bytes()
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`]: the bytes are something else, or of a later version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let (version, table) = begin(&mut reader)?;
        let document = match version {
            FIELDS => Self::Fields(field_state::read(&table, &mut reader)?),
            _ => Self::Tree(tree_state::read(&table, &mut reader)?),
        };
        reader.finish()?;
        Ok(document)
    }

    /// The context alone, from the first bytes.
    ///
    /// # Errors
    /// As [`Self::decode`], as far as it reads.
    pub fn decode_context(bytes: &[u8]) -> Result<VersionVector, DecodeError> {
        begin(&mut Reader::new(bytes)).map(|(_, table)| table.context())
    }

    /// How many of the first bytes of a state [`Self::decode_context`] needs. They alone are no state.
    ///
    /// # Errors
    /// As [`Self::decode_context`].
    pub fn head_bytes(bytes: &[u8]) -> Result<usize, DecodeError> {
        let mut reader = Reader::new(bytes);
        begin(&mut reader)?;
        Ok(bytes.len() - reader.left())
    }
}

fn begin(reader: &mut Reader<'_>) -> Result<(u8, Table), DecodeError> {
    match reader.byte()? {
        version @ (FIELDS | TREE) => Ok((version, Table::read(reader)?)),
        unknown => Err(DecodeError::UnknownVersion(unknown)),
    }
}
