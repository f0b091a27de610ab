//! Files with keys: 64 hexadecimal digits that only their owner may read.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use tickwire_core::crypto::Key;

use crate::error::ServerError;
use crate::{text_file, unwritable};

/// Reads the secret key in `path`; draws one and writes it there if there is none. Says whether it was drawn.
///
/// # Errors
/// [`ServerError::File`]: others may read it, it is no key, or it cannot be read or written.
pub fn load_or_create(path: &Path) -> Result<(Key, bool), ServerError> {
    match load(path) {
        Err(LoadError::Missing) => match create(path) {
            Ok(key) => Ok((key, true)),
            // Another server was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                load(path).map(|key| (key, false)).map_err(|error| error.at(path))
            }
            Err(error) => Err(fault(
                path,
                format!("the server's key cannot be written: {}", unwritable::reason(&error)),
                format!("{}, or name another `key_file`", unwritable::remedy(&error)),
            )),
        },
        Ok(key) => Ok((key, false)),
        Err(error) => Err(error.at(path)),
    }
}

/// Reads the secret key in `path`.
///
/// # Errors
/// [`ServerError::File`]: it is not there, others may read it, it is no key, or it cannot be read.
pub fn load_existing(path: &Path) -> Result<Key, ServerError> {
    load(path).map_err(|error| error.at(path))
}

/// A key as text.
#[must_use]
pub fn hex(key: &Key) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The key that a text is, in either case.
#[must_use]
pub fn from_hex(text: &str) -> Option<Key> {
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let bytes = pairs.iter().map(|&[high, low]| u8::try_from(digit(high)? << 4 | digit(low)?).ok());
    let bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
    if odd.is_empty() { bytes.try_into().ok() } else { None }
}

enum LoadError {
    Missing,
    Unreadable(io::Error),
    /// A pipe that nobody writes to would be waited for.
    NoFile,
    Exposed {
        mode: u32,
    },
    NoKey {
        digits: usize,
    },
}

impl LoadError {
    fn at(self, path: &Path) -> ServerError {
        let shown = path.display();
        match self {
            Self::Missing => fault(path, "there is no such key".into(), "create it, or correct its path"),
            Self::Unreadable(error) => fault(
                path,
                format!("the key cannot be read: {error}"),
                "let this user read it, or run as the user that owns it",
            ),
            Self::NoFile => fault(
                path,
                "the key cannot be read: it is a folder, a pipe or a device".into(),
                "name a file that holds it, or shall hold it",
            ),
            Self::Exposed { mode } => fault(
                path,
                format!("others may read the secret key (mode {mode:04o})"),
                format!("run `chmod 600 {shown}`, and think about who may have read it"),
            ),
            Self::NoKey { digits } => fault(
                path,
                format!("is no key: {digits} characters that are not 64 hexadecimal digits"),
                "restore it from a copy; or delete it for a new key, which all clients must then pin",
            ),
        }
    }
}

fn fault(path: &Path, what: String, remedy: impl Into<String>) -> ServerError {
    ServerError::File { path: path.into(), what, remedy: remedy.into() }
}

fn load(path: &Path) -> Result<Key, LoadError> {
    let because = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => LoadError::Missing,
        _ => LoadError::Unreadable(error),
    };
    // What is looked at is the file that was opened: another in its place since changes nothing.
    let file = text_file::open(path).map_err(because)?.ok_or(LoadError::NoFile)?;
    if let Some(mode) = exposed_mode(&file).map_err(LoadError::Unreadable)? {
        return Err(LoadError::Exposed { mode });
    }
    let text = text_file::read(file, 4096).map_err(LoadError::Unreadable)?;
    let text = text_file::without_mark(&text).trim();
    match from_hex(text) {
        Some(key) if key != [0; 32] => Ok(key),
        _ => Err(LoadError::NoKey { digits: text.chars().count() }),
    }
}

/// The file's mode, if others than its owner may read or write it.
#[cfg(unix)]
fn exposed_mode(file: &File) -> io::Result<Option<u32>> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata()?.permissions().mode() & 0o7777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

/// Elsewhere files are private to their owner as far as the folder's rules say so.
#[cfg(not(unix))]
fn exposed_mode(_: &File) -> io::Result<Option<u32>> {
    Ok(None)
}

/// Draws a key and writes it whole or not at all. The file is private from the start.
fn create(path: &Path) -> io::Result<Key> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    let folder = folder_of(path);
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    writeln!(file, "{}", hex(&key))?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(key)
}

/// The folder that a file lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_drawn_once_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/server.key");
        let (key, is_new) = load_or_create(&path).unwrap();
        assert!(is_new);
        assert_eq!(load_or_create(&path).unwrap(), (key, false));
        assert_eq!(load_existing(&path).unwrap(), key);
        let text = fs::read_to_string(&path).unwrap();
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .write_all(format!("\u{feff}{text}").as_bytes())
            .unwrap();
        assert_eq!(load_existing(&path).unwrap(), key, "a byte order mark is no part of it");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_in_the_place_of_a_key_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.key");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert!(load_existing(&path).unwrap_err().to_string().contains("a pipe"));
    }

    #[cfg(unix)]
    #[test]
    fn a_new_key_is_private_and_an_exposed_one_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.key");
        load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = load_or_create(&path).unwrap_err().to_string();
            assert!(error.contains("others may read") && error.contains("chmod 600"), "{error}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.key");
        for text in ["", "zz", &"0".repeat(64), &"a".repeat(63), &"é".repeat(32)] {
            let mut file = tempfile::NamedTempFile::new_in(folder.path()).unwrap();
            write!(file, "{text}").unwrap();
            file.persist(&path).unwrap();
            let error = load_or_create(&path).unwrap_err().to_string();
            assert!(error.contains("is no key"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn hexadecimal_text_is_read_in_either_case() {
        let key = [0xa5; 32];
        assert_eq!(from_hex(&hex(&key)), Some(key));
        assert_eq!(from_hex(&hex(&key).to_uppercase()), Some(key));
        assert_eq!(from_hex("+5"), None);
    }
}
