//! The permitted reports to a side on its messages: receipts, outcomes during a session, and outcomes at its end.

use std::collections::BTreeMap;

use tickwire_core::{Fate, MessageId, Unconfirmed};

use super::{Checked, Ledger, SideId};

impl Ledger {
    /// Checks and records a receipt.
    pub(in crate::swarm) fn on_receipt(&mut self, side: SideId, channel: u8, message: MessageId) -> Checked {
        self.expect_up(side, "a receipt")?;
        let index = usize::from(channel);
        let number = u32::try_from(message.0).unwrap_or(u32::MAX);
        let config = &self.channels[index];
        if !config.receipts || number >= self.side(side).sent[index].count {
            return Err(format!(
                "message {number} of channel {channel} got a receipt, but the channel has no receipts or the message was not sent"
            ));
        }
        if !self.side_mut(side).sent[index].receipts.insert(number) {
            return Err(format!("message {number} of channel {channel} got a second receipt"));
        }
        if !self.was_given(side, index, number) {
            return Err(format!(
                "message {number} of channel {channel} got a receipt, but was not delivered"
            ));
        }
        self.figures.receipts += 1;
        Ok(())
    }

    /// Queries the outcome of every message without a final outcome, and checks the answers.
    pub(in crate::swarm) fn audit(
        &mut self,
        side: SideId,
        fate: impl Fn(u8, MessageId) -> Option<Fate>,
    ) -> Checked {
        for channel in 0..self.channels.len() {
            let open = core::mem::take(&mut self.side_mut(side).sent[channel].open);
            let mut still = Vec::with_capacity(open.len());
            for number in open {
                let fate = fate(channel as u8, MessageId(u64::from(number)));
                if self.judge(side, channel, number, fate)? {
                    still.push(number);
                }
            }
            self.side_mut(side).sent[channel].open = still;
        }
        Ok(())
    }

    /// Records the messages that are still queued when `side` stops sending, because its session is interrupted or is
    /// about to be closed. These messages are never sent, unless the session is resumed.
    pub(in crate::swarm) fn on_stopped(
        &mut self,
        side: SideId,
        fate: impl Fn(u8, MessageId) -> Option<Fate>,
    ) {
        for (channel, sent) in self.side_mut(side).sent.iter_mut().enumerate() {
            let is_queued =
                |number: &u32| fate(channel as u8, MessageId(u64::from(*number))) == Some(Fate::Queued);
            sent.unbegun = sent.open.iter().copied().filter(is_queued).collect();
        }
    }

    /// Records that `side` sends again.
    pub(in crate::swarm) fn on_resumed(&mut self, side: SideId) {
        self.side_mut(side).sent.iter_mut().for_each(|sent| sent.unbegun.clear());
    }

    /// Checks the reported outcome of a message. Returns whether the outcome can still change.
    fn judge(
        &mut self,
        side: SideId,
        channel: usize,
        number: u32,
        fate: Option<Fate>,
    ) -> Result<bool, String> {
        let given = self.was_given(side, channel, number);
        let expires = self.channels[channel].lifetime.is_some();
        let sent = &mut self.sides[side as usize].sent[channel];
        let skipped = sent.skipped.contains(&number);
        match fate {
            Some(Fate::Delivered) if given => Ok(false),
            Some(Fate::Queued) if !given && !skipped => Ok(true),
            Some(Fate::InFlight) if !skipped => Ok(true),
            Some(Fate::NotSent) | None if expires && !given => {
                sent.not_sent.insert(number);
                Ok(false)
            }
            None if expires => Ok(false),
            _ => Err(format!(
                "side {side}: the fate {fate:?} of message {number} of channel {channel} is false; delivered: {given}, \
                 skipped: {skipped}"
            )),
        }
    }

    /// Checks that the list contains every message that was not reported as delivered exactly once, with a true
    /// outcome.
    pub(super) fn check_fates(&mut self, side: SideId, unconfirmed: &[Unconfirmed]) -> Checked {
        let key = |entry: &Unconfirmed| (entry.channel, entry.message);
        if !unconfirmed.is_sorted_by(|a, b| key(a) < key(b)) {
            return Err(format!("side {side}: the unconfirmed messages are listed out of order or twice"));
        }
        let mut listed: BTreeMap<(usize, u32), Fate> = unconfirmed
            .iter()
            .map(|entry| ((usize::from(entry.channel.0), entry.message.0 as u32), entry.fate))
            .collect();
        for channel in 0..self.channels.len() {
            for number in core::mem::take(&mut self.side_mut(side).sent[channel].open) {
                let fate = listed.remove(&(channel, number));
                self.judge_last(side, channel, number, fate)?;
            }
        }
        match listed.first_key_value() {
            None => Ok(()),
            Some(((channel, number), fate)) => Err(format!(
                "side {side}: message {number} of channel {channel} is listed as {fate:?} at the end, but its final fate was reported earlier"
            )),
        }
    }

    fn judge_last(&mut self, side: SideId, channel: usize, number: u32, fate: Option<Fate>) -> Checked {
        let given = self.was_given(side, channel, number);
        let expires = self.channels[channel].lifetime.is_some();
        let sent = &mut self.sides[side as usize].sent[channel];
        let skipped = sent.skipped.contains(&number);
        let has_receipt = sent.receipts.contains(number);
        let truthful = match fate {
            Some(Fate::NotSent) => !given,
            Some(Fate::Unknown) => !skipped && !has_receipt && !sent.unbegun.contains(&number),
            None => given || expires,
            Some(_) => false,
        };
        if matches!(fate, Some(Fate::NotSent) | None) && !given {
            sent.not_sent.insert(number);
        }
        if truthful {
            return Ok(());
        }
        Err(format!(
            "side {side} reported the fate {fate:?} of message {number} of channel {channel}, which is false; \
             delivered: {given}, skipped: {skipped}, never sent: {}",
            sent.unbegun.contains(&number)
        ))
    }
}
