//! What each fault that lasts does to the world, and how it is undone.

use std::time::Duration;

use super::clock::{ClockError, set_error};
use super::disk::Refusal;
use super::injector::{block, ends, running};
use super::links::{LATENCY, Links};
use super::operator::Order;
use super::wire::Break;
use super::world::World;
use crate::history::Phase;
use crate::plan::{Fault, FaultKind, Target};

/// A fault that does not come and go changes at the end of time.
const NEVER_MS: u64 = u64::MAX / 2;

/// For how long a process is told at once to stand still.
const STANDS_MS: u64 = 100;

const NS_PER_MS: i128 = 1_000_000;
const TEN_YEARS_MS: i128 = 10 * 365 * 24 * 3600 * 1000;

/// Begins a fault, or ends it.
pub(super) fn turn(world: &mut World, fault: &Fault, on: bool) {
    match fault.kind {
        FaultKind::Partition => {
            block(world, fault, on);
            if on {
                for pair in directions(world.names.len(), fault) {
                    Links::close(&world.sim, &world.names, pair, Break::Now);
                }
            }
        }
        FaultKind::HalfOpen => {
            block(world, fault, on);
            if let Some(pair) = ends(fault).filter(|_| on) {
                Links::close(&world.sim, &world.names, pair, Break::Now);
            }
        }
        FaultKind::HeldBlackHole => {
            if let Some(pair) = ends(fault) {
                world.links.hold(&world.sim, &world.names, pair, on);
            }
        }
        FaultKind::Slow | FaultKind::Jittery => slow(world, fault, on),
        FaultKind::Thin => {
            if let Some(pair) = ends(fault) {
                Links::thin(&world.sim, &world.names, pair, thin_rate(fault), on);
            }
        }
        FaultKind::Stopped | FaultKind::SlowSync | FaultKind::SlowConsumer | FaultKind::RetryStorm => {
            if let Target::Node(node) = fault.target {
                turn_at_node(world, fault, node, on);
            }
        }
        FaultKind::LinkCut => order_cut(world, fault, on),
        FaultKind::SyncError | FaultKind::NoSpace => refuse(world, fault, on),
        FaultKind::CrashLoop => {
            if on {
                crash(world, fault);
            }
        }
        // It is acted on at every change.
        FaultKind::DatabaseRecreated => {}
        FaultKind::RestartedBehind => {
            set_clock(fault, on);
            if let Some(node) = running(world, fault).filter(|_| on) {
                world.end_process(node, "sigkill", 100);
            }
        }
        FaultKind::ClockNudge
        | FaultKind::ClockJump
        | FaultKind::ClockLeap
        | FaultKind::BeforeEpoch
        | FaultKind::Strobing
        | FaultKind::Drifting => set_clock(fault, on),
        _ => block(world, fault, on),
    }
}

fn turn_at_node(world: &mut World, fault: &Fault, node: usize, on: bool) {
    match fault.kind {
        FaultKind::Stopped if on => world.stand_still(node, world.now_ms() + STANDS_MS + 50),
        FaultKind::Stopped => world.stand_still(node, 0),
        FaultKind::SlowSync => {
            let takes_ms = if on { 60 + fault.draw % 300 } else { 0 };
            world.machines[node].hooks.slow_syncs(Duration::from_millis(takes_ms));
        }
        _ => world.journal.ask_clients(fault.kind, node, on),
    }
}

/// How often what such a fault does had an effect where it is in force; `None`: it has its effect by being in force.
pub(super) fn had(world: &World, fault: &Fault) -> Option<u64> {
    Some(match (fault.kind, fault.target) {
        (FaultKind::Thin, _) => Links::waited(&world.sim, &world.names, ends(fault)?),
        (FaultKind::Stopped, Target::Node(node)) => world.stood(node),
        (FaultKind::SlowSync, Target::Node(node)) => world.machines[node].hooks.slowed(),
        (FaultKind::SlowConsumer | FaultKind::RetryStorm, Target::Node(node)) => world.journal.done(fault.kind, node),
        (FaultKind::DatabaseRecreated, _) => world.deletions(),
        _ => return None,
    })
}

/// Bytes a second of a thin way.
fn thin_rate(fault: &Fault) -> u32 {
    500 + u32::try_from(fault.draw % 4_000).unwrap_or(0)
}

/// After how many milliseconds a fault changes for the first time.
pub(super) fn first_change_ms(fault: &Fault) -> u64 {
    match fault.kind {
        FaultKind::Stopped => STANDS_MS,
        FaultKind::DatabaseRecreated => 0,
        FaultKind::Flapping | FaultKind::Strobing | FaultKind::CrashLoop => 200,
        FaultKind::LongPartition | FaultKind::LongAway => fault.for_ms / 2,
        _ => NEVER_MS,
    }
}

/// Changes a fault that comes and goes; answers after how many milliseconds it changes again.
pub(super) fn change(world: &mut World, fault: &Fault, on: &mut bool) -> u64 {
    match fault.kind {
        FaultKind::Flapping | FaultKind::Strobing => {
            *on = !*on;
            turn(world, fault, *on);
            world.dice.between(20, 300)
        }
        FaultKind::CrashLoop => {
            crash(world, fault);
            world.dice.between(150, 600)
        }
        FaultKind::DatabaseRecreated => {
            if let Target::Node(node) = fault.target {
                world.come_and_go(node);
            }
            world.dice.between(50, 150)
        }
        // A process that has begun meanwhile stands still as well.
        FaultKind::Stopped => {
            turn(world, fault, true);
            STANDS_MS
        }
        FaultKind::LongPartition | FaultKind::LongAway => {
            (0..world.names.len()).for_each(|node| world.orders.give(Order::Compact(node)));
            NEVER_MS
        }
        _ => NEVER_MS,
    }
}

/// Resets the connections of an edge, at both ends or in the middle of the next frame.
pub(super) fn break_connections(world: &mut World, fault: &Fault) {
    let Some(pair) = ends(fault) else { return };
    let broken = match fault.kind {
        FaultKind::Truncated => Links::close(&world.sim, &world.names, pair, Break::InFrame),
        _ => Links::reset(&world.sim, &world.names, pair, Break::Now),
    };
    if broken > 0 {
        world.journal.fault(fault.kind, fault.target, Phase::Struck);
    }
}

/// From whom to whom nothing arrives during a fault.
pub(super) fn directions(nodes: usize, fault: &Fault) -> Vec<(usize, usize)> {
    let both = |a: usize, b: usize| [(a, b), (b, a)];
    match (fault.kind, fault.target) {
        (FaultKind::OneWay, Target::Edge { from, to }) => vec![(from, to)],
        (_, Target::Edge { from, to }) => both(from, to).to_vec(),
        (FaultKind::Partition | FaultKind::LongPartition, Target::Node(node)) => {
            let on_its_side = |other: usize| other == node || (fault.draw >> other) & 1 == 1;
            let alone = (0..nodes).all(on_its_side);
            let others =
                |side: bool| (0..nodes).filter(move |other| (*other == node || !alone && on_its_side(*other)) == side);
            others(true)
                .flat_map(|one| others(false).flat_map(move |two| both(one, two)))
                .collect()
        }
        (_, Target::Node(node)) => {
            let others = (0..nodes).filter(|other| *other != node);
            others.flat_map(|other| both(node, other)).collect()
        }
    }
}

fn slow(world: &World, fault: &Fault, on: bool) {
    let Some(pair) = ends(fault) else { return };
    let draw = Duration::from_millis(fault.draw % 1_500);
    let times = match fault.kind {
        _ if !on => LATENCY,
        FaultKind::Slow => (Duration::from_millis(300) + draw, Duration::from_millis(300) + draw),
        _ => (LATENCY.0, Duration::from_secs(1) + draw),
    };
    Links::slow(&world.sim, &world.names, pair, times);
}

fn order_cut(world: &World, fault: &Fault, on: bool) {
    let Some((node, peer)) = ends(fault) else { return };
    let order = if on { Order::Cut } else { Order::Restore };
    world.orders.give(order(node, peer));
}

fn refuse(world: &mut World, fault: &Fault, on: bool) {
    let Target::Node(node) = fault.target else { return };
    let refusal = match fault.kind {
        _ if !on => Refusal::None,
        FaultKind::SyncError => Refusal::Sync,
        _ => Refusal::Space,
    };
    let hooks = world.machines[node].hooks.clone();
    let has_refused = hooks.has_refused();
    hooks.refuse(refusal);
    // After a failed sync nobody knows what is on the disk: a store takes no more until somebody starts it again.
    if !on && fault.kind == FaultKind::SyncError && has_refused && running(world, fault).is_some() {
        world.end_process(node, "stop", 100);
    }
}

fn crash(world: &mut World, fault: &Fault) {
    if let Some(node) = running(world, fault) {
        world.end_process(node, "sigkill", 20 + fault.draw % 200);
    }
}

fn set_clock(fault: &Fault, on: bool) {
    let Target::Node(node) = fault.target else { return };
    let draw = i128::from(fault.draw >> 8);
    let sign = if fault.draw & 1 == 0 { 1 } else { -1 };
    let (ahead_ms, drift_ppm) = match fault.kind {
        _ if !on => (0, 0),
        FaultKind::ClockNudge => (sign * 100, 0),
        FaultKind::ClockJump => (sign * (60_000 + draw % (5 * 3_600_000)), 0),
        FaultKind::ClockLeap => (sign * TEN_YEARS_MS, 0),
        FaultKind::BeforeEpoch => (-60 * TEN_YEARS_MS / 10 - TEN_YEARS_MS, 0),
        FaultKind::RestartedBehind => (-(2_000 + draw % 30_000), 0),
        FaultKind::Strobing => (sign * (200 + draw % 5_000), 0),
        _ => (0, (fault.draw >> 8) % 20_000),
    };
    let drift_ppm = i64::try_from(drift_ppm).unwrap_or(0) * if sign > 0 { 1 } else { -1 };
    set_error(
        node,
        ClockError {
            ahead_ns: ahead_ms * NS_PER_MS,
            drift_ppm,
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_has_two_sides_and_the_target_is_not_alone_with_everybody() {
        for draw in 0..64 {
            let fault = Fault {
                kind: FaultKind::Partition,
                target: Target::Node(1),
                at_ms: 0,
                for_ms: 1,
                draw,
            };
            let directions = directions(4, &fault);
            assert!(!directions.is_empty() && directions.len().is_multiple_of(2), "{draw}");
            assert!(directions.iter().all(|(from, to)| directions.contains(&(*to, *from))));
        }
    }
}
