//! Channels, which cut messages into frames and reassemble messages from frames.
//!
//! This module does not depend on packets, keys or addresses. A [`send::SendSide`] cuts messages into frames, and
//! processes the acknowledgement or loss of each frame. A [`receive::ReceiveSide`] reassembles the messages.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub(crate) mod arena;
mod compress;
mod ids;
mod lazy;
mod parts;
mod ranges;
pub(crate) mod receive;
pub(crate) mod room;
pub(crate) mod send;
mod sorted;

pub(crate) use arena::Arena;
pub(crate) use receive::{Receipt, ReceiveSide};
pub(crate) use send::{PieceRecord, SendSide};

#[cfg(test)]
mod model_tests;
