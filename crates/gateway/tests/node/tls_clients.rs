//! Clients of a node with certificates: the command line, HTTP, and what each is told where it is not let in.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rejoin_client::{Client, ClientOptions, Dialler, Trust};
use rejoin_tls::testing::{TestAuthority, Validity, place};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::free_address;
use crate::secure::{Plan, SecureNode};

/// `rejoin` with these arguments.
fn rejoin(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
    for variable in ["REJOIN_ADDRESS", "REJOIN_AUTHORITY", "REJOIN_CERTIFICATE", "REJOIN_KEY"] {
        command.env_remove(variable);
    }
    command.args(arguments).output().unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn authority_of(node: &SecureNode) -> PathBuf {
    node.plan.directory().join("authority.pem")
}

#[tokio::test]
async fn the_command_line_speaks_tls_with_the_authority_that_it_is_given() {
    let authority = TestAuthority::new("authority");
    let east = Plan::good("dc-east", &authority).start(&authority).await;
    let (address, file) = (east.plan.address(), authority_of(&east));
    let status = rejoin(&["status", "--address", &address, "--authority", file.to_str().unwrap()]);
    assert!(status.status.success(), "{}", errors(&status));
    let told = String::from_utf8(status.stdout).unwrap();
    assert!(told.starts_with("dc-east "), "{told}");
    assert!(
        told.contains("expires on 20"),
        "a certificate for a day is warned of: {told}"
    );
}

#[tokio::test]
async fn the_command_line_says_what_is_wrong_with_the_connection_and_what_to_do() {
    let (authority, other) = (TestAuthority::new("authority"), TestAuthority::new("other"));
    let east = Plan::good("dc-east", &authority).start(&authority).await;
    let address = east.plan.address();
    let wrong = east.plan.directory().join("wrong.pem");
    std::fs::write(&wrong, other.pem()).unwrap();
    let wrong = wrong.to_str().unwrap();
    let right = authority_of(&east);
    let right = right.to_str().unwrap();

    let foreign = rejoin(&["status", "--address", &address, "--authority", wrong]);
    assert_eq!(foreign.status.code(), Some(3));
    let told = errors(&foreign);
    assert!(
        told.contains("the certificate of 127.0.0.1 was not issued by an authority in") && told.contains("wrong.pem"),
        "{told}"
    );

    let by_name = address.replace("127.0.0.1", "localhost");
    let named = rejoin(&["status", "--json", "--address", &by_name, "--authority", right]);
    assert_eq!(named.status.code(), Some(3));
    let told = errors(&named);
    assert!(told.contains(r#""error":"UNTRUSTED""#), "{told}");
    assert!(told.contains("is for dc-east, 127.0.0.1, not for localhost"), "{told}");

    let unnamed = rejoin(&["status", "--address", &address]);
    assert_eq!(unnamed.status.code(), Some(2));
    assert!(errors(&unnamed).contains("--authority FILE"), "{}", errors(&unnamed));

    let plain = rejoin(&["status", "--address", &address.replace("https", "http")]);
    assert_eq!(plain.status.code(), Some(1));
    assert!(
        errors(&plain).contains("write https:// in the address there"),
        "{}",
        errors(&plain)
    );

    let absent = rejoin(&["status", "--address", &address, "--authority", "/nowhere.pem"]);
    assert_eq!(absent.status.code(), Some(2));
    assert!(
        errors(&absent).contains("cannot read the authority /nowhere.pem"),
        "{}",
        errors(&absent)
    );
}

#[tokio::test]
async fn the_command_line_is_told_that_a_node_serves_without_tls() {
    let authority = TestAuthority::new("authority");
    let east = Plan::plain("dc-east").start(&authority).await;
    let file = east.plan.directory().join("trusted-by-clients.pem");
    let address = east.plan.address().replace("http", "https");
    let status = rejoin(&["status", "--address", &address, "--authority", file.to_str().unwrap()]);
    assert_eq!(status.status.code(), Some(3));
    assert!(
        errors(&status).contains("127.0.0.1 answers without TLS"),
        "{}",
        errors(&status)
    );
    east.wait_for_log(&["WARN", "127.0.0.1 speaks TLS, and this node serves without it"])
        .await;
}

/// A node with HTTP, and its port.
async fn with_http(plan: Plan, authority: &TestAuthority) -> (SecureNode, u16) {
    let port = free_address().port();
    let plan = plan.argument("--http").argument(&format!("127.0.0.1:{port}"));
    (plan.start(authority).await, port)
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

async fn get(trust: &Trust, port: u16) -> String {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut stream = trust.dial_http(stream, "127.0.0.1", "the node").await.unwrap();
    stream.write_all(GET).await.unwrap();
    let mut answer = String::new();
    // Whether the end is announced in TLS does not matter here.
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

async fn get_plainly(port: u16) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(GET).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn http_is_served_over_tls_and_who_comes_without_is_told_so_in_http() {
    let authority = TestAuthority::new("authority");
    let (east, port) = with_http(Plan::good("dc-east", &authority), &authority).await;
    let trust = Trust::load(&authority_of(&east), None).unwrap();
    let answer = get(&trust, port).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let answer = get_plainly(port).await;
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request"), "{answer}");
    assert!(
        answer.contains(r#""error":"untrusted""#) && answer.contains("write https://"),
        "{answer}"
    );
    east.wait_for_log(&["WARN", "a caller is refused", "speaks without TLS"])
        .await;
}

/// What a client trusts, with a certificate of `authority` to show.
fn certified(directory: &Path, issued_by: &TestAuthority, trusted: &TestAuthority) -> Trust {
    place(directory, &issued_by.issue(&["a-client"], Validity::day()), &[trusted]);
    let file = |name: &str| directory.join(format!("{name}.pem"));
    Trust::load(&file("authority"), Some((&file("certificate"), &file("key")))).unwrap()
}

#[tokio::test]
async fn where_clients_need_a_certificate_nobody_is_served_without_over_grpc_and_http() {
    let (authority, other) = (TestAuthority::new("authority"), TestAuthority::new("other"));
    let plan = Plan::good("dc-east", &authority).with("client_certificates = true\n");
    let (east, port) = with_http(plan, &authority).await;
    let told = east.client.status().await.unwrap_err().to_string();
    assert!(
        told.contains("shows no certificate") && told.contains("--certificate and --key"),
        "{told}"
    );
    let trust = Trust::load(&authority_of(&east), None).unwrap();
    let answer = get(&trust, port).await;
    assert!(
        answer.starts_with("HTTP/1.1 403") && answer.contains("shows no certificate"),
        "{answer}"
    );

    let (mine, foreign) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let trust = certified(foreign.path(), &other, &authority);
    let answer = get(&trust, port).await;
    assert!(
        answer.starts_with("HTTP/1.1 403") && answer.contains("was not issued by an authority"),
        "{answer}"
    );

    let trust = certified(mine.path(), &authority, &authority);
    assert!(get(&trust, port).await.starts_with("HTTP/1.1 200 OK"));
    let client =
        Client::with_dialler(&[east.plan.address()], ClientOptions::default(), Dialler::secure(trust)).unwrap();
    client.status().await.unwrap();
    let file = |name: &str| mine.path().join(format!("{name}.pem")).to_str().unwrap().to_owned();
    let (authority, certificate, key) = (file("authority"), file("certificate"), file("key"));
    let own = ["--authority", &authority, "--certificate", &certificate, "--key", &key];
    let address = east.plan.address();
    let status = rejoin(&[&["status", "--address", &address], &own[..]].concat());
    assert!(status.status.success(), "{}", errors(&status));
}

#[test]
fn a_node_whose_certificates_cannot_be_used_does_not_start_and_says_what_to_do() {
    let authority = TestAuthority::new("authority");
    let day = Validity::day();
    let other_name = Plan::secure("dc-east", &authority.issue(&["dc-west"], day), &authority).output();
    assert_eq!(other_name.status.code(), Some(1));
    let told = errors(&other_name);
    assert!(
        told.contains("is for dc-west, not for dc-east, the datacenter of this node"),
        "{told}"
    );
    assert!(told.contains("deploy/certificates.sh"), "{told}");

    let plan = Plan::secure("dc-east", &authority.issue(&["dc-east"], day), &authority);
    std::fs::remove_file(plan.directory().join("key.pem")).unwrap();
    let unreadable = plan.output();
    assert_eq!(unreadable.status.code(), Some(1));
    assert!(
        errors(&unreadable).contains("cannot read the private key"),
        "{}",
        errors(&unreadable)
    );

    let half = Plan::plain("dc-east")
        .argument("--certificate")
        .argument("x.pem")
        .output();
    assert_eq!(half.status.code(), Some(2));
    assert!(errors(&half).contains("[tls] lacks key"), "{}", errors(&half));
}

#[tokio::test]
async fn what_the_script_makes_serves_two_datacenters_and_stays_when_it_is_run_again() {
    let directory = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/certificates.sh");
    let made = |names: &[&str]| {
        let output = Command::new(script).arg(directory.path()).args(names).output().unwrap();
        assert!(output.status.success(), "{}", errors(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let read = |name: &str| std::fs::read(directory.path().join(name)).unwrap();
    let first = made(&["dc-east", "dc-west"]);
    assert_eq!(
        first.matches("made ").count(),
        3,
        "an authority and two certificates: {first}"
    );
    let (authority, east) = (read("authority.pem"), read("dc-east.pem"));
    let second = made(&["dc-east", "dc-west,west.example.org"]);
    assert!(
        second.contains("kept ") && second.contains("made ") && second.contains("west.example.org"),
        "{second}"
    );
    assert_eq!((read("authority.pem"), read("dc-east.pem")), (authority, east));

    let file = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let with_files = |plan: Plan, name: &str| {
        let files = [
            ("--certificate", format!("{name}.pem")),
            ("--key", format!("{name}.key")),
            ("--authority", "authority.pem".to_owned()),
        ];
        files
            .iter()
            .fold(plan, |plan, (flag, name)| plan.argument(flag).argument(&file(name)))
    };
    let unused = TestAuthority::new("unused");
    let (east, west) = (Plan::plain("dc-east"), Plan::plain("dc-west"));
    let peer = |name: &str, of: &Plan| format!("{name}=https://127.0.0.1:{}", of.port);
    let (to_west, to_east) = (peer("dc-west", &west), peer("dc-east", &east));
    let east = with_files(east.argument("--peer").argument(&to_west), "dc-east")
        .start(&unused)
        .await;
    let west = with_files(west.argument("--peer").argument(&to_east), "dc-west")
        .start(&unused)
        .await;
    for node in [&east, &west] {
        node.wait_for_log(&["link", "to=connected"]).await;
    }
    let address = format!("https://localhost:{}", west.plan.port);
    let status = rejoin(&["status", "--address", &address, "--authority", &file("authority.pem")]);
    assert!(status.status.success(), "{}", errors(&status));
}
