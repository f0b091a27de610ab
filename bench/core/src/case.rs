//! The cases that are measured.

/// The number of measured ticks in a case with one client: ten seconds at 60 ticks per second. Cases with more clients
/// measure fewer ticks.
pub const TICKS: u64 = 600;

/// The conditions of one measurement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Case {
    /// The name of the case in gates and reports.
    pub name: &'static str,
    /// The number of clients.
    pub clients: usize,
    /// The number of messages that the server sends to each client per tick.
    pub per_tick: usize,
    /// `true` if the simulated network drops 5% of all datagrams on average, once all clients are connected.
    pub loss: bool,
    /// `true` if each client sends as many messages to the server as the server sends to this client.
    pub both_ways: bool,
    /// The number of channels that the server's messages use in turn.
    pub channels: u8,
    /// The number of ticks before the measurement begins. In these ticks, queues grow to their final size.
    pub warm_up: u64,
    /// The number of measured ticks after the warm-up.
    pub ticks: u64,
}

impl Case {
    const fn new(name: &'static str, per_tick: usize) -> Self {
        Self {
            name,
            clients: 1,
            per_tick,
            loss: false,
            both_ways: false,
            channels: 1,
            warm_up: TICKS,
            ticks: TICKS,
        }
    }

    const fn clients(mut self, clients: usize) -> Self {
        (self.clients, self.warm_up, self.ticks) = (clients, TICKS / 5, TICKS / 10);
        self
    }

    const fn loss(mut self) -> Self {
        self.loss = true;
        self
    }

    const fn both_ways(mut self) -> Self {
        self.both_ways = true;
        self
    }

    const fn channels(mut self, channels: u8) -> Self {
        self.channels = channels;
        self
    }
}

/// The cases in which tickwire is measured with the null provider, without encryption.
pub const PLAIN: [Case; 10] = [
    Case::new("one", 1),
    Case::new("ten", 10),
    Case::new("one.hundred", 1).clients(100),
    Case::new("ten.hundred", 10).clients(100),
    Case::new("one.loss", 1).loss(),
    Case::new("ten.loss", 10).loss(),
    Case::new("one.both", 1).both_ways(),
    Case::new("ten.both", 10).both_ways(),
    Case::new("one.channels", 1).channels(32),
    Case::new("ten.channels", 10).channels(32),
];

/// The cases in which tickwire is measured with the provider ring.
pub const ENCRYPTED: [Case; 4] = [
    Case::new("one", 1),
    Case::new("ten", 10),
    Case::new("one.both", 1).both_ways(),
    Case::new("ten.both", 10).both_ways(),
];

/// The cases in which tickwire is measured with the provider RustCrypto. The other protocol implementations and the
/// harness alone are measured in these cases too.
pub const BASIC: [Case; 2] = [Case::new("one", 1), Case::new("ten", 10)];

/// The cases in which both the server and the clients send messages.
pub const BOTH_WAYS: [Case; 2] =
    [Case::new("one.both", 1).both_ways(), Case::new("ten.both", 10).both_ways()];

/// The cases with 1,000 clients. In `idle`, the server sends no messages. In `used`, the server sends each client one
/// message per tick.
pub const CROWDS: [Case; 2] = [Case::new("idle", 0).crowd(), Case::new("used", 1).crowd()];

impl Case {
    const fn crowd(mut self) -> Self {
        (self.clients, self.warm_up, self.ticks) = (1000, 120, 60);
        self
    }

    /// Returns the case in [`PLAIN`] named `name`, or `None` if no case there has this name.
    pub fn named(name: &str) -> Option<Self> {
        PLAIN.into_iter().find(|case| case.name == name)
    }
}
