//! Page tokens of every kind of list.

use rejoin_api::page_token;
use rejoin_document::{DatabaseName, DocumentId};

use crate::memory::bounded;
use crate::{Outcome, seeds};

/// A token leads to the same place when it is made again, and any bytes make a token that reads back.
pub(crate) fn check(bytes: &[u8]) -> Outcome {
    let token = page_token::token(bytes);
    assert_eq!(page_token::parse(&token), Ok(Some(bytes.to_vec())));
    let made = check_text(&token);
    std::str::from_utf8(bytes).map_or(made, |text| check_text(text).or(made))
}

fn check_text(text: &str) -> Outcome {
    let (database, id) = place();
    let parsed = bounded(text.len(), || page_token::parse(text)).ok().flatten();
    if let Some(last) = &parsed {
        assert_eq!(page_token::parse(&page_token::token(last)), Ok(Some(last.clone())));
    }
    if let Ok(after @ Some(_)) = bounded(text.len(), || page_token::after_id(text)) {
        assert_eq!(page_token::after_id(&page_token::next(after.clone())), Ok(after));
    }
    let in_range = bounded(text.len(), || page_token::after_in(seeds::RANGE, text));
    let in_range = in_range.ok().flatten();
    if let Some(after) = &in_range {
        let token = page_token::next_in(seeds::RANGE, Some(after.clone()));
        assert_eq!(page_token::after_in(seeds::RANGE, &token).as_ref(), Ok(&in_range));
        assert!(parsed.is_none(), "a token of a range is no other token");
    }
    if let Ok(Some(number)) = page_token::below_number(text) {
        assert_eq!(
            page_token::below_number(&page_token::token(&number.to_be_bytes())),
            Ok(Some(number))
        );
    }
    if let Ok(Some(below)) = bounded(text.len(), || page_token::below_sequence(text, &database, &id)) {
        let token = page_token::next_below(below, &database, &id);
        assert_eq!(page_token::below_sequence(&token, &database, &id), Ok(Some(below)));
    }
    Outcome::of(parsed).or(Outcome::of(in_range))
}

fn place() -> (DatabaseName, DocumentId) {
    (seeds::parsed("things"), seeds::parsed("a"))
}
