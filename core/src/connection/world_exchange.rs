//! The replicated worlds of a connection: the world that this end sends, and the world that this end receives.

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::sent::SentFrame;
use super::world_turn::WorldTurn;
use crate::drop::DropReason;
use crate::event::{ConnectionId, Violation};
use crate::fair::{Share, VirtualClock};
use crate::limits::{SNAPSHOT_OFFENCES, SNAPSHOT_STALL};
use crate::snapshot::Changes;
use crate::snapshot::delta::{FrameName, SnapshotFault};
use crate::snapshot::receiver::{FrameRefusal, WorldReceiver};
use crate::snapshot::sender::{InterestState, WorldSender};
use crate::snapshot::unit_codec::UnitCodec;
use crate::time::{Instant, Span};
use crate::wire::{Frame, SnapshotFrame, Writer};

/// The smallest space that a frame needs besides its units, in bytes.
const LEAST_ROOM: usize = 96;
/// The size of the type, the view and the length in front of a frame, in bytes.
const FRAME_OVERHEAD: usize = 1 + 4 + 2;

/// The time assumed between the first two commits, and the longest time assumed between two commits.
const FIRST_INTERVAL: Span = Span::from_millis(100);
/// The worlds of both directions. A connection without worlds has neither.
#[derive(Default)]
pub(super) struct WorldExchange {
    state: Option<Box<ExchangeState>>,
    /// `true` if the connection has ended.
    is_over: bool,
}

#[derive(Default)]
struct ExchangeState {
    sender: Option<SendingWorld>,
    receiver: Option<ReceivingWorld>,
    /// The number of reports of the peer about frames that it could not decode.
    resets: u32,
}

struct SendingWorld {
    /// The number of the view. The number increases with each world that this end begins to send to the peer.
    view: u32,
    world: WorldSender,
    share: Share,
    /// The time of the latest commit of the world, and the time between two commits.
    committed_at: Instant,
    interval: Span,
    /// The number of bytes that the world may have in flight, as of its latest frame.
    flight_most: u64,
    completion: Completion,
}

/// The state of the report that the peer has received everything that was in view when the view began.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Completion {
    Unsent,
    Sent,
    Known,
}

struct ReceivingWorld {
    view: u32,
    world: WorldReceiver,
    /// A frame that could not be decoded, to be reported to the peer. `offences` had the first value when the frame arrived.
    reset: Option<(u32, FrameName)>,
    is_reset_due: bool,
    /// `true` if the application has yet to receive the event that the view is complete.
    is_complete: bool,
    offences: u32,
}

impl WorldExchange {
    /// Returns `true` if the connection has no worlds.
    #[inline(always)]
    pub(super) const fn is_none(&self) -> bool {
        self.state.is_none()
    }

    // ---- Sending ----

    /// Begins to send another world to the peer.
    pub(super) fn send_world(&mut self, now: Instant, world: WorldSender, priority: u8) {
        if self.is_over {
            return;
        }
        let state = self.state.get_or_insert_default();
        let view = state.sender.as_ref().map_or(0, |before| before.view.wrapping_add(1));
        state.sender = Some(SendingWorld {
            view,
            world,
            share: Share::new(priority),
            committed_at: now,
            interval: FIRST_INTERVAL,
            flight_most: u64::MAX,
            completion: Completion::Unsent,
        });
    }

    /// Returns the world that this end sends to the peer.
    pub(super) fn sender(&self) -> Option<&WorldSender> {
        self.sending().map(|sending| &sending.world)
    }

    /// Prepares the world that this end sends for a commit, and returns it.
    pub(super) fn on_commit(&mut self, now: Instant) -> Option<&mut WorldSender> {
        let sending = self.sending_mut()?;
        let before = core::mem::replace(&mut sending.committed_at, now);
        sending.interval = now.since(before).min(FIRST_INTERVAL);
        Some(&mut sending.world)
    }

    fn sending(&self) -> Option<&SendingWorld> {
        self.state.as_deref()?.sender.as_ref()
    }

    fn sending_mut(&mut self) -> Option<&mut SendingWorld> {
        self.state.as_deref_mut()?.sender.as_mut()
    }

    /// Sets whether the peer sees its world by distance or as a whole.
    pub(super) fn set_interest(&mut self, interest: Option<InterestState>) {
        if let Some(sending) = self.sending_mut() {
            sending.world.set_interest(interest);
        }
    }

    /// Returns `true` if a snapshot frame waits.
    #[inline(always)]
    pub(super) fn has_frame(&self) -> bool {
        self.sending().is_some_and(SendingWorld::is_ready)
    }

    /// Returns the virtual time at which it is the world's turn to send.
    pub(super) fn turn(&self, clock: VirtualClock) -> Option<u64> {
        self.sending().filter(|sending| sending.is_ready()).map(|sending| sending.share.start(clock))
    }

    /// Writes a frame of the newest state, if the frame fits.
    pub(super) fn write(
        &mut self,
        clock: &mut VirtualClock,
        writer: &mut Writer<'_>,
        lent: &mut WorldTurn<'_>,
        note: &mut impl FnMut(SentFrame),
    ) {
        let from = writer.written();
        let Some(room) = writer.remaining().checked_sub(FRAME_OVERHEAD).filter(|room| *room >= LEAST_ROOM)
        else {
            return;
        };
        let Some(sending) = self.sending_mut() else { return };
        let flight_most = lent.flight_most(sending.interval);
        let Some((store, scratch)) = lent.worlds.lend(sending.world.world()) else { return };
        // The bytes that the path carries until the next commit, at most those that the window has room for.
        let until_commit = lent.rate.saturating_mul(sending.interval.as_micros()) / 1_000_000;
        sending.flight_most = flight_most;
        let in_flight = sending.world.in_flight();
        let Some(left) = flight_most.checked_sub(in_flight).filter(|left| *left > 0) else { return };
        let budget = until_commit.min(lent.window_left).min(left);
        let Some(frame) = sending.world.pack(store, scratch, room, budget) else { return };
        let view = sending.view;
        let bytes = scratch.bytes();
        let is_written = Frame::Snapshot(SnapshotFrame { view, bytes })
            .write(writer, &mut crate::wire::Chain::default())
            .is_ok();
        if !is_written {
            sending.world.on_lost(frame);
            return;
        }
        let size = writer.written() - from;
        clock.advance(sending.share.start(*clock));
        sending.share.charge(*clock, size);
        note(SentFrame::Snapshot { view, frame: frame as u32 });
    }

    pub(super) fn on_acked(&mut self, view: u32, frame: u32) {
        if let Some(sending) = self.sending_mut().filter(|sending| sending.view == view) {
            let frame = sending.world.whole_number(frame);
            sending.world.on_acked(frame);
        }
    }

    pub(super) fn on_lost(&mut self, view: u32, frame: u32) {
        if let Some(sending) = self.sending_mut().filter(|sending| sending.view == view) {
            let frame = sending.world.whole_number(frame);
            sending.world.on_lost(frame);
        }
    }

    /// Processes the peer's report that it could not decode a frame. A repeated report of the same frame changes nothing.
    ///
    /// # Errors
    /// [`Violation::BadSnapshot`] after [`SNAPSHOT_OFFENCES`] reports, because a peer that follows the protocol ends the
    /// connection itself by then.
    pub(super) fn on_reset(&mut self, view: u32, name: FrameName) -> Result<(), Violation> {
        let Some(state) = self.state.as_deref_mut() else { return Ok(()) };
        let Some(sending) = state.sender.as_mut().filter(|sending| sending.view == view) else {
            return Ok(());
        };
        state.resets += u32::from(sending.world.on_reset(name));
        if state.resets >= SNAPSHOT_OFFENCES { Err(Violation::BadSnapshot) } else { Ok(()) }
    }

    /// Continues over another transport after the session was resumed.
    pub(super) fn on_resumed(&mut self) {
        if let Some(sending) = self.sending_mut() {
            sending.world.on_resumed();
            sending.on_complete_lost();
        }
        if let Some(receiving) = self.receiving_mut() {
            receiving.is_reset_due = receiving.reset.is_some();
        }
    }

    /// Returns the time at which units that wait for a commit are sent without a commit.
    pub(super) fn stalls_at(&self) -> Option<Instant> {
        let sending = self.sending().filter(|sending| sending.world.has_spent())?;
        Some(sending.committed_at + Span::of(SNAPSHOT_STALL))
    }

    pub(super) fn on_time(&mut self, now: Instant) {
        if self.stalls_at().is_some_and(|at| at <= now)
            && let Some(sending) = self.sending_mut()
        {
            sending.world.on_stall();
        }
    }

    /// Removes everything from the peer's view with the next commit.
    pub(super) fn close_view(&mut self) {
        if let Some(sending) = self.sending_mut() {
            sending.world.close();
        }
    }

    // ---- Receiving ----

    /// Returns the world that the peer sends to this end.
    pub(super) fn receiver(&self) -> Option<&WorldReceiver> {
        self.receiving().map(|receiving| &receiving.world)
    }

    fn receiving(&self) -> Option<&ReceivingWorld> {
        self.state.as_deref()?.receiver.as_ref()
    }

    fn receiving_mut(&mut self) -> Option<&mut ReceivingWorld> {
        self.state.as_deref_mut()?.receiver.as_mut()
    }

    /// Processes a frame. An error gives the reason for dropping the packet.
    pub(super) fn on_frame(
        &mut self,
        frame: &SnapshotFrame<'_>,
        codec: &Arc<UnitCodec>,
        max_entities: usize,
    ) -> Result<(), SnapshotDrop> {
        let state = self.state.get_or_insert_default();
        let receiving = state.receiver.get_or_insert_with(|| ReceivingWorld {
            view: frame.view,
            world: WorldReceiver::new(Arc::clone(codec), max_entities),
            reset: None,
            is_reset_due: false,
            is_complete: false,
            offences: 0,
        });
        if frame.view != receiving.view {
            // Views come one after the other; half of the numbers lie ahead.
            if frame.view.wrapping_sub(receiving.view) > u32::MAX / 2 {
                return Err(SnapshotDrop::Dropped(DropReason::StaleSnapshot));
            }
            receiving.world.start_over();
            (receiving.view, receiving.reset, receiving.is_reset_due) = (frame.view, None, false);
            receiving.is_complete = false;
        }
        let fault = match receiving.world.on_frame(frame.bytes) {
            Ok(()) => return Ok(()),
            Err(FrameRefusal::Stale) => return Err(SnapshotDrop::Dropped(DropReason::StaleSnapshot)),
            Err(FrameRefusal::Fault(fault)) => fault,
        };
        receiving.offences += 1;
        if receiving.offences >= SNAPSHOT_OFFENCES {
            return Err(SnapshotDrop::Violation(Violation::BadSnapshot));
        }
        if let Some(name) = receiving.world.refused() {
            receiving.reset = Some((receiving.offences, name));
            receiving.is_reset_due = true;
        }
        Err(SnapshotDrop::Dropped(match fault {
            SnapshotFault::Diverged => DropReason::DivergedSnapshot,
            SnapshotFault::BaselineMissing { .. }
            | SnapshotFault::ReferenceMissing
            | SnapshotFault::UnknownUnit { .. } => DropReason::MissingBaseline,
            _ => DropReason::BadSnapshot,
        }))
    }

    /// Returns `true` if a frame waits that reports an undecodable snapshot frame or a complete view.
    #[inline(always)]
    pub(super) fn has_control(&self) -> bool {
        self.state.as_deref().is_some_and(|state| {
            state.receiver.as_ref().is_some_and(|receiving| receiving.is_reset_due)
                || state.sender.as_ref().is_some_and(SendingWorld::is_completion_due)
        })
    }

    pub(super) fn write_control(&mut self, writer: &mut Writer<'_>, note: &mut impl FnMut(SentFrame)) {
        self.write_reset(writer, note);
        let Some(sending) = self.sending_mut().filter(|sending| sending.is_completion_due()) else { return };
        let view = sending.view;
        if (Frame::ViewComplete { view }).write(writer, &mut crate::wire::Chain::default()).is_ok() {
            sending.completion = Completion::Sent;
            note(SentFrame::ViewComplete(view));
        }
    }

    pub(super) fn on_complete_acked(&mut self, view: u32) {
        if let Some(sending) = self.sending_mut().filter(|sending| sending.view == view) {
            sending.completion = Completion::Known;
        }
    }

    pub(super) fn on_complete_lost(&mut self, view: u32) {
        if let Some(sending) = self.sending_mut().filter(|sending| sending.view == view) {
            sending.on_complete_lost();
        }
    }

    /// Processes the peer's report that everything has arrived that was in view when the view began.
    pub(super) fn on_complete(&mut self, view: u32) {
        if let Some(receiving) = self.receiving_mut().filter(|receiving| receiving.view == view) {
            receiving.is_complete = true;
        }
    }

    /// Returns `true` if the view is complete and this was not reported yet. Later calls return `false`.
    pub(super) fn take_completion(&mut self) -> bool {
        !self.is_none()
            && self.receiving_mut().is_some_and(|receiving| core::mem::take(&mut receiving.is_complete))
    }

    fn write_reset(&mut self, writer: &mut Writer<'_>, note: &mut impl FnMut(SentFrame)) {
        let Some(receiving) = self.receiving_mut().filter(|receiving| receiving.is_reset_due) else { return };
        let Some((number, name)) = receiving.reset else { return };
        let frame = Frame::SnapshotReset { view: receiving.view, name };
        if frame.write(writer, &mut crate::wire::Chain::default()).is_ok() {
            receiving.is_reset_due = false;
            note(SentFrame::SnapshotReset(number));
        }
    }

    pub(super) fn on_reset_acked(&mut self, number: u32) {
        if let Some(receiving) = self.receiving_mut().filter(|receiving| receiving.reports(number)) {
            (receiving.reset, receiving.is_reset_due) = (None, false);
        }
    }

    pub(super) fn on_reset_lost(&mut self, number: u32) {
        if let Some(receiving) = self.receiving_mut().filter(|receiving| receiving.reports(number)) {
            receiving.is_reset_due = true;
        }
    }

    /// Returns `true` if changes have arrived that were not reported to the application.
    #[inline(always)]
    pub(super) fn has_changes(&self) -> bool {
        self.receiving().is_some_and(|receiving| receiving.world.has_changes())
    }

    /// Returns `true` if an event waits for the application.
    #[inline(always)]
    pub(super) fn has_event(&self) -> bool {
        self.receiving().is_some_and(|receiving| receiving.world.has_changes() || receiving.is_complete)
    }

    /// Returns the changes that were not reported to the application yet.
    pub(super) fn take_changes(&mut self, own: ConnectionId, spare: Box<Changes>) -> Option<Box<Changes>> {
        let receiving = self.receiving_mut().filter(|receiving| receiving.world.has_changes())?;
        let mut changes = spare;
        receiving.world.take_changes(own, &mut changes);
        if self.is_over {
            self.state = None;
        }
        Some(changes)
    }

    /// Handles the end of the connection. Only changes that were not reported stay, until the application receives
    /// them.
    pub(super) fn finish(&mut self) {
        self.is_over = true;
        if self.has_changes() {
            self.state.iter_mut().for_each(|state| state.sender = None);
        } else {
            self.state = None;
        }
    }

    /// Returns the size of the used heap memory, in bytes.
    pub(super) fn memory(&self) -> usize {
        let Some(state) = self.state.as_deref() else { return 0 };
        size_of::<ExchangeState>()
            + state.sender.as_ref().map_or(0, |sending| sending.world.memory())
            + state.receiver.as_ref().map_or(0, |receiving| receiving.world.memory())
    }
}

impl SendingWorld {
    /// Returns `true` if a frame waits that may be sent now.
    const fn is_ready(&self) -> bool {
        self.world.has_news() && self.world.in_flight() < self.flight_most
    }

    fn is_completion_due(&self) -> bool {
        self.completion == Completion::Unsent && self.world.is_joined()
    }

    fn on_complete_lost(&mut self) {
        if self.completion == Completion::Sent {
            self.completion = Completion::Unsent;
        }
    }
}

impl ReceivingWorld {
    /// Returns `true` if the newest report of an undecodable frame has this number.
    fn reports(&self, number: u32) -> bool {
        self.reset.is_some_and(|(own, _)| own == number)
    }
}

/// The result for a packet whose snapshot frame was not stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SnapshotDrop {
    /// The endpoint drops the packet and does not acknowledge it.
    Dropped(DropReason),
    /// The connection ends with this violation.
    Violation(Violation),
}

#[cfg(test)]
mod tests;
