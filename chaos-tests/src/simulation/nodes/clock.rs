//! Wall clocks and randomness of the simulated machines.
//!
//! A store takes its clock and its entropy as bare functions, so each machine has functions of its own, and what they answer lies in thread-local
//! state: one simulation at a time on a thread. Time is that of the process that runs, else of the world, plus what the machine's clock is wrong by.

use std::cell::RefCell;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rejoin_gateway::WallClock;
use tokio::time::Instant;
use uhlc::NTP64;

/// Machines of one simulation.
pub const MACHINES_MAX: usize = 5;

/// 2026-01-01: where simulated time begins.
pub(super) const EPOCH: Duration = Duration::from_secs(1_767_225_600);

/// How a clock is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ClockError {
    /// Nanoseconds by which it is ahead; negative: behind.
    pub(super) ahead_ns: i128,
    /// Millionths by which it runs too fast; negative: too slowly.
    pub(super) drift_ppm: i64,
}

struct Machines {
    /// The time of the world, for readers that are in no process.
    elapsed: Duration,
    /// The process that runs: the time of the world when it began, and its own.
    process: Option<(Duration, Instant)>,
    errors: [ClockError; MACHINES_MAX],
    entropy: [StdRng; MACHINES_MAX],
}

thread_local! {
    static MACHINES: RefCell<Machines> = RefCell::new(Machines::new(0));
}

impl Machines {
    fn new(seed: u64) -> Self {
        let entropy = std::array::from_fn(|machine| StdRng::seed_from_u64(seed.wrapping_add(machine as u64)));
        Self {
            elapsed: Duration::ZERO,
            process: None,
            errors: [ClockError::default(); MACHINES_MAX],
            entropy,
        }
    }
}

/// Begins anew: right clocks, and entropy from `seed`.
pub(super) fn reset(seed: u64) {
    MACHINES.set(Machines::new(seed));
}

/// Sets the time of the world, for readers that are in no process.
pub(super) fn set_elapsed(elapsed: Duration) {
    MACHINES.with_borrow_mut(|machines| machines.elapsed = elapsed);
}

/// A process runs from now on: time is what its runtime says. It had begun at this time of the world, and at this time of its own.
pub(super) fn begin_process(world: Duration, own: Instant) {
    MACHINES.with_borrow_mut(|machines| machines.process = Some((world, own)));
}

/// The process runs no more.
pub(super) fn end_process() {
    MACHINES.with_borrow_mut(|machines| machines.process = None);
}

/// Makes the clock of a machine wrong.
pub(super) fn set_error(machine: usize, error: ClockError) {
    MACHINES.with_borrow_mut(|machines| {
        if let Some(found) = machines.errors.get_mut(machine) {
            *found = error;
        }
    });
}

/// The wall clock of a machine.
pub(super) fn wall(machine: usize) -> WallClock {
    const WALLS: [WallClock; MACHINES_MAX] = [read::<0>, read::<1>, read::<2>, read::<3>, read::<4>];
    WALLS[machine % MACHINES_MAX]
}

/// The randomness of a machine.
pub(super) fn entropy(machine: usize) -> fn() -> [u8; 16] {
    const DRAWS: [fn() -> [u8; 16]; MACHINES_MAX] = [draw::<0>, draw::<1>, draw::<2>, draw::<3>, draw::<4>];
    DRAWS[machine % MACHINES_MAX]
}

fn draw<const MACHINE: usize>() -> [u8; 16] {
    MACHINES.with_borrow_mut(|machines| machines.entropy[MACHINE].random())
}

fn read<const MACHINE: usize>() -> NTP64 {
    MACHINES.with_borrow(|machines| {
        let elapsed = match machines.process {
            Some((world, own)) => world + Instant::now().saturating_duration_since(own),
            None => machines.elapsed,
        };
        NTP64::from(shown(elapsed, machines.errors[MACHINE]))
    })
}

/// What a clock shows: 1970 at the earliest, as the machine's own clock does.
fn shown(elapsed: Duration, error: ClockError) -> Duration {
    let elapsed_ns = i128::try_from(elapsed.as_nanos()).unwrap_or(i128::MAX);
    let drifted_ns = elapsed_ns.saturating_mul(error.drift_ppm.into()) / 1_000_000;
    let start_ns = i128::try_from(EPOCH.as_nanos()).unwrap_or(i128::MAX);
    let shown_ns = [elapsed_ns, drifted_ns, error.ahead_ns]
        .into_iter()
        .fold(start_ns, i128::saturating_add);
    Duration::from_nanos(u64::try_from(shown_ns.max(0)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_wrong_one_by_one() {
        reset(1);
        set_elapsed(Duration::from_secs(100));
        set_error(
            1,
            ClockError {
                ahead_ns: -2_000_000_000,
                drift_ppm: 10_000,
            },
        );
        assert_eq!(wall(0)().to_duration().as_secs(), EPOCH.as_secs() + 100);
        assert_eq!(wall(1)().to_duration().as_secs(), EPOCH.as_secs() + 100 - 2 + 1);
    }

    #[test]
    fn no_clock_shows_a_time_before_1970() {
        let long_ago = ClockError {
            ahead_ns: i128::MIN,
            drift_ppm: i64::MIN,
        };
        assert_eq!(shown(Duration::from_secs(1), long_ago), Duration::ZERO);
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let drawn = |seed| {
            reset(seed);
            [entropy(0)(), entropy(1)(), entropy(0)()]
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        assert_ne!(drawn(7)[0], drawn(7)[1]);
    }
}
