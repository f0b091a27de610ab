//! The parts of replicating a world that are measured.

/// A part of replicating a world, and the world in which it is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WorldCase {
    /// The name of the case in gates and reports.
    pub name: &'static str,
    pub(super) part: Part,
    pub(super) entities: usize,
    pub(super) clients: usize,
}

/// The measured calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// The game sets all components, and takes the changes of the tick.
    Set,
    /// The server commits changes that have the committed values.
    CommitUnchanged,
    /// The server commits changes with new values for all components.
    CommitChanged,
    /// The server runs a tick of a world in which nothing changes any more.
    Rest,
    /// The server sends all units to all clients.
    Pack,
    /// The clients receive the datagrams of a tick, and their applications take the changes and give them back.
    Receive,
    /// The server receives the acknowledgements of the datagrams of a tick.
    Acknowledge,
}

impl WorldCase {
    const fn new(name: &'static str, part: Part, entities: usize, clients: usize) -> Self {
        Self { name, part, entities, clients }
    }

    /// Returns the case in [`WORLD_CASES`] named `name`, or `None` if no case has this name.
    pub fn named(name: &str) -> Option<Self> {
        WORLD_CASES.into_iter().find(|case| case.name == name)
    }

    /// Returns what the figures of the case are divided by: `component`, `unit` or `tick`. A unit counts once for each
    /// client.
    #[must_use]
    pub const fn per(&self) -> &'static str {
        match self.part {
            Part::Set | Part::CommitUnchanged => "component",
            // With clients, the commit also marks the unit in each view.
            Part::CommitChanged if self.clients == 0 => "component",
            Part::Rest => "tick",
            _ => "unit",
        }
    }
}

/// The measured cases. Every entity has a position, a velocity and a rotation, which form one unit. In cases with
/// clients, every entity moves in every tick (in the case `rest`, none does), and every client sees the whole world and has
/// a round-trip time of 100 ms.
pub const WORLD_CASES: [WorldCase; 9] = [
    WorldCase::new("set", Part::Set, 1000, 0),
    WorldCase::new("commit.unchanged", Part::CommitUnchanged, 1000, 0),
    WorldCase::new("commit.changed", Part::CommitChanged, 1000, 0),
    WorldCase::new("commit.viewed", Part::CommitChanged, 250, 8),
    WorldCase::new("pack.one", Part::Pack, 1000, 1),
    WorldCase::new("pack.eight", Part::Pack, 250, 8),
    WorldCase::new("receive", Part::Receive, 1000, 1),
    WorldCase::new("rest", Part::Rest, 250, 8),
    WorldCase::new("acknowledge", Part::Acknowledge, 250, 8),
];
