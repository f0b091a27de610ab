//! Settings that every connection of an endpoint shares.

use alloc::sync::Arc;

use super::congestion::Algorithm;
use crate::config::ChannelConfig;
use crate::crypto::Provider;
use crate::time::Span;

/// Settings that every connection of an endpoint shares.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) heartbeat: Span,
    pub(crate) idle_timeout: Span,
    pub(crate) ack_delay: Span,
    pub(crate) resume_window: Span,
    pub(crate) reconnect_for: Span,
    pub(crate) rotate_after: u64,
    /// The channels of every connection.
    pub(crate) channels: Arc<[ChannelConfig]>,
    pub(crate) congestion: Algorithm,
    /// The sending limit of a connection without a limit of its own, in bytes per second.
    pub(crate) bandwidth: u64,
    /// The reliable channels, with one bit for each channel.
    pub(crate) reliable_channels: u32,
}

/// Returns the reliable channels, with one bit for each channel.
pub(crate) fn reliable_channels(channels: &[ChannelConfig]) -> u32 {
    channels
        .iter()
        .enumerate()
        .filter(|(_, config)| config.delivery.is_reliable())
        .map(|(index, _)| 1 << index)
        .sum()
}
