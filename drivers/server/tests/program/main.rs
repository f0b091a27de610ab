//! Tests of the server program as a process, with files, pipes, signals and sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod acceptance;
mod console;
mod embedded;
mod failures;
mod guide;
mod harness;
mod hostile_text;
mod lifecycle;
mod limits;
mod monitoring;
mod own;
#[cfg(unix)]
mod refusals;
mod reload;
mod rest;
mod resting_world;
#[cfg(target_os = "linux")]
mod system;
#[cfg(unix)]
mod terminal;
mod world;
