//! Builds a datagram when the socket is ready to send it, so that the datagram carries the newest state.

use super::mtu::ETHERNET;
use super::sent::SentFrame;
use super::session::Session;
use super::transport::Transport;
use super::unproven::CHALLENGE_DATAGRAM;
use super::world_turn::WorldTurn;
use crate::address::Path;
use crate::limits::TAG;
use crate::snapshot::worlds::Worlds;
use crate::time::Instant;
use crate::wire::ack::write_ack;
use crate::wire::{Chain, DataHeader, Frame, Writer, encode_packet_number};

/// The size, in bytes, of a datagram that only shows that this end is alive, with or without a PING. The size allows the
/// peer to send a challenge to a new address.
const PING_DATAGRAM: usize = CHALLENGE_DATAGRAM;

/// A packet under construction, with its frames between the header and the tag.
struct Draft<'a> {
    buffer: &'a mut [u8],
    header: DataHeader,
    number: u64,
}

impl<'a> Draft<'a> {
    fn new(transport: &Transport, buffer: &'a mut [u8]) -> Option<Self> {
        let number = transport.sent.next();
        let (packet_number, pn_len) = encode_packet_number(number, transport.largest_acked);
        let header =
            DataHeader { phase: transport.keys.send_phase(), id: transport.remote_id, packet_number, pn_len };
        (buffer.len() > header.header_len() + TAG).then_some(Self { buffer, header, number })
    }

    /// Returns the space for frames.
    fn body(&mut self) -> &mut [u8] {
        let end = self.buffer.len().saturating_sub(TAG);
        self.buffer.get_mut(self.header.header_len()..end).unwrap_or_default()
    }

    /// Encrypts the packet around `body` bytes of frames and records the packet. Returns the size of the datagram in bytes.
    fn seal(self, now: Instant, transport: &mut Transport, body: usize, eliciting: bool) -> Option<usize> {
        let size = self.header.header_len() + body + TAG;
        let (head, packet) = self.buffer.get_mut(..size)?.split_at_mut_checked(self.header.header_len())?;
        self.header.write(&mut Writer::new(head)).ok()?;
        transport.keys.seal(self.number, head, packet);
        if let Some(recent) = &mut transport.recent {
            recent.push(now, packet, || transport.rtt.smoothed());
        }
        transport.sent.record(now, size, eliciting);
        if eliciting {
            let in_flight = transport.sent.bytes_in_flight() - size as u64;
            let stamp = transport.regulator.on_sent(now, size as u64, in_flight);
            transport.sent.stamp(stamp);
            transport.last_eliciting = now;
            transport.rhythm.on_sent(now);
        } else {
            transport.regulator.on_unheld(now, size as u64);
        }
        Some(size)
    }
}

/// Writes a datagram that contains only path validation, for an address that is not validated.
pub(crate) fn write_path_datagram(
    now: Instant,
    transport: &mut Transport,
    buffer: &mut [u8],
) -> Option<(Path, usize)> {
    if transport.migration.is_quiet() {
        return None;
    }
    if let Some((path, data)) = transport.migration.challenge_due(CHALLENGE_DATAGRAM as u64) {
        let size = write_small(now, transport, buffer, CHALLENGE_DATAGRAM, |writer| {
            put(writer, &Frame::Challenge(data))
        })?;
        transport.migration.on_challenge_sent(now, size as u64);
        return Some((path, size));
    }
    let response = transport.migration.response()?;
    if response.path.remote == transport.path.remote {
        return None;
    }
    if !transport.migration.allows(&transport.path, &response.path, CHALLENGE_DATAGRAM as u64) {
        return None;
    }
    let size = write_small(now, transport, buffer, 0, |writer| put(writer, &Frame::Response(response.data)))?;
    transport.migration.on_response_sent(size as u64);
    Some((response.path, size))
}

/// Writes a datagram that requests no acknowledgement, padded to `least` bytes.
fn write_small(
    now: Instant,
    transport: &mut Transport,
    buffer: &mut [u8],
    least: usize,
    write: impl FnOnce(&mut Writer<'_>) -> bool,
) -> Option<usize> {
    let mut draft = Draft::new(transport, buffer)?;
    let overhead = draft.header.header_len() + TAG;
    let mut writer = Writer::new(draft.body());
    if !write(&mut writer) {
        return None;
    }
    pad(&mut writer, least.saturating_sub(overhead));
    let body = writer.written();
    draft.seal(now, transport, body, false)
}

/// Writes a CLOSE behind an ACK of all received packets, if there is space for the ACK. Only this ACK can tell the peer
/// which of its messages arrived.
pub(crate) fn write_close(
    now: Instant,
    transport: &mut Transport,
    buffer: &mut [u8],
    code: u16,
    text: &str,
) -> Option<usize> {
    let close = Frame::Close { code, text: text.as_bytes() };
    let mut draft = Draft::new(transport, buffer)?;
    let body = draft.body();
    let mut writer = Writer::new(body);
    if !put(&mut writer, &close) {
        return None;
    }
    let reserved = writer.written();
    let room = body.len().saturating_sub(reserved);
    let mut writer = Writer::new(body.get_mut(..room)?);
    let (ranges, largest_at) = transport.acks.report();
    let is_written =
        write_ack(ranges, now.since(largest_at), largest_at, transport.marks.report(), &mut writer).is_ok();
    let acked = if is_written { writer.written() } else { 0 };
    let mut writer = Writer::new(body.get_mut(acked..)?);
    if !put(&mut writer, &close) {
        return None;
    }
    draft.seal(now, transport, acked + reserved, false)
}

/// Writes a probe of the path MTU: a PING in a datagram of the probed size (RFC 8899 section 4.1, without user data).
pub(crate) fn write_mtu_probe(now: Instant, transport: &mut Transport, buffer: &mut [u8]) -> Option<usize> {
    let size = transport.mtu.due()?;
    let room = buffer.len();
    let Some(datagram) = buffer.get_mut(..size) else {
        transport.mtu.on_no_room(room);
        return None;
    };
    let mut draft = Draft::new(transport, datagram)?;
    let number = draft.number;
    let mut writer = Writer::new(draft.body());
    if !put(&mut writer, &Frame::Ping) {
        return None;
    }
    pad(&mut writer, usize::MAX);
    let body = writer.written();
    let size = draft.seal(now, transport, body, true)?;
    transport.mtu.on_probe_sent(number);
    transport.heartbeat.on_activity();
    Some(size)
}

/// Writes the next ordinary datagram, if a frame waits.
pub(crate) fn write_datagram(
    now: Instant,
    transport: &mut Transport,
    session: &mut Session,
    worlds: Option<&mut Worlds>,
    buffer: &mut [u8],
) -> Option<usize> {
    let room = buffer.len();
    let most = transport.datagram_now(now);
    let size = room.min(most).min(transport.allowance());
    let is_largest = size == most;
    let mut draft = Draft::new(transport, buffer.get_mut(..size)?)?;
    let overhead = draft.header.header_len() + TAG;
    let is_open = transport.window_is_open(now);
    let mut writer = Writer::new(draft.body());

    let is_telling = write_clock(now, transport, &mut writer);
    let after_clock = writer.written();
    let challenged = write_challenge(transport, &mut writer);
    let acked = write_owed_ack(now, transport, &mut writer);
    let after_ack = writer.written();
    write_response(transport, &mut writer);
    let before_eliciting = writer.written();
    if is_open {
        let lent = worlds.map(|worlds| world_turn(transport, worlds));
        session.write(now, &mut writer, lent, |frame| transport.sent.note(frame));
    }
    let mut eliciting = writer.written() > before_eliciting;
    if eliciting {
        transport.on_busy(now);
    }
    if !eliciting && transport.ping_due && put(&mut writer, &Frame::Ping) {
        pad(&mut writer, PING_DATAGRAM.saturating_sub(overhead));
        transport.last_ping = now;
        eliciting = true;
    }
    // A packet that leaves anyway shows that this end is there.
    if core::mem::take(&mut transport.sign_due) && !eliciting {
        pad(&mut writer, PING_DATAGRAM.saturating_sub(overhead));
    } else if !eliciting && acked.is_some() && is_open && transport.is_unheard() {
        eliciting = put(&mut writer, &Frame::Ping);
    }
    let body = writer.written();
    // Send a packet that holds nothing but a delayed ACK only if the ACK is due, or if it took the space that a larger frame needed.
    let rides_alone = body == after_ack && !challenged && !transport.acks.is_due();
    if body == 0 || ((rides_alone || body == after_clock) && !(is_open && session.has_eliciting())) {
        return None;
    }
    if is_telling {
        transport.clock.on_told(now);
    }
    if let Some((largest, lowest)) = acked {
        if eliciting {
            transport.sent.note(SentFrame::Ack(largest));
        }
        transport.acks.on_sent(lowest);
        transport.marks.on_reported();
    }
    if eliciting {
        transport.probe_due = false;
        transport.ping_due = false;
    }
    let size = draft.seal(now, transport, body, eliciting)?;
    if eliciting && is_open {
        let has_more = session.has_eliciting();
        on_filled(now, transport, has_more, is_largest.then_some(room));
    }
    Some(size)
}

/// Returns the values that are needed to write a snapshot frame.
fn world_turn<'a>(transport: &Transport, worlds: &'a mut Worlds) -> WorldTurn<'a> {
    let regulator = &transport.regulator;
    WorldTurn {
        worlds,
        rate: regulator.rate(),
        window_left: transport.window_left(),
        delivered: regulator.delivered(),
        smoothed_rtt: transport.rtt.smoothed(),
        least_rtt: transport.rtt.least().unwrap_or_default(),
        window: regulator.window(),
    }
}

/// Records that a datagram was filled with the waiting frames. If `has_more`, a frame waits that did not fit. A larger
/// datagram of up to `room` bytes would then have been used, if this datagram had the largest allowed size.
#[inline(always)]
fn on_filled(now: Instant, transport: &mut Transport, has_more: bool, room: Option<usize>) {
    if !has_more {
        transport.regulator.on_app_limited(transport.sent.bytes_in_flight());
    } else if let Some(room) = room {
        // The search tries the size that most paths carry in any case.
        transport.mtu.on_full(now, room.min(transport.datagram_worth(usize::from(ETHERNET))));
    }
}

/// Writes the reading of this end's clock, if it is due, before the ACK that needs the reading. Returns `true` if the
/// reading was written.
fn write_clock(now: Instant, transport: &Transport, writer: &mut Writer<'_>) -> bool {
    transport.clock.is_due(now, transport.largest_acked.is_some()) && put(writer, &Frame::Clock(now))
}

/// Writes a challenge to an address that is not validated. Returns `true` if a challenge was written.
fn write_challenge(transport: &mut Transport, writer: &mut Writer<'_>) -> bool {
    let Some(unproven) = &mut transport.unproven else { return false };
    let is_written = unproven.challenge_due().is_some_and(|data| put(writer, &Frame::Challenge(data)));
    if is_written {
        unproven.on_challenge_sent();
    }
    is_written
}

/// Writes the ACK that is owed. Returns the largest and the lowest packet number that the ACK reports.
fn write_owed_ack(now: Instant, transport: &Transport, writer: &mut Writer<'_>) -> Option<(u64, u64)> {
    if !transport.acks.rides(|| transport.rhythm.next_after(now)) {
        return None;
    }
    let (ranges, largest_at) = transport.acks.report();
    let largest = ranges.largest()?;
    let lowest =
        write_ack(ranges, now.since(largest_at), largest_at, transport.marks.report(), writer).ok()?;
    Some((largest, lowest))
}

fn write_response(transport: &mut Transport, writer: &mut Writer<'_>) {
    if transport.migration.is_quiet() {
        return;
    }
    if let Some(response) = transport.migration.response()
        && response.path.remote == transport.path.remote
        && put(writer, &Frame::Response(response.data))
    {
        transport.migration.on_response_sent(0);
    }
}

/// Appends a frame that is not a MESSAGE. Returns `true` if the frame fits.
fn put(writer: &mut Writer<'_>, frame: &Frame<'_>) -> bool {
    frame.write(writer, &mut Chain::default()).is_ok()
}

/// Appends PADDING up to `least` bytes, if there is space.
fn pad(writer: &mut Writer<'_>, least: usize) {
    while writer.written() < least && put(writer, &Frame::Padding) {}
}

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;

    use super::*;
    use crate::connection::congestion::Algorithm;
    use crate::connection::transport::TransportSetup;
    use crate::connection::{Role, Settings};
    use crate::crypto::{SessionKeys, default_provider};
    use crate::time::Span;

    fn initiator(now: Instant) -> Transport {
        let settings = Settings {
            provider: default_provider(),
            heartbeat: Span::from_secs(5),
            idle_timeout: Span::from_secs(20),
            ack_delay: Span::from_millis(25),
            resume_window: Span::from_secs(60),
            reconnect_for: Span::from_secs(60),
            rotate_after: 1 << 20,
            channels: Arc::new([]),
            congestion: Algorithm::Copa,
            bandwidth: u64::MAX,
            reliable_channels: 0,
        };
        let keys = SessionKeys {
            to_responder: [1; 32].into(),
            to_initiator: [2; 32].into(),
            exporter: [3; 32].into(),
        };
        let setup = TransportSetup {
            role: Role::Initiator,
            local_id: 1,
            remote_id: 2,
            path: core::net::SocketAddr::from(([10, 0, 0, 1], 7777)).into(),
            keys,
            peer_ack_delay: settings.ack_delay,
            max_datagram: 1200,
            most_datagram: 1500,
            peer_idle_timeout: settings.idle_timeout,
            link: None,
            resumed: false,
        };
        Transport::new(now, &settings, setup)
    }

    #[test]
    fn the_heartbeat_after_an_mtu_probe_requests_an_ack() {
        for is_probed in [false, true] {
            let mut transport = initiator(Instant::ZERO);
            // One hundred milliseconds of round trip: there is time for a silent heartbeat.
            transport.rtt.update(Span::from_millis(100), Span::ZERO);
            transport.ping_due = false;
            transport.on_patience_over(Instant::ZERO);
            assert!(core::mem::take(&mut transport.ping_due), "the first one asks");
            if is_probed {
                transport.mtu.on_full(Instant::ZERO, 1500);
                let size = write_mtu_probe(Instant::ZERO, &mut transport, &mut [0; 1500]).unwrap();
                assert!(size > 1200);
                transport.settle_acked(Instant::ZERO, 0).unwrap();
            }
            transport.on_patience_over(Instant::ZERO);
            assert_eq!((transport.ping_due, transport.sign_due), (is_probed, !is_probed));
        }
    }
}
