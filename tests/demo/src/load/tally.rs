//! The counters of one end for the messages that it sent to one peer and received from this peer.

use serde::{Deserialize, Serialize};
use tickwire_core::message::NetMessage;

use super::messages::{Loose, Sure};

/// Counts of messages sent and received.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Tally {
    pub(super) loose_sent: u64,
    pub(super) loose_received: u64,
    pub(super) sure_sent: u64,
    pub(super) sure_received: u64,
    /// The number of reliable messages that arrived twice or out of order.
    pub(super) misplaced: u64,
    /// The number of messages that the driver refused. These messages were not sent.
    pub(super) refused: u64,
}

impl Tally {
    /// Sends the next message. Every twentieth message is reliable.
    pub(super) fn send<E>(&mut self, sender: &mut impl Sender<Error = E>) {
        if (self.loose_sent + self.sure_sent + self.refused) % SURE_ONE_IN == SURE_ONE_IN - 1 {
            match sender.send(&Sure::new(self.sure_sent as u32)) {
                Ok(()) => self.sure_sent += 1,
                Err(_) => self.refused += 1,
            }
        } else {
            match sender.send(&Loose::new(self.loose_sent as u32)) {
                Ok(()) => self.loose_sent += 1,
                Err(_) => self.refused += 1,
            }
        }
    }

    pub(super) const fn on_loose(&mut self, _: &Loose) {
        self.loose_received += 1;
    }

    pub(super) fn on_sure(&mut self, sure: &Sure) {
        self.misplaced += u64::from(u64::from(sure.number) != self.sure_received);
        self.sure_received += 1;
    }

    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            loose_sent: self.loose_sent + other.loose_sent,
            loose_received: self.loose_received + other.loose_received,
            sure_sent: self.sure_sent + other.sure_sent,
            sure_received: self.sure_received + other.sure_received,
            misplaced: self.misplaced + other.misplaced,
            refused: self.refused + other.refused,
        }
    }
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::plus)
    }
}

/// An interface that sends messages to the other end.
pub(super) trait Sender {
    type Error;

    fn send<T: NetMessage>(&mut self, message: &T) -> Result<(), Self::Error>;
}

/// The number of messages of which one is reliable.
const SURE_ONE_IN: u64 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    struct Willing(bool);

    impl Sender for Willing {
        type Error = ();

        fn send<T: NetMessage>(&mut self, _: &T) -> Result<(), ()> {
            self.0.then_some(()).ok_or(())
        }
    }

    #[test]
    fn one_load_message_in_twenty_is_reliable() {
        let mut tally = Tally::default();
        (0..40).for_each(|_| tally.send(&mut Willing(true)));
        tally.send(&mut Willing(false));
        assert_eq!((tally.loose_sent, tally.sure_sent, tally.refused), (38, 2, 1));
    }

    #[test]
    fn load_messages_that_arrive_twice_or_out_of_order_are_counted() {
        let mut tally = Tally::default();
        for number in [0, 1, 1, 3] {
            tally.on_sure(&Sure::new(number));
        }
        assert_eq!((tally.sure_received, tally.misplaced), (4, 1));
        tally.on_sure(&Sure::new(5));
        assert_eq!(tally.misplaced, 2);
    }
}
