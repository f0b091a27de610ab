//! Faults before and after the start of a server: each report states the fault, its place, and the remedy.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;

#[cfg(unix)]
use crate::harness::Program;
use crate::harness::{config, run};

/// Runs a server that must not start. Checks its exit code, and that its errors contain the texts `said`.
#[track_caller]
fn refuse(folder: &Path, arguments: &[&str], code: i32, said: &[&str]) {
    let ended = run(folder, arguments);
    assert_eq!(ended.code, Some(code), "{}{}", ended.errors, ended.out);
    for part in said {
        assert!(ended.errors.contains(part), "{part:?} is missing in:\n{}", ended.errors);
    }
    assert!(!ended.out.contains("listening"), "{}", ended.out);
}

fn folder_with(name: &str, text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), text).unwrap();
    folder
}

const LOOPBACK: [&str; 2] = ["--bind-address", "127.0.0.1:0"];

#[test]
fn the_error_about_an_invalid_configuration_names_the_file_the_line_and_the_key() {
    let folder = folder_with("server.json", "{\n  // slow\n  \"tick_rate\": 0\n}");
    let said = ["error: server.json:3:3: `tick_rate` is 0; set it to a whole number from 1 to 1000"];
    refuse(folder.path(), &[], 2, &said);
    refuse(folder.path(), &["--check"], 2, &said);
    refuse(folder.path(), &["--config", "other.json"], 2, &["other.json: cannot be read", "create the file"]);
    let ended = run(folder.path(), &["--check", "--tick-rate", "30"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "the configuration is valid\n"));
}

#[test]
fn the_error_about_an_invalid_flag_or_variable_names_the_flag_or_variable() {
    let folder = tempfile::tempdir().unwrap();
    refuse(folder.path(), &["--tick-rat", "3"], 2, &["--tick-rate"]);
    refuse(
        folder.path(),
        &["--tick-rate", "fast"],
        2,
        &["flag --tick-rate: `tick_rate` is \"fast\"; set it to"],
    );
    let output =
        crate::harness::command(folder.path(), &[]).env("TICKWIRE_MAX_CONNECTIONS", "0").output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        errors.contains("environment variable TICKWIRE_MAX_CONNECTIONS: `max_connections` is 0"),
        "{errors}"
    );
}

#[cfg(unix)]
#[test]
fn the_report_of_an_empty_misspelt_or_non_utf_8_variable_names_the_variable() {
    use std::os::unix::ffi::OsStringExt as _;
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, value: &[u8]| {
        let value = std::ffi::OsString::from_vec(value.into());
        let output = crate::harness::command(folder.path(), &["--check"]).env(name, value).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = check("TICKWIRE_CONFIG", b"");
    let empty = "error: environment variable TICKWIRE_CONFIG: is empty; name a file, or unset the variable\n";
    assert_eq!((code, said.as_str()), (Some(2), empty));
    let (code, said) = check("TICKWIRE_TICK_RATE", b"\xff");
    let no_text = "error: environment variable TICKWIRE_TICK_RATE: is not UTF-8; set the variable to UTF-8 text, or unset it\n";
    assert_eq!((code, said.as_str()), (Some(2), no_text));
    let (code, said) = check("TICKWIRE_TICKRATE", b"5");
    let misspelt =
        "warning: environment variable TICKWIRE_TICKRATE sets nothing; did you mean TICKWIRE_TICK_RATE?\n";
    assert_eq!((code, said.as_str()), (Some(0), misspelt));
}

#[test]
fn configuration_keys_that_name_the_same_file_are_refused_before_any_file_is_written() {
    for (arguments, said) in [
        (["--log-file-path", "./server.key"], "is ./server.key, the same file as `key_file`; name another"),
        (["--ban-file", "server.key"], "is server.key, the same file as `key_file`"),
        (
            ["--key-file", "server.log.1"],
            "needs server.log.1 for an older log, which is the same file as `key_file`",
        ),
        (["--key-file", "server.bans.json.lock"], "needs server.bans.json.lock for its lock, which is"),
        (["--log-file-path", "server.json"], "the same file as the configuration itself"),
    ] {
        let folder = folder_with("server.json", &config(""));
        refuse(folder.path(), &arguments, 2, &[said]);
        refuse(folder.path(), &[&arguments[..], &["--check"]].concat(), 2, &[said]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was written");
    }
}

#[test]
fn the_start_error_names_the_number_of_a_port_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let other = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _taken = UdpSocket::bind(other).unwrap();
    let said = [
        format!("UDP port {} is in use", other.port()),
        "choose another port".into(),
        "the configuration key `bind_address` sets the address".into(),
    ];
    refuse(folder.path(), &["--bind-address", &other.to_string()], 4, &said.each_ref().map(String::as_str));
    let log = fs::read_to_string(folder.path().join("server.log")).unwrap();
    assert!(log.contains("ERROR cannot start the server: UDP port"), "{log}");
}

#[test]
#[cfg_attr(windows, ignore = "an emulated Windows binds to any address")]
fn a_server_with_a_bind_address_of_a_different_machine_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let said = [
        "192.0.2.1 is not an address of this machine; bind to an address of this machine",
        "the configuration key `bind_address` sets the address",
    ];
    refuse(folder.path(), &["--bind-address", "192.0.2.1:0"], 4, &said);
}

#[test]
fn a_server_with_a_host_name_as_its_bind_address_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let said = ["`bind_address`", "the host is a name, and this key accepts only IP addresses"];
    refuse(folder.path(), &["--bind-address", "nowhere.invalid:7777"], 2, &said);
}

#[test]
fn a_server_whose_monitoring_port_is_in_use_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = [
        format!("cannot be served at {address}"),
        "TCP port is in use".into(),
        "`monitoring_address`".into(),
    ];
    let arguments = [&LOOPBACK[..], &["--monitoring-address", &address]].concat();
    refuse(folder.path(), &arguments, 6, &said.each_ref().map(String::as_str));
}

#[cfg(unix)]
#[test]
fn a_key_file_that_other_users_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder_with("server.key", &"a5".repeat(32));
    let path = folder.path().join("server.key");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    refuse(
        folder.path(),
        &LOOPBACK,
        3,
        &["server.key: other users may access the secret key (mode 0644)", "chmod 600"],
    );
}

#[cfg(unix)]
#[test]
fn an_unusable_key_file_is_refused_and_never_replaced() {
    use std::os::unix::fs::PermissionsExt as _;
    let private = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
    let folder = folder_with("server.key", "half a key");
    private(&folder.path().join("server.key"));
    refuse(
        folder.path(),
        &LOOPBACK,
        3,
        &[
            "server.key: the file contains no valid key: 'h' at position 1 is not a hexadecimal digit",
            "restore the file from a copy",
        ],
    );
    assert_eq!(fs::read_to_string(folder.path().join("server.key")).unwrap(), "half a key");

    // Nobody waits for who may write into a pipe.
    let folder = tempfile::tempdir().unwrap();
    for (name, said) in [
        ("server.key", "the key cannot be read: the path leads to"),
        ("server.bans.json", "the list of bans cannot be"),
    ] {
        let pipe = folder.path().join(name);
        assert!(
            std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&pipe).status().unwrap().success()
        );
        refuse(folder.path(), &LOOPBACK, 3, &[name, said, "a folder, a pipe or a device"]);
        fs::remove_file(pipe).unwrap();
    }

    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("server.key")).unwrap();
    private(&folder.path().join("server.key"));
    refuse(
        folder.path(),
        &LOOPBACK,
        3,
        &["server.key: the key cannot be read: the path leads to a folder, a pipe or a device"],
    );
    let arguments = [&LOOPBACK[..], &["--key-file", "new.key", "--ticket-key-file", "ticket.key"]].concat();
    refuse(
        folder.path(),
        &arguments,
        3,
        &["ticket.key: the key file does not exist; create the file, or correct its path"],
    );
}

#[test]
fn a_server_whose_ban_list_does_not_parse_does_not_start() {
    let folder = folder_with("server.bans.json", "[{]");
    refuse(folder.path(), &LOOPBACK, 3, &["server.bans.json: the list of bans does not parse", "`ban_file`"]);
}

#[test]
fn a_server_whose_log_file_cannot_be_opened_does_not_start() {
    let folder = folder_with("file", "");
    let arguments = [&LOOPBACK[..], &["--log-file-path", "file/server.log"]].concat();
    refuse(
        folder.path(),
        &arguments,
        5,
        &["the log file/server.log cannot be written", "`enable_logging` to false"],
    );
}

#[cfg(target_os = "linux")]
#[test]
fn the_server_continues_when_the_disk_of_its_log_is_full() {
    let mut server = Program::start(r#""log_file_path": "/dev/full""#);
    let _client = server.join();
    assert_eq!(server.ask_json("status --json")["clients"], 1);
    crate::harness::until(|| server.errors().contains("No space left on device").then_some(()));
    let errors = server.errors();
    assert!(
        errors.contains("the log /dev/full cannot be written") && errors.contains("free disk space"),
        "{errors}"
    );
    server.ask("quit");
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn the_flag_print_config_prints_the_effective_configuration() {
    let folder = folder_with("server.json", &config(r#""tick_rate": 30"#));
    let printed = run(folder.path(), &["--print-config", "--max-connections", "7"]);
    let printed: serde_json::Value = serde_json::from_str(&printed.out).unwrap();
    assert_eq!((&printed["tick_rate"], &printed["max_connections"]), (&30.into(), &7.into()));
    assert_eq!(printed["bind_address"], "127.0.0.1:0");
}
