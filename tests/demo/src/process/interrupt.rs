//! Ctrl-C and SIGTERM end the demonstration early, but in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that is `true` once a signal has requested the end.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Handles signals from now on. The second signal ends this program immediately.
    pub(crate) fn listen() -> Result<Self, String> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            let armed = Arc::clone(&flag);
            // In this order the first signal only raises the flag.
            signal_hook::flag::register_conditional_shutdown(signal, 130, armed)
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&flag)))
                .map_err(|error| format!("cannot handle interrupts: {error}"))?;
        }
        Ok(Self(flag))
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
