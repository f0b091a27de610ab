//! The reason why a connection ended, as human-readable text.

use std::fmt;

use tickwire_core::{CloseReason, Refusal, Violation};

/// A wrapper around the reason why a connection ended. `Display` writes the reason as human-readable text.
///
/// ```
/// use tickwire_core::CloseReason;
/// use tickwire_native::Ending;
/// assert_eq!(Ending(&CloseReason::TimedOut).to_string(), "the peer stopped answering");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a>(pub &'a CloseReason);

impl fmt::Display for Ending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            CloseReason::Local { code } => write!(f, "this end closed the connection (code {code:#06x})"),
            CloseReason::Peer { code: 0, text } if text.is_empty() => f.write_str("the peer closed the connection without a reason"),
            CloseReason::Peer { code, text } if text.is_empty() => {
                write!(f, "the peer closed the connection (code {code:#06x})")
            }
            CloseReason::Peer { code, text } => {
                write!(f, "the peer closed the connection (code {code:#06x}): {text}")
            }
            CloseReason::TimedOut => f.write_str("the peer stopped answering"),
            CloseReason::ConnectTimedOut { version_hint: None, key_hint: Some(key), .. } => write!(
                f,
                "a server with a different key, {key}, answers at this address; pin this key only if you trust it, \
                 because the answer is not authenticated"
            ),
            CloseReason::ConnectTimedOut { version_hint: None, narrow_path: false, .. } => {
                f.write_str("no server or peer answered the attempt to connect; check the address, the UDP port and the key")
            }
            CloseReason::ConnectTimedOut { version_hint: None, narrow_path: true, .. } => f.write_str(
                "the peer answered small datagrams, but no datagram of 1200 bytes: the path MTU is smaller, perhaps \
                 because of a tunnel or VPN; raise the tunnel's MTU, or use another network",
            ),
            CloseReason::PathTooNarrow { least } => write!(
                f,
                "the path carries only datagrams of less than {least} bytes, perhaps because of a tunnel or VPN; \
                 raise the tunnel's MTU, or use another network"
            ),
            CloseReason::ConnectTimedOut { version_hint: Some(version), .. } => write!(
                f,
                "the only server that answered seems to use protocol version {version}, which this end does not \
                 support; update this end or the server"
            ),
            CloseReason::Refused(Refusal::Full) => f.write_str("the server was full; try again later"),
            CloseReason::Refused(Refusal::TooManyFromAddress) => f.write_str(
                "the server already has the largest number of clients that one address may have; try again when \
                 one of them has left",
            ),
            CloseReason::Refused(Refusal::Banned) => {
                f.write_str("the server has banned this client; ask the server's operator to lift the ban")
            }
            CloseReason::Refused(Refusal::Expired) => f.write_str("the ticket had expired; get a new ticket"),
            CloseReason::Refused(Refusal::Schema(difference)) => difference.fmt(f),
            CloseReason::Refused(Refusal::Other { code, text }) => {
                write!(f, "the server refused the connection (code {code:#06x}): {text}")
            }
            CloseReason::SessionLost => f.write_str(
                "the peer no longer has the connection, because the peer was restarted or the connection was \
                 interrupted for too long",
            ),
            CloseReason::Replaced => f.write_str(
                "a newer connection replaced this connection: a connection of the same two peers or, in a full \
                 server, a connection of the same identity",
            ),
            CloseReason::Violation(violation) => {
                write!(f, "the peer violated the protocol: {}", broken(*violation))
            }
            CloseReason::KeysExhausted => {
                f.write_str("too many forged packets arrived for the keys of the connection; connect again to get new keys")
            }
            CloseReason::LinkClosed => f.write_str("the link under the connection was closed; open another link, and connect again"),
            CloseReason::Driver { text } => f.write_str(text),
            // What the core adds later has its name, until it has words.
            other => write!(f, "{other:?}"),
        }
    }
}

const fn broken(violation: Violation) -> &'static str {
    match violation {
        Violation::MalformedFrame => "it sent a frame that does not parse",
        Violation::AcknowledgedUnsent => "it acknowledged a packet that was never sent",
        Violation::BadChannel => "it sent a frame on a channel that does not exist or does not allow it",
        Violation::MessageTooLarge => "it sent a message larger than both ends agreed to",
        Violation::CreditExceeded => "it sent more data than its flow-control credit allows",
        Violation::BadFragment => "it sent a fragment that does not fit its message",
        Violation::BadResume => "it sent resume state that contradicts the messages of this end",
        Violation::InvalidMessages => {
            "it sent a compressed message that does not decompress to its declared length"
        }
        Violation::BadSnapshot => {
            "it sent eight invalid snapshot frames, or sent a world to the end that accepted the connection"
        }
        _ => "it violated a rule that this version does not list",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_reasons_are_displayed_as_their_documented_texts() {
        let peer = |code, text: &str| CloseReason::Peer { code, text: text.into() };
        let told = [
            (CloseReason::Local { code: 65040 }, "this end closed the connection (code 0xfe10)"),
            (peer(0, ""), "the peer closed the connection without a reason"),
            (peer(7, ""), "the peer closed the connection (code 0x0007)"),
            (peer(0xfe11, "no shouting"), "the peer closed the connection (code 0xfe11): no shouting"),
            (CloseReason::Refused(Refusal::Full), "the server was full; try again later"),
            (
                CloseReason::PathTooNarrow { least: 700 },
                "the path carries only datagrams of less than 700 bytes, perhaps because of a tunnel or VPN; raise \
                 the tunnel's MTU, or use another network",
            ),
            (
                CloseReason::ConnectTimedOut { version_hint: None, narrow_path: true, key_hint: None },
                "the peer answered small datagrams, but no datagram of 1200 bytes: the path MTU is smaller, perhaps \
                 because of a tunnel or VPN; raise the tunnel's MTU, or use another network",
            ),
            (
                CloseReason::Violation(Violation::CreditExceeded),
                "the peer violated the protocol: it sent more data than its flow-control credit allows",
            ),
        ];
        for (reason, words) in told {
            assert_eq!(Ending(&reason).to_string(), words);
        }
        for reason in [
            CloseReason::SessionLost,
            CloseReason::Replaced,
            CloseReason::Refused(Refusal::TooManyFromAddress),
            CloseReason::KeysExhausted,
            CloseReason::LinkClosed,
        ] {
            assert!(!Ending(&reason).to_string().contains(&format!("{reason:?}")));
        }
    }
}
