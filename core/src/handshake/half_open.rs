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

/// How long an entry waits after the last copy of its Hello from where its Welcome goes. A client whose driver calls every 5 s
/// reads the Welcome one call after its last Hello. If its first Data is lost, the next copy comes 10 s after that Hello.
pub(crate) const HALF_OPEN_LIFE: Span = Span::from_millis(10_500);

/// How much longer an entry waits, however many copies come, in tenths of a second: 30 s in all.
const EXTENDED_MOST: u8 = 195;

/// A half-open handshake: the first half of the digest of the client's Noise bytes.
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
    /// The session.
    pub(crate) session: [u8; 16],
    /// The incarnation of it that the client's ticket is of.
    pub(crate) incarnation: u32,
}

/// The credential that a client showed, as far as it limits how often it may be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ShownCredential {
    /// Nothing.
    Open,
    /// A ticket that lets in once.
    Ticket { id: [u8; 16], expiry: u64 },
    /// A ticket of a session. It works until its successor is acknowledged.
    Resume(Resume),
    /// The key that is expected of a peer.
    Peer { hint: [u8; 16] },
}

impl ShownCredential {
    /// Whether it is more than a cookie: a ticket, a session or a key.
    pub(super) const fn is_more_than_a_cookie(&self) -> bool {
        !matches!(self, Self::Open)
    }

    /// Whether both are copies of one ticket, session or peer.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ticket { id, .. }, Self::Ticket { id: other, .. }) => id == other,
            (Self::Resume(resume), Self::Resume(other)) => resume.session == other.session,
            (Self::Peer { hint }, Self::Peer { hint: other }) => hint == other,
            _ => false,
        }
    }
}

/// An address in few bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Proven {
    Nowhere,
    Udp { ip: [u8; 16], port: [u8; 2] },
    Link([u8; 8]),
}

/// An IP address, IPv4 inside IPv6. The interface of a link-local one stands in its bytes 4 to 7, which are zero in all of
/// them (RFC 4291 section 2.5.6).
fn packed(socket: SocketAddr) -> [u8; 16] {
    let mut ip = match socket.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    };
    let interface = scope_of(&socket).to_be_bytes();
    ip.iter_mut().skip(4).zip(interface).for_each(|(byte, of)| *byte ^= of);
    ip
}

/// The socket address that [`packed`] has the IP address of.
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

/// A handshake that was answered and waits for the first Data. With everything it refers to, it holds at most
/// [`limits::HALF_OPEN_BYTES`].
pub(crate) struct HalfOpen {
    /// In a place of its own: where this moves, it leaves no copy.
    root: Box<Secret>,
    pub(super) credential: ShownCredential,
    identity: [u8; 16],
    /// The address that is shown to be the client's.
    pub(super) proven: Proven,
    /// Where its source is recorded should it come to nothing, if a cookie or a link shows the address, not just the Welcome's
    /// arrival.
    pub(super) record: Option<BucketPlaces>,
    /// The [`Parameters`] of the client that a connection needs.
    pub(crate) credit: u64,
    ack_delay_us: u32,
    /// In tenths of a second, rounded down: it has few bytes to be kept in.
    idle_timeout_ds: u16,
    pub(crate) max_datagram: u16,
    client_id: [u8; 3],
    local_id: [u8; 3],
    /// The fate of the session, as the Welcome gives it.
    pub(crate) session: SessionOutcome,
    welcome_length: u8,
    /// How much longer it waits than [`HALF_OPEN_LIFE`], in tenths of a second.
    extended_ds: u8,
    /// The Welcome, then the peer's user data.
    stored: Box<[u8]>,
}

/// The contents of a [`HalfOpen`] besides its Welcome.
pub(super) struct NewHalfOpen<'a> {
    pub(super) root: Secret,
    pub(super) credential: ShownCredential,
    pub(super) peer: &'a PeerInfo,
    pub(super) parameters: Parameters,
    pub(super) client_id: u32,
    pub(super) local_id: u32,
    pub(super) session: SessionOutcome,
    /// Where the Hello came from and the Welcome goes.
    pub(super) address: Address,
    /// Where its source is recorded, if a cookie or a link shows that the client is there.
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

    /// The keys of the session. They are derived at each call: keep them once the first Data proved authentic.
    pub(crate) fn keys(&self, provider: &dyn HandshakeCrypto) -> SessionKeys {
        keys::session_keys(provider, &self.root)
    }

    /// The identity of the peer.
    pub(crate) fn peer(&self) -> PeerInfo {
        let (_, user_data) = self.split();
        PeerInfo { identity: self.identity, user_data: Bytes::copy_from_slice(user_data) }
    }

    /// Whether `datagram`, of at most [`limits::BASE_DATAGRAM`] bytes, proves that its sender holds the keys. It is not
    /// decrypted: garbage costs two derivations and a failed tag.
    pub(crate) fn opens(&self, provider: &dyn Provider, header: &DataHeader, datagram: &[u8]) -> bool {
        let mut copy = [0; limits::BASE_DATAGRAM];
        let Some(copy) = copy.get_mut(..datagram.len()) else { return false };
        copy.copy_from_slice(datagram);
        let number = decode_packet_number(0, header.packet_number, header.pn_len);
        let secret = keys::to_responder(provider.handshake(), &self.root);
        let Some((head, packet)) = copy.split_at_mut_checked(header.header_len()) else { return false };
        !header.phase && first_key(provider, &secret).open(number, head, packet).is_ok()
    }

    /// The connection id that the client chose for itself.
    pub(crate) const fn client_id(&self) -> u32 {
        long(self.client_id)
    }

    /// The connection id that this end chose.
    pub(crate) const fn local_id(&self) -> u32 {
        long(self.local_id)
    }

    pub(crate) const fn identity(&self) -> [u8; 16] {
        self.identity
    }

    /// The session that it asked to resume.
    pub(crate) const fn resume(&self) -> Option<Resume> {
        match self.credential {
            ShownCredential::Resume(resume) => Some(resume),
            _ => None,
        }
    }

    /// The address that is shown to be the client's, if one is: that of the cookie, or the only one that the Welcome could
    /// be read at.
    pub(crate) fn proven(&self) -> Option<Address> {
        match self.proven {
            Proven::Nowhere => None,
            Proven::Link(link) => Some(Address::Link(LinkId(u64::from_be_bytes(link)))),
            Proven::Udp { ip, port } => Some(unpacked(ip, u16::from_be_bytes(port)).into()),
        }
    }

    /// The longest that the client holds an acknowledgement back.
    pub(crate) fn ack_delay(&self) -> Span {
        Span::from_micros(self.ack_delay_us.into())
    }

    /// After this much silence the client gives up. At least 100 ms.
    pub(crate) fn idle_timeout(&self) -> Span {
        Span::from_millis(u64::from(self.idle_timeout_ds.max(1)) * 100)
    }

    /// Makes it wait for `time` longer, as far as it may: by how much, in whole tenths of a second.
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

    /// A copy of the Welcome goes to `address`.
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

/// The bytes of a connection id.
const fn short(id: u32) -> [u8; 3] {
    let [a, b, c, _] = id.to_le_bytes();
    [a, b, c]
}

const fn long([a, b, c]: [u8; 3]) -> u32 {
    u32::from_le_bytes([a, b, c, 0])
}

#[cfg(test)]
mod tests;
