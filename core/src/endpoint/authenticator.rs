//! The application's decision on which clients to let in.

use core::net::IpAddr;

use crate::address::Address;
use crate::event::{PeerInfo, Refusal};

/// A client that asks to connect. Its ticket or cookie is valid.
#[derive(Clone, Debug)]
pub struct AdmissionRequest<'a> {
    /// The client's address. While a ticket spares the client the cookie, the address is only claimed. If the client
    /// turns out to have a different address, the endpoint asks again.
    pub address: Address,
    /// The IP address of the client: the IP address of its UDP address, or the address that `Endpoint::open_link` was
    /// given for the link. Bans apply to this address.
    pub far_end: Option<IpAddr>,
    /// The identity of the client, from its ticket.
    pub peer: &'a PeerInfo,
}

/// An authenticator's decision on a client that asks to connect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Admission {
    /// The client may connect.
    Accept,
    /// The client may connect under this identity, which events then show. User data beyond
    /// [`crate::limits::TICKET_USER_DATA`] bytes is cut off.
    AcceptAs(PeerInfo),
    /// The client may not connect. The reason travels encrypted.
    Refuse(Refusal),
}

/// Decides which clients may connect. The implementation must be fast, because it runs inside `handle_datagram`.
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
    /// Decides on one client. A client may ask several times. Only its first Data packet opens the connection.
    fn admit(&mut self, request: &AdmissionRequest<'_>) -> Admission;
}

impl<F: FnMut(&AdmissionRequest<'_>) -> Admission + Send> Authenticator for F {
    fn admit(&mut self, request: &AdmissionRequest<'_>) -> Admission {
        self(request)
    }
}
