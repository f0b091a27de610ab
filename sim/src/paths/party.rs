//! The senders and the receivers of a scenario's flows.

use core::net::SocketAddr;
use core::time::Duration;

use tickwire_core::address::Ecn;
use tickwire_core::stats::ConnectionStats;
use tickwire_core::{
    Access, ChannelConfig, ChannelId, Config, ConnectOptions, ConnectionId, Delivery, Endpoint, Event,
    Instant, Secrets,
};

use super::flow::{Flow, Source};
use super::tcp::{TcpReceiver, TcpSender};
use crate::host::{Application, Boot, Context, Host, Outgoing};
use crate::network::home_address;
use crate::rng::mix;

/// The host of one end of a flow: a tickwire endpoint, or one end of a TCP flow.
pub(super) enum Party {
    Endpoint(Box<Endpoint>),
    TcpSender(TcpSender),
    TcpReceiver(TcpReceiver),
}

#[derive(Debug)]
pub(super) enum PartyEvent {
    Endpoint(Event),
    /// The receiver of a TCP flow has received this many bytes in order.
    TcpDelivered(u64),
}

impl Party {
    pub(super) fn stats(&self, connection: ConnectionId) -> Option<ConnectionStats> {
        match self {
            Self::Endpoint(endpoint) => endpoint.stats(connection),
            Self::TcpSender(_) | Self::TcpReceiver(_) => None,
        }
    }
}

impl Host for Party {
    type Event = PartyEvent;

    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, ecn: Ecn, bytes: &mut [u8]) {
        match self {
            Self::Endpoint(endpoint) => endpoint.handle_datagram(now, from, ecn, bytes),
            Self::TcpSender(sender) => sender.on_ack(now, bytes),
            Self::TcpReceiver(receiver) => receiver.on_segment(from, bytes),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::Endpoint(endpoint) => endpoint.handle_timeout(now),
            Self::TcpSender(sender) => sender.on_timeout(now),
            Self::TcpReceiver(_) => {}
        }
    }

    fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Outgoing> {
        match self {
            Self::Endpoint(endpoint) => Host::poll_transmit(&mut **endpoint, now, buffer),
            Self::TcpSender(sender) => sender.poll_transmit(now, buffer),
            Self::TcpReceiver(receiver) => receiver.poll_transmit(buffer),
        }
    }

    fn poll_event(&mut self) -> Option<PartyEvent> {
        match self {
            Self::Endpoint(endpoint) => endpoint.poll_event().map(PartyEvent::Endpoint),
            Self::TcpSender(_) => None,
            Self::TcpReceiver(receiver) => receiver.take_delivered().map(PartyEvent::TcpDelivered),
        }
    }

    fn poll_timeout(&self) -> Instant {
        match self {
            Self::Endpoint(endpoint) => Host::poll_timeout(&**endpoint),
            Self::TcpSender(sender) => sender.poll_timeout(),
            Self::TcpReceiver(_) => Instant::MAX,
        }
    }
}

/// The bytes that one flow offered and delivered.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) connection: Option<ConnectionId>,
    /// The bytes that the game passed to the connection.
    pub(super) offered: u64,
    /// The bytes of messages that arrived, for each second.
    pub(super) delivered: Vec<u64>,
    /// The numbers of messages sent and of messages received.
    pub(super) messages: (u64, u64),
    /// The path rates that the sender's endpoint reported, each with the time of the report.
    pub(super) rates_told: Vec<(Duration, u64)>,
}

/// The application of all nodes. Node 2i sends flow `i`, and node 2i + 1 receives it.
pub(super) struct Parties {
    seed: u64,
    config: Config,
    pub(super) flows: Vec<Flow>,
    pub(super) accounts: Vec<Account>,
}

const RELIABLE: ChannelId = ChannelId(0);
const UNRELIABLE: ChannelId = ChannelId(1);
/// The size of one message of a saturating flow, in bytes.
const BULK_MESSAGE: usize = 4000;
/// The number of bytes that a saturating flow keeps queued.
const BULK_QUEUE: u64 = 48 << 10;
const BULK_TICK: Duration = Duration::from_millis(5);

impl Parties {
    pub(super) fn new(seed: u64, config: Config, flows: Vec<Flow>) -> Self {
        let accounts = flows.iter().map(|_| Account::default()).collect();
        Self { seed, config, flows, accounts }
    }

    /// Returns the start time of a flow. The time is delayed by a random amount that depends on the seed, so that runs
    /// with different seeds differ.
    fn start_of(&self, flow: usize) -> Duration {
        let late = mix(self.seed, 77 + flow as u64) % 200_000;
        self.flows[flow].from + Duration::from_micros(late)
    }

    fn is_silent(&self, flow: usize, at: Duration) -> bool {
        let flow = &self.flows[flow];
        at < flow.from
            || at >= flow.until
            || flow.pause.is_some_and(|(from, until)| (from..until).contains(&at))
    }

    fn speak(&mut self, context: &mut Context<'_, Party>, flow: usize) {
        let at = context.time - Instant::ZERO;
        let silent = self.is_silent(flow, at);
        let source = self.flows[flow].source;
        let account = &mut self.accounts[flow];
        let endpoint = match context.host {
            Party::Endpoint(endpoint) => endpoint,
            Party::TcpSender(sender) => {
                sender.set_active(!silent);
                context.tick_in(Duration::from_millis(50));
                return;
            }
            Party::TcpReceiver(_) => return,
        };
        let Some(connection) = account.connection else { return };
        let now = context.now;
        let mut send = |endpoint: &mut Endpoint, bytes: usize| {
            account.offered += bytes as u64;
            if endpoint.send(now, connection, UNRELIABLE, vec![0; bytes]).is_ok() {
                account.messages.0 += 1;
            }
        };
        match source {
            _ if silent => context.tick_in(BULK_TICK),
            Source::Bulk => {
                while endpoint.stats(connection).is_some_and(|stats| stats.queued_bytes < BULK_QUEUE)
                    && endpoint.send(now, connection, RELIABLE, vec![0; BULK_MESSAGE]).is_ok()
                {
                }
                context.tick_in(BULK_TICK);
            }
            Source::Game { bytes, every } => {
                send(endpoint, bytes);
                context.tick_in(every);
            }
            Source::Ticks { messages, bytes, every } => {
                (0..messages).for_each(|_| send(endpoint, bytes));
                context.tick_in(every);
            }
            Source::Cooperative { bytes, every } => {
                let granted = endpoint.grant(connection, every);
                send(endpoint, bytes.min(usize::try_from(granted).unwrap_or(bytes)).max(1));
                context.tick_in(every);
            }
            Source::Tcp | Source::ShortTcp { .. } => {}
        }
    }
}

impl Application for Parties {
    type Host = Party;

    #[expect(clippy::expect_used, reason = "an invalid scenario must end the run")]
    fn build(&mut self, boot: Boot) -> Party {
        let is_sender = boot.node.is_multiple_of(2);
        match self.flows[boot.node / 2].source {
            Source::Tcp | Source::ShortTcp { .. } if !is_sender => {
                return Party::TcpReceiver(TcpReceiver::default());
            }
            source @ (Source::Tcp | Source::ShortTcp { .. }) => {
                return Party::TcpSender(TcpSender::new(home_address(boot.node + 1), source));
            }
            _ => {}
        }
        let mut config = self.config.clone();
        // The simulated network drops what is too large for a link, and cuts nothing up.
        config.dont_fragment = true;
        config.channels =
            [Delivery::ReliableUnordered, Delivery::Unreliable].map(ChannelConfig::new).to_vec();
        config.access = if is_sender { Access::Closed } else { Access::Open };
        let secrets = Secrets::new([boot.node as u8 + 1; 32]);
        let endpoint =
            Endpoint::new(config, secrets, boot.seed, boot.now).expect("the configuration is valid");
        Party::Endpoint(Box::new(endpoint))
    }

    fn started(&mut self, context: &mut Context<'_, Party>) {
        if context.node.is_multiple_of(2) {
            context.tick_in(self.start_of(context.node / 2));
        }
    }

    fn tick(&mut self, context: &mut Context<'_, Party>) {
        let flow = context.node / 2;
        if let (Party::Endpoint(endpoint), None) = (&mut *context.host, self.accounts[flow].connection) {
            let key = self.config.provider.handshake().public_key(&[context.node as u8 + 2; 32]);
            let options = ConnectOptions::new(key);
            match endpoint.connect(context.now, home_address(context.node + 1), options) {
                Ok(connection) => self.accounts[flow].connection = Some(connection),
                Err(error) => context.fail(format!("cannot dial: {error}")),
            }
            return;
        }
        self.speak(context, flow);
    }

    fn event(&mut self, context: &mut Context<'_, Party>, event: PartyEvent) {
        let flow = context.node / 2;
        let second = (context.time.as_micros() / 1_000_000) as usize;
        let bytes = match event {
            PartyEvent::Endpoint(Event::Connected { .. }) if context.node.is_multiple_of(2) => {
                self.speak(context, flow);
                return;
            }
            PartyEvent::Endpoint(Event::Message { data, .. }) => data.len() as u64,
            PartyEvent::TcpDelivered(bytes) => bytes,
            PartyEvent::Endpoint(Event::RateChanged { bytes_per_second, .. }) => {
                if context.node.is_multiple_of(2) {
                    let at = context.time - Instant::ZERO;
                    self.accounts[flow].rates_told.push((at, bytes_per_second));
                }
                return;
            }
            PartyEvent::Endpoint(Event::Closed { reason, .. }) => {
                context.fail(format!("the connection of node {} was closed: {reason:?}", context.node));
                return;
            }
            PartyEvent::Endpoint(_) => return,
        };
        let account = &mut self.accounts[flow];
        account.messages.1 += 1;
        if account.delivered.len() <= second {
            account.delivered.resize(second + 1, 0);
        }
        account.delivered[second] += bytes;
    }
}
