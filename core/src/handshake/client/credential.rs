//! The credential that a Hello carries.

use alloc::vec::Vec;

use super::super::dialling::{Credential, DialSetup, ServerKey};
use super::super::hello::Mode;
use super::super::peer::PeerHint;
use crate::crypto::{HandshakeCrypto, Key, Secret};
use crate::error::ConnectError;
use crate::limits;

/// A credential in the form that a Hello carries.
pub(super) struct HelloCredential {
    pub(super) mode: Mode,
    pub(super) ticket: Vec<u8>,
    pub(super) psk: Secret,
    pub(super) expiry: u64,
}

impl HelloCredential {
    pub(super) fn new(provider: &dyn HandshakeCrypto, credential: Credential) -> Result<Self, ConnectError> {
        let shown = match credential {
            Credential::Open => {
                return Ok(Self {
                    mode: Mode::Open,
                    ticket: Vec::new(),
                    psk: Secret::new([0; 32]),
                    expiry: 0,
                });
            }
            Credential::Ticket(ticket) => {
                let expiry = ticket.expiry();
                Self { mode: Mode::Ticket, ticket: ticket.sealed, psk: ticket.psk, expiry }
            }
            Credential::Resume { sealed, psk, expiry } => {
                Self { mode: Mode::Resume, ticket: sealed, psk, expiry }
            }
            Credential::Peer { psk, local_key, peer_key } => {
                let hint = PeerHint::new(provider, &psk, &local_key, &peer_key);
                Self { mode: Mode::Peer, ticket: hint.0.to_vec(), psk, expiry: 0 }
            }
        };
        if shown.psk.is_zero() {
            return Err(ConnectError::ZeroPresharedKey);
        }
        if !(1..=limits::TICKET_BYTES).contains(&shown.ticket.len()) {
            let size = shown.ticket.len();
            return Err(ConnectError::TicketSize { size, most: limits::TICKET_BYTES });
        }
        Ok(shown)
    }
}

/// Returns the server's key, or `None` if this end must query it.
pub(super) fn trusted_key(setup: &DialSetup) -> Result<Option<Key>, ConnectError> {
    let named = match &setup.credential {
        Credential::Ticket(ticket) => {
            if ticket.application() != setup.application {
                return Err(ConnectError::TicketForAnotherApplication {
                    ticket: ticket.application(),
                    endpoint: setup.application,
                });
            }
            Some(*ticket.server_key())
        }
        Credential::Peer { peer_key, .. } => Some(*peer_key),
        Credential::Open | Credential::Resume { .. } => None,
    };
    match (&setup.server_key, named) {
        (ServerKey::Pinned(pinned), Some(named)) if *pinned != named => {
            Err(ConnectError::TicketForAnotherServer)
        }
        (ServerKey::Pinned(pinned), _) => Ok(Some(*pinned)),
        (ServerKey::Any, named) => Ok(named),
    }
}
