//! Sent packets that are neither acknowledged nor lost yet: one record per packet, and a log of the frames that each
//! packet carried.
//!
//! Packet numbers are consecutive, so a record is found by subtraction. Both queues keep their capacity: in steady
//! state nothing is allocated.

use alloc::collections::VecDeque;
use core::ops::Range;

use super::congestion::delivery_rate::Stamp;
use crate::channel::PieceRecord;
use crate::limits;
use crate::time::Instant;

/// The size of a small datagram in bytes. If the bytes in flight exceed one such size per packet by more than [`LARGE`],
/// a large datagram may be in flight.
const SMALL: u64 = 64;
const LARGE: u64 = 300;

/// A frame whose outcome matters to the sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SentFrame {
    /// A message, or a fragment of a message.
    Piece(PieceRecord),
    /// An ACK frame that reported packet numbers up to this number.
    Ack(u64),
    /// A frame that grants flow-control credit.
    Credit,
    /// The resume ticket with this sequence number.
    Ticket(u32),
    /// The resume state of this channel.
    Resume(u8),
    /// The snapshot frame with the number `frame` in the view `view`. `frame` holds only the low 32 bits of the number.
    Snapshot { view: u32, frame: u32 },
    /// The report with this number that a snapshot frame could not be decoded.
    SnapshotReset(u32),
    /// The report that this view of a world is complete.
    ViewComplete(u32),
}

/// A packet whose outcome is now known. Its frames stay readable until the next call of [`SentPackets::trim`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Settled {
    pub(crate) sent_at: Instant,
    pub(crate) bytes: u64,
    pub(crate) frames: Range<u64>,
    pub(crate) stamp: Stamp,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    sent_at: Instant,
    frames_from: u64,
    stamp: Stamp,
    bytes: u16,
    in_flight: bool,
    /// `true` if a frame of the packet would be sent again.
    matters: bool,
}

/// The record of sent packets of one packet number space.
#[derive(Debug, Default)]
pub(crate) struct SentPackets {
    first: u64,
    records: VecDeque<Record>,
    first_frame: u64,
    frames: VecDeque<SentFrame>,
    /// The position of the first frame of the packet that is being built.
    open_frame: u64,
    bytes_in_flight: u64,
    in_flight: usize,
    /// The number of packets in flight that contain a frame that would be sent again.
    mattering: usize,
    /// `true` if the packet that is being built contains a frame that would be sent again.
    open_matters: bool,
}

impl SentFrame {
    /// Returns `true` if the frame is sent again after its loss.
    const fn is_repeated(self) -> bool {
        !matches!(self, Self::Ack(_))
    }
}

impl SentPackets {
    /// Returns the number of the next packet.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    /// Returns the number of bytes in flight, overhead included.
    pub(crate) const fn bytes_in_flight(&self) -> u64 {
        self.bytes_in_flight
    }

    /// Returns the number of packets in flight: sent, ack-eliciting, and neither acknowledged nor lost.
    pub(crate) const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Returns `true` if a datagram in flight may have more than a few hundred bytes.
    pub(crate) const fn has_large(&self) -> bool {
        self.bytes_in_flight > LARGE + SMALL * self.in_flight as u64
    }

    /// Returns `true` if a frame in flight would be sent again after its loss: a reliable message, credit, resume state
    /// or a ticket.
    pub(crate) const fn has_what_matters(&self) -> bool {
        self.mattering > 0
    }

    /// Returns `true` if another ack-eliciting packet may be recorded.
    pub(crate) fn has_room(&self) -> bool {
        self.records.len() < limits::PACKETS_IN_FLIGHT
    }

    /// Returns `true` if the records span so many packets that the oldest packet in flight must count as lost.
    pub(crate) fn is_overfull(&self) -> bool {
        self.records.len() >= 2 * limits::PACKETS_IN_FLIGHT
    }

    /// Makes `next` the number of the next packet. The caller may do this only while no packet is recorded.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn age(&mut self, next: u64) {
        if self.records.is_empty() {
            self.first = next;
        }
    }

    /// Records a frame of the packet that is being built.
    pub(crate) fn note(&mut self, frame: SentFrame) {
        self.open_matters |= frame.is_repeated();
        if let SentFrame::Piece(piece) = &frame
            && self.open_frame < self.frames_end()
            && let Some(SentFrame::Piece(last)) = self.frames.back_mut()
            && last.extend(piece)
        {
            return;
        }
        self.frames.push_back(frame);
    }

    /// Records the packet that was built. A packet that requests no acknowledgement only uses up its number.
    pub(crate) fn record(&mut self, now: Instant, bytes: usize, eliciting: bool) {
        let matters = core::mem::take(&mut self.open_matters) && eliciting;
        if !eliciting && self.records.is_empty() {
            self.first += 1;
            self.first_frame = self.frames_end();
            self.open_frame = self.first_frame;
            self.frames.clear();
            return;
        }
        let bytes = u16::try_from(bytes).unwrap_or(u16::MAX);
        self.mattering += usize::from(matters);
        self.records.push_back(Record {
            sent_at: now,
            frames_from: self.open_frame,
            stamp: Stamp::default(),
            bytes,
            in_flight: eliciting,
            matters,
        });
        self.open_frame = self.frames_end();
        if eliciting {
            self.bytes_in_flight += u64::from(bytes);
            self.in_flight += 1;
        } else {
            self.trim();
        }
    }

    /// Adds a stamp of the delivered bytes to the packet recorded most recently, which requests an acknowledgement.
    pub(crate) fn stamp(&mut self, stamp: Stamp) {
        if let Some(record) = self.records.back_mut() {
            record.stamp = stamp;
        }
    }

    /// Removes a packet from the packets in flight. Returns `None` if the packet was never sent, was removed earlier, or
    /// requests no acknowledgement.
    pub(crate) fn settle(&mut self, packet_number: u64) -> Option<Settled> {
        let index = usize::try_from(packet_number.checked_sub(self.first)?).ok()?;
        let frames_until =
            self.records.get(index.checked_add(1)?).map_or(self.open_frame, |next| next.frames_from);
        let record = self.records.get_mut(index)?;
        if !record.in_flight {
            return None;
        }
        record.in_flight = false;
        self.mattering -= usize::from(record.matters);
        let bytes = u64::from(record.bytes);
        self.bytes_in_flight -= bytes;
        self.in_flight -= 1;
        let (sent_at, stamp) = (record.sent_at, record.stamp);
        Some(Settled { sent_at, bytes, frames: record.frames_from..frames_until, stamp })
    }

    /// Returns the time at which a packet in flight was sent.
    pub(crate) fn sent_at(&self, packet_number: u64) -> Option<Instant> {
        let index = usize::try_from(packet_number.checked_sub(self.first)?).ok()?;
        self.records.get(index).filter(|record| record.in_flight).map(|record| record.sent_at)
    }

    /// Returns the time at which a packet was sent, if the packet is still recorded. Packets that request no
    /// acknowledgement stay recorded while an older packet is in flight.
    pub(crate) fn left_at(&self, packet_number: u64) -> Option<Instant> {
        let index = usize::try_from(packet_number.checked_sub(self.first)?).ok()?;
        self.records.get(index).map(|record| record.sent_at)
    }

    /// Returns the time at which the oldest packet in flight was sent.
    pub(crate) fn oldest_in_flight(&self) -> Option<Instant> {
        self.records.front().map(|record| record.sent_at)
    }

    /// Returns a recorded frame, by its position in [`Settled::frames`].
    pub(crate) fn frame(&self, place: u64) -> Option<SentFrame> {
        self.frames.get(usize::try_from(place.checked_sub(self.first_frame)?).ok()?).copied()
    }

    /// Returns the positions of the frames of a packet in flight.
    pub(crate) fn frames_of(&self, packet_number: u64) -> Option<Range<u64>> {
        let index = usize::try_from(packet_number.checked_sub(self.first)?).ok()?;
        let record = self.records.get(index).filter(|record| record.in_flight)?;
        let until = self.records.get(index.checked_add(1)?).map_or(self.open_frame, |next| next.frames_from);
        Some(record.frames_from..until)
    }

    /// Returns the packet numbers below `end` that may be in flight.
    pub(crate) const fn unsettled_below(&self, end: u64) -> Range<u64> {
        self.first..end
    }

    /// Drops the records that are no longer needed.
    pub(crate) fn trim(&mut self) {
        while self.records.front().is_some_and(|record| !record.in_flight) {
            self.records.pop_front();
            self.first += 1;
        }
        let keep_from = self.records.front().map_or(self.open_frame, |record| record.frames_from);
        while self.first_frame < keep_from && self.frames.pop_front().is_some() {
            self.first_frame += 1;
        }
    }

    /// Releases unused memory, because the connection is idle.
    pub(crate) fn rest(&mut self) {
        self.records.shrink_to_fit();
        self.frames.shrink_to_fit();
    }

    fn frames_end(&self) -> u64 {
        self.first_frame + self.frames.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(sent: &SentPackets, settled: &Settled) -> alloc::vec::Vec<SentFrame> {
        settled.frames.clone().filter_map(|place| sent.frame(place)).collect()
    }

    #[test]
    fn only_the_first_ack_or_loss_of_a_packet_returns_the_frames_of_the_packet() {
        let mut sent = SentPackets::default();
        for number in 0..4u64 {
            for _ in 0..=number {
                sent.note(SentFrame::Ack(number));
            }
            sent.record(Instant::ZERO, 100, true);
        }
        let settled = sent.settle(2).unwrap();
        assert_eq!(frames(&sent, &settled), [SentFrame::Ack(2); 3]);
        assert_eq!(sent.settle(2), None);
        assert_eq!((sent.in_flight(), sent.bytes_in_flight()), (3, 300));
        sent.trim();
        let settled = sent.settle(0).unwrap();
        assert_eq!(frames(&sent, &settled), [SentFrame::Ack(0)]);
        sent.trim();
        let settled = sent.settle(3).unwrap();
        assert_eq!(frames(&sent, &settled), [SentFrame::Ack(3); 4]);
        assert_eq!((sent.frames_of(0), sent.frames_of(1).map(Iterator::count)), (None, Some(2)));
    }

    #[test]
    fn retransmittable_frames_count_as_outstanding_until_their_packet_is_acknowledged_or_lost() {
        let mut sent = SentPackets::default();
        sent.note(SentFrame::Ack(1));
        sent.record(Instant::ZERO, 100, true);
        assert!(!sent.has_what_matters());
        for frame in [SentFrame::Credit, SentFrame::Ticket(1), SentFrame::Resume(0)] {
            sent.note(frame);
            sent.record(Instant::ZERO, 100, true);
            assert!(sent.has_what_matters());
            sent.settle(sent.next() - 1).unwrap();
            assert!(!sent.has_what_matters());
        }
    }

    #[test]
    fn releasing_unused_memory_keeps_the_records_of_packets_in_flight() {
        let mut sent = SentPackets::default();
        sent.note(SentFrame::Credit);
        sent.record(Instant::ZERO, 100, true);
        sent.rest();
        assert!(sent.has_what_matters() && sent.records.capacity() > 0);
        let settled = sent.settle(0).unwrap();
        assert_eq!(frames(&sent, &settled), [SentFrame::Credit]);
        sent.trim();
        sent.rest();
        assert_eq!((sent.records.capacity(), sent.frames.capacity(), sent.next()), (0, 0, 1));
        // Numbers and frames go on where they were.
        sent.record(Instant::ZERO, 30, false);
        sent.note(SentFrame::Ticket(1));
        sent.record(Instant::ZERO, 100, true);
        let settled = sent.settle(2).unwrap();
        assert_eq!(frames(&sent, &settled), [SentFrame::Ticket(1)]);
    }

    #[test]
    fn ack_only_packets_are_not_recorded_as_sent() {
        let mut sent = SentPackets::default();
        for _ in 0..10_000 {
            sent.record(Instant::ZERO, 30, false);
        }
        assert_eq!((sent.next(), sent.records.len(), sent.in_flight()), (10_000, 0, 0));
        assert_eq!(sent.settle(9_999), None);
        assert_eq!(sent.settle(u64::MAX), None);
    }
}
