//! The sending end of a replicated world for one connection: tracks which versions of each unit the peer has, and codes newer
//! versions as frames.

mod coding;
mod interest;
mod interest_state;
mod ledger;
mod left_out;
mod packer;
mod plan;
mod residuals;
mod scratch;
mod send_plan;
mod slots;
mod view;
mod world_sender;

pub(crate) use self::interest_state::InterestState;
pub(crate) use self::scratch::FrameScratch;
pub(crate) use self::world_sender::{SenderCounts, WorldSender};
