//! The application's decision on which clients to let in.

use core::net::IpAddr;

use crate::address::Address;
use crate::event::{PeerInfo, Refusal};

/// A client that asks to come in. Its ticket or cookie was found valid.
#[derive(Clone, Debug)]
pub struct AdmissionRequest<'a> {
    /// Where the client is, or claims to be while a ticket spares it the cookie. A client that turns out to be elsewhere is
    /// asked about again.
    pub address: Address,
    /// The IP address there: that of a UDP address, or the one that `Endpoint::open_link` was given for the link. Bans go by it.
    pub far_end: Option<IpAddr>,
    /// The identity of the client, as the ticket gives it.
    pub peer: &'a PeerInfo,
}

/// An authenticator's decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Admission {
    /// Let it in.
    Accept,
    /// Let it in under this identity, as events will show it. User data beyond [`crate::limits::TICKET_USER_DATA`] bytes is cut
    /// off.
    AcceptAs(PeerInfo),
    /// Refuse it; the reason travels encrypted.
    Refuse(Refusal),
}

/// Decides who is let in. It must be quick: it runs inside `handle_datagram`.
///
/// ```
/// use std::collections::BTreeSet;
/// use tickwire_core::{Admission, AdmissionRequest, Authenticator, Refusal};
///
/// struct Bans(BTreeSet<[u8; 16]>);
///
/// impl Authenticator for Bans {
///     fn admit(&mut self, request: &AdmissionRequest<'_>) -> Admission {
///         if self.0.contains(&request.peer.identity) {
///             Admission::Refuse(Refusal::Banned)
///         } else {
///             Admission::Accept
///         }
///     }
/// }
/// # fn set(endpoint: &mut tickwire_core::Endpoint, bans: Bans) {
/// endpoint.set_authenticator(bans);
/// # }
/// ```
pub trait Authenticator: Send {
    /// The decision on one client. A client may ask several times; only its first Data makes it a connection.
    fn admit(&mut self, request: &AdmissionRequest<'_>) -> Admission;
}

impl<F: FnMut(&AdmissionRequest<'_>) -> Admission + Send> Authenticator for F {
    fn admit(&mut self, request: &AdmissionRequest<'_>) -> Admission {
        self(request)
    }
}
