//! Reports of conflicts in errors. An error travels in the header of an HTTP/2 answer, of which many clients take 8 or 16 KiB and no more: they
//! would lose the error, and their other calls on the connection with it.

use prost::Message;
use rejoin_api::proto::{ConflictReport, PathConflict};

/// Bytes of a report in an error at most. In Base64, and with the other particulars, that stays below 8 KiB.
const BYTES_MAX: usize = 4096;

/// The report as it fits into an error: without the bodies if it has to be, then without the values, and with fewer paths at last.
pub(in crate::grpc) fn shortened(mut report: ConflictReport) -> ConflictReport {
    if report.encoded_len() <= BYTES_MAX {
        return report;
    }
    report.shortened = true;
    (report.yours, report.ours, report.base) = Default::default();
    if report.encoded_len() > BYTES_MAX {
        for conflict in &mut report.conflicts {
            let path = std::mem::take(&mut conflict.path);
            *conflict = PathConflict {
                path,
                ..PathConflict::default()
            };
        }
    }
    while report.encoded_len() > BYTES_MAX && !report.conflicts.is_empty() {
        report.conflicts.truncate(report.conflicts.len() / 2);
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(paths: usize, value: usize, body: usize) -> ConflictReport {
        let path = |number: usize| PathConflict {
            path: format!("/{number}"),
            our_value: Some(vec![b'1'; value].into()),
            ..PathConflict::default()
        };
        ConflictReport {
            conflicts: (0..paths).map(path).collect(),
            ours: vec![b'1'; body].into(),
            revision: "2-a".to_owned(),
            ..ConflictReport::default()
        }
    }

    #[test]
    fn a_report_keeps_as_much_as_fits_into_an_error() {
        let small = report(2, 10, 100);
        assert_eq!(shortened(small.clone()), small);
        for (report, paths, has_values) in [
            (report(2, 10, 5000), 2, true),
            (report(2, 3000, 0), 2, false),
            (report(2000, 10, 0), 500, false),
            (report(1, 10, 0), 1, true),
        ] {
            let found = shortened(report);
            assert!(found.encoded_len() <= BYTES_MAX, "{}", found.encoded_len());
            assert_eq!(found.conflicts.len(), paths);
            assert!(
                found
                    .conflicts
                    .iter()
                    .all(|conflict| conflict.our_value.is_some() == has_values)
            );
            assert_eq!(found.revision, "2-a");
        }
        let mut long = report(1, 0, 0);
        long.conflicts[0].path = "/".repeat(9000);
        assert_eq!(shortened(long).conflicts, []);
    }
}
