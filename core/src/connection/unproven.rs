//! A transport at an address that the peer has not validated. Until the peer answers a challenge there, the endpoint
//! sends no more bytes to this address than it received from there (RFC 9000 section 8, with a factor of 1 instead of 3).

/// The size of a datagram with a challenge, in bytes. The size is larger than the answer.
pub(crate) const CHALLENGE_DATAGRAM: usize = 48;

/// The state of an address that has not been validated yet.
#[derive(Clone, Debug)]
pub(crate) struct Unproven {
    challenge: [u8; 8],
    is_due: bool,
    /// `true` if no frame fitted into the bytes that may be sent, so this end waits for more bytes to arrive.
    is_stuck: bool,
    received: u64,
    sent: u64,
}

impl Unproven {
    /// Creates the state of an address that `challenge` challenges, and from which no packet arrived yet.
    pub(crate) const fn new(challenge: [u8; 8]) -> Self {
        Self { challenge, is_due: true, is_stuck: false, received: 0, sent: 0 }
    }

    /// Returns the number of bytes that may be sent to the address now.
    pub(crate) const fn allowance(&self) -> u64 {
        self.received.saturating_sub(self.sent)
    }

    /// Returns `true` if a datagram can be built now.
    pub(crate) const fn may_send(&self) -> bool {
        !self.is_stuck && self.allowance() >= CHALLENGE_DATAGRAM as u64
    }

    /// Records an authentic packet of `bytes` from the address. A challenge may now reach its sender.
    pub(crate) const fn on_received(&mut self, bytes: u64) {
        self.received = self.received.saturating_add(bytes);
        self.challenge_again();
    }

    /// Records that a datagram of `bytes` was sent to the address.
    pub(crate) const fn on_sent(&mut self, bytes: u64) {
        self.sent = self.sent.saturating_add(bytes);
    }

    /// Records that no waiting frame fits into the bytes that may be sent.
    pub(crate) const fn on_stuck(&mut self) {
        self.is_stuck = true;
    }

    /// Sends the challenge again, because the challenge or its answer may have been lost.
    pub(crate) const fn challenge_again(&mut self) {
        self.is_due = true;
        self.is_stuck = false;
    }

    /// Returns the challenge, if the next datagram must carry it.
    pub(crate) fn challenge_due(&self) -> Option<[u8; 8]> {
        self.is_due.then_some(self.challenge)
    }

    /// Records that the challenge was sent.
    pub(crate) const fn on_challenge_sent(&mut self) {
        self.is_due = false;
    }

    /// Returns `true` if `data` answers the challenge.
    pub(crate) fn is_answer(&self, data: &[u8; 8]) -> bool {
        self.challenge == *data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unvalidated_address_never_receives_more_bytes_than_it_sent() {
        let mut unproven = Unproven::new([7; 8]);
        assert!(!unproven.may_send());
        unproven.on_received(CHALLENGE_DATAGRAM as u64);
        assert!(unproven.may_send());
        unproven.on_sent(1);
        assert!(!unproven.may_send());
        assert_eq!(unproven.allowance(), CHALLENGE_DATAGRAM as u64 - 1);
    }

    #[test]
    fn sending_blocked_by_the_anti_amplification_limit_resumes_with_the_next_path_challenge() {
        let mut unproven = Unproven::new([7; 8]);
        unproven.on_received(100);
        unproven.on_challenge_sent();
        unproven.on_stuck();
        assert!(!unproven.may_send());
        unproven.challenge_again();
        assert!(unproven.may_send());
        assert_eq!(unproven.challenge_due(), Some([7; 8]));
    }
}
