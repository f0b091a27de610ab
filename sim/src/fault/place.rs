//! The place of a fault: all links, one direction of a link, or a node.

use core::fmt;

/// The number of a node in the simulated network, counted from 0.
pub type NodeId = usize;
/// The number of a link in the simulated network: the index of the link in [`crate::network::Topology`].
pub type LinkIndex = usize;

/// A direction of a link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// The direction from the link's first node to its second; in a star, from a client to the server.
    Up,
    /// The direction from the link's second node to its first; in a star, from the server to a client.
    Down,
}

/// The links or nodes that a fault affects.
///
/// A node fault (rebind, pause, restart, skew, jump) affects the named node, or all nodes. A node fault has no effect
/// if its target is a link. Every other fault affects directions of links: all directions, one direction, or all
/// directions from and to a node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Target {
    /// For a node fault, all nodes. For any other fault, both directions of all links, each with independent decisions.
    All,
    /// The named direction of the named link.
    Link(LinkIndex, Direction),
    /// For a node fault, the named node. For any other fault, both directions of all links of the named node.
    Node(NodeId),
}

impl Target {
    /// Returns whether a fault with this target affects `node` itself.
    #[must_use]
    pub const fn strikes_node(self, node: NodeId) -> bool {
        match self {
            Self::All => true,
            Self::Node(target) => target == node,
            Self::Link(..) => false,
        }
    }

    /// Returns whether a fault with this target affects this direction of a link, which leads from node `from` to node `to`.
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
