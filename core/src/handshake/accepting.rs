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
    /// Half-open handshakes from which on only a cookie earns a Diffie-Hellman.
    pub(crate) cookie_threshold: usize,
    /// Handshakes per second and source that are answered, and at once.
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

/// When and whence a datagram came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandshakeArrival {
    pub(crate) now: Instant,
    /// Wall time in microseconds.
    pub(crate) wall_now: u64,
    pub(crate) from: Path,
    /// On whose account it goes, if the sender is there.
    pub(crate) source: Source,
    /// Whether the sender is known to hear what is sent there: true for links.
    pub(crate) validated: bool,
}

/// The result of screening a handshake datagram.
pub(crate) enum Screened {
    /// Nothing is to be done.
    Dropped(DropReason),
    /// The reply was written; it is not larger than the datagram, and goes back where that came from.
    Replied,
    /// A client that may be let in.
    Applicant(Box<Applicant>),
}

/// A client that holds what it takes to be let in. Nothing is kept of it until it is answered.
pub(crate) struct Applicant {
    pub(crate) peer: PeerInfo,
    pub(crate) parameters: Parameters,
    /// The fate of the session that it wants to resume.
    pub(crate) session: SessionOutcome,
    /// Its ticket is authentic but void: whatever the verdict, it is refused.
    pub(crate) refusal: Option<Refusal>,
    pub(crate) client_id: u32,
    pub(super) credential: ShownCredential,
    pub(super) address: Address,
    /// Where its source is recorded if it comes to nothing, if it was shown.
    pub(super) record: Option<BucketPlaces>,
    /// The half-open handshake that gives way to it.
    pub(super) instead: Option<HalfOpenId>,
    pub(super) id: HalfOpenId,
    pub(super) responder: Box<dyn Responder>,
    /// The most bytes that the answer may have.
    pub(super) reply_room: usize,
}

impl Applicant {
    /// The session that the Welcome says it resumes, if it is let in.
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
    /// It is let in, once its first Data comes.
    Accept {
        /// The connection id that it shall send to.
        local_id: u32,
    },
    /// It is not.
    Refuse(Refusal),
}

/// The record of a candidate that was answered.
pub(crate) struct Kept {
    /// Its half-open handshake; `None` if there was no room after all.
    pub(crate) half_open: Option<HalfOpenId>,
    /// The local id of one that gave way to it.
    pub(crate) freed: Option<u32>,
}

/// A half-open handshake that became a connection.
pub(crate) struct Confirmed {
    pub(crate) peer: PeerInfo,
    /// Bytes of reliable data that the client lets us begin.
    pub(crate) credit: u64,
    pub(crate) resume: Option<Resume>,
    pub(crate) local_id: u32,
    /// Local ids of other half-open handshakes of the same ticket, which are gone.
    pub(crate) freed: SmallVec<[u32; 2]>,
}
