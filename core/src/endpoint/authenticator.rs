//! The application's decision on which clients may connect.

use core::net::IpAddr;

use crate::address::Address;
use crate::event::{PeerInfo, Refusal};

/// A client's request to connect. The endpoint has already checked the client's ticket, pre-shared key or cookie. A
/// client on a link needs none of them under [`crate::Access::Open`].
#[derive(Clone, Debug)]
pub struct AdmissionRequest<'a> {
    /// The client's address. The endpoint has validated the address of a client on a link and of a client that returned
    /// a cookie. Every other client has a ticket or a pre-shared key, and its address is not validated yet. If such a
    /// client sends its first data packet from a different address, the endpoint calls the authenticator again once it
    /// has validated that address.
    pub address: Address,
    /// The IP address of the client's host: the IP address from which a UDP client sends, or the `far_end` that
    /// [`Endpoint::open_link`](crate::Endpoint::open_link) received for the client's link. `None` if the link has no
    /// `far_end`. Bans apply to this address.
    pub far_end: Option<IpAddr>,
    /// The identity of the client, from its ticket. The identity of an expected peer is the first 16 bytes of its public
    /// key. The identity of any other client without a ticket is all zeros.
    pub peer: &'a PeerInfo,
}

/// An authenticator's decision on a client that asks to connect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Admission {
    /// The client may connect under the identity in the request.
    Accept,
    /// The client may connect under this identity, which events then contain. The endpoint truncates user data to
    /// [`crate::limits::TICKET_USER_DATA`] bytes.
    AcceptAs(PeerInfo),
    /// The client may not connect. The endpoint sends the refusal encrypted.
    Refuse(Refusal),
}

/// An authenticator, which decides whether each new client may connect. A client that resumes a session is not checked
/// again. The implementation must return quickly, because `handle_datagram` calls it.
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
    /// Decides whether the client of `request` may connect. One client may cause several requests, and an accepted
    /// request opens no connection before the client's first Data packet.
    fn admit(&mut self, request: &AdmissionRequest<'_>) -> Admission;
}

impl<F: FnMut(&AdmissionRequest<'_>) -> Admission + Send> Authenticator for F {
    fn admit(&mut self, request: &AdmissionRequest<'_>) -> Admission {
        self(request)
    }
}
