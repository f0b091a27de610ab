//! A log file that is renamed when it is large enough, and that survives a full disk.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tickwire_core::text::Counted;
use tickwire_native::unwritable::remedy;

use crate::console::Output;
use crate::text_file::{append, folder_of};

/// The log file at `path`, and older log files at `path.1`, `path.2` and so on.
pub(super) struct RollingFile {
    path: PathBuf,
    file: File,
    /// `true` if the file can be renamed, because it is neither a device nor a pipe.
    is_regular: bool,
    size: u64,
    limit: u64,
    kept: u32,
    /// The time at which the server last checked whether the file is still at its path.
    looked: Instant,
    /// The time at which renaming the file failed. The file grows until a later attempt succeeds.
    not_rolled: Option<Instant>,
    complaints: Complaints,
}

impl RollingFile {
    /// Opens the file for appending. `output` prints a warning when lines cannot be written.
    pub(super) fn open(path: &Path, limit: u64, kept: u32, output: Output) -> io::Result<Self> {
        fs::create_dir_all(folder_of(path))?;
        let file = append(path)?;
        let metadata = file.metadata()?;
        Ok(Self {
            path: path.into(),
            file,
            is_regular: metadata.is_file(),
            size: metadata.len(),
            limit,
            kept,
            looked: Instant::now(),
            not_rolled: None,
            complaints: Complaints { output, lost: 0, last: None },
        })
    }

    fn roll(&mut self) -> io::Result<()> {
        let aside = |number: u32| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        if self.kept == 0 {
            unless_missing(fs::remove_file(&self.path))?;
        } else {
            for number in (1..self.kept).rev() {
                unless_missing(fs::rename(aside(number), aside(number + 1)))?;
            }
            unless_missing(fs::rename(&self.path, aside(1)))?;
        }
        self.reopen()
    }

    /// Opens the file at the path again: a new file, or a file that another program created there.
    fn reopen(&mut self) -> io::Result<()> {
        fs::create_dir_all(folder_of(&self.path))?;
        let file = append(&self.path)?;
        self.size = file.metadata()?.len();
        self.file = file;
        Ok(())
    }

    /// Checks now and then whether another program moved or deleted the file, and then opens the path again.
    fn follow(&mut self) {
        if self.looked.elapsed() < LOOK_EVERY {
            return;
        }
        self.looked = Instant::now();
        if !is_at(&self.file, &self.path) {
            // What cannot be opened again may still be written to.
            let _kept = self.reopen();
        } else if let Ok(metadata) = self.file.metadata() {
            // Others cut logs off in place (logrotate's `copytruncate`), and write to them.
            self.size = metadata.len();
        }
    }

    fn try_write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_regular {
            self.follow();
        }
        let is_full = self.size > 0 && self.size + line.len() as u64 > self.limit;
        let may_roll = self.not_rolled.is_none_or(|last| last.elapsed() >= COMPLAIN_EVERY);
        if self.is_regular && is_full && may_roll {
            self.not_rolled = match self.roll() {
                Ok(()) => None,
                Err(error) => {
                    self.complaints.not_rolled(&self.path, &error);
                    Some(Instant::now())
                }
            };
        }
        self.file.write_all(line)?;
        self.size += line.len() as u64;
        Ok(())
    }
}

/// Treats the error of a missing file as success, because a missing file need not be renamed.
fn unless_missing(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Returns whether `file` is the file at `path`.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let id = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata(), fs::metadata(path)), (Ok(here), Ok(there)) if id(&here) == id(&there))
}

/// Returns whether a file exists at the path. Open files are neither moved nor replaced on other systems.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

impl Write for RollingFile {
    /// Always reports all bytes as written, because the caller, which logs, cannot handle an error of the disk.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.try_write(line) {
            Ok(()) => self.complaints.recovered(&self.path),
            Err(error) => self.complaints.failed(&self.path, &error),
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts lines that could not be written, and reports their number once a minute.
struct Complaints {
    output: Output,
    lost: u64,
    last: Option<Instant>,
}

impl Complaints {
    fn failed(&mut self, path: &Path, error: &io::Error) {
        self.lost += 1;
        if self.last.is_none_or(|last| last.elapsed() >= COMPLAIN_EVERY) {
            self.last = Some(Instant::now());
            self.output.warn(&format!(
                "the log {} cannot be written: {error}; the server has lost {} so far; {}, or set another \
                 `log_file_path` and restart; the server runs without this log",
                path.display(),
                Counted(self.lost, "line"),
                remedy(error)
            ));
        }
    }

    /// Reports a failed attempt to rename the log, at each attempt.
    fn not_rolled(&self, path: &Path, error: &io::Error) {
        self.output.warn(&format!(
            "the log {} cannot be renamed: {error}; the log grows beyond `log_file_bytes`; {}",
            path.display(),
            remedy(error)
        ));
    }

    fn recovered(&mut self, path: &Path) {
        if self.lost > 0 {
            self.output.warn(&format!(
                "the server writes to the log {} again, after the loss of {}",
                path.display(),
                Counted(self.lost, "line")
            ));
            (self.lost, self.last) = (0, None);
        }
    }
}

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The shortest time between two reports, and between two attempts to rename the log.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &Path) -> usize {
        fs::read_to_string(path).map_or(0, |text| text.lines().count())
    }

    #[test]
    fn a_full_log_file_is_rotated_and_the_oldest_log_file_is_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/server.log");
        let mut file = RollingFile::open(&path, 40, 2, Output::default()).unwrap();
        for _ in 0..15 {
            file.write_all(b"0123456789\n").unwrap();
        }
        assert_eq!(lines(&path), 3);
        assert_eq!(lines(&folder.path().join("logs/server.log.1")), 3);
        assert_eq!(lines(&folder.path().join("logs/server.log.2")), 3);
        assert!(!folder.path().join("logs/server.log.3").exists());
    }

    #[test]
    fn the_log_file_is_continued_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.log");
        for _ in 0..2 {
            RollingFile::open(&path, 1000, 2, Output::default()).unwrap().write_all(b"line\n").unwrap();
        }
        assert_eq!(lines(&path), 2);
    }

    #[cfg(unix)]
    #[test]
    fn a_log_file_that_was_moved_or_deleted_is_created_again() {
        for kept in [0, 2] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("logs/server.log");
            let mut file = RollingFile::open(&path, 40, kept, Output::default()).unwrap();
            let mut write = || (0..4).for_each(|_| file.write_all(b"0123456789\n").unwrap());
            write();
            fs::remove_dir_all(folder.path().join("logs")).unwrap();
            write();
            assert!(lines(&path) > 0, "{kept}");
            fs::rename(&path, folder.path().join("elsewhere")).unwrap();
            write();
            assert!(lines(&path) > 0, "{kept}");
            assert_eq!(file.complaints.lost, 0);
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_log_continues_in_a_file_that_another_program_put_at_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.log");
        let mut file = RollingFile::open(&path, 1 << 20, 2, Output::default()).unwrap();
        fs::rename(&path, folder.path().join("server.log.1")).unwrap();
        fs::write(&path, "another's\n").unwrap();
        file.looked -= LOOK_EVERY;
        file.write_all(b"line\n").unwrap();
        assert_eq!(lines(&path), 2);
    }

    #[test]
    fn a_log_file_truncated_in_place_is_rotated_by_its_current_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.log");
        let mut file = RollingFile::open(&path, 40, 2, Output::default()).unwrap();
        (0..3).for_each(|_| file.write_all(b"0123456789\n").unwrap());
        File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
        file.looked = Instant::now().checked_sub(LOOK_EVERY).unwrap();
        (0..3).for_each(|_| file.write_all(b"0123456789\n").unwrap());
        assert_eq!(lines(&path), 3);
        assert!(!folder.path().join("server.log.1").exists());
    }

    #[test]
    fn a_log_file_that_cannot_be_renamed_keeps_growing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.log");
        fs::create_dir_all(folder.path().join("server.log.1/full")).unwrap();
        let mut file = RollingFile::open(&path, 40, 1, Output::default()).unwrap();
        for _ in 0..10 {
            file.write_all(b"0123456789\n").unwrap();
        }
        assert_eq!((lines(&path), file.complaints.lost), (10, 0));
        assert!(file.not_rolled.is_some());
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_without_a_reader_is_refused_as_log_file() {
        use std::io::Read as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.log");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let open = || RollingFile::open(&path, 40, 2, Output::default());
        let error = open().err().unwrap().to_string();
        assert_eq!(error, "the path leads to a pipe without a reader, or to a socket");
        let mut reader = tickwire_native::text_file::open_any(&path).unwrap();
        let mut log = open().unwrap();
        log.write_all(b"line\n").unwrap();
        let mut line = [0; 5];
        reader.read_exact(&mut line).unwrap();
        assert_eq!((&line, log.complaints.lost), (b"line\n", 0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn log_lines_written_while_the_disk_is_full_are_counted_as_lost() {
        let mut file = RollingFile::open(Path::new("/dev/full"), 40, 2, Output::default()).unwrap();
        for _ in 0..5 {
            file.write_all(b"0123456789\n").unwrap();
        }
        assert_eq!(file.complaints.lost, 5);
    }
}
