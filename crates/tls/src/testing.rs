//! Authorities for tests, and what they issue. Keys are made anew each time; nothing of it may be used elsewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

use crate::files::Files;

/// An authority.
pub struct TestAuthority(CertifiedIssuer<'static, KeyPair>);

/// What is issued.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate in PEM.
    pub certificate: String,
    /// Its key in PEM.
    pub key: String,
}

/// From when until when a certificate is valid.
#[derive(Clone, Copy, Debug)]
pub struct Validity {
    /// The beginning.
    pub from: SystemTime,
    /// The end.
    pub until: SystemTime,
}

impl Validity {
    /// From an hour ago for a day.
    pub fn day() -> Self {
        Self::ending_in(Duration::from_secs(24 * 3600))
    }

    /// From an hour ago until after `rest`.
    pub fn ending_in(rest: Duration) -> Self {
        let now = SystemTime::now();
        Self {
            from: now - Duration::from_secs(3600),
            until: now + rest,
        }
    }

    /// From two hours ago until an hour ago.
    pub fn over() -> Self {
        let now = SystemTime::now();
        Self {
            from: now - Duration::from_secs(7200),
            until: now - Duration::from_secs(3600),
        }
    }

    /// From in an hour on.
    pub fn to_come() -> Self {
        let now = SystemTime::now();
        Self {
            from: now + Duration::from_secs(3600),
            until: now + Duration::from_secs(7200),
        }
    }
}

impl TestAuthority {
    /// A new authority of that name.
    ///
    /// # Panics
    /// The system gives no randomness.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    /// Its certificate in PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Issues a certificate for `names`: DNS names and IP addresses.
    ///
    /// # Panics
    /// A name is none.
    pub fn issue(&self, names: &[&str], validity: Validity) -> Issued {
        self.issue_for(
            names,
            validity,
            &[ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
        )
    }

    /// Issues a certificate that is good for servers only.
    ///
    /// # Panics
    /// A name is none.
    pub fn issue_for_servers(&self, names: &[&str]) -> Issued {
        self.issue_for(names, Validity::day(), &[ExtendedKeyUsagePurpose::ServerAuth])
    }

    fn issue_for(&self, names: &[&str], validity: Validity, uses: &[ExtendedKeyUsagePurpose]) -> Issued {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        let begin = rcgen::date_time_ymd(1970, 1, 1);
        let at = |time: SystemTime| begin + time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        params.not_before = at(validity.from);
        params.not_after = at(validity.until);
        params.extended_key_usages = uses.to_vec();
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Issued {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// Puts a certificate and authorities into `directory`, each file at once, as a careful operator does. Call it again to replace them.
///
/// # Panics
/// The directory cannot be written.
pub fn place(directory: &Path, issued: &Issued, authorities: &[&TestAuthority]) -> Files {
    let authorities: String = authorities.iter().map(|authority| authority.pem()).collect();
    Files {
        key: put(directory, "key.pem", &issued.key),
        certificate: put(directory, "certificate.pem", &issued.certificate),
        authority: put(directory, "authority.pem", &authorities),
    }
}

fn put(directory: &Path, name: &str, text: &str) -> PathBuf {
    let (path, beside) = (directory.join(name), directory.join(format!("{name}.new")));
    fs::write(&beside, text).expect("the directory can be written");
    fs::rename(&beside, &path).expect("the file can be replaced");
    path
}
