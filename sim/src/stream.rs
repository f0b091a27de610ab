//! A client and a server that exchange streams of reliable messages, one stream per reliable mode and direction. The receiver
//! checks every byte of every message, and that no message is lost, repeated or out of order.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use tickwire_core::error::SendError;
use tickwire_core::{
    Access, ChannelConfig, ChannelId, CloseReason, Config, ConnectOptions, ConnectionId, Delivery, Endpoint,
    Event, Instant, Secrets,
};

use crate::checker::{Amplification, NonceUniqueness, Violation};
use crate::fault::{Fault, Kind, NodeId, Target};
use crate::host::{Application, Boot, Context};
use crate::network::{Topology, home_address};
use crate::provider::{NonceLog, NullProvider, RecordingProvider};
use crate::rng::{Draws, mix};
use crate::world::{World, WorldConfig};

/// The number of the server's node.
pub const SERVER: NodeId = 0;
/// The number of the client's node.
pub const CLIENT: NodeId = 1;
/// The delivery guarantee of each stream's channel.
pub const MODES: [Delivery; 2] = [Delivery::ReliableOrdered, Delivery::ReliableUnordered];

/// The settings of a run with streams of messages in both directions.
#[derive(Clone)]
pub struct StreamConfig {
    /// The seed of the endpoints and messages. [`StreamConfig::new`] sets the seed.
    pub seed: u64,
    /// The network between node 0, the server, and node 1, the client.
    ///
    /// Default: one link with a one-way delay of 20 ms.
    pub topology: Topology,
    /// The faults that occur during the run.
    ///
    /// Default: none.
    pub faults: Vec<Fault>,
    /// The number of messages per delivery guarantee and direction. [`StreamConfig::new`] sets the number.
    pub messages: u32,
    /// The time between two messages of one delivery guarantee and direction. `None` sends messages as fast as the
    /// queues accept them.
    ///
    /// Default: none.
    pub pace: Option<Duration>,
    /// The size of the largest message, in bytes. All orders of magnitude up to this size are equally likely.
    ///
    /// Default: 64 KiB.
    pub largest: usize,
    /// The configuration of both endpoints. The run replaces the configuration's channels, `access` and
    /// `dont_fragment`.
    ///
    /// Default: as in [`Config::new`], but without cryptography.
    pub config: Config,
    /// `true` if the trace is also written as text.
    ///
    /// Default: no.
    pub text: bool,
}

impl core::fmt::Debug for StreamConfig {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("StreamConfig").field("seed", &self.seed).finish_non_exhaustive()
    }
}

impl StreamConfig {
    /// Creates settings for streams of `messages` messages of up to 64 KiB, sent as fast as possible, without
    /// cryptography, over a link with a one-way delay of 20 ms.
    #[must_use]
    pub fn new(seed: u64, messages: u32) -> Self {
        let mut config = Config::new(0x7374_7265_616d);
        config.provider = Arc::new(NullProvider);
        Self {
            seed,
            topology: Topology::star(1, Duration::from_millis(20)),
            faults: Vec::new(),
            messages,
            pace: None,
            largest: 64 << 10,
            config,
            text: false,
        }
    }

    /// Creates the world in which the streams run. Checkers report a violation if a node amplifies traffic, or if a key
    /// is used twice with the same nonce.
    #[must_use]
    pub fn world(mut self) -> World<Streams> {
        let mut config = WorldConfig::new(self.seed, self.topology.clone()).faults(self.faults.clone());
        config.text = self.text;
        let log = NonceLog::default();
        self.config.provider = Arc::new(RecordingProvider::new(self.config.provider, log.clone()));
        let mut world = World::new(config, Streams::new(self));
        let has_called = |node, address| node == CLIENT && address == home_address(SERVER);
        world.check(Amplification::new(has_called, log.clone()));
        world.check(NonceUniqueness(log));
        world
    }
}

/// One stream of messages, with one delivery guarantee and direction.
#[derive(Debug, Default)]
struct Stream {
    sent: u32,
    /// The number of messages that the receiver has received.
    given: u32,
    /// The messages that were sent on an unordered channel and have not arrived yet, with the number of each. Identical
    /// messages cannot be distinguished, so they are counted.
    outstanding: BTreeMap<Vec<u8>, u32>,
}

/// The application of both nodes, which sends messages and checks the received messages.
pub struct Streams {
    setup: StreamConfig,
    connections: [Option<ConnectionId>; 2],
    /// The streams, by sender and then by delivery guarantee.
    streams: [[Stream; 2]; 2],
    /// The times of delivery, by receiver and then by delivery guarantee.
    deliveries: [[Vec<Instant>; 2]; 2],
    /// The bytes of the messages delivered to each node.
    bytes: [u64; 2],
    news: Vec<(Instant, NodeId, String)>,
}

impl Streams {
    fn new(setup: StreamConfig) -> Self {
        Self {
            setup,
            connections: [None; 2],
            streams: Default::default(),
            deliveries: Default::default(),
            bytes: [0; 2],
            news: Vec::new(),
        }
    }

    /// Returns the number of messages delivered to their receivers so far.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.streams.iter().flatten().map(|stream| u64::from(stream.given)).sum()
    }

    /// Returns whether every message has been delivered to its receiver.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.streams.iter().flatten().all(|stream| stream.given == self.setup.messages)
    }

    /// Returns the virtual times at which messages with the delivery guarantee `MODES[mode]` were delivered to `node`.
    #[must_use]
    pub fn deliveries(&self, node: NodeId, mode: usize) -> &[Instant] {
        &self.deliveries[node][mode]
    }

    /// Returns the number of bytes in the messages that were delivered to `node`.
    #[must_use]
    pub fn delivered_bytes(&self, node: NodeId) -> u64 {
        self.bytes[node]
    }

    /// Returns all events of both nodes except `Message` and `SendReady`, each with its virtual time, its node and its
    /// text.
    #[must_use]
    pub fn news(&self) -> &[(Instant, NodeId, String)] {
        &self.news
    }

    /// Returns whether [`Self::news`], which omits `Message` and `SendReady`, contains an event of either node whose
    /// text begins with `word`.
    #[must_use]
    pub fn was_told(&self, word: &str) -> bool {
        self.news.iter().any(|(_, _, text)| text.starts_with(word))
    }

    /// Returns message `number` of a stream: the number, as far as the message has space for it, and filler bytes.
    fn compose(&self, sender: NodeId, mode: usize, number: u32) -> Vec<u8> {
        let key = mix(mix(self.setup.seed, (sender * 2 + mode) as u64), u64::from(number));
        let mut draws = Draws::new(key);
        let size = draws.magnitude(1, self.setup.largest as u64) as usize;
        let mut message = Vec::with_capacity(size + 8);
        message.extend_from_slice(&number.to_le_bytes());
        while message.len() < size {
            message.extend_from_slice(&draws.next_u64().to_le_bytes());
        }
        message.truncate(size);
        message
    }

    /// Queues as many messages as the pace and the queues allow.
    fn speak(&mut self, context: &mut Context<'_, Endpoint>) {
        let Some(connection) = self.connections[context.node] else { return };
        let most = if self.setup.pace.is_some() { 1 } else { u32::MAX };
        for (mode, delivery) in MODES.into_iter().enumerate() {
            for _ in 0..most {
                let number = self.streams[context.node][mode].sent;
                if number == self.setup.messages {
                    break;
                }
                let message = self.compose(context.node, mode, number);
                let is_ordered = delivery == Delivery::ReliableOrdered;
                let copy = if is_ordered { Vec::new() } else { message.clone() };
                match context.host.send(context.now, connection, ChannelId(mode as u8), message) {
                    Ok(_) => {}
                    Err(SendError::Full(_)) => break,
                    Err(error) => {
                        context.fail(format!("cannot send: {error}"));
                        return;
                    }
                }
                let stream = &mut self.streams[context.node][mode];
                stream.sent += 1;
                if !is_ordered {
                    *stream.outstanding.entry(copy).or_default() += 1;
                }
            }
        }
    }

    fn on_message(&mut self, receiver: NodeId, mode: usize, data: &[u8]) -> Result<(), String> {
        let sender = 1 - receiver;
        let number = self.streams[sender][mode].given;
        if MODES[mode] == Delivery::ReliableOrdered {
            if number >= self.streams[sender][mode].sent {
                return Err(format!("more messages arrived than node {sender} sent"));
            }
            let expected = self.compose(sender, mode, number);
            if expected != data {
                return Err(format!(
                    "the message that arrived differs from message {number} of node {sender}, which was expected"
                ));
            }
        } else {
            let outstanding = &mut self.streams[sender][mode].outstanding;
            match outstanding.get_mut(data) {
                None => {
                    return Err(format!(
                        "a message of {} bytes arrived more often than node {sender} sent it",
                        data.len()
                    ));
                }
                Some(1) => _ = outstanding.remove(data),
                Some(count) => *count -= 1,
            }
        }
        self.streams[sender][mode].given += 1;
        Ok(())
    }
}

impl Application for Streams {
    type Host = Endpoint;

    #[expect(clippy::expect_used, reason = "an invalid test setup must end the test")]
    fn build(&mut self, boot: Boot) -> Endpoint {
        let mut config = self.setup.config.clone();
        // The simulated network drops what is too large for a link, and cuts nothing up.
        config.dont_fragment = true;
        config.channels = MODES.map(ChannelConfig::new).to_vec();
        config.access = if boot.node == SERVER { Access::Open } else { Access::Closed };
        let secrets = Secrets::new([boot.node as u8 + 1; 32]);
        Endpoint::new(config, secrets, boot.seed, boot.now).expect("the configuration is valid")
    }

    fn started(&mut self, context: &mut Context<'_, Endpoint>) {
        if context.node == CLIENT {
            let key = self.setup.config.provider.handshake().public_key(&[SERVER as u8 + 1; 32]);
            match context.host.connect(context.now, home_address(SERVER), ConnectOptions::new(key)) {
                Ok(connection) => self.connections[CLIENT] = Some(connection),
                Err(error) => context.fail(format!("cannot dial: {error}")),
            }
        }
        context.tick_in(self.setup.pace.unwrap_or(Duration::from_millis(10)));
    }

    fn event(&mut self, context: &mut Context<'_, Endpoint>, event: Event) {
        let node = context.node;
        match event {
            Event::Message { channel, data, .. } => {
                self.deliveries[node][usize::from(channel.0)].push(context.time);
                self.bytes[node] += data.len() as u64;
                if let Err(text) = self.on_message(node, usize::from(channel.0), &data) {
                    context.fail(format!("node {node}, channel {}: {text}", channel.0));
                }
                return;
            }
            Event::Connected { connection, .. } if node == SERVER => {
                self.connections[SERVER] = Some(connection);
            }
            Event::SendReady { .. } => {
                self.speak(context);
                return;
            }
            Event::Closed { ref reason, .. } if !matches!(reason, CloseReason::Local { .. }) => {
                context.fail(format!(
                    "the connection of node {node} was closed by the peer or by an error: {event:?}"
                ));
            }
            _ => {}
        }
        self.news.push((context.time, node, format!("{event:?}")));
    }

    fn tick(&mut self, context: &mut Context<'_, Endpoint>) {
        self.speak(context);
        let is_done = self.streams[context.node].iter().all(|stream| stream.sent == self.setup.messages);
        if !is_done {
            context.tick_in(self.setup.pace.unwrap_or(Duration::from_millis(10)));
        }
    }
}

/// Runs until every message has been delivered to its receiver, for at most `most` of virtual time. The function
/// then continues the run for 10 s, to detect a message that is delivered twice.
///
/// # Errors
/// The first violation that a checker, the application or the world itself reports, or a violation if messages are
/// still missing after `most`, or if a message is delivered twice.
pub fn run_to_completion(world: &mut World<Streams>, most: Duration) -> Result<(), Violation> {
    let end = world.now() + most;
    while !world.application().is_complete() {
        if world.now() >= end {
            let text =
                format!("within {most:?} only {:?} messages were delivered", world.application().delivered());
            return Err(Violation { checker: "streams", at: world.now(), text });
        }
        world.run_for(Duration::from_millis(100))?;
    }
    world.run_for(Duration::from_secs(10))?;
    let surplus =
        (!world.application().is_complete()).then(|| "more messages were delivered than sent".to_owned());
    surplus.map_or(Ok(()), |text| Err(Violation { checker: "streams", at: world.now(), text }))?;
    world.finish()
}

/// Returns faults that affect all links during the whole run: 30 % loss, 10 % corruption, 50 % duplication, and a
/// delay of up to 50 ms for 50 % of the datagrams.
#[must_use]
pub fn terrible_network() -> Vec<Fault> {
    let copies = Kind::Duplicate { ppm: 500_000, most: 1, spread: Duration::from_millis(50) };
    let kinds = [
        Kind::Loss { ppm: 300_000 },
        Kind::Flip { ppm: 100_000, most: 8, within: 0 },
        copies,
        Kind::Reorder { ppm: 500_000, hold: Duration::from_millis(50) },
    ];
    let fault =
        |(seed, kind)| Fault { from: Instant::ZERO, until: Instant::MAX, target: Target::All, kind, seed };
    (0..).zip(kinds).map(fault).collect()
}
