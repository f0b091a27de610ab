//! Congestion control, which limits the bytes in flight and the sending rate: a trait, and the controllers that implement the
//! trait.

mod algorithm;
mod arrival_rate;
mod controller;
mod copa;
mod cubic;
pub(crate) mod delivery_rate;
mod demand;
mod filter;
mod fixed;
mod jitter;
mod loss_cap;
pub(crate) mod one_way_delay;
mod rate;
mod way_back;

pub use algorithm::Algorithm;
pub(crate) use controller::{AckReport, Controller, LossReport, RateSample, Waiting};
pub(crate) use controller::{INITIAL_DATAGRAMS, LEAST_DATAGRAMS};
pub(crate) use fixed::FixedWindow;
pub(crate) use rate::{bytes_in, per_second};
