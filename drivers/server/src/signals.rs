//! SIGINT and SIGTERM stop the server in order, the second one at once; SIGHUP reads the configuration again.

use std::sync::Arc;
use std::thread;

use crate::console::Terminal;
use crate::error::ServerError;
use crate::remote::Remote;

/// Listens until the program ends.
#[cfg(unix)]
pub(crate) fn listen(remote: Remote, terminal: Arc<Terminal>) -> Result<(), ServerError> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    let why = |reason: String| ServerError::System { what: "signals", reason };
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|error| why(error.to_string()))?;
    let listen = move || {
        let mut is_stopping = false;
        for signal in &mut signals {
            if signal == SIGHUP {
                remote.reload();
                continue;
            }
            if is_stopping {
                terminal.restore();
                std::process::exit(128 + signal);
            }
            is_stopping = true;
            remote.stop(if signal == SIGTERM { "SIGTERM" } else { "SIGINT" });
        }
    };
    let thread = thread::Builder::new().name("signals".into()).spawn(listen);
    thread.map(drop).map_err(|error| why(error.to_string()))
}

/// Listens until the program ends. What cannot wait for a signal asks for it.
#[cfg(not(unix))]
pub(crate) fn listen(remote: Remote, _: Arc<Terminal>) -> Result<(), ServerError> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use std::sync::atomic::{AtomicBool, Ordering};
    let why = |reason: String| ServerError::System { what: "signals", reason };
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&asked))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&asked)))
            .map_err(|error| why(error.to_string()))?;
    }
    let listen = move || {
        while !asked.load(Ordering::Relaxed) {
            thread::sleep(std::time::Duration::from_millis(100));
        }
        remote.stop("interrupted");
    };
    let thread = thread::Builder::new().name("signals".into()).spawn(listen);
    thread.map(drop).map_err(|error| why(error.to_string()))
}
