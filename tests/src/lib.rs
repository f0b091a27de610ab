//! Code that the tests of several crates share: an allocator with counters, the sources of the workspace, and the rules for these
//! sources.
#![allow(clippy::expect_used, clippy::panic, reason = "a failure of the test environment must end the test")]

pub mod allocation;
pub mod documented;
pub mod exceptions;
pub mod imports;
pub mod lexer;
pub mod modules;
pub mod proof;
pub mod source;
pub mod syntax;
pub mod tidy;
pub mod values;
