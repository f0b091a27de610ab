//! Reads small text files, which people edit and other programs may have damaged.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;

/// Returns the text without the byte order mark that some editors write at the start of a file.
#[must_use]
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Opens a file for reading. Returns `None` if `path` names a folder, a pipe or a device instead of a regular file.
///
/// # Errors
/// The system's error if the file cannot be opened.
pub fn open(path: &Path) -> io::Result<Option<File>> {
    let file = open_any(path)?;
    Ok(file.metadata()?.is_file().then_some(file))
}

/// Opens a file, pipe or device for reading. The call does not wait for a process to open the pipe for writing.
///
/// # Errors
/// The system's error if the file, pipe or device cannot be opened.
pub fn open_any(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC).bits() as i32);
    }
    options.open(path)
}

/// Reads up to `most` bytes of UTF-8 from a file.
///
/// # Errors
/// The system's error if the file cannot be read, or `InvalidData` if the text is not UTF-8.
pub fn read(file: File, most: u64) -> io::Result<String> {
    io::read_to_string(file.take(most))
}

/// Returns the folder that contains the file at `path`: `.` if `path` is only a file name.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(unix)]
use rustix::fs::OFlags;
