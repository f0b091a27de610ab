//! Signals: SIGINT and SIGTERM stop the server in an orderly way, or immediately if the server is already stopping. SIGHUP
//! reloads the configuration.

use std::thread;

use crate::error::ServerError;
use crate::remote::Remote;

/// Handles signals until the program ends. For the second signal to stop, calls `leave` with the signal's name. `leave`
/// returns whether the program ends now.
#[cfg(unix)]
pub(crate) fn listen(
    remote: Remote,
    mut leave: impl FnMut(&str) -> bool + Send + 'static,
) -> Result<(), ServerError> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    let why = |reason: String| ServerError::System { what: "signals", reason };
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|error| why(error.to_string()))?;
    let listen = move || {
        for signal in &mut signals {
            if signal == SIGHUP {
                remote.reload();
                continue;
            }
            let name = if signal == SIGTERM { "SIGTERM" } else { "SIGINT" };
            if remote.is_running() {
                remote.stop(name);
            } else if leave(name) {
                std::process::exit(128 + signal);
            }
        }
    };
    let thread = thread::Builder::new().name("signals".into()).spawn(listen);
    thread.map(drop).map_err(|error| why(error.to_string()))
}

/// Handles Ctrl-C. The first Ctrl-C stops the server in an orderly way, and the next one ends the program immediately.
#[cfg(not(unix))]
pub(crate) fn listen(
    remote: Remote,
    _: impl FnMut(&str) -> bool + Send + 'static,
) -> Result<(), ServerError> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let why = |reason: String| ServerError::System { what: "signals", reason };
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&asked))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&asked)))
            .map_err(|error| why(error.to_string()))?;
    }
    let listen = move || {
        while !asked.load(Ordering::Relaxed) && remote.is_running() {
            thread::sleep(std::time::Duration::from_millis(100));
        }
        // Whatever stops it: the next signal ends it at once.
        asked.store(true, Ordering::Relaxed);
        remote.stop("interrupted");
    };
    let thread = thread::Builder::new().name("signals".into()).spawn(listen);
    thread.map(drop).map_err(|error| why(error.to_string()))
}
