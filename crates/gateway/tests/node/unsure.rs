//! Several writes of which one fails on its way to the disk: nobody is told that it was refused.

use std::sync::Arc;

use rejoin_client::{Batch, CallError, ConflictFilter, Policy};

use crate::bad_disk::BadDisk;
use crate::common::{client, database, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_independent_batch_or_a_resolution_of_many_a_write_that_failed_on_the_disk_is_unknown_and_not_refused() {
    for resolves in [false, true] {
        let disk = Arc::new(BadDisk::default());
        let node = disk.start(false).await;
        let client = client(node.address());
        let whole = rejoin_client::Database {
            granularity: rejoin_document::Granularity::Document,
            ..database("things", &[])
        };
        client.create_database(&whole).await.unwrap();
        let first = client
            .create("things", "a", text("{}"))
            .await
            .unwrap()
            .revision
            .to_string();
        for n in [1, 2] {
            let keep = rejoin_client::Conditions {
                on_conflict: rejoin_client::OnConflict::KeepBranch,
                ..rejoin_client::Conditions::since(Some(&first))
            };
            let branch = text(&format!(r#"{{"n":{n}}}"#));
            client.update_with("things", "a", branch, &keep).await.unwrap();
        }
        disk.fail();
        let outcome = if resolves {
            let all = ConflictFilter::default();
            client
                .resolve_all("things", &all, &Policy::Newest, 0, None)
                .await
                .map(drop)
        } else {
            client
                .write_each("things", Batch::new().create("b", text("{}")))
                .await
                .map(drop)
        };
        let Err(error) = outcome else {
            panic!("resolves: {resolves}")
        };
        assert!(matches!(error, CallError::Unknown { .. }), "{error:?}");
        assert!(
            error.to_string().contains("some of these writes may be done"),
            "{error}"
        );
        let _ = node.shutdown().await;
    }
}
