//! The decisions that a seed makes before the run: the configuration of the endpoints, and the behaviour of
//! the players.

use core::time::Duration;
use std::sync::Arc;

use tickwire_core::crypto::{Key, Provider, RustCrypto};
use tickwire_core::{
    Access, ChannelConfig, Config, Delivery, Secret, Secrets, SnapshotConfig, limits, server_ticket_key,
};

use super::world_schema;
use crate::fault::{Fault, Profile, draw};
use crate::network::Topology;
use crate::provider::{NonceLog, NullProvider, RecordingProvider};
use crate::rng::{Draws, mix, seed_bytes};

/// The game that the swarm plays.
pub(super) const APPLICATION: u64 = 0x0073_7761_726d;
/// Wall time at [`Instant::ZERO`](tickwire_core::Instant::ZERO), in microseconds.
pub(super) const WALL: u64 = 1_700_000_000_000_000;
/// One seed in this many runs real cryptography.
const REAL_CRYPTO_EVERY: u64 = 20;

/// One seed in this many replicates a world.
const WORLDS_EVERY: u64 = 2;

/// The bytes that a world of 200 entities may take at one end of a connection.
const WORLD_MEMORY: u64 = 1 << 20;

/// Everything that a seed decides beforehand.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) seed: u64,
    /// How long faults strike.
    pub(super) playing: Duration,
    /// How long players say anything new: what is lost of their last words is not made up for by what follows.
    pub(super) talking: Duration,
    pub(super) clients: usize,
    pub(super) delay: Duration,
    pub(super) real_crypto: bool,
    pub(super) tickets: bool,
    /// How long each ticket is good for: longer than the clocks of nodes are apart.
    pub(super) ticket_life: Duration,
    pub(super) any_key: bool,
    /// Whether the server replicates a world.
    pub(super) has_worlds: bool,
    /// The longest that a fault keeps somebody away.
    pub(super) outage: Duration,
    /// The smallest datagram that every link carries. Below 1200 bytes a link may be a hole for whatever is larger.
    pub(super) mtu: u32,
    /// How likely a client leaves at a tick, in parts per million.
    pub(super) leaving_ppm: u32,
    /// How likely the server throws a client out at a tick, in parts per million.
    pub(super) kicking_ppm: u32,
    /// Whether nothing goes wrong but what is asked for.
    is_peaceful: bool,
    /// Bytes of the largest messages.
    pub(super) largest: usize,
    pub(super) log: NonceLog,
    config: Config,
}

impl core::fmt::Debug for Plan {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Plan").field("seed", &self.seed).finish_non_exhaustive()
    }
}

impl Plan {
    pub(super) fn new(seed: u64, playing: Duration) -> Self {
        let mut draws = Draws::new(mix(seed, PLANS));
        let real_crypto = seed % REAL_CRYPTO_EVERY == REAL_CRYPTO_EVERY - 1;
        let log = NonceLog::default();
        let inner: Arc<dyn Provider> =
            if real_crypto { Arc::new(RustCrypto) } else { Arc::new(NullProvider) };
        let provider = Arc::new(RecordingProvider::new(inner, log.clone()));
        let config = draw_config(&mut draws, provider);
        let has_worlds = seed % WORLDS_EVERY == WORLDS_EVERY - 1;
        let mut plan = Self {
            seed,
            playing,
            talking: playing.saturating_sub(Duration::from_millis(draws.below(4_000))),
            clients: draws.between(4, 6) as usize,
            delay: Duration::from_micros(draws.magnitude(2_000, 100_000)),
            real_crypto,
            tickets: draws.chance(300_000),
            ticket_life: Duration::from_secs(draws.magnitude(20, 3600)),
            any_key: draws.chance(100_000),
            has_worlds: false,
            outage: Duration::from_secs(if draws.chance(500_000) { 5 } else { 12 }),
            mtu: if draws.chance(200_000) { 600 } else { 1200 },
            leaving_ppm: if draws.chance(400_000) { 3_000 } else { 0 },
            kicking_ppm: if draws.chance(200_000) { 1_000 } else { 0 },
            largest: if draws.chance(700_000) { 64 << 10 } else { 4 << 10 },
            is_peaceful: false,
            log,
            config,
        };
        if has_worlds {
            plan.replicate();
        }
        plan
    }

    /// Makes the server replicate worlds.
    pub(super) fn replicate(&mut self) {
        self.has_worlds = true;
        self.config.snapshots = Some(SnapshotConfig::new(world_schema::schema()));
    }

    /// One client and one server, alone with each other, who talk for a third of the time: short timeouts, so that whoever
    /// is cut off is missed, and a resume window that outlasts that.
    pub(super) fn duel(seed: u64, playing: Duration) -> Self {
        let mut plan = Self::new(seed, playing);
        plan.clients = 1;
        plan.delay = Duration::from_millis(20);
        plan.tickets = seed.is_multiple_of(2);
        plan.talking = playing / 3;
        plan.leaving_ppm = if seed % 3 == 2 { 30_000 } else { 0 };
        plan.kicking_ppm = 0;
        plan.is_peaceful = true;
        let config = &mut plan.config;
        config.idle_timeout = Duration::from_secs(1);
        config.heartbeat = Duration::from_millis(250);
        config.resume_window = Duration::from_secs(10);
        config.connect_timeout = Duration::from_secs(5);
        plan
    }

    pub(super) fn topology(&self) -> Topology {
        Topology::star(self.clients, self.delay)
    }

    pub(super) fn faults(&self) -> Vec<Fault> {
        if self.is_peaceful {
            return Vec::new();
        }
        let mut profile = Profile::new(self.clients + 1, self.clients, self.playing);
        profile.outage = self.outage;
        profile.mtu = self.mtu;
        draw(self.seed, &profile)
    }

    pub(super) fn channels(&self) -> &[ChannelConfig] {
        &self.config.channels
    }

    pub(super) const fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn provider(&self) -> &dyn Provider {
        &*self.config.provider
    }

    pub(super) fn provider_arc(&self) -> Arc<dyn Provider> {
        Arc::clone(&self.config.provider)
    }

    pub(super) fn config_of(&self, node: usize) -> Config {
        let mut config = self.config.clone();
        if node == 0 {
            config.access = if self.tickets { Access::Tickets } else { Access::Open };
        }
        config
    }

    /// The same at every start of a node.
    pub(super) fn secrets(&self, node: usize) -> Secrets {
        let secrets = Secrets::new(seed_bytes(mix(self.seed, SECRETS), node as u64));
        if node == 0 { secrets.ticket_key(self.ticket_key()) } else { secrets }
    }

    pub(super) fn server_key(&self) -> Key {
        self.provider().handshake().public_key(&self.secrets_identity())
    }

    /// The key that the backend gave the server for opening tickets.
    pub(super) fn ticket_key(&self) -> Secret {
        let master = seed_bytes(mix(self.seed, SECRETS), u64::MAX);
        server_ticket_key(self.provider(), &master, &self.server_key())
    }

    /// The largest number of bytes that one connection may make its endpoint hold.
    pub(super) const fn memory_of_a_connection(&self) -> u64 {
        let two = 2 * (self.config.max_message as u64 + limits::MESSAGE_OVERHEAD);
        let window = if two > limits::RECEIVE_WINDOW { two } else { limits::RECEIVE_WINDOW };
        let loose =
            if two > limits::UNRELIABLE_REASSEMBLY_BYTES { two } else { limits::UNRELIABLE_REASSEMBLY_BYTES };
        let worlds = if self.has_worlds { WORLD_MEMORY } else { 0 };
        window * limits::REASSEMBLY_OVERHEAD + limits::UNRELIABLE_BACKLOG + loose + worlds
    }

    fn secrets_identity(&self) -> Key {
        seed_bytes(mix(self.seed, SECRETS), 0)
    }
}

fn draw_config(draws: &mut Draws, provider: Arc<dyn Provider>) -> Config {
    let mut config = Config::new(APPLICATION);
    // The simulated network drops what is too large for a link, and cuts nothing up.
    config.dont_fragment = true;
    config.provider = provider;
    config.wall_offset = WALL;
    config.channels = draw_channels(draws);
    if draws.chance(500_000) {
        config.idle_timeout = Duration::from_millis(draws.magnitude(500, 5_000));
        config.heartbeat = config.idle_timeout / 4;
        config.resume_window = Duration::from_millis(draws.magnitude(500, 20_000));
        if draws.chance(200_000) {
            config.resume_window = Duration::ZERO;
        }
    }
    if draws.chance(500_000) {
        config.rotate_after = draws.magnitude(64, 4096);
    }
    if draws.chance(300_000) {
        config.cookie_threshold = 0;
    }
    config.ack_delay = Duration::from_millis(draws.between(0, 50));
    config.connect_timeout = Duration::from_millis(draws.between(3_000, 10_000));
    config
}

/// One channel of each mode, and sometimes a fifth.
fn draw_channels(draws: &mut Draws) -> Vec<ChannelConfig> {
    let modes =
        [Delivery::ReliableOrdered, Delivery::ReliableUnordered, Delivery::Sequenced, Delivery::Unreliable];
    let mut channels: Vec<ChannelConfig> = modes.map(ChannelConfig::new).to_vec();
    if draws.chance(300_000) {
        channels.push(ChannelConfig::new(modes[draws.below(4) as usize]));
    }
    for channel in &mut channels {
        let is_reliable = matches!(channel.delivery, Delivery::ReliableOrdered | Delivery::ReliableUnordered);
        channel.priority = draws.below(8) as u8;
        channel.receipts = is_reliable && draws.chance(400_000);
        channel.compress = draws.chance(250_000);
        if draws.chance(150_000) {
            channel.lifetime = Some(Duration::from_millis(draws.magnitude(10, 1_000)));
        }
        if draws.chance(150_000) {
            channel.queue_messages = draws.between(1, 20) as usize;
        }
    }
    channels
}

const PLANS: u64 = 0x706c_616e;
const SECRETS: u64 = 0x7365_6372;
