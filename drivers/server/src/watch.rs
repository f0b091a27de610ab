//! Noticing that the configuration file has changed.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::error::ServerError;
use crate::keys::folder_of;
use crate::remote::Remote;

/// Watches while it lives.
pub(crate) struct Watch {
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// Has the server look at its configuration whenever something happens to the file at `path`.
    ///
    /// The folder is watched, not the file: editors replace files, and orchestrators the links that lead to them.
    pub(crate) fn start(path: &Path, remote: Remote) -> Result<Self, ServerError> {
        let why = |reason: String| ServerError::System { what: "watch on the configuration file", reason };
        let (sender, happened) = channel();
        let name = path.file_name().map(OsStr::to_owned);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let is_ours = event.is_ok_and(|event| {
                !event.kind.is_access()
                    && event.paths.iter().any(|path| {
                        let changed = path.file_name();
                        changed == name.as_deref() || changed == Some(OsStr::new("..data"))
                    })
            });
            if is_ours {
                // The thread that listens ends with the watcher.
                let _ended = sender.send(());
            }
        })
        .map_err(|error| why(error.to_string()))?;
        watcher
            .watch(folder_of(path), RecursiveMode::NonRecursive)
            .map_err(|error| why(error.to_string()))?;
        let listen = move || {
            while happened.recv().is_ok() {
                // One change is many events; act when they have settled.
                while happened.recv_timeout(SETTLED) == Ok(()) {}
                remote.reload();
            }
        };
        let thread = thread::Builder::new().name("watch".into()).spawn(listen);
        thread.map_err(|error| why(error.to_string()))?;
        Ok(Self { _watcher: watcher })
    }
}

/// How long nothing may happen to the file before it is read.
const SETTLED: Duration = Duration::from_millis(250);
