//! The run of one seed, from its first datagram to its report.

use core::time::Duration;
use std::rc::Rc;

use super::convergence::Convergence;
use super::plan::Plan;
use super::player::Players;
use super::report::SeedReport;
use crate::checker::{Amplification, NonceUniqueness, Violation};
use crate::fault::{Fault, Kind};
use crate::world::{World, WorldConfig};

/// The part of the time limit for connecting after the faults have ended. The other parts are the heartbeat interval,
/// at which an end that alone remembers a session detects this, and the delays of the faults themselves.
const CONNECT: Duration = Duration::from_secs(10);
/// The part of the time limit for delivery. The other part is [`PROBES`] probe timeouts.
const DELIVER: Duration = Duration::from_secs(1);
/// The number of probe timeouts in the limit for delivery. The first probe may have been sent while faults still lost
/// packets, and each timeout is twice as long as the one before. Congestion control then starts again, and doubles its
/// window in each round trip.
const PROBES: u32 = 4 + 8;
/// The time after the idle timeout and the resume window within which a session must be forgotten.
const CALM: Duration = Duration::from_secs(2);
/// The longest time that a run waits until all ended sessions are forgotten.
const LONGEST_CALM: Duration = Duration::from_secs(50);
/// The additional time for which a session waits for a client that was told to resume it, and crashed then.
const PROMISED: Duration = Duration::from_millis(10_500);
/// The interval at which the conditions are checked.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The endpoints that take part in a run, and the faults that occur by default.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Scene {
    /// Four to six clients and a server. Unless the run lists faults, the faults are generated from the seed.
    #[default]
    Swarm,
    /// The clients and the server of [`Scene::Swarm`]. The server replicates worlds in every run, and not only in the runs with an
    /// odd seed.
    Worlds,
    /// One client (node 1) and a server (node 0), with an idle timeout of one second. Unless the run lists faults, no
    /// fault occurs.
    Duel,
}

/// The settings of a run.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The endpoints that take part in the run.
    pub scene: Scene,
    /// The seed of every random decision in the run.
    pub seed: u64,
    /// The time during which faults occur and players send messages, in seconds of virtual time.
    pub seconds: u32,
    /// The faults of the run. `None` selects the default faults of the scene.
    pub faults: Option<&'a [Fault]>,
    /// `true` if the trace is also written as text.
    pub text: bool,
}

impl Run<'_> {
    /// Creates the settings of a swarm run with `seed` for `seconds`, and with the faults generated from the seed.
    #[must_use]
    pub const fn new(seed: u64, seconds: u32) -> Self {
        Self { scene: Scene::Swarm, seed, seconds, faults: None, text: false }
    }

    fn plan(&self) -> Plan {
        let playing = Duration::from_secs(u64::from(self.seconds));
        match self.scene {
            Scene::Swarm => Plan::new(self.seed, playing),
            Scene::Worlds => {
                let mut plan = Plan::new(self.seed, playing);
                plan.replicate();
                plan
            }
            Scene::Duel => Plan::duel(self.seed, playing),
        }
    }
}

/// Returns the faults that are generated from a swarm's seed for a run of `seconds`.
#[must_use]
pub fn faults_of(seed: u64, seconds: u32) -> Vec<Fault> {
    Run::new(seed, seconds).plan().faults()
}

/// Runs the scenario with one seed, and returns the report of the run.
#[must_use]
pub fn run(run: &Run<'_>) -> SeedReport {
    let plan = run.plan();
    let mut world = build(&plan, run);
    let mut convergence = Convergence::default();
    let (settled_after, violation) = match play(&plan, &mut world, &mut convergence) {
        Ok(settled_after) => (settled_after, None),
        Err(violation) => (Duration::ZERO, Some(violation)),
    };
    SeedReport::new(&plan, &world, &convergence, (settled_after, violation))
}

/// Returns the hash of every datagram, time and event of a seed's run, which is the same on every target.
///
/// A violation ends the run early, and thus changes the hash. The function does not report the violation in another
/// way.
#[must_use]
pub fn trace_hash(seed: u64, seconds: u32) -> u64 {
    let run = Run::new(seed, seconds);
    let plan = run.plan();
    let mut world = build(&plan, &run);
    let _ = world.run_for(plan.playing);
    world.trace().hash()
}

fn build(plan: &Plan, run: &Run<'_>) -> World<Players> {
    let faults = run.faults.map_or_else(|| plan.faults(), <[Fault]>::to_vec);
    let mut config = WorldConfig::new(plan.seed, plan.topology()).faults(faults);
    config.text = run.text;
    let players = Players::new(plan);
    let called = Rc::clone(&players.called);
    let mut world = World::new(config, players);
    let has_called = move |node, address| called.borrow().contains(&(node, address));
    world.check(Amplification::new(has_called, plan.log.clone()));
    world.check(NonceUniqueness(plan.log.clone()));
    world
}

/// Runs the safety phase and then the liveness phase. Returns the time from the end of the faults until the liveness
/// conditions were fulfilled.
fn play(
    plan: &Plan,
    world: &mut World<Players>,
    convergence: &mut Convergence,
) -> Result<Duration, Violation> {
    world.run_for(plan.playing)?;
    world.heal()?;
    let healed = world.now();
    let lag = lag_of(plan, world.faults());
    convergence.begin(healed + lag);
    settle(plan, world, convergence, lag)?;
    let settled_after = world.now() - healed;
    // A peer that was not heard before the network healed may still be missed after it.
    world.run_until(world.now().max(healed + plan.config().idle_timeout + lag))?;
    settle(plan, world, convergence, lag)?;
    stay_calm(plan, world, lag)?;
    world.finish()?;
    Ok(settled_after)
}

/// Runs until every player is connected and every message is delivered.
fn settle(
    plan: &Plan,
    world: &mut World<Players>,
    convergence: &mut Convergence,
    lag: Duration,
) -> Result<(), Violation> {
    let bound = plan.config().heartbeat + CONNECT + lag + silence_of(plan);
    converge(world, convergence, bound)?;
    let patience = world.application().patience(|node| world.host(node));
    wait(world, DELIVER + patience * PROBES + lag, |world| world.application().undelivered())
}

/// Runs until every player is connected and every client shows the server's world. A violation ends the run if a player is not
/// connected after `bound`, or if a client shows the server's world too late.
fn converge(
    world: &mut World<Players>,
    convergence: &mut Convergence,
    bound: Duration,
) -> Result<(), Violation> {
    let end = world.now() + bound;
    let mut is_complete = false;
    while !is_complete {
        world.run_for(LOOK_EVERY)?;
        let now = world.now();
        is_complete =
            convergence.look(world).map_err(|text| Violation { checker: "convergence", at: now, text })?;
        let unconnected = world.application().unconnected(|node| world.host(node));
        is_complete &= unconnected.is_none();
        if let Some(missing) = unconnected.filter(|_| now >= end) {
            let text = format!("after {bound:?} without faults: {missing}");
            return Err(Violation { checker: "liveness", at: now, text });
        }
    }
    Ok(())
}

/// Runs without new messages. Heartbeats must keep live sessions, and ended sessions must be forgotten.
fn stay_calm(plan: &Plan, world: &mut World<Players>, lag: Duration) -> Result<(), Violation> {
    let config = plan.config();
    let before = world.application().in_play();
    let forgotten = config.idle_timeout + config.resume_window + PROMISED + lag + CALM;
    let waits_for_all = forgotten <= LONGEST_CALM;
    world.run_for(if waits_for_all { forgotten } else { config.idle_timeout * 2 })?;
    let after = world.application().in_play();
    let broken = (before != after).then(|| {
        format!("the interruptions (side, number) of idle players changed from {before:?} to {after:?}")
    });
    let left = world.application().left_behind().filter(|_| waits_for_all);
    match broken.or(left) {
        None => Ok(()),
        Some(text) => Err(Violation { checker: "calm", at: world.now(), text }),
    }
}

/// Runs until `missing` returns `None`. A violation ends the run after `bound`.
fn wait(
    world: &mut World<Players>,
    bound: Duration,
    missing: impl Fn(&World<Players>) -> Option<String>,
) -> Result<(), Violation> {
    let end = world.now() + bound;
    loop {
        world.run_for(LOOK_EVERY)?;
        let Some(missing) = missing(world) else { return Ok(()) };
        if world.now() >= end {
            let text = format!("after {bound:?} without faults: {missing}");
            return Err(Violation { checker: "liveness", at: world.now(), text });
        }
    }
}

/// Returns the time for which a disconnected client may believe that it is connected. A client that did not receive the
/// close detects it by the idle timeout.
fn silence_of(plan: &Plan) -> Duration {
    if plan.kicking_ppm > 0 { plan.config().idle_timeout } else { Duration::ZERO }
}

/// Returns the time for which effects of faults last after the faults have ended. A clog delivers its datagrams at its
/// planned end, and a clock that jumped back stands still until it reaches its previous time. The server finds a client
/// with a changed address at the client's next heartbeat.
fn lag_of(plan: &Plan, faults: &[Fault]) -> Duration {
    let back = |fault: &Fault| match fault.kind {
        Kind::Jump { micros } if micros < 0 => Duration::from_micros(micros.unsigned_abs()),
        _ => Duration::ZERO,
    };
    let jumps: Duration = faults.iter().map(back).sum();
    let clogged = |fault: &Fault| matches!(fault.kind, Kind::Clog {});
    let last = faults.iter().filter(|fault| clogged(fault)).map(|fault| fault.until - fault.from).max();
    let is_rebound = faults.iter().any(|fault| matches!(fault.kind, Kind::Rebind { .. }));
    let heartbeat = if is_rebound { plan.config().heartbeat } else { Duration::ZERO };
    jumps + last.unwrap_or_default() + heartbeat
}
