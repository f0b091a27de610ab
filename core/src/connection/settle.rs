//! Processes the outcome of sent packets: acknowledgements, losses and probe timeouts.

use core::ops::Range;

use super::loss;
use super::regulator::Timing;
use super::sent::SentFrame;
use super::session::Session;
use super::transport::Transport;
use crate::event::Violation;
use crate::limits;
use crate::planted::{self, Bug};
use crate::time::{Instant, Span};
use crate::wire::AckFrame;

/// The number of PTOs without an acknowledgement after which all measurements of the path are invalid (RFC 9002 section
/// 7.6.1).
const PERSISTENT_PTOS: u32 = 3;

/// Processes the packets that the peer acknowledges, then the packets that therefore count as lost. `at` is the time at
/// which the frame reached this host, now or a little earlier. Returns the time at which the largest acknowledged packet
/// was sent, if this frame is the first to acknowledge it.
pub(crate) fn on_ack(
    (now, at): (Instant, Instant),
    ack: &AckFrame<'_>,
    transport: &mut Transport,
    session: &mut Session,
) -> Result<Option<Instant>, Violation> {
    let next = transport.sent.next();
    let largest_before = transport.largest_acked;
    // The widest gap: packets of which none came through while they were sent.
    let mut silence = 0..0;
    let mut above: Option<u64> = None;
    let mut late = 0;
    let mut largest_new: Option<(u64, Instant)> = None;
    let mut largest_named = None;
    for range in ack.ranges(next) {
        let range = range.map_err(|_| Violation::MalformedFrame)?;
        if *range.end() >= next {
            return Err(Violation::AcknowledgedUnsent);
        }
        largest_named = largest_named.max(Some(*range.end()));
        if let Some(above) = above.replace(*range.start()) {
            silence = wider(silence, range.end() + 1..above);
        }
        late += transport.reordering.take_late(&range);
        // A range may be billions wide; only what is unsettled is visited.
        let unsettled = transport.sent.unsettled_below(range.end() + 1);
        for number in unsettled.start.max(*range.start())..unsettled.end {
            let Some(settled) = transport.settle_acked(now, number) else { continue };
            if largest_new.is_none_or(|(largest, _)| number > largest) {
                largest_new = Some((number, settled.sent_at));
            }
            for place in settled.frames {
                if let Some(frame) = transport.sent.frame(place) {
                    on_frame_acked(frame, transport, session);
                }
            }
        }
    }
    if largest_before.is_none() {
        session.send.on_path_known();
    }
    let is_newest = largest_named > largest_before;
    transport.largest_acked = transport.largest_acked.max(largest_named);
    let is_marked = transport.marking.on_ack(ack.marks, is_newest, next);
    transport.reordering.adapt(now, late);
    transport.regulator.on_late(late, transport.reordering.is_seen());
    let largest_left = match (largest_new, largest_named) {
        (Some((number, sent_at)), Some(largest)) if number == largest => Some(sent_at),
        (Some(_), Some(largest)) if is_newest => uneliciting_left(largest, ack, transport),
        _ => None,
    };
    if let Some((_, sent_at)) = largest_new {
        measure((now, at), ack, transport, largest_left.unwrap_or(sent_at), largest_left.is_some());
    }
    if is_marked {
        // An ACK that settles nothing tells of packets that asked for nothing: they are a round trip old.
        let sent_at = largest_new.map_or_else(|| now - transport.rtt.smoothed(), |(_, sent_at)| sent_at);
        transport.regulator.on_marked(now, sent_at);
    }
    // Packets acknowledged before may be missing from this frame.
    if let (Some(before), Some(lowest)) = (largest_before, above) {
        silence = wider(silence, before.saturating_add(1)..lowest);
    }
    detect_losses(now, transport, session, silence);
    Ok(largest_left)
}

/// Returns the time at which the largest packet of `ack` was sent, if this packet requested no acknowledgement and the
/// frame newly acknowledges another packet that did. The RTT of such a packet counts (RFC 9002 section 5.1). Otherwise a
/// sender whose ACKs follow its messages would not detect that a queue has drained.
fn uneliciting_left(largest: u64, ack: &AckFrame<'_>, transport: &Transport) -> Option<Instant> {
    // Beyond that the time says when the other packet arrived, which was late.
    let is_prompt = ack.delay <= longest_held_back(transport);
    transport.sent.left_at(largest).filter(|_| is_prompt)
}

/// Measures the RTT of an acknowledgement whose newest packet was sent at `sent_at`. `is_largest` is `true` if this packet
/// has the largest packet number of the frame.
fn measure(
    (now, at): (Instant, Instant),
    ack: &AckFrame<'_>,
    transport: &mut Transport,
    sent_at: Instant,
    is_largest: bool,
) {
    // A clock that took the time of arrival for earlier than the sending knows nothing.
    let at = if at > sent_at { at } else { now };
    let held_back = ack.delay.min(longest_held_back(transport));
    if is_largest {
        transport.rtt.update(at.since(sent_at), held_back);
    }
    if !planted::is_planted(Bug::LostTimer) {
        transport.probes = 0;
    }
    transport.probe_due = false;
    let timing =
        Timing { largest: is_largest.then_some((sent_at, ack.receive_time_low24)), came_at: at, held_back };
    let in_flight = transport.sent.bytes_in_flight();
    transport.regulator.on_ack(now, &timing, &transport.rtt, in_flight);
}

/// Returns the longest time by which the peer delays acknowledgements, as the peer declares.
fn longest_held_back(transport: &Transport) -> Span {
    transport.peer_ack_delay + Span::of(limits::UPKEEP_DELAY)
}

fn wider(one: Range<u64>, other: Range<u64>) -> Range<u64> {
    let width = |range: &Range<u64>| range.end.saturating_sub(range.start);
    if width(&other) > width(&one) { other } else { one }
}

fn on_frame_acked(frame: SentFrame, transport: &mut Transport, session: &mut Session) {
    match frame {
        SentFrame::Ack(largest) => transport.acks.on_heard(largest),
        frame => session.on_acked(frame),
    }
}

/// Declares packets lost by the rules of RFC 9002 section 6.1, and returns their frames to the queues that they came from.
///
/// If the lost packets within `silence` are far enough apart, they show persistent congestion (RFC 9002 section 7.6).
pub(crate) fn detect_losses(
    now: Instant,
    transport: &mut Transport,
    session: &mut Session,
    silence: Range<u64>,
) {
    // Drops the acknowledged records at the front.
    transport.sent.trim();
    if transport.is_reliable {
        // Bytes written to such a link arrive, or the link breaks.
        return;
    }
    let largest_acked = transport.largest_acked.unwrap_or(0);
    if transport.sent.unsettled_below(largest_acked).is_empty() {
        transport.loss_at = None;
        return;
    }
    let rtt = transport.rtt.smoothed().max(transport.rtt.latest());
    let loss_delay = transport.reordering.loss_delay(transport.rtt.loss_delay(), rtt);
    let thresholds = (transport.reordering.packet_threshold(), loss_delay);
    let mut silent: Option<(Instant, Instant)> = None;
    let mut has_lost = false;
    let Transport { sent, regulator, reordering, loss_at, mtu, marking, .. } = transport;
    *loss_at = loss::detect(now, sent, largest_acked, thresholds, |sent, number| {
        let Some(settled) = sent.settle(number) else { return };
        has_lost = true;
        if mtu.on_lost(number, settled.bytes) {
            return;
        }
        marking.on_lost(number);
        regulator.on_lost(&settled);
        reordering.on_lost(number);
        if silence.contains(&number) {
            let (first, _) = *silent.get_or_insert((settled.sent_at, settled.sent_at));
            silent = Some((first, settled.sent_at));
        }
        session.traffic.datagrams_lost += 1;
        if planted::is_planted(Bug::LostForgotten) && number % 16 == 0 {
            return;
        }
        for place in settled.frames {
            if let Some(frame) = sent.frame(place) {
                session.on_lost(frame);
            }
        }
    });
    if !has_lost {
        return;
    }
    sent.trim();
    if transport.mtu.take_black_hole(now) {
        transport.on_datagram_changed();
        transport.regulator.on_black_hole(now);
        return;
    }
    let too_long = || transport.probe_timeout().saturating_mul(PERSISTENT_PTOS);
    let is_persistent = silent.is_some_and(|(first, last)| last.since(first) > too_long());
    transport.regulator.on_losses(now, is_persistent);
}

/// Requests a probe, because no acknowledgement arrived in time. The probe repeats the content of the oldest packets.
pub(crate) fn probe(transport: &mut Transport, session: &mut Session) {
    transport.probes = transport.probes.saturating_add(1);
    transport.probe_due = true;
    transport.ping_due = true;
    if transport.probes > 1 && transport.sent.has_large() {
        transport.mtu.ask_whether_anything_passes();
    }
    // Frames that an earlier probe repeated are in flight twice: continue until there is one that a probe can carry.
    for number in transport.sent.unsettled_below(transport.sent.next()) {
        for place in transport.sent.frames_of(number).into_iter().flatten() {
            if let Some(frame) = transport.sent.frame(place) {
                session.on_lost(frame);
            }
        }
        if session.has_eliciting() {
            return;
        }
    }
}

/// Declares all packets in flight lost, because their path no longer exists.
pub(crate) fn give_up_flight(transport: &mut Transport, session: &mut Session) {
    for number in transport.sent.unsettled_below(transport.sent.next()) {
        let Some(settled) = transport.sent.settle(number) else { continue };
        if transport.mtu.on_lost(number, settled.bytes) {
            continue;
        }
        transport.marking.on_lost(number);
        session.traffic.datagrams_lost += 1;
        for place in settled.frames {
            if let Some(frame) = transport.sent.frame(place) {
                session.on_lost(frame);
            }
        }
    }
    transport.sent.trim();
}
