//! Links between datacenters over TLS: what links up, and what each operator is told where nothing does.
//!
//! A failure of TLS that says nothing of its cause is what operators of other systems have reported most; here each side's log and
//! each side's link status hold a sentence with the cause and what to do.

use bytes::Bytes;
use hyper_util::rt::TokioIo;
use rejoin_api::Reason;
use rejoin_api::proto::sync_service_client::SyncServiceClient;
use rejoin_client::{CallError, Client, ClientOptions, Database, Dialler, Trust};
use rejoin_document::{Granularity, Incarnation, ReplicaId, RuleSet};
use rejoin_sync::{Hello, Message};
use rejoin_tls::testing::{TestAuthority, Validity, place};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::secure::{Plan, SecureNode};

fn things() -> Database {
    Database::new("things", Granularity::Field, RuleSet::default())
}

/// Two nodes that pull from each other, as `east` and `west` are planned.
async fn pair(east: Plan, west: Plan, authority: &TestAuthority) -> (SecureNode, SecureNode) {
    let east = east.pulls("dc-west", &west);
    let west = west.pulls("dc-east", &east);
    (east.start(authority).await, west.start(authority).await)
}

#[tokio::test]
async fn two_datacenters_of_one_authority_link_up_and_replicate_both_ways() {
    let authority = TestAuthority::new("authority");
    let (east, west) = (Plan::good("dc-east", &authority), Plan::good("dc-west", &authority));
    let (east, west) = pair(east, west, &authority).await;
    east.wait_until_connected("dc-west").await;
    west.wait_until_connected("dc-east").await;
    east.client.create_database(&things()).await.unwrap();
    east.client
        .create("things", "a", Bytes::from_static(b"{}"))
        .await
        .unwrap();
    west.wait_for("a").await;
    west.client
        .create("things", "b", Bytes::from_static(b"{}"))
        .await
        .unwrap();
    east.wait_for("b").await;
    let ready = east.log();
    assert!(ready.contains("tls=\"dc-east until 20"), "{ready}");
    for node in [&east, &west] {
        assert!(!node.log().contains("a caller is refused"), "{}", node.log());
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_and_both_operators_are_told() {
    let (authority, other) = (TestAuthority::new("authority"), TestAuthority::new("other"));
    let east = Plan::good("dc-east", &authority);
    let west = Plan::secure(
        "dc-west",
        &other.issue(&["dc-west", "127.0.0.1"], Validity::day()),
        &authority,
    );
    let east = east.pulls("dc-west", &west);
    let west = west.pulls("dc-east", &east);
    let (east, west) = (east.start(&authority).await, west.start(&other).await);
    let cause = [
        "the certificate of dc-west",
        "was not issued by an authority in",
        "authority.pem",
        "no restart is needed",
    ];
    east.wait_for_cause("dc-west", &cause).await;
    west.wait_for_cause("dc-east", &cause).await;
    east.wait_for_log(&["WARN", "no link", cause[0], cause[1]]).await;
    east.wait_for_log(&["WARN", "a caller is refused", cause[0], cause[1]])
        .await;
    west.wait_for_log(&["WARN", "no link", cause[0], cause[1]]).await;
    west.wait_for_log(&[
        "WARN",
        "127.0.0.1 does not accept the certificate of this side",
        "another authority",
    ])
    .await;
}

#[tokio::test]
async fn an_expired_certificate_is_refused_and_both_operators_are_told_since_when() {
    let authority = TestAuthority::new("authority");
    let east = Plan::good("dc-east", &authority);
    let west = Plan::secure("dc-west", &authority.issue(&["dc-west"], Validity::over()), &authority);
    let east = east.pulls("dc-west", &west);
    let west = west.pulls("dc-east", &east);
    let (east, west) = (east.start(&authority).await, west.start(&authority).await);
    let cause = [
        "the certificate of dc-west",
        "has expired on 20",
        "deploy/certificates.sh",
        "no restart is needed",
    ];
    east.wait_for_cause("dc-west", &cause).await;
    east.wait_for_log(&["WARN", "no link", cause[0], cause[1]]).await;
    east.wait_for_log(&["WARN", "a caller is refused", cause[0], cause[1]])
        .await;
    // Its clients cannot read its status either: its certificate has expired for them, too.
    west.wait_for_log(&["WARN", "no link", cause[0], cause[1]]).await;
    west.wait_for_log(&[
        "WARN",
        "127.0.0.1 does not accept the certificate of this side",
        "it has expired",
    ])
    .await;
    let error = west.client.status().await.unwrap_err();
    assert!(matches!(error, CallError::Untrusted { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("the certificate of 127.0.0.1 has expired on 20"),
        "{error}"
    );
}

#[tokio::test]
async fn a_datacenter_of_another_name_is_refused_and_both_operators_are_told_both_names() {
    let authority = TestAuthority::new("authority");
    let (east, west) = (Plan::good("dc-east", &authority), Plan::good("dc-west", &authority));
    let east = east.pulls("dc-north", &west);
    let west = west.pulls("dc-east", &east);
    let (east, west) = (east.start(&authority).await, west.start(&authority).await);
    east.wait_for_cause(
        "dc-north",
        &["the certificate of dc-north", "is for dc-west", "not for dc-north"],
    )
    .await;
    east.wait_for_log(&["WARN", "no link", "not for dc-north"]).await;
    west.wait_for_log(&[
        "WARN",
        "127.0.0.1 does not accept the certificate of this side",
        "it lacks the name that was dialled",
    ])
    .await;
    let stranger = ["the certificate of dc-west", "no such peer", "--peer"];
    west.wait_for_cause("dc-east", &stranger).await;
    east.wait_for_log(&["WARN", "a caller is refused", stranger[0], stranger[1]])
        .await;
}

#[tokio::test]
async fn a_datacenter_without_tls_is_refused_and_both_operators_are_told() {
    let authority = TestAuthority::new("authority");
    let (east, west) = (Plan::good("dc-east", &authority), Plan::plain("dc-west"));
    let (east, west) = pair(east, west, &authority).await;
    east.wait_for_cause(
        "dc-west",
        &["dc-west (127.0.0.1:", "answers without TLS", "configure [tls] there"],
    )
    .await;
    east.wait_for_log(&["WARN", "no link", "answers without TLS"]).await;
    west.wait_for_log(&[
        "WARN",
        "127.0.0.1 speaks TLS, and this node serves without it",
        "configure [tls] here",
    ])
    .await;
    let plain = ["127.0.0.1 speaks without TLS", "write https:// in the address there"];
    west.wait_for_cause("dc-east", &plain).await;
    west.wait_for_log(&["WARN", "no link", plain[0], plain[1]]).await;
    east.wait_for_log(&["WARN", "a caller is refused", plain[0], plain[1]])
        .await;
}

#[tokio::test]
async fn a_caller_that_comes_again_and_again_is_logged_once() {
    let authority = TestAuthority::new("authority");
    let (east, west) = (Plan::good("dc-east", &authority), Plan::plain("dc-west"));
    let (east, west) = pair(east, west, &authority).await;
    west.wait_for_log(&["no link"]).await;
    for _ in 0..20 {
        let client = Client::connect_lazy(&format!("http://127.0.0.1:{}", east.plan.port)).unwrap();
        let refused = client.status().await.unwrap_err();
        assert_eq!(refused.reason(), Some(Reason::Untrusted));
    }
    let log = east.log();
    assert_eq!(log.matches("speaks without TLS").count(), 1, "{log}");
}

/// A channel to `node` by somebody with the certificate in `directory`.
fn channel(node: &SecureNode, directory: &std::path::Path) -> Channel {
    let file = |name: &str| directory.join(format!("{name}.pem"));
    let trust = Trust::load(&file("authority"), Some((&file("certificate"), &file("key")))).unwrap();
    let address = format!("127.0.0.1:{}", node.plan.port);
    let connector = tower::service_fn(move |_| {
        let (trust, address) = (trust.clone(), address.clone());
        async move {
            let stream = tokio::net::TcpStream::connect(&address).await?;
            let (stream, _) = trust.dial(stream, "127.0.0.1", "the node").await?;
            Ok::<_, std::io::Error>(TokioIo::new(stream))
        }
    });
    Endpoint::from_static("https://node").connect_with_connector_lazy(connector)
}

/// What the node answers to a greeting.
async fn greet(channel: Channel, datacenter: &str, expects: &str) -> Result<(), Status> {
    let hello = Hello {
        stream: 1,
        datacenter: datacenter.parse().unwrap(),
        expects: expects.parse().unwrap(),
        replica: ReplicaId([7; 8]),
        lineage: ReplicaId([7; 8]),
        incarnation: Incarnation(1),
        window_bytes: 1 << 20,
        databases: Vec::new(),
    };
    let greeting = rejoin_wire::to_request(Message::Hello(hello)).unwrap();
    let requests = tokio_stream::StreamExt::chain(tokio_stream::once(greeting), tokio_stream::pending());
    let mut answers = SyncServiceClient::new(channel).pull(requests).await?.into_inner();
    answers.message().await.map(|_| ())
}

#[tokio::test]
async fn a_datacenter_can_greet_under_the_name_in_its_certificate_only() {
    let authority = TestAuthority::new("authority");
    let (east, west, north) = (
        Plan::good("dc-east", &authority),
        Plan::plain("dc-west"),
        Plan::plain("dc-north"),
    );
    let east = east
        .pulls("dc-west", &west)
        .pulls("dc-north", &north)
        .start(&authority)
        .await;
    let directory = tempfile::tempdir().unwrap();
    place(
        directory.path(),
        &authority.issue(&["dc-west"], Validity::day()),
        &[&authority],
    );
    greet(channel(&east, directory.path()), "dc-west", "dc-east")
        .await
        .unwrap();

    let refused = greet(channel(&east, directory.path()), "dc-north", "dc-east")
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert_eq!(refused.get_details_error_info().unwrap().reason, "UNTRUSTED");
    let told = refused.message();
    assert!(
        told.contains("says that it is dc-north, and its certificate is for dc-west"),
        "{told}"
    );
    east.wait_for_log(&["WARN", "says that it is dc-north"]).await;

    // Without a certificate nobody links, though clients are served.
    let client = Dialler::secure(Trust::load(&directory.path().join("authority.pem"), None).unwrap());
    let client = Client::with_dialler(&[east.plan.address()], ClientOptions::default(), client).unwrap();
    client.status().await.unwrap();
}

#[tokio::test]
async fn a_caller_with_a_certificate_that_is_not_trusted_reaches_no_service_at_all() {
    let (authority, other) = (TestAuthority::new("authority"), TestAuthority::new("other"));
    let east = Plan::good("dc-east", &authority).start(&authority).await;
    let directory = tempfile::tempdir().unwrap();
    place(
        directory.path(),
        &other.issue(&["dc-west"], Validity::day()),
        &[&authority],
    );
    let file = |name: &str| directory.path().join(format!("{name}.pem"));
    let trust = Trust::load(&file("authority"), Some((&file("certificate"), &file("key")))).unwrap();
    let client =
        Client::with_dialler(&[east.plan.address()], ClientOptions::default(), Dialler::secure(trust)).unwrap();
    for error in [
        client.status().await.unwrap_err(),
        client.create_database(&things()).await.unwrap_err(),
        client.get("things", "a").await.unwrap_err(),
    ] {
        assert_eq!(error.reason(), Some(Reason::Untrusted), "{error}");
        assert!(
            error.to_string().contains("was not issued by an authority in"),
            "{error}"
        );
    }
    let refused = greet(channel(&east, directory.path()), "dc-west", "dc-east")
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel(&east, directory.path()));
    let refused = health
        .check(tonic_health::pb::HealthCheckRequest::default())
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
}
