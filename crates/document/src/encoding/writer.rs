//! Writes the primitives of the encoding. What it writes, [`super::Reader`] reads.

/// A growing buffer.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(capacity),
        }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    pub(crate) fn fixed_u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    /// Unsigned LEB128.
    pub(crate) fn varint_u128(&mut self, mut value: u128) {
        while value >= 0x80 {
            self.byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.byte(value as u8);
    }

    pub(crate) fn varint(&mut self, value: u64) {
        self.varint_u128(value.into());
    }

    /// The sign goes into the lowest bit, so small negative numbers stay short.
    pub(crate) fn signed(&mut self, value: i128) {
        let sign = value >> 127;
        self.varint_u128(((value ^ sign) as u128) << 1 | (sign & 1) as u128);
    }

    pub(crate) fn length(&mut self, length: usize) {
        self.varint(length as u64);
    }

    pub(crate) fn sized(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.bytes(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.sized(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::encoding::Reader;

    proptest! {
        #[test]
        fn numbers_read_back(unsigned in any::<u128>(), signed in any::<i128>(), small in any::<u64>()) {
            let mut writer = Writer::default();
            writer.varint_u128(unsigned);
            writer.signed(signed);
            writer.varint(small);
            let bytes = writer.into_bytes();
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.varint_u128(), Ok(unsigned));
            prop_assert_eq!(reader.signed(), Ok(signed));
            prop_assert_eq!(reader.varint(), Ok(small));
            prop_assert!(reader.finish().is_ok());
        }
    }
}
