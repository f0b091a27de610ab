//! The decision on a Hello: whether its sender may connect, based on the facts that are known before the first Data packet.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Endpoint;
use super::authenticator::{Admission, AdmissionRequest};
use super::directory::Directory;
use super::ids::Entry;
use crate::address::{Address, Path};
use crate::channel::{ReceiveSide, SendSide};
use crate::config::receive_window;
use crate::event::{PeerInfo, Refusal};
use crate::handshake::{Admittance, Applicant, HALF_OPEN_LIFE, SessionOutcome};
use crate::limits;
use crate::text::PeerText;
use crate::time::{Instant, Span};

impl Endpoint {
    /// Decides whether a client whose first Noise message was read may connect, and writes the answer to the client.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        from: &Path,
        mut candidate: Box<Applicant>,
        mut reply: Vec<u8>,
    ) {
        let mut local_id = None;
        let verdict = match self.find_refusal(from, &mut candidate) {
            Some(refusal) => Admittance::Refuse(refusal),
            None => match self.ids.reserve(&mut self.rng) {
                Some(id) => {
                    local_id = Some(id);
                    Admittance::Accept { local_id: id }
                }
                None => Admittance::Refuse(Refusal::Full),
            },
        };
        let resumes = candidate.resumes();
        let answered =
            self.acceptor.answer(now, candidate, verdict, &self.parameters, &self.schema, &mut reply);
        if let Some(freed) = answered.as_ref().and_then(|kept| kept.freed) {
            self.ids.release(freed);
        }
        match (answered.and_then(|kept| kept.half_open), local_id) {
            (Some(half_open), Some(id)) => {
                self.ids.assign(id, Entry::HalfOpen(half_open));
                let holder =
                    resumes.and_then(|resume| self.directory().holder(&resume).map(|(holder, _)| holder));
                if let Some(state) = holder.and_then(|holder| self.connections.get_mut(holder)) {
                    state.promise(now + HALF_OPEN_LIFE);
                }
            }
            (None, Some(id)) => self.ids.release(id),
            (_, None) => {}
        }
        self.queue_reply(*from, reply);
    }

    fn find_refusal(&mut self, from: &Path, candidate: &mut Applicant) -> Option<Refusal> {
        if candidate.refusal.is_some() {
            return candidate.refusal.take();
        }
        // The acceptor lists the differences, as many as fit.
        if candidate.parameters.schema != self.parameters.schema {
            return Some(Refusal::Schema(crate::schema::SchemaDifference::default()));
        }
        if candidate.session == SessionOutcome::Resumed {
            return None;
        }
        match self.admit(from.remote, &candidate.peer) {
            Admission::Accept => {}
            Admission::AcceptAs(mut peer) => {
                peer.user_data.truncate(limits::TICKET_USER_DATA);
                candidate.peer = peer;
            }
            Admission::Refuse(refusal) => return Some(refusal),
        }
        let source = self.links.source(from.remote);
        let refusal = self.find_room(Some(source)).err()?;
        // Whether that place is a ghost's turns out once the first Data has proven whose this handshake is.
        let owner = self.acceptor.owner_of_candidate(candidate);
        let may_take_over = owner.is_some_and(|owner| self.may_take_over(owner, Some(source), &refusal));
        (!may_take_over).then_some(refusal)
    }

    /// Returns the application's decision about a peer at `address`.
    pub(super) fn admit(&mut self, address: Address, peer: &PeerInfo) -> Admission {
        let far_end = self.links.far_end(address);
        let request = AdmissionRequest { address, far_end, peer };
        self.authenticator.as_mut().map_or(Admission::Accept, |authenticator| authenticator.admit(&request))
    }

    pub(super) fn directory(&self) -> Directory<'_> {
        Directory {
            connections: &self.connections,
            sessions: &self.sessions,
            dialled: &self.dialled,
            public_key: self.public_key,
            now: self.now,
        }
    }

    pub(super) fn channel_sides(&self, credit: u64) -> (SendSide, ReceiveSide) {
        let config = &self.config;
        (
            SendSide::new(Arc::clone(&self.settings.channels), config.max_message, credit),
            ReceiveSide::new(
                Arc::clone(&self.settings.channels),
                config.max_message,
                receive_window(config.max_message),
            ),
        )
    }

    /// Returns the size of the largest datagram for a path whose peer accepts datagrams of up to `theirs` bytes.
    pub(super) fn max_datagram(&self, address: Address, theirs: u16) -> usize {
        let ours = self
            .links
            .properties(address)
            .map_or(limits::BASE_DATAGRAM, |link| usize::from(link.max_datagram));
        ours.min(usize::from(theirs))
    }

    /// Returns the largest size that the path MTU search may find on a path whose peer accepts datagrams of up to `theirs`
    /// bytes. The size exceeds the base only if the sockets forbid fragments.
    pub(super) fn most_datagram(&self, theirs: u16) -> usize {
        let is_whole = self.config.dont_fragment;
        let ours = if is_whole { self.config.max_datagram.into() } else { limits::BASE_DATAGRAM };
        ours.min(usize::from(theirs))
    }
}

impl Refusal {
    /// Creates a refusal with a code and a text that the game defines.
    #[must_use]
    pub fn other(code: u16, text: impl Into<PeerText>) -> Self {
        Self::Other { code, text: text.into() }
    }
}

/// Returns the time by which the peer may delay an acknowledgement.
pub(super) const fn bounded_ack_delay(stated: Span) -> Span {
    let most = Span::from_secs(1);
    if stated.as_micros() > most.as_micros() { most } else { stated }
}
