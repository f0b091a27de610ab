//! The datagrams that a connection writes when it may send: one datagram, and further datagrams of the same size in the
//! same buffer.

use super::{CLOSE_PATIENCE, Connection, Phase, Settings, settle, transmit};
use crate::address::{Ecn, Path};
use crate::limits::{self, LEAST_DATAGRAM};
use crate::rng::Rng;
use crate::snapshot::worlds::Worlds;
use crate::time::Instant;

/// The datagrams of one turn. All are for one path and have `segment_size` bytes, except that the final datagram may be
/// shorter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) path: Path,
    pub(crate) ecn: Ecn,
    pub(crate) size: usize,
    pub(crate) segment_size: usize,
}

/// A datagram that was written.
#[derive(Clone, Copy, Debug)]
struct Datagram {
    path: Path,
    size: usize,
    ecn: Ecn,
}

impl Connection {
    /// Writes the waiting datagrams to `buffer`. After each datagram, `may_follow` decides whether another datagram may
    /// follow.
    pub(crate) fn turn(
        &mut self,
        now: Instant,
        buffer: &mut [u8],
        rng: &mut Rng,
        settings: &Settings,
        mut worlds: Option<&mut Worlds>,
        mut may_follow: impl FnMut(&Path, usize) -> bool,
    ) -> Option<Written> {
        let first = self.write_datagram(now, buffer, rng, settings, worlds.as_deref_mut())?;
        let Datagram { path, size: segment_size, ecn } = first;
        let (mut size, mut count) = (segment_size, 1);
        let mut may_go_on = may_follow(&path, segment_size);
        // More of the same only behind a full datagram: all segments but the last have one size.
        while may_go_on && count < limits::DATAGRAMS_PER_TRANSMIT && self.has_more_like(now, &first) {
            let Some(room) = buffer.get_mut(size..size + segment_size) else { break };
            let Some(next) = self.write_datagram(now, room, rng, settings, worlds.as_deref_mut()) else {
                break;
            };
            size += next.size;
            count += 1;
            may_go_on = may_follow(&path, next.size) && next.size == segment_size;
        }
        Some(Written { path, ecn, size, segment_size })
    }

    /// Returns `true` if the next datagram is ordinary data for the path of `first`, with the same ECN bits, and may have
    /// the same size.
    fn has_more_like(&self, now: Instant, first: &Datagram) -> bool {
        // No path carries less in one datagram; what is smaller was not full.
        if first.size < usize::from(LEAST_DATAGRAM) {
            return false;
        }
        let Some(transport) = self.transport.as_deref().filter(|_| self.dial.is_none()) else { return false };
        transport.datagram_now(now) == first.size
            && transport.path == first.path
            && transport.marking.next() == first.ecn
            && transport.window_is_open(now)
            && self.needs(now).is_bulk()
    }

    fn write_datagram(
        &mut self,
        now: Instant,
        buffer: &mut [u8],
        rng: &mut Rng,
        settings: &Settings,
        worlds: Option<&mut Worlds>,
    ) -> Option<Datagram> {
        let written = self.write_next(now, buffer, rng, settings, worlds);
        if let Some(Datagram { path, size, .. }) = &written {
            self.session.traffic.on_sent(*size as u64);
            self.with_transport(|transport| transport.on_sent_to(path, *size as u64));
        }
        written
    }

    fn write_next(
        &mut self,
        now: Instant,
        buffer: &mut [u8],
        rng: &mut Rng,
        settings: &Settings,
        worlds: Option<&mut Worlds>,
    ) -> Option<Datagram> {
        if let Some(dial) = self.dial.as_deref_mut()
            && let Some(size) = dial.write(now, rng, buffer)
        {
            return Some(Datagram { path: dial.path, size, ecn: Ecn::NotCapable });
        }
        let transport = self.transport.as_deref_mut()?;
        if self.phase == Phase::Closing {
            return self.write_close(now, buffer);
        }
        if self.phase != Phase::Connected {
            return None;
        }
        if let Some((path, size)) = transmit::write_path_datagram(now, transport, buffer) {
            return Some(Datagram { path, size, ecn: Ecn::NotCapable });
        }
        if transport.sent.is_overfull() {
            settle::give_up_flight(transport, &mut self.session);
        }
        if transport.keys.sealed() >= settings.rotate_after {
            let next = transport.sent.next();
            transport.keys.rotate(now, next);
        }
        let number = transport.sent.next();
        let mut size = None;
        if transport.may_probe_mtu(now) {
            size = transmit::write_mtu_probe(now, transport, buffer);
        }
        if size.is_none() && transport.may_send() {
            size = transmit::write_datagram(now, transport, &mut self.session, worlds, buffer);
        }
        let Some(size) = size else {
            transport.on_stuck();
            return None;
        };
        Some(Datagram { path: transport.path, size, ecn: transport.marking.on_sent(number) })
    }

    fn write_close(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Datagram> {
        let (transport, closing) = (self.transport.as_deref_mut()?, self.closing.as_deref_mut()?);
        if !core::mem::take(&mut closing.is_due) {
            return None;
        }
        // A CLOSE passes wherever anything does. What an unproven address may not get counts as sent, so that the closing ends.
        let room = buffer.len().min(LEAST_DATAGRAM.into()).min(transport.allowance());
        let room = buffer.get_mut(..room).unwrap_or_default();
        let size = transmit::write_close(now, transport, room, closing.code, &closing.text);
        let path = transport.path;
        closing.tries = closing.tries.saturating_sub(1);
        let (is_heard, is_last) = (closing.is_heard, closing.tries == 0);
        // A reliable link loses no answer.
        if is_last && !is_heard || is_heard && transport.is_reliable {
            self.forget();
        } else if !is_heard {
            closing.again_at = now + transport.probe_timeout().min(CLOSE_PATIENCE);
        }
        size.map(|size| Datagram { path, size, ecn: Ecn::NotCapable })
    }
}
