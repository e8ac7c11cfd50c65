//! Two clients of one node: what each sees when both write. The scenarios are those of a key-value store's chapter on concurrency.

use rejoin_api::Reason;
use rejoin_client::{Batch, Client, Compared, Conditions, Edit, Patch};

use crate::common::{TestNode, client, eventually, free_address, pair, text};

async fn node_and_clients() -> (TestNode, Client, Client) {
    let node = TestNode::start("dc-east", free_address(), &[]).await;
    node.create_things().await;
    let (a, b) = (client(node.address), client(node.address));
    (node, a, b)
}

async fn kind(client: &Client, id: &str) -> String {
    let document = client.get("things", id).await.unwrap();
    String::from_utf8(document.body.to_vec()).unwrap()
}

const ROADSTER: &str = r#"{"kind":"roadster"}"#;
const SEDAN: &str = r#"{"kind":"sedan"}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_fails_if_the_entry_exists_and_the_first_client_reads_what_it_wrote() {
    let (mut node, a, b) = node_and_clients().await;
    a.create("things", "car", text(ROADSTER)).await.unwrap();
    let refused = b.create("things", "car", text(SEDAN)).await.unwrap_err();
    assert_eq!(refused.reason(), Some(Reason::DocumentExists));
    assert_eq!(kind(&a, "car").await, ROADSTER);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_always_succeeds_and_everybody_reads_the_newest_value() {
    let (mut node, a, b) = node_and_clients().await;
    a.update("things", "stock3", text(r#"{"price":503.5}"#), None)
        .await
        .unwrap();
    let conditions = Conditions::default();
    let replaced = b
        .update_with("things", "stock3", text(r#"{"price":504.5}"#), &conditions)
        .await
        .unwrap();
    assert_eq!(replaced.previous.unwrap().body, r#"{"price":503.5}"#);
    assert_eq!(kind(&a, "stock3").await, r#"{"price":504.5}"#);
    let deleted = a.delete_with("things", "stock3", &conditions).await.unwrap();
    assert_eq!(deleted.previous.unwrap().body, r#"{"price":504.5}"#);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_car_and_a_motorbike_that_are_written_together_always_match_here_and_in_the_other_datacenter() {
    let (mut east, mut west) = pair().await;
    east.create_things().await;
    let (a, b) = (client(east.address), client(east.address));
    write_both(&a, 0).await;
    eventually("west has both", async || matching(&west.client).await == Some(0)).await;
    let writing = tokio::spawn(async move {
        for number in 1..=200 {
            write_both(&a, number).await;
        }
    });
    let far = client(west.address);
    let mut seen = 0;
    while !writing.is_finished() {
        matching(&b).await.unwrap();
        let now = matching(&far).await.unwrap();
        assert!(now >= seen, "{now} after {seen}");
        seen = now;
    }
    writing.await.unwrap();
    eventually("west has the last of both", async || matching(&far).await == Some(200)).await;
    east.stop().await;
    west.stop().await;
}

async fn write_both(client: &Client, number: u32) {
    let kind = format!(r#"{{"kind":"roadster","number":{number}}}"#);
    let batch = Batch::new().update("car", text(&kind), &Conditions::default()).update(
        "motorbike",
        text(&kind),
        &Conditions::default(),
    );
    client.write_batch("things", batch).await.unwrap();
}

/// The number that both have; `None` if neither is there.
async fn matching(client: &Client) -> Option<u32> {
    let both = client.get_many("things", &["car".into(), "motorbike".into()]).await;
    let both = match both {
        Ok(both) => both.documents,
        Err(error) if error.reason() == Some(Reason::DatabaseNotFound) => return None,
        Err(error) => panic!("{error}"),
    };
    let bodies: Vec<_> = both
        .iter()
        .map(|found| found.as_ref().map(|found| found.body.clone()))
        .collect();
    assert_eq!(bodies[0], bodies[1], "one without the other");
    let body: serde_json::Value = serde_json::from_slice(bodies[0].as_ref()?).unwrap();
    body["number"].as_u64().map(|number| number.try_into().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_clients_that_count_by_comparing_and_swapping_none_loses_a_step() {
    let (mut node, a, _) = node_and_clients().await;
    a.create("things", "count", text(r#"{"n":0}"#)).await.unwrap();
    let mut counting = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let client = a.clone();
        counting.spawn(async move {
            let mut done = 0;
            let mut seen = 0u64;
            while done < 10 {
                let (expected, new) = (format!(r#"{{"n":{seen}}}"#), format!(r#"{{"n":{}}}"#, seen + 1));
                let outcome = client
                    .compare_and_swap("things", "count", text(&expected), text(&new))
                    .await;
                match outcome.unwrap() {
                    Compared::Matched(_) => (done, seen) = (done + 1, seen + 1),
                    Compared::Unmatched(version) => {
                        let body = String::from_utf8(version.body.to_vec()).unwrap();
                        seen = body
                            .trim_matches(|digit: char| !digit.is_ascii_digit())
                            .parse()
                            .unwrap();
                    }
                }
            }
        });
    }
    counting.join_all().await;
    assert_eq!(kind(&a, "count").await, r#"{"n":80}"#);
    let gone = a
        .compare_and_delete("things", "count", text(r#"{"n":79}"#))
        .await
        .unwrap();
    assert!(matches!(gone, Compared::Unmatched(_)));
    let gone = a
        .compare_and_delete("things", "count", text(r#"{"n":80}"#))
        .await
        .unwrap();
    assert!(matches!(gone, Compared::Matched(_)));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn increments_of_many_clients_all_count() {
    let (mut node, a, b) = node_and_clients().await;
    let mut counting = tokio::task::JoinSet::new();
    for number in 0..20 {
        let client = if number % 2 == 0 { a.clone() } else { b.clone() };
        counting.spawn(async move {
            let edit = Edit::Increment {
                path: "/stock".to_owned(),
                by: 3,
            };
            let patch = Patch::Edits(vec![edit]);
            client
                .patch("things", "car", patch, &Conditions::default(), true)
                .await
                .unwrap();
        });
    }
    counting.join_all().await;
    assert_eq!(kind(&a, "car").await, r#"{"stock":60}"#);
    node.stop().await;
}
