//! What `make demo` plays ends with equal nodes, every write accounted for, and in good time.

use std::time::Duration;

use rejoin_chaos::demo;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_converges_and_accounts_for_every_write() -> anyhow::Result<()> {
    let verdict = tokio::time::timeout(Duration::from_secs(60), demo::run()).await??;
    assert!(verdict.is_good(), "{verdict:?}");
    Ok(())
}
