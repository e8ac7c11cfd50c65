//! Does the steps of a schedule: each row in its order, and side by side with the other.
//!
//! A trouble whose effect was not seen yet lasts longer, and its row goes on later by as much: an edge on which nothing was connected when it grew thin
//! has not been thin. It does not last for ever: the run then says that the trouble had no effect.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use tokio::time::{Instant, sleep_until};

use super::ground::Ground;
use super::{Kind, Step};
use crate::history::{Event, FaultFired, Phase, Recorder};

/// How much longer a trouble lasts at most that had no effect.
const HELD_MAX: Duration = Duration::from_secs(5);

/// Between two looks at whether it has had one.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// One of the rows of a schedule.
struct Row<'a> {
    steps: std::iter::Peekable<std::vec::IntoIter<&'a Step>>,
    /// How much later than planned it goes on.
    late: Duration,
    /// Since when the trouble that should have ended is held.
    held_since: Option<Instant>,
}

/// Does each step at its time, or as soon after it as those before are done; answers how often each kind fired.
///
/// # Errors
/// A trouble cannot be begun or ended, or nobody can tell whether it had an effect.
pub(super) async fn take_course<G: Ground>(
    ground: &mut G,
    steps: &[Step],
    log: &Recorder,
    begun: Instant,
) -> anyhow::Result<BTreeMap<Kind, usize>> {
    let (network, nodes): (Vec<&Step>, Vec<&Step>) =
        steps.iter().partition(|step| step.trouble.kind.is_of_the_network());
    let mut rows = [network, nodes].map(Row::of);
    let mut fired = BTreeMap::new();
    while let Some((at, row)) = next(&mut rows) {
        sleep_until(begun + at).await;
        let Some(step) = row.steps.peek().copied() else {
            continue;
        };
        if !step.begins && row.may_hold() && !ground.took_effect(&step.trouble).await? {
            row.late = (begun.elapsed() + LOOK_AGAIN).saturating_sub(step.at);
            continue;
        }
        (row.held_since, _) = (None, row.steps.next());
        if step.begins {
            *fired.entry(step.trouble.kind).or_default() += 1;
        }
        take(ground, step, log).await?;
    }
    Ok(fired)
}

/// The row whose next step comes first, and when.
fn next<'rows, 'steps>(rows: &'rows mut [Row<'steps>; 2]) -> Option<(Duration, &'rows mut Row<'steps>)> {
    let due = rows.iter_mut().filter_map(|row| Some((row.next_at()?, row)));
    due.min_by_key(|(at, _)| *at)
}

impl<'a> Row<'a> {
    fn of(steps: Vec<&'a Step>) -> Self {
        Self {
            steps: steps.into_iter().peekable(),
            late: Duration::ZERO,
            held_since: None,
        }
    }

    fn next_at(&mut self) -> Option<Duration> {
        Some(self.steps.peek()?.at + self.late)
    }

    fn may_hold(&mut self) -> bool {
        self.held_since.get_or_insert_with(Instant::now).elapsed() < HELD_MAX
    }
}

async fn take<G: Ground>(ground: &mut G, step: &Step, log: &Recorder) -> anyhow::Result<()> {
    let (trouble, kind) = (&step.trouble, step.trouble.kind);
    let done = if step.begins {
        ground.begin(trouble, log).await
    } else {
        ground.end(trouble, log).await
    };
    done.with_context(|| format!("{kind} cannot be {}", if step.begins { "begun" } else { "ended" }))?;
    let target = if kind.is_of_the_network() {
        format!("{} to {}", trouble.edge.0, trouble.edge.1)
    } else {
        trouble.node.to_string()
    };
    log.record(Event::Fault(FaultFired {
        name: kind.name().to_owned(),
        target,
        phase: if step.begins { Phase::Begun } else { Phase::Ended },
        at: log.tick(),
        ms: log.ms(),
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Trouble;
    use crate::workload::Site;

    /// Where the effect of what befalls an edge is seen late, or never.
    struct Sluggish {
        begun: Instant,
        effect_at: Duration,
        done: Vec<(u128, Kind, bool)>,
    }

    impl Sluggish {
        fn note(&mut self, trouble: &Trouble, begins: bool) {
            self.done.push((self.begun.elapsed().as_millis(), trouble.kind, begins));
        }
    }

    impl Ground for Sluggish {
        fn name(&self) -> &'static str {
            "sluggish"
        }

        fn sites(&self) -> anyhow::Result<Vec<Site>> {
            Ok(Vec::new())
        }

        fn kinds(&self) -> Vec<Kind> {
            Vec::new()
        }

        fn skipped(&self) -> Vec<(Kind, String)> {
            Vec::new()
        }

        async fn begin(&mut self, trouble: &Trouble, _: &Recorder) -> anyhow::Result<()> {
            self.note(trouble, true);
            Ok(())
        }

        async fn took_effect(&mut self, trouble: &Trouble) -> anyhow::Result<bool> {
            Ok(!trouble.kind.is_of_the_network() || self.begun.elapsed() >= self.effect_at)
        }

        async fn end(&mut self, trouble: &Trouble, _: &Recorder) -> anyhow::Result<()> {
            self.note(trouble, false);
            Ok(())
        }

        async fn heal(&mut self) -> anyhow::Result<()> {
            Ok(())
        }

        fn evidence(&self) -> anyhow::Result<BTreeMap<&'static str, u64>> {
            Ok(BTreeMap::new())
        }

        fn last_words(&self) -> String {
            String::new()
        }
    }

    fn steps() -> Vec<Step> {
        let ms = Duration::from_millis;
        let step = |at, begins, kind| Step {
            at: ms(at),
            begins,
            trouble: Trouble {
                kind,
                node: 0,
                edge: (0, 1),
                at: ms(at),
                lasting: ms(1000),
            },
        };
        vec![
            step(100, true, Kind::Thin),
            step(600, true, Kind::Stopped),
            step(1100, false, Kind::Thin),
            step(1400, true, Kind::Reset),
            step(1600, false, Kind::Stopped),
            step(2400, false, Kind::Reset),
        ]
    }

    async fn course(effect_at: Duration) -> Vec<(u128, Kind, bool)> {
        let directory = tempfile::tempdir().unwrap();
        let log = Recorder::create(&directory.path().join("log")).unwrap();
        let begun = Instant::now();
        let mut ground = Sluggish {
            begun,
            effect_at,
            done: Vec::new(),
        };
        let fired = take_course(&mut ground, &steps(), &log, begun).await.unwrap();
        assert_eq!(
            fired,
            BTreeMap::from([(Kind::Thin, 1), (Kind::Reset, 1), (Kind::Stopped, 1)])
        );
        ground.done
    }

    #[tokio::test(start_paused = true)]
    async fn a_trouble_that_had_its_effect_ends_at_its_time() {
        let expected = [
            (100, Kind::Thin, true),
            (600, Kind::Stopped, true),
            (1100, Kind::Thin, false),
            (1400, Kind::Reset, true),
            (1600, Kind::Stopped, false),
            (2400, Kind::Reset, false),
        ];
        assert_eq!(course(Duration::ZERO).await, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_trouble_lasts_until_its_effect_was_seen_and_only_its_own_row_waits() {
        let expected = [
            (100, Kind::Thin, true),
            (600, Kind::Stopped, true),
            (1600, Kind::Stopped, false),
            (2100, Kind::Thin, false),
            (2400, Kind::Reset, true),
            (3400, Kind::Reset, false),
        ];
        assert_eq!(course(Duration::from_millis(2050)).await, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_trouble_that_never_has_an_effect_ends_all_the_same() {
        let done = course(Duration::from_secs(1000)).await;
        assert_eq!(done[3], (6100, Kind::Thin, false));
        assert_eq!(done.last(), Some(&(12_400, Kind::Reset, false)));
    }
}
