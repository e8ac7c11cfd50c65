//! Page tokens: opaque to clients, the last key of a page to us.

use rejoin_document::DocumentId;

use super::error::Failure;

/// The first byte of a token that holds the last key of its page.
const VERSION: u8 = 1;

/// The first byte of a token that holds which range was listed, and the last id of its page.
const VERSION_RANGE: u8 = 2;

/// Documents on a page when the client does not say.
const PAGE_SIZE_DEFAULT: usize = 100;

/// Documents on a page at most.
const PAGE_SIZE_MAX: usize = 1000;

/// Makes the token of the page after `last`.
pub(super) fn token(last: &[u8]) -> String {
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
///
/// The text is not a token of this version.
pub(super) fn parse(text: &str) -> Result<Option<Vec<u8>>, Failure> {
    parse_version(text, VERSION)
}

fn parse_version(text: &str, version: u8) -> Result<Option<Vec<u8>>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let bytes: Vec<u8> = digits
        .filter(|digits| digits.len() % 2 == 0)
        .ok_or_else(Failure::page_token)?
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect();
    match bytes.split_first() {
        Some((first, last)) if *first == version => Ok(Some(last.to_vec())),
        _ => Err(Failure::page_token()),
    }
}

/// The token of the page after the document where the store would go on; empty at the end of the list.
pub(super) fn next(after: Option<DocumentId>) -> String {
    after.map(|id| token(id.as_str().as_bytes())).unwrap_or_default()
}

/// The document that a page continues after; `None` for the first page.
///
/// # Errors
///
/// The text is not a token of this version.
pub(super) fn after_id(text: &str) -> Result<Option<DocumentId>, Failure> {
    let Some(last) = parse(text)? else { return Ok(None) };
    let id = std::str::from_utf8(&last).ok().and_then(|id| id.parse().ok());
    id.map(Some).ok_or_else(Failure::page_token)
}

/// The token of the page after the document where the store would go on in a range; empty at its end.
pub(super) fn next_in(range: [u8; 8], after: Option<DocumentId>) -> String {
    let content = |id: DocumentId| [&range, id.as_str().as_bytes()].concat();
    after.map(|id| hex(VERSION_RANGE, &content(id))).unwrap_or_default()
}

/// The document that a page of a range continues after; `None` for the first page.
///
/// # Errors
///
/// The text is not a token of this version, or one of another range.
pub(super) fn after_in(range: [u8; 8], text: &str) -> Result<Option<DocumentId>, Failure> {
    let Some(content) = parse_version(text, VERSION_RANGE)? else {
        return Ok(None);
    };
    let last = content.strip_prefix(&range).ok_or_else(Failure::page_token)?;
    let id = std::str::from_utf8(last).ok().and_then(|id| id.parse().ok());
    id.map(Some).ok_or_else(Failure::page_token)
}

/// The number that a page continues below; `None` for the first page.
///
/// # Errors
///
/// The text is not a token of this version.
pub(super) fn below_number(text: &str) -> Result<Option<u64>, Failure> {
    let Some(last) = parse(text)? else { return Ok(None) };
    let bytes = <[u8; 8]>::try_from(last.as_slice()).map_err(|_| Failure::page_token())?;
    Ok(Some(u64::from_be_bytes(bytes)))
}

/// The size that a client asked for, within the bounds.
pub(super) fn size(asked: u32) -> usize {
    match usize::try_from(asked) {
        Ok(0) => PAGE_SIZE_DEFAULT,
        Ok(asked) => asked.min(PAGE_SIZE_MAX),
        Err(_) => PAGE_SIZE_MAX,
    }
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
        fn a_text_that_is_no_token_is_refused(text in "[g-z]{1,8}|[0-9a-f]{3}|02[0-9a-f]{4}") {
            prop_assert!(parse(&text).is_err());
            prop_assert!(after_in([0; 8], &text).is_err());
        }
    }

    #[test]
    fn a_page_has_a_default_and_a_bound() {
        assert_eq!(size(0), 100);
        assert_eq!(size(7), 7);
        assert_eq!(size(u32::MAX), 1000);
    }
}
