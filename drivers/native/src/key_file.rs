//! Files with secret keys: 64 hexadecimal digits that only their owner may read.
//!
//! [`Options::key_file`](crate::Options::key_file) reads the identity of a server or peer from a key file, and writes
//! the file at the first start; the dedicated server keeps its key the same way.
//!
//! ```
//! use tickwire_native::key_file;
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("server.key");
//! let (secret, is_new) = key_file::load_or_create(&path)?;
//! assert!(is_new);
//! println!("clients pin {}", secret.public_key());
//! assert_eq!(key_file::load(&path)?, secret);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tickwire_core::Secret;
use tickwire_core::crypto::ParseKeyError;

use crate::{text_file, unwritable};

/// The reason why a key file is unusable, with advice on how to fix the file.
#[derive(Debug)]
pub struct KeyFileError {
    path: PathBuf,
    what: String,
    remedy: String,
}

impl KeyFileError {
    fn new(path: &Path, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { path: path.into(), what: what.into(), remedy: remedy.into() }
    }

    /// Returns the path of the key file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns a description of the problem with the key file, without the path of the file.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Returns advice on how to make the key file usable.
    #[must_use]
    pub fn remedy(&self) -> &str {
        &self.remedy
    }
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.path.display(), self.what, self.remedy)
    }
}

impl std::error::Error for KeyFileError {}

/// Reads the secret key in the file at `path`. If the file does not exist, the function generates a key from the
/// system's random numbers, creates missing folders and writes the key to the file, which only its owner may read. The
/// second value is `true` if the function generated the key.
///
/// # Errors
/// [`KeyFileError`] if `path` names a folder, a pipe or a device, users other than the owner have any permission for the
/// file (checked only on Unix), the file contains no valid key, or the system cannot read or write the file.
pub fn load_or_create(path: &Path) -> Result<(Secret, bool), KeyFileError> {
    match read(path) {
        Err(Unusable::Missing) => match create(path) {
            Ok(key) => Ok((key, true)),
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => load(path).map(|key| (key, false)),
            Err(error) => Err(KeyFileError::new(
                path,
                format!("the key cannot be written: {}", unwritable::reason(&error)),
                format!("{}, or name another `key_file`", unwritable::remedy(&error)),
            )),
        },
        Ok(key) => Ok((key, false)),
        Err(fault) => Err(fault.at(path)),
    }
}

/// Reads the secret key in the file at `path`.
///
/// # Errors
/// [`KeyFileError`] if the file does not exist or is no regular file, users other than the owner have any permission for
/// it (checked only on Unix), it contains no valid key, or the system cannot read it.
pub fn load(path: &Path) -> Result<Secret, KeyFileError> {
    read(path).map_err(|fault| fault.at(path))
}

enum Unusable {
    Missing,
    Unreadable(io::Error),
    /// The path leads to a folder, a pipe or a device. Reading a pipe without a writer would block.
    NotAFile,
    Exposed {
        mode: u32,
    },
    /// The file contains no valid key. The parse error is `None` if the key is all zeros.
    NoKey(Option<ParseKeyError>),
}

impl Unusable {
    fn at(self, path: &Path) -> KeyFileError {
        match self {
            Self::Missing => {
                KeyFileError::new(path, "the key file does not exist", "create the file, or correct its path")
            }
            Self::Unreadable(error) => KeyFileError::new(
                path,
                format!("the key cannot be read: {error}"),
                "let this user read the file, or run as the file's owner",
            ),
            Self::NotAFile => KeyFileError::new(
                path,
                "the key cannot be read: the path leads to a folder, a pipe or a device",
                "name a regular file for the key",
            ),
            Self::Exposed { mode } => KeyFileError::new(
                path,
                format!("other users may access the secret key (mode {mode:04o})"),
                format!("run `chmod 600 {}`, and consider who may have read the key", path.display()),
            ),
            Self::NoKey(reason) => KeyFileError::new(
                path,
                reason.map_or_else(
                    || "the file contains no valid key: all its digits are zero".to_owned(),
                    |reason| format!("the file contains no valid key: {reason}"),
                ),
                "restore the file from a copy, or delete it for a new key, which all clients must then pin",
            ),
        }
    }
}

fn read(path: &Path) -> Result<Secret, Unusable> {
    let because = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Unusable::Missing,
        _ => Unusable::Unreadable(error),
    };
    // The checks look at the file that was opened: a file that takes its place meanwhile changes nothing.
    let file = text_file::open(path).map_err(because)?.ok_or(Unusable::NotAFile)?;
    if let Some(mode) = exposed_mode(&file).map_err(Unusable::Unreadable)? {
        return Err(Unusable::Exposed { mode });
    }
    let text = text_file::read(file, 4096).map_err(Unusable::Unreadable)?;
    let key: Secret =
        text_file::without_mark(&text).parse().map_err(|reason| Unusable::NoKey(Some(reason)))?;
    if key == [0; 32] { Err(Unusable::NoKey(None)) } else { Ok(key) }
}

/// Returns the file's mode if users other than the owner may read or write the file.
#[cfg(unix)]
fn exposed_mode(file: &File) -> io::Result<Option<u32>> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata()?.permissions().mode() & 0o7777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

/// Returns `None`: on other systems, the permissions of the folder determine who can read the file.
#[cfg(not(unix))]
fn exposed_mode(_: &File) -> io::Result<Option<u32>> {
    Ok(None)
}

/// Generates a key and writes it to a new file atomically. Only the owner can read the file at any time.
fn create(path: &Path) -> io::Result<Secret> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    let key = Secret::new(key);
    let folder = text_file::folder_of(path);
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    writeln!(file, "{}", key.reveal_hex())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_created_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/server.key");
        let (key, is_new) = load_or_create(&path).unwrap();
        assert!(is_new);
        assert_eq!(load_or_create(&path).unwrap(), (key.clone(), false));
        assert_eq!(load(&path).unwrap(), key);
        let text = fs::read_to_string(&path).unwrap();
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .write_all(format!("\u{feff}{text}").as_bytes())
            .unwrap();
        assert_eq!(load(&path).unwrap(), key, "a byte order mark is no part of it");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_at_the_path_of_the_key_file_is_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.key");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert!(load(&path).unwrap_err().to_string().contains("a pipe"));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_that_other_users_can_access_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.key");
        load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = load_or_create(&path).unwrap_err().to_string();
            assert!(error.contains("other users may access") && error.contains("chmod 600"), "{error}");
        }
    }

    #[test]
    fn a_key_file_without_a_valid_key_is_refused_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.key");
        for text in ["", "zz", &"0".repeat(64), &"a".repeat(63), &"é".repeat(32)] {
            let mut file = tempfile::NamedTempFile::new_in(folder.path()).unwrap();
            write!(file, "{text}").unwrap();
            file.persist(&path).unwrap();
            let error = load_or_create(&path).unwrap_err().to_string();
            assert!(error.contains("the file contains no valid key"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
