//! The channel that messages take: by its number, by its name, or by its delivery.

use core::fmt;

use super::{ChannelConfig, Delivery};
use crate::event::ChannelId;

/// The rule that selects the channel of a message. `#[net(channel = …)]` and `#[net(delivery = …)]` set the route
/// of a message type. A call that sends one message may pass a different route.
///
/// ```
/// use tickwire_core::{ChannelConfig, ChannelId, Delivery, Route};
///
/// let channels =
///     [ChannelConfig::new(Delivery::ReliableOrdered), ChannelConfig::new(Delivery::ReliableOrdered).named("chat")];
/// assert_eq!(Route::from(ChannelId(1)).channel(&channels), Some(ChannelId(1)));
/// assert_eq!(Route::from("chat").channel(&channels), Some(ChannelId(1)));
/// assert_eq!(Route::from(Delivery::ReliableOrdered).channel(&channels), Some(ChannelId(0)));
/// assert_eq!(Route::from(Delivery::Sequenced).channel(&channels), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Route {
    /// The channel with this number, which is its index in [`crate::Config::channels`].
    Channel(ChannelId),
    /// The channel with this [`ChannelConfig::name`].
    Named(&'static str),
    /// The first configured channel with this delivery guarantee.
    Delivery(Delivery),
}

impl Route {
    /// Returns the id of the channel in `channels` that this route selects. Returns `None` if the route selects no
    /// channel.
    #[must_use]
    pub fn channel(self, channels: &[ChannelConfig]) -> Option<ChannelId> {
        let place = match self {
            Self::Channel(channel) => return channels.get(usize::from(channel.0)).map(|_| channel),
            Self::Named(name) => channels.iter().position(|channel| channel.name.as_deref() == Some(name))?,
            Self::Delivery(delivery) => channels.iter().position(|channel| channel.delivery == delivery)?,
        };
        u8::try_from(place).ok().map(ChannelId)
    }
}

impl Default for Route {
    /// Selects the first channel.
    fn default() -> Self {
        Self::Channel(ChannelId(0))
    }
}

impl From<ChannelId> for Route {
    fn from(channel: ChannelId) -> Self {
        Self::Channel(channel)
    }
}

impl From<&'static str> for Route {
    fn from(name: &'static str) -> Self {
        Self::Named(name)
    }
}

impl From<Delivery> for Route {
    fn from(delivery: Delivery) -> Self {
        Self::Delivery(delivery)
    }
}

/// Writes the route as error texts name it: ``channel 2``, ``channel `chat` ``, `a sequenced channel`.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channel(channel) => write!(f, "channel {}", channel.0),
            Self::Named(name) => write!(f, "channel `{name}`"),
            Self::Delivery(Delivery::Unreliable) => f.write_str("an unreliable channel"),
            Self::Delivery(delivery) => write!(f, "a {delivery} channel"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    const ALL: [Delivery; 4] =
        [Delivery::Unreliable, Delivery::Sequenced, Delivery::ReliableUnordered, Delivery::ReliableOrdered];

    #[test]
    fn a_route_by_delivery_selects_the_first_channel_with_that_delivery() {
        let twice = [ALL, ALL].concat();
        let channels: alloc::vec::Vec<_> = twice.into_iter().map(ChannelConfig::new).collect();
        for (place, delivery) in ALL.into_iter().enumerate() {
            assert_eq!(Route::from(delivery).channel(&channels), Some(ChannelId(place as u8)));
            assert_eq!(Route::from(delivery).channel(&[]), None);
        }
    }

    #[test]
    fn a_route_with_an_unknown_channel_number_or_name_selects_no_channel() {
        let channels = [ChannelConfig::new(Delivery::Sequenced).named("state")];
        assert_eq!(Route::from(ChannelId(1)).channel(&channels), None);
        assert_eq!(Route::from("chat").channel(&channels), None);
        assert_eq!(Route::from("state").channel(&channels), Some(ChannelId(0)));
    }

    #[test]
    fn a_route_displays_its_channel_number_name_or_delivery() {
        let shown = |route: Route| format!("{route}");
        assert_eq!(shown(Route::default()), "channel 0");
        assert_eq!(shown("chat".into()), "channel `chat`");
        assert_eq!(shown(Delivery::Unreliable.into()), "an unreliable channel");
        assert_eq!(shown(Delivery::ReliableUnordered.into()), "a reliable-unordered channel");
    }
}
