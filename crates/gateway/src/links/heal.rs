//! Heal reports as they are stored: the message that `ListHeals` answers with. Fields may be added to it, never changed.

use bytes::Bytes;
use prost::Message;
use rejoin_api::proto;
use rejoin_sync::HealReport;

/// The bytes to store for `report`.
pub(crate) fn encode_heal(report: &HealReport) -> Bytes {
    heal_to_proto(report).encode_to_vec().into()
}

/// Reads what [`encode_heal`] made; `id` is the number that the store gave it.
///
/// # Errors
///
/// The bytes are not a report.
pub(crate) fn decode_heal(id: u64, bytes: &[u8]) -> Result<proto::Heal, prost::DecodeError> {
    let mut heal = proto::Heal::decode(bytes)?;
    heal.id = id;
    Ok(heal)
}

/// The message for `report`, still without an id.
fn heal_to_proto(report: &HealReport) -> proto::Heal {
    let time = |at: rejoin_sync::Timestamp| i64::try_from(at.0).unwrap_or(i64::MAX);
    proto::Heal {
        id: 0,
        datacenter: report.peer.to_string(),
        broken_unix_ms: time(report.broken),
        healed_unix_ms: time(report.healed),
        converged_unix_ms: report.converged.map(time).unwrap_or_default(),
        documents_received: report.documents_received,
        fast_forwarded: report.fast_forwarded,
        merged: report.merged,
        conflicts: report.conflicts,
        conflict_ids: report
            .conflict_ids
            .iter()
            .map(|(database, id)| format!("{database}/{id}"))
            .collect(),
        siblings_kept: report.siblings_kept,
        quarantined: report.quarantined,
        digests_equal: report.digests_equal,
        repaired: report.repaired,
    }
}
