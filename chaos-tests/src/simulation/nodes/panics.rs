//! Panics of spawned tasks, which a runtime swallows: here they fail the run.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static PANICS: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// From now on panics on this thread are noted, until [`taken`] is called for the last time.
pub(super) fn watch() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let noted = PANICS.try_with(|panics| {
                panics
                    .try_borrow_mut()
                    .is_ok_and(|mut panics| panics.as_mut().map(|panics| panics.push(panic.to_string())).is_some())
            });
            if !noted.unwrap_or(false) {
                before(panic);
            }
        }));
    });
    PANICS.set(Some(Vec::new()));
}

/// What panicked since the last call.
pub(super) fn taken() -> Vec<String> {
    PANICS.with_borrow_mut(|panics| panics.as_mut().map(std::mem::take).unwrap_or_default())
}

/// Panics on this thread are nobody's business any more.
pub(super) fn stop_watching() {
    PANICS.set(None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_a_spawned_task_is_noted() {
        watch();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            // The handle is dropped, as a task tracker does.
            drop(tokio::spawn(async { panic!("nobody awaits me") }));
            tokio::task::yield_now().await;
        });
        let panics = taken();
        stop_watching();
        assert!(
            panics.len() == 1 && panics[0].contains("nobody awaits me"),
            "{panics:?}"
        );
    }
}
