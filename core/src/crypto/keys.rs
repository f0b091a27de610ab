//! The packet keys of a transport in both directions, and their rotation (RFC 9001 section 6).
//!
//! Each direction counts its generations of keys; the key phase on the wire is the lowest bit of that count. An end
//! that sees its peer one generation ahead rotates its own sending keys too. Neither end goes two generations ahead of
//! the generation that the other end has proved to have, so one bit is enough to tell the generations apart.

#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::{Key, PacketKey, Provider, Rejected, Secret};
use crate::limits;
use crate::time::{Instant, Span};

const KEY_LABEL: &[u8] = b"tickwire key";
const NEXT_LABEL: &[u8] = b"tickwire next";
/// The number of PTOs for which the old key is kept after the switch (RFC 9001 section 6.5).
const PREVIOUS_KEPT_PTOS: u32 = 3;

/// The keys of both directions of one transport.
pub(crate) struct PacketKeys {
    provider: Arc<dyn Provider>,
    send: SendKeys,
    receive: ReceiveKeys,
    failed_opens: u64,
}

impl PacketKeys {
    /// Creates the first generation of keys from the secrets of the two directions.
    pub(crate) fn new(provider: Arc<dyn Provider>, send_secret: &Key, receive_secret: &Key) -> Self {
        let send = SendKeys::new(&*provider, send_secret);
        let receive = ReceiveKeys::new(&*provider, receive_secret);
        Self { provider, send, receive, failed_opens: 0 }
    }

    /// Returns the key phase for the header of the next packet.
    pub(crate) fn send_phase(&self) -> bool {
        phase(self.send.generation)
    }

    /// Encrypts `packet` in place with the current key: see [`PacketKey::seal`]. Packet numbers must increase.
    pub(crate) fn seal(&mut self, packet_number: u64, header: &[u8], packet: &mut [u8]) {
        self.send.sealed += 1;
        self.send.first.get_or_insert(packet_number);
        self.send.key.seal(packet_number, header, packet);
    }

    /// Returns the number of packets sealed with the current key.
    pub(crate) fn sealed(&self) -> u64 {
        self.send.sealed
    }

    /// Decrypts `packet` in place with the key of its phase and number, and returns the length of the plaintext in bytes.
    /// The first packet of the next phase switches the keys: the old key still opens packets in flight for three times
    /// `pto`, and the sending keys of this end follow.
    ///
    /// # Errors
    /// [`Rejected`] if the packet is not authentic, or its phase contradicts its number. The bytes are then worthless.
    pub(crate) fn open(
        &mut self,
        now: Instant,
        phase_bit: bool,
        packet_number: u64,
        header: &[u8],
        packet: &mut [u8],
        pto: impl FnOnce() -> Span,
    ) -> Result<usize, Rejected> {
        self.receive.discard_previous(now);
        let which = self.receive.select(phase_bit, packet_number).ok_or(Rejected)?;
        let opened = match which {
            Which::Previous(key) | Which::Current(key) => key.open(packet_number, header, packet),
            Which::Next(key) => {
                let next = self.provider.packet_key(key);
                let opened = next.open(packet_number, header, packet);
                if opened.is_ok() {
                    let discard_at = now + pto().saturating_mul(PREVIOUS_KEPT_PTOS);
                    self.receive.switch(&*self.provider, next, packet_number, discard_at);
                    if self.send.generation < self.receive.generation {
                        self.send.switch(&*self.provider, None);
                    }
                    return opened;
                }
                opened
            }
        };
        let is_previous = matches!(which, Which::Previous(_));
        match opened {
            Ok(_) if is_previous => self.receive.on_previous_opened(packet_number),
            Ok(_) => self.receive.on_opened(packet_number),
            Err(_) => self.failed_opens = self.failed_opens.saturating_add(1),
        }
        opened
    }

    /// Switches to the next sending key, from packet `next_packet_number` on, and returns `true`.
    ///
    /// Returns `false` and changes nothing until the peer has acknowledged a packet of the current generation (unless the
    /// generation is the first) and has switched its own sending key to it, and as long as the previous receiving key is
    /// kept. Otherwise packets of three generations could be in flight.
    pub(crate) fn rotate(&mut self, now: Instant, next_packet_number: u64) -> bool {
        self.receive.discard_previous(now);
        let settled = self.send.acknowledged
            && self.receive.generation == self.send.generation
            && self.receive.previous.is_none();
        if settled {
            self.send.switch(&*self.provider, Some(next_packet_number));
        }
        settled
    }

    /// Records that the peer has acknowledged the packet `packet_number`.
    pub(crate) fn on_acked(&mut self, packet_number: u64) {
        if self.send.first.is_some_and(|first| packet_number >= first) {
            self.send.acknowledged = true;
        }
    }

    /// Returns the number of packets that no key opened during the life of the transport.
    #[cfg(test)]
    pub(crate) fn failed_opens(&self) -> u64 {
        self.failed_opens
    }

    /// Returns `true` if so many packets failed to open that the transport must end (RFC 9001 section 6.6).
    pub(crate) fn exhausted(&self) -> bool {
        self.failed_opens >= limits::FAILED_OPENS
    }
}

impl core::fmt::Debug for PacketKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PacketKeys")
            .field("send_generation", &self.send.generation)
            .field("receive_generation", &self.receive.generation)
            .finish_non_exhaustive()
    }
}

struct SendKeys {
    key: Box<dyn PacketKey>,
    /// The secret of the next generation. Older secrets are overwritten, so a leak does not expose older packets.
    next_secret: Secret,
    generation: u64,
    /// The number of packets sealed in this generation.
    sealed: u64,
    /// The first packet number of this generation, once known.
    first: Option<u64>,
    /// `true` if the peer has proved that it has this generation.
    acknowledged: bool,
}

/// Derives the first key from the secret of one direction.
pub(crate) fn first_key(provider: &dyn Provider, secret: &Key) -> Box<dyn PacketKey> {
    provider.packet_key(&derive(provider, secret, KEY_LABEL))
}

fn derive(provider: &dyn Provider, secret: &Key, label: &[u8]) -> Secret {
    provider.handshake().derive(secret, label).into()
}

impl SendKeys {
    fn new(provider: &dyn Provider, secret: &Key) -> Self {
        Self {
            key: first_key(provider, secret),
            next_secret: derive(provider, secret, NEXT_LABEL),
            generation: 0,
            sealed: 0,
            first: None,
            // Both ends have the first generation from the handshake.
            acknowledged: true,
        }
    }

    fn switch(&mut self, provider: &dyn Provider, first: Option<u64>) {
        let next = Self::new(provider, &self.next_secret);
        *self = Self { generation: self.generation + 1, first, acknowledged: false, ..next };
    }
}

/// One of the three keys that may open a packet.
#[derive(Clone, Copy)]
enum Which<'a> {
    Previous(&'a dyn PacketKey),
    Current(&'a dyn PacketKey),
    Next(&'a Key),
}

struct Previous {
    key: Box<dyn PacketKey>,
    discard_at: Instant,
}

struct ReceiveKeys {
    previous: Option<Previous>,
    current: Box<dyn PacketKey>,
    /// The secret of the next key, derived in advance, so that rejecting a packet of the next phase costs hardly more than
    /// rejecting any other packet. The key itself is not prepared in advance, because a prepared key takes up to 512 bytes
    /// and is used once in millions of packets.
    next: Secret,
    /// The secret of the generation after `next`.
    after_next_secret: Secret,
    generation: u64,
    /// The highest packet number opened with the previous key.
    last_of_previous: Option<u64>,
    /// The lowest and the highest packet number opened with the current key.
    opened: Option<(u64, u64)>,
}

impl ReceiveKeys {
    fn new(provider: &dyn Provider, secret: &Key) -> Self {
        let next_secret = derive(provider, secret, NEXT_LABEL);
        Self {
            previous: None,
            current: first_key(provider, secret),
            next: derive(provider, &next_secret, KEY_LABEL),
            after_next_secret: derive(provider, &next_secret, NEXT_LABEL),
            generation: 0,
            last_of_previous: None,
            opened: None,
        }
    }

    fn discard_previous(&mut self, now: Instant) {
        if self.previous.as_ref().is_some_and(|previous| previous.discard_at <= now) {
            self.previous = None;
        }
    }

    /// Returns the key for a packet, or `None` if no key fits. Keys change once per phase as packet numbers increase (RFC
    /// 9001 section 6.4), so the packet number shows whether the other phase is the previous or the next one.
    fn select(&self, phase_bit: bool, packet_number: u64) -> Option<Which<'_>> {
        let lowest = self.opened.map(|(lowest, _)| lowest);
        if phase_bit == phase(self.generation) {
            let fits = self.last_of_previous.is_none_or(|last| packet_number > last);
            fits.then_some(Which::Current(&*self.current))
        } else if lowest.is_some_and(|lowest| packet_number < lowest) {
            self.previous.as_ref().map(|previous| Which::Previous(&*previous.key))
        } else {
            let fits = self.opened.is_none_or(|(_, highest)| packet_number > highest);
            fits.then_some(Which::Next(&self.next))
        }
    }

    fn on_previous_opened(&mut self, packet_number: u64) {
        self.last_of_previous = self.last_of_previous.max(Some(packet_number));
    }

    fn on_opened(&mut self, packet_number: u64) {
        let (lowest, highest) = self.opened.unwrap_or((packet_number, packet_number));
        self.opened = Some((lowest.min(packet_number), highest.max(packet_number)));
    }

    /// Makes the next generation, whose key is `next`, the current generation from `packet_number` on.
    fn switch(
        &mut self,
        provider: &dyn Provider,
        next: Box<dyn PacketKey>,
        packet_number: u64,
        discard_at: Instant,
    ) {
        self.next = derive(provider, &self.after_next_secret, KEY_LABEL);
        self.after_next_secret = derive(provider, &self.after_next_secret, NEXT_LABEL);
        let key = core::mem::replace(&mut self.current, next);
        self.previous = Some(Previous { key, discard_at });
        self.generation += 1;
        self.last_of_previous = self.opened.map(|(_, highest)| highest);
        self.opened = Some((packet_number, packet_number));
    }
}

const fn phase(generation: u64) -> bool {
    generation % 2 == 1
}
