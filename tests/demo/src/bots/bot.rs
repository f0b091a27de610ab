//! One bot: a client that steers its agent at random and sends chat lines.

use std::cell::Cell;
use std::time::{Duration, Instant};

use tickwire_core::message::{BoundedString, NetMessage as _, Registry};
use tickwire_core::rng::Rng;
use tickwire_core::snapshot::WorldView;
use tickwire_core::{CloseReason, Config, ConnectionId, Event, Unconfirmed};
use tickwire_native::{Client, ConnectionInfo, Ending, Options, StartError};
use tickwire_server::snapshot_config;
use tickwire_server::world::{self, Heard, Say, Steer, World, hash_of_view};

use super::chat::{Ears, compose};
use crate::percentiles::Samples;
use crate::report::Totals;

/// A bot: a client and its counters.
pub(super) struct Bot {
    pub(super) client: Client,
    number: u16,
    rng: Rng,
    heading: (i16, i16),
    /// The time at which the bot sends its next chat line.
    speaks_at: Option<Instant>,
    chat_pause: Duration,
    ears: Ears,
    /// The view of the server's world.
    view: Option<WorldView>,
    /// The hash of the view, if it was computed since the last change.
    hash: Cell<Option<u64>>,
    /// The bot's own counters. The driver keeps the others.
    counted: Totals,
    /// The sums of the counters of earlier connections.
    before: OfConnections,
    latest: Option<ConnectionInfo>,
    /// The latest connection that the driver reported.
    connection: Option<ConnectionId>,
    pub(super) interruptions: u64,
    /// `true` if a server has lost the bot's session. The number of lines that this server should have sent to the bot
    /// is then unknown.
    pub(super) has_lost_session: bool,
    /// The server's message when it closed the connection, or the reason why the connection ended.
    pub(super) farewell: Option<String>,
}

impl Bot {
    pub(super) fn new(number: u16, seed: u64, chat_pause: Duration) -> Result<Self, StartError> {
        let mut config = Config::new(world::APPLICATION);
        // A receipt says that a message has arrived; that it was sent says nothing.
        for channel in &mut config.channels {
            channel.receipts = true;
        }
        // The built-in world's components and messages can be declared, as its tests show.
        config.snapshots = snapshot_config::<World>().ok().flatten();
        let view =
            config.snapshots.as_ref().map(|snapshots| WorldView::new(&snapshots.schema).with_history(0));
        let registry = world::registry().unwrap_or_default();
        let options = Options::new(config).registry(registry).socket_buffer(SOCKET_BUFFER);
        let mut bytes = [0; 32];
        bytes
            .iter_mut()
            .zip(seed.to_le_bytes().into_iter().chain(number.to_le_bytes()))
            .for_each(|(to, from)| *to = from);
        Ok(Self {
            client: Client::start(options)?,
            number,
            rng: Rng::from_seed(bytes),
            heading: (0, 0),
            speaks_at: None,
            chat_pause,
            ears: Ears::default(),
            view,
            hash: Cell::new(None),
            counted: Totals::default(),
            before: OfConnections::default(),
            latest: None,
            connection: None,
            interruptions: 0,
            has_lost_session: false,
            farewell: None,
        })
    }

    /// Handles all waiting events.
    pub(super) fn drain(&mut self) {
        while let Some(event) = self.client.next_event() {
            match event {
                Event::Message { data, .. } => {
                    self.counted.messages_down += 1;
                    take(self.client.registry(), &data, &mut self.ears);
                }
                Event::Snapshot { changes, .. } => {
                    self.counted.snapshots += 1;
                    self.view.iter_mut().for_each(|view| view.apply(&changes));
                    self.hash.set(None);
                    self.client.recycle(changes);
                }
                Event::Delivered { channel, .. } if Say::ROUTE == channel.into() => {
                    self.counted.reliable_delivered += 1;
                }
                Event::Connected { connection, .. } => {
                    self.roll();
                    self.view.iter_mut().for_each(WorldView::clear);
                    self.hash.set(None);
                    self.connection = Some(connection);
                    self.farewell = None;
                }
                Event::Interrupted { .. } => self.interruptions += 1,
                // An attempt that failed is told where it is made.
                Event::Closed { connection, .. } if connection == ConnectionId::default() => {}
                Event::Closed { connection, reason, unconfirmed } => {
                    self.on_closed(connection, reason, &unconfirmed);
                }
                _ => {}
            }
        }
    }

    fn on_closed(&mut self, connection: ConnectionId, reason: CloseReason, unconfirmed: &[Unconfirmed]) {
        let lines = unconfirmed.iter().filter(|message| Say::ROUTE == message.channel.into());
        self.counted.reliable_told += lines.count() as u64;
        self.has_lost_session |= reason == CloseReason::SessionLost;
        if !matches!(reason, CloseReason::Peer { .. }) {
            self.interruptions += 1;
        }
        // One that another has replaced says nothing of how it is.
        if self.connection == Some(connection) {
            self.roll();
            self.farewell = Some(match reason {
                CloseReason::Peer { text, .. } => text.to_string(),
                reason => Ending(&reason).to_string(),
            });
        }
    }

    /// Adds the counters of the connection to `before`, because the connection ends or another connection replaces it.
    fn roll(&mut self) {
        self.before = self.of_connections();
        self.latest = None;
    }

    /// Sends the agent's direction, and changes the direction occasionally.
    pub(super) fn steer(&mut self) {
        if self.rng.below(STEERS_PER_TURN) == 0 {
            let mut speed = || self.rng.below(2001) as i16 - 1000;
            self.heading = (speed(), speed());
        }
        let (x, y) = self.heading;
        if self.client.is_connected() && self.client.send_to_server(&Steer { x, y }).is_ok() {
            self.counted.messages_up += 1;
        }
    }

    /// Sends a chat line if one is due.
    pub(super) fn chat(&mut self, now: Instant) {
        let pause = u64::try_from(self.chat_pause.as_micros()).unwrap_or(u64::MAX);
        // The first time somewhere within the pause, so that not all speak at once; then half to one and a half of it.
        let speaks_at =
            *self.speaks_at.get_or_insert_with(|| now + Duration::from_micros(self.rng.below(pause)));
        if now < speaks_at || !self.client.is_connected() {
            return;
        }
        self.speaks_at = Some(now + Duration::from_micros(pause / 2 + self.rng.below(pause)));
        let line = compose(self.number, self.counted.reliable_sent, &mut self.rng);
        if self.client.send_to_server(&Say { text: BoundedString::truncated(&line) }).is_ok() {
            self.counted.reliable_sent += 1;
            self.counted.messages_up += 1;
        }
    }

    /// Reads the connection's statistics, and adds its round-trip time to `rtt`.
    pub(super) fn look(&mut self, rtt: &mut Samples) {
        let Some(server) = self.client.server() else { return };
        if let Some(info) = self.client.info(server) {
            if info.stats.rtt_least.is_some() {
                // The smoothed one: the latest holds the time that the server took its time to acknowledge, too.
                rtt.add(info.stats.rtt);
            }
            self.latest = Some(info);
        }
    }

    /// Returns the bot's counters, as of the latest call of `look`.
    pub(super) fn totals(&self) -> Totals {
        let network = self.client.stats();
        let ours = self.of_connections();
        Totals {
            datagrams_up: network.datagrams_sent,
            datagrams_up_lost: ours.lost,
            datagrams_down: ours.received,
            bytes_up: network.bytes_sent,
            bytes_down: ours.bytes_received,
            heard: self.ears.heard,
            misplaced: self.ears.misplaced,
            ..self.counted
        }
    }

    /// Returns the sums over the bot's connections, as of the latest call of `look`. Datagrams from other senders do not
    /// count.
    fn of_connections(&self) -> OfConnections {
        let Some(info) = &self.latest else { return self.before };
        OfConnections {
            lost: self.before.lost + info.stats.datagrams_lost,
            received: self.before.received + info.stats.datagrams_received,
            bytes_received: self.before.bytes_received + info.stats.bytes_received,
        }
    }

    /// Returns whether the bot's connection has ended, or the bot was never connected.
    pub(super) fn is_out(&self) -> bool {
        self.farewell.is_some() || self.connection.is_none()
    }

    /// Returns the number of chat lines that the bot has sent.
    pub(super) const fn said(&self) -> u64 {
        self.counted.reliable_sent
    }

    /// Returns the number of lines that were neither delivered nor reported as unconfirmed. Lines sent on a connection
    /// that had already ended do not count, because the driver counts them.
    pub(super) fn unaccounted(&self) -> u64 {
        let Totals { reliable_sent, reliable_delivered, reliable_told, .. } = self.counted;
        let known = reliable_delivered + reliable_told;
        match reliable_sent.saturating_sub(known) {
            0 => 0,
            rest => rest.saturating_sub(self.client.stats().messages_too_late),
        }
    }

    /// Returns whether the view has this hash.
    pub(super) fn shows(&self, world: u64) -> bool {
        let Some(view) = &self.view else { return false };
        let hash = self.hash.get().unwrap_or_else(|| hash_of_view(view));
        self.hash.set(Some(hash));
        hash == world
    }

    /// Returns a description of the view.
    pub(super) fn shown(&self) -> String {
        let view = self.view.as_ref();
        let (agents, tick) = (view.map_or(0, WorldView::len), view.and_then(WorldView::tick).unwrap_or(0));
        let frames = self.client.server().and_then(|server| self.client.world_stats(server));
        let refused = frames.map_or(0, |stats| stats.frames_refused);
        format!(
            "bot {} shows {agents} agents as of tick {tick}; it rejected {refused} snapshot frames",
            self.number
        )
    }

    /// Returns whether the bot has received all `lines` lines.
    pub(super) const fn has_heard(&self, lines: u64) -> bool {
        self.ears.heard == lines
    }
}

/// The sums of counters that the driver keeps for each connection.
#[derive(Clone, Copy, Default)]
struct OfConnections {
    /// The number of datagrams that were sent and declared lost.
    lost: u64,
    received: u64,
    bytes_received: u64,
}

/// Decodes a message.
fn take(registry: &Registry, data: &[u8], ears: &mut Ears) {
    if let Ok(message) = registry.decode(data)
        && let Some(heard) = message.downcast_ref::<Heard>()
    {
        ears.hear(heard.text.as_str());
    }
}

/// The average number of frames between two changes of the direction.
const STEERS_PER_TURN: u64 = 30;
/// The size of a bot's socket buffers, in bytes. A bot receives about 20 times per second, so a small buffer suffices.
const SOCKET_BUFFER: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use tickwire_core::ChannelId;

    #[test]
    fn a_chat_line_that_arrived_or_was_reported_as_unconfirmed_is_not_missing() {
        let mut bot = Bot::new(0, 1, Duration::from_secs(1)).unwrap();
        bot.counted.reliable_sent = 3;
        bot.counted.reliable_delivered = 1;
        assert_eq!(bot.unaccounted(), 2);
        let lost = |channel, message| Unconfirmed {
            channel,
            message: tickwire_core::MessageId(message),
            fate: tickwire_core::Fate::Unknown,
        };
        // Another channel's is no line.
        let unconfirmed = [lost(ChannelId(0), 1), lost(ChannelId(2), 9)];
        bot.on_closed(ConnectionId::default(), CloseReason::SessionLost, &unconfirmed);
        assert_eq!((bot.unaccounted(), bot.totals().reliable_told), (1, 1));
        assert!(bot.has_lost_session && bot.farewell.is_none(), "it was not the connection that it is in");
    }

    #[test]
    fn datagrams_that_strangers_send_to_a_bot_are_not_counted_as_datagrams_of_the_server() {
        let bot = Bot::new(0, 1, Duration::from_secs(1)).unwrap();
        let stranger = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = bot.client.handle().local_address().port();
        let began = Instant::now();
        while bot.client.stats().datagrams_received == 0 {
            stranger.send_to(&[99; 50], ("127.0.0.1", port)).unwrap();
            std::thread::sleep(Duration::from_millis(10));
            assert!(began.elapsed() < Duration::from_secs(10), "the noise did not arrive");
        }
        let totals = bot.totals();
        assert_eq!((totals.datagrams_down, totals.bytes_down), (0, 0));
    }
}
