//! What runs on the nodes: a sans-IO state machine, and the application that uses it.

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
    /// What it tells its application.
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
    /// What the node's clock shows.
    pub now: Instant,
}

/// The application: builds the hosts of all nodes, and is told what they say.
///
/// There is one for the whole world, so that it can compare what one node sent with what another received.
pub trait Application {
    /// What runs on the nodes.
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

/// What an application gets to see and use of a node.
#[derive(Debug)]
pub struct Context<'a, H> {
    /// The node.
    pub node: NodeId,
    /// How many incarnations of it came before.
    pub incarnation: u32,
    /// What its clock shows.
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
