//! The channels of one side of a connection. Each channel is allocated when it is first used, because most games use
//! few of the channels that they configure. A channel without messages can be reduced to a summary, because an idle
//! connection should hold little memory.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::config::ChannelConfig;
use crate::event::ChannelId;
use crate::limits::CHANNELS;

/// The state that one side of a connection keeps for one channel.
pub(super) trait PerChannel: Sized {
    /// The part of the state that a channel without messages needs for its next message.
    type Summary;

    /// Creates the state of an unused channel, whose first message has the id `first_id`.
    fn new(channel: ChannelId, config: &ChannelConfig, first_id: u64) -> Self;

    /// Returns the summary of a channel without messages, or `None` if the channel holds a message or an event that
    /// was not reported.
    fn summary(&self) -> Option<Self::Summary>;

    /// Creates the state of a channel without messages from its summary.
    fn from_summary(channel: ChannelId, config: &ChannelConfig, summary: &Self::Summary) -> Self;
}

/// The channels of one side of a connection.
#[derive(Debug)]
pub(super) struct Channels<T: PerChannel> {
    configs: Arc<[ChannelConfig]>,
    first_id: u64,
    /// The state of each channel, or nothing while no channel has a state.
    made: Vec<Option<Box<T>>>,
    /// The summaries of the idle channels, each with the index of its channel.
    summaries: Vec<(u8, T::Summary)>,
}

impl<T: PerChannel> Channels<T> {
    /// Creates the channels of `configs`, all unused. The first message on each channel has the id `first_id`.
    pub(super) fn new(configs: Arc<[ChannelConfig]>, first_id: u64) -> Self {
        Self { configs, first_id, made: Vec::new(), summaries: Vec::new() }
    }

    /// Returns whether the configuration has a channel with this index.
    pub(super) fn has(&self, index: usize) -> bool {
        index < self.count()
    }

    /// Returns the configuration of a channel.
    pub(super) fn config(&self, index: usize) -> Option<&ChannelConfig> {
        self.configs.get(index).filter(|_| self.has(index))
    }

    /// Returns the id of the first message on each channel.
    pub(super) const fn first_id(&self) -> u64 {
        self.first_id
    }

    /// Returns the state of a channel, or `None` if the channel is idle or was never used.
    pub(super) fn get(&self, index: usize) -> Option<&T> {
        self.made.get(index)?.as_deref()
    }

    /// Returns the state of a channel, or `None` if the channel is idle or was never used.
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.made.get_mut(index)?.as_deref_mut()
    }

    /// Returns the state of a channel, and creates the state before the first use and after an idle period. Returns
    /// `None` if the configuration has no channel with this index.
    pub(super) fn make(&mut self, index: usize) -> Option<&mut T> {
        if self.get(index).is_none() {
            self.create(index)?;
        }
        self.get_mut(index)
    }

    /// Returns the state of a channel, and creates the state after an idle period. Returns `None` if the channel was
    /// never used.
    pub(super) fn resume(&mut self, index: usize) -> Option<&mut T> {
        if self.is_used(index) { self.make(index) } else { None }
    }

    /// Calls `read` with the state of a channel, which may be idle. Returns `None` if the channel was never used.
    pub(super) fn read<R>(&self, index: usize, read: impl FnOnce(&T) -> R) -> Option<R> {
        if let Some(made) = self.get(index) {
            return Some(read(made));
        }
        let (_, summary) = self.summaries.iter().find(|(idle, _)| usize::from(*idle) == index)?;
        let config = self.configs.get(index)?;
        Some(read(&T::from_summary(ChannelId(index as u8), config, summary)))
    }

    /// Replaces the state of each channel without messages by a summary, and so releases its memory.
    pub(super) fn summarize(&mut self) {
        for (index, place) in self.made.iter_mut().enumerate() {
            if let Some(summary) = place.as_ref().and_then(|made| made.summary()) {
                *place = None;
                self.summaries.push((index as u8, summary));
            }
        }
        self.summaries.shrink_to_fit();
        if self.made.iter().all(Option::is_none) {
            self.made = Vec::new();
        }
    }

    /// Returns the channels that were used and are not idle, each with its index.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.made.iter().enumerate().filter_map(|(index, made)| Some((index, made.as_deref()?)))
    }

    /// Returns the channels that were used and are not idle.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.made.iter_mut().filter_map(Option::as_deref_mut)
    }

    /// Returns the number of channels of the configuration.
    fn count(&self) -> usize {
        self.configs.len().min(CHANNELS)
    }

    fn is_used(&self, index: usize) -> bool {
        self.get(index).is_some() || self.summaries.iter().any(|(idle, _)| usize::from(*idle) == index)
    }

    /// Creates the state of a channel from its summary, which this method removes, or the state of an unused channel.
    /// Returns `None` if the configuration has no channel with this index.
    #[cold]
    fn create(&mut self, index: usize) -> Option<()> {
        let (channel, config) = (ChannelId(index as u8), self.config(index)?);
        let idle = self.summaries.iter().position(|(idle, _)| usize::from(*idle) == index);
        let state = match idle.and_then(|place| self.summaries.get(place)) {
            Some((_, summary)) => T::from_summary(channel, config, summary),
            None => T::new(channel, config, self.first_id),
        };
        if let Some(place) = idle {
            self.summaries.swap_remove(place);
        }
        let count = self.count();
        self.made.resize_with(count, || None);
        *self.made.get_mut(index)? = Some(Box::new(state));
        Some(())
    }
}
