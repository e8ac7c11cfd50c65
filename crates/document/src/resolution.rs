//! A client's resolution of open conflicts.

use std::sync::Arc;

use crate::{Dot, Object, RequestName, Value};

/// A resolution, made by somebody who has read the state that it settles.
#[derive(Debug, Clone)]
pub struct Resolution {
    /// The write's name: later than every earlier write of its replica.
    pub dot: Dot,
    /// What shall stand.
    pub settle: Settle,
    /// The request that it answers, which the document then remembers.
    pub request: Option<RequestName>,
}

/// What a resolution makes of a document.
#[derive(Debug, Clone)]
pub enum Settle {
    /// What shall stand at each of some paths in conflict (JSON pointers); `None` removes the member. At path `""` a value is the whole body, and in
    /// granularity `field` says no more than that the document stays; `None` deletes it.
    Paths(Vec<(String, Option<Value>)>),
    /// These candidates give way, by their paths and writes; what competes with them stays, and stays open where it is several. In granularity `field`
    /// only.
    Without(Vec<(String, Dot)>),
    /// The whole new body, which settles every conflict; `None` deletes the document.
    Body(Option<Arc<Object>>),
}
