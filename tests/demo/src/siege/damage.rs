//! The damage that an attack did.

use super::host::Host;

/// The damage that an attack did.
#[derive(Clone, Debug, Default)]
pub(super) struct Damage {
    /// Datagrams sent.
    pub(super) sent: u64,
    /// Handshakes that were answered.
    pub(super) welcomes: u64,
    /// An address that got more bytes than it sent, and how many.
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
