//! Reading and writing the parts of keys and values: big-endian integers and blocks of bytes with their length.

use rejoin_document::DocumentId;

use super::{CorruptRecord, DatabaseNumber};
use crate::engine::Family;

/// Builds a key or a value.
#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// Starts a value with the version of its record.
    pub(crate) fn versioned(version: u8) -> Self {
        Self(vec![version])
    }

    /// Starts a key that belongs to a database.
    pub(crate) fn keyed(number: DatabaseNumber) -> Self {
        Self(number.prefix())
    }

    pub(crate) fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub(crate) fn u16(mut self, value: u16) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(crate) fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(crate) fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    /// Bytes without their length: only where a fixed number of them, or the end, follows.
    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    /// Bytes after their length as a `u32`.
    ///
    /// # Panics
    /// For more than 4 GiB, which no bounded input reaches.
    pub(crate) fn block(self, bytes: &[u8]) -> Self {
        let length = u32::try_from(bytes.len()).expect("every input is bounded far below 4 GiB");
        self.u32(length).raw(bytes)
    }

    /// A document id after its length as a `u16`: for keys in which something follows the id. Ids have at most 512 bytes.
    pub(crate) fn id(self, id: &DocumentId) -> Self {
        let bytes = id.as_str().as_bytes();
        let length = u16::try_from(bytes.len()).expect("a document id has at most 512 bytes");
        self.u16(length).raw(bytes)
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Takes a key or a value apart.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    family: Family,
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads a key.
    pub(crate) fn key(family: Family, bytes: &'a [u8]) -> Self {
        Self { family, left: bytes }
    }

    /// Reads a value whose record must have this version.
    pub(crate) fn value(family: Family, bytes: &'a [u8], version: u8) -> Result<Self, CorruptRecord> {
        let mut reader = Self { family, left: bytes };
        match reader.u8()? {
            found if found == version => Ok(reader),
            found => Err(reader.corrupt(format!("record version {found} instead of {version}"))),
        }
    }

    pub(crate) fn corrupt(&self, detail: impl Into<String>) -> CorruptRecord {
        CorruptRecord {
            family: self.family,
            detail: detail.into(),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CorruptRecord> {
        let (head, rest) = self
            .left
            .split_first_chunk::<N>()
            .ok_or_else(|| self.corrupt("it is too short"))?;
        self.left = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, CorruptRecord> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(crate) fn u16(&mut self) -> Result<u16, CorruptRecord> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, CorruptRecord> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, CorruptRecord> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(crate) fn eight(&mut self) -> Result<[u8; 8], CorruptRecord> {
        self.array()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], CorruptRecord> {
        let (head, rest) = self
            .left
            .split_at_checked(length)
            .ok_or_else(|| self.corrupt("it is too short"))?;
        self.left = rest;
        Ok(head)
    }

    pub(crate) fn block(&mut self) -> Result<&'a [u8], CorruptRecord> {
        let length = self.u32()? as usize;
        self.bytes(length)
    }

    pub(crate) fn id(&mut self) -> Result<DocumentId, CorruptRecord> {
        let length = usize::from(self.u16()?);
        let bytes = self.bytes(length)?;
        self.parse_id(bytes)
    }

    /// A document id that ends the key or value.
    pub(crate) fn last_id(&mut self) -> Result<DocumentId, CorruptRecord> {
        let bytes = self.rest();
        self.parse_id(bytes)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, CorruptRecord> {
        let bytes = self.rest();
        std::str::from_utf8(bytes).map_err(|_| self.corrupt("it holds text that is not UTF-8"))
    }

    pub(crate) fn number(&mut self) -> Result<DatabaseNumber, CorruptRecord> {
        Ok(DatabaseNumber(self.u32()?))
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.left)
    }

    pub(crate) const fn is_at_end(&self) -> bool {
        self.left.is_empty()
    }

    pub(crate) fn end(self) -> Result<(), CorruptRecord> {
        if self.left.is_empty() {
            Ok(())
        } else {
            Err(self.corrupt("it is too long"))
        }
    }

    fn parse_id(&self, bytes: &[u8]) -> Result<DocumentId, CorruptRecord> {
        let text = std::str::from_utf8(bytes).map_err(|_| self.corrupt("it holds a document id that is not UTF-8"))?;
        text.parse()
            .map_err(|error| self.corrupt(format!("it holds no document id: {error}")))
    }
}
