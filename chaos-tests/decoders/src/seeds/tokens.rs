//! Tokens and the vectors in them.

use rejoin_api::{SessionToken, page_token};
use rejoin_document::{DocumentId, Incarnation, Matrix, Position, Sequence, VersionVector, WatchToken};

use super::{Seed, knowledge, parsed, seed};
use crate::{session_token, watch_token};

/// The range that page tokens of ranges belong to.
pub(crate) const RANGE: [u8; 8] = *b"range-01";

const POSITION: Position = Position {
    incarnation: Incarnation(7 << 40),
    sequence: Sequence(1234),
};

pub(super) fn seeds() -> Vec<Seed> {
    let vectors = [knowledge(&[]), knowledge(&[5]), knowledge(&[1 << 62, 2, u64::MAX])];
    let mut seeds = Vec::new();
    for (number, vector) in vectors.iter().enumerate() {
        seeds.push(seed("knowledge", format!("vector-{number}"), vector.encode()));
        seeds.extend(session_tokens(number, vector));
        seeds.extend(watch_tokens(number, vector));
    }
    seeds.extend(matrices(&vectors));
    seeds.extend(page_tokens());
    seeds
}

fn matrices(vectors: &[VersionVector]) -> Vec<Seed> {
    let mut matrix = Matrix::new();
    let mut seeds = vec![seed("knowledge", "matrix-0", matrix.encode())];
    for (number, (datacenter, vector)) in ["dc-east", "dc-west", "s"].iter().zip(vectors).enumerate() {
        matrix.advance(&parsed(datacenter), vector);
        seeds.push(seed("knowledge", format!("matrix-{}", number + 1), matrix.encode()));
    }
    seeds
}

/// Without their checksums, which the target adds, and one with.
fn session_tokens(number: usize, seen: &VersionVector) -> Vec<Seed> {
    let token = |issued, shortened| {
        let mut token = SessionToken::new("things");
        token.seen = seen.clone();
        token.issued = issued;
        token.shortened = shortened;
        token.encode()
    };
    let tokens = [
        token(None, false),
        token(Some(POSITION), false),
        token(Some(POSITION), true),
    ];
    let mut seeds = vec![seed("session_token", format!("sealed-{number}"), tokens[0].clone())];
    seeds.extend(
        tokens
            .iter()
            .zip(["plain", "issued", "shortened"])
            .map(|(token, kind)| {
                let content = &token[..token.len() - session_token::CHECKSUM_BYTES];
                seed("session_token", format!("{kind}-{number}"), content)
            }),
    );
    seeds
}

fn watch_tokens(number: usize, knowledge: &VersionVector) -> Vec<Seed> {
    let token = WatchToken::new(&parsed("things"), POSITION, knowledge.clone());
    let mut elsewhere = token.clone();
    elsewhere.reread_until = Sequence(99);
    let mut seeds = vec![seed("watch_token", format!("sealed-{number}"), token.encode())];
    seeds.extend([(token, "plain"), (elsewhere, "elsewhere")].map(|(token, kind)| {
        let bytes = token.encode();
        let content = &bytes[..bytes.len() - watch_token::CHECKSUM_BYTES];
        seed("watch_token", format!("{kind}-{number}"), content)
    }));
    seeds
}

fn page_tokens() -> Vec<Seed> {
    let id = |text: &str| -> DocumentId { parsed(text) };
    let texts = [
        ("first", String::new()),
        ("id", page_token::next(Some(id("customer/17")))),
        ("id-design", page_token::next(Some(id("_design/x")))),
        ("id-unicode", page_token::next(Some(id("æøå")))),
        ("range", page_token::next_in(RANGE, Some(id("b")))),
        ("range-other", page_token::next_in([0; 8], Some(id("b")))),
        ("number", page_token::token(&17u64.to_be_bytes())),
        (
            "history",
            page_token::next_below(Sequence(9), &parsed("things"), &id("a")),
        ),
        (
            "history-other",
            page_token::next_below(Sequence(9), &parsed("things"), &id("b")),
        ),
        ("upper-case", page_token::next(Some(id("z"))).to_uppercase()),
        ("odd", "01a".to_owned()),
    ];
    texts.map(|(name, text)| seed("page_token", name, text)).to_vec()
}
