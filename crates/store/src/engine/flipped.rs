//! Finds flipped bits that RocksDB takes for the end of a log.
//!
//! A log of RocksDB, be it the write-ahead log or the manifest, ends where a record is cut off, as a power cut leaves it. A bit that flips in the length
//! or the kind of a record looks the same, and whatever follows would be gone without a word. But its checksum is still there: if that fits once one
//! bit is put right, the record was whole, and the disk is at fault. All other damage RocksDB finds by itself.
//!
//! The layout is that of `db/log_format.h`: blocks of 32 KiB; in them records of a masked CRC-32C over kind and content (4 bytes), the length of the
//! content (2), the kind (1), little-endian, and the content. What is left of a block and too short for a header is empty.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

const BLOCK_BYTES: u64 = 32 << 10;
const HEADER_BYTES: usize = 7;

/// The kinds that are written here: whole records, and first, middle and last parts.
const KINDS: std::ops::RangeInclusive<u8> = 1..=4;

/// The place of a record in the header of which a bit has flipped, if there is one.
///
/// # Errors
/// The file cannot be read.
pub(super) fn flipped_header(log: &Path) -> io::Result<Option<u64>> {
    let (mut file, mut block, mut begin) = (File::open(log)?, Vec::new(), 0);
    loop {
        block.clear();
        let read = (&mut file).take(BLOCK_BYTES).read_to_end(&mut block)?;
        match walk(&block) {
            Walk::Through if read as u64 == BLOCK_BYTES => begin += BLOCK_BYTES,
            Walk::Through | Walk::Broken => return Ok(None),
            Walk::Flipped(place) => return Ok(Some(begin + place as u64)),
        }
    }
}

enum Walk {
    /// All of it is records.
    Through,
    /// A record is cut off, or garbled in another way.
    Broken,
    /// Here a bit has flipped.
    Flipped(usize),
}

fn walk(block: &[u8]) -> Walk {
    let mut place = 0;
    while let Some(header) = block.get(place..place + HEADER_BYTES) {
        let (length, kind) = (u16::from_le_bytes([header[4], header[5]]), header[6]);
        let end = place + HEADER_BYTES + usize::from(length);
        if KINDS.contains(&kind) && end <= block.len() {
            place = end;
            continue;
        }
        let checksum = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        let content = &block[place + HEADER_BYTES..];
        let lengths = (0..16).map(|bit| (length ^ (1 << bit), kind));
        let kinds = (0..8).map(|bit| (length, kind ^ (1 << bit)));
        let mut mended = lengths.chain(kinds).filter(|(_, kind)| KINDS.contains(kind));
        let is_flipped = mended.any(|(length, kind)| {
            let content = content.get(..usize::from(length));
            content.is_some_and(|content| masked(crc32c(kind, content)) == checksum)
        });
        return if is_flipped { Walk::Flipped(place) } else { Walk::Broken };
    }
    Walk::Through
}

/// As RocksDB stores checksums.
fn masked(checksum: u32) -> u32 {
    checksum.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Bit by bit: it is only asked about what is broken.
fn crc32c(kind: u8, content: &[u8]) -> u32 {
    let step = |checksum: u32, byte: &u8| {
        (0..8).fold(checksum ^ u32::from(*byte), |checksum, _| {
            (checksum >> 1) ^ (0x82f6_3b78 & (checksum & 1).wrapping_neg())
        })
    };
    !std::iter::once(&kind).chain(content).fold(!0, step)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn record(kind: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap();
        let checksum = masked(crc32c(kind, content)).to_le_bytes();
        [&checksum[..], &length.to_le_bytes(), &[kind], content].concat()
    }

    fn log() -> Vec<u8> {
        [record(1, b"first"), record(2, &[7; 300]), record(4, b"")].concat()
    }

    fn found(bytes: &[u8]) -> Option<u64> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        flipped_header(file.path()).unwrap()
    }

    #[test]
    fn the_checksum_is_the_one_of_the_standard() {
        assert_eq!(crc32c(b'1', b"23456789"), 0xe306_9283);
    }

    #[test]
    fn a_whole_log_and_one_that_is_cut_off_anywhere_have_no_flipped_bit() {
        let log = log();
        for length in 0..=log.len() {
            assert_eq!(found(&log[..length]), None, "{length}");
        }
        let full = [record(1, &[1; BLOCK_BYTES as usize - 7 - 3]), vec![0; 3], log].concat();
        assert_eq!(found(&full), None);
    }

    #[test]
    fn a_bit_that_makes_a_record_too_long_or_of_no_kind_is_found_where_it_is() {
        let log = log();
        for (place, bit) in [
            (12, 1 << 7),
            (12 + 4, 0x80),
            (12 + 5, 0x40),
            (6, 4),
            (12 + 6, 0x80),
            (12 + 6, 2),
        ] {
            let mut damaged = log.clone();
            damaged[place] ^= bit;
            let record = if place < 12 { 0 } else { 12 };
            let is_header = (4..7).contains(&(place - record as usize));
            assert_eq!(found(&damaged), is_header.then_some(record), "byte {place}");
        }
    }
}
