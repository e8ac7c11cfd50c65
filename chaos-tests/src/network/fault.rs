//! What can be wrong with a connection, and in which direction.

use std::fmt;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

/// What happens to the bytes that go in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// They pass.
    Pass,
    /// Each chunk passes after a while, in order.
    Delay(Duration),
    /// Each chunk passes after a while of any length up to this, in order.
    Jitter(Duration),
    /// They pass at so many bytes a second.
    Throttle(u32),
    /// They wait until the fault is over, and pass then: a black hole with late delivery.
    Hold,
    /// They vanish, and nobody is told; when the fault is over, a connection that lost bytes is reset.
    Swallow,
    /// The beginning of the next chunk passes, then the connection is reset.
    Truncate,
    /// The receiver sees the end of the stream, while the other direction goes on: half-closed for good.
    Close,
}

/// The state of a proxied link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Connections live; each direction has its flow: from the dialling side, and back to it.
    Flows {
        /// From the side that dialled.
        out: Flow,
        /// Back to it.
        back: Flow,
    },
    /// Every connection is dropped, and each new one at once.
    Cut,
}

impl Fault {
    /// No fault.
    pub const NONE: Self = Self::Flows {
        out: Flow::Pass,
        back: Flow::Pass,
    };

    /// Draws a fault; about one in six is none.
    pub fn draw(random: &mut StdRng) -> Self {
        let delay = Flow::Delay(Duration::from_millis(random.random_range(5..120)));
        match random.random_range(0..12) {
            0 | 1 => Self::NONE,
            2 | 3 => Self::Cut,
            4 => Self::Flows {
                out: Flow::Hold,
                back: Flow::Hold,
            },
            5 => Self::Flows {
                out: Flow::Pass,
                back: Flow::Hold,
            },
            6 => Self::Flows {
                out: Flow::Close,
                back: Flow::Pass,
            },
            7 => Self::Flows {
                out: Flow::Pass,
                back: Flow::Close,
            },
            8 => Self::Flows {
                out: delay,
                back: delay,
            },
            9 => Self::Flows {
                out: Flow::Pass,
                back: Flow::Swallow,
            },
            10 => Self::Flows {
                out: Flow::Pass,
                back: Flow::Throttle(20_000),
            },
            _ => Self::Flows {
                out: Flow::Pass,
                back: delay,
            },
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Cut => formatter.write_str("cut"),
            Self::NONE => formatter.write_str("none"),
            Self::Flows { out, back } => write!(formatter, "out {out:?}, back {back:?}"),
        }
    }
}
