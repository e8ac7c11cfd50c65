//! Names and ids that come as text: of datacenters, databases, documents, revisions, writes, replicas.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use rejoin_document::{
    Checksum, DATABASE_NAME_BYTES_MAX, DATACENTER_NAME_BYTES_MAX, DOCUMENT_ID_BYTES_MAX, DatabaseName, DatacenterName,
    DocumentId, Dot, Granularity, ReplicaId, Revision, Rule,
};

use crate::Outcome;
use crate::memory::bounded;

/// Whatever is a name prints as what reads as the same name, and is within its bound.
pub(crate) fn check(bytes: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Outcome::Refused;
    };
    let bytes_of = |name: Option<&str>| name.map_or(0, str::len);
    let datacenter = read::<DatacenterName>(text);
    let database = read::<DatabaseName>(text);
    let document = read::<DocumentId>(text);
    assert!(bytes_of(datacenter.as_ref().map(DatacenterName::as_str)) <= DATACENTER_NAME_BYTES_MAX);
    assert!(bytes_of(database.as_ref().map(DatabaseName::as_str)) <= DATABASE_NAME_BYTES_MAX);
    assert!(bytes_of(document.as_ref().map(DocumentId::as_str)) <= DOCUMENT_ID_BYTES_MAX);
    assert!(database.is_none_or(|name| name.incarnation() == 1 && !name.is_system()));
    let read = [
        Outcome::of(datacenter),
        Outcome::of(document),
        Outcome::of(read::<Revision>(text)),
        Outcome::of(read::<Dot>(text)),
        Outcome::of(read::<ReplicaId>(text)),
        Outcome::of(read::<Checksum>(text)),
        Outcome::of(read::<Granularity>(text)),
        Outcome::of(read::<Rule>(text)),
        incarnations(text),
    ];
    read.into_iter().fold(Outcome::Refused, Outcome::or)
}

fn read<T: FromStr + Display + Debug + PartialEq>(text: &str) -> Option<T> {
    let name: T = bounded(text.len(), || text.parse()).ok()?;
    let again = name.to_string().parse().ok();
    assert_eq!(again.as_ref(), Some(&name), "what is printed is read");
    Some(name)
}

/// Names of databases as nodes and operators write them.
fn incarnations(text: &str) -> Outcome {
    let internal = DatabaseName::internal(text).ok();
    if let Some(name) = &internal {
        assert_eq!(DatabaseName::internal(name.as_str()).as_ref(), Ok(name));
        assert_eq!(name.as_str(), text, "each name between nodes has one text");
        assert_eq!(&name.base().of_incarnation(name.incarnation()), name);
    }
    let explicit = DatabaseName::explicit(text).ok();
    if let Some(name) = &explicit {
        assert_eq!(DatabaseName::explicit(&name.to_explicit()).as_ref(), Ok(name));
    }
    Outcome::of(internal).or(Outcome::of(explicit))
}
