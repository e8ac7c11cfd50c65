//! Version vectors and matrices, as they lie on disk and stand in tokens.

use rejoin_document::{Matrix, VersionVector};

use crate::Outcome;
use crate::memory::bounded;

/// What was read is written and read again, and the laws of the order hold for it.
pub(crate) fn check(bytes: &[u8]) -> Outcome {
    let vector = bounded(bytes.len(), || VersionVector::decode(bytes)).ok();
    if let Some(vector) = &vector {
        assert_eq!(VersionVector::decode(&vector.encode()).as_ref(), Ok(vector));
        assert_eq!(&vector.join(vector), vector, "the join is idempotent");
        assert_eq!(&VersionVector::meet(&[vector, vector]), vector, "so is the meet");
        assert!(vector.dominates(vector));
    }
    let matrix = bounded(bytes.len(), || Matrix::decode(bytes)).ok();
    if let Some(matrix) = &matrix {
        assert_eq!(Matrix::decode(&matrix.encode()).as_ref(), Ok(matrix));
        let mut merged = matrix.clone();
        merged.merge(matrix);
        assert_eq!(&merged, matrix, "merging is idempotent");
        for (datacenter, knowledge) in matrix.rows() {
            let members = matrix.rows().map(|(member, _)| member);
            let stable = matrix.stable(datacenter, knowledge, members);
            assert!(knowledge.dominates(&stable), "everybody knows what is stable");
        }
    }
    Outcome::of(vector).or(Outcome::of(matrix))
}
