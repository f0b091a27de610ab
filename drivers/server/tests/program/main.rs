//! The program as people run it: as a process, with files, pipes, signals and sockets.

mod console;
mod failures;
mod harness;
mod lifecycle;
mod monitoring;
#[cfg(unix)]
mod refusals;
mod reload;
#[cfg(unix)]
mod terminal;
mod world;
