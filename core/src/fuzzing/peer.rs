//! A peer that holds valid keys and breaks the protocol at will.

use crate::time::Span;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::handshake::{Answering, Dialling, Proof, Reaction, introduction};
use crate::address::{Address, Ecn};
use crate::config::{Config, Secrets};
use crate::crypto::{PacketKeys, Provider, Secret, SessionKeys};
use crate::endpoint::Endpoint;
use crate::handshake::{Answer, Parameters, resume_psk};
use crate::limits::{BASE_DATAGRAM, TAG};
use crate::time::Instant;
use crate::wire::{DataHeader, Writer, decode_packet_number};

/// The parameters that a hostile peer sends in the handshake. The endpoint under test rejects a parameter outside its
/// range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claims {
    /// The flow-control credit that the peer declares, in bytes. A valid value is at most 2^62.
    pub credit: u64,
    /// The longest delay of acknowledgements that the peer declares, in µs. A valid value is at most 10,000,000.
    pub ack_delay_us: u32,
    /// The largest datagram that the peer declares to accept, in bytes. A valid value is at least
    /// [`crate::limits::LEAST_DATAGRAM`].
    pub max_datagram: u16,
}

impl Claims {
    fn apply(self, parameters: &mut Parameters) {
        parameters.credit = self.credit;
        parameters.ack_delay_us = self.ack_delay_us;
        parameters.max_datagram = self.max_datagram;
    }
}

/// A peer that completed the handshake and sends any frames that the caller passes, valid or not.
pub struct HostilePeer {
    provider: Arc<dyn Provider>,
    keys: PacketKeys,
    exporter: Secret,
    remote_id: u32,
    local_id: u32,
    largest_received: u64,
    /// The packet number after the highest number sealed so far.
    pub next: u64,
}

impl HostilePeer {
    /// Connects to `server` from the address `from`. Every datagram between the peer and the server arrives
    /// immediately, and datagrams to other addresses are lost. The server then has a half-open handshake, which the
    /// peer's first packet turns into a connection. Returns `None` if the handshake fails.
    #[must_use]
    pub fn dial(
        now: Instant,
        config: &Config,
        claims: Option<Claims>,
        proof: Proof,
        server: &mut Endpoint,
        from: SocketAddr,
        seed: [u8; 32],
    ) -> Option<Self> {
        let (mut parameters, _) = introduction(config);
        if let Some(claims) = claims {
            claims.apply(&mut parameters);
        }
        let local_id = u32::from_le_bytes([*seed.first()?, 0, 0, 0]);
        let key = Some(*server.public_key());
        let mut dialling = Dialling::claiming(now, config, parameters, local_id, key, proof, seed)?;
        let mut buffer = vec![0; 64 * BASE_DATAGRAM];
        for _ in 0..4 {
            let length = dialling.write(now, &mut buffer)?;
            server.handle_datagram(now, from, Ecn::NotCapable, buffer.get_mut(..length)?);
            while let Some(transmit) = server.poll_transmit(now, &mut buffer) {
                if transmit.path.remote != Address::from(from) {
                    continue;
                }
                for datagram in transmit.datagrams(&buffer) {
                    match dialling.dialer.handle(now, &mut dialling.rng, datagram) {
                        Answer::Accepted(accepted) => {
                            let keys = accepted.keys;
                            return Some(Self::new(config, keys, accepted.remote_id, local_id, true));
                        }
                        Answer::Refused(_) => return None,
                        Answer::Ignored(_) | Answer::Progress | Answer::Noted => {}
                    }
                }
            }
        }
        None
    }

    /// Answers the handshake of `client`, which dials the address `at`. The client is then connected. Returns `None` if the
    /// handshake fails.
    #[must_use]
    pub fn accept(
        now: Instant,
        config: &Config,
        claims: Option<Claims>,
        secrets: &Secrets,
        client: &mut Endpoint,
        at: SocketAddr,
        seed: [u8; 32],
    ) -> Option<Self> {
        let mut answering = Answering::new(config, secrets, seed);
        if let Some(claims) = claims {
            claims.apply(&mut answering.parameters);
        }
        let mut buffer = vec![0; 64 * BASE_DATAGRAM];
        while let Some(transmit) = client.poll_transmit(now, &mut buffer) {
            for datagram in transmit.datagrams(&buffer) {
                let (reaction, mut reply) = answering.handle(now, at, true, datagram, None);
                if !reply.is_empty() {
                    client.handle_datagram(now, at, Ecn::NotCapable, &mut reply);
                }
                if let Reaction::Admitted(half_open) = reaction {
                    let (keys, client_id, local_id) = answering.keys(now, half_open)?;
                    return Some(Self::new(config, keys, client_id, local_id, false));
                }
            }
        }
        None
    }

    fn new(config: &Config, keys: SessionKeys, remote_id: u32, local_id: u32, dialled: bool) -> Self {
        let SessionKeys { to_responder, to_initiator, exporter } = keys;
        let (send, receive) =
            if dialled { (to_responder, to_initiator) } else { (to_initiator, to_responder) };
        let provider = Arc::clone(&config.provider);
        let keys = PacketKeys::new(Arc::clone(&provider), &send, &receive);
        Self { provider, keys, exporter, remote_id, local_id, largest_received: 0, next: 0 }
    }

    /// Seals a packet with these `frames` under the packet number `number`. The header carries the low `number_bytes`
    /// bytes of the number; a value outside 1 to 4 is clamped.
    #[must_use]
    pub fn seal(&mut self, number: u64, number_bytes: u8, frames: &[u8]) -> Vec<u8> {
        self.next = self.next.max(number.saturating_add(1));
        let header = DataHeader {
            phase: self.keys.send_phase(),
            id: self.remote_id,
            packet_number: number as u32,
            pn_len: number_bytes.clamp(1, 4),
        };
        let mut datagram = vec![0; header.header_len() + frames.len() + TAG];
        let (head, packet) = datagram.split_at_mut(header.header_len());
        // The buffers have the sizes that both were made for.
        let written = header.write(&mut Writer::new(head));
        debug_assert!(written.is_ok());
        if let Some(body) = packet.get_mut(..frames.len()) {
            body.copy_from_slice(frames);
        }
        self.keys.seal(number, head, packet);
        datagram
    }

    /// Seals the next packet with these `frames`.
    #[must_use]
    pub fn packet(&mut self, frames: &[u8]) -> Vec<u8> {
        self.seal(self.next, 4, frames)
    }

    /// Decrypts a packet that was sent to this peer, and returns its number and frames. Returns `None` if the datagram
    /// is not such a packet.
    pub fn open(&mut self, now: Instant, datagram: &[u8]) -> Option<(u64, Vec<u8>)> {
        let header = DataHeader::read(datagram).ok().filter(|header| header.id == self.local_id)?;
        let number = decode_packet_number(self.largest_received, header.packet_number, header.pn_len);
        let (head, packet) = datagram.split_at_checked(header.header_len())?;
        let mut packet = packet.to_vec();
        let pto = Span::from_secs(1);
        let length = self.keys.open(now, header.phase, number, head, &mut packet, || pto).ok()?;
        self.largest_received = self.largest_received.max(number);
        packet.truncate(length);
        Some((number, packet))
    }

    /// Changes to the next sending key if the protocol allows a key update now. Returns whether the key changed.
    pub fn rotate(&mut self, now: Instant) -> bool {
        self.keys.rotate(now, self.next)
    }

    /// Records that the endpoint under test acknowledged the packet `number` of this peer.
    pub fn on_acked(&mut self, number: u64) {
        self.keys.on_acked(number);
    }

    /// Skips packet numbers, to match an endpoint that [`super::age`] changed. Sets the highest packet number received
    /// to `received`, and the packet number of the next packet sent to `next`.
    pub const fn skip_to(&mut self, received: u64, next: u64) {
        self.largest_received = received;
        self.next = next;
    }

    /// Returns the credential that a client gets from a TICKET frame with this sequence number, expiry and sealed ticket.
    #[must_use]
    pub fn resume_proof(&self, sequence: u64, expiry: u64, sealed: &[u8]) -> Proof {
        let psk = resume_psk(self.provider.handshake(), &self.exporter, sequence);
        Proof::Resume { sealed: sealed.to_vec(), psk: *psk, expiry }
    }

    /// Returns the connection id that the endpoint under test uses.
    #[must_use]
    pub const fn remote_id(&self) -> u32 {
        self.remote_id
    }
}
