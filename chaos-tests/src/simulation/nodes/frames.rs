//! Where the frames of HTTP/2 begin in what one end sends, so that a thin way can take them one by one.
//!
//! The length of headers follows from the date that a server puts there, the only thing that comes from the machine's own clock: so each frame but
//! those of data counts the same. Otherwise the same seed would not give the same log.

/// What a client begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Length, type, flags and stream.
const HEADER_BYTES: usize = 9;

/// The type of frames of data.
const DATA: u8 = 0;

/// What a frame counts that carries no data.
const OTHER_BYTES: usize = 64;

/// How far one end is in the frames that it sends.
#[derive(Debug, Default)]
pub(super) struct Frames {
    begun: bool,
    /// What is there of the header of the next frame.
    header: Vec<u8>,
    /// What is left of the present frame.
    left: usize,
}

impl Frames {
    /// How many of these bytes belong to the frame that has begun, or to the next one, and what they count.
    pub(super) fn next(&self, bytes: &[u8]) -> (usize, usize) {
        if !self.begun && bytes.starts_with(PREFACE) {
            return (PREFACE.len(), OTHER_BYTES);
        }
        if self.left > 0 {
            // It was counted with its header.
            return (self.left.min(bytes.len()), 0);
        }
        let header: Vec<u8> = self.header.iter().chain(bytes).copied().take(HEADER_BYTES).collect();
        let from_bytes = header.len() - self.header.len();
        match payload(&header) {
            Some((length, kind)) => {
                let counts = if kind == DATA { length } else { OTHER_BYTES };
                ((from_bytes + length).min(bytes.len()), counts)
            }
            None => (from_bytes, 0),
        }
    }

    /// These bytes were sent.
    pub(super) fn sent(&mut self, mut bytes: &[u8]) {
        if !self.begun && bytes.starts_with(PREFACE) {
            bytes = &bytes[PREFACE.len()..];
        }
        self.begun |= !bytes.is_empty();
        while !bytes.is_empty() {
            let of_frame = self.left.min(bytes.len());
            self.left -= of_frame;
            bytes = &bytes[of_frame..];
            let of_header = if self.left > 0 {
                0
            } else {
                (HEADER_BYTES - self.header.len()).min(bytes.len())
            };
            self.header.extend_from_slice(&bytes[..of_header]);
            bytes = &bytes[of_header..];
            if let Some((length, _)) = payload(&self.header) {
                self.left = length;
                self.header.clear();
            }
        }
    }
}

/// The length and the type of a frame, once its header is whole.
fn payload(header: &[u8]) -> Option<(usize, u8)> {
    let [high, middle, low, kind, ..] = *header else {
        return None;
    };
    let length = [high, middle, low]
        .iter()
        .fold(0, |length, byte| length << 8 | usize::from(*byte));
    (header.len() == HEADER_BYTES).then_some((length, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, length: u8) -> Vec<u8> {
        let mut bytes = vec![0, 0, length, kind, 0, 0, 0, 0, 1];
        bytes.extend(std::iter::repeat_n(7, length.into()));
        bytes
    }

    /// What is sent at once, and what it counts, if so many bytes are there at a time.
    fn pieces(stream: &[u8], at_a_time: usize) -> Vec<(usize, usize)> {
        let (mut frames, mut sent, mut pieces) = (Frames::default(), 0, Vec::new());
        while sent < stream.len() {
            let there = &stream[sent..stream.len().min(sent + at_a_time)];
            let (length, counts) = frames.next(there);
            frames.sent(&there[..length]);
            sent += length;
            pieces.push((length, counts));
        }
        pieces
    }

    #[test]
    fn frames_go_one_by_one_and_only_data_counts_by_its_length() {
        let stream = [PREFACE.to_vec(), frame(1, 30), frame(DATA, 200), frame(DATA, 0)].concat();
        let whole = pieces(&stream, usize::MAX - stream.len());
        assert_eq!(whole, [(24, 64), (39, 64), (209, 200), (9, 0)]);
    }

    #[test]
    fn headers_of_another_length_count_the_same_however_the_bytes_come() {
        let count = |length: u8, at_a_time: usize| -> usize {
            let stream = [PREFACE.to_vec(), frame(1, length), frame(DATA, 100)].concat();
            pieces(&stream, at_a_time).iter().map(|(_, counts)| counts).sum()
        };
        for at_a_time in [24, 30, 1_000] {
            assert_eq!([count(30, at_a_time), count(33, at_a_time)], [228, 228], "{at_a_time}");
        }
    }
}
