//! Certificates that are replaced, expire and come back while links stream: nothing is restarted, and nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rejoin_client::{Client, Database, LinkState};
use rejoin_document::{Granularity, RuleSet};
use rejoin_tls::testing::{Issued, TestAuthority, Validity};

use crate::common::eventually;
use crate::secure::{Plan, SecureNode, client};

const LONG: Duration = Duration::from_secs(90 * 24 * 3600);

fn issue(authority: &TestAuthority, name: &str, rest: Duration) -> Issued {
    authority.issue(&[name, "127.0.0.1"], Validity::ending_in(rest))
}

async fn pair(authority: &TestAuthority, east: &Issued, west: &Issued) -> (SecureNode, SecureNode) {
    let east = Plan::secure("dc-east", east, authority);
    let west = Plan::secure("dc-west", west, authority).pulls("dc-east", &east);
    let east = east.pulls("dc-west", &west);
    let (east, west) = (east.start(authority).await, west.start(authority).await);
    east.wait_until_connected("dc-west").await;
    west.wait_until_connected("dc-east").await;
    let things = Database::new("things", Granularity::Field, RuleSet::default());
    east.client.create_database(&things).await.unwrap();
    (east, west)
}

/// Writes documents 0, 1, 2, … until it is told to stop, and counts them.
struct Writer {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Writer {
    fn start(client: Client) -> Self {
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&written));
        let task = tokio::spawn(async move {
            while !stopped.load(Ordering::SeqCst) {
                let id = count.load(Ordering::SeqCst).to_string();
                client.create("things", &id, Bytes::from_static(b"{}")).await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { stop, written, task }
    }

    fn written(&self) -> usize {
        self.written.load(Ordering::SeqCst)
    }

    /// Waits until some more were written and the newest of them is at `node`.
    async fn flows_to(&self, node: &SecureNode) {
        let more = self.written() + 5;
        eventually("writes go on", async || self.written() >= more).await;
        node.wait_for(&more.saturating_sub(1).to_string()).await;
    }

    async fn end(self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await.unwrap();
        self.written.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_and_their_authority_are_replaced_while_a_link_streams_and_nothing_is_restarted() {
    let (old, new) = (TestAuthority::new("old"), TestAuthority::new("new"));
    let (mut east, mut west) = pair(&old, &issue(&old, "dc-east", LONG), &issue(&old, "dc-west", LONG)).await;
    let writer = Writer::start(east.client.clone());
    writer.flows_to(&west).await;

    // Both are trusted, then both certificates are new, then the old authority goes.
    let renewed = [issue(&old, "dc-east", LONG), issue(&old, "dc-west", LONG)];
    let fresh = [issue(&new, "dc-east", LONG), issue(&new, "dc-west", LONG)];
    let steps: [(&[Issued; 2], &[&TestAuthority]); 3] =
        [(&renewed, &[&old, &new]), (&fresh, &[&old, &new]), (&fresh, &[&new])];
    for (number, (issued, authorities)) in (1..).zip(steps) {
        east.plan.put(&issued[0], authorities);
        west.plan.put(&issued[1], authorities);
        for node in [&east, &west] {
            eventually("the new certificates are in force", async || {
                node.log().matches("new certificates are in force").count() >= number
            })
            .await;
        }
        if number == 2 {
            // Nobody has a reason to distrust anybody yet: the streams of before go on.
            assert!(!east.log().contains("no link") && !west.log().contains("no link"));
        }
        writer.flows_to(&west).await;
    }
    // The link that was made with a certificate of the old authority has ended, and the next one is there already.
    west.wait_for_log(&["no link", "was not issued by an authority in"])
        .await;
    let trusted = west.plan.directory().join("authority.pem");
    west.client = client(&west.plan.address(), &trusted);
    west.wait_until_connected("dc-east").await;
    let written = writer.end().await;
    for id in 0..written {
        west.wait_for(&id.to_string()).await;
    }
    assert!(east.still_runs() && west.still_runs());
    // Who trusts the old authority only sees that the node has gone on.
    east.client = client(
        &east.plan.address(),
        &east.plan.directory().join("trusted-by-clients.pem"),
    );
    let error = east.client.status().await.unwrap_err().to_string();
    assert!(error.contains("was not issued by an authority in"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_expires_under_a_stream_ends_the_link_and_a_new_one_brings_it_back() {
    let authority = TestAuthority::new("authority");
    let short = issue(&authority, "dc-west", Duration::from_secs(12));
    let (mut east, mut west) = pair(&authority, &issue(&authority, "dc-east", LONG), &short).await;
    east.client
        .create("things", "before", Bytes::from_static(b"{}"))
        .await
        .unwrap();
    west.wait_for("before").await;

    let cause = [
        "the certificate of dc-west",
        "has expired on 20",
        "no restart is needed",
    ];
    east.wait_for_cause("dc-west", &cause).await;
    east.wait_for_log(&["no link", cause[1]]).await;
    east.wait_for_log(&["a caller is refused", cause[0], cause[1]]).await;
    west.wait_for_log(&["no link", cause[0], cause[1]]).await;
    east.client
        .create("things", "meanwhile", Bytes::from_static(b"{}"))
        .await
        .unwrap();

    west.plan.put(&issue(&authority, "dc-west", LONG), &[&authority]);
    east.wait_until_connected("dc-west").await;
    west.wait_until_connected("dc-east").await;
    west.wait_for("meanwhile").await;
    assert_eq!(east.status().await.links[0].reason, None);
    assert!(east.still_runs() && west.still_runs());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_files_that_cannot_be_used_leave_the_old_certificates_in_force_and_warn() {
    let authority = TestAuthority::new("authority");
    let long = issue(&authority, "dc-east", LONG);
    let (east, west) = pair(&authority, &long, &issue(&authority, "dc-west", LONG)).await;
    eventually("nothing warns", async || east.status().await.warnings.is_empty()).await;
    std::fs::write(east.plan.directory().join("key.pem"), "half a k").unwrap();
    east.wait_for_log(&[
        "WARN",
        "the new certificates cannot be used; those before stay in force",
        "key.pem",
    ])
    .await;
    eventually("the status warns", async || {
        let warnings = east.status().await.warnings;
        warnings
            .iter()
            .any(|warning| warning.contains("those before stay in force"))
    })
    .await;
    east.client
        .create("things", "a", Bytes::from_static(b"{}"))
        .await
        .unwrap();
    west.wait_for("a").await;
    assert_eq!(
        east.log().matches("cannot be used").count(),
        1,
        "it is said once: {}",
        east.log()
    );

    east.plan.put(&long, &[&authority]);
    eventually("nothing warns any more", async || {
        east.status().await.warnings.is_empty()
    })
    .await;
    assert_eq!(west.status().await.links[0].state, LinkState::Connected);
}

#[tokio::test]
async fn a_node_looks_at_its_certificates_at_once_when_it_gets_sighup() {
    let authority = TestAuthority::new("authority");
    let long = issue(&authority, "dc-east", LONG);
    let plan = Plan::secure("dc-east", &long, &authority);
    let mut east = plan.slow_to_look().start(&authority).await;
    east.plan.put(&issue(&authority, "dc-east", LONG), &[&authority]);
    east.signal("HUP");
    east.wait_for_log(&["new certificates are in force", "dc-east"]).await;
    assert!(east.still_runs());
}
