//! Keys of servers that stay the same after a restart, and keys that change.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use common::{open_config, server_options};
use tickwire_core::{ConnectOptions, Secret, Secrets};
use tickwire_native::{Options, Server, StartError};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata};

fn options() -> Options {
    Options::new(open_config()).bind("127.0.0.1:0".parse().unwrap())
}

/// A log subscriber that counts warnings that name `Options::key_file`.
#[derive(Default)]
struct Warnings(AtomicUsize);

struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, _: &Field, value: &dyn std::fmt::Debug) {
        self.0 += &format!("{value:?}");
    }
}

impl tracing::Subscriber for Warnings {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words(String::new());
        event.record(&mut words);
        if *event.metadata().level() == Level::WARN && words.0.contains("Options::key_file keeps the key") {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Returns the number of warnings about its key that a server logs when it starts.
fn warnings(options: Options) -> usize {
    let warnings = std::sync::Arc::new(Warnings::default());
    tracing::subscriber::with_default(warnings.clone(), || drop(Server::start(options).unwrap()));
    warnings.0.load(Ordering::Relaxed)
}

#[test]
fn a_client_that_pinned_the_server_key_connects_after_the_server_restarts_with_its_key_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys/server.key");
    let pinned = Server::start(options().key_file(&path)).unwrap().public_key();

    let server = Server::start(server_options(open_config()).key_file(&path)).unwrap();
    assert_eq!(server.public_key(), pinned);
    let client = common::client();
    client.connect(&server.local_address().into(), ConnectOptions::new(pinned)).wait().unwrap();
}

#[test]
fn a_server_without_key_file_or_secrets_warns_and_has_a_new_key_after_each_start() {
    let key = || Server::start(options()).unwrap().public_key();
    assert_ne!(key(), key());

    let folder = tempfile::tempdir().unwrap();
    assert_eq!(warnings(options()), 1);
    assert_eq!(warnings(options().key_file(folder.path().join("server.key"))), 0);
    assert_eq!(warnings(options().secrets(Secrets::new([3; 32]))), 0);
}

#[test]
fn a_key_file_overrides_the_identity_in_the_secrets_and_is_refused_without_a_valid_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.key");
    let given = Secret::new([3; 32]);
    let server = Server::start(options().secrets(Secrets::new(given.clone())).key_file(&path)).unwrap();
    assert_ne!(server.public_key(), given.public_key());
    assert_eq!(tickwire_native::key_file::load(&path).unwrap().public_key(), server.public_key());

    std::fs::write(&path, "not a key").unwrap();
    let error = Server::start(options().key_file(&path)).unwrap_err();
    assert!(matches!(error, StartError::KeyFile(_)), "{error:?}");
    assert!(
        error.to_string().contains("server.key: the file contains no valid key: 'n' at position 1"),
        "{error}"
    );
}
