//! The paths of the programs that this program starts.

use std::path::PathBuf;

/// The program of this name beside the one that runs; `remedy` says who builds it.
pub(crate) fn beside(name: &str, remedy: &str) -> Result<PathBuf, String> {
    let own =
        std::env::current_exe().map_err(|error| format!("this program cannot find its own path: {error}"))?;
    let path = own.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    found(path, remedy)
}

/// A program, by its whole path: servers are started in folders of their own.
pub(crate) fn found(path: PathBuf, remedy: &str) -> Result<PathBuf, String> {
    path.canonicalize()
        .map_err(|error| format!("cannot find the program {}: {error}; {remedy}", path.display()))
}
