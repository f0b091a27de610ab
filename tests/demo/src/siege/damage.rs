//! The counters of an attack.

use super::host::Host;

/// The counters of an attack.
#[derive(Clone, Debug, Default)]
pub(super) struct Damage {
    /// The number of datagrams that the attackers sent.
    pub(super) sent: u64,
    /// The number of handshakes that the server completed.
    pub(super) welcomes: u64,
    /// A text about an address that received more bytes than it sent. `None` if there was no such address.
    pub(super) reflected: Option<String>,
}

impl Damage {
    pub(super) fn of(hosts: &[Host]) -> Self {
        Self {
            sent: hosts.iter().map(|host| host.sent).sum(),
            welcomes: hosts.iter().map(|host| host.welcomes).sum(),
            reflected: None,
        }
    }
}
