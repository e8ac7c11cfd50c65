//! The words of problems: whose certificate or connection, what is wrong with it, and what to do.

use std::fmt;

use rustls::AlertDescription;

use crate::certificate::{date, listed};
use crate::problem::{Cause, Problem};

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = &self.who;
        match about_certificate(who, &self.cause) {
            Some(sentence) => formatter.write_str(&sentence),
            None => about_connection(formatter, who, &self.cause),
        }
    }
}

fn about_certificate(who: &str, cause: &Cause) -> Option<String> {
    let on = |at: &Option<u64>| at.map(|at| format!(" on {}", date(at))).unwrap_or_default();
    let sentence = match cause {
        Cause::Expired { at } => format!(
            "has expired{}: issue a new one (deploy/certificates.sh) and put it in place there; no restart is needed",
            on(at)
        ),
        Cause::NotYetValid { from } => format!(
            "is not valid before {}: set the clocks of both machines right, or issue a new one",
            from.map_or_else(|| "a later time".to_owned(), date)
        ),
        Cause::OtherAuthority { trusted } => format!(
            "was not issued by an authority in {trusted}: issue it by one of those, or add its authority to that file; no restart \
             is needed"
        ),
        Cause::OtherName { wanted, names } => format!(
            "is for {}, not for {wanted}: issue one with the name {wanted} (deploy/certificates.sh), or correct the name or the \
             address that it is called by",
            listed(names)
        ),
        Cause::OtherPurpose => {
            "was issued for another use: issue one with the extended key usages serverAuth and clientAuth \
                                (deploy/certificates.sh)"
                .to_owned()
        }
        Cause::NoPeer { names } => format!(
            "is for {}, and the node that it calls has no such peer: add the datacenter to the peers there (--peer \
             NAME=https://HOST:PORT), or issue a certificate for the datacenter that it is",
            listed(names)
        ),
        _ => return None,
    };
    Some(format!("the certificate of {who} {sentence}"))
}

fn about_connection(formatter: &mut fmt::Formatter<'_>, who: &str, cause: &Cause) -> fmt::Result {
    match cause {
        Cause::NoCertificate => write!(
            formatter,
            "{who} shows no certificate: give it one of this node's authority, with its key (a node: [tls] in its configuration; \
             a client: --certificate and --key)"
        ),
        Cause::Claims { claimed, names } => write!(
            formatter,
            "{who} says that it is {claimed}, and its certificate is for {}: issue one with the name {claimed} \
             (deploy/certificates.sh), or correct the datacenter's name there",
            listed(names)
        ),
        Cause::AnswersPlainly => write!(
            formatter,
            "{who} answers without TLS: configure [tls] there; a node without it is dialled with http://"
        ),
        Cause::CallsPlainly => write!(
            formatter,
            "{who} speaks without TLS, and this node takes nothing else: write https:// in the address there"
        ),
        Cause::CallsInTls => write!(
            formatter,
            "{who} speaks TLS, and this node serves without it: configure [tls] here, or write http:// in the address there"
        ),
        Cause::Refuses { alert } => write!(
            formatter,
            "{who} does not accept the certificate of this side ({alert:?}): {}",
            after(*alert)
        ),
        Cause::HangsUp => write!(
            formatter,
            "{who} hung up during the TLS handshake: it may serve without TLS or be stopping; its log says more"
        ),
        Cause::TooSlow { within } => write!(
            formatter,
            "{who} did not finish the TLS handshake within {} ms: check what is at that address, and the network between",
            within.as_millis()
        ),
        Cause::Other { what } => write!(
            formatter,
            "the TLS handshake with {who} failed ({what}): check its certificate and its version"
        ),
        // All others are about a certificate.
        cause => formatter.write_str(cause.kind()),
    }
}

/// What to do after an alert about a certificate.
fn after(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::UnknownCA => {
            "it comes from another authority than those that are trusted there; issue it by one of them, or add its authority to the \
             file there"
        }
        AlertDescription::CertificateExpired => {
            "it has expired, or one of the clocks is wrong; issue a new one (deploy/certificates.sh) and put it in place here; no \
             restart is needed"
        }
        AlertDescription::BadCertificate => {
            "it lacks the name that was dialled; issue one with that name (deploy/certificates.sh), or correct the name of the peer \
             there"
        }
        AlertDescription::UnsupportedCertificate => {
            "it was issued for another use; issue one with the extended key usages serverAuth and clientAuth (deploy/certificates.sh)"
        }
        AlertDescription::CertificateRequired => "it wants one; configure a certificate and its key here",
        _ => "the log there says why",
    }
}
