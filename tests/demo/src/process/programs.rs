//! The paths of the programs that this program starts.

use std::path::PathBuf;

/// Returns the path of the program `name` in the folder of this program. `remedy` advises how to build the program.
pub(crate) fn beside(name: &str, remedy: &str) -> Result<PathBuf, String> {
    let own =
        std::env::current_exe().map_err(|error| format!("this program cannot find its own path: {error}"))?;
    let path = own.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    found(path, remedy)
}

/// Returns the absolute path of a program, because each server is started in its own folder.
pub(crate) fn found(path: PathBuf, remedy: &str) -> Result<PathBuf, String> {
    path.canonicalize()
        .map_err(|error| format!("cannot find the program {}: {error}; {remedy}", path.display()))
}
