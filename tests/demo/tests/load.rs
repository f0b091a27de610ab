//! The load test with its clients and a dedicated server as processes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::Command;

use serde_json::Value;

#[test]
fn a_load_test_without_clients_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_tickwire-load")).args(["--clients", "0"]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(
        errors.contains("--clients is 0, so no messages are sent; give at least 1, or --idle"),
        "{errors}"
    );
}

#[test]
fn a_load_test_of_a_hundred_clients_loses_no_reliable_message() {
    let output = Command::new(env!("CARGO_BIN_EXE_tickwire-load"))
        .args(["--clients", "100", "--seconds", "5", "--json"])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let out = String::from_utf8(output.stdout).unwrap();
    let json: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}\n{errors}"));
    let number =
        |path: &str| json.pointer(path).and_then(Value::as_u64).unwrap_or_else(|| panic!("{path}: {out}"));
    assert_eq!((number("/clients"), number("/connected")), (100, 100));
    assert_eq!(number("/up/reliable/sent"), 100 * 5);
    for way in ["up", "down"] {
        let [sent, received] = ["sent", "received"].map(|what| number(&format!("/{way}/reliable/{what}")));
        assert!(sent > 0 && sent == received, "{out}");
    }
    // The rest is judged by the program itself: what the machine does meanwhile must not decide a test, but 20 messages a
    // second for 100 clients are little.
    assert!(output.status.success(), "{errors}\n{out}");
    assert!(number("/server/ticks") > 200, "{out}");
}
