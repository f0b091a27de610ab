//! Handshakes that were answered and wait for the first Data, and refusals that may have to be repeated.
//!
//! An entry is known by the digest of the client's Noise bytes, not by an address: whoever sends a copy gets the same
//! answer.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::IpAddr;

use bytes::Bytes;
use smallvec::SmallVec;

use super::keys;
use super::parameters::Parameters;
use super::welcome::Session;
use crate::address::{Address, LinkId};
use crate::crypto::{Key, Provider, Secret, SessionKeys, first_key};
use crate::event::PeerInfo;
use crate::limits;
use crate::time::{Duration, Instant};
use crate::wire::{DataHeader, decode_packet_number};

/// How long an entry waits after the last copy of its Hello from where its Welcome goes.
pub(crate) const HALF_OPEN_LIFE: Duration = Duration::from_secs(10);

/// How much longer an entry waits, however many copies come, in tenths of a second.
const EXTENDED_MOST: u8 = 200;

/// The age at which an entry gives way to another of the same ticket, session or peer.
const HALF_OPEN_STALE: Duration = Duration::from_secs(5);

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

impl From<Address> for Proven {
    fn from(address: Address) -> Self {
        match address {
            Address::Link(LinkId(link)) => Self::Link(link.to_be_bytes()),
            Address::Udp(socket) => {
                let ip = match socket.ip() {
                    IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                    IpAddr::V6(ip) => ip.octets(),
                };
                Self::Udp { ip, port: socket.port().to_be_bytes() }
            }
        }
    }
}

/// A handshake that was answered and waits for the first Data. With everything it refers to, it holds at most
/// [`limits::HALF_OPEN_BYTES`].
pub(crate) struct HalfOpen {
    root: Secret,
    pub(super) credential: Credential,
    identity: [u8; 16],
    /// The address that is shown to be the client's.
    proven: Proven,
    /// Whether a cookie shows it, not just the Welcome's arrival.
    by_cookie: bool,
    /// The [`Parameters`] of the client that a connection needs.
    pub(crate) credit: u64,
    ack_delay_us: u32,
    /// In tenths of a second, rounded down: it has few bytes to be kept in.
    idle_timeout_ds: u16,
    pub(crate) max_datagram: u16,
    /// The connection id that the client chose for itself.
    pub(crate) client_id: u32,
    /// The connection id that this end chose.
    pub(crate) local_id: u32,
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
    /// Whether the Hello had a cookie of that address.
    pub(super) by_cookie: bool,
}

impl HalfOpen {
    pub(super) fn new(opening: Opening<'_>, welcome: &[u8]) -> Self {
        let Opening { root, credential, peer, parameters, client_id, local_id, session, .. } = opening;
        let mut stored = Vec::with_capacity(welcome.len() + peer.user_data.len());
        stored.extend_from_slice(welcome);
        stored.extend_from_slice(&peer.user_data);
        Self {
            root,
            credential,
            identity: peer.identity,
            proven: Proven::from(opening.address),
            by_cookie: opening.by_cookie,
            credit: parameters.credit,
            ack_delay_us: parameters.ack_delay_us,
            idle_timeout_ds: u16::try_from(parameters.idle_timeout_ms / 100).unwrap_or(u16::MAX),
            max_datagram: parameters.max_datagram,
            client_id,
            local_id,
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

    /// Whether `address` is the one that is shown to be the client's.
    pub(crate) fn is_proven(&self, address: Address) -> bool {
        self.proven == Proven::from(address)
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
        if !self.by_cookie && !self.is_proven(address) {
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

    const fn credential(&self) -> &Credential {
        match &self.state {
            State::Waiting(half_open) => &half_open.credential,
            State::Refused(refused) => &refused.credential,
        }
    }
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
                if half_open.is_proven(address) {
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
        Some((half_open, freed.into_iter().collect()))
    }

    /// Removes the entries that wait and that `is_doomed` picks, and returns their local ids.
    pub(super) fn remove_waiting(&mut self, is_doomed: impl Fn(&HalfOpen) -> bool) -> SmallVec<[u32; 8]> {
        self.remove_where(usize::MAX, |entry| match &entry.state {
            State::Waiting(half_open) => is_doomed(half_open),
            State::Refused(_) => false,
        })
    }

    /// Removes what expired, a bounded number at a time, and returns the local ids that are free now.
    pub(super) fn expire(&mut self, now: Instant) -> SmallVec<[u32; 8]> {
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

    fn remove_where(&mut self, most: usize, condition: impl Fn(&Entry) -> bool) -> SmallVec<[u32; 8]> {
        let doomed: SmallVec<[HalfOpenId; 8]> =
            self.entries.iter().filter(|(_, entry)| condition(entry)).map(|(id, _)| *id).take(most).collect();
        let mut freed = SmallVec::new();
        for id in doomed {
            match self.entries.remove(&id).map(|entry| entry.state) {
                Some(State::Waiting(half_open)) => freed.push(half_open.local_id),
                Some(State::Refused(_)) => self.refused = self.refused.saturating_sub(1),
                None => {}
            }
        }
        freed
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
mod tests {
    use super::*;

    const PARAMETERS: Parameters = Parameters {
        schema: u64::MAX,
        credit: 1 << 30,
        max_message: 1 << 28,
        ack_delay_us: 10_000_000,
        idle_timeout_ms: u32::MAX,
        max_datagram: u16::MAX,
    };

    fn half_open(credential: Credential, local_id: u32) -> HalfOpen {
        let peer =
            PeerInfo { identity: [1; 16], user_data: Bytes::from_static(&[2; limits::TICKET_USER_DATA]) };
        let opening = Opening {
            root: [3; 32].into(),
            credential,
            peer: &peer,
            parameters: PARAMETERS,
            client_id: 4,
            local_id,
            session: Session::New,
            address: Address::Link(LinkId(8)),
            by_cookie: false,
        };
        let payload = super::super::welcome::accept(Session::New, local_id, &PARAMETERS).unwrap();
        HalfOpen::new(opening, &alloc::vec![9; 4 + 32 + payload.len() + limits::TAG])
    }

    fn id(value: u32) -> HalfOpenId {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&value.to_le_bytes());
        HalfOpenId::of(&digest)
    }

    #[test]
    fn a_half_open_handshake_holds_at_most_512_bytes_with_the_most_user_data() {
        let half_open = half_open(Credential::Ticket { id: [5; 16], expiry: 6 }, 7);
        let size = size_of::<(HalfOpenId, Entry)>() + half_open.stored.len();
        assert!(size <= limits::HALF_OPEN_BYTES, "{size}");
        assert_eq!(half_open.peer().user_data.len(), limits::TICKET_USER_DATA);
    }

    #[test]
    fn a_full_table_takes_no_more_but_gives_up_none() {
        let mut table = HalfOpenTable::new();
        for value in 0..limits::HALF_OPEN as u32 {
            assert!(table.insert(Instant::ZERO, id(value), half_open(Credential::Open, value)));
        }
        assert!(!table.insert(Instant::ZERO, id(u32::MAX), half_open(Credential::Open, 0)));
        for value in 0..2 * limits::REFUSALS_KEPT as u32 {
            table.insert_refusal(Instant::ZERO, id(1 << 20 | value), Credential::Open, &[6]);
        }
        assert_eq!(table.len(), limits::HALF_OPEN + limits::REFUSALS_KEPT);
        assert_eq!(table.waiting(), limits::HALF_OPEN);
    }

    #[test]
    fn entries_live_ten_seconds_and_free_their_ids_a_bounded_number_at_a_time() {
        let mut table = HalfOpenTable::new();
        for value in 0..limits::TIMERS_PER_CALL as u32 + 1 {
            assert!(table.insert(Instant::ZERO, id(value), half_open(Credential::Open, value)));
        }
        let end = Instant::ZERO + HALF_OPEN_LIFE;
        assert_eq!(table.next_timeout(), end);
        assert!(table.expire(end - Duration::from_micros(1)).is_empty());
        assert!(table.get(end, &id(0)).is_none());
        assert_eq!(table.expire(end).len(), limits::TIMERS_PER_CALL);
        assert_eq!(table.next_timeout(), end);
        assert_eq!(table.expire(end).len(), 1);
        assert_eq!(table.next_timeout(), Instant::MAX);
    }

    #[test]
    fn a_copy_of_the_hello_keeps_an_entry_for_ten_seconds_more_but_not_beyond_thirty() {
        let (mut table, address) = (HalfOpenTable::new(), Address::Link(LinkId(8)));
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        assert!(table.insert(at(0), id(1), half_open(Credential::Open, 1)));
        assert!(table.repeat(at(9), &id(1), address).is_some());
        assert!(table.expire(at(10)).is_empty());
        assert_eq!(table.next_timeout(), at(19));
        for seconds in [18, 27, 29] {
            assert!(table.repeat(at(seconds), &id(1), address).is_some());
        }
        assert!(table.repeat(at(30), &id(1), address).is_none());
        assert_eq!(table.expire(at(30)).len(), 1);
    }

    #[test]
    fn a_copy_from_elsewhere_keeps_nothing_alive() {
        let mut table = HalfOpenTable::new();
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        assert!(table.insert(at(0), id(1), half_open(Credential::Open, 1)));
        assert!(table.repeat(at(9), &id(1), Address::Link(LinkId(9))).is_some());
        assert_eq!(table.expire(at(10)).len(), 1);
    }

    #[test]
    fn the_older_of_two_entries_of_a_ticket_gives_way_once_it_is_five_seconds_old() {
        let ours = Credential::Ticket { id: [1; 16], expiry: 9 };
        let mut table = HalfOpenTable::new();
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        assert!(table.insert(at(0), id(1), half_open(ours, 11)));
        assert!(table.insert(at(3), id(2), half_open(ours, 12)));
        assert!(!table.has_room_for(at(4), &ours));
        assert!(table.has_room_for(at(5), &ours));
        assert_eq!(table.next_timeout(), at(5));
        assert_eq!(table.expire(at(5)).as_slice(), [11]);
        assert!(table.get(at(5), &id(2)).is_some());
    }

    #[test]
    fn taking_one_removes_its_siblings_and_no_stranger() {
        let ours = Credential::Ticket { id: [1; 16], expiry: 9 };
        let other = Credential::Ticket { id: [2; 16], expiry: 9 };
        let mut table = HalfOpenTable::new();
        assert!(table.insert(Instant::ZERO, id(1), half_open(ours, 11)));
        assert!(table.insert(Instant::ZERO, id(2), half_open(ours, 12)));
        assert!(table.insert(Instant::ZERO, id(3), half_open(other, 13)));
        table.insert_refusal(Instant::ZERO, id(4), ours, &[6]);
        assert!(!table.has_room_for(Instant::ZERO, &ours));
        assert!(table.has_room_for(Instant::ZERO, &other));
        let (taken, freed) = table.take(Instant::ZERO, &id(1)).unwrap();
        assert_eq!((taken.local_id, freed.as_slice()), (11, &[12][..]));
        assert_eq!((table.len(), table.waiting()), (1, 1));
        assert!(table.take(Instant::ZERO, &id(2)).is_none());
    }

    #[test]
    fn handshakes_without_a_credential_are_no_siblings() {
        let mut table = HalfOpenTable::new();
        assert!(table.insert(Instant::ZERO, id(1), half_open(Credential::Open, 11)));
        assert!(table.insert(Instant::ZERO, id(2), half_open(Credential::Open, 12)));
        let (_, freed) = table.take(Instant::ZERO, &id(1)).unwrap();
        assert!(freed.is_empty());
        assert_eq!(table.waiting(), 1);
    }
}
