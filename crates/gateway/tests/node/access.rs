//! Users of a node that runs: what changes with the file, what is told on a command line, and what is shown to nobody.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rejoin_api::Reason;
use rejoin_client::{Client, ClientOptions, Credentials, Watch, WatchFrom};

use crate::common::{DEADLINE, database, eventually, free_address, reason, text};
use crate::process::{Running, command, signal};
use crate::raw_calls;
use crate::users::UsersFile;

/// A process with users, HTTP, and a log of everything.
struct Serving {
    directory: tempfile::TempDir,
    grpc: String,
    http: String,
    process: Running,
}

impl Serving {
    async fn start(users: &UsersFile) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (grpc, http) = (free_address().to_string(), free_address().to_string());
        let log = File::create(directory.path().join("log")).unwrap();
        let process = command(&["--datacenter", "dc-east", "--grpc", &grpc, "--http", &http])
            .arg("--data")
            .arg(directory.path().join("data"))
            .arg("--users")
            .arg(users.path())
            .env("RUST_LOG", "trace")
            .stderr(log)
            .spawn()
            .unwrap();
        let mut serving = Self {
            directory,
            grpc,
            http,
            process: Running(process),
        };
        serving.wait_for_log("ready").await;
        serving
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.directory.path().join("log")).unwrap()).into_owned()
    }

    async fn wait_for_log(&mut self, text: &str) {
        let end = Instant::now() + DEADLINE;
        while !self.log().contains(text) {
            let ended = self.process.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < end,
                "never said {text:?}: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn client(&self, credentials: Credentials) -> Client {
        let options = ClientOptions {
            credentials: Some(credentials),
            ..ClientOptions::default()
        };
        Client::with_options(&format!("http://{}", self.grpc), options).unwrap()
    }

    /// `rejoin` on this node; of the variables of clients only these are set.
    fn rejoin(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
        for variable in ["REJOIN_USER", "REJOIN_PASSWORD", "REJOIN_TOKEN", "REJOIN_TOKEN_FILE"] {
            command.env_remove(variable);
        }
        let address = format!("http://{}", self.grpc);
        command
            .args(arguments)
            .args(["--address", &address])
            .envs(variables.iter().copied());
        command.stdin(Stdio::null()).output().unwrap()
    }
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_file_says_is_in_force_after_sighup_and_a_bad_file_changes_nothing() {
    let users = UsersFile::with(&[("operator", &["*=admin"]), ("ada", &["things=writer"])]);
    let mut node = Serving::start(&users).await;
    let (operator, ada) = (
        node.client(users.credentials("operator")),
        node.client(users.credentials("ada")),
    );
    operator.create_database(&database("things", &[])).await.unwrap();
    ada.create("things", "a", text("{}")).await.unwrap();
    let following = Watch {
        from: WatchFrom::Now,
        follow: true,
        ..Watch::default()
    };
    let mut watch = ada.watch("things", &following).await.unwrap();

    users.run(&["roles", "ada", "--role", "things=reader"], "");
    ada.update("things", "a", text("{\"n\":1}"), None)
        .await
        .expect("the file was not read again yet");
    signal(&node.process, "HUP");
    node.wait_for_log("the users of the file are in force").await;
    assert_eq!(reason(ada.update("things", "a", text("{}"), None).await), Reason::Role);
    ada.get("things", "a").await.unwrap();
    // What began before with other rights ends.
    let ended = async {
        loop {
            match watch.next().await {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(error) => return error.reason(),
            }
        }
    };
    assert_eq!(
        tokio::time::timeout(DEADLINE, ended).await.unwrap(),
        Some(Reason::Credentials)
    );

    let good = std::fs::read_to_string(users.path()).unwrap();
    std::fs::write(
        users.path(),
        format!("{good}\n[users.eve]\nroles = {{ things = \"owner\" }}\n"),
    )
    .unwrap();
    signal(&node.process, "HUP");
    node.wait_for_log("the settings stay as they are").await;
    let line = good.lines().count() + 3;
    node.wait_for_log(&format!("users.toml, line {line}: ")).await;
    ada.get("things", "a").await.expect("the users before are in force");
    std::fs::write(users.path(), good).unwrap();

    users.run(&["remove", "ada"], "");
    signal(&node.process, "HUP");
    eventually("ada is let in no more", async || {
        ada.get("things", "a")
            .await
            .is_err_and(|error| error.reason() == Some(Reason::Credentials))
    })
    .await;
    operator.get("things", "a").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_calls_as_a_user_and_says_what_is_missing() {
    let users = UsersFile::with(&[("operator", &["*=admin"])]);
    users.run(
        &["add", "ada", "--role", "things=reader", "--password-stdin"],
        "correct horse\n",
    );
    let node = Serving::start(&users).await;
    let token_file = users.token_file("operator");
    let created = node.rejoin(
        &[
            "database",
            "create",
            "things",
            "--token-file",
            token_file.to_str().unwrap(),
        ],
        &[],
    );
    assert!(created.status.success(), "{}", errors(&created));
    let token = users.token("operator");
    let put = node.rejoin(&["put", "things", "a", "{}"], &[("REJOIN_TOKEN", &token)]);
    assert!(put.status.success(), "{}", errors(&put));

    let get = |arguments: &[&str], variables: &[(&str, &str)]| {
        node.rejoin(&[&["get", "things", "a", "--json"], arguments].concat(), variables)
    };
    let own = [("REJOIN_USER", "ada"), ("REJOIN_PASSWORD", "correct horse")];
    assert!(get(&[], &own).status.success(), "{}", errors(&get(&[], &own)));
    let file = node.directory.path().join("password");
    std::fs::write(&file, "correct horse\n").unwrap();
    let by_file = get(&["--user", "ada", "--password-file", file.to_str().unwrap()], &[]);
    assert!(by_file.status.success(), "{}", errors(&by_file));

    let nobody = get(&[], &[]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(
        errors(&nobody).contains(r#""error":"CREDENTIALS""#) && errors(&nobody).contains("--user NAME"),
        "{}",
        errors(&nobody)
    );
    let wrong = get(&["--user", "ada"], &[("REJOIN_PASSWORD", "wrong horse")]);
    assert!(
        errors(&wrong).contains(r#""error":"CREDENTIALS""#),
        "{}",
        errors(&wrong)
    );
    let unknown = get(&["--user", "eve"], &[("REJOIN_PASSWORD", "wrong horse")]);
    assert_eq!(
        errors(&unknown),
        errors(&wrong),
        "whether there is a user is told to nobody"
    );
    let role = node.rejoin(&["delete", "things", "a", "--json"], &own);
    assert_eq!(role.status.code(), Some(1));
    let told = errors(&role);
    assert!(
        told.contains(r#""error":"ROLE""#) && told.contains("the role `writer` in the database things"),
        "{told}"
    );
    let unsaid = get(&["--user", "ada"], &[]);
    assert_eq!(unsaid.status.code(), Some(2));
    assert!(errors(&unsaid).contains("REJOIN_PASSWORD"), "{}", errors(&unsaid));
    let far = get(
        &["--user", "ada", "--address", "http://10.255.255.1:7601"],
        &[("REJOIN_PASSWORD", "correct horse")],
    );
    assert_eq!(far.status.code(), Some(2));
    assert!(errors(&far).contains("plain text"), "{}", errors(&far));
}

/// One request over HTTP with a header; the status.
async fn http(address: &str, authorization: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request =
        format!("GET /things/a HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The settings that a node with these users prints.
fn printed_settings(users: &UsersFile) -> String {
    let (file, flags) = (users.path(), ["--print-config", "--datacenter", "dc-east", "--users"]);
    let printed = command(&flags).arg(file).output().unwrap();
    assert!(printed.status.success(), "{}", errors(&printed));
    String::from_utf8(printed.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_in_no_log_and_in_no_printed_settings() {
    const PASSWORD: &str = "correct-horse-battery";
    const WRONG: &str = "wrong-horse-battery";
    let users = UsersFile::with(&[("operator", &["*=admin"])]);
    users.run(&["add", "ada", "--role", "things=writer", "--password-stdin"], PASSWORD);
    let node = Serving::start(&users).await;
    let operator = node.client(users.credentials("operator"));
    operator.create_database(&database("things", &[])).await.unwrap();
    let ada = node.client(Credentials::basic("ada", PASSWORD).unwrap());
    ada.create("things", "a", text("{}")).await.unwrap();
    let wrong = node.client(Credentials::basic("ada", WRONG).unwrap());
    assert_eq!(reason(wrong.get("things", "a").await), Reason::Credentials);
    // ada:correct-horse-battery, ada:wrong-horse-battery
    let (right, other) = (
        "YWRhOmNvcnJlY3QtaG9yc2UtYmF0dGVyeQ==",
        "YWRhOndyb25nLWhvcnNlLWJhdHRlcnk=",
    );
    assert!(
        http(&node.http, &format!("Basic {right}"))
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert!(
        http(&node.http, &format!("Basic {other}"))
            .await
            .starts_with("HTTP/1.1 401")
    );
    assert!(
        http(&node.http, &format!("Bearer {}", users.token("operator")))
            .await
            .starts_with("HTTP/1.1 200")
    );
    signal(&node.process, "HUP");
    eventually("the file is read again", async || {
        node.log().contains("the users of the file are in force")
    })
    .await;

    let printed = printed_settings(&users);
    assert!(printed.contains("users.toml"), "{printed}");
    let listed = users.run(&["list", "--json"], "");

    let file = std::fs::read_to_string(users.path()).unwrap();
    let hashes = file
        .lines()
        .filter_map(|line| line.split_once(" = \"")?.1.strip_suffix('"'));
    let hashes: Vec<&str> = hashes.filter(|value| value.len() > 40).collect();
    assert_eq!(hashes.len(), 2, "a password's and a token's: {file}");
    let log = node.log();
    assert!(
        log.contains("TRACE") && log.contains("wrong credentials"),
        "everything is logged"
    );
    let token = users.token("operator");
    let secrets = [PASSWORD, WRONG, right, other, token.as_str()];
    for secret in secrets.iter().chain(&hashes) {
        for (place, text) in [("log", &log), ("settings", &printed), ("list", &listed)] {
            let line = text.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "{secret} is in the {place}: {line:?}");
        }
    }
    assert!(
        !file.contains(PASSWORD) && !file.contains(&token),
        "only hashes are kept"
    );
}

#[tokio::test]
async fn a_node_whose_file_of_users_cannot_be_used_does_not_start() {
    let directory = tempfile::tempdir().unwrap();
    let start = |file: &Path| {
        let arguments = ["--datacenter", "dc-east", "--grpc", "127.0.0.1:0"];
        let mut serve = command(&arguments);
        serve
            .arg("--data")
            .arg(directory.path().join("data"))
            .arg("--users")
            .arg(file);
        serve.output().unwrap()
    };
    let absent = start(&directory.path().join("absent.toml"));
    assert_eq!(absent.status.code(), Some(1));
    assert!(
        errors(&absent).contains("rejoin user add NAME --users FILE"),
        "{}",
        errors(&absent)
    );
    let bad = directory.path().join("bad.toml");
    std::fs::write(&bad, "[users.ada]\npassword = \"hunter2\"\n").unwrap();
    let refused = start(&bad);
    assert!(errors(&refused).contains("bad.toml, line 2: "), "{}", errors(&refused));
    assert!(!errors(&refused).contains("hunter2"), "{}", errors(&refused));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_pulls_from_a_node_with_users_that_has_no_certificates() {
    let users = UsersFile::with(&[("operator", &["*=admin"])]);
    let node = Serving::start(&users).await;
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", node.grpc)).unwrap();
    let channel = endpoint.connect().await.unwrap();
    let token = format!("Bearer {}", users.token("operator"));
    for authorization in [None, Some(token.as_str())] {
        let pulled = raw_calls::call(&channel, "/rejoin.v1.SyncService/Pull", Vec::new(), authorization).await;
        assert_eq!(
            raw_calls::reason(&pulled.unwrap_err()),
            "UNTRUSTED",
            "{authorization:?}"
        );
    }
}
