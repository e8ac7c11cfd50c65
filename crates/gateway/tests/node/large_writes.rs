//! Writes of large documents: what they carry, and what they are told when they are refused.

use prost::Message;
use rejoin_api::proto::document_service_client::DocumentServiceClient;
use rejoin_api::proto::{self, UpdateDocumentRequest};
use rejoin_api::{CONFLICT_REPORT_TYPE_URL, Reason};
use rejoin_client::{Batch, Bytes, CallError, Compared, Conditions, Patch};
use tonic_types::{StatusExt, pb};

use crate::common::{node, text};

/// A document of so many bytes with a member that says which one it is.
fn large(name: &str, bytes: usize) -> Bytes {
    text(&format!(r#"{{"name":"{name}","text":"{}"}}"#, "x".repeat(bytes)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_on_a_large_document_is_refused_with_the_whole_report_whatever_verb_met_it() {
    let mut node = node().await;
    let bytes = 2 << 20;
    let base = node.client.create("things", "a", large("Ada", bytes)).await.unwrap();
    let base = base.revision.to_string();
    node.client
        .update("things", "a", large("Ida", bytes), Some(&base))
        .await
        .unwrap();
    let stale = Conditions::since(Some(&base));
    let merge = Patch::Merge(text(r#"{"name":"Eda"}"#));
    let batch = Batch::new().update("a", large("Eda", bytes), &stale);
    let refusals = [
        node.client
            .update_with("things", "a", large("Eda", bytes), &stale)
            .await
            .unwrap_err(),
        node.client
            .patch("things", "a", merge, &stale, false)
            .await
            .unwrap_err(),
        node.client.write_batch("things", batch).await.unwrap_err(),
    ];
    for refusal in refusals {
        let CallError::Refused(refused) = &refusal else {
            panic!("{refusal:?}");
        };
        let report = refused.conflict.as_ref().expect("a report");
        assert_eq!(report.ours, Some(large("Ida", bytes)));
        assert_eq!(report.yours, Some(large("Eda", bytes)));
        assert_eq!(report.base, Some(large("Ada", bytes)));
        assert_eq!(report.conflicts.len(), 1);
        assert!(refused.metadata.contains_key("session_token"), "{:?}", refused.metadata);
    }
    let deleted = node.client.delete_with("things", "a", &stale).await.unwrap_err();
    assert_eq!(deleted.reason(), Some(Reason::Conflict));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_holds_what_fits_into_it_of_a_report_and_says_so() {
    let mut node = node().await;
    let base = node.client.create("things", "a", large("Ada", 50_000)).await.unwrap();
    let base = base.revision.to_string();
    node.client
        .update("things", "a", large("Ida", 50_000), Some(&base))
        .await
        .unwrap();
    let mut plain = DocumentServiceClient::connect(format!("http://{}", node.address))
        .await
        .unwrap();
    let request = UpdateDocumentRequest {
        database: "things".into(),
        id: "a".into(),
        body: large("Eda", 50_000),
        base_revision: Some(base),
        ..Default::default()
    };
    let status = plain.update_document(request).await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "CONFLICT");
    assert!(status.details().len() < 6 * 1024, "{}", status.details().len());
    let details = pb::Status::decode(status.details()).unwrap().details;
    let report = details
        .iter()
        .find(|detail| detail.type_url == CONFLICT_REPORT_TYPE_URL)
        .unwrap();
    let report = proto::ConflictReport::decode(report.value.as_slice()).unwrap();
    assert!(report.shortened && report.ours.is_empty());
    assert_eq!(report.conflicts[0].your_value.as_deref(), Some(&br#""Eda""#[..]));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_carries_two_bodies_of_the_largest_size_and_a_batch_as_much() {
    let mut node = node().await;
    let size = (8 << 20) - 100;
    node.client.create("things", "a", large("Ada", size)).await.unwrap();
    let swapped = node
        .client
        .compare_and_swap("things", "a", large("Ada", size), large("Ida", size))
        .await
        .unwrap();
    assert!(matches!(swapped, Compared::Matched(_)));
    let batch = (0..12).fold(Batch::new(), |batch, number| {
        batch.create(&format!("b{number}"), large("Ada", 1 << 20))
    });
    assert_eq!(node.client.write_batch("things", batch).await.unwrap().len(), 12);
    let over = node
        .client
        .create("things", "c", large("Ada", 9 << 20))
        .await
        .unwrap_err();
    assert_eq!(over.reason(), Some(Reason::BodyTooLarge));
    node.stop().await;
}
