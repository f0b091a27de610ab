//! The software of the nodes: a sans-IO state machine, and the application that uses it.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use tickwire_core::address::{Address, Ecn};
use tickwire_core::time::Instant;

use crate::fault::NodeId;
use crate::trace::TraceHash;

/// Datagrams that a host wants sent: `size` bytes of the buffer, cut into pieces of `segment_size`; the last may be
/// shorter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outgoing {
    /// To whom.
    pub to: Address,
    /// Bytes written to the buffer.
    pub size: usize,
    /// Bytes per datagram.
    pub segment_size: usize,
    /// The congestion notification bits of all of them.
    pub ecn: Ecn,
}

/// A sans-IO state machine under simulation. Times are what the node's own clock shows.
pub trait Host {
    /// The events that it reports to its application.
    type Event: fmt::Debug;

    /// A datagram arrived.
    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, ecn: Ecn, bytes: &mut [u8]);

    /// The time that [`Host::poll_timeout`] named has come.
    fn handle_timeout(&mut self, now: Instant);

    /// Writes the next datagrams to `buffer`.
    fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Outgoing>;

    /// The next event.
    fn poll_event(&mut self) -> Option<Self::Event>;

    /// When [`Host::handle_timeout`] is due next; [`Instant::MAX`] for never.
    fn poll_timeout(&self) -> Instant;

    /// Adds an event to the hash of the trace. By default its debug text goes in, which is slow for large events.
    fn digest(event: &Self::Event, hash: &mut TraceHash) {
        hash.debug(event);
    }
}

/// How a host comes to be.
#[derive(Clone, Copy, Debug)]
pub struct Boot {
    /// On which node.
    pub node: NodeId,
    /// How many came before it on this node.
    pub incarnation: u32,
    /// Randomness for it; different for each node and incarnation.
    pub seed: [u8; 32],
    /// The time on the node's clock.
    pub now: Instant,
}

/// The application: builds the hosts of all nodes, and is told what they say.
///
/// There is one for the whole world, so that it can compare what one node sent with what another received.
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
///         Endpoint::new(config, secrets, boot.seed, boot.now).expect("the core takes its defaults")
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
    /// The state machine that runs on the nodes.
    type Host: Host;

    /// Builds the host of a node: at the beginning, and after each restart.
    fn build(&mut self, boot: Boot) -> Self::Host;

    /// A node has booted.
    fn started(&mut self, context: &mut Context<'_, Self::Host>) {
        let _ = context;
    }

    /// The host of a node has said something.
    fn event(&mut self, context: &mut Context<'_, Self::Host>, event: <Self::Host as Host>::Event) {
        let _ = (context, event);
    }

    /// The time asked for with [`Context::tick_in`] has come.
    fn tick(&mut self, context: &mut Context<'_, Self::Host>) {
        let _ = context;
    }
}

/// The view of a node that an application gets.
#[derive(Debug)]
pub struct Context<'a, H> {
    /// The node.
    pub node: NodeId,
    /// How many incarnations of it came before.
    pub incarnation: u32,
    /// The time on its clock.
    pub now: Instant,
    /// Virtual time, which no clock fault touches.
    pub time: Instant,
    /// Its host.
    pub host: &'a mut H,
    pub(crate) tick: &'a mut Option<Instant>,
    pub(crate) failure: &'a mut Option<String>,
}

impl<H> Context<'_, H> {
    /// Asks for one [`Application::tick`] of this node after `delay` of virtual time. It takes the place of an
    /// earlier wish. While the node is paused the tick waits; a restart forgets it.
    pub fn tick_in(&mut self, delay: Duration) {
        *self.tick = Some(self.time + delay);
    }

    /// Reports that something is wrong. The run ends; only the first report counts.
    pub fn fail(&mut self, text: impl Into<String>) {
        self.failure.get_or_insert_with(|| text.into());
    }
}
