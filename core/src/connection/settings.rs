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
    /// Bytes per second that a connection without a limit of its own sends at most.
    pub(crate) bandwidth: u64,
    /// A bit for each reliable channel.
    pub(crate) reliable_channels: u32,
}

/// The bits of the reliable channels.
pub(crate) fn reliable_channels(channels: &[ChannelConfig]) -> u32 {
    channels
        .iter()
        .enumerate()
        .filter(|(_, config)| config.delivery.is_reliable())
        .map(|(index, _)| 1 << index)
        .sum()
}
