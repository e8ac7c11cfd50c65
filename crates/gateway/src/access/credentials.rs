//! What a client sends to prove who it is: the value of `authorization`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Denied, Secret};

/// Bytes of the value at most.
const BYTES_MAX: usize = 4_096;

/// A name with a password (RFC 7617), or a token (RFC 6750).
#[derive(Debug)]
pub(super) enum Credentials {
    Basic { name: String, password: Secret },
    Bearer(Secret),
}

impl Credentials {
    /// Reads the value of the header.
    pub(super) fn parse(value: &[u8]) -> Result<Self, Denied> {
        let text = std::str::from_utf8(value).ok().filter(|text| text.len() <= BYTES_MAX);
        let (scheme, rest) = text.and_then(|text| text.split_once(' ')).ok_or(Denied::Malformed)?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") && !rest.is_empty() {
            return Ok(Self::Bearer(Secret::new(rest)));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(Denied::Malformed);
        }
        let decoded = STANDARD
            .decode(rest)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let decoded = decoded.ok_or(Denied::Malformed)?;
        let (name, password) = decoded.split_once(':').ok_or(Denied::Malformed)?;
        Ok(Self::Basic {
            name: name.to_owned(),
            password: Secret::new(password),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_password_and_a_token_are_read_and_never_printed() {
        // ada:hun:ter2
        let basic = Credentials::parse(b"Basic YWRhOmh1bjp0ZXIy").unwrap();
        assert!(
            matches!(&basic, Credentials::Basic { name, password } if name == "ada" && password.expose() == "hun:ter2")
        );
        assert!(!format!("{basic:?}").contains("hun"), "{basic:?}");
        let bearer = Credentials::parse(b"bearer hunter2").unwrap();
        assert!(matches!(&bearer, Credentials::Bearer(token) if token.expose() == "hunter2"));
        assert!(!format!("{bearer:?}").contains("hunter2"), "{bearer:?}");
    }

    #[test]
    fn what_is_neither_is_refused() {
        let long = format!("Bearer {}", "x".repeat(BYTES_MAX));
        for wrong in [
            "",
            "Basic",
            "Basic !!",
            "Basic YWRh",
            "Digest x",
            "Bearer ",
            "Basic /w==",
            &long,
        ] {
            assert!(
                matches!(Credentials::parse(wrong.as_bytes()), Err(Denied::Malformed)),
                "{wrong}"
            );
        }
    }
}
