//! Histories, differences, conflicts, watches and exports are reads of a session like any other.

use rejoin_api::Reason;
use rejoin_api::proto::document_service_client::DocumentServiceClient;
use rejoin_api::proto::{ExportDocumentsRequest, ReadOptions};
use rejoin_client::{CallError, Client, ConflictFilter, Export, ReadState, Watch};

use crate::common::{node, reason, text};
use crate::sessions::{at, fresh, fresh_from, parted, patient, stale, v};

/// One of the calls that read, beside those that read documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Read {
    History,
    Diff,
    Conflicts,
    DocumentConflicts,
    Watch,
    Export,
}

impl Read {
    pub(crate) const ALL: [Self; 6] = [
        Self::History,
        Self::Diff,
        Self::Conflicts,
        Self::DocumentConflicts,
        Self::Watch,
        Self::Export,
    ];

    /// Makes the call for a document of `things`, and a stream to its end; how its answer stands to the session. By default the current revision is
    /// compared with itself.
    pub(crate) async fn of(self, client: &Client, id: &str, revision: Option<&str>) -> Result<ReadState, CallError> {
        match self {
            Self::History => Ok(client.history("things", id, true, 0, None).await?.state),
            Self::Diff => {
                let current = match revision {
                    Some(revision) => revision.to_owned(),
                    None => client.get("things", id).await?.revision.to_string(),
                };
                Ok(client.diff("things", id, &current, None).await?.state)
            }
            Self::Conflicts => {
                let page = client.conflicts("things", &ConflictFilter::default(), 0, None).await?;
                Ok(page.state)
            }
            Self::DocumentConflicts => Ok(client.document_conflicts("things", id).await?.state),
            Self::Watch => {
                let mut changes = client.watch("things", &Watch::default()).await?;
                while changes.next().await?.is_some() {}
                Ok(changes.state().clone())
            }
            Self::Export => {
                let mut documents = client.export("things", &Export::default()).await?;
                while documents.next().await?.is_some() {}
                Ok(documents.state().clone())
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_read_waits_for_what_its_session_has_seen_and_says_what_is_missing_or_stale() {
    let (mut east, mut west) = parted().await;
    let first = west.get("a").await.unwrap().revision.to_string();
    let writer = fresh(&east);
    writer.update("things", "a", text(r#"{"v":1}"#), None).await.unwrap();
    let reader = || at(&west, writer.session());
    for read in Read::ALL {
        let error = read.of(&patient(&reader(), 50), "a", Some(&first)).await.unwrap_err();
        let behind = error.session_behind().unwrap_or_else(|| panic!("{read:?}: {error}"));
        assert_eq!(behind.datacenter.as_deref(), Some("dc-east"), "{read:?}");
        let answer = read.of(&stale(&reader()), "a", Some(&first)).await.unwrap();
        assert!(answer.stale, "{read:?}");
        let nobodys = read.of(&fresh(&west), "a", Some(&first)).await.unwrap();
        assert!(!nobodys.stale, "{read:?}");
    }
    east.client.restore_link("dc-west").await.unwrap();
    for read in Read::ALL {
        let answer = read.of(&patient(&reader(), 30_000), "a", Some(&first)).await.unwrap();
        assert!(!answer.stale, "{read:?}");
    }
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_any_read_has_told_of_was_seen_a_deletion_too() {
    let (mut east, mut west) = parted().await;
    let first = east.get("a").await.unwrap().revision.to_string();
    east.update("a", r#"{"v":1}"#).await;
    let check = async |read: Read| {
        let reader = fresh(&east);
        // That a deleted document is none is an answer, too.
        let _ = read.of(&reader, "a", Some(&first)).await;
        let there = patient(&at(&west, reader.session()), 50);
        assert_eq!(reason(v(&there, "a").await), Reason::SessionBehind, "{read:?}");
    };
    for read in Read::ALL {
        check(read).await;
    }
    east.client.delete("things", "a", None).await.unwrap();
    for read in Read::ALL {
        check(read).await;
    }
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_not_read_to_its_end_has_told_what_it_has_brought() {
    let (mut east, mut west) = parted().await;
    east.update("a", r#"{"v":1}"#).await;
    let watcher = fresh(&east);
    let mut changes = watcher.watch("things", &Watch::default()).await.unwrap();
    changes.next().await.unwrap();
    let exporter = fresh(&east);
    let mut documents = exporter.export("things", &Export::default()).await.unwrap();
    documents.next().await.unwrap();
    for client in [watcher, exporter] {
        let there = patient(&at(&west, client.session()), 50);
        assert_eq!(reason(v(&there, "a").await), Reason::SessionBehind);
    }
    east.stop().await;
    west.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_ends_with_its_state_only_if_the_client_speaks_of_a_session() {
    let mut node = node().await;
    let channel = tonic::transport::Endpoint::new(format!("http://{}", node.address)).unwrap();
    let mut raw = DocumentServiceClient::new(channel.connect().await.unwrap());
    for (options, answers) in [(None, 0), (Some(ReadOptions::default()), 1)] {
        let request = ExportDocumentsRequest {
            database: "things".into(),
            options,
            ..ExportDocumentsRequest::default()
        };
        let mut stream = raw.export_documents(request).await.unwrap().into_inner();
        let mut received = Vec::new();
        while let Some(answer) = stream.message().await.unwrap() {
            received.push(answer);
        }
        assert_eq!(received.len(), answers, "of a database without documents");
        let only_state = |answer: &rejoin_api::proto::ExportDocumentsResponse| {
            answer.document.is_none()
                && answer
                    .state
                    .as_ref()
                    .is_some_and(|state| !state.session_token.is_empty())
        };
        assert!(received.iter().all(only_state));
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_reading_of_the_past_hands_out_a_token_and_says_if_it_is_stale() {
    let (mut east, mut west) = parted().await;
    east.update("a", r#"{"v":1}"#).await;
    let absent = "9-23202479633c2b380f79507a776743d5";
    for ask in 0..3 {
        let ask = async |client: &Client| match ask {
            0 => client.get_revision("things", "a", absent).await.map(drop),
            1 => client.diff("things", "a", absent, None).await.map(drop),
            _ => client.history("things", "never", false, 0, None).await.map(drop),
        };
        let reader = fresh(&east);
        let refused = ask(&reader).await.unwrap_err();
        assert!(!reader.session().all().is_empty(), "{refused}");
        let behind = stale(&at(&west, fresh_from(&east, "a").await.session()));
        let refused = ask(&behind).await.unwrap_err();
        assert_eq!(refused.refusal().unwrap().metadata["stale"], "true", "{refused}");
    }
    east.stop().await;
    west.stop().await;
}
