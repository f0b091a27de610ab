//! Opens and reads small text files, which people edit and other programs may have damaged.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

pub(crate) use tickwire_native::text_file::{folder_of, open, read, without_mark};

/// Reads a UTF-8 file of at most `most` bytes.
pub(crate) fn read_whole(path: &Path, most: u64) -> io::Result<String> {
    let no_file =
        || io::Error::new(io::ErrorKind::InvalidInput, "the path leads to a folder, a pipe or a device");
    let text = read(open(path)?.ok_or_else(no_file)?, most + 1)?;
    if text.len() as u64 > most {
        let what = format!("the file has more than {most} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
    }
    Ok(text)
}

/// Opens a log for appending, or creates it. The log may be a pipe that has a reader. The call does not wait for the reader of a
/// pipe.
pub(crate) fn append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC).bits() as i32);
    }
    let file = options.open(path).map_err(|error| match error.raw_os_error() {
        #[cfg(unix)]
        Some(code) if code == Errno::NXIO.raw_os_error() => io::Error::new(
            io::ErrorKind::InvalidInput,
            "the path leads to a pipe without a reader, or to a socket",
        ),
        _ => error,
    })?;
    // Who reads slowly is waited for when lines are written: there is a thread for that.
    #[cfg(unix)]
    rustix::fs::fcntl_setfl(&file, OFlags::APPEND)?;
    Ok(file)
}

/// Opens or creates a lock file, without changing its content. The function does not follow a link, because in a folder that
/// other users can write to, a link could lead to any file of this user.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits() as i32);
    }
    #[cfg(windows)]
    {
        use std::os::windows::fs::OpenOptionsExt as _;
        options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
    }
    let in_its_place = || {
        io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("a link, a folder, a pipe or a device is at the path {}", path.display()),
        )
    };
    let file = match options.open(path) {
        Ok(file) => file,
        // The system refuses each of them in its own words.
        #[cfg(unix)]
        Err(error)
            if [Errno::LOOP, Errno::NXIO, Errno::ISDIR]
                .iter()
                .any(|errno| error.raw_os_error() == Some(errno.raw_os_error())) =>
        {
            return Err(in_its_place());
        }
        Err(error) => return Err(error),
    };
    if file.metadata()?.is_file() { Ok(file) } else { Err(in_its_place()) }
}

#[cfg(unix)]
use rustix::fs::OFlags;
#[cfg(unix)]
use rustix::io::Errno;

/// The Windows flag that opens a link itself instead of its target.
#[cfg(windows)]
const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
