//! What a client proves its user with.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use tonic::metadata::{Ascii, MetadataValue};

/// The credentials of a user: a name with a password, or a token. They print without the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// What is printed.
    shown: Arc<str>,
    /// The value of `authorization`.
    value: Arc<str>,
}

/// Credentials that cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidCredentials {
    /// The name is empty or has a colon, or a control character stands in the name or the password.
    #[error("a user's name is not empty and has no colon, and neither it nor the password has control characters")]
    Basic,
    /// The token is empty, or has a space or something that is not ASCII.
    #[error("a token is not empty and has no spaces; give it as `rejoin user token` printed it")]
    Token,
}

impl Credentials {
    /// A user's name and password.
    ///
    /// # Errors
    /// [`InvalidCredentials::Basic`]: they cannot be told apart, or sent.
    pub fn basic(user: &str, password: &str) -> Result<Self, InvalidCredentials> {
        let controlled = |text: &str| text.chars().any(char::is_control);
        if user.is_empty() || user.contains(':') || controlled(user) || controlled(password) {
            return Err(InvalidCredentials::Basic);
        }
        let encoded = STANDARD.encode(format!("{user}:{password}"));
        Ok(Self {
            shown: format!("Credentials({user}, a password)").into(),
            value: format!("Basic {encoded}").into(),
        })
    }

    /// A token of a user.
    ///
    /// # Errors
    /// [`InvalidCredentials::Token`]: it is none.
    pub fn token(token: &str) -> Result<Self, InvalidCredentials> {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidCredentials::Token);
        }
        Ok(Self {
            shown: "Credentials(a token)".into(),
            value: format!("Bearer {token}").into(),
        })
    }

    /// The value as it is sent: no index of headers keeps it, and it prints as `Sensitive`.
    pub(crate) fn to_metadata(&self) -> Option<MetadataValue<Ascii>> {
        let mut value = MetadataValue::try_from(&*self.value).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Client, ClientOptions};

    #[test]
    fn credentials_are_sent_as_headers_have_them() {
        let sent = |credentials: Credentials| credentials.to_metadata().unwrap().to_str().unwrap().to_owned();
        // RFC 7617, section 2.
        let aladdin = Credentials::basic("Aladdin", "open sesame").unwrap();
        assert_eq!(sent(aladdin), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(sent(Credentials::token("abc").unwrap()), "Bearer abc");
        for (user, password) in [("", "a"), ("a:b", "c"), ("a", "b\n")] {
            assert_eq!(Credentials::basic(user, password), Err(InvalidCredentials::Basic));
        }
        for token in ["", "a b", "å", "a\n"] {
            assert_eq!(Credentials::token(token), Err(InvalidCredentials::Token));
        }
    }

    fn with(credentials: Credentials) -> ClientOptions {
        ClientOptions {
            credentials: Some(credentials),
            ..ClientOptions::default()
        }
    }

    #[tokio::test]
    async fn nothing_that_holds_them_prints_a_secret() {
        for credentials in [
            Credentials::basic("ada", "hunter2").unwrap(),
            Credentials::token("hunter2").unwrap(),
        ] {
            let client = Client::with_options("http://127.0.0.1:1", with(credentials.clone())).unwrap();
            let printed = format!("{credentials:?} {:#?} {client:#?}", with(credentials.clone()));
            assert!(!printed.contains("hunter2"), "{printed}");
            assert!(!printed.contains("YWRhOmh1bnRlcjI="), "{printed}");
        }
    }

    #[tokio::test]
    async fn in_plain_text_they_go_to_loopback_addresses_only_unless_that_is_asked_for() {
        let options = with(Credentials::token("abc").unwrap());
        for near in ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1"] {
            assert!(Client::with_options(near, options.clone()).is_ok(), "{near}");
        }
        for far in [
            "http://10.0.0.1:1",
            "http://localhost.example.org:1",
            "http://[2001:db8::1]:1",
        ] {
            let refused = Client::with_options(far, options.clone()).unwrap_err().to_string();
            assert!(
                refused.contains("plain text") && refused.contains("https://"),
                "{refused}"
            );
            let allowed = ClientOptions {
                credentials_in_plain_text: true,
                ..options.clone()
            };
            assert!(Client::with_options(far, allowed).is_ok(), "{far}");
            assert!(
                Client::connect_lazy(far).is_ok(),
                "without credentials there is nothing to hide"
            );
        }
    }
}
