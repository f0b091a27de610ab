//! Errors of the system: files of a different user, a full disk, refused threads.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use tempfile::TempDir;

use crate::harness::{Program, command, config, until};

/// A folder in which the user of the server may read, but write only in the subfolder `own`.
struct Foreign(Arc<TempDir>);

impl Foreign {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("own")).unwrap();
        fs::set_permissions(folder.path().join("own"), Permissions::from_mode(0o777)).unwrap();
        fs::write(folder.path().join("server.json"), config("")).unwrap();
        let foreign = Self(Arc::new(folder));
        foreign.allow(0o555);
        foreign
    }

    /// Sets the permissions of the user of the server, who owns the folder unless root runs the tests.
    fn allow(&self, mode: u32) {
        fs::set_permissions(self.0.path(), Permissions::from_mode(mode)).unwrap();
    }

    /// Writes a file that the user of the server may not read.
    fn write_secret(&self, name: &str, text: &str) {
        self.allow(0o755);
        fs::write(self.0.path().join(name), text).unwrap();
        fs::set_permissions(self.0.path().join(name), Permissions::from_mode(0o000)).unwrap();
        self.allow(0o555);
    }

    fn server(&self, arguments: &[&str]) -> Command {
        as_nobody(command(self.0.path(), arguments))
    }
}

impl Drop for Foreign {
    /// Restores the permissions, so that the folder can be removed.
    fn drop(&mut self) {
        self.allow(0o755);
    }
}

/// Makes a command run as the user `nobody` if root runs the tests, because permissions do not restrict root.
fn as_nobody(mut command: Command) -> Command {
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

#[track_caller]
fn refuse(mut command: Command, code: i32, said: &str) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (out, errors) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert_eq!(status.code(), Some(code), "{errors}{out}");
    assert!(errors.contains(said), "{said:?} is missing in:\n{errors}");
    assert!(!errors.contains("panicked") && !out.contains("listening"), "{errors}{out}");
}

const NO_LOG: [&str; 2] = ["--enable-logging", "false"];

#[test]
fn the_start_error_names_a_key_file_without_read_permission() {
    let folder = Foreign::new();
    folder.write_secret("server.key", &"a5".repeat(32));
    let said = "server.key: the key cannot be read: Permission denied (os error 13); let this user read the file, or \
                run as the file's owner";
    refuse(folder.server(&NO_LOG), 3, said);
}

#[test]
fn the_start_error_names_the_file_in_a_folder_without_write_permission() {
    let folder = Foreign::new();
    let key = "server.key: the key cannot be written: Permission denied (os error 13); let this user write to the \
               file's folder, or name another `key_file`";
    refuse(folder.server(&NO_LOG), 3, key);
    let log = "the log server.log cannot be written: Permission denied (os error 13)";
    refuse(folder.server(&["--key-file", "own/server.key"]), 5, log);
}

#[test]
fn the_start_error_names_a_configuration_without_read_permission() {
    let folder = Foreign::new();
    folder.write_secret("secret.json", "{}");
    let said = "secret.json: cannot be read: Permission denied (os error 13); let this user read the file";
    refuse(folder.server(&["--config", "secret.json"]), 2, said);
}

#[test]
fn bans_that_cannot_be_written_still_take_effect() {
    let folder = Foreign::new();
    let arguments = [&["--json", "--key-file", "own/server.key"], &NO_LOG[..]].concat();
    let mut server = Program::start_as(folder.server(&arguments), Arc::clone(&folder.0));
    let said = "server.bans.json: the list of bans cannot be written to this file: Permission denied (os error 13); \
    the bans take effect until the \
                server stops; let this user write to the file's folder, or name another `ban_file`";
    until(|| server.errors().contains(said).then_some(()));
    let answer = server.ask("ban 127.0.0.1");
    assert!(
        answer.starts_with("error: 127.0.0.1 is banned only until the server stops: server.bans.json: "),
        "{answer}"
    );
    let error = server.try_join(tickwire_core::ConnectOptions::new(server.key())).unwrap_err();
    assert_eq!(error, tickwire_native::ConnectError::Banned);
}

#[test]
fn the_start_error_names_a_lack_of_threads() {
    let folder = Foreign::new();
    let server = folder.server(&[]);
    let mut limited = Command::new("prlimit");
    limited.arg("--nproc=1").arg("--").arg(server.get_program()).args(["--key-file", "own/server.key"]);
    limited.args(["--log-file-path", "own/server.log"]).current_dir(folder.0.path());
    let said = "error: the system provided no thread: Resource temporarily unavailable (os error 11); check the system's \
         limits";
    refuse(as_nobody(limited), 1, said);
}

/// Returns a command that runs a server in a folder whose subfolder `disk` is full, and the text of the system's error. If the
/// test may not mount a file system, the command limits the size of files instead.
fn on_a_full_disk(folder: &Path, arguments: &[&str]) -> (Command, &'static str) {
    fs::create_dir(folder.join("disk")).unwrap();
    let namespace = ["--map-root-user", "--mount"];
    let mount = "mount -t tmpfs -o size=64k none disk";
    let may_mount =
        Command::new("unshare").args(namespace).args(["sh", "-c", mount]).current_dir(folder).output();
    let server = command(folder, arguments);
    let (mut full, said) = if may_mount.is_ok_and(|output| output.status.success()) {
        let mut full = Command::new("unshare");
        let fill = format!("{mount} && ! head -c 1M /dev/zero 2>/dev/null >disk/fill && exec \"$0\" \"$@\"");
        full.args(namespace).args(["sh", "-c", &fill]);
        (full, "No space left on device (os error 28); free disk space")
    } else {
        let mut full = Command::new("sh");
        full.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""]);
        (full, "File too large (os error 27); free disk space")
    };
    full.arg(server.get_program()).args(arguments).current_dir(folder);
    (full, said)
}

#[test]
fn the_start_error_names_a_key_file_that_a_full_disk_cannot_store() {
    let folder = tempfile::tempdir().unwrap();
    let arguments =
        [&["--bind-address", "127.0.0.1:0", "--key-file", "disk/server.key"], &NO_LOG[..]].concat();
    let (server, said) = on_a_full_disk(folder.path(), &arguments);
    let said = format!("disk/server.key: the key cannot be written: {said}, or name another `key_file`");
    refuse(server, 3, &said);
}

#[test]
fn the_server_continues_when_the_disk_of_its_log_and_its_ban_list_is_full() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    fs::write(folder.path().join("server.json"), config("")).unwrap();
    // It needs no room: it is there already.
    fs::write(folder.path().join("server.key"), "a5".repeat(32)).unwrap();
    fs::set_permissions(folder.path().join("server.key"), Permissions::from_mode(0o600)).unwrap();
    let arguments = ["--json", "--log-file-path", "disk/server.log", "--ban-file", "disk/bans.json"];
    let (server, said) = on_a_full_disk(folder.path(), &arguments);
    let mut server = Program::start_as(server, folder);
    let (why, remedy) = said.split_once("; ").unwrap();
    for told in [
        format!(
            "the log disk/server.log cannot be written: {why}; the server has lost 1 line so far; {remedy}"
        ),
        format!(
            "disk/bans.json: the list of bans cannot be written to this file: {why}; the bans take effect until the server \
             stops; {remedy}"
        ),
    ] {
        until(|| server.errors().contains(&told).then_some(()));
    }
    let answer = server.ask("ban 192.0.2.1");
    let expected = format!(
        "error: 192.0.2.1 is banned only until the server stops: disk/bans.json: the list of bans cannot be written: \
        {said}, or \
         name another `ban_file`"
    );
    assert_eq!(answer, expected);
    let _client = server.join();
    server.ask("quit");
    assert_eq!(server.end().0, Some(0));
}

const NOBODY: u32 = 65_534;
