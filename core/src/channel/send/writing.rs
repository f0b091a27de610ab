//! Writes frames into a packet, each from the channel whose turn it is.

use super::outgoing::{Outgoing, Wish};
use super::record::PieceRecord;
use super::{SendSide, bits, cost};
use crate::event::ChannelId;
use crate::fair::VirtualClock;
use crate::time::Instant;
use crate::wire::Writer;
use crate::wire::message::Chain;

impl SendSide {
    /// Returns whether [`Self::write_pieces`] would write a frame into an empty packet. The result is exact if the
    /// expired messages were dropped before.
    pub(crate) fn has_sendable(&self, clock: VirtualClock) -> bool {
        if self.wishing.is_power_of_two() {
            let alone = self.channels.get(self.wishing.trailing_zeros() as usize);
            return alone.is_some_and(|outgoing| self.may_write(outgoing));
        }
        self.wishing != 0 && self.sendable(clock) != 0
    }

    /// Fills a packet with frames, each from the channel whose turn it is. Calls `note` with the record of each
    /// frame.
    pub(crate) fn write_pieces(
        &mut self,
        now: Instant,
        clock: &mut VirtualClock,
        writer: &mut Writer<'_>,
        mut note: impl FnMut(PieceRecord),
    ) {
        if self.wishing == 0 {
            return;
        }
        self.expire(now);
        if self.held != 0 {
            self.give_way(now);
        }
        let mut chain = Chain::default();
        if self.wishing.is_power_of_two() {
            // It competes with nobody.
            let index = self.wishing.trailing_zeros() as usize;
            while let Some(record) = self.write_alone(index, clock, writer, &mut chain) {
                note(record);
            }
        } else {
            self.write_in_turn(clock, writer, &mut chain, note);
        }
        for index in bits(self.wishing) {
            if self.channels.get(index).is_none_or(|outgoing| outgoing.wish() == Wish::Nothing) {
                self.wishing &= !(1 << index);
            }
        }
    }

    /// Returns the start tag of the channel whose turn it is, or `None` if no channel may send.
    pub(crate) fn next_start(&self, clock: VirtualClock) -> Option<u64> {
        let (_, start) = self.next_of(self.sendable(clock), clock)?;
        Some(start)
    }

    /// Writes the next frame of the only channel with data, and returns its record. Returns `None` if the channel may
    /// not send or no frame fits.
    fn write_alone(
        &mut self,
        index: usize,
        clock: &mut VirtualClock,
        writer: &mut Writer<'_>,
        chain: &mut Chain,
    ) -> Option<PieceRecord> {
        let outgoing = self.channels.get(index).filter(|outgoing| self.may_write(outgoing))?;
        clock.advance(outgoing.share.start(*clock));
        self.write_from(index, *clock, writer, chain)
    }

    /// Writes frames of several channels, each from the channel whose turn it is, until no frame fits.
    ///
    /// Determines once which channels may send, and checks a channel again after each of its frames. If the credit
    /// may not suffice for every message, the method checks all channels after each frame.
    fn write_in_turn(
        &mut self,
        clock: &mut VirtualClock,
        writer: &mut Writer<'_>,
        chain: &mut Chain,
        mut note: impl FnMut(PieceRecord),
    ) {
        let mut sendable = self.sendable(*clock);
        // Of what does not fit, nothing fits until something else was written.
        let mut left = sendable;
        let mut is_first = true;
        while let Some((index, start)) = self.next_of(left, *clock) {
            if core::mem::take(&mut is_first) {
                clock.advance(start);
            }
            let Some(record) = self.write_from(index, *clock, writer, chain) else {
                left &= !(1 << index);
                continue;
            };
            note(record);
            is_first = true;
            if !self.has_ample_credit() {
                sendable = self.sendable(*clock);
            } else if !self.channels.get(index).is_some_and(|outgoing| self.may_write(outgoing)) {
                sendable &= !(1 << index);
            }
            left = sendable;
        }
    }

    /// Returns whether the flow-control credit suffices for any message.
    const fn has_ample_credit(&self) -> bool {
        self.credit.granted.saturating_sub(self.credit.used) >= cost(self.max_message + 1)
    }

    /// Returns the channels that may send now, one bit for each channel. A channel that waits for credit blocks new
    /// reliable messages of the channels after it. Otherwise, a large message would never get enough credit.
    fn sendable(&self, clock: VirtualClock) -> u32 {
        let available = self.credit.granted.saturating_sub(self.credit.used);
        let (mut free, mut waiting) = (0, None);
        let mut begin = 0;
        for index in bits(self.wishing) {
            let Some(outgoing) = self.channels.get(index) else { continue };
            if self.resuming && outgoing.is_reliable() {
                continue;
            }
            match outgoing.wish() {
                Wish::Nothing => {}
                Wish::Free => free |= 1 << index,
                Wish::Credit(cost) if cost <= available => begin |= 1 << index,
                Wish::Credit(_) => {
                    let place = (outgoing.share.start(clock), index);
                    waiting = Some(waiting.map_or(place, |first| place.min(first)));
                }
            }
        }
        if let Some(first) = waiting {
            for (index, outgoing) in self.channels.iter() {
                if (outgoing.share.start(clock), index) > first {
                    begin &= !(1 << index);
                }
            }
        }
        free | begin
    }

    /// Returns whether the only channel with data may send now.
    fn may_write(&self, outgoing: &Outgoing) -> bool {
        let is_held = self.resuming && outgoing.is_reliable();
        !is_held
            && match outgoing.wish() {
                Wish::Nothing => false,
                Wish::Free => true,
                Wish::Credit(cost) => cost <= self.credit.granted.saturating_sub(self.credit.used),
            }
    }

    /// Returns the index and the start tag of the channel whose turn it is among `channels`.
    fn next_of(&self, channels: u32, clock: VirtualClock) -> Option<(usize, u64)> {
        let start = |index: usize| Some((index, self.channels.get(index)?.share.start(clock)));
        bits(channels).filter_map(start).min_by_key(|&(_, start)| start)
    }

    fn write_from(
        &mut self,
        index: usize,
        clock: VirtualClock,
        writer: &mut Writer<'_>,
        chain: &mut Chain,
    ) -> Option<PieceRecord> {
        let outgoing = self.channels.get_mut(index)?;
        let before = writer.written();
        let written = outgoing.write(writer, chain)?;
        outgoing.share.charge(clock, writer.written() - before);
        self.credit.used += written.credit;
        Some(PieceRecord::new(ChannelId(index as u8), self.transport, written.sent))
    }
}
