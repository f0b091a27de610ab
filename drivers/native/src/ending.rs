//! The reason that a connection ended, as text for a person.

use std::fmt;

use tickwire_core::{CloseReason, Refusal, Violation};

/// Displays the reason that a connection ended as a sentence for a person.
///
/// ```
/// use tickwire_core::CloseReason;
/// use tickwire_native::Ending;
/// assert_eq!(Ending(&CloseReason::TimedOut).to_string(), "the other end stopped answering");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a>(pub &'a CloseReason);

impl fmt::Display for Ending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            CloseReason::Local { code } => write!(f, "this end closed it (code {code:#06x})"),
            CloseReason::Peer { code: 0, text } if text.is_empty() => f.write_str("the other end left"),
            CloseReason::Peer { code, text } if text.is_empty() => {
                write!(f, "the other end closed it (code {code:#06x})")
            }
            CloseReason::Peer { code, text } => {
                write!(f, "the other end closed it (code {code:#06x}): {text}")
            }
            CloseReason::TimedOut => f.write_str("the other end stopped answering"),
            CloseReason::ConnectTimedOut { version_hint: None, key_hint: Some(key), .. } => write!(
                f,
                "a server answers there, but with another key, {key}; pin that one if you trust it, since \
                 nothing proves whose it is"
            ),
            CloseReason::ConnectTimedOut { version_hint: None, narrow_path: false, .. } => {
                f.write_str("nobody answered")
            }
            CloseReason::ConnectTimedOut { version_hint: None, narrow_path: true, .. } => f.write_str(
                "small datagrams were answered and those of 1200 bytes were not: the path carries less, perhaps through a \
                 tunnel or VPN; raise its MTU, or use another network",
            ),
            CloseReason::PathTooNarrow { least } => write!(
                f,
                "the path carries datagrams of less than {least} bytes only, perhaps through a tunnel or VPN; raise its MTU, or \
                 use another network"
            ),
            CloseReason::ConnectTimedOut { version_hint: Some(version), .. } => {
                write!(f, "no server answered but one that seems to speak protocol version {version}")
            }
            CloseReason::Refused(Refusal::Full) => f.write_str("the server was full"),
            CloseReason::Refused(Refusal::TooManyFromAddress) => {
                f.write_str("the server has as many clients from this address as one address may bring")
            }
            CloseReason::Refused(Refusal::Banned) => f.write_str("the server does not let this identity in"),
            CloseReason::Refused(Refusal::Expired) => f.write_str("the ticket had expired"),
            CloseReason::Refused(Refusal::Schema(difference)) => difference.fmt(f),
            CloseReason::Refused(Refusal::Other { code, text }) => {
                write!(f, "the server refused (code {code:#06x}): {text}")
            }
            CloseReason::SessionLost => f.write_str(
                "the other end no longer knows the connection: it was restarted, or was silent too long",
            ),
            CloseReason::Replaced => f.write_str(
                "another connection took its place: of the same pair of peers, or of the same identity in a full server",
            ),
            CloseReason::Violation(violation) => {
                write!(f, "the other end broke the protocol: {}", broken(*violation))
            }
            CloseReason::KeysExhausted => {
                f.write_str("too many forged packets were seen, and its keys are worn out")
            }
            CloseReason::LinkClosed => f.write_str("the link under it was closed"),
            CloseReason::Driver { text } => f.write_str(text),
            // What the core adds later has its name, until it has words.
            other => write!(f, "{other:?}"),
        }
    }
}

const fn broken(violation: Violation) -> &'static str {
    match violation {
        Violation::MalformedFrame => "a frame did not read",
        Violation::AcknowledgedUnsent => "it acknowledged what was never sent",
        Violation::BadChannel => "a channel that is not there, or does not allow that",
        Violation::MessageTooLarge => "a message larger than agreed",
        Violation::CreditExceeded => "more data than granted",
        Violation::BadFragment => "a fragment that does not fit its message",
        Violation::BadResume => "resume state that contradicts what was sent",
        Violation::InvalidMessages => "a compressed message that cannot be unpacked",
        _ => "in a way that has no words here",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_ending_is_told_as_the_program_writes_it() {
        let peer = |code, text: &str| CloseReason::Peer { code, text: text.into() };
        let told = [
            (CloseReason::Local { code: 65040 }, "this end closed it (code 0xfe10)"),
            (peer(0, ""), "the other end left"),
            (peer(7, ""), "the other end closed it (code 0x0007)"),
            (peer(0xfe11, "no shouting"), "the other end closed it (code 0xfe11): no shouting"),
            (CloseReason::Refused(Refusal::Full), "the server was full"),
            (
                CloseReason::PathTooNarrow { least: 700 },
                "the path carries datagrams of less than 700 bytes only, perhaps through a tunnel or VPN; raise its MTU, or use \
                 another network",
            ),
            (
                CloseReason::ConnectTimedOut { version_hint: None, narrow_path: true, key_hint: None },
                "small datagrams were answered and those of 1200 bytes were not: the path carries less, perhaps through a tunnel \
                 or VPN; raise its MTU, or use another network",
            ),
            (
                CloseReason::Violation(Violation::CreditExceeded),
                "the other end broke the protocol: more data than granted",
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
