//! Databases that are deleted, over real links: what was seen is gone everywhere, what was not survives everywhere.

use crate::common::{TestNode, database, eventually, pair, reason, text, wait_for_equal_digests};
use rejoin_api::Reason;
use rejoin_client::LinkState;

async fn bodies(node: &TestNode, name: &str) -> Option<Vec<(String, String)>> {
    let page = node.client.list(name, 100, None).await.ok()?;
    let documents = page.items.into_iter();
    Some(
        documents
            .map(|document| (document.id, String::from_utf8(document.body.to_vec()).unwrap()))
            .collect(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_over_a_cut_link_spares_what_its_author_had_not_seen() {
    let (mut east, mut west) = pair().await;
    east.create_things().await;
    for id in ["seen", "edited"] {
        east.create(id, r#"{"name":"x","phone":1}"#).await;
    }
    west.wait_for_body("edited", r#"{"name":"x","phone":1}"#).await;
    wait_for_equal_digests(&[&east, &west]).await;
    east.client.cut_link("dc-west").await.unwrap();
    west.wait_for_link("dc-east", LinkState::Refused).await;

    west.update("edited", r#"{"name":"x","phone":2}"#).await;
    west.create("late", "{}").await;
    assert_eq!(east.client.delete_database("things").await.unwrap(), 2);
    assert_eq!(
        reason(east.client.get("things", "seen").await),
        Reason::DatabaseNotFound
    );
    east.client.create_database(&database("things", &[])).await.unwrap();
    east.create("new", "{}").await;
    // Whether the deleter drops first and hears later, or is stopped in between, is the same.
    east.stop().await;
    east.try_start().await.unwrap();
    east.client.restore_link("dc-west").await.unwrap();

    let survivors = [("edited", r#"{"name":"x","phone":2}"#), ("late", "{}")];
    let survivors = survivors.map(|(id, body)| (id.to_owned(), body.to_owned()));
    for node in [&east, &west] {
        eventually("what was not seen survives", async || {
            bodies(node, "things@1").await.as_deref() == Some(&survivors[..])
        })
        .await;
        eventually("the new one has nothing of it", async || {
            bodies(node, "things").await == Some(vec![("new".to_owned(), "{}".to_owned())])
        })
        .await;
    }
    wait_for_equal_digests(&[&east, &west]).await;
    let refused = west.client.update("things@1", "late", text("{}"), None).await;
    assert_eq!(reason(refused), Reason::DatabaseNotFound);
    west.client.delete("things@1", "late", None).await.unwrap();
    assert_eq!(west.client.delete_database("things@1").await.unwrap(), 1);
    for node in [&east, &west] {
        eventually("nothing is left of the first", async || {
            bodies(node, "things@1").await.is_none()
        })
        .await;
        assert_eq!(node.client.databases().await.unwrap().len(), 1);
    }
    for node in [&mut east, &mut west] {
        for heal in node.client.heals(10, None).await.unwrap().items {
            assert_ne!(heal.digests_equal, Some(false), "{heal:?}");
            assert_eq!(heal.repaired, 0, "{heal:?}");
        }
        node.stop().await;
    }
}
