//! Why there is no secure connection, as one sentence with what to do next.

use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError};

/// Why two ends do not come together, as one of them sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The other end, for people: a name, an address, or both.
    pub who: String,
    /// What is wrong.
    pub cause: Cause,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The certificate of the other end, or one between it and its authority, has expired.
    Expired {
        /// When, in seconds since 1970, if it is known.
        at: Option<u64>,
    },
    /// The certificate of the other end is not valid yet.
    NotYetValid {
        /// From when it is, in seconds since 1970, if it is known.
        from: Option<u64>,
    },
    /// The certificate of the other end comes from an authority that is not trusted.
    OtherAuthority {
        /// The file with those that are.
        trusted: String,
    },
    /// The certificate of the other end is made out to somebody else.
    OtherName {
        /// The name that it should have.
        wanted: String,
        /// The names that it has.
        names: Vec<String>,
    },
    /// The certificate of the other end was issued for something else than TLS in this direction.
    OtherPurpose,
    /// The other end shows no certificate.
    NoCertificate,
    /// The other end wants a link, and its certificate is for no peer of this one.
    NoPeer {
        /// The names that it has.
        names: Vec<String>,
    },
    /// The other end says that it is a datacenter that its certificate is not for.
    Claims {
        /// What it says.
        claimed: String,
        /// The names that its certificate has.
        names: Vec<String>,
    },
    /// The other end, which was dialled, answers without TLS.
    AnswersPlainly,
    /// The other end, which has called, speaks without TLS.
    CallsPlainly,
    /// The other end, which has called, speaks TLS, and this one does not.
    CallsInTls,
    /// The other end refuses the certificate of this one.
    Refuses {
        /// The alert that it sent.
        alert: AlertDescription,
    },
    /// The other end hung up.
    HangsUp,
    /// The other end did not get through in time.
    TooSlow {
        /// The time that it had.
        within: Duration,
    },
    /// Anything else.
    Other {
        /// What is known of it.
        what: String,
    },
}

impl Problem {
    /// The problem of a handshake that failed with `error`. `trusted` is the file of the authorities.
    pub(crate) fn of_handshake(who: &str, trusted: &str, error: &io::Error) -> Self {
        let cause = match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => Cause::of(trusted, error),
            None => match error.kind() {
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                    Cause::HangsUp
                }
                _ => Cause::Other {
                    what: error.to_string(),
                },
            },
        };
        let who = who.to_owned();
        Self { who, cause }
    }

    pub(crate) fn of_judgement(who: &str, trusted: &str, error: &rustls::Error) -> Self {
        Self {
            who: who.to_owned(),
            cause: Cause::of(trusted, error),
        }
    }
}

impl Cause {
    /// The cause in a word, for programs and for those who tell two apart.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "expired",
            Self::NotYetValid { .. } => "not_yet_valid",
            Self::OtherAuthority { .. } => "other_authority",
            Self::OtherName { .. } => "other_name",
            Self::OtherPurpose => "other_purpose",
            Self::NoCertificate => "no_certificate",
            Self::NoPeer { .. } => "no_peer",
            Self::Claims { .. } => "claims",
            Self::AnswersPlainly => "answers_plainly",
            Self::CallsPlainly => "calls_plainly",
            Self::CallsInTls => "calls_in_tls",
            Self::Refuses { .. } => "refuses",
            Self::HangsUp => "hangs_up",
            Self::TooSlow { .. } => "too_slow",
            Self::Other { .. } => "other",
        }
    }

    fn of(trusted: &str, error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(error) => Self::of_certificate(trusted, error),
            rustls::Error::AlertReceived(alert) => Self::Refuses { alert: *alert },
            // What was read is no record of TLS at all.
            rustls::Error::InvalidMessage(_) => Self::AnswersPlainly,
            rustls::Error::NoCertificatesPresented => Self::NoCertificate,
            error => Self::Other {
                what: error.to_string(),
            },
        }
    }

    fn of_certificate(trusted: &str, error: &CertificateError) -> Self {
        match error {
            CertificateError::Expired => Self::Expired { at: None },
            CertificateError::ExpiredContext { not_after, .. } => Self::Expired {
                at: Some(not_after.as_secs()),
            },
            CertificateError::NotValidYet => Self::NotYetValid { from: None },
            CertificateError::NotValidYetContext { not_before, .. } => Self::NotYetValid {
                from: Some(not_before.as_secs()),
            },
            // A signature that does not fit: an authority of the same name with another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::OtherAuthority {
                trusted: trusted.to_owned(),
            },
            CertificateError::NotValidForNameContext { expected, presented } => Self::OtherName {
                wanted: expected.to_str().into_owned(),
                names: presented.iter().map(|name| bare(name)).collect(),
            },
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => Self::OtherPurpose,
            error => Self::Other {
                what: error.to_string(),
            },
        }
    }
}

/// `dc-east` of `DnsName("dc-east")`, as the verifier writes names.
fn bare(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"').to_owned()
}

impl std::error::Error for Problem {}

impl From<Problem> for io::Error {
    fn from(problem: Problem) -> Self {
        Self::new(io::ErrorKind::InvalidData, problem)
    }
}
