//! Reads the primitives of the encoding from untrusted bytes. Every length is checked against what is left before anything is allocated.

use super::DecodeError;

/// A cursor over bytes.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes that are not read yet.
    pub(crate) const fn left(&self) -> usize {
        self.rest.len()
    }

    /// Nothing may follow.
    pub(crate) fn finish(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::TrailingBytes(self.rest.len()))
        }
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn fixed_u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_be_bytes)
    }

    /// An unsigned LEB128 number of at most 128 bits.
    pub(crate) fn varint_u128(&mut self) -> Result<u128, DecodeError> {
        let mut value = 0u128;
        for shift in (0..128).step_by(7) {
            let byte = self.byte()?;
            let bits = u128::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(DecodeError::Malformed("number"));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::Malformed("number"))
    }

    pub(crate) fn varint(&mut self) -> Result<u64, DecodeError> {
        u64::try_from(self.varint_u128()?).map_err(|_| DecodeError::Malformed("number"))
    }

    /// A signed number, its sign in the lowest bit.
    pub(crate) fn signed(&mut self) -> Result<i128, DecodeError> {
        let folded = self.varint_u128()?;
        // Half of a u128 fits into an i128.
        let magnitude = (folded >> 1) as i128;
        Ok(if folded & 1 == 0 { magnitude } else { !magnitude })
    }

    pub(crate) fn small(&mut self) -> Result<usize, DecodeError> {
        usize::try_from(self.varint()?).map_err(|_| DecodeError::Malformed("number"))
    }

    /// A count of items that take at least `least_bytes` each, so a short input cannot ask for a large allocation.
    pub(crate) fn length(&mut self, least_bytes: usize) -> Result<usize, DecodeError> {
        let count = self.small()?;
        #[cfg(feature = "planted-bugs")]
        if crate::planted_decoder::lengths_are_believed() {
            return Ok(count);
        }
        let needed = count.checked_mul(least_bytes.max(1)).ok_or(DecodeError::Truncated)?;
        if needed > self.rest.len() {
            Err(DecodeError::Truncated)
        } else {
            Ok(count)
        }
    }

    pub(crate) fn sized(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.length(1)?;
        self.bytes(length)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.sized()?).map_err(|_| DecodeError::Malformed("text"))
    }
}
