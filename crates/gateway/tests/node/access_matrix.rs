//! Every method of every service, as everybody: who is let in, and what the others are told.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use prost::Message;
use rejoin_api::FILE_DESCRIPTOR_SET;
use rejoin_api::proto::{self, load_documents_response::Outcome};
use rejoin_client::{Client, ClientOptions, Dialler, Session, Trust};
use rejoin_gateway::Node;
use rejoin_gateway::config::{Plan, Settings};
use rejoin_tls::testing::{TestAuthority, Validity, place};
use tempfile::TempDir;
use tonic::transport::Channel;

use crate::access_table::{ANY, BODY, PEERS, Row, table};
use crate::common::{database, free_address, peer, text};
use crate::raw_calls::{call, call_once, reason, secure_channel};
use crate::users::UsersFile;

/// Who calls. Each has a token, but nobody and the peer, who shows the certificate of dc-west.
const CALLERS: [&str; 8] = [
    "nobody", "stranger", "reader", "writer", "owner", "watcher", "operator", "peer",
];

const USERS: [(&str, &[&str]); 6] = [
    ("stranger", &["others=admin"]),
    ("reader", &["things=reader"]),
    ("writer", &["things=writer"]),
    ("owner", &["things=admin"]),
    ("watcher", &["*=reader"]),
    ("operator", &["*=admin"]),
];

/// A node with certificates and users, that has dc-west for a peer.
struct Guarded {
    directory: TempDir,
    users: UsersFile,
    port: u16,
    operator: Client,
    node: Node,
}

impl Guarded {
    async fn start() -> Self {
        let (directory, users) = (tempfile::tempdir().unwrap(), UsersFile::with(&USERS));
        let authority = TestAuthority::new("authority");
        let certified = |name: &str| {
            let at = directory.path().join(name);
            std::fs::create_dir(&at).unwrap();
            place(
                &at,
                &authority.issue(&[name, "127.0.0.1"], Validity::day()),
                &[&authority],
            );
            at
        };
        let (east, _) = (certified("dc-east"), certified("dc-west"));
        let mut settings = Settings::default();
        settings.node.datacenter = "dc-east".into();
        settings.node.data = directory.path().join("data");
        settings.grpc.address = free_address();
        settings.tls.certificate = east.join("certificate.pem");
        settings.tls.key = east.join("key.pem");
        settings.tls.authority = east.join("authority.pem");
        settings.access.users = users.path();
        let mut west = peer("dc-west", free_address());
        west.address = west.address.replace("http://", "https://");
        settings.links.peers = vec![west];
        let plan = Plan::new(settings).unwrap();
        let node = rejoin_gateway::start(&plan, rejoin_store::system_clock).await.unwrap();
        let port = node.address().port();
        let options = ClientOptions {
            credentials: Some(users.credentials("operator")),
            ..ClientOptions::default()
        };
        let trust = Trust::load(&east.join("authority.pem"), None).unwrap();
        let address = format!("https://127.0.0.1:{port}");
        let operator = Client::with_dialler(&[address], options, Dialler::secure(trust)).unwrap();
        Self {
            directory,
            users,
            port,
            operator,
            node,
        }
    }

    fn file(&self, of: &str, name: &str) -> PathBuf {
        self.directory.path().join(of).join(name)
    }

    async fn channel(&self, caller: &str) -> Channel {
        let (certificate, key) = (self.file("dc-west", "certificate.pem"), self.file("dc-west", "key.pem"));
        let own: Option<(&Path, &Path)> = (caller == "peer").then_some((&certificate, &key));
        secure_channel(self.port, &self.file("dc-east", "authority.pem"), own).await
    }

    fn authorization(&self, caller: &str) -> Option<String> {
        let is_user = USERS.iter().any(|(name, _)| *name == caller);
        is_user.then(|| format!("Bearer {}", self.users.token(caller)))
    }

    /// `things` with the document `a`, whatever the call before has done.
    async fn prepare(&self) {
        // The database may be another one than a moment ago.
        let operator = self.operator.with_session(Session::new());
        operator.create_database(&database("things", &[])).await.unwrap();
        operator.update("things", "a", text(BODY), None).await.unwrap();
    }

    async fn is_as_prepared(&self) -> bool {
        let operator = self.operator.with_session(Session::new());
        operator
            .get("things", "a")
            .await
            .is_ok_and(|document| document.body == BODY)
    }
}

/// What a caller is told: `OK`, or a reason.
async fn told(row: &Row, channel: &Channel, authorization: Option<&str>) -> String {
    // A load and a pull go on until their client ends them.
    let streams = [
        "/rejoin.v1.DocumentService/LoadDocuments",
        "/rejoin.v1.SyncService/Pull",
    ];
    let answered = match streams.contains(&row.method) {
        true => call(channel, row.method, row.message.clone(), authorization).await,
        false => call_once(channel, row.method, row.message.clone(), authorization).await,
    };
    let mut answers = match answered {
        Ok(answers) => answers.into_inner(),
        Err(status) => return reason(&status),
    };
    if row.method == streams[0] {
        let answer = answers.message().await.unwrap().unwrap();
        let answer = proto::LoadDocumentsResponse::decode(answer).unwrap();
        return match answer.outcome.unwrap() {
            Outcome::Result(_) => "OK".to_owned(),
            Outcome::Error(error) => error.reason,
        };
    }
    "OK".to_owned()
}

/// What one is told who is not let in.
fn refusal(row: &Row, caller: &str) -> &'static str {
    match (row.may == PEERS, caller) {
        (true, _) => "UNTRUSTED",
        (false, "nobody" | "peer") => "CREDENTIALS",
        (false, _) => "ROLE",
    }
}

#[test]
fn the_matrix_has_a_row_for_every_method() {
    let set = prost_types::FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let mut methods = BTreeSet::new();
    for file in &set.file {
        for service in &file.service {
            let name = format!("/{}.{}", file.package(), service.name());
            methods.extend(service.method.iter().map(|method| format!("{name}/{}", method.name())));
        }
    }
    let rows: BTreeSet<String> = table().iter().map(|row| row.method.to_owned()).collect();
    assert_eq!(rows, methods);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_lets_in_those_who_may_and_tells_the_others_why_not() {
    let node = Guarded::start().await;
    let mut wrong = Vec::new();
    for caller in CALLERS {
        let (channel, authorization) = (node.channel(caller).await, node.authorization(caller));
        for row in table() {
            node.prepare().await;
            let told = told(&row, &channel, authorization.as_deref()).await;
            let may = row.may.contains(&caller);
            let expected = if may { row.told } else { refusal(&row, caller) };
            if told != expected {
                wrong.push(format!("{} as {caller}: {told}, not {expected}", row.method));
            }
            if !may && !node.is_as_prepared().await {
                wrong.push(format!("{} as {caller} was refused and changed something", row.method));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    node.node.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_to_everybody_and_reflection_to_users() {
    let node = Guarded::start().await;
    // {"file_containing_symbol"…} is field 4 of a reflection request, `list_services` is field 7.
    let health = ("/grpc.health.v1.Health/Check", Vec::new());
    let reflection = (
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        vec![0x3a, 0],
    );
    for caller in CALLERS {
        let (channel, authorization) = (node.channel(caller).await, node.authorization(caller));
        let ask = async |(method, message): &(&str, Vec<u8>)| {
            let answered = call_once(&channel, method, message.clone(), authorization.as_deref()).await;
            answered.map_or_else(|status| reason(&status), |_| "OK".to_owned())
        };
        assert_eq!(ask(&health).await, "OK", "{caller}");
        let expected = if ANY.contains(&caller) { "OK" } else { "CREDENTIALS" };
        assert_eq!(ask(&reflection).await, expected, "{caller}");
    }
    node.node.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_with_the_credentials_of_a_user_is_that_user_and_still_a_peer() {
    let node = Guarded::start().await;
    node.prepare().await;
    let (channel, reader) = (node.channel("peer").await, node.authorization("reader"));
    let rows = table();
    let row = |method: &str| rows.iter().find(|row| row.method.ends_with(method)).unwrap();
    for (method, expected) in [("/GetDocument", "OK"), ("/UpdateDocument", "ROLE"), ("/Pull", "OK")] {
        assert_eq!(
            told(row(method), &channel, reader.as_deref()).await,
            expected,
            "{method}"
        );
    }
    node.node.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_databases_names_only_those_that_the_user_may_read() {
    let node = Guarded::start().await;
    for name in ["things", "others"] {
        node.operator.create_database(&database(name, &[])).await.unwrap();
    }
    let message = proto::ListDatabasesRequest {}.encode_to_vec();
    for (caller, names) in [
        ("stranger", vec!["others"]),
        ("reader", vec!["things"]),
        ("watcher", vec!["others", "things"]),
    ] {
        let (channel, authorization) = (node.channel(caller).await, node.authorization(caller));
        let method = "/rejoin.v1.DatabaseService/ListDatabases";
        let mut answer = call_once(&channel, method, message.clone(), authorization.as_deref())
            .await
            .unwrap()
            .into_inner();
        let answer = proto::ListDatabasesResponse::decode(answer.message().await.unwrap().unwrap()).unwrap();
        let listed: Vec<&str> = answer.databases.iter().map(|database| database.name.as_str()).collect();
        assert_eq!(listed, names, "{caller}");
    }
    node.node.shutdown().await.unwrap();
}
