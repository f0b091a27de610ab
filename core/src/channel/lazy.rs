//! The channels of one side of a connection. Each channel is allocated when it is first used, because most games use
//! few of the channels that they configure.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::config::ChannelConfig;
use crate::event::ChannelId;
use crate::limits::CHANNELS;

/// The state that one side of a connection keeps for one channel.
pub(super) trait PerChannel {
    /// Creates the state of an unused channel, whose first message has the id `first_id`.
    fn new(channel: ChannelId, config: &ChannelConfig, first_id: u64) -> Self;
}

/// The channels of one side of a connection.
#[derive(Debug)]
pub(super) struct Channels<T> {
    configs: Arc<[ChannelConfig]>,
    first_id: u64,
    made: Vec<Option<Box<T>>>,
}

impl<T: PerChannel> Channels<T> {
    /// Creates the channels of `configs`, all unused. The first message on each channel has the id `first_id`.
    pub(super) fn new(configs: Arc<[ChannelConfig]>, first_id: u64) -> Self {
        let made = configs.iter().take(CHANNELS).map(|_| None).collect();
        Self { configs, first_id, made }
    }

    /// Returns whether the configuration has a channel with this index.
    pub(super) fn has(&self, index: usize) -> bool {
        index < self.made.len()
    }

    /// Returns the configuration of a channel.
    pub(super) fn config(&self, index: usize) -> Option<&ChannelConfig> {
        self.configs.get(index).filter(|_| self.has(index))
    }

    /// Returns the id of the first message on each channel.
    pub(super) const fn first_id(&self) -> u64 {
        self.first_id
    }

    /// Returns the state of a channel, or `None` if the channel was never used.
    pub(super) fn get(&self, index: usize) -> Option<&T> {
        self.made.get(index)?.as_deref()
    }

    /// Returns the state of a channel, or `None` if the channel was never used.
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.made.get_mut(index)?.as_deref_mut()
    }

    /// Returns the state of a channel, and creates the state before the first use. Returns `None` if the
    /// configuration has no channel with this index.
    pub(super) fn make(&mut self, index: usize) -> Option<&mut T> {
        let (place, config) = (self.made.get_mut(index)?, self.configs.get(index)?);
        let channel = ChannelId(index as u8);
        Some(place.get_or_insert_with(|| Box::new(T::new(channel, config, self.first_id))))
    }

    /// Returns the channels that were used, each with its index.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.made.iter().enumerate().filter_map(|(index, made)| Some((index, made.as_deref()?)))
    }

    /// Returns the channels that were used.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.made.iter_mut().filter_map(Option::as_deref_mut)
    }
}
