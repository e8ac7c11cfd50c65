//! From the server to the puller.

use bytes::{Bytes, BytesMut};
use rejoin_api::proto::{self, pull_response::Message as Wire};
use rejoin_document::{BUCKETS, HlcTime, Incarnation, SetHash};
use rejoin_sync::{Backlog, Batch, BucketEntries, Digest, Documents, Message, PROTOCOL, Welcome};

use super::{WireError, parts, refusal};

/// Bytes of one digest.
const HASH_BYTES: usize = 32;

/// A server's message as it travels.
///
/// # Errors
///
/// [`WireError::Direction`]: only a puller sends such a message.
pub fn to_response(message: Message) -> Result<proto::PullResponse, WireError> {
    let wire = match message {
        Message::Welcome(welcome) => Wire::Welcome(welcome_to_proto(&welcome)),
        Message::Batch(batch) => Wire::Batch(batch_to_proto(batch)),
        Message::Digest(digest) => Wire::Digest(proto::DatabaseDigest {
            database: digest.database.to_string(),
            knowledge: Some((&digest.knowledge).into()),
            root: Bytes::copy_from_slice(&digest.root.0),
        }),
        Message::Buckets { database, hashes } => Wire::Buckets(proto::BucketDigests {
            database: database.to_string(),
            hashes: concatenated(&hashes),
        }),
        Message::Bucket(bucket) => Wire::Bucket(bucket_to_proto(&bucket)),
        Message::Documents(documents) => Wire::Documents(proto::DocumentStates {
            database: documents.database.to_string(),
            items: documents.items.into_iter().map(parts::state).collect(),
            answered: documents.answered,
        }),
        Message::Refused(reason) => Wire::Refused(refusal::to_proto(reason)),
        Message::Heartbeat { time } => Wire::Heartbeat(parts::heartbeat(time)),
        Message::Foreign(foreign) => Wire::Welcome(proto::Welcome {
            protocol: foreign.protocol,
            datacenter: parts::name_of(&foreign),
            ..proto::Welcome::default()
        }),
        // To a puller that knows nothing of it this is a heartbeat.
        Message::Backlog { time, left } => Wire::Heartbeat(proto::Heartbeat {
            left: Some(proto::Backlog {
                documents: left.documents,
                more: left.more,
            }),
            ..parts::heartbeat(time)
        }),
        Message::Hello(_)
        | Message::Open(_)
        | Message::Acknowledge(_)
        | Message::Compare { .. }
        | Message::CompareDigest { .. }
        | Message::FetchBuckets { .. }
        | Message::FetchBucket { .. }
        | Message::FetchDocuments { .. } => return Err(WireError::Direction),
    };
    Ok(proto::PullResponse { message: Some(wire) })
}

/// Reads a server's message.
///
/// # Errors
///
/// It is not well formed.
pub fn from_response(response: proto::PullResponse) -> Result<Message, WireError> {
    Ok(match response.message.ok_or(WireError::Missing("message"))? {
        Wire::Welcome(welcome) if welcome.protocol != PROTOCOL => {
            Message::Foreign(parts::foreign(welcome.protocol, &welcome.datacenter))
        }
        Wire::Welcome(welcome) => Message::Welcome(welcome_from_proto(welcome)?),
        Wire::Batch(batch) => Message::Batch(batch_from_proto(batch)?),
        Wire::Digest(digest) => Message::Digest(Digest {
            database: parts::database(&digest.database)?,
            knowledge: parts::vector(digest.knowledge)?,
            root: parts::set_hash(&digest.root)?,
        }),
        Wire::Buckets(buckets) => Message::Buckets {
            database: parts::database(&buckets.database)?,
            hashes: separated(&buckets.hashes)?,
        },
        Wire::Bucket(bucket) => Message::Bucket(bucket_from_proto(bucket)?),
        Wire::Documents(documents) => Message::Documents(Documents {
            database: parts::database(&documents.database)?,
            items: parts::items(documents.items)?,
            answered: documents.answered,
        }),
        Wire::Refused(refused) => Message::Refused(refusal::from_proto(&refused)?),
        Wire::Heartbeat(proto::Heartbeat { time, left, .. }) => match left {
            None => Message::Heartbeat { time: HlcTime(time) },
            Some(proto::Backlog { documents, more }) => Message::Backlog {
                time: HlcTime(time),
                left: Backlog { documents, more },
            },
        },
    })
}

fn welcome_to_proto(welcome: &Welcome) -> proto::Welcome {
    let known = |(database, time): &(rejoin_document::DatabaseName, HlcTime)| proto::KnownTime {
        database: database.to_string(),
        time: time.0,
    };
    proto::Welcome {
        protocol: PROTOCOL,
        datacenter: welcome.datacenter.to_string(),
        replica: parts::replica_bytes(welcome.replica),
        incarnation: welcome.incarnation.0,
        knows_of_you: welcome.knows_of_you.iter().map(known).collect(),
        lineage: parts::lineage_bytes(welcome.lineage, welcome.replica),
    }
}

fn welcome_from_proto(welcome: proto::Welcome) -> Result<Welcome, WireError> {
    let known = |known: proto::KnownTime| Ok((parts::database(&known.database)?, HlcTime(known.time)));
    let replica = parts::replica(&welcome.replica)?;
    Ok(Welcome {
        lineage: parts::lineage(&welcome.lineage, replica)?,
        datacenter: parts::datacenter(&welcome.datacenter)?,
        replica,
        incarnation: Incarnation(welcome.incarnation),
        knows_of_you: welcome
            .knows_of_you
            .into_iter()
            .map(known)
            .collect::<Result<_, WireError>>()?,
    })
}

fn batch_to_proto(batch: Batch) -> proto::Batch {
    proto::Batch {
        stream: batch.stream,
        database: batch.database.to_string(),
        from: Some(parts::log_position(batch.from)),
        to: Some(parts::log_position(batch.to)),
        items: batch.items.into_iter().map(parts::state).collect(),
        watermark: batch.watermark.as_ref().map(parts::watermark_to_proto),
    }
}

fn batch_from_proto(batch: proto::Batch) -> Result<Batch, WireError> {
    Ok(Batch {
        stream: batch.stream,
        database: parts::database(&batch.database)?,
        from: parts::position(batch.from, "from")?,
        to: parts::position(batch.to, "to")?,
        items: parts::items(batch.items)?,
        watermark: batch.watermark.map(parts::watermark_from_proto).transpose()?,
    })
}

fn bucket_to_proto(bucket: &BucketEntries) -> proto::BucketEntries {
    let entries = bucket.entries.iter().map(|(id, hash)| proto::BucketEntry {
        id: id.to_string(),
        hash: Bytes::copy_from_slice(&hash.0),
    });
    proto::BucketEntries {
        database: bucket.database.to_string(),
        bucket: u32::from(bucket.bucket),
        entries: entries.collect(),
    }
}

fn bucket_from_proto(bucket: proto::BucketEntries) -> Result<BucketEntries, WireError> {
    let entries = bucket
        .entries
        .iter()
        .map(|entry| Ok((parts::id(&entry.id)?, parts::item_hash(&entry.hash)?)));
    Ok(BucketEntries {
        database: parts::database(&bucket.database)?,
        bucket: parts::bucket(bucket.bucket)?,
        entries: entries.collect::<Result<_, WireError>>()?,
    })
}

fn concatenated(hashes: &[SetHash]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(hashes.len() * HASH_BYTES);
    hashes.iter().for_each(|hash| bytes.extend_from_slice(&hash.0));
    bytes.freeze()
}

fn separated(bytes: &[u8]) -> Result<Vec<SetHash>, WireError> {
    if bytes.len() != usize::from(BUCKETS) * HASH_BYTES {
        return Err(WireError::Length("hashes"));
    }
    bytes.chunks_exact(HASH_BYTES).map(parts::set_hash).collect()
}
