//! Users over HTTP: every route as everybody, and what those are told who may not.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use crate::node::{Answer, Node, eventually};

const CALLERS: [&str; 7] = ["nobody", "stranger", "reader", "writer", "owner", "watcher", "operator"];

const USERS: [(&str, &str); 6] = [
    ("stranger", "others=admin"),
    ("reader", "things=reader"),
    ("writer", "things=writer"),
    ("owner", "things=admin"),
    ("watcher", "*=reader"),
    ("operator", "*=admin"),
];

const ANYBODY: &[&str] = &CALLERS;
const ANY: &[&str] = &["stranger", "reader", "writer", "owner", "watcher", "operator"];
const READERS: &[&str] = &["reader", "writer", "owner", "watcher", "operator"];
const WRITERS: &[&str] = &["writer", "owner", "operator"];
const OWNERS: &[&str] = &["owner", "operator"];
const OPERATORS: &[&str] = &["operator"];

const RESOURCE: &str = r#"{"data":{"type":"things","attributes":{"n":2}}}"#;
const ENTITIES: &str = r#"[{"_id":"e","n":1}]"#;
const MAP: &str = r#"{"map":"function (doc) { emit(doc._id, 1); }"}"#;

/// A request, who may make it, and the status that those get.
type Row = (&'static str, &'static str, &'static str, &'static [&'static str], u16);

const TABLE: [Row; 55] = [
    ("GET", "/", "", ANYBODY, 200),
    ("HEAD", "/", "", ANYBODY, 200),
    ("GET", "/_up", "", ANYBODY, 200),
    ("GET", "/_all_dbs", "", ANY, 200),
    ("GET", "/_dbs_info", "", ANY, 200),
    ("GET", "/_uuids", "", ANY, 200),
    ("GET", "/_active_tasks", "", OPERATORS, 200),
    (
        "POST",
        "/_replicate",
        r#"{"source":"things","target":"absent"}"#,
        OPERATORS,
        404,
    ),
    ("GET", "/_unknown", "", OPERATORS, 404),
    ("PUT", "/things", "", OPERATORS, 412),
    ("GET", "/things", "", READERS, 200),
    ("HEAD", "/things", "", READERS, 200),
    ("POST", "/things", "{}", WRITERS, 201),
    ("DELETE", "/things", "", OWNERS, 200),
    ("GET", "/things/a", "", READERS, 200),
    ("GET", "/%74hings/a", "", READERS, 200),
    ("HEAD", "/things/a", "", READERS, 200),
    ("PUT", "/things/new", "{}", WRITERS, 201),
    ("DELETE", "/things/absent", "", WRITERS, 404),
    ("GET", "/things/_all_docs", "", READERS, 200),
    ("POST", "/things/_all_docs", r#"{"keys":["a"]}"#, READERS, 200),
    ("GET", "/things/_changes", "", READERS, 200),
    ("POST", "/things/_changes", "{}", READERS, 200),
    ("POST", "/things/_bulk_get", r#"{"docs":[{"id":"a"}]}"#, READERS, 200),
    ("POST", "/things/_revs_diff", "{}", READERS, 200),
    ("POST", "/things/_ensure_full_commit", "", READERS, 201),
    ("POST", "/things/_bulk_docs", r#"{"docs":[{"_id":"b"}]}"#, WRITERS, 201),
    ("GET", "/things/_local/l", "", READERS, 404),
    ("PUT", "/things/_local/l", "{}", WRITERS, 201),
    ("GET", "/things/_design/d", "", READERS, 404),
    ("PUT", "/things/_design/d", "{}", WRITERS, 201),
    ("GET", "/things/_design/d/_view/v", "", READERS, 404),
    ("POST", "/things/_design/d/_view/v", "{}", READERS, 404),
    ("POST", "/things/_temp_view", MAP, WRITERS, 200),
    ("POST", "/things/_all_docs/queries", r#"{"queries":[{}]}"#, READERS, 200),
    ("GET", "/things/_design_docs", "", READERS, 200),
    ("GET", "/things/_local_docs", "", READERS, 200),
    ("POST", "/things/_missing_revs", "{}", READERS, 200),
    ("GET", "/things/_revs_limit", "", READERS, 200),
    ("PUT", "/things/_revs_limit", "1000", OWNERS, 200),
    ("GET", "/things/_security", "", READERS, 200),
    ("PUT", "/things/_security", "{}", OWNERS, 200),
    ("POST", "/things/_view_cleanup", "", OWNERS, 202),
    ("POST", "/things/_purge", "{}", OWNERS, 501),
    ("GET", "/things/_purged_infos", "", OWNERS, 501),
    ("GET", "/things/_purged_infos_limit", "", OWNERS, 501),
    ("POST", "/things/_compact", "", OWNERS, 202),
    ("GET", "/things/_design/d/_info", "", READERS, 404),
    (
        "POST",
        "/things/_design/d/_view/v/queries",
        r#"{"queries":[{}]}"#,
        READERS,
        404,
    ),
    ("GET", "/things/a/file", "", READERS, 501),
    ("POST", "/api/receivers/things/entities", ENTITIES, WRITERS, 200),
    ("POST", "/api/things", RESOURCE, WRITERS, 201),
    ("GET", "/api/things/a", "", READERS, 200),
    ("PATCH", "/api/things/a", RESOURCE, WRITERS, 200),
    ("DELETE", "/api/things/a", "", WRITERS, 204),
];

/// A node with users, each of whom has a token.
struct Guarded {
    node: Node,
    tokens: BTreeMap<&'static str, String>,
    _directory: TempDir,
}

/// `rejoin user`, which succeeds; what it prints.
fn user(file: &PathBuf, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
    let output = command
        .arg("user")
        .args(arguments)
        .arg("--users")
        .arg(file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Guarded {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("users.toml");
        let mut tokens = BTreeMap::new();
        for (name, role) in USERS {
            user(&file, &["add", name, "--no-password", "--role", role]);
            tokens.insert(name, user(&file, &["token", name]));
        }
        let settings = directory.path().join("node.toml");
        std::fs::write(&settings, "[http]\ncors_origins = [\"https://shop.example\"]\n").unwrap();
        Self {
            node: Node::with_users(&file, &tokens["operator"], &settings),
            tokens,
            _directory: directory,
        }
    }

    fn ask(&self, caller: &str, method: &str, path: &str, body: &str) -> Answer {
        let authorization = self
            .tokens
            .get(caller)
            .map(|token| format!("Authorization: Bearer {token}"));
        let mut headers: Vec<&str> = authorization.iter().map(String::as_str).collect();
        headers.push("Content-Type: application/json");
        self.node.ask(method, path, &headers, body)
    }

    /// `things` with the document `a`, whatever came before.
    fn prepare(&self) {
        self.ask("operator", "DELETE", "/things", "");
        let created = self.ask("operator", "PUT", "/things?granularity=field", "");
        assert_eq!(created.status, 201, "{created:?}");
        let stored = self.ask("operator", "PUT", "/things/a", r#"{"n":1}"#);
        assert_eq!(stored.status, 201, "{stored:?}");
    }
}

#[test]
fn every_route_lets_in_those_who_may_and_tells_the_others_why_not() {
    let node = Guarded::start();
    let mut wrong = Vec::new();
    for (method, path, body, may, status) in TABLE {
        node.prepare();
        for caller in CALLERS {
            let answer = node.ask(caller, method, path, body);
            let expected = match (may.contains(&caller), caller) {
                (true, _) => status,
                (false, "nobody") => 401,
                (false, _) => 403,
            };
            if answer.status != expected {
                wrong.push(format!(
                    "{method} {path} as {caller}: {}, not {expected}",
                    answer.status
                ));
            }
            if matches!(expected, 200..300) && method != "GET" {
                node.prepare();
            }
            if method == "HEAD" {
                continue;
            }
            match expected {
                401 => {
                    assert_eq!(answer.refused().1, "unauthorized");
                    let asks = answer
                        .head
                        .to_ascii_lowercase()
                        .contains("www-authenticate: basic realm=\"rejoin\"");
                    assert!(asks, "{answer:?}");
                }
                403 => assert_eq!(answer.refused().1, "forbidden"),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_table_has_a_row_for_every_route() {
    let between = |source: &'static str, from, to| source.split_once(from).unwrap().1.split_once(to).unwrap().0;
    let routes = include_str!("../../src/http/route.rs");
    let resources = include_str!("../../src/http/resources.rs");
    let arms = [
        between(routes, "match segments.as_slice()", "/// Why nothing is there"),
        between(resources, "pub(super) async fn of_server", "async fn list("),
    ]
    .concat();
    let names = arms.split('"').skip(1).step_by(2).filter(|text| text.starts_with('_'));
    let mut found = 0;
    for name in names.filter(|name| name.len() > 1 && !name.contains('{')) {
        found += 1;
        let has_row = TABLE
            .iter()
            .any(|(_, path, ..)| path.split('/').any(|part| part == name));
        assert!(has_row, "{name} has no row");
    }
    assert!(found > 30, "{found}");
}

#[test]
fn a_list_of_databases_names_only_those_that_the_user_may_read() {
    let node = Guarded::start();
    for name in ["/things", "/others"] {
        assert_eq!(node.ask("operator", "PUT", name, "").status, 201);
    }
    for (caller, names) in [
        ("stranger", json!(["others"])),
        ("reader", json!(["things"])),
        ("operator", json!(["others", "things"])),
    ] {
        assert_eq!(node.ask(caller, "GET", "/_all_dbs", "").json(), names, "{caller}");
    }
}

#[test]
fn who_may_write_a_type_or_fill_a_receiver_creates_no_database_with_it() {
    let node = Guarded::start();
    let requests = [("/api/things", RESOURCE), ("/api/receivers/things/entities", ENTITIES)];
    for (path, body) in requests {
        assert_eq!(node.ask("owner", "POST", path, body).status, 403, "{path}");
        assert_eq!(node.ask("operator", "GET", "/things", "").status, 404, "{path}");
    }
    for (path, body) in requests {
        assert!(node.ask("operator", "POST", path, body).status < 300, "{path}");
        assert!(node.ask("owner", "POST", path, body).status < 300, "{path}");
    }
}

#[test]
fn a_browser_asks_without_credentials_whether_a_page_may_ask_with_them() {
    let node = Guarded::start();
    let origin = "Origin: https://shop.example";
    let preflight = node.node.ask("OPTIONS", "/things/a", &[origin], "");
    assert_eq!(preflight.status, 204);
    assert!(preflight.head.contains("authorization"), "{}", preflight.head);
    let refused = node.node.ask("GET", "/things/a", &[origin], "");
    assert_eq!(refused.status, 401);
    assert!(
        refused.head.contains("https://shop.example"),
        "the page can read why: {}",
        refused.head
    );
}

#[test]
fn a_client_with_too_many_requests_is_told_so_at_once() {
    let node = Node::configured("[limits]\ncalls_max = 2\ncalls_per_client_max = 1\n");
    eventually("there is a database", || node.put("/db", "").status != 429);
    // The place of the request before may be taken still: then this one is refused at once, and waits for nothing.
    let waiting = loop {
        let mut asked = node.ask_and_wait("GET", "/db/_changes?feed=longpoll&since=now&timeout=60000", "");
        asked.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let mut head = [0; 12];
        if asked.read_exact(&mut head).is_err() || !head.ends_with(b"429") {
            break asked;
        }
    };
    let refused = node.get("/db");
    assert_eq!(refused.refused(), (429, "too_many_requests".into()));
    assert!(
        refused.head.to_ascii_lowercase().contains("retry-after: 1"),
        "{}",
        refused.head
    );
    assert!(refused.body.contains("wait for answers"), "{}", refused.body);
    drop(waiting);
    eventually("there is a place again", || node.get("/db").status == 200);
}
