//! Detects changes of the configuration file.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::error::ServerError;
use crate::remote::Remote;
use crate::text_file::folder_of;

/// A watch on the configuration file, which ends when this value is dropped.
pub(crate) struct Watch {
    _watched: Arc<Mutex<Watched>>,
}

/// The configuration file that is watched, and the folders that are watched for it.
struct Watched {
    path: PathBuf,
    watcher: RecommendedWatcher,
    folders: BTreeSet<PathBuf>,
    /// The names of files and links in these folders whose changes matter.
    names: Arc<RwLock<BTreeSet<OsString>>>,
}

impl Watch {
    /// Starts to watch the file at `path`, which need not exist. The server reads its configuration again after each
    /// change of the file.
    ///
    /// The watch covers the folder instead of the file, because editors replace files, and orchestrators replace the
    /// links that lead to files. The watch also covers the folders of the targets of links.
    pub(crate) fn start(path: &Path, remote: Remote) -> Result<Self, ServerError> {
        let why = |reason: String| ServerError::System { what: "watch on the configuration file", reason };
        let (sender, happened) = channel();
        let names: Arc<RwLock<BTreeSet<OsString>>> = Arc::default();
        let ours = Arc::clone(&names);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let names = ours.read().unwrap_or_else(PoisonError::into_inner);
            let is_ours = event.is_ok_and(|event| {
                let mut changed = event.paths.iter().filter_map(|path| path.file_name());
                !event.kind.is_access() && changed.any(|name| names.contains(name))
            });
            if is_ours {
                // The thread that listens ends with the watcher.
                let _ended = sender.send(());
            }
        });
        let watcher = watcher.map_err(|error| why(error.to_string()))?;
        let mut watched = Watched { path: path.into(), watcher, folders: BTreeSet::new(), names };
        watched.follow_links().map_err(|error| why(error.to_string()))?;
        let watched = Arc::new(Mutex::new(watched));
        let again = Arc::downgrade(&watched);
        let listen = move || {
            while happened.recv().is_ok() {
                // One change is many events; act when they have settled.
                while happened.recv_timeout(SETTLED) == Ok(()) {}
                let Some(watched) = again.upgrade() else { return };
                if let Err(error) = watched.lock().unwrap_or_else(PoisonError::into_inner).follow_links() {
                    tracing::warn!(
                        "the system cannot watch the configuration file: {error}; give the command `reload` after each change of the file"
                    );
                }
                drop(watched);
                remote.reload();
            }
        };
        let thread = thread::Builder::new().name("watch".into()).spawn(listen);
        thread.map_err(|error| why(error.to_string()))?;
        Ok(Self { _watched: watched })
    }
}

impl Watched {
    /// Watches the folders that contain the file and the links on the way to it now.
    fn follow_links(&mut self) -> notify::Result<()> {
        let hops = hops(&self.path);
        let names = hops.iter().filter_map(|hop| hop.file_name().map(OsString::from));
        *self.names.write().unwrap_or_else(PoisonError::into_inner) = names.collect();
        let folders: BTreeSet<PathBuf> =
            hops.iter().filter_map(|hop| fs::canonicalize(folder_of(hop)).ok()).collect();
        for gone in self.folders.difference(&folders) {
            // It may have been deleted, and its watch with it.
            let _gone = self.watcher.unwatch(gone);
        }
        let mut watching = BTreeSet::new();
        let mut failed = None;
        for folder in folders {
            // Again and again: a folder may be another one than before under the same name.
            match self.watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    watching.insert(folder);
                }
                Err(error) => failed = Some(error),
            }
        }
        self.folders = watching;
        failed.map_or(Ok(()), Err)
    }
}

/// Returns the path, and each path that results from following one of the links in it, including links to folders.
fn hops(path: &Path) -> Vec<PathBuf> {
    let mut hops: Vec<PathBuf> = vec![path.into()];
    let mut next = 0;
    while let Some(path) = hops.get(next).cloned()
        && hops.len() < HOPS_MOST
    {
        next += 1;
        for part in path.ancestors().filter(|part| *part != Path::new("")) {
            let Ok(target) = fs::read_link(part) else { continue };
            let rest = path.strip_prefix(part).unwrap_or_else(|_| Path::new(""));
            let leads_to = folder_of(part).join(target);
            let file = if rest == Path::new("") { leads_to } else { leads_to.join(rest) };
            for hop in [part.to_path_buf(), file] {
                if !hops.contains(&hop) {
                    hops.push(hop);
                }
            }
        }
    }
    hops
}

/// The time without changes of the file after which the server reads it.
const SETTLED: Duration = Duration::from_millis(250);
/// The largest number of paths that are followed, because links may lead in a circle.
const HOPS_MOST: usize = 32;

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_file_watch_covers_every_symbolic_link_on_the_path_to_a_configuration_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("data")).unwrap();
        symlink("data", at("..data")).unwrap();
        symlink("..data/server.json", at("server.json")).unwrap();
        let found = hops(&at("server.json"));
        for name in ["server.json", "..data/server.json", "..data", "data/server.json"] {
            assert!(found.contains(&at(name)), "{name} is missing in {found:?}");
        }
        symlink("b", at("a")).unwrap();
        symlink("a", at("b")).unwrap();
        assert!(hops(&at("a")).len() <= HOPS_MOST);
    }
}
