//! Random parts of keys for the property tests.

use proptest::prelude::*;
use rejoin_document::{DatacenterName, DocumentId, VersionVector};

use super::DatabaseNumber;

pub(super) fn numbers() -> impl Strategy<Value = DatabaseNumber> {
    prop_oneof![0u32..3, any::<u32>()].prop_map(DatabaseNumber)
}

pub(super) fn ids() -> impl Strategy<Value = DocumentId> {
    prop_oneof!["[a-c]{1,4}", "[^_]\\PC{0,20}"].prop_filter_map("not an id", |text| text.parse().ok())
}

pub(super) fn datacenters() -> impl Strategy<Value = DatacenterName> {
    "[a-z][a-z0-9-]{0,8}".prop_map(|text| text.parse().unwrap())
}

pub(super) fn vectors() -> impl Strategy<Value = VersionVector> {
    prop::collection::vec((any::<[u8; 8]>(), 1u64..), 0..4).prop_map(|entries| {
        let mut vector = VersionVector::default();
        for (replica, time) in entries {
            vector.advance(rejoin_document::Dot {
                time: rejoin_document::HlcTime(time),
                replica: rejoin_document::ReplicaId(replica),
            });
        }
        vector
    })
}
