//! Revision ids as CouchDB computes them (`couch_db:new_revid/1`): the MD5 of an Erlang term, so that equal edits get equal ids here and there.

use md5::{Digest, Md5};

use super::erlang_term::TermWriter;
use super::{Revision, RevisionHash};
use crate::Object;

/// What a revision id says of one attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its content type.
    pub content_type: &'a str,
    /// MD5 of the bytes as stored: of the gzipped ones for compressible types.
    pub md5: [u8; 16],
}

/// The id of a write: the generation after its parent's, and the digest of `[Deleted, OldStart, OldRev, Body, Atts]`.
///
/// `attachments` come in the order in which they were sent; CouchDB hashes them in reverse.
pub fn write_revision(
    parent: Option<&Revision>,
    deleted: bool,
    body: &Object,
    attachments: &[Attachment<'_>],
) -> Revision {
    let start = parent.map_or(0, |parent| parent.generation);
    let mut term = TermWriter::begin(5);
    term.atom(deleted);
    term.unsigned(start);
    match parent {
        None => term.unsigned(0),
        Some(parent) => term.binary(parent.hash.as_parent_bytes()),
    }
    term.body(body);
    term.attachments(attachments);
    finish(start, term)
}

/// The id that every node computes for a state of several branches: the generation after the highest, and the digest of the same term with the
/// list of the sorted revisions (as text) in place of `OldRev`.
pub fn merge_revision(heads: &[&Revision], deleted: bool, body: &Object) -> Revision {
    let mut sorted = heads.to_vec();
    sorted.sort();
    let start = sorted.last().map_or(0, |highest| highest.generation);
    let mut term = TermWriter::begin(5);
    term.atom(deleted);
    term.unsigned(start);
    term.binaries(sorted.iter().map(|revision| revision.to_string()));
    term.body(body);
    term.attachments(&[]);
    finish(start, term)
}

fn finish(start: u64, term: TermWriter) -> Revision {
    let digest: [u8; 16] = Md5::digest(term.finish()).into();
    Revision {
        generation: start.saturating_add(1),
        hash: RevisionHash::Md5(digest),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;
    use crate::value::parse_stored_object;
    use crate::{Limits, parse_body};

    const RECORDED: &str = include_str!("../../tests/data/couch_revisions.json");

    fn revision(text: &str) -> Revision {
        text.parse().expect("a valid revision")
    }

    fn body(text: &str) -> Object {
        parse_body(text.as_bytes(), &Limits::default()).expect("a valid body")
    }

    #[test]
    fn every_revision_that_couchdb_recorded_is_reproduced() {
        let recorded: Vec<Json> = serde_json::from_str(RECORDED).expect("the file is JSON");
        assert_eq!(recorded.len(), 95);
        for case in &recorded {
            let (name, raw) = (&case["name"], case["raw"].as_str().expect("a text"));
            match case["rev"].as_str() {
                None => assert!(parse_body(raw.as_bytes(), &Limits::default()).is_err(), "{name}"),
                // CouchDB's parser rounds this denormal to zero.
                Some(expected) if name == "float 5e-324" => {
                    assert_ne!(computed(case, raw), revision(expected), "{name}")
                }
                Some(expected) => assert_eq!(computed(case, raw), revision(expected), "{name}"),
            }
        }
    }

    fn computed(case: &Json, raw: &str) -> Revision {
        let parent = case["effective_parent_rev"]
            .as_str()
            .or(case["parent_rev"].as_str())
            .map(revision);
        let sent = parse_stored_object(raw.as_bytes()).expect("CouchDB took it");
        let members = sent.iter().filter(|(name, _)| !name.starts_with('_'));
        let body: Object = members.map(|(name, value)| (name.clone(), value.clone())).collect();
        let hashed = case["att_order_hashed"].as_array().into_iter().flatten().rev();
        let attachments: Vec<_> = hashed.map(|name| attachment(name, &case["attachments"])).collect();
        write_revision(parent.as_ref(), case["deleted"] == true, &body, &attachments)
    }

    fn attachment<'a>(name: &'a Json, all: &'a Json) -> Attachment<'a> {
        let name = name.as_str().expect("a name");
        let about = &all[name];
        let digest = about["digest"]
            .as_str()
            .and_then(|digest| digest.strip_prefix("md5-"))
            .expect("a digest");
        Attachment {
            name,
            content_type: about["content_type"].as_str().expect("a type"),
            md5: base64(digest),
        }
    }

    fn base64(text: &str) -> [u8; 16] {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let digits = text
            .bytes()
            .filter_map(|digit| alphabet.iter().position(|other| *other == digit));
        let bits: Vec<u8> = digits
            .flat_map(|digit| (0..6).rev().map(move |bit| (digit >> bit & 1) as u8))
            .collect();
        let mut bytes = [0; 16];
        for (byte, bits) in bytes.iter_mut().zip(bits.chunks_exact(8)) {
            *byte = bits.iter().fold(0, |byte, bit| byte << 1 | bit);
        }
        bytes
    }

    #[test]
    fn the_examples_of_the_design_hold() {
        let write = |parent: Option<&str>, deleted, text| {
            write_revision(parent.map(revision).as_ref(), deleted, &body(text), &[]).to_string()
        };
        assert_eq!(write(None, false, r#"{"a":1}"#), "1-23202479633c2b380f79507a776743d5");
        let first = "1-74620ecf527d29daaab9c2b465fbce66";
        assert_eq!(write(None, false, r#"{"count":1}"#), first);
        let second = "2-de0ea16f8621cbac506d23a0fbbde08a";
        assert_eq!(write(Some(first), false, r#"{"count":2}"#), second);
        let other = "2-7c971bb974251ae8541b8fe045964219";
        assert_eq!(write(Some(first), false, r#"{"count":3}"#), other);
        assert_eq!(
            write(Some(other), false, r#"{"count":3}"#),
            "3-5d0319b075a21b095719bc561def7122"
        );
        assert_eq!(write(Some(second), true, "{}"), "3-bfe83a296b0445c4d526ef35ef62ac14");
    }

    #[test]
    fn a_merge_revision_does_not_depend_on_the_order_of_the_heads() {
        let (low, high) = (revision("1-23202479633c2b380f79507a776743d5"), revision("2-abc"));
        let merged = merge_revision(&[&high, &low], false, &body(r#"{"a":1}"#));
        assert_eq!(merged, merge_revision(&[&low, &high], false, &body(r#"{"a":1}"#)));
        assert_eq!(merged.generation, 3);
        assert_ne!(merged, merge_revision(&[&low, &high], true, &body(r#"{"a":1}"#)));
        assert_ne!(merged, merge_revision(&[&low, &high], false, &body(r#"{"a":2}"#)));
    }
}
