//! Files that change while a node runs, and files that cannot be used.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "the names of the tests are sentences")]

use std::fs;
use std::time::Duration;

use rejoin_tls::testing::{TestAuthority, Validity, place};
use rejoin_tls::{Accepted, Cause, Files, Found, Identity, Interface, LoadError, PeerCertificate, Shown, Trust};
use tokio::io::duplex;

/// The certificate that `caller` shows to `called`.
async fn shown(caller: &Trust, called: &Identity) -> PeerCertificate {
    let (near, far) = duplex(1 << 16);
    let accepting = called.accept(far, Interface::Grpc, "10.0.0.1", Duration::from_secs(10));
    let (_, accepted) = tokio::join!(caller.dial(near, "dc-west", "dc-west"), accepting);
    match accepted.unwrap() {
        Accepted::Secure(_, Shown::Trusted(certificate)) => certificate,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_authority_that_is_taken_away_is_trusted_no_more_by_those_who_look_again() {
    let (old, new) = (TestAuthority::new("old"), TestAuthority::new("new"));
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let west = Identity::load(
        place(here.path(), &old.issue(&["dc-west"], Validity::day()), &[&old]),
        "dc-west",
        false,
    );
    let east = Identity::load(
        place(there.path(), &old.issue(&["dc-east"], Validity::day()), &[&old]),
        "dc-east",
        false,
    );
    let (west, east) = (west.unwrap(), east.unwrap());
    let mut looked = west.looked();
    looked.mark_unchanged();
    let caller = shown(&east.trust(), &west).await;
    assert!(matches!(west.look(), Found::Same));
    assert!(looked.has_changed().unwrap());

    place(here.path(), &new.issue(&["dc-west"], Validity::day()), &[&old, &new]);
    let Found::New(own) = west.look() else {
        panic!("it is new")
    };
    assert_eq!(own.names, "dc-west");
    assert_eq!(
        west.judge_caller(&caller, "dc-east"),
        Ok(()),
        "both authorities are trusted"
    );

    place(here.path(), &new.issue(&["dc-west"], Validity::day()), &[&new]);
    assert!(matches!(west.look(), Found::New(_)));
    let problem = west.judge_caller(&caller, "dc-east").unwrap_err();
    assert!(matches!(problem.cause, Cause::OtherAuthority { .. }), "{problem}");
}

#[tokio::test]
async fn a_certificate_that_ends_while_it_is_in_use_is_refused_when_it_is_looked_at_again() {
    let authority = TestAuthority::new("authority");
    let directory = tempfile::tempdir().unwrap();
    let issued = authority.issue(&["dc-west"], Validity::ending_in(Duration::from_secs(5)));
    let west = Identity::load(place(directory.path(), &issued, &[&authority]), "dc-west", false).unwrap();
    let caller = shown(&west.trust(), &west).await;
    assert_eq!(west.judge_caller(&caller, "dc-west"), Ok(()));
    let trust = west.trust();
    assert_eq!(trust.judge_dialled(&caller, "dc-west", "dc-west"), Ok(()));
    let end = std::time::Instant::now() + Duration::from_secs(30);
    while west.judge_caller(&caller, "dc-west").is_ok() {
        assert!(std::time::Instant::now() < end, "it never ends");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for problem in [
        west.judge_caller(&caller, "dc-west"),
        trust.judge_dialled(&caller, "dc-west", "dc-west"),
    ] {
        assert!(matches!(problem.unwrap_err().cause, Cause::Expired { at: Some(_) }));
    }
    assert!(
        west.warnings()[0].contains("has expired on 20"),
        "{:?}",
        west.warnings()
    );
}

#[test]
fn new_files_that_cannot_be_used_replace_nothing_and_are_told_of_once() {
    let authority = TestAuthority::new("authority");
    let directory = tempfile::tempdir().unwrap();
    let files = place(
        directory.path(),
        &authority.issue(&["dc-west"], Validity::day()),
        &[&authority],
    );
    let west = Identity::load(files.clone(), "dc-west", false).unwrap();
    let before = west.own();
    assert!(
        west.warnings()[0].contains("expires on"),
        "a day is short: {:?}",
        west.warnings()
    );

    let other = authority.issue(&["dc-west"], Validity::ending_in(Duration::from_secs(90 * 24 * 3600)));
    fs::write(&files.certificate, &other.certificate).unwrap();
    let Found::Broken { error, known: false } = west.look() else {
        panic!("the key is still the old one")
    };
    assert!(matches!(error, LoadError::Mismatch { .. }), "{error}");
    assert!(matches!(west.look(), Found::Broken { known: true, .. }));
    assert_eq!(west.own(), before);
    assert!(
        west.warnings()[0].contains("put both in place together"),
        "{:?}",
        west.warnings()
    );

    fs::write(&files.key, &other.key).unwrap();
    assert!(matches!(west.look(), Found::New(_)));
    assert_ne!(west.own(), before);
    assert_eq!(west.warnings(), Vec::<String>::new());
}

#[test]
fn files_that_cannot_be_used_are_named_with_what_to_do() {
    let authority = TestAuthority::new("authority");
    let directory = tempfile::tempdir().unwrap();
    let issued = authority.issue(&["dc-west", "localhost"], Validity::day());
    let good = place(directory.path(), &issued, &[&authority]);
    let told = |files: Files, datacenter: &str| Identity::load(files, datacenter, false).unwrap_err().to_string();
    let with = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let absent = Files {
        key: directory.path().join("absent"),
        ..good.clone()
    };
    assert!(told(absent, "dc-west").contains("check the path and who may read it"));
    let empty = Files {
        authority: with("empty", ""),
        ..good.clone()
    };
    assert!(told(empty, "dc-west").contains("holds no authority in PEM"));
    let swapped = Files {
        key: good.certificate.clone(),
        ..good.clone()
    };
    assert!(told(swapped, "dc-west").contains("there is none, or it needs a passphrase"));
    let garbled = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let garbled = Files {
        certificate: with("garbled", garbled),
        ..good.clone()
    };
    assert!(told(garbled, "dc-west").contains("holds no certificate in PEM that can be used"));
    let huge = Files {
        certificate: with("huge", &" ".repeat((1 << 20) + 1)),
        ..good.clone()
    };
    assert!(told(huge, "dc-west").contains("larger than 1 MiB"));
    let name = told(good, "dc-east");
    assert!(name.contains("is for dc-west, localhost, not for dc-east"), "{name}");
    assert!(name.contains("deploy/certificates.sh"), "{name}");
}
