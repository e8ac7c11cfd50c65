//! Page tokens: opaque to clients, the last key of a page to us.
//!
//! ```text
//! hex digits of: version u8 (1), content             the last key of the page
//!                version u8 (2), range [u8; 8], id   which range was listed, and the last id of the page
//! ```

use rejoin_document::{DatabaseName, DocumentId, Sequence};
use thiserror::Error;

/// The first byte of a token that holds the last key of its page.
const VERSION: u8 = 1;

/// The first byte of a token that holds which range was listed, and the last id of its page.
const VERSION_RANGE: u8 = 2;

/// What the content of a token begins with that continues a list of revisions.
const HISTORY: &[u8] = b"history\0";

/// A text that is no page token of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the page token is not one that this call gave out; begin without one")]
pub struct PageTokenError;

/// Makes the token of the page after `last`.
pub fn token(last: &[u8]) -> String {
    hex(VERSION, last)
}

fn hex(version: u8, content: &[u8]) -> String {
    let mut text = String::with_capacity(2 + content.len() * 2);
    for byte in std::iter::once(&version).chain(content) {
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or_default());
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or_default());
    }
    text
}

/// The key that `text` continues after; `None` for the first page.
///
/// # Errors
/// [`PageTokenError`]: the text is not a token of this version.
pub fn parse(text: &str) -> Result<Option<Vec<u8>>, PageTokenError> {
    parse_version(text, VERSION)
}

fn parse_version(text: &str, version: u8) -> Result<Option<Vec<u8>>, PageTokenError> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let bytes: Vec<u8> = digits
        .filter(|digits| digits.len() % 2 == 0)
        .ok_or(PageTokenError)?
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect();
    match bytes.split_first() {
        Some((first, last)) if *first == version => Ok(Some(last.to_vec())),
        _ => Err(PageTokenError),
    }
}

/// The token of the page after the document where the store would go on; empty at the end of the list.
pub fn next(after: Option<DocumentId>) -> String {
    after.map(|id| token(id.as_str().as_bytes())).unwrap_or_default()
}

/// The document that a page continues after; `None` for the first page.
///
/// # Errors
/// [`PageTokenError`]: the text is not a token of this version.
pub fn after_id(text: &str) -> Result<Option<DocumentId>, PageTokenError> {
    let Some(last) = parse(text)? else { return Ok(None) };
    let id = std::str::from_utf8(&last).ok().and_then(|id| id.parse().ok());
    id.map(Some).ok_or(PageTokenError)
}

/// The token of the page after the document where the store would go on in a range; empty at its end.
pub fn next_in(range: [u8; 8], after: Option<DocumentId>) -> String {
    let content = |id: DocumentId| [&range, id.as_str().as_bytes()].concat();
    after.map(|id| hex(VERSION_RANGE, &content(id))).unwrap_or_default()
}

/// The document that a page of a range continues after; `None` for the first page.
///
/// # Errors
/// [`PageTokenError`]: the text is not a token of this version, or one of another range.
pub fn after_in(range: [u8; 8], text: &str) -> Result<Option<DocumentId>, PageTokenError> {
    let Some(content) = parse_version(text, VERSION_RANGE)? else {
        return Ok(None);
    };
    let last = content.strip_prefix(&range).ok_or(PageTokenError)?;
    let id = std::str::from_utf8(last).ok().and_then(|id| id.parse().ok());
    id.map(Some).ok_or(PageTokenError)
}

/// The token of the page of revisions below `next`. It holds for one document only: a sequence means nothing in the history of another one.
pub fn next_below(next: Sequence, database: &DatabaseName, id: &DocumentId) -> String {
    token(&[HISTORY, &next.0.to_be_bytes(), place(database, id).as_bytes()].concat())
}

/// The sequence that a page of revisions continues below; `None` for the first page.
///
/// # Errors
/// [`PageTokenError`]: the text is not a token of this version, or one of another document.
pub fn below_sequence(
    text: &str,
    database: &DatabaseName,
    id: &DocumentId,
) -> Result<Option<Sequence>, PageTokenError> {
    let Some(bytes) = parse(text)? else {
        return Ok(None);
    };
    let rest = bytes.strip_prefix(HISTORY).and_then(<[u8]>::split_first_chunk::<8>);
    match rest {
        Some((sequence, of)) if of == place(database, id).as_bytes() => {
            Ok(Some(Sequence(u64::from_be_bytes(*sequence))))
        }
        _ => Err(PageTokenError),
    }
}

fn place(database: &DatabaseName, id: &DocumentId) -> String {
    format!("{database}/{id}")
}

/// The number that a page continues below; `None` for the first page.
///
/// # Errors
/// [`PageTokenError`]: the text is not a token of this version.
pub fn below_number(text: &str) -> Result<Option<u64>, PageTokenError> {
    let Some(last) = parse(text)? else { return Ok(None) };
    let bytes = <[u8; 8]>::try_from(last.as_slice()).map_err(|_| PageTokenError)?;
    Ok(Some(u64::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_reads_back(last in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(parse(&token(&last)).unwrap(), Some(last));
        }

        #[test]
        fn a_token_of_a_range_reads_back_and_belongs_to_it_alone(range: [u8; 8], other: [u8; 8], id in "[a-z]{1,9}") {
            let id: DocumentId = id.parse().unwrap();
            let token = next_in(range, Some(id.clone()));
            prop_assert_eq!(after_in(range, &token).unwrap(), Some(id.clone()));
            prop_assert!(after_in(other, &token).is_err() || other == range);
            prop_assert!(after_id(&token).is_err());
            prop_assert!(after_in(range, &next(Some(id))).is_err());
        }

        #[test]
        fn a_token_of_revisions_reads_back_and_belongs_to_one_document(next: u64, id in "[a-z]{1,9}", other in "[a-z]{1,9}") {
            let (database, id): (DatabaseName, DocumentId) = ("things".parse().unwrap(), id.parse().unwrap());
            let token = next_below(Sequence(next), &database, &id);
            prop_assert_eq!(below_sequence(&token, &database, &id), Ok(Some(Sequence(next))));
            let other: DocumentId = other.parse().unwrap();
            prop_assert!(below_sequence(&token, &database, &other).is_err() || other == id);
        }

        #[test]
        fn a_text_that_is_no_token_is_refused(text in "[g-z]{1,8}|[0-9a-f]{3}|02[0-9a-f]{4}") {
            prop_assert!(parse(&text).is_err());
            prop_assert!(after_in([0; 8], &text).is_err());
        }
    }
}
