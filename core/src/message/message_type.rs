//! Numbers of message types, for the API, captures and statistics.

use core::fmt;

/// The number of a message type in the API, captures and statistics. The wire carries a shorter index instead of the
/// number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageType(pub u16);

impl MessageType {
    /// The type number of the protocol's handshake packets.
    pub const HANDSHAKE: Self = Self(0x0001);
    /// The type number of the protocol's CLOSE frames, which end a connection.
    pub const DISCONNECT: Self = Self(0x0002);
    /// The type number of the protocol's heartbeats.
    pub const HEARTBEAT: Self = Self(0x0003);
    /// The type number of updates that carry new values of components of a replicated world.
    pub const COMPONENT_UPDATE: Self = Self(0x0100);
    /// The type number of updates that add an entity to a replicated world.
    pub const ENTITY_CREATE: Self = Self(0x0101);
    /// The type number of updates that remove an entity from a replicated world.
    pub const ENTITY_DESTROY: Self = Self(0x0102);
    /// The type number reserved for game events that belong to a tick. No message has this type yet.
    pub const GAME_EVENT: Self = Self(0x0200);
    /// The lowest type number that a game may use. A game may use every higher number too.
    pub const USER: Self = Self(0x1000);

    /// Returns whether a game may use this type number for its messages.
    #[must_use]
    pub const fn is_user(self) -> bool {
        self.0 >= Self::USER.0
    }

    /// Returns the name of a type that the protocol itself uses. Returns `None` for every other type number.
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
    fn the_message_types_of_the_protocol_have_their_documented_numbers() {
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
