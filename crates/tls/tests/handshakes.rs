//! Handshakes between two ends of which one is not as it should be: each end is told what to do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "the names of the tests are sentences")]

use std::time::Duration;

use rejoin_tls::testing::{Issued, TestAuthority, Validity, place};
use rejoin_tls::{Accepted, Cause, Identity, Interface, Problem, Shown, Trust};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

const WITHIN: Duration = Duration::from_secs(10);

/// One end: its certificate, and whom it trusts.
struct End {
    _directory: TempDir,
    identity: Identity,
}

fn end(name: &str, issued: &Issued, trusted: &TestAuthority) -> End {
    let directory = tempfile::tempdir().unwrap();
    let files = place(directory.path(), issued, &[trusted]);
    let identity = Identity::load(files, name, false).unwrap();
    End {
        _directory: directory,
        identity,
    }
}

/// What both ends of a handshake have come to.
struct Met {
    accepted: Result<Accepted<DuplexStream>, Problem>,
    dialled: Result<(), Problem>,
}

/// `caller` dials `called`, which it takes for dc-west.
async fn meet(caller: &Trust, called: &Identity) -> Met {
    let (near, far) = duplex(1 << 16);
    let dialling = async {
        match caller.dial(near, "dc-west", "dc-west (10.0.0.2:7601)").await {
            Ok((mut stream, _)) => {
                // The other end may have gone already.
                let _ = stream.write_all(b"x").await;
                Ok(())
            }
            Err(problem) => Err(problem),
        }
    };
    let accepting = called.accept(far, Interface::Grpc, "10.0.0.1", WITHIN);
    let (dialled, accepted) = tokio::join!(dialling, accepting);
    Met { accepted, dialled }
}

fn refused_caller(met: Met) -> String {
    assert_eq!(met.dialled, Ok(()), "TLS itself accepts it");
    match met.accepted.unwrap() {
        Accepted::Secure(_, Shown::Refused(problem)) => problem.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn two_ends_of_one_authority_trust_each_other_and_know_their_names() {
    let authority = TestAuthority::new("authority");
    let east = end(
        "dc-east",
        &authority.issue(&["dc-east", "localhost"], Validity::day()),
        &authority,
    );
    let west = end("dc-west", &authority.issue(&["dc-west"], Validity::day()), &authority);
    let met = meet(&east.identity.trust(), &west.identity).await;
    assert_eq!(met.dialled, Ok(()));
    let Accepted::Secure(mut stream, Shown::Trusted(certificate)) = met.accepted.unwrap() else {
        panic!("the caller is known");
    };
    assert_eq!(certificate.names(), ["dc-east", "localhost"]);
    assert!(certificate.is_for("dc-east") && !certificate.is_for("dc-west"));
    assert_eq!(stream.read_u8().await.unwrap(), b'x');
}

#[tokio::test]
async fn a_caller_without_a_certificate_is_let_in_as_nobody() {
    let authority = TestAuthority::new("authority");
    let west = end("dc-west", &authority.issue(&["dc-west"], Validity::day()), &authority);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("authority.pem");
    std::fs::write(&path, authority.pem()).unwrap();
    let met = meet(&Trust::load(&path, None).unwrap(), &west.identity).await;
    assert!(matches!(met.accepted.unwrap(), Accepted::Secure(_, Shown::Nothing)));
}

#[tokio::test]
async fn who_is_dialled_with_a_bad_certificate_is_refused_and_both_ends_say_why() {
    let (authority, other) = (TestAuthority::new("authority"), TestAuthority::new("other"));
    let east = end("dc-east", &authority.issue(&["dc-east"], Validity::day()), &authority);
    let day = Validity::day();
    let cases = [
        (
            "dc-west",
            other.issue(&["dc-west"], day),
            "the certificate of dc-west (10.0.0.2:7601) was not issued by an authority in ",
            "it comes from another authority than those that are trusted there",
        ),
        (
            "dc-north",
            authority.issue(&["dc-north"], day),
            "the certificate of dc-west (10.0.0.2:7601) is for dc-north, not for dc-west: issue one with the name dc-west",
            "it lacks the name that was dialled",
        ),
        (
            "dc-west",
            authority.issue(&["dc-west"], Validity::over()),
            "the certificate of dc-west (10.0.0.2:7601) has expired on 20",
            "it has expired, or one of the clocks is wrong; issue a new one",
        ),
        (
            "dc-west",
            authority.issue(&["dc-west"], Validity::to_come()),
            "the certificate of dc-west (10.0.0.2:7601) is not valid before 20",
            "it has expired, or one of the clocks is wrong",
        ),
    ];
    for (name, issued, near, far) in cases {
        let west = end(name, &issued, &authority);
        let met = meet(&east.identity.trust(), &west.identity).await;
        let told = met.dialled.unwrap_err().to_string();
        assert!(told.starts_with(near), "{told}");
        let told = met.accepted.unwrap_err().to_string();
        assert!(
            told.starts_with("10.0.0.1 does not accept the certificate of this side") && told.contains(far),
            "{told}"
        );
    }
}

#[tokio::test]
async fn a_caller_with_a_bad_certificate_gets_a_connection_on_which_it_can_be_told_why() {
    let (authority, other) = (TestAuthority::new("authority"), TestAuthority::new("other"));
    let west = end("dc-west", &authority.issue(&["dc-west"], Validity::day()), &authority);
    let cases = [
        (
            other.issue(&["dc-east"], Validity::day()),
            "the certificate of dc-east (10.0.0.1) was not issued by an authority in ",
            "add its authority to that file",
        ),
        (
            authority.issue(&["dc-east"], Validity::over()),
            "the certificate of dc-east (10.0.0.1) has expired on 20",
            "issue a new one (deploy/certificates.sh) and put it in place there; no restart is needed",
        ),
        (
            authority.issue_for_servers(&["dc-east"]),
            "the certificate of dc-east (10.0.0.1) was issued for another use",
            "serverAuth and clientAuth",
        ),
    ];
    for (issued, begin, advice) in cases {
        let east = end("dc-east", &issued, &authority);
        let told = refused_caller(meet(&east.identity.trust(), &west.identity).await);
        assert!(told.starts_with(begin) && told.contains(advice), "{told}");
    }
}

#[tokio::test]
async fn an_authority_of_the_same_name_with_another_key_is_another_authority() {
    let (authority, namesake) = (TestAuthority::new("authority"), TestAuthority::new("authority"));
    let west = end("dc-west", &authority.issue(&["dc-west"], Validity::day()), &authority);
    let east = end("dc-east", &namesake.issue(&["dc-east"], Validity::day()), &authority);
    let told = refused_caller(meet(&east.identity.trust(), &west.identity).await);
    assert!(told.contains("was not issued by an authority in"), "{told}");
}

#[tokio::test]
async fn a_caller_without_tls_is_noticed_by_its_first_byte_which_is_not_lost() {
    let authority = TestAuthority::new("authority");
    let west = end("dc-west", &authority.issue(&["dc-west"], Validity::day()), &authority);
    let (mut near, far) = duplex(1 << 10);
    near.write_all(b"PRI * HTTP/2.0").await.unwrap();
    let accepted = west.identity.accept(far, Interface::Grpc, "10.0.0.1", WITHIN).await;
    let Accepted::Plain(mut stream, problem) = accepted.unwrap() else {
        panic!("it is plain text");
    };
    let mut read = [0; 14];
    stream.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"PRI * HTTP/2.0");
    assert_eq!(
        problem.to_string(),
        "10.0.0.1 speaks without TLS, and this node takes nothing else: write https:// in the address there"
    );
}

#[tokio::test]
async fn who_answers_without_tls_is_noticed_and_the_caller_is_told_what_to_configure() {
    let authority = TestAuthority::new("authority");
    let east = end("dc-east", &authority.issue(&["dc-east"], Validity::day()), &authority);
    // What a server of HTTP/2 says first, and one of HTTP/1.1.
    for answer in [&b"\0\0\x12\x04\0\0\0\0\0"[..], &b"HTTP/1.1 400 Bad Request\r\n"[..]] {
        let (near, mut far) = duplex(1 << 16);
        far.write_all(answer).await.unwrap();
        let dialled = east.identity.trust().dial(near, "dc-west", "dc-west").await;
        let problem = dialled.err().unwrap();
        assert_eq!(problem.cause, Cause::AnswersPlainly);
        assert!(problem.to_string().contains("configure [tls] there"), "{problem}");
    }
}

#[tokio::test]
async fn who_hangs_up_is_told_of_and_who_only_looks_is_not() {
    let authority = TestAuthority::new("authority");
    let east = end("dc-east", &authority.issue(&["dc-east"], Validity::day()), &authority);
    let (near, far) = duplex(1 << 16);
    drop(far);
    let problem = east
        .identity
        .trust()
        .dial(near, "dc-west", "dc-west")
        .await
        .err()
        .unwrap();
    assert_eq!(problem.cause, Cause::HangsUp);
    let (near, far) = duplex(1 << 16);
    drop(near);
    let accepted = east.identity.accept(far, Interface::Grpc, "10.0.0.1", WITHIN).await;
    assert!(matches!(accepted, Ok(Accepted::Nobody)));
}

#[tokio::test]
async fn who_does_not_finish_the_handshake_is_given_up() {
    let authority = TestAuthority::new("authority");
    let west = end("dc-west", &authority.issue(&["dc-west"], Validity::day()), &authority);
    let within = Duration::from_millis(50);
    for said in [&b""[..], &b"\x16\x03\x01"[..]] {
        let (mut near, far) = duplex(1 << 16);
        near.write_all(said).await.unwrap();
        let accepted = west.identity.accept(far, Interface::Grpc, "10.0.0.1", within);
        let problem = accepted.await.unwrap_err();
        assert_eq!(problem.cause, Cause::TooSlow { within });
        assert!(problem.to_string().contains("within 50 ms"), "{problem}");
    }
}
