//! One bot: a client that plays badly but tirelessly.

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

/// A client and what it has counted.
pub(super) struct Bot {
    pub(super) client: Client,
    number: u16,
    rng: Rng,
    heading: (i16, i16),
    /// When it says something again.
    speaks_at: Option<Instant>,
    chat_pause: Duration,
    ears: Ears,
    /// The server's world as far as it has arrived.
    view: Option<WorldView>,
    /// The hash of the view, once it is asked for.
    hash: Cell<Option<u64>>,
    /// The bot's own counters. The driver is asked for its counters.
    counted: Totals,
    /// The sums of connections that are over.
    before: OfConnections,
    latest: Option<ConnectionInfo>,
    /// The connection that it was last told of.
    connection: Option<ConnectionId>,
    pub(super) interruptions: u64,
    /// Whether a server forgot it: what that one had to pass on, nobody knows.
    pub(super) has_lost_session: bool,
    /// The server's last message when it closed the connection.
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

    /// Takes in what has come.
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

    /// Keeps the counters of the connection, because another connection takes its place.
    fn roll(&mut self) {
        self.before = self.of_connections();
        self.latest = None;
    }

    /// Moves the agent on: most of the time the way it goes, now and then another one.
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

    /// Says something if it is time to.
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

    /// Looks at the connection: its round trip goes into `rtt`.
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

    /// The bot's counters so far, as of its last look.
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

    /// The sums of the bot's connections, as of its last look. Datagrams that strangers send to its port are not among them.
    fn of_connections(&self) -> OfConnections {
        let Some(info) = &self.latest else { return self.before };
        OfConnections {
            lost: self.before.lost + info.stats.datagrams_lost,
            received: self.before.received + info.stats.datagrams_received,
            bytes_received: self.before.bytes_received + info.stats.bytes_received,
        }
    }

    /// Whether it has left, and taken in what the server said to that; who never was there has nothing to wait for.
    pub(super) fn is_out(&self) -> bool {
        self.farewell.is_some() || self.connection.is_none()
    }

    /// Chat lines that it has said.
    pub(super) const fn said(&self) -> u64 {
        self.counted.reliable_sent
    }

    /// Lines of which it knows neither that they arrived nor that they may not have. What it said to a connection that was
    /// over, and did not know yet, is no such line: the driver counts it.
    pub(super) fn unaccounted(&self) -> u64 {
        let Totals { reliable_sent, reliable_delivered, reliable_told, .. } = self.counted;
        let known = reliable_delivered + reliable_told;
        match reliable_sent.saturating_sub(known) {
            0 => 0,
            rest => rest.saturating_sub(self.client.stats().messages_too_late),
        }
    }

    /// Whether it shows the world of this hash.
    pub(super) fn shows(&self, world: u64) -> bool {
        let Some(view) = &self.view else { return false };
        let hash = self.hash.get().unwrap_or_else(|| hash_of_view(view));
        self.hash.set(Some(hash));
        hash == world
    }

    /// A description of the world that it shows.
    pub(super) fn shown(&self) -> String {
        let view = self.view.as_ref();
        let (agents, tick) = (view.map_or(0, WorldView::len), view.and_then(WorldView::tick).unwrap_or(0));
        let frames = self.client.server().and_then(|server| self.client.world_stats(server));
        let refused = frames.map_or(0, |stats| stats.frames_refused);
        format!(
            "bot {} shows {agents} agents as of tick {tick}; it refused {refused} snapshot frames",
            self.number
        )
    }

    /// Whether it heard all `lines`.
    pub(super) const fn has_heard(&self, lines: u64) -> bool {
        self.ears.heard == lines
    }
}

/// Counters that the driver keeps by connection.
#[derive(Clone, Copy, Default)]
struct OfConnections {
    /// Datagrams that were sent and lost.
    lost: u64,
    received: u64,
    bytes_received: u64,
}

/// Opens a message.
fn take(registry: &Registry, data: &[u8], ears: &mut Ears) {
    if let Ok(message) = registry.decode(data)
        && let Some(heard) = message.downcast_ref::<Heard>()
    {
        ears.hear(heard.text.as_str());
    }
}

/// A bot changes its mind once in so many frames.
const STEERS_PER_TURN: u64 = 30;
/// Bytes: a bot receives 20 times a second.
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
