//! How much a page holds.

/// Documents on a page when the client does not say.
const PAGE_SIZE_DEFAULT: usize = 100;

/// Documents on a page at most.
const PAGE_SIZE_MAX: usize = 1000;

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
    use super::*;

    #[test]
    fn a_page_has_a_default_and_a_bound() {
        assert_eq!(size(0), 100);
        assert_eq!(size(7), 7);
        assert_eq!(size(u32::MAX), 1000);
    }
}
