//! Where a fault happens.

use core::fmt;

/// A node of the simulated network, counted from 0.
pub type NodeId = usize;
/// A link of the simulated network, by its place in the [`crate::network::Topology`].
pub type LinkIndex = usize;

/// A direction of a link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// From the link's first node to its second; in a star, from a client to the server.
    Up,
    /// From the link's second node to its first; in a star, from the server to a client.
    Down,
}

/// Where a fault happens.
///
/// Faults of nodes (rebind, pause, restart, skew, jump) strike the named node, or all of them; on a link they do
/// nothing. All other faults strike directions of links: every one, one, or all that touch a node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Target {
    /// Everywhere. Each direction of each link decides for itself.
    All,
    /// One direction of a link.
    Link(LinkIndex, Direction),
    /// A node, or all links at it.
    Node(NodeId),
}

impl Target {
    /// Whether a fault with this target strikes `node` itself.
    #[must_use]
    pub const fn strikes_node(self, node: NodeId) -> bool {
        match self {
            Self::All => true,
            Self::Node(target) => target == node,
            Self::Link(..) => false,
        }
    }

    /// Whether a fault with this target strikes this direction of a link, which leads from one node to another.
    #[must_use]
    pub fn strikes_link(self, link: LinkIndex, direction: Direction, from: NodeId, to: NodeId) -> bool {
        match self {
            Self::All => true,
            Self::Node(target) => target == from || target == to,
            Self::Link(target, way) => (target, way) == (link, direction),
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Link(link, direction) => write!(f, "link={link}:{direction}"),
            Self::Node(node) => write!(f, "node={node}"),
        }
    }
}
