//! Sessions and a database that was deleted and created again where they have been.

use rejoin_api::Reason;

use crate::common::{database, reason, text};
use crate::session_reads::Read;
use crate::sessions::{at, fresh, parted, patient, stale};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_waits_for_the_next_life_of_its_database() {
    let (mut east, mut west) = parted().await;
    let writer = fresh(&east);
    writer.delete_database("things").await.unwrap();
    writer.create_database(&database("things", &[])).await.unwrap();
    writer.update("things", "new", text("{}"), None).await.unwrap();
    let token = writer.session().token("things");
    let there = patient(&at(&west, writer.session()), 50);
    for read in Read::ALL {
        let refused = read.of(&there, "new", None).await;
        assert_eq!(refused.unwrap_err().reason(), Some(Reason::SessionBehind), "{read:?}");
    }
    let written = there.update("things", "other", text("{}"), None).await;
    assert_eq!(
        reason(written),
        Reason::SessionBehind,
        "it would go into a deleted database"
    );
    let stale = stale(&there).list("things", 10, None).await.unwrap();
    assert!(stale.state.stale);
    assert_eq!(there.session().token("things"), token, "the session is not given up");
    assert!(
        fresh(&west).list("things", 10, None).await.is_ok(),
        "it has a former life here"
    );
    let waiting = patient(&there, 30_000);
    let (read, ()) = tokio::join!(waiting.get("things", "new"), async {
        east.client.restore_link("dc-west").await.unwrap();
    });
    assert_eq!(read.unwrap().body, "{}");
    east.stop().await;
    west.stop().await;
}
