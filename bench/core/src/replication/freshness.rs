//! The age of the newest tick that a client has, over links that lose, queue, or are recorded.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, anyhow};
use tickwire_core::snapshot::{Viewer, WorldId};
use tickwire_core::{
    Access, ChannelConfig, ChannelId, Config, ConnectOptions, ConnectionId, Delivery, Endpoint, Event,
    Instant, Secrets, SnapshotConfig,
};
use tickwire_sim::fault::{Direction, Fault, Kind, Target};
use tickwire_sim::host::{Application, Boot, Context};
use tickwire_sim::link::PipeConfig;
use tickwire_sim::network::{Topology, home_address};
use tickwire_sim::provider::NullProvider;
use tickwire_sim::world::{World, WorldConfig};

use std::sync::Arc;

use super::scenery::Scenery;
use super::{ENTITIES, Field, TICKS_PER_SECOND};

/// The time until a measurement begins, and its end.
const BEGINS: Duration = Duration::from_secs(10);
const ENDS: Duration = Duration::from_secs(60);
/// The interval at which the client is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);
const COMMIT_EVERY: Duration = Duration::from_nanos(1_000_000_000 / TICKS_PER_SECOND as u64);
/// The messages and the largest queue of the reliable channel that saturates a link.
const BULK_MESSAGE: usize = 1000;
const BULK_QUEUE: u64 = 100_000;
const BULK: ChannelId = ChannelId(0);
const WORLD: WorldId = WorldId(0);

/// The conditions of one measurement: the link from a server to a client, and the load on this link.
#[derive(Clone, Debug)]
pub struct FreshLink {
    /// The bottleneck towards the client. `None` does not limit the rate.
    pub down: Option<PipeConfig>,
    /// The one-way delay in each direction.
    pub delay: Duration,
    /// The share of datagrams lost in each direction, in parts per million.
    pub loss_ppm: u32,
    /// `true` if messages on a reliable channel saturate the link while the server replicates the world.
    pub has_bulk: bool,
    /// The number of moving entities. The world has 1,000 entities.
    pub moving: usize,
}

impl FreshLink {
    /// Creates a link without loss and without a rate limit. All 1,000 entities of the world move.
    #[must_use]
    pub const fn new(delay: Duration) -> Self {
        Self { down: None, delay, loss_ppm: 0, has_bulk: false, moving: ENTITIES }
    }

    /// Limits the rate towards the client to `bytes_per_second`, with a queue of 300 ms, but of no less than 3000 bytes.
    /// Returns the changed link.
    #[must_use]
    pub fn rate(self, bytes_per_second: u64) -> Self {
        let queue_bytes = (bytes_per_second * 3 / 10).max(3000);
        Self { down: Some(PipeConfig::Rate { bytes_per_second, queue_bytes }), ..self }
    }
}

/// The ages of the newest tick that a client has received: the time since the server committed this tick. The age is
/// sampled every 5 ms.
#[derive(Clone, Debug, Default)]
pub struct Ages {
    milliseconds: Vec<f64>,
    /// The largest age in each second of the run, in milliseconds.
    pub by_second: Vec<f64>,
}

impl Ages {
    /// Returns the age, in milliseconds, that a share of `part` (0 to 1) of the samples does not exceed. The samples of
    /// the first ten seconds do not count.
    #[must_use]
    pub fn quantile(&self, part: f64) -> f64 {
        let mut sorted = self.milliseconds.clone();
        sorted.sort_by(f64::total_cmp);
        let place = (part * sorted.len() as f64) as usize;
        sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::INFINITY)
    }
}

/// Replicates a world over `link` for 60 s of virtual time, and returns the ages of the client's newest tick.
///
/// # Errors
/// If a checker of the simulator reports a violation, or the connection ends.
pub fn freshness(link: &FreshLink, seed: u64) -> Result<Ages> {
    let mut topology = Topology::star(1, link.delay);
    if let Some(pipe) = &link.down {
        topology = topology.bottleneck(0, Direction::Down, pipe.clone());
    }
    let loss = Fault {
        from: Instant::ZERO,
        until: Instant::MAX,
        target: Target::All,
        kind: Kind::Loss { ppm: link.loss_ppm },
        seed,
    };
    let faults = if link.loss_ppm > 0 { vec![loss] } else { Vec::new() };
    let game = FreshGame::new(link);
    let mut world = World::new(WorldConfig::new(seed, topology).faults(faults), game);
    world.run_until(Instant::ZERO + ENDS).map_err(|violation| anyhow!("{violation}"))?;
    Ok(world.application().ages.clone())
}

/// Node 0 replicates a world; node 1 is the client.
struct FreshGame {
    config: Config,
    field: Field,
    has_bulk: bool,
    tick: u64,
    /// The time of each commit.
    committed: BTreeMap<u64, Instant>,
    viewer: Option<ConnectionId>,
    client: Option<ConnectionId>,
    ages: Ages,
}

impl FreshGame {
    fn new(link: &FreshLink) -> Self {
        let schema = Arc::new(Field::schema());
        let mut config = Config::new(7);
        config.provider = Arc::new(NullProvider);
        config.dont_fragment = true;
        config.channels = vec![ChannelConfig::new(Delivery::ReliableUnordered)];
        config.snapshots = Some(SnapshotConfig::new(Arc::clone(&schema)));
        Self {
            config,
            field: Field::new(&schema, ENTITIES, link.moving),
            has_bulk: link.has_bulk,
            tick: 0,
            committed: BTreeMap::new(),
            viewer: None,
            client: None,
            ages: Ages::default(),
        }
    }

    fn serve(&mut self, context: &mut Context<'_, Endpoint>) {
        self.tick += 1;
        self.field.step(self.tick);
        let changes = self.field.writer().finish(self.tick);
        if let Err(error) = context.host.commit(context.now, WORLD, &changes) {
            context.fail(format!("the commit was refused: {error}"));
        }
        self.field.writer().reuse(changes);
        self.committed.insert(self.tick, context.now);

        let Some(viewer) = self.viewer.filter(|_| self.has_bulk) else { return };
        while context.host.stats(viewer).is_some_and(|stats| stats.queued_bytes < BULK_QUEUE)
            && context.host.send(context.now, viewer, BULK, vec![0; BULK_MESSAGE]).is_ok()
        {}
    }

    /// Notes the age of the newest tick.
    fn look(&mut self, context: &Context<'_, Endpoint>) {
        let now = context.now - Instant::ZERO;
        let stats = self.client.and_then(|client| context.host.world_stats(client));
        let newest = stats.and_then(|stats| stats.tick_received).map(u64::from);
        let Some(at) = newest.and_then(|tick| self.committed.get(&tick)) else { return };
        let age = (context.now - *at).as_secs_f64() * 1000.0;
        let second = now.as_secs() as usize;
        if self.ages.by_second.len() <= second {
            self.ages.by_second.resize(second + 1, 0.0);
        }
        if let Some(largest) = self.ages.by_second.get_mut(second) {
            *largest = largest.max(age);
        }
        if now >= BEGINS {
            self.ages.milliseconds.push(age);
        }
    }
}

impl Application for FreshGame {
    type Host = Endpoint;

    #[expect(clippy::expect_used, reason = "a measurement that cannot begin has no result to return")]
    fn build(&mut self, boot: Boot) -> Endpoint {
        let mut config = self.config.clone();
        config.access = if boot.node == 0 { Access::Open } else { Access::Closed };
        let secrets = Secrets::new([boot.node as u8 + 1; 32]);
        Endpoint::new(config, secrets, boot.seed, boot.now).expect("a valid configuration")
    }

    fn started(&mut self, context: &mut Context<'_, Endpoint>) {
        context.tick_in(if context.node == 0 { Duration::ZERO } else { LOOK_EVERY });
        if context.node == 1 {
            let options = ConnectOptions::danger_any_key();
            self.client = context.host.connect(context.now, home_address(0), options).ok();
        }
    }

    fn tick(&mut self, context: &mut Context<'_, Endpoint>) {
        if context.node == 0 {
            self.serve(context);
            context.tick_in(COMMIT_EVERY);
        } else {
            self.look(context);
            context.tick_in(LOOK_EVERY);
        }
    }

    fn event(&mut self, context: &mut Context<'_, Endpoint>, event: Event) {
        match event {
            Event::Connected { connection, .. } if context.node == 0 => {
                self.viewer = Some(connection);
                if let Err(error) = context.host.set_viewer(context.now, connection, Some(Viewer::new(WORLD)))
                {
                    context.fail(format!("the viewer was refused: {error}"));
                }
            }
            Event::Snapshot { changes, .. } => context.host.recycle(changes),
            Event::Closed { reason, .. } => context.fail(format!("the connection ended: {reason:?}")),
            _ => {}
        }
    }
}
