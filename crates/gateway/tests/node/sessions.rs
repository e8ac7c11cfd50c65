//! Sessions over two nodes: no answer is older than a former one, wherever it is given.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime};

use rejoin_api::Reason;
use rejoin_client::{Bytes, CallError, Client, ClientOptions, ConflictFilter, LinkState, Policy, ReadOptions, Session};

use crate::common::{TestNode, client, eventually, pair, reason, text};
use crate::session_reads::Read;

/// A client that shares nothing with others.
pub(crate) fn fresh(node: &TestNode) -> Client {
    client(node.address)
}

pub(crate) fn patient(client: &Client, milliseconds: u64) -> Client {
    client.reading(ReadOptions {
        wait: Some(Duration::from_millis(milliseconds)),
        ..ReadOptions::default()
    })
}

pub(crate) fn stale(client: &Client) -> Client {
    client.reading(ReadOptions {
        allow_stale: true,
        ..ReadOptions::default()
    })
}

/// A client at this node that goes on with what a session has seen by now.
pub(crate) fn at(node: &TestNode, session: &Session) -> Client {
    let client = fresh(node);
    for (database, token) in session.all() {
        client.session().resume(&database, token);
    }
    client
}

/// Two nodes that both have `a` with version 0, and whose link is cut then.
pub(crate) async fn parted() -> (TestNode, TestNode) {
    let (east, west) = pair().await;
    east.create_things().await;
    east.create("a", r#"{"v":0}"#).await;
    west.wait_for_body("a", r#"{"v":0}"#).await;
    part(&east, &west).await;
    (east, west)
}

async fn part(east: &TestNode, west: &TestNode) {
    east.client.cut_link("dc-west").await.unwrap();
    eventually("the link is down in both directions", async || {
        let up = [LinkState::Connected, LinkState::CatchingUp];
        !up.contains(&west.link_state("dc-east").await) && !up.contains(&east.link_state("dc-west").await)
    })
    .await;
}

pub(crate) async fn v(client: &Client, id: &str) -> Result<u64, CallError> {
    let document = client.get("things", id).await?;
    let body: serde_json::Value = serde_json::from_slice(&document.body).unwrap();
    Ok(body["v"].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_in_the_other_datacenter_waits_until_the_link_has_brought_the_sessions_write() {
    let (mut east, mut west) = parted().await;
    let writer = fresh(&east);
    writer.update("things", "a", text(r#"{"v":1}"#), None).await.unwrap();
    let reader = patient(&at(&west, writer.session()), 30_000);
    let reading = tokio::spawn(async move { v(&reader, "a").await });
    assert_eq!(v(&fresh(&west), "a").await.unwrap(), 0, "another session does not wait");
    assert!(!reading.is_finished());
    east.client.restore_link("dc-west").await.unwrap();
    assert_eq!(reading.await.unwrap().unwrap(), 1);
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_behind_is_told_the_datacenter_and_since_when_its_link_is_down() {
    let (mut east, mut west) = parted().await;
    let down = west.client.status().await.unwrap().links[0].since;
    let writer = fresh(&east);
    writer.update("things", "a", text(r#"{"v":1}"#), None).await.unwrap();
    let reader = at(&west, writer.session());
    let start = Instant::now();
    let error = v(&patient(&reader, 300), "a").await.unwrap_err();
    assert!(start.elapsed() >= Duration::from_millis(300), "{:?}", start.elapsed());
    let behind = error.session_behind().expect("a typed error");
    assert_eq!(behind.datacenter.as_deref(), Some("dc-east"));
    let since = behind.since.expect("the link is down");
    let apart = since.max(down).duration_since(since.min(down)).unwrap();
    assert!(
        apart < Duration::from_secs(5) && since <= SystemTime::now(),
        "{apart:?}"
    );
    for part in ["dc-east", "is down since", "allow a stale read"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    let listed = patient(&reader, 50).list("things", 0, None).await;
    assert_eq!(reason(listed), Reason::SessionBehind);

    let read = stale(&reader).get("things", "a").await.unwrap();
    assert!(read.state.stale && read.body == r#"{"v":0}"#, "{read:?}");
    let still = v(&patient(&reader, 50), "a").await;
    assert_eq!(reason(still), Reason::SessionBehind, "a stale read takes nothing back");
    // A write waits for nobody, and its token neither forgets what was missing.
    reader.update("things", "b", text(r#"{"v":5}"#), None).await.unwrap();
    assert_eq!(reason(v(&patient(&reader, 50), "b").await), Reason::SessionBehind);
    let own = stale(&reader).get("things", "b").await.unwrap();
    assert!(own.state.stale && own.body == r#"{"v":5}"#);
    east.client.restore_link("dc-west").await.unwrap();
    assert_eq!(v(&patient(&reader, 30_000), "a").await.unwrap(), 1);
    assert!(!stale(&reader).get("things", "b").await.unwrap().state.stale);
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_load_and_a_policy_have_written_belongs_to_the_session() {
    let (mut east, mut west) = parted().await;
    let loader = fresh(&east);
    let (sender, mut outcomes) = loader.load("things");
    sender.send(0, "a".to_owned(), text(r#"{"v":1}"#)).await.unwrap();
    drop(sender);
    while outcomes.next().await.unwrap().is_some() {}
    let reader = patient(&at(&west, loader.session()), 50);
    assert_eq!(reason(v(&reader, "a").await), Reason::SessionBehind);

    west.update("a", r#"{"v":2}"#).await;
    east.client.restore_link("dc-west").await.unwrap();
    let open = async |node: &TestNode| {
        let page = node
            .client
            .conflicts("things", &ConflictFilter::default(), 0, None)
            .await;
        page.unwrap().items.len()
    };
    eventually("both list the conflict", async || {
        open(&east).await == 1 && open(&west).await == 1
    })
    .await;
    part(&east, &west).await;
    let resolver = fresh(&east);
    let settled = resolver
        .resolve_all("things", &ConflictFilter::default(), &Policy::Max, 0, None)
        .await;
    assert_eq!(settled.unwrap().settled, 1);
    let reader = patient(&at(&west, resolver.session()), 50);
    assert_eq!(reason(v(&reader, "a").await), Reason::SessionBehind);
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_session_has_seen_deleted_stays_deleted_and_lists_count_as_reads() {
    let (mut east, mut west) = parted().await;
    east.client.delete("things", "a", None).await.unwrap();
    let by_get = fresh(&east);
    assert_eq!(reason(by_get.get("things", "a").await), Reason::DocumentNotFound);
    let by_list = fresh(&east);
    assert!(by_list.list("things", 0, None).await.unwrap().items.is_empty());
    let by_refusal = fresh(&east);
    assert_eq!(
        reason(by_refusal.delete("things", "a", None).await),
        Reason::DocumentNotFound
    );
    for session in [&by_get, &by_list, &by_refusal].map(Client::session) {
        let reader = patient(&at(&west, session), 50);
        assert_eq!(reason(reader.get("things", "a").await), Reason::SessionBehind);
        assert_eq!(reason(reader.list("things", 0, None).await), Reason::SessionBehind);
    }
    east.client.restore_link("dc-west").await.unwrap();
    let reader = patient(&at(&west, by_get.session()), 30_000);
    assert_eq!(reason(reader.get("things", "a").await), Reason::DocumentNotFound);
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_refused_write_or_a_swap_that_did_not_match_has_shown_was_seen() {
    let (mut east, mut west) = parted().await;
    east.update("a", r#"{"v":1}"#).await;
    let by_create = fresh(&east);
    let refused = by_create.create("things", "a", text("{}")).await;
    assert_eq!(reason(refused), Reason::DocumentExists);
    let by_swap = fresh(&east);
    let swapped = by_swap.compare_and_swap("things", "a", text(r#"{"v":0}"#), text("{}"));
    assert!(matches!(swapped.await.unwrap(), rejoin_client::Compared::Unmatched(_)));
    for session in [by_create.session(), by_swap.session()] {
        let read = patient(&at(&west, session), 50).get("things", "a").await;
        assert_eq!(reason(read), Reason::SessionBehind);
    }
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_revision_is_read_in_a_session_too() {
    let (mut east, mut west) = parted().await;
    let reader = fresh(&east);
    let first = reader.get("things", "a").await.unwrap().revision.to_string();
    reader.update("things", "a", text(r#"{"v":1}"#), None).await.unwrap();
    let old = reader.get_revision("things", "a", &first).await.unwrap();
    assert_eq!(old.body, r#"{"v":0}"#);
    let there = patient(&at(&west, reader.session()), 50);
    assert_eq!(
        reason(there.get_revision("things", "a", &first).await),
        Reason::SessionBehind
    );
    let only_old = fresh(&east);
    only_old.get_revision("things", "a", &first).await.unwrap();
    let there = at(&west, only_old.session());
    assert_eq!(v(&there, "a").await.unwrap(), 0, "of what it saw west has all");
    east.stop().await;
    west.stop().await;
}

/// A client that has read a document.
pub(crate) async fn fresh_from(node: &TestNode, id: &str) -> Client {
    let client = fresh(node);
    client.get("things", id).await.unwrap();
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_garbled_or_of_another_database_is_refused_with_what_to_do() {
    let (mut east, mut west) = pair().await;
    east.create_things().await;
    let writer = fresh(&east);
    writer.update("things", "a", text("{}"), None).await.unwrap();
    let token = writer.session().token("things").unwrap();
    let mut garbled = token.to_vec();
    garbled[7] ^= 1;
    let others = crate::common::database("others", &[]);
    east.client.create_database(&others).await.unwrap();
    for (database, token) in [
        ("others", token),
        ("things", Bytes::from(garbled)),
        ("things", text("x")),
    ] {
        let session = Session::new();
        session.resume(database, token);
        let client = || at(&east, &session);
        let reader = client();
        let errors = [
            reader.get(database, "a").await.unwrap_err(),
            client().list(database, 0, None).await.unwrap_err(),
            client().update(database, "b", text("{}"), None).await.unwrap_err(),
        ];
        assert_eq!(
            reader.session().token(database),
            None,
            "the caller was told; the session begins anew"
        );
        for error in errors {
            assert_eq!(error.reason(), Some(Reason::InvalidSession), "{error}");
            assert!(error.to_string().contains("begin"), "{error}");
        }
        assert!(east.client.get(database, "b").await.is_err(), "nothing was written");
    }
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_goes_along_when_its_node_goes_away_and_returns_to_it_later() {
    let (mut east, mut west) = pair().await;
    east.create_things().await;
    east.create("a", r#"{"v":0}"#).await;
    west.wait_for_body("a", r#"{"v":0}"#).await;
    let addresses = [&east, &west].map(|node| format!("http://{}", node.address));
    let options = ClientOptions {
        return_after: Duration::from_millis(100),
        ..ClientOptions::default()
    };
    let client = Client::with_addresses(&addresses, options).unwrap();
    let sequential = patient(&client, 30_000);
    for round in 1..=5 {
        client
            .update("things", "a", text(&format!(r#"{{"v":{round}}}"#)), None)
            .await
            .unwrap();
        east.stop().await;
        let read = v(&patient(&client, 300), "a").await;
        // West either had pulled it before east stopped, or says that it has not.
        match read {
            Ok(read) => assert_eq!(read, round),
            Err(error) => assert_eq!(error.session_behind().unwrap().datacenter.as_deref(), Some("dc-east")),
        }
        assert_eq!(client.address(), addresses[1]);
        east.try_start().await.unwrap();
        assert_eq!(
            v(&sequential, "a").await.unwrap(),
            round,
            "once east is back, west gets it"
        );
        eventually("calls go to the first address again", async || {
            let _ = v(&sequential, "a").await;
            client.address() == addresses[0]
        })
        .await;
    }
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_of_a_session_goes_back_over_many_changes_of_the_node_while_the_link_comes_and_goes() {
    let (mut east, mut west) = pair().await;
    east.create_things().await;
    east.create("a", r#"{"v":0,"top":0}"#).await;
    west.wait_for_body("a", r#"{"v":0,"top":0}"#).await;
    let session = Session::new();
    let clients = [&east, &west].map(|node| patient(&fresh(node).with_session(session.clone()), 400));
    let (mut highest, mut reads, mut refused) = (0, 0, 0);
    let end = Instant::now() + Duration::from_secs(10);
    for step in 1u64.. {
        if Instant::now() > end {
            break;
        }
        let side = usize::from(step % 7 < 3);
        match step % 20 {
            5 => drop(east.client.cut_link("dc-west").await.unwrap()),
            15 => drop(east.client.restore_link("dc-west").await.unwrap()),
            _ => {}
        }
        // The greatest number wins whatever the order of arrival: whoever has seen it must never see less.
        let body = text(&format!(r#"{{"v":0,"top":{step}}}"#));
        if step % 3 == 0 {
            clients[side].update("things", "a", body, None).await.unwrap();
            highest = step;
        }
        match clients[1 - side].get("things", "a").await {
            Ok(document) => {
                let body: serde_json::Value = serde_json::from_slice(&document.body).unwrap();
                let top = body["top"].as_u64().unwrap();
                assert!(top >= highest, "step {step} read {top} after {highest}");
                (highest, reads) = (top, reads + 1);
            }
            Err(error) => {
                assert!(error.session_behind().is_some(), "{error}");
                refused += 1;
            }
        }
    }
    assert!(reads >= 5 && refused > 0, "{reads} reads, {refused} refused");
    east.client.restore_link("dc-west").await.unwrap();
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_at_a_node_that_is_catching_up_is_not_held_up_by_its_own_reads_and_told_from_whom() {
    let (mut east, mut west) = pair().await;
    east.create_things().await;
    east.create("first", "{}").await;
    west.wait_for_body("first", "{}").await;
    west.stop().await;
    east.stop().await;
    // Many small batches, one at a time.
    (east.settings.links.batch_bytes, east.settings.links.window_bytes) = (1_000, 1_000);
    east.try_start().await.unwrap();
    for n in 0..1_500 {
        let body = format!(r#"{{"v":{n},"text":"{}"}}"#, "x".repeat(500));
        east.update(&format!("d{n:04}"), &body).await;
    }
    west.try_start().await.unwrap();
    let reader = patient(&fresh(&west), 1);
    let (mut told, mut met) = (0, 0);
    let mut told_by = BTreeSet::new();
    let end = Instant::now() + crate::common::DEADLINE;
    while met < 1_501 {
        assert!(Instant::now() < end, "{met} documents");
        let mut after = None;
        met = 0;
        loop {
            // With no time to wait, a read that had to would be refused.
            let page = reader.list("things", 1_000, after).await.unwrap();
            met += page.items.len();
            let told_now = page
                .items
                .iter()
                .any(|document| document.state.catching_up_from == ["dc-east"]);
            told += usize::from(told_now);
            for read in Read::ALL {
                let state = read.of(&reader, "first", None).await.unwrap();
                told_by.extend((state.catching_up_from == ["dc-east"]).then_some(read));
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    assert!(told > 0, "the catching up was never told of");
    assert!(told_by.iter().eq(&Read::ALL), "only by {told_by:?}");
    eventually("the catching up is over", async || {
        let document = reader.get("things", "first").await.unwrap();
        let status = west.client.status().await.unwrap();
        document.state.catching_up_from.is_empty() && status.databases[0].catching_up_from.is_empty()
    })
    .await;
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_waits_for_the_definition_of_its_database_as_well() {
    let (mut east, mut west) = parted().await;
    let database = crate::common::database("later", &[]);
    let writer = fresh(&east);
    writer.create_database(&database).await.unwrap();
    writer.update("later", "a", text("{}"), None).await.unwrap();
    let there = patient(&at(&west, writer.session()), 50);
    assert_eq!(reason(there.get("later", "a").await), Reason::SessionBehind);
    assert_eq!(reason(fresh(&west).get("later", "a").await), Reason::DatabaseNotFound);
    east.client.restore_link("dc-west").await.unwrap();
    let there = patient(&there, 30_000);
    assert_eq!(there.get("later", "a").await.unwrap().body, "{}");
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_restored_datacenter_has_lost_for_good_is_said_to_be_lost() {
    let (mut east, mut west) = parted().await;
    // A copy of west's directory from before the write that nobody else gets.
    west.stop().await;
    let data = west.settings.node.data.clone();
    let kept = data.with_file_name("kept");
    copy(&data, &kept);
    west.try_start().await.unwrap();
    let writer = fresh(&west);
    writer.update("things", "a", text(r#"{"v":1}"#), None).await.unwrap();
    west.stop().await;
    std::fs::remove_dir_all(&data).unwrap();
    copy(&kept, &data);
    west.settings.node.restored = true;
    west.try_start().await.unwrap();

    let at_west = patient(&at(&west, writer.session()), 50);
    assert_eq!(
        reason(at_west.get("things", "a").await),
        Reason::SessionBehind,
        "east may have it"
    );
    east.client.restore_link("dc-west").await.unwrap();
    for node in [&west, &east] {
        let reader = patient(&at(node, writer.session()), 50);
        eventually("the loss is certain", async || {
            let error = reader.get("things", "a").await.unwrap_err();
            assert!(
                [Some(Reason::SessionBehind), Some(Reason::SessionLost)].contains(&error.reason()),
                "{error}"
            );
            error.reason() == Some(Reason::SessionLost) && error.to_string().contains("begin a new session")
        })
        .await;
        let anew = at(node, writer.session());
        anew.session().forget("things");
        assert_eq!(v(&anew, "a").await.unwrap(), 0);
    }
    east.stop().await;
    west.stop().await;
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
