//! The process of a node: a runtime of its own, which the world lets go on instant by instant beside the network.
//!
//! ```text
//!   instant:  processes go on, one after the other ──▶ their network cards, and the clients, over turmoil
//! ```
//!
//! While a process stands still nothing of it runs, and all that its timers waited for has passed when it goes on: as between SIGSTOP and SIGCONT.
//! What takes its time in the thread of a process, a sync for instance, takes the process ahead of the world ([`pass`]): it does not go on before the
//! world has come so far, and its [card](super::card) keeps what it sends until then.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{JoinHandle, LocalSet};
use tokio::time::{Instant, advance, sleep, sleep_until};

use super::clock;

/// A process that has not ended. Dropping it ends it, as SIGKILL does.
pub(super) struct Process {
    runtime: Runtime,
    tasks: LocalSet,
    node: JoinHandle<anyhow::Result<()>>,
    /// The time of the world when it began, and its own.
    begun: (Duration, Instant),
    /// How far it is, in the time of the world.
    now: Duration,
    stands_until: Duration,
}

impl Process {
    /// A process that runs `node`, which begins with the instant at `begun`.
    ///
    /// # Errors
    /// The system has no room for a runtime.
    pub(super) fn start(begun: Duration, node: impl Future<Output = anyhow::Result<()>> + 'static) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
        // Timers count whole milliseconds.
        let own = runtime.block_on(async {
            sleep(Duration::from_millis(1)).await;
            Instant::now()
        });
        let tasks = LocalSet::new();
        let entered = runtime.enter();
        let node = tasks.spawn_local(node);
        drop(entered);
        Ok(Self {
            runtime,
            tasks,
            node,
            begun: (begun, own),
            now: begun,
            stands_until: Duration::ZERO,
        })
    }

    /// Stands still until then, or for as long as it was told to before.
    pub(super) fn stand_still(&mut self, until: Duration) {
        self.stands_until = self.stands_until.max(until);
    }

    /// Stands still no more.
    pub(super) fn stand_no_more(&mut self) {
        self.stands_until = Duration::ZERO;
    }

    /// Whether it does nothing in the instant that begins then.
    pub(super) fn stands_still_at(&self, time: Duration) -> bool {
        time < self.stands_until
    }

    /// Whether it is further than the world will be then: what it has sent meanwhile was sent later.
    pub(super) fn is_ahead_of(&self, time: Duration) -> bool {
        self.now > time
    }

    /// Does what there is to do in the instant that ends at `until`, if it does not stand still and is not further already. Whether it stands still.
    ///
    /// # Errors
    /// The node has ended: it did not start.
    pub(super) fn go_on(&mut self, until: Duration, instant: Duration) -> anyhow::Result<bool> {
        if until <= self.stands_until {
            return Ok(true);
        }
        if self.now >= until {
            return Ok(false);
        }
        let (world, own) = self.begun;
        clock::begin_process(world, own);
        let now = self.runtime.block_on(self.tasks.run_until(async {
            let end = own + until.saturating_sub(world);
            let missed = end.saturating_duration_since(Instant::now()).saturating_sub(instant);
            if !missed.is_zero() {
                advance(missed).await;
            }
            sleep_until(end).await;
            Instant::now()
        }));
        clock::end_process();
        self.now = world + now.saturating_duration_since(own);
        if self.node.is_finished() {
            self.runtime.block_on(&mut self.node)??;
        }
        Ok(false)
    }
}

/// Lets time pass for the process whose thread this is, and nothing else: nothing of it runs meanwhile.
pub(super) fn pass(time: Duration) {
    if Handle::try_current().is_ok() {
        // The clock is set when this is polled first; what it waits for then is that others run.
        let passing = pin!(advance(time));
        let _ = passing.poll(&mut Context::from_waker(Waker::noop()));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    const INSTANT: Duration = Duration::from_millis(10);

    type Seen = Rc<RefCell<Vec<u128>>>;

    /// A process that writes down every 40 ms how long it has lived, and takes `slow` for it; and what it wrote.
    fn process(slow: Duration) -> (Process, Seen) {
        let seen = Seen::default();
        let written = seen.clone();
        let process = Process::start(Duration::ZERO, async move {
            let begun = Instant::now();
            loop {
                sleep(Duration::from_millis(40)).await;
                pass(slow);
                written.borrow_mut().push(begun.elapsed().as_millis());
            }
        });
        (process.unwrap(), seen)
    }

    fn go_on(process: &mut Process, from_ms: u64, to_ms: u64) {
        for begin in (from_ms..to_ms).step_by(10) {
            let begin = Duration::from_millis(begin);
            process.go_on(begin + INSTANT, INSTANT).unwrap();
        }
    }

    #[test]
    fn nothing_runs_while_a_process_stands_still_and_its_timers_have_passed_when_it_goes_on() {
        let (mut process, seen) = process(Duration::ZERO);
        go_on(&mut process, 0, 100);
        assert_eq!(*seen.borrow(), [40, 80]);
        process.stand_still(Duration::from_millis(500));
        go_on(&mut process, 100, 500);
        assert_eq!(*seen.borrow(), [40, 80]);
        go_on(&mut process, 500, 560);
        assert_eq!(*seen.borrow(), [40, 80, 500, 540], "the timer of 120 ms is late");
    }

    #[test]
    fn what_takes_time_takes_the_process_ahead_of_the_world() {
        let (mut process, seen) = process(Duration::from_millis(300));
        go_on(&mut process, 0, 50);
        assert_eq!(*seen.borrow(), [340]);
        assert!(process.is_ahead_of(Duration::from_millis(330)) && !process.is_ahead_of(Duration::from_millis(340)));
        go_on(&mut process, 50, 370);
        assert_eq!(*seen.borrow(), [340], "it waits for the world");
        go_on(&mut process, 370, 400);
        assert_eq!(*seen.borrow(), [340, 680]);
    }

    #[test]
    fn a_node_that_ends_is_told() {
        let node = async { anyhow::bail!("it does not start") };
        let mut process = Process::start(Duration::ZERO, node).unwrap();
        assert!(process.go_on(INSTANT, INSTANT).is_err());
    }
}
