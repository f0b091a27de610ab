//! The channels of one side of a connection. Each channel is allocated when it is first used, because most games use
//! few of the channels that they configure.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::config::ChannelConfig;
use crate::event::ChannelId;
use crate::limits::CHANNELS;

/// The state that one side keeps for one channel.
pub(super) trait PerChannel {
    /// Creates the state of a channel that has carried nothing yet and whose first message has the id `first_id`.
    fn new(channel: ChannelId, config: &ChannelConfig, first_id: u64) -> Self;
}

/// The channels of one side.
#[derive(Debug)]
pub(super) struct Channels<T> {
    configs: Arc<[ChannelConfig]>,
    first_id: u64,
    made: Vec<Option<Box<T>>>,
}

impl<T: PerChannel> Channels<T> {
    /// Channels of which none was used; the first message on each has the id `first_id`.
    pub(super) fn new(configs: Arc<[ChannelConfig]>, first_id: u64) -> Self {
        let made = configs.iter().take(CHANNELS).map(|_| None).collect();
        Self { configs, first_id, made }
    }

    /// Whether there is such a channel, used or not.
    pub(super) fn has(&self, index: usize) -> bool {
        index < self.made.len()
    }

    /// The configuration of a channel.
    pub(super) fn config(&self, index: usize) -> Option<&ChannelConfig> {
        self.configs.get(index).filter(|_| self.has(index))
    }

    /// The id of the first message on each channel.
    pub(super) const fn first_id(&self) -> u64 {
        self.first_id
    }

    /// A channel that was used.
    pub(super) fn get(&self, index: usize) -> Option<&T> {
        self.made.get(index)?.as_deref()
    }

    /// A channel that was used.
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.made.get_mut(index)?.as_deref_mut()
    }

    /// A channel that is used from now on, if there is such a one.
    pub(super) fn make(&mut self, index: usize) -> Option<&mut T> {
        let (place, config) = (self.made.get_mut(index)?, self.configs.get(index)?);
        let channel = ChannelId(index as u8);
        Some(place.get_or_insert_with(|| Box::new(T::new(channel, config, self.first_id))))
    }

    /// The channels that were used, and where they are.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.made.iter().enumerate().filter_map(|(index, made)| Some((index, made.as_deref()?)))
    }

    /// The channels that were used.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.made.iter_mut().filter_map(Option::as_deref_mut)
    }
}
