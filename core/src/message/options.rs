//! The delivery of a message, as two switches: reliable and ordered.

use crate::config::{Delivery, Route};

/// The delivery guarantee that a message needs. The default is reliable and ordered.
///
/// ```
/// use tickwire_core::message::SendOptions;
/// use tickwire_core::{Delivery, Route};
///
/// let options = SendOptions::default().reliable(false);
/// assert_eq!(options.delivery(), Delivery::Sequenced);
/// assert_eq!(Route::from(options), Route::Delivery(Delivery::Sequenced));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SendOptions {
    /// `true` if the sender resends the message until the peer acknowledges the message or the connection ends.
    pub reliable: bool,
    /// `true` if the receiver never delivers the message after a message that was sent later. The receiver drops an
    /// unreliable message that arrives after a later message, and delivers no later message before a reliable message.
    pub ordered: bool,
}

impl Default for SendOptions {
    fn default() -> Self {
        Self { reliable: true, ordered: true }
    }
}

impl SendOptions {
    /// Sets whether the sender resends the message until the peer acknowledges the message, and returns the changed options.
    #[must_use]
    pub const fn reliable(mut self, reliable: bool) -> Self {
        self.reliable = reliable;
        self
    }

    /// Sets whether the receiver delivers the message in the order of sending, and returns the changed options: see
    /// [`Self::ordered`](#structfield.ordered).
    #[must_use]
    pub const fn ordered(mut self, ordered: bool) -> Self {
        self.ordered = ordered;
        self
    }

    /// Returns the delivery guarantee that these options describe.
    #[must_use]
    pub const fn delivery(self) -> Delivery {
        match (self.reliable, self.ordered) {
            (true, true) => Delivery::ReliableOrdered,
            (true, false) => Delivery::ReliableUnordered,
            (false, true) => Delivery::Sequenced,
            (false, false) => Delivery::Unreliable,
        }
    }
}

impl From<Delivery> for SendOptions {
    fn from(delivery: Delivery) -> Self {
        let reliable = matches!(delivery, Delivery::ReliableOrdered | Delivery::ReliableUnordered);
        let ordered = matches!(delivery, Delivery::ReliableOrdered | Delivery::Sequenced);
        Self { reliable, ordered }
    }
}

impl From<SendOptions> for Route {
    /// Selects the first channel that has exactly these guarantees.
    fn from(options: SendOptions) -> Self {
        Self::Delivery(options.delivery())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Delivery; 4] =
        [Delivery::Unreliable, Delivery::Sequenced, Delivery::ReliableUnordered, Delivery::ReliableOrdered];

    #[test]
    fn a_message_is_reliable_and_ordered_by_default() {
        assert_eq!(SendOptions::default().delivery(), Delivery::ReliableOrdered);
        assert_eq!(SendOptions::default().delivery(), Delivery::default());
        assert_eq!(SendOptions::default().reliable(false).ordered(false).delivery(), Delivery::Unreliable);
    }

    #[test]
    fn every_delivery_is_unchanged_after_its_conversion_to_send_options_and_back() {
        for delivery in ALL {
            assert_eq!(SendOptions::from(delivery).delivery(), delivery);
            assert_eq!(Route::from(SendOptions::from(delivery)), Route::Delivery(delivery));
        }
    }
}
