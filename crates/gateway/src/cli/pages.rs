//! Listings: asked for page by page, so that memory does not grow with them.

use rejoin_client::{CallError, Page, ReadState};
use serde::Serialize;

use super::failure::Failure;
use super::json;
use super::output::Output;

/// Items that are asked for at a time.
const PAGE_SIZE: u32 = 100;

/// Reads how many items a listing shall have at most.
///
/// # Errors
/// It is no number, or 0.
pub(super) fn limit(text: &str) -> Result<usize, String> {
    let limit = text.parse().ok().filter(|limit| *limit > 0);
    limit.ok_or_else(|| "a limit is a whole number from 1 on; leave it out to get all".to_owned())
}

/// The pages of one listing; `ask` takes the size of a page and where it begins.
pub(super) struct Pages<A> {
    ask: A,
    left: usize,
    next: Next,
    state: ReadState,
}

enum Next {
    First,
    After(String),
    End,
}

impl<A> Pages<A> {
    /// A listing of at most `limit` items.
    pub(super) fn new(limit: usize, ask: A) -> Self {
        Self {
            ask,
            left: limit,
            next: Next::First,
            state: ReadState::default(),
        }
    }

    /// How the pages that were read so far stand to their session, all of them.
    pub(super) fn state(&self) -> &ReadState {
        &self.state
    }

    /// The items of the next page, which may be none; `None` after the last page. The first one is always asked for: it
    /// tells whether there is anything to list from.
    pub(super) async fn next<T>(&mut self) -> Result<Option<Vec<T>>, Failure>
    where
        A: AsyncFn(u32, Option<String>) -> Result<Page<T>, CallError>,
    {
        let after = match std::mem::replace(&mut self.next, Next::End) {
            Next::First => None,
            Next::After(token) => Some(token),
            Next::End => return Ok(None),
        };
        let page = (self.ask)(page_size(self.left), after).await?;
        self.state.add(page.state);
        let mut items = page.items;
        items.truncate(self.left);
        self.left -= items.len();
        if let Some(token) = page.next.filter(|_| self.left > 0) {
            self.next = Next::After(token);
        }
        Ok(Some(items))
    }

    /// Prints all items as the list `name` of one object, and how they stand to their session. Nothing is printed if the first page is refused.
    pub(super) async fn print_json<T, J: Serialize>(
        mut self,
        output: &mut Output,
        name: &str,
        item: impl Fn(T) -> J,
    ) -> Result<(), Failure>
    where
        A: AsyncFn(u32, Option<String>) -> Result<Page<T>, CallError>,
    {
        let mut page = self.next().await?;
        let mut list = output.json_list(name)?;
        while let Some(items) = page {
            for found in items {
                list.item(&item(found))?;
            }
            page = self.next().await?;
        }
        list.end_with(&json::State::new(self.state))
    }
}

/// A node takes 1 to 1,000 and reads 0 as its default.
fn page_size(left: usize) -> u32 {
    u32::try_from(left).unwrap_or(PAGE_SIZE).clamp(1, PAGE_SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_wanted_is_asked_for() {
        assert_eq!([0, 1, 7, 100, 101, usize::MAX].map(page_size), [1, 1, 7, 100, 100, 100]);
    }

    /// A listing of 250 numbers.
    async fn numbers(size: u32, after: Option<String>) -> Result<Page<u32>, CallError> {
        let start: u32 = after.map_or(0, |token| token.parse().unwrap());
        let end = (start + size).min(250);
        Ok(Page {
            items: (start..end).collect(),
            next: (end < 250).then(|| end.to_string()),
            state: ReadState {
                stale: start == 100,
                catching_up_from: vec!["dc-west".to_owned()],
            },
        })
    }

    #[tokio::test]
    async fn pages_end_with_the_listing_or_the_limit() {
        for (limit, expected) in [
            (usize::MAX, &[100, 100, 50][..]),
            (100, &[100]),
            (130, &[100, 30]),
            (0, &[0]),
        ] {
            let mut pages = Pages::new(limit, numbers);
            let mut lengths = Vec::new();
            while let Some(items) = pages.next().await.unwrap() {
                lengths.push(items.len());
            }
            assert_eq!(lengths, expected, "limit {limit}");
            assert_eq!(pages.state().stale, lengths.len() > 1, "one page was");
            assert_eq!(pages.state().catching_up_from, ["dc-west"]);
        }
    }
}
