//! Reads of many documents through the public interface: ranges, several at once, watches that go on, exports.

use rejoin_api::Reason;
use rejoin_client::{Client, Listing};

use crate::common::{database, node, reason};

pub(crate) fn ids(listing: &[&str]) -> Vec<String> {
    listing.iter().map(|id| (*id).to_owned()).collect()
}

async fn list(client: &Client, listing: &Listing, size: u32) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = client.list_with("things", listing, size, after).await.unwrap();
        ids.extend(page.items.into_iter().map(|document| document.id));
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_is_listed_forward_and_backward_and_without_bodies() {
    let mut node = node().await;
    for id in ["a", "b/1", "b/2", "b/3", "c"] {
        node.create(id, r#"{"n":1.50}"#).await;
    }
    let prefix = Listing {
        prefix: "b/".into(),
        ..Listing::default()
    };
    let range = Listing {
        from: Some("b/2".into()),
        to: Some("c".into()),
        descending: true,
        omit_bodies: true,
        ..Listing::default()
    };
    for size in [1, 2, 0] {
        assert_eq!(list(&node.client, &prefix, size).await, ["b/1", "b/2", "b/3"]);
        assert_eq!(list(&node.client, &range, size).await, ["b/3", "b/2"]);
    }
    let whole = &node.client.list_with("things", &prefix, 1, None).await.unwrap().items[0];
    let bare = &node.client.list_with("things", &range, 1, None).await.unwrap().items[0];
    assert_eq!((&whole.body[..], &bare.body[..]), (&br#"{"n":1.50}"#[..], &b""[..]));
    assert_eq!((bare.checksum, &bare.revision), (whole.checksum, &whole.revision));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_token_belongs_to_its_range_and_a_range_must_make_sense() {
    let mut node = node().await;
    node.client.create_database(&database("others", &[])).await.unwrap();
    for id in ["a", "b", "c"] {
        node.create(id, "{}").await;
    }
    let descending = Listing {
        descending: true,
        ..Listing::default()
    };
    let token = node
        .client
        .list_with("things", &descending, 1, None)
        .await
        .unwrap()
        .next
        .unwrap();
    for other in [
        Listing::default(),
        Listing {
            prefix: "a".into(),
            ..descending.clone()
        },
        Listing {
            from: Some("a".into()),
            ..descending.clone()
        },
        Listing {
            to: Some("c".into()),
            ..descending.clone()
        },
    ] {
        let refused = node.client.list_with("things", &other, 1, Some(token.clone())).await;
        assert_eq!(reason(refused), Reason::InvalidPageToken, "{other:?}");
    }
    let elsewhere = node
        .client
        .list_with("others", &descending, 1, Some(token.clone()))
        .await;
    assert_eq!(reason(elsewhere), Reason::InvalidPageToken);
    let bare = Listing {
        omit_bodies: true,
        ..descending
    };
    assert!(node.client.list_with("things", &bare, 5, Some(token)).await.is_ok());

    let reversed = Listing {
        from: Some("c".into()),
        to: Some("a".into()),
        ..bare
    };
    let refused = node.client.list_with("things", &reversed, 1, None).await.unwrap_err();
    assert_eq!(refused.reason(), Some(Reason::InvalidFilter));
    assert!(
        refused.to_string().contains("the lesser id in descending order, too"),
        "{refused}"
    );
    let long = Listing {
        prefix: "x".repeat(513),
        ..Listing::default()
    };
    assert_eq!(
        reason(node.client.list_with("things", &long, 1, None).await),
        Reason::InvalidFilter
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_documents_are_answered_in_the_order_of_their_ids_and_the_bounds_are_refused_clearly() {
    let mut node = node().await;
    node.create("a", r#"{"n":1}"#).await;
    node.create("b", r#"{"n":2}"#).await;
    node.create("gone", "{}").await;
    node.client.delete("things", "gone", None).await.unwrap();
    let asked = ids(&["b", "absent", "a", "gone", "b"]);
    let found = node.client.get_many("things", &asked).await.unwrap().documents;
    let bodies = found
        .iter()
        .map(|found| found.as_ref().map(|document| document.body.to_vec()));
    let (one, two) = (br#"{"n":1}"#.to_vec(), br#"{"n":2}"#.to_vec());
    assert_eq!(
        bodies.collect::<Vec<_>>(),
        [Some(two.clone()), None, Some(one), None, Some(two)]
    );

    assert_eq!(reason(node.client.get_many("things", &[]).await), Reason::InvalidBatch);
    let many: Vec<String> = (0..1001).map(|number| number.to_string()).collect();
    let refused = node.client.get_many("things", &many).await.unwrap_err();
    assert_eq!(refused.reason(), Some(Reason::InvalidBatch));
    assert!(refused.to_string().contains("1 to 1000"), "{refused}");
    assert_eq!(
        node.client
            .get_many("things", &many[..1000])
            .await
            .unwrap()
            .documents
            .len(),
        1000
    );
    assert_eq!(
        reason(node.client.get_many("things", &ids(&["a", ""])).await),
        Reason::InvalidId
    );
    assert_eq!(
        reason(node.client.get_many("nowhere", &asked).await),
        Reason::DatabaseNotFound
    );

    let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(6 << 20));
    let names = ids(&["l1", "l2", "l3"]);
    for id in &names {
        node.create(id, &large).await;
    }
    assert_eq!(
        node.client.get_many("things", &names).await.unwrap().documents.len(),
        2,
        "what fits into 16 MiB"
    );
    node.stop().await;
}
