//! Both ends of the handshake, without their endpoints.

use crate::time::Span;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::address::Path;
use crate::config::{Config, Secrets};
use crate::crypto::{Key, Provider, SessionKeys};
use crate::drop::DropReason;
use crate::event::Refusal;
use crate::handshake::{
    AcceptSetup, Acceptor, Admittance, Answer, Credential, Deserted, DialSetup, Dialer, HalfOpenId,
    HandshakeArrival, Parameters, Screened, ServerKey, Ticket, rewrite, rewrite_parameters as rewrite_them,
};
use crate::rng::Rng;
use crate::schema::Schema;
use crate::source::Source;
use crate::time::Instant;

/// The credential with which a client asks to connect.
#[derive(Clone)]
#[non_exhaustive]
pub enum Proof {
    /// No credential, for a server whose access is open.
    Open,
    /// A ticket that the game's backend minted.
    Ticket(Ticket),
    /// A resume ticket that the server itself sealed.
    Resume {
        /// The sealed ticket, as it arrived in a TICKET frame.
        sealed: Vec<u8>,
        /// The pre-shared key of the resume ticket.
        psk: Key,
        /// The expiry of the ticket, as it arrived in the TICKET frame.
        expiry: u64,
    },
}

impl From<Proof> for Credential {
    fn from(proof: Proof) -> Self {
        match proof {
            Proof::Open => Self::Open,
            Proof::Ticket(ticket) => Self::Ticket(ticket),
            Proof::Resume { sealed, psk, expiry } => Self::Resume { sealed, psk: psk.into(), expiry },
        }
    }
}

/// Returns the parameters and the schema that an endpoint with this configuration sends in the handshake.
pub(super) fn introduction(config: &Config) -> (Parameters, Schema) {
    let schema = config.handshake_schema();
    (config.parameters(schema.hash()), schema)
}

/// The effect of a datagram on a client's attempt to connect.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Answered {
    /// The datagram was dropped for this reason, and the attempt is unchanged.
    Ignored(DropReason),
    /// The attempt progressed, but has not ended.
    Progress,
    /// The server accepted the client. The fields are the exporter secret and the server's connection id.
    Accepted(Key, u32),
    /// The server refused the client.
    Refused(Refusal),
}

/// A client's attempt to connect, without an endpoint.
pub struct Dialling {
    pub(super) dialer: Dialer,
    pub(super) rng: Rng,
}

impl Dialling {
    /// Begins an attempt to connect at the time `now`. Without `server_key`, the attempt asks the server for its key.
    /// Returns `None` if an endpoint would refuse the attempt with a `ConnectError`, for example because the ticket in
    /// `proof` is for another server.
    #[must_use]
    pub fn new(
        now: Instant,
        config: &Config,
        local_id: u32,
        server_key: Option<Key>,
        proof: Proof,
        seed: [u8; 32],
    ) -> Option<Self> {
        let (parameters, _) = introduction(config);
        Self::claiming(now, config, parameters, local_id, server_key, proof, seed)
    }

    pub(super) fn claiming(
        now: Instant,
        config: &Config,
        parameters: Parameters,
        local_id: u32,
        server_key: Option<Key>,
        proof: Proof,
        seed: [u8; 32],
    ) -> Option<Self> {
        let setup = DialSetup {
            application: config.application,
            local_id,
            server_key: server_key.map_or(ServerKey::Any, ServerKey::Pinned),
            credential: proof.into(),
            parameters,
            schema: introduction(config).1,
            padded: true,
            reliable: false,
            timeout: Span::from_secs(10),
        };
        let mut rng = Rng::from_seed(seed);
        let dialer = Dialer::new(now, &mut rng, Arc::clone(&config.provider), setup).ok()?;
        Some(Self { dialer, rng })
    }

    /// Writes the next datagram of the attempt to `buffer`, and returns its length in bytes. Returns `None` if no datagram is
    /// due.
    pub fn write(&mut self, now: Instant, buffer: &mut [u8]) -> Option<usize> {
        self.dialer.write(now, &mut self.rng, buffer)
    }

    /// Processes a datagram from the server.
    pub fn handle(&mut self, now: Instant, datagram: &[u8]) -> Answered {
        match self.dialer.handle(now, &mut self.rng, datagram) {
            Answer::Ignored(reason) => Answered::Ignored(reason),
            Answer::Progress | Answer::Noted => Answered::Progress,
            Answer::Accepted(accepted) => Answered::Accepted(*accepted.keys.exporter, accepted.remote_id),
            Answer::Refused(refusal) => Answered::Refused(refusal),
        }
    }

    /// Returns the time at which the attempt sends again or fails.
    #[must_use]
    pub fn next_timeout(&self, now: Instant) -> Instant {
        self.dialer.next_timeout(now)
    }
}

/// The handle of a half-open handshake.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct HalfOpenHandle(pub(super) HalfOpenId);

/// The effect of a datagram on the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Reaction {
    /// The server dropped the datagram for this reason.
    Dropped(DropReason),
    /// The server wrote a reply and kept no state.
    Replied,
    /// The server accepted the client, and wrote a Welcome.
    Admitted(HalfOpenHandle),
    /// The server refused the client, with or without a reply.
    Refused,
}

/// The server's side of handshakes, without an endpoint.
pub struct Answering {
    acceptor: Acceptor,
    rng: Rng,
    pub(super) parameters: Parameters,
    schema: Schema,
    provider: Arc<dyn Provider>,
    wall_offset: u64,
    next_id: u32,
}

impl Answering {
    /// Creates the server's side of handshakes with this configuration and these secrets.
    #[must_use]
    pub fn new(config: &Config, secrets: &Secrets, seed: [u8; 32]) -> Self {
        let mut rng = Rng::from_seed(seed);
        let (parameters, schema) = introduction(config);
        let provider = Arc::clone(&config.provider);
        let acceptor = Acceptor::new(Arc::clone(&provider), secrets, AcceptSetup::new(config), &mut rng);
        Self { acceptor, rng, parameters, schema, provider, wall_offset: config.wall_offset, next_id: 1 }
    }

    /// Processes a datagram, and returns the reaction and the reply to the sender, which may be empty. `validated` is
    /// `true` if the address of the sender is already validated (RFC 9000 §8). Accepts a client with a valid credential
    /// if `refusal` is `None`, and otherwise refuses the client with the reason in `refusal`.
    pub fn handle(
        &mut self,
        now: Instant,
        from: impl Into<Path>,
        validated: bool,
        datagram: &[u8],
        refusal: Option<Refusal>,
    ) -> (Reaction, Vec<u8>) {
        let mut reply = Vec::new();
        let wall_now = self.wall_offset.saturating_add(now.as_micros());
        let from = from.into();
        let source = Source::of(from.remote, None);
        let arrival = HandshakeArrival { now, wall_now, from, source, validated };
        let candidate = match self.acceptor.screen(arrival, datagram, &Deserted, &mut reply, &mut self.rng) {
            Screened::Dropped(reason) => return (Reaction::Dropped(reason), reply),
            Screened::Replied => return (Reaction::Replied, reply),
            Screened::Applicant(candidate) => candidate,
        };
        self.next_id = (self.next_id + 1) & 0x00ff_ffff;
        let accept = Admittance::Accept { local_id: self.next_id };
        let verdict = refusal.map_or(accept, Admittance::Refuse);
        let half_open =
            self.acceptor.answer(now, candidate, verdict, &self.parameters, &self.schema, &mut reply);
        (
            half_open
                .and_then(|kept| kept.half_open)
                .map_or(Reaction::Refused, |id| Reaction::Admitted(HalfOpenHandle(id))),
            reply,
        )
    }

    /// Returns the keys of a half-open handshake, the client's connection id, and the server's connection id.
    pub(super) fn keys(&self, now: Instant, id: HalfOpenHandle) -> Option<(SessionKeys, u32, u32)> {
        let half_open = self.acceptor.half_open(now, &id.0)?;
        Some((half_open.keys(self.provider.handshake()), half_open.client_id(), half_open.local_id()))
    }

    /// Returns the exporter secret of a half-open handshake, or `None` if the handshake no longer exists.
    #[must_use]
    pub fn exporter(&self, now: Instant, id: HalfOpenHandle) -> Option<Key> {
        self.keys(now, id).map(|(keys, ..)| *keys.exporter)
    }

    /// Confirms a half-open handshake, as the first authentic Data packet of the handshake does. Returns whether the
    /// handshake becomes a connection.
    pub fn confirm(&mut self, now: Instant, id: HalfOpenHandle) -> bool {
        self.acceptor.confirm(now, &id.0, true).is_some()
    }

    /// Drops half-open handshakes that have expired.
    pub fn expire(&mut self, now: Instant) {
        self.acceptor.expire(now);
    }

    /// Returns the number of half-open handshakes, including refusals that the server keeps to repeat them.
    #[must_use]
    pub fn half_open(&self) -> usize {
        self.acceptor.half_open_count()
    }
}

/// Parses an unencrypted handshake or control message and writes it again, without padding. Returns `None` if the
/// message does not parse.
#[must_use]
pub fn rewrite_handshake(bytes: &[u8]) -> Option<Vec<u8>> {
    rewrite(bytes)
}

/// Parses the parameters at the start of `bytes` and writes them again. Returns `None` if a parameter is out of
/// range.
#[must_use]
pub fn rewrite_parameters(bytes: &[u8]) -> Option<Vec<u8>> {
    rewrite_them(bytes)
}
