//! Page tokens: opaque to clients, the last key of a page to us.

use rejoin_document::DocumentId;

use super::error::Failure;

/// The first byte of every token of this version.
const VERSION: u8 = 1;

/// Documents on a page when the client does not say.
const PAGE_SIZE_DEFAULT: usize = 100;

/// Documents on a page at most.
const PAGE_SIZE_MAX: usize = 1000;

/// Makes the token of the page after `last`.
pub(super) fn token(last: &[u8]) -> String {
    let mut text = String::with_capacity(2 + last.len() * 2);
    for byte in std::iter::once(&VERSION).chain(last) {
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
        Some((&VERSION, last)) => Ok(Some(last.to_vec())),
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
        fn a_text_that_is_no_token_is_refused(text in "[g-z]{1,8}|[0-9a-f]{3}|02[0-9a-f]{4}") {
            prop_assert!(parse(&text).is_err());
        }
    }

    #[test]
    fn a_page_has_a_default_and_a_bound() {
        assert_eq!(size(0), 100);
        assert_eq!(size(7), 7);
        assert_eq!(size(u32::MAX), 1000);
    }
}
