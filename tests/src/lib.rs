//! What the tests that cross crates share: the sources of the workspace, and the rules about them.
#![allow(clippy::expect_used, clippy::panic, reason = "a test ends when its own ground gives way")]

pub mod imports;
pub mod lexer;
pub mod proof;
pub mod source;
pub mod tidy;
