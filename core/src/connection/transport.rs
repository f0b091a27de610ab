//! The half of a connection that a resumption replaces: keys, packet numbers, loss detection, round-trip time and path.

mod datagram_size;

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::acks::AckTracker;
use super::clock_sync::ClockTelling;
use super::ecn::{Marking, MarksSeen};
use super::heartbeat::{Heartbeat, Situation};
use super::loss;
use super::migration::Migration;
use super::mtu::PathMtu;
use super::recent::RecentTags;
use super::regulator::Regulator;
use super::reordering::Reordering;
use super::rhythm::Rhythm;
use super::role::Role;
use super::rtt::RttEstimator;
use super::sent::{SentPackets, Settled};
use super::settings::Settings;
use super::unproven::{CHALLENGE_DATAGRAM, Unproven};
use crate::address::{LinkProperties, Path};
use crate::crypto::{PacketKeys, ReplayWindow, Secret, SessionKeys};
use crate::drop::DropReason;
use crate::handshake;
use crate::limits;
use crate::planted::{self, Bug};
use crate::time::{Instant, Span};
use crate::wire::{AckFrame, DataHeader, decode_packet_number};

/// [`limits::UPKEEP_DELAY`] in microseconds.
const UPKEEP_DELAY_US: u64 = limits::UPKEEP_DELAY.as_micros() as u64;
/// The number of packets after which the next packet requests an acknowledgement, if no packet did: half of the numbers
/// that one byte can name.
const UNHEARD: u64 = 64;
/// The longest wait of an initiator before it repeats its first Data.
const UNCONFIRMED_PROBE: Span = Span::from_millis(250);

/// The results of a handshake that a transport starts with.
#[derive(Debug)]
pub(crate) struct TransportSetup {
    pub(crate) role: Role,
    pub(crate) local_id: u32,
    pub(crate) remote_id: u32,
    pub(crate) path: Path,
    pub(crate) keys: SessionKeys,
    pub(crate) peer_ack_delay: Span,
    /// The size of the largest datagram at first, and the largest size that the path MTU search may find, in bytes.
    pub(crate) max_datagram: usize,
    pub(crate) most_datagram: usize,
    /// The time without a packet from this end after which the peer gives this end up.
    pub(crate) peer_idle_timeout: Span,
    pub(crate) link: Option<LinkProperties>,
    pub(crate) resumed: bool,
}

/// A decrypted packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Opened {
    pub(crate) number: u64,
    pub(crate) is_highest: bool,
    pub(crate) payload_from: usize,
    pub(crate) payload_len: usize,
}

/// The state of one set of keys on one path.
pub(crate) struct Transport {
    role: Role,
    pub(crate) local_id: u32,
    pub(crate) remote_id: u32,
    pub(crate) path: Path,
    pub(crate) exporter: Secret,
    pub(crate) keys: PacketKeys,
    replay: ReplayWindow,
    largest_received: Option<u64>,
    pub(crate) sent: SentPackets,
    pub(crate) largest_acked: Option<u64>,
    pub(crate) acks: AckTracker,
    pub(crate) clock: ClockTelling,
    pub(crate) rtt: RttEstimator,
    pub(crate) regulator: Regulator,
    pub(crate) reordering: Reordering,
    pub(crate) migration: Migration,
    /// The state of address validation, until the peer has answered from the address of `path`.
    pub(crate) unproven: Option<Unproven>,
    pub(crate) mtu: PathMtu,
    pub(crate) marks: MarksSeen,
    pub(crate) marking: Marking,
    pub(crate) peer_ack_delay: Span,
    /// The time without a packet from the peer after which this end sends a heartbeat.
    pub(crate) patience: Span,
    /// The time without a packet from the peer after which this end gives the peer up.
    idle_timeout: Span,
    /// The number of probes sent since the latest acknowledgement.
    pub(crate) probes: u32,
    /// `true` if a packet must be sent regardless of the congestion window.
    pub(crate) probe_due: bool,
    /// `true` if a packet must request an acknowledgement, even if it has no other content.
    pub(crate) ping_due: bool,
    /// `true` if a packet that requests no acknowledgement must be sent, unless another packet is sent.
    pub(crate) sign_due: bool,
    pub(crate) heartbeat: Heartbeat,
    /// The time at which the next packet counts as lost, if the loss of a packet is suspected.
    pub(crate) loss_at: Option<Instant>,
    pub(crate) last_eliciting: Instant,
    pub(crate) rhythm: Rhythm,
    /// The latest time at which a packet in either direction carried more than acknowledgements and heartbeats.
    pub(crate) busy_at: Instant,
    /// The value of `busy_at` at the latest release of the memory that traffic needed.
    pub(crate) rested_at: Option<Instant>,
    pub(crate) last_heard: Instant,
    pub(crate) last_ping: Instant,
    /// `true` if the peer has proved that it holds the keys.
    pub(crate) is_confirmed: bool,
    /// `true` if this transport resumed a session.
    pub(crate) is_resumed: bool,
    /// `true` if the link delivers everything that it accepts, so nothing is sent twice.
    pub(crate) is_reliable: bool,
    /// The tags of recently sent datagrams, at the dialling end, where an answer can repeat a tag.
    pub(crate) recent: Option<Box<RecentTags>>,
}

/// Returns the time without a packet from the peer after which this end sends a heartbeat. The time suits the shorter idle
/// timeout of both ends. The initiator sends first, so that one heartbeat serves both ends.
fn patience(role: Role, settings: &Settings, peer_idle_timeout: Span) -> Span {
    let patience = settings.heartbeat.min(settings.idle_timeout / 3).min(peer_idle_timeout / 3);
    match role {
        Role::Initiator => patience,
        Role::Responder => patience.saturating_mul(3) / 2,
    }
}

impl Transport {
    pub(crate) fn new(now: Instant, settings: &Settings, setup: TransportSetup) -> Self {
        let SessionKeys { to_responder, to_initiator, exporter } = setup.keys;
        let (send, receive) = match setup.role {
            Role::Initiator => (to_responder, to_initiator),
            Role::Responder => (to_initiator, to_responder),
        };
        let regulator = if setup.link.is_some_and(|link| link.congestion_controlled) {
            Regulator::unregulated(now, setup.max_datagram)
        } else {
            let controller = settings.congestion.controller(now, setup.max_datagram as u64);
            Regulator::new(now, controller, setup.max_datagram)
        };
        Self {
            role: setup.role,
            local_id: setup.local_id,
            remote_id: setup.remote_id,
            path: setup.path,
            exporter,
            keys: PacketKeys::new(Arc::clone(&settings.provider), &send, &receive),
            replay: ReplayWindow::new(),
            largest_received: None,
            sent: SentPackets::default(),
            largest_acked: None,
            acks: AckTracker::default(),
            clock: ClockTelling::default(),
            rtt: RttEstimator::new(),
            regulator,
            reordering: Reordering::new(now),
            migration: Migration::default(),
            unproven: None,
            mtu: PathMtu::new(setup.path.remote, setup.max_datagram, setup.most_datagram),
            marks: MarksSeen::default(),
            marking: if setup.link.is_some() { Marking::none() } else { Marking::new(0) },
            peer_ack_delay: setup.peer_ack_delay,
            patience: patience(setup.role, settings, setup.peer_idle_timeout),
            idle_timeout: settings.idle_timeout,
            probes: 0,
            probe_due: false,
            // The initiator's first packet is what makes the responder's half-open entry a connection.
            ping_due: setup.role == Role::Initiator,
            sign_due: false,
            heartbeat: Heartbeat::default(),
            loss_at: None,
            last_eliciting: now,
            rhythm: Rhythm::default(),
            busy_at: now,
            rested_at: None,
            last_heard: now,
            last_ping: now,
            is_confirmed: false,
            is_resumed: setup.resumed,
            is_reliable: setup.link.is_some_and(|link| link.reliable),
            recent: (setup.role == Role::Initiator).then(Box::default),
        }
    }

    /// Decrypts a datagram in place.
    pub(crate) fn open(
        &mut self,
        now: Instant,
        header: &DataHeader,
        datagram: &mut [u8],
    ) -> Result<Opened, DropReason> {
        let number =
            decode_packet_number(self.largest_received.unwrap_or(0), header.packet_number, header.pn_len);
        if !self.replay.check(number) {
            return Err(DropReason::Replayed);
        }
        let (head, packet) =
            datagram.split_at_mut_checked(header.header_len()).ok_or(DropReason::TooShort)?;
        let (rtt, peer_ack_delay) = (&self.rtt, self.peer_ack_delay);
        let pto = || rtt.probe_timeout(peer_ack_delay);
        let opened = self.keys.open(now, header.phase, number, head, packet, pto);
        let payload_len = opened.map_err(|_| DropReason::NotAuthentic)?;
        let is_highest = self.largest_received.is_none_or(|largest| number > largest);
        Ok(Opened { number, is_highest, payload_from: header.header_len(), payload_len })
    }

    /// Records an authentic packet, before its frames are processed.
    pub(crate) fn on_authentic(&mut self, now: Instant, opened: &Opened) {
        self.replay.insert(opened.number);
        if opened.is_highest {
            self.largest_received = Some(opened.number);
        }
        self.last_heard = now;
        self.is_confirmed = true;
    }

    /// Treats packets below `sent` as sent and acknowledged, and packets up to `received` as received.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn age(&mut self, sent: u64, received: u64) {
        self.sent.age(sent);
        self.largest_acked = sent.checked_sub(1);
        self.replay.insert(received);
        self.largest_received = Some(received);
    }

    /// Records a packet that carries more than acknowledgements and heartbeats.
    pub(crate) const fn on_busy(&mut self, now: Instant) {
        self.heartbeat.on_activity();
        self.busy_at = now;
    }

    /// Requests a heartbeat, because the peer was silent for the heartbeat interval.
    pub(crate) fn on_patience_over(&mut self, now: Instant) {
        let situation = Situation {
            role: self.role,
            is_unanswered: self.sent.in_flight() > 0,
            is_moving: self.unproven.is_some() || !self.migration.is_quiet(),
            patience: self.patience,
            idle_timeout: self.idle_timeout,
            probe_timeout: self.probe_timeout(),
        };
        if self.heartbeat.beat(&situation) {
            self.ping_due = true;
        } else {
            self.sign_due = true;
        }
        self.last_ping = now;
    }

    /// Asks the peer for an immediate answer, regardless of the congestion window.
    pub(crate) const fn ask(&mut self) {
        self.ping_due = true;
        self.probe_due = true;
    }

    /// Returns the time of the next heartbeat, if no packet arrives before.
    pub(crate) fn next_heartbeat(&self) -> Instant {
        self.last_heard.max(self.last_ping) + self.patience
    }

    /// Returns the time at which the memory that traffic needed is released, if it was not released since.
    pub(crate) fn rest_at(&self) -> Option<Instant> {
        let is_rested = self.rested_at == Some(self.busy_at);
        (!is_rested).then_some(self.busy_at + limits::REST_WITHIN)
    }

    /// Returns the time at which the idle timeout expires.
    pub(crate) fn idle_at(&self) -> Instant {
        self.last_heard + self.idle_timeout
    }

    /// Returns `true` if a datagram is due that the congestion window does not delay.
    pub(crate) fn has_upkeep(&self) -> bool {
        self.acks.is_due() || self.ping_due || self.sign_due || self.challenge_due().is_some()
    }

    /// Returns the PTO without back-off.
    pub(crate) fn probe_timeout(&self) -> Span {
        self.rtt.probe_timeout(self.peer_ack_delay)
    }

    /// Returns the largest packet number that `ack` names, whether or not such a packet was sent.
    pub(crate) fn largest_named(&self, ack: &AckFrame<'_>) -> Option<u64> {
        ack.ranges(self.sent.next()).next()?.ok().map(|range| *range.end())
    }

    /// Returns `true` if the next packet must request an acknowledgement, because many packets were sent after the latest
    /// acknowledged packet. An end that only receives then keeps short packet numbers, a current RTT and a current clock,
    /// and its peer does not repeat old acknowledgements (RFC 9000 section 13.2.4).
    pub(crate) fn is_unheard(&self) -> bool {
        let heard = self.largest_acked.map_or(0, |largest| largest + 1);
        self.sent.in_flight() == 0 && self.sent.next().saturating_sub(heard) >= UNHEARD
    }

    /// Removes an acknowledged packet from the packets in flight.
    pub(crate) fn settle_acked(&mut self, now: Instant, number: u64) -> Option<Settled> {
        let settled = self.sent.settle(number)?;
        self.keys.on_acked(number);
        self.marking.on_acked(number);
        self.regulator.on_delivered(now, &settled);
        if self.mtu.on_acked(number, settled.bytes) {
            self.on_datagram_changed();
        }
        Some(settled)
    }

    /// Returns the number of bytes that may be sent before another acknowledgement arrives.
    pub(crate) fn window_left(&self) -> u64 {
        self.regulator.window().saturating_sub(self.sent.bytes_in_flight())
    }

    /// Returns `true` if an ack-eliciting packet may be sent now.
    pub(crate) fn window_is_open(&self, now: Instant) -> bool {
        self.probe_due
            || (self.sent.has_room()
                && self.regulator.is_open(now, self.sent.bytes_in_flight())
                && self.held_until(now).is_none())
    }

    /// Returns the time at which the loss timer expires.
    ///
    /// If both ends wait, the end that must repeat data has to detect soon that the path works again. `is_awaited` returns
    /// `true` at that end. The method calls it only while probes are unanswered.
    pub(crate) fn loss_timeout(&self, is_awaited: impl FnOnce() -> bool) -> Option<Instant> {
        if planted::is_planted(Bug::LostTimer) && self.probes > 0 {
            return None;
        }
        if self.sent.in_flight() == 0 || self.is_reliable {
            return None;
        }
        if self.loss_at.is_some() {
            return self.loss_at;
        }
        let least_us = self.rtt.least().map(Span::as_micros);
        let timeout_us = self.rtt.probe_timeout_us(self.peer_ack_delay.as_micros());
        let mut wait_us = loss::first_probe_us(timeout_us, least_us);
        if self.probes == 0 && !self.sent.has_what_matters() {
            wait_us = wait_us.saturating_add(UPKEEP_DELAY_US);
        }
        if self.probes == 0 && self.is_confirmed {
            return Some(self.last_eliciting.plus_micros(wait_us));
        }
        let mut wait = Span::from_micros(wait_us);
        if self.probes > 0 {
            let urgent = self.sent.has_what_matters() || !self.is_confirmed || is_awaited();
            wait =
                loss::probe_interval(wait, self.probes, self.rtt.smoothed().min(wait), urgent, self.patience);
        }
        // Until the responder accepts the connection, this packet does the Hello's job: repeat it before the half-open entry expires.
        let wait = if self.is_confirmed { wait } else { wait.min(UNCONFIRMED_PROBE) };
        Some(self.last_eliciting + wait)
    }

    /// Returns `true` if a datagram of path validation is due for an address other than the peer's address.
    pub(crate) fn has_path_datagram(&self) -> bool {
        if self.migration.is_quiet() {
            return false;
        }
        let size = CHALLENGE_DATAGRAM as u64;
        self.migration.challenge_due(size).is_some()
            || self.migration.response().is_some_and(|response| {
                self.migration.allows(&self.path, &response.path, size)
                    && (response.path.remote != self.path.remote || self.may_send())
            })
    }

    /// Returns `true` if an ordinary datagram may be sent to the peer's address now.
    pub(crate) fn may_send(&self) -> bool {
        self.unproven.as_ref().is_none_or(Unproven::may_send)
    }

    /// Returns the largest size of the next datagram to the peer's address, in bytes.
    pub(crate) fn allowance(&self) -> usize {
        let unproven = self.unproven.as_ref();
        unproven.map_or(usize::MAX, |unproven| usize::try_from(unproven.allowance()).unwrap_or(usize::MAX))
    }

    /// Returns the challenge for an address that is not validated, if the next datagram must carry it.
    pub(crate) fn challenge_due(&self) -> Option<[u8; 8]> {
        self.unproven.as_ref().and_then(Unproven::challenge_due)
    }

    /// Records that an authentic packet of `bytes` came from `from`.
    pub(crate) fn on_heard_from(&mut self, from: &Path, bytes: u64) {
        if planted::is_planted(Bug::AddressTrusted) {
            self.unproven = None;
        }
        if let Some(unproven) = self.unproven.as_mut().filter(|_| from.remote == self.path.remote) {
            unproven.on_received(bytes);
        }
    }

    /// Records that a datagram of `bytes` was sent to `to`.
    pub(crate) fn on_sent_to(&mut self, to: &Path, bytes: u64) {
        if let Some(unproven) = self.unproven.as_mut().filter(|_| to.remote == self.path.remote) {
            unproven.on_sent(bytes);
        }
    }

    /// Records that nothing could be written although a frame waits.
    pub(crate) const fn on_stuck(&mut self) {
        if let Some(unproven) = &mut self.unproven {
            unproven.on_stuck();
        }
    }

    /// Returns the pre-shared key of the resume ticket with this sequence.
    pub(crate) fn resume_psk(&self, settings: &Settings, sequence: u32) -> Secret {
        handshake::resume_psk(settings.provider.handshake(), &self.exporter, u64::from(sequence))
    }

    /// Restarts the state of the path after the peer migrated to `path`. `sample` is the RTT of the challenge.
    pub(crate) fn move_to(&mut self, now: Instant, path: Path, sample: Span) {
        self.path = path;
        self.unproven = None;
        if planted::is_planted(Bug::NonceReuse) {
            self.sent = SentPackets::default();
        }
        self.rtt = RttEstimator::new();
        self.rtt.update(sample, Span::ZERO);
        // The datagram size is reset first: a window of ten datagrams means those of the new path.
        self.mtu.restart(path.remote);
        self.on_datagram_changed();
        self.regulator.reset(now);
        self.reordering = Reordering::new(now);
        self.marking.restart(self.sent.next());
        self.probes = 0;
        self.loss_at = None;
    }
}
