//! The software of the simulated nodes: a sans-IO state machine, and the application that uses it.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use tickwire_core::address::{Address, Ecn};
use tickwire_core::time::Instant;

use crate::fault::NodeId;
use crate::trace::TraceHash;

/// The datagrams that a host sends: `size` bytes of the buffer, cut into datagrams of `segment_size` bytes. The
/// last datagram may be smaller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outgoing {
    /// The address to which the datagrams are sent.
    pub to: Address,
    /// The number of bytes that the host wrote to the buffer, for all the datagrams together.
    pub size: usize,
    /// The size of each datagram, in bytes, except the last, which may be smaller.
    pub segment_size: usize,
    /// The ECN bits of all the datagrams.
    pub ecn: Ecn,
}

/// A sans-IO state machine that the simulation runs on a node. All times that the host gets are from the node's own
/// clock.
pub trait Host {
    /// The events that the host reports to its application.
    type Event: fmt::Debug;

    /// Processes a datagram that has arrived at the host.
    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, ecn: Ecn, bytes: &mut [u8]);

    /// Handles all timers that have expired at `now`.
    fn handle_timeout(&mut self, now: Instant);

    /// Writes the next datagrams to `buffer`.
    fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Outgoing>;

    /// Returns the next event of the host.
    fn poll_event(&mut self) -> Option<Self::Event>;

    /// Returns the time at which [`Host::handle_timeout`] is due next, or [`Instant::MAX`] if no timer is set.
    fn poll_timeout(&self) -> Instant;

    /// Adds an event to the hash of the trace. The default implementation adds the event's debug text, which is slow
    /// for large events.
    fn digest(event: &Self::Event, hash: &mut TraceHash) {
        hash.debug(event);
    }
}

/// The circumstances in which a host starts.
#[derive(Clone, Copy, Debug)]
pub struct Boot {
    /// The number of the node on which the host starts.
    pub node: NodeId,
    /// The number of hosts that ran on this node before this host.
    pub incarnation: u32,
    /// The seed of the host's random numbers, different for each node and incarnation.
    pub seed: [u8; 32],
    /// The time on the node's clock at which the host starts.
    pub now: Instant,
}

/// An application, which creates the hosts of all nodes and handles their events.
///
/// One application serves the whole world, so it can compare the messages that one node sent with the messages that
/// a different node received.
///
/// ```
/// use std::time::Duration;
/// use tickwire_core::{Access, ChannelId, Config, ConnectOptions, Endpoint, Event, Instant, Secrets};
/// use tickwire_sim::fault::Fault;
/// use tickwire_sim::host::{Application, Boot, Context};
/// use tickwire_sim::network::{Topology, home_address};
/// use tickwire_sim::world::{World, WorldConfig};
///
/// /// Node 0 is a server; node 1 connects, and sends a hundred messages.
/// #[derive(Default)]
/// struct Game {
///     heard: usize,
/// }
///
/// impl Application for Game {
///     type Host = Endpoint;
///
///     fn build(&mut self, boot: Boot) -> Endpoint {
///         let mut config = Config::new(1);
///         config.access = if boot.node == 0 { Access::Open } else { Access::Closed };
///         let secrets = Secrets::new([boot.node as u8 + 1; 32]);
///         Endpoint::new(config, secrets, boot.seed, boot.now).expect("the default settings are valid")
///     }
///
///     fn started(&mut self, context: &mut Context<'_, Endpoint>) {
///         if context.node == 1 {
///             let options = ConnectOptions::danger_any_key();
///             let Ok(server) = context.host.connect(context.now, home_address(0), options) else {
///                 return context.fail("the client cannot dial");
///             };
///             for number in 0..100 {
///                 drop(context.host.send(context.now, server, ChannelId(0), vec![number; 500]));
///             }
///         }
///     }
///
///     fn event(&mut self, _: &mut Context<'_, Endpoint>, event: Event) {
///         self.heard += usize::from(matches!(event, Event::Message { .. }));
///     }
/// }
///
/// // Datagrams take 50 ms, and from 0 s to 2 s a fifth of them is lost.
/// let loss: Fault = "0..2000000 all loss ppm=200000 seed=1".parse().expect("a fault");
/// let config = WorldConfig::new(7, Topology::star(1, Duration::from_millis(50))).faults(vec![loss]);
/// let mut world = World::new(config, Game::default());
/// world.run_until(Instant::ZERO + Duration::from_secs(10)).expect("no checker objects");
/// assert_eq!(world.application().heard, 100);
/// ```
pub trait Application {
    /// The type of the state machine that runs on the nodes.
    type Host: Host;

    /// Creates the host of a node, at the beginning and after each restart of the node.
    fn build(&mut self, boot: Boot) -> Self::Host;

    /// Handles the start of the host on a node.
    fn started(&mut self, context: &mut Context<'_, Self::Host>) {
        let _ = context;
    }

    /// Handles an event that the host of a node has reported.
    fn event(&mut self, context: &mut Context<'_, Self::Host>, event: <Self::Host as Host>::Event) {
        let _ = (context, event);
    }

    /// Handles the arrival of the time that the application requested with [`Context::tick_in`].
    fn tick(&mut self, context: &mut Context<'_, Self::Host>) {
        let _ = context;
    }
}

/// An application's access to one node.
#[derive(Debug)]
pub struct Context<'a, H> {
    /// The number of the node.
    pub node: NodeId,
    /// The number of hosts that ran on this node before the current one.
    pub incarnation: u32,
    /// The current time on the node's clock.
    pub now: Instant,
    /// The current virtual time, which faults of clocks do not affect.
    pub time: Instant,
    /// The host that runs on the node.
    pub host: &'a mut H,
    pub(crate) tick: &'a mut Option<Instant>,
    pub(crate) failure: &'a mut Option<String>,
}

impl<H> Context<'_, H> {
    /// Requests one call of [`Application::tick`] for this node after `delay` of virtual time. The request replaces an
    /// earlier request. A paused node delays the call until the pause ends. A restart of the node cancels the call.
    pub fn tick_in(&mut self, delay: Duration) {
        *self.tick = Some(self.time + delay);
    }

    /// Reports a violation, which ends the run. Only the first report counts.
    pub fn fail(&mut self, text: impl Into<String>) {
        self.failure.get_or_insert_with(|| text.into());
    }
}
