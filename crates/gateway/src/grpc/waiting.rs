//! How long a call waits for something that another datacenter has to do first.

use std::time::Duration;

use tokio::time::Instant;
use tonic::metadata::MetadataMap;

/// The wait when the client does not say.
const WAIT_MS_DEFAULT: u32 = 5_000;

/// The longest wait.
const WAIT_MS_MAX: u32 = 60_000;

/// Of a call's own deadline the part that is left for the answer: a tenth.
const ANSWER_PART: u32 = 10;

/// How long a call may wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    wait: Duration,
    latest: Option<Instant>,
}

impl Patience {
    /// Of `asked_ms` milliseconds (0: the default; more than the longest counts as the longest), but only until `latest`, which is a little before the
    /// call's own deadline: the client is told what is missing rather than nothing.
    pub(super) fn new(asked_ms: u32, latest: Option<Instant>) -> Self {
        let wait_ms = match asked_ms {
            0 => WAIT_MS_DEFAULT,
            asked_ms => asked_ms.min(WAIT_MS_MAX),
        };
        Self {
            wait: Duration::from_millis(wait_ms.into()),
            latest,
        }
    }

    /// When a wait that begins now is over.
    pub(super) fn end(self) -> Instant {
        let end = Instant::now() + self.wait;
        self.latest.map_or(end, |latest| latest.min(end))
    }
}

/// Until when a call that begins now may wait: a little before its own deadline, as the header `grpc-timeout` says it.
pub(super) fn deadline(metadata: &MetadataMap) -> Option<Instant> {
    let timeout = timeout(metadata)?;
    Instant::now().checked_add(timeout - timeout / ANSWER_PART)
}

fn timeout(metadata: &MetadataMap) -> Option<Duration> {
    let text = metadata.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    // The protocol allows 8 digits.
    let number: u32 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    Some(match unit {
        "H" => Duration::from_secs(u64::from(number) * 3600),
        "M" => Duration::from_secs(u64::from(number) * 60),
        "S" => Duration::from_secs(number.into()),
        "m" => Duration::from_millis(number.into()),
        "u" => Duration::from_micros(number.into()),
        "n" => Duration::from_nanos(number.into()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_read_in_every_unit_and_anything_else_is_none() {
        let read = |text: &str| {
            let mut metadata = MetadataMap::new();
            metadata.insert("grpc-timeout", text.parse().unwrap());
            timeout(&metadata)
        };
        assert_eq!(read("10000000u"), Some(Duration::from_secs(10)));
        assert_eq!(read("7S"), Some(Duration::from_secs(7)));
        assert_eq!(read("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        for text in ["", "S", "5", "-1S", "999999999S", "5x"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(timeout(&MetadataMap::new()), None);
    }

    #[test]
    fn a_wait_has_a_default_and_two_bounds() {
        let wait = |asked, deadline| Patience::new(asked, deadline).wait.as_millis();
        assert_eq!([wait(0, None), wait(7, None), wait(u32::MAX, None)], [5_000, 7, 60_000]);
        let until_deadline = Patience::new(0, Some(Instant::now() + Duration::from_millis(900))).end() - Instant::now();
        assert!(until_deadline <= Duration::from_millis(900), "{until_deadline:?}");
    }
}
