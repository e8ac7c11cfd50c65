//! The settings in force. They change as a whole, by [`Node::reload`](super::Node::reload); what looks at them whenever it needs them sees the change.

use std::sync::Arc;

use tokio::sync::watch;

use crate::config::Settings;

/// The settings in force. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct LiveSettings(Arc<watch::Sender<Arc<Settings>>>);

impl LiveSettings {
    /// Those of a node that starts.
    pub(super) fn new(settings: Settings) -> Self {
        Self(Arc::new(watch::Sender::new(Arc::new(settings))))
    }

    /// The settings at present. Who needs several that belong together asks once.
    pub(crate) fn now(&self) -> Arc<Settings> {
        Arc::clone(&self.0.borrow())
    }

    /// Puts others in their place, for all clones.
    pub(super) fn put(&self, settings: Settings) {
        self.0.send_replace(Arc::new(settings));
    }

    /// Tells of each change from now on.
    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<Settings>> {
        self.0.subscribe()
    }
}
