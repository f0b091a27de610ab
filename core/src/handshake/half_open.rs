//! A handshake that the server has answered and whose first Data packet has not arrived.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

use bytes::Bytes;

use super::buckets::BucketPlaces;
use super::keys;
use super::parameters::Parameters;
use super::welcome::SessionOutcome;
use crate::address::{Address, LinkId, has_scope, scope_of};
use crate::crypto::{HandshakeCrypto, Key, Provider, Secret, SessionKeys, first_key};
use crate::event::PeerInfo;
use crate::limits;
use crate::time::Span;
use crate::wire::{DataHeader, decode_packet_number};

/// The time for which an entry waits after the latest copy of its Hello from the address to which the Welcome is sent. A
/// client whose driver calls every 5 s reads the Welcome one call after its latest Hello. If its first Data is lost, the
/// next copy comes 10 s after that Hello.
pub(crate) const HALF_OPEN_LIFE: Span = Span::from_millis(10_500);

/// The longest extension of the wait by further copies of the Hello, in tenths of a second. The whole wait is at most 30 s.
const EXTENDED_MOST: u8 = 195;

/// The id of a half-open handshake: the first half of the digest of the client's Noise bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct HalfOpenId([u8; 16]);

impl HalfOpenId {
    pub(super) fn of(noise_digest: &Key) -> Self {
        let mut id = [0; 16];
        id.iter_mut().zip(noise_digest).for_each(|(to, from)| *to = *from);
        Self(id)
    }
}

/// The session that a client wants to resume.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Resume {
    /// The name of the session.
    pub(crate) session: [u8; 16],
    /// The incarnation of the session to which the client's ticket belongs.
    pub(crate) incarnation: u32,
}

/// The credential that a client showed, reduced to the part that limits its repeated use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ShownCredential {
    /// No credential.
    Open,
    /// A ticket that is valid once.
    Ticket { id: [u8; 16], expiry: u64 },
    /// A ticket of a session. The ticket is valid until a newer ticket is acknowledged.
    Resume(Resume),
    /// The key of an expected peer.
    Peer { hint: [u8; 16] },
}

impl ShownCredential {
    /// Returns `true` if the credential is a ticket, a session or a key, and not only a cookie.
    pub(super) const fn is_more_than_a_cookie(&self) -> bool {
        !matches!(self, Self::Open)
    }

    /// Returns `true` if both are copies of one ticket, session or peer.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ticket { id, .. }, Self::Ticket { id: other, .. }) => id == other,
            (Self::Resume(resume), Self::Resume(other)) => resume.session == other.session,
            (Self::Peer { hint }, Self::Peer { hint: other }) => hint == other,
            _ => false,
        }
    }
}

/// An address in a compact form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Proven {
    Nowhere,
    Udp { ip: [u8; 16], port: [u8; 2] },
    Link([u8; 8]),
}

/// Returns the IP address as 16 bytes, with IPv4 inside IPv6. Bytes 4 to 7 of a link-local address contain the interface.
/// These bytes are zero in every link-local address (RFC 4291 section 2.5.6).
fn packed(socket: SocketAddr) -> [u8; 16] {
    let mut ip = match socket.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    };
    let interface = scope_of(&socket).to_be_bytes();
    ip.iter_mut().skip(4).zip(interface).for_each(|(byte, of)| *byte ^= of);
    ip
}

/// Returns the socket address of which [`packed`] returned the IP address.
fn unpacked(packed: [u8; 16], port: u16) -> SocketAddr {
    let ip = Ipv6Addr::from(packed);
    if !has_scope(ip) {
        return SocketAddr::new(ip.into(), port);
    }
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let ip = Ipv6Addr::new(a, b, 0, 0, e, f, g, h);
    SocketAddrV6::new(ip, port, 0, u32::from(c) << 16 | u32::from(d)).into()
}

impl From<Address> for Proven {
    fn from(address: Address) -> Self {
        match address {
            Address::Link(LinkId(link)) => Self::Link(link.to_be_bytes()),
            Address::Udp(socket) => {
                let ip = packed(socket);
                Self::Udp { ip, port: socket.port().to_be_bytes() }
            }
        }
    }
}

/// A handshake that was answered and waits for the first Data. With all memory that it refers to, it takes at most
/// [`limits::HALF_OPEN_BYTES`].
pub(crate) struct HalfOpen {
    /// The root secret, in an allocation of its own, so that a move of the handshake leaves no copy of the secret.
    root: Box<Secret>,
    pub(super) credential: ShownCredential,
    identity: [u8; 16],
    /// The address that was proved to be the client's.
    pub(super) proven: Proven,
    /// The record of the client's source for a handshake that is abandoned, if a cookie or a link validates the address.
    /// The arrival of the Welcome alone validates no address for this purpose.
    pub(super) record: Option<BucketPlaces>,
    /// The credit, which is one of the client's [`Parameters`] that a connection needs, in bytes.
    pub(crate) credit: u64,
    ack_delay_us: u32,
    /// The idle timeout in tenths of a second, rounded down, so that it needs only two bytes.
    idle_timeout_ds: u16,
    pub(crate) max_datagram: u16,
    client_id: [u8; 3],
    local_id: [u8; 3],
    /// The outcome for the session, as the Welcome states it.
    pub(crate) session: SessionOutcome,
    welcome_length: u8,
    /// The time for which the entry waits beyond [`HALF_OPEN_LIFE`], in tenths of a second.
    extended_ds: u8,
    /// The Welcome, followed by the peer's user data.
    stored: Box<[u8]>,
}

/// The contents of a [`HalfOpen`], except its Welcome.
pub(super) struct NewHalfOpen<'a> {
    pub(super) root: Secret,
    pub(super) credential: ShownCredential,
    pub(super) peer: &'a PeerInfo,
    pub(super) parameters: Parameters,
    pub(super) client_id: u32,
    pub(super) local_id: u32,
    pub(super) session: SessionOutcome,
    /// The address from which the Hello came and to which the Welcome is sent.
    pub(super) address: Address,
    /// The record of the client's source, if a cookie or a link validates the client's address.
    pub(super) record: Option<BucketPlaces>,
}

impl HalfOpen {
    pub(super) fn new(opening: NewHalfOpen<'_>, welcome: &[u8]) -> Self {
        let NewHalfOpen { root, credential, peer, parameters, client_id, local_id, session, .. } = opening;
        let mut stored = Vec::with_capacity(welcome.len() + peer.user_data.len());
        stored.extend_from_slice(welcome);
        stored.extend_from_slice(&peer.user_data);
        Self {
            root: Box::new(root),
            credential,
            identity: peer.identity,
            proven: Proven::from(opening.address),
            record: opening.record,
            credit: parameters.credit,
            ack_delay_us: parameters.ack_delay_us,
            idle_timeout_ds: u16::try_from(parameters.idle_timeout_ms / 100).unwrap_or(u16::MAX),
            max_datagram: parameters.max_datagram,
            client_id: short(client_id),
            local_id: short(local_id),
            session,
            // A Welcome that accepts has a few dozen bytes.
            welcome_length: welcome.len() as u8,
            extended_ds: 0,
            stored: stored.into_boxed_slice(),
        }
    }

    /// Returns the keys of the session. Each call derives the keys, so the caller keeps them once the first Data is
    /// authentic.
    pub(crate) fn keys(&self, provider: &dyn HandshakeCrypto) -> SessionKeys {
        keys::session_keys(provider, &self.root)
    }

    /// Returns the identity of the peer.
    pub(crate) fn peer(&self) -> PeerInfo {
        let (_, user_data) = self.split();
        PeerInfo { identity: self.identity, user_data: Bytes::copy_from_slice(user_data) }
    }

    /// Returns `true` if `datagram`, of at most [`limits::BASE_DATAGRAM`] bytes, proves that its sender holds the keys. The
    /// datagram is not decrypted. A forged datagram costs two key derivations and one check of the tag.
    pub(crate) fn opens(&self, provider: &dyn Provider, header: &DataHeader, datagram: &[u8]) -> bool {
        let mut copy = [0; limits::BASE_DATAGRAM];
        let Some(copy) = copy.get_mut(..datagram.len()) else { return false };
        copy.copy_from_slice(datagram);
        let number = decode_packet_number(0, header.packet_number, header.pn_len);
        let secret = keys::to_responder(provider.handshake(), &self.root);
        let Some((head, packet)) = copy.split_at_mut_checked(header.header_len()) else { return false };
        !header.phase && first_key(provider, &secret).open(number, head, packet).is_ok()
    }

    /// Returns the connection id that the client chose for packets to itself.
    pub(crate) const fn client_id(&self) -> u32 {
        long(self.client_id)
    }

    /// Returns the connection id that this end chose.
    pub(crate) const fn local_id(&self) -> u32 {
        long(self.local_id)
    }

    pub(crate) const fn identity(&self) -> [u8; 16] {
        self.identity
    }

    /// Returns the session that the client asked to resume.
    pub(crate) const fn resume(&self) -> Option<Resume> {
        match self.credential {
            ShownCredential::Resume(resume) => Some(resume),
            _ => None,
        }
    }

    /// Returns the address that was proved to be the client's, if there is one: the address of the cookie, or the only
    /// address to which the Welcome was sent.
    pub(crate) fn proven(&self) -> Option<Address> {
        match self.proven {
            Proven::Nowhere => None,
            Proven::Link(link) => Some(Address::Link(LinkId(u64::from_be_bytes(link)))),
            Proven::Udp { ip, port } => Some(unpacked(ip, u16::from_be_bytes(port)).into()),
        }
    }

    /// Returns the longest time by which the client delays an acknowledgement.
    pub(crate) fn ack_delay(&self) -> Span {
        Span::from_micros(self.ack_delay_us.into())
    }

    /// Returns the time without a packet from this end after which the client gives up, at least 100 ms.
    pub(crate) fn idle_timeout(&self) -> Span {
        Span::from_millis(u64::from(self.idle_timeout_ds.max(1)) * 100)
    }

    /// Extends the wait by `time`, as far as the limit allows. Returns the extension, in whole tenths of a second.
    pub(super) fn extend(&mut self, time: Span) -> Span {
        let tenths = time.as_micros() / 100_000;
        let more =
            u8::try_from(tenths).unwrap_or(u8::MAX).min(EXTENDED_MOST.saturating_sub(self.extended_ds));
        self.extended_ds = self.extended_ds.saturating_add(more);
        Span::from_millis(100) * u32::from(more)
    }

    pub(super) fn extended(&self) -> Span {
        Span::from_millis(100) * u32::from(self.extended_ds)
    }

    /// Records that a copy of the Welcome is sent to `address`.
    pub(super) fn on_repeated(&mut self, address: Address) {
        if self.record.is_none() && self.proven != Proven::from(address) {
            self.proven = Proven::Nowhere;
        }
    }

    pub(super) fn welcome(&self) -> &[u8] {
        self.split().0
    }

    fn split(&self) -> (&[u8], &[u8]) {
        self.stored.split_at_checked(self.welcome_length.into()).unwrap_or_default()
    }
}

/// Returns the bytes of a connection id.
const fn short(id: u32) -> [u8; 3] {
    let [a, b, c, _] = id.to_le_bytes();
    [a, b, c]
}

const fn long([a, b, c]: [u8; 3]) -> u32 {
    u32::from_le_bytes([a, b, c, 0])
}

#[cfg(test)]
mod tests;
