//! Types for a client that asks to connect, passed between an acceptor and its owner.

use alloc::boxed::Box;

use smallvec::SmallVec;

use super::buckets::BucketPlaces;
use super::half_open::{HalfOpenId, Resume, ShownCredential};
use super::parameters::Parameters;
use super::welcome::SessionOutcome;
use crate::address::{Address, Path};
use crate::config::{Access, Config};
use crate::crypto::Responder;
use crate::drop::DropReason;
use crate::event::{PeerInfo, Refusal};
use crate::source::Source;
use crate::time::Instant;

/// The settings that an acceptor takes from the configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AcceptSetup {
    pub(crate) application: u64,
    pub(crate) access: Access,
    /// The number of half-open handshakes from which on the endpoint computes a Diffie-Hellman only for a client
    /// with a cookie.
    pub(crate) cookie_threshold: usize,
    /// The number of handshakes per second that are answered to one source. `handshake_burst` are answered at once.
    pub(crate) handshake_rate: u32,
    pub(crate) handshake_burst: u32,
}

impl AcceptSetup {
    pub(crate) const fn new(config: &Config) -> Self {
        Self {
            application: config.application,
            access: config.access,
            cookie_threshold: config.cookie_threshold,
            handshake_rate: config.handshake_rate,
            handshake_burst: config.handshake_burst,
        }
    }
}

/// The time and the origin of a datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandshakeArrival {
    pub(crate) now: Instant,
    /// The wall-clock time, in microseconds.
    pub(crate) wall_now: u64,
    pub(crate) from: Path,
    /// The source to which the datagram counts, if its sender really is at that address.
    pub(crate) source: Source,
    /// `true` if the sender is known to receive at its address. A link is always validated.
    pub(crate) validated: bool,
}

/// The result of screening a handshake datagram.
pub(crate) enum Screened {
    /// The datagram was dropped without a reply.
    Dropped(DropReason),
    /// The reply was written, and is sent to the datagram's source address. A reply to an unvalidated address is not
    /// larger than the datagram.
    Replied,
    /// The Hello of a client that the endpoint may accept.
    Applicant(Box<Applicant>),
}

/// A client that holds a valid credential. The acceptor stores no state about the client until it answers the
/// client.
pub(crate) struct Applicant {
    pub(crate) peer: PeerInfo,
    pub(crate) parameters: Parameters,
    /// The outcome for the session that the client wants to resume.
    pub(crate) session: SessionOutcome,
    /// The refusal of a client whose ticket is authentic but no longer valid, regardless of the application's
    /// decision.
    pub(crate) refusal: Option<Refusal>,
    pub(crate) client_id: u32,
    pub(super) credential: ShownCredential,
    pub(super) address: Address,
    /// The record of the client's source for a handshake that is abandoned, if the address was validated.
    pub(super) record: Option<BucketPlaces>,
    /// The half-open handshake that this client's handshake replaces.
    pub(super) instead: Option<HalfOpenId>,
    pub(super) id: HalfOpenId,
    pub(super) responder: Box<dyn Responder>,
    /// The largest size of the answer, in bytes.
    pub(super) reply_room: usize,
}

impl Applicant {
    /// Returns the session that an accepting Welcome resumes.
    pub(crate) const fn resumes(&self) -> Option<Resume> {
        match (self.session, self.credential) {
            (SessionOutcome::Resumed, ShownCredential::Resume(resume)) => Some(resume),
            _ => None,
        }
    }
}

/// The decision on an applicant.
#[derive(Clone, Debug)]
pub(crate) enum Admittance {
    /// The endpoint accepts the client once the client's first data packet arrives.
    Accept {
        /// The connection id to which the client must send.
        local_id: u32,
    },
    /// The endpoint refuses the client.
    Refuse(Refusal),
}

/// The record of an applicant that was answered.
pub(crate) struct Kept {
    /// The half-open handshake of the applicant. `None` if no place was left.
    pub(crate) half_open: Option<HalfOpenId>,
    /// The local id of a half-open handshake that this one replaced.
    pub(crate) freed: Option<u32>,
}

/// A half-open handshake that became a connection.
pub(crate) struct Confirmed {
    pub(crate) peer: PeerInfo,
    /// The number of bytes of reliable data that the client allows this end to send.
    pub(crate) credit: u64,
    pub(crate) resume: Option<Resume>,
    pub(crate) local_id: u32,
    /// The local ids of other half-open handshakes of the same ticket, which were removed.
    pub(crate) freed: SmallVec<[u32; 2]>,
}
