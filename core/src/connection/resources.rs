//! Resources that an endpoint lends to one of its connections for a call.

use super::settings::Settings;
use crate::channel::Arena;
use crate::rng::Rng;
use crate::snapshot::worlds::Worlds;

/// The parts of an endpoint that a connection uses while it processes a packet.
pub(crate) struct Resources<'a> {
    /// The memory in which messages are reassembled.
    pub(crate) arena: &'a mut Arena,
    pub(crate) rng: &'a mut Rng,
    pub(crate) settings: &'a Settings,
    pub(crate) worlds: Option<&'a Worlds>,
}
