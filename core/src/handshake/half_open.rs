//! Handshakes that were answered and wait for the first Data, and refusals that may have to be repeated.
//!
//! An entry is known by the digest of the client's Noise bytes, not by an address: whoever sends a copy gets the same
//! answer.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

use bytes::Bytes;
use smallvec::SmallVec;

use super::buckets::Places;
use super::keys;
use super::parameters::Parameters;
use super::welcome::Session;
use crate::address::{Address, LinkId, has_scope, scope_of};
use crate::crypto::{Key, Provider, Secret, SessionKeys, first_key};
use crate::event::PeerInfo;
use crate::limits;
use crate::time::{Duration, Instant};
use crate::wire::{DataHeader, decode_packet_number};

/// How long an entry waits after the last copy of its Hello from where its Welcome goes. A client whose driver calls every 5 s
/// reads the Welcome one call after its last Hello. If its first Data is lost, the next copy comes 10 s after that Hello.
pub(crate) const HALF_OPEN_LIFE: Duration = Duration::from_millis(10_500);

/// How much longer an entry waits, however many copies come, in tenths of a second: 30 s in all.
const EXTENDED_MOST: u8 = 195;

/// The age at which an entry gives way to another of the same ticket, session or peer.
const HALF_OPEN_STALE: Duration = Duration::from_secs(5);

/// An entry gives way to no newcomer before this age, unless all are younger: its first Data may be on the way. It takes
/// 4,000 handshakes a second to fill the table in that time, which is more than one core can answer.
const FRESH: Duration = Duration::from_millis(250);

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

/// What a client showed, as far as it limits how often it may be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Credential {
    /// Nothing.
    Open,
    /// A ticket that lets in once.
    Ticket { id: [u8; 16], expiry: u64 },
    /// A ticket of a session. It works until its successor is acknowledged.
    Resume(Resume),
    /// The key that is expected of a peer.
    Peer { hint: [u8; 16] },
}

impl Credential {
    /// Whether it is more than a cookie: a ticket, a session or a key.
    const fn is_more_than_a_cookie(&self) -> bool {
        !matches!(self, Self::Open)
    }

    /// Whether both are copies of one ticket, session or peer.
    fn is_same(&self, other: &Self) -> bool {
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
enum Proven {
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
    pub(super) credential: Credential,
    identity: [u8; 16],
    /// The address that is shown to be the client's.
    proven: Proven,
    /// Where its source is recorded should it come to nothing, if a cookie or a link shows the address, not just the Welcome's
    /// arrival.
    record: Option<Places>,
    /// The [`Parameters`] of the client that a connection needs.
    pub(crate) credit: u64,
    ack_delay_us: u32,
    /// In tenths of a second, rounded down: it has few bytes to be kept in.
    idle_timeout_ds: u16,
    pub(crate) max_datagram: u16,
    client_id: [u8; 3],
    local_id: [u8; 3],
    /// What the Welcome said of the session.
    pub(crate) session: Session,
    welcome_length: u8,
    /// How much longer it waits than [`HALF_OPEN_LIFE`], in tenths of a second.
    extended_ds: u8,
    /// The Welcome, then the peer's user data.
    stored: Box<[u8]>,
}

/// What goes into a [`HalfOpen`] besides its Welcome.
pub(super) struct Opening<'a> {
    pub(super) root: Secret,
    pub(super) credential: Credential,
    pub(super) peer: &'a PeerInfo,
    pub(super) parameters: Parameters,
    pub(super) client_id: u32,
    pub(super) local_id: u32,
    pub(super) session: Session,
    /// Where the Hello came from and the Welcome goes.
    pub(super) address: Address,
    /// Where its source is recorded, if a cookie or a link shows that the client is there.
    pub(super) record: Option<Places>,
}

impl HalfOpen {
    pub(super) fn new(opening: Opening<'_>, welcome: &[u8]) -> Self {
        let Opening { root, credential, peer, parameters, client_id, local_id, session, .. } = opening;
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
    pub(crate) fn keys(&self, provider: &dyn Provider) -> SessionKeys {
        keys::session_keys(provider, &self.root)
    }

    /// Who the peer is.
    pub(crate) fn peer(&self) -> PeerInfo {
        let (_, user_data) = self.split();
        PeerInfo { identity: self.identity, user_data: Bytes::copy_from_slice(user_data) }
    }

    /// Whether `datagram`, of at most [`limits::BASE_DATAGRAM`] bytes, proves that its sender holds the keys. It is not decrypted: garbage costs two derivations and a
    /// failed tag.
    pub(crate) fn opens(&self, provider: &dyn Provider, header: &DataHeader, datagram: &[u8]) -> bool {
        let mut copy = [0; limits::BASE_DATAGRAM];
        let Some(copy) = copy.get_mut(..datagram.len()) else { return false };
        copy.copy_from_slice(datagram);
        let number = decode_packet_number(0, header.packet_number, header.pn_len);
        let secret = keys::to_responder(provider, &self.root);
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
            Credential::Resume(resume) => Some(resume),
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
    pub(crate) fn ack_delay(&self) -> Duration {
        Duration::from_micros(self.ack_delay_us.into())
    }

    /// After this much silence the client gives up. At least 100 ms.
    pub(crate) fn idle_timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.idle_timeout_ds.max(1)) * 100)
    }

    /// Makes it wait for `time` longer, as far as it may: by how much, in whole tenths of a second.
    fn extend(&mut self, time: Duration) -> Duration {
        let tenths = time.as_millis() / 100;
        let more =
            u8::try_from(tenths).unwrap_or(u8::MAX).min(EXTENDED_MOST.saturating_sub(self.extended_ds));
        self.extended_ds = self.extended_ds.saturating_add(more);
        Duration::from_millis(100) * u32::from(more)
    }

    fn extended(&self) -> Duration {
        Duration::from_millis(100) * u32::from(self.extended_ds)
    }

    /// A copy of the Welcome goes to `address`.
    fn on_repeated(&mut self, address: Address) {
        if self.record.is_none() && self.proven != Proven::from(address) {
            self.proven = Proven::Nowhere;
        }
    }

    fn welcome(&self) -> &[u8] {
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

/// A refusal that was sent, and is sent again to whoever sends a copy.
struct Refused {
    credential: Credential,
    welcome: Box<[u8]>,
}

enum State {
    Waiting(HalfOpen),
    Refused(Refused),
}

struct Entry {
    expires: Instant,
    state: State,
}

impl Entry {
    fn born(&self) -> Instant {
        let extended = match &self.state {
            State::Waiting(half_open) => half_open.extended(),
            State::Refused(_) => Duration::ZERO,
        };
        self.expires - (HALF_OPEN_LIFE + extended)
    }

    /// Where its source is recorded if it comes to nothing.
    fn record(&self) -> Option<&Places> {
        match &self.state {
            State::Waiting(half_open) => half_open.record.as_ref(),
            State::Refused(_) => None,
        }
    }

    const fn credential(&self) -> &Credential {
        match &self.state {
            State::Waiting(half_open) => &half_open.credential,
            State::Refused(refused) => &refused.credential,
        }
    }
}

/// The room for a newcomer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Room {
    /// A free place.
    Free,
    /// The place of this entry.
    Instead(HalfOpenId),
    /// None.
    Nowhere,
}

/// The rest of an entry that waited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Abandoned {
    /// The local id that is free now.
    pub(super) local_id: u32,
    /// Where it is recorded.
    pub(super) record: Option<Places>,
}

/// Every entry, at most [`limits::HALF_OPEN`] and [`limits::REFUSALS_KEPT`].
pub(super) struct HalfOpenTable {
    entries: BTreeMap<HalfOpenId, Entry>,
    refused: usize,
    /// No entry expires before.
    earliest: Instant,
}

impl HalfOpenTable {
    pub(super) const fn new() -> Self {
        Self { entries: BTreeMap::new(), refused: 0, earliest: Instant::MAX }
    }

    /// Entries that wait, and refusals that are kept.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Entries that wait.
    pub(super) fn waiting(&self) -> usize {
        self.entries.len().saturating_sub(self.refused)
    }

    /// What was answered to the Noise message that `id` stands for, to be sent to `address`.
    pub(super) fn repeat(&mut self, now: Instant, id: &HalfOpenId, address: Address) -> Option<&[u8]> {
        let entry = self.entries.get_mut(id).filter(|entry| now < entry.expires)?;
        match &mut entry.state {
            State::Waiting(half_open) => {
                half_open.on_repeated(address);
                // The first Data follows the last copy within seconds, however long the round trip.
                if half_open.proven == Proven::from(address) {
                    entry.expires += half_open.extend((now + HALF_OPEN_LIFE) - entry.expires);
                }
                Some(half_open.welcome())
            }
            State::Refused(refused) => Some(&refused.welcome),
        }
    }

    /// Whether another entry of the same ticket, session or peer may be kept. Beyond
    /// [`limits::HALF_OPEN_PER_TICKET`] of them the oldest gives way, if it is [`HALF_OPEN_STALE`] old.
    pub(super) fn has_room_for(&mut self, now: Instant, credential: &Credential) -> bool {
        if *credential == Credential::Open {
            return true;
        }
        let same = |entry: &&mut Entry| now < entry.expires && entry.credential().is_same(credential);
        let (count, oldest) = self.entries.values_mut().filter(same).fold((0, None), oldest_of);
        if count < limits::HALF_OPEN_PER_TICKET {
            return true;
        }
        let Some(oldest) = oldest.filter(|oldest| now - oldest.born() >= HALF_OPEN_STALE) else {
            return false;
        };
        // The next `expire` removes it.
        oldest.expires = now;
        self.earliest = self.earliest.min(now);
        true
    }

    /// The room for a newcomer with this credential whose source has a record of `record`; `record_of` says the same
    /// of an entry's source.
    ///
    /// Half of the table is for tickets, sessions and peers, half for those that have nothing but a cookie; what one half leaves
    /// free, the other may use, and gives back. Of the half that has to give way, entries older than [`FRESH`] come first, of those
    /// the ones whose source has the longest record, of those the oldest.
    pub(super) fn room(
        &self,
        now: Instant,
        credential: &Credential,
        record: u32,
        record_of: impl Fn(&Places) -> u32,
    ) -> Room {
        if self.waiting() < limits::HALF_OPEN {
            return Room::Free;
        }
        let more =
            self.waiting_entries().filter(|(_, entry)| entry.credential().is_more_than_a_cookie()).count();
        let is_more = credential.is_more_than_a_cookie();
        let gives = if is_more { more >= limits::HALF_OPEN / 2 } else { more > limits::HALF_OPEN / 2 };
        let rank = |entry: &Entry| {
            let born = entry.born();
            (now - born > FRESH, entry.record().map_or(0, &record_of), Reverse(born))
        };
        let candidates =
            self.waiting_entries().filter(|(_, entry)| entry.credential().is_more_than_a_cookie() == gives);
        let first = candidates.map(|(id, entry)| (rank(entry), *id)).max_by_key(|(rank, _)| *rank);
        match first {
            Some(((is_old, worst, _), id)) if is_old || worst >= record => Room::Instead(id),
            _ => Room::Nowhere,
        }
    }

    fn waiting_entries(&self) -> impl Iterator<Item = (&HalfOpenId, &Entry)> {
        self.entries.iter().filter(|(_, entry)| matches!(entry.state, State::Waiting(_)))
    }

    /// Removes an entry that waits.
    pub(super) fn abandon(&mut self, id: &HalfOpenId) -> Option<Abandoned> {
        match self.entries.remove(id)?.state {
            State::Waiting(half_open) => {
                Some(Abandoned { local_id: half_open.local_id(), record: half_open.record })
            }
            State::Refused(_) => {
                self.refused = self.refused.saturating_sub(1);
                None
            }
        }
    }

    /// Keeps `half_open`; false if there is no room, or another with the same id.
    #[must_use]
    pub(super) fn insert(&mut self, now: Instant, id: HalfOpenId, half_open: HalfOpen) -> bool {
        self.waiting() < limits::HALF_OPEN && self.add(now, id, State::Waiting(half_open))
    }

    /// Keeps a refusal if there is room.
    pub(super) fn insert_refusal(
        &mut self,
        now: Instant,
        id: HalfOpenId,
        credential: Credential,
        welcome: &[u8],
    ) {
        let refused = Refused { credential, welcome: welcome.into() };
        if self.refused < limits::REFUSALS_KEPT && self.add(now, id, State::Refused(refused)) {
            self.refused += 1;
        }
    }

    fn add(&mut self, now: Instant, id: HalfOpenId, state: State) -> bool {
        if self.entries.contains_key(&id) {
            return false;
        }
        let expires = now + HALF_OPEN_LIFE;
        self.earliest = self.earliest.min(expires);
        self.entries.insert(id, Entry { expires, state });
        true
    }

    pub(super) fn get(&self, now: Instant, id: &HalfOpenId) -> Option<&HalfOpen> {
        let entry = self.entries.get(id).filter(|entry| now < entry.expires)?;
        match &entry.state {
            State::Waiting(half_open) => Some(half_open),
            State::Refused(_) => None,
        }
    }

    /// Removes an entry that waits, and with it all others of the same ticket, session or peer, whose local ids are
    /// returned.
    pub(super) fn take(&mut self, now: Instant, id: &HalfOpenId) -> Option<(HalfOpen, SmallVec<[u32; 2]>)> {
        self.get(now, id)?;
        let entry = self.entries.remove(id)?;
        let State::Waiting(half_open) = entry.state else {
            return None;
        };
        let freed = self.remove_where(usize::MAX, |entry| entry.credential().is_same(&half_open.credential));
        Some((half_open, freed.into_iter().map(|entry| entry.local_id).collect()))
    }

    /// Removes the entries that wait and that `is_doomed` picks, and returns their local ids.
    pub(super) fn remove_waiting(&mut self, is_doomed: impl Fn(&HalfOpen) -> bool) -> SmallVec<[u32; 8]> {
        let removed = self.remove_where(usize::MAX, |entry| match &entry.state {
            State::Waiting(half_open) => is_doomed(half_open),
            State::Refused(_) => false,
        });
        removed.into_iter().map(|entry| entry.local_id).collect()
    }

    /// Removes what expired, a bounded number at a time.
    pub(super) fn expire(&mut self, now: Instant) -> SmallVec<[Abandoned; 8]> {
        if now < self.earliest {
            return SmallVec::new();
        }
        let freed = self.remove_where(limits::TIMERS_PER_CALL, |entry| entry.expires <= now);
        self.earliest = self.entries.values().map(|entry| entry.expires).min().unwrap_or(Instant::MAX);
        freed
    }

    /// When [`HalfOpenTable::expire`] has work; [`Instant::MAX`] if never.
    pub(super) const fn next_timeout(&self) -> Instant {
        self.earliest
    }

    fn remove_where(&mut self, most: usize, condition: impl Fn(&Entry) -> bool) -> SmallVec<[Abandoned; 8]> {
        let doomed: SmallVec<[HalfOpenId; 8]> =
            self.entries.iter().filter(|(_, entry)| condition(entry)).map(|(id, _)| *id).take(most).collect();
        doomed.iter().filter_map(|id| self.abandon(id)).collect()
    }
}

/// Counts an entry, and keeps the one that was born first.
fn oldest_of<'e>(
    (count, oldest): (usize, Option<&'e mut Entry>),
    entry: &'e mut Entry,
) -> (usize, Option<&'e mut Entry>) {
    let older = match oldest {
        Some(oldest) if oldest.born() <= entry.born() => oldest,
        _ => entry,
    };
    (count + 1, Some(older))
}

#[cfg(test)]
mod tests;
