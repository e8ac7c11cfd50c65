//! JSON pointers (RFC 6901): how paths are shown to people. Inside, trees are walked; no path is ever compared as text.

/// Appends one step to a pointer.
pub(crate) fn push_segment(pointer: &mut String, name: &str) {
    pointer.push('/');
    for character in name.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// The name that one step of a pointer stands for; `None` if its escapes are wrong.
pub(crate) fn unescape(token: &str) -> Option<String> {
    let mut name = String::with_capacity(token.len());
    let mut characters = token.chars();
    while let Some(character) = characters.next() {
        name.push(match character {
            '~' => match characters.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_survive_escaping(name in ".*") {
            let mut pointer = String::new();
            push_segment(&mut pointer, &name);
            prop_assert_eq!(unescape(&pointer[1..]), Some(name));
            prop_assert_eq!(pointer.matches('/').count(), 1);
        }
    }
}
