//! The types of messages as people and captures see them.

use core::fmt;

/// The type of a message. The wire carries a compact index instead; this is for the API, captures and statistics.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageType(pub u16);

impl MessageType {
    /// A handshake.
    pub const HANDSHAKE: Self = Self(0x0001);
    /// The end of a connection.
    pub const DISCONNECT: Self = Self(0x0002);
    /// A sign of life.
    pub const HEARTBEAT: Self = Self(0x0003);
    /// New values of replicated components.
    pub const COMPONENT_UPDATE: Self = Self(0x0100);
    /// A replicated entity appears.
    pub const ENTITY_CREATE: Self = Self(0x0101);
    /// A replicated entity disappears.
    pub const ENTITY_DESTROY: Self = Self(0x0102);
    /// An event tied to a tick.
    pub const GAME_EVENT: Self = Self(0x0200);
    /// The first type that a game may use; all above are its own too.
    pub const USER: Self = Self(0x1000);

    /// Whether a game may use it.
    #[must_use]
    pub const fn is_user(self) -> bool {
        self.0 >= Self::USER.0
    }

    /// The name of a type that the protocol itself uses.
    #[must_use]
    pub const fn protocol_name(self) -> Option<&'static str> {
        Some(match self {
            Self::HANDSHAKE => "handshake",
            Self::DISCONNECT => "disconnect",
            Self::HEARTBEAT => "heartbeat",
            Self::COMPONENT_UPDATE => "component update",
            Self::ENTITY_CREATE => "entity create",
            Self::ENTITY_DESTROY => "entity destroy",
            Self::GAME_EVENT => "game event",
            _ => return None,
        })
    }
}

impl fmt::Debug for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_of_the_documents_have_the_documents_values() {
        let listed = [
            (0x0001, "handshake"),
            (0x0002, "disconnect"),
            (0x0003, "heartbeat"),
            (0x0100, "component update"),
            (0x0101, "entity create"),
            (0x0102, "entity destroy"),
            (0x0200, "game event"),
        ];
        for (value, name) in listed {
            assert_eq!(MessageType(value).protocol_name(), Some(name));
            assert!(!MessageType(value).is_user());
        }
        assert!(MessageType(0x1000).is_user() && !MessageType(0x0fff).is_user());
    }
}
