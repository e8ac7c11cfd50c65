//! Times for programs and for people.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use rejoin_document::HlcTime;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// The wall clock part of a write's time: NTP64, seconds since 1970 above 32 bits of a fraction.
pub(super) fn of_dot(time: HlcTime) -> SystemTime {
    let seconds = time.0 >> 32;
    let nanos = ((time.0 & u64::from(u32::MAX)) * NANOS_PER_SECOND) >> 32;
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_nanos(nanos)
}

/// Milliseconds since 1970.
pub(super) fn of_unix_ms(unix_ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(unix_ms)
}

/// RFC 3339 in UTC, with as much of a fraction as there is.
pub(super) fn rfc3339(time: SystemTime) -> String {
    timestamp(time).to_string()
}

/// UTC to the second, for tables; their heading names the zone.
pub(super) fn human(time: SystemTime) -> String {
    timestamp(time).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Reads RFC 3339 as milliseconds since 1970, for an argument.
pub(super) fn parse_unix_ms(text: &str) -> Result<i64, String> {
    let time: Timestamp = text
        .parse()
        .map_err(|_| "give a time as 2026-01-31T12:00:00Z".to_owned())?;
    Ok(time.as_millisecond())
}

/// A span between two times: tenths of a second below a minute, then minutes and hours. Zero if `to` is earlier.
pub(super) fn span(from: SystemTime, to: SystemTime) -> String {
    length(to.duration_since(from).unwrap_or_default())
}

/// How long something takes or took, as [`span`] shows it.
pub(super) fn length(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", span.as_secs_f64()),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// A time beyond the calendar of jiff (the year 9999), which no node sends, is shown as its end.
fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_time_reads_as_rfc3339() {
        assert_eq!(rfc3339(of_dot(HlcTime(1_700_000_000 << 32))), "2023-11-14T22:13:20Z");
        assert_eq!(
            rfc3339(of_dot(HlcTime((1_700_000_000 << 32) | (1 << 30)))),
            "2023-11-14T22:13:20.25Z"
        );
        assert_eq!(rfc3339(of_dot(HlcTime(u64::MAX))), "2106-02-07T06:28:15.999999999Z");
    }

    #[test]
    fn people_read_seconds_in_utc() {
        assert_eq!(
            human(of_dot(HlcTime((1_700_000_000 << 32) | (1 << 31)))),
            "2023-11-14 22:13:20"
        );
    }

    #[test]
    fn spans_are_short() {
        let start = SystemTime::UNIX_EPOCH;
        for (seconds, text) in [(0.84, "0.8 s"), (65.0, "1m 05s"), (7_320.0, "2h 02m")] {
            assert_eq!(span(start, start + Duration::from_secs_f64(seconds)), text);
        }
        assert_eq!(span(start + Duration::from_secs(1), start), "0.0 s");
    }
}
