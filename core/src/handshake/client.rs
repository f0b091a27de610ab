//! The dialling end: one attempt to connect.
//!
//! With a key to trust: Hello, (Retry, Hello with a cookie,) Welcome. Without a key: KeyQuery and KeyReply first. The
//! client repeats each message every 200 ms until an answer arrives or the attempt times out. The Noise bytes stay the
//! same, unless no answer comes within [`limits::ANSWER_WITHIN`]: then the attempt starts over with a new ephemeral
//! key, and ignores answers to the old key. A message that is not authentic changes nothing.

mod credential;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use self::credential::{HelloCredential, trusted_key};
use super::control::{KEY_REPLY_BYTES, KeyQuery, KeyReply, VersionReply};
use super::cookie::{Cookie, NO_COOKIE};
use super::dialling::{Accepted, Answer, DialSetup};
use super::hello::{Hello, Mode, Retry, VERSION, echo_of, noise_digest};
use super::keys;
use super::parameters::Parameters;
use super::size_queries::{Size, SizeQueries};
use super::welcome::{self, WelcomePayload};
use crate::crypto::{HandshakeInput, Initiator, Key, Provider, PublicKey};
use crate::drop::DropReason;
use crate::error::ConnectError;
use crate::limits;
use crate::rng::Rng;
use crate::schema::Schema;
use crate::time::{Instant, Span};
use crate::wire::header::{CONTROL, RETRY, WELCOME};
use crate::wire::{NoRoom, Reader, Writer};

/// One attempt to connect.
pub(crate) struct Dialer {
    provider: Arc<dyn Provider>,
    application: u64,
    local_id: u32,
    attempt: [u8; 8],
    shown: HelloCredential,
    parameters: Parameters,
    schema: Schema,
    padded: bool,
    reliable: bool,
    deadline: Instant,
    next_send: Instant,
    retries: u8,
    /// The number of Hellos sent with the current cookie.
    unanswered: u8,
    version_hint: Option<u8>,
    key_hint: Option<Key>,
    /// The longest delay with which this end was called after a Hello was due, up to [`limits::CALLED_LATE`].
    late: Span,
    size_queries: SizeQueries,
    stage: Stage,
}

enum Stage {
    AskingKey,
    Opening(Opening),
    Over,
}

/// A first Noise message, and the state that waits for its answer.
struct Opening {
    server_key: Key,
    noise: Vec<u8>,
    digest: Key,
    cookie: Cookie,
    /// `true` if this attempt has followed a Retry.
    is_retried: bool,
    /// The time at which the first Hello was sent, or the first Hello with a cookie.
    asked_at: Option<Instant>,
    initiator: Box<dyn Initiator>,
}

impl Dialer {
    /// Creates an attempt that begins now. If the server's key is known, the first Noise message is created at once.
    ///
    /// # Errors
    /// [`ConnectError`] if ticket, key and endpoint do not belong together.
    pub(crate) fn new(
        now: Instant,
        rng: &mut Rng,
        provider: Arc<dyn Provider>,
        setup: DialSetup,
    ) -> Result<Self, ConnectError> {
        let server_key = trusted_key(&setup)?;
        let shown = HelloCredential::new(provider.handshake(), setup.credential)?;
        let mut dialer = Self {
            provider,
            application: setup.application,
            local_id: setup.local_id,
            attempt: rng.array(),
            shown,
            parameters: setup.parameters,
            schema: setup.schema,
            padded: setup.padded,
            reliable: setup.reliable,
            deadline: now + setup.timeout,
            next_send: now,
            retries: 0,
            unanswered: 0,
            version_hint: None,
            key_hint: None,
            late: Span::ZERO,
            size_queries: SizeQueries::default(),
            stage: Stage::AskingKey,
        };
        if let Some(server_key) = server_key {
            let opening = dialer.open(rng, server_key).ok_or(ConnectError::BadServerKey)?;
            dialer.stage = Stage::Opening(opening);
        }
        Ok(dialer)
    }

    /// Sets whether every message that is written arrives. Messages are then repeated only every 2 s.
    pub(crate) const fn set_reliable(&mut self, reliable: bool) {
        self.reliable = reliable;
    }

    /// Writes the message that is due to `buf`, and returns its size in bytes. Returns `None` if no message is due, or
    /// `buf` is smaller than [`limits::BASE_DATAGRAM`] bytes for a padded message, or [`limits::LEAST_DATAGRAM`] bytes
    /// otherwise.
    pub(crate) fn write(&mut self, now: Instant, rng: &mut Rng, buf: &mut [u8]) -> Option<usize> {
        if !self.is_due(now) {
            return None;
        }
        if let Some(size) = self.size_queries.due() {
            let length = self.write_query(size.nonce(self.attempt), size.bytes(), buf).ok()?;
            self.size_queries.on_sent();
            return Some(length);
        }
        self.start_over_in_time(now, rng);
        self.doubt_cookie();
        let length = self.write_datagram(buf).ok()?;
        if let Stage::Opening(opening) = &mut self.stage {
            opening.asked_at.get_or_insert(now);
        }
        self.unanswered = self.unanswered.saturating_add(1);
        if self.padded {
            self.size_queries.on_unanswered(self.unanswered);
        }
        self.next_send = now + if self.reliable { ASK_AGAIN } else { jittered(rng) };
        Some(length)
    }

    /// Creates new Noise bytes if the answer to the current ones took too long, because the RTT may exceed the time for
    /// which the server keeps its answer. The time by which this end was called late is not part of the RTT.
    fn start_over_in_time(&mut self, now: Instant, rng: &mut Rng) {
        let Stage::Opening(opening) = &self.stage else { return };
        self.late = self.late.max(now.since(self.next_send)).min(Span::of(limits::CALLED_LATE));
        if opening
            .asked_at
            .is_none_or(|asked_at| now.since(asked_at) <= Span::of(limits::ANSWER_WITHIN) + self.late)
        {
            return;
        }
        if let Some(opening) = self.open(rng, opening.server_key) {
            self.stage = Stage::Opening(opening);
            self.next_send = self.next_send.min(now);
            self.retries = 0;
            self.unanswered = 0;
        }
    }

    /// Drops a cookie to which no answer came for a while. A Retry is not authentic. Its cookie may be damaged or forged,
    /// or may have expired on a slow path.
    fn doubt_cookie(&mut self) {
        if let Stage::Opening(opening) = &mut self.stage
            && opening.cookie != NO_COOKIE
            && self.unanswered >= limits::HELLOS_PER_COOKIE
        {
            opening.cookie = NO_COOKIE;
            self.retries = 0;
            self.unanswered = 0;
        }
    }

    /// Returns the time of the next message or of the timeout of the attempt, or [`Instant::MAX`] once the attempt is over.
    ///
    /// A message that is already due sets no timer, because the message may wait for the credit of a link, or for a full
    /// socket.
    pub(crate) fn next_timeout(&self, now: Instant) -> Instant {
        match self.stage {
            Stage::Over => Instant::MAX,
            Stage::AskingKey | Stage::Opening(_) if self.is_due(now) => self.deadline,
            Stage::AskingKey | Stage::Opening(_) => self.next_send.min(self.deadline),
        }
    }

    /// Returns `true` if a message is due.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let waits = self.next_send <= now || self.size_queries.due().is_some();
        !matches!(self.stage, Stage::Over) && waits && !self.expired(now)
    }

    /// Returns `true` if a query for the path MTU is due beside the Hello.
    pub(crate) const fn is_size_query_due(&self) -> bool {
        self.size_queries.due().is_some()
    }

    /// Returns `true` if the attempt has timed out.
    pub(crate) fn expired(&self, now: Instant) -> bool {
        self.deadline <= now
    }

    /// Returns the protocol version that the server reported, if it differs from this end's version. The version is not
    /// authenticated, and only changes the text of the timeout.
    pub(crate) const fn version_hint(&self) -> Option<u8> {
        self.version_hint
    }

    /// Returns the key of a server that does not have the trusted key. The key is not authenticated, and only changes the
    /// text of the timeout.
    pub(crate) fn key_hint(&self) -> Option<PublicKey> {
        self.key_hint.map(PublicKey::from)
    }

    /// Returns `true` if the attempt asks to resume a session.
    pub(crate) fn shows_resume_ticket(&self) -> bool {
        self.shown.mode == Mode::Resume
    }

    /// Returns `true` if the path carries small datagrams and no large ones. The result is not authenticated, and only
    /// changes the text of the timeout.
    pub(crate) const fn narrow_path(&self) -> bool {
        self.size_queries.tell_of_narrow_path()
    }

    /// Processes a datagram that is addressed to this attempt.
    pub(crate) fn handle(&mut self, now: Instant, rng: &mut Rng, bytes: &[u8]) -> Answer {
        self.start_over_in_time(now, rng);
        let answer = match bytes.first() {
            Some(&RETRY) => self.handle_retry(now, bytes),
            Some(&WELCOME) => self.handle_welcome(bytes),
            Some(&CONTROL) => self.handle_control(now, rng, bytes),
            _ => Err(DropReason::UnexpectedHandshake),
        };
        answer.unwrap_or_else(Answer::Ignored)
    }

    fn handle_retry(&mut self, now: Instant, bytes: &[u8]) -> Result<Answer, DropReason> {
        let Stage::Opening(opening) = &mut self.stage else {
            return Err(DropReason::UnexpectedHandshake);
        };
        let retry = Retry::read(bytes).map_err(|_| DropReason::Malformed)?;
        if retry.client_id != self.local_id
            || retry.echo != echo_of(self.provider.handshake(), &opening.digest, &retry.cookie)
        {
            return Err(DropReason::WrongEcho);
        }
        if retry.cookie == NO_COOKIE {
            return Err(DropReason::BadCookie);
        }
        // A copy of a Retry that was followed already; following it again would use up the attempt's share.
        if retry.cookie == opening.cookie {
            return Err(DropReason::Replayed);
        }
        if self.retries >= limits::RETRIES {
            return Err(DropReason::TooManyRetries);
        }
        self.retries += 1;
        self.unanswered = 0;
        self.size_queries.on_large_answered();
        opening.cookie = retry.cookie;
        if !core::mem::replace(&mut opening.is_retried, true) {
            opening.asked_at = None;
        }
        self.next_send = now;
        Ok(Answer::Progress)
    }

    fn handle_welcome(&mut self, bytes: &[u8]) -> Result<Answer, DropReason> {
        let Stage::Opening(opening) = &mut self.stage else {
            return Err(DropReason::UnexpectedHandshake);
        };
        let mut reader = Reader::new(bytes);
        let head = (reader.u8(), reader.u24());
        if head != (Ok(WELCOME), Ok(self.local_id)) {
            return Err(DropReason::WrongEcho);
        }
        let mut payload = Vec::new();
        let noise_keys =
            opening.initiator.finish(reader.rest(), &mut payload).map_err(|_| DropReason::NotAuthentic)?;
        let server_key = opening.server_key;
        // If it does not parse, no other will: the attempt goes on until its time is up.
        let outcome = welcome::read(&payload, &self.schema).map_err(|_| DropReason::Malformed)?;
        self.stage = Stage::Over;
        match outcome {
            WelcomePayload::Accepted { session, server_id, parameters } => {
                let root = keys::root(self.provider.handshake(), &noise_keys);
                Ok(Answer::Accepted(Box::new(Accepted {
                    remote_id: server_id,
                    keys: keys::session_keys(self.provider.handshake(), &root),
                    parameters,
                    session,
                    server_key,
                })))
            }
            WelcomePayload::Refused(refusal) => Ok(Answer::Refused(refusal)),
        }
    }

    fn handle_control(&mut self, now: Instant, rng: &mut Rng, bytes: &[u8]) -> Result<Answer, DropReason> {
        if let Ok(reply) = VersionReply::read(bytes) {
            return self.handle_version(reply);
        }
        let reply = KeyReply::read(bytes).map_err(|_| DropReason::Malformed)?;
        let answers =
            |size: Size| reply.echo == reply.echo_of(self.provider.handshake(), &size.nonce(self.attempt));
        if reply.client_id == self.local_id
            && let Some(size) = self.size_queries.sent().find(|size| answers(*size))
        {
            self.size_queries.on_answered(size);
            if let Stage::Opening(opening) = &self.stage
                && opening.server_key != reply.server_key
            {
                self.key_hint = Some(reply.server_key);
            }
            return Ok(Answer::Noted);
        }
        if !matches!(self.stage, Stage::AskingKey) {
            return Err(DropReason::UnexpectedHandshake);
        }
        if reply.client_id != self.local_id
            || reply.echo != reply.echo_of(self.provider.handshake(), &self.attempt)
        {
            return Err(DropReason::WrongEcho);
        }
        let opening = self.open(rng, reply.server_key).ok_or(DropReason::Malformed)?;
        self.stage = Stage::Opening(opening);
        self.next_send = now;
        Ok(Answer::Progress)
    }

    fn handle_version(&mut self, reply: VersionReply) -> Result<Answer, DropReason> {
        if reply.client_id != self.local_id || reply.attempt != self.attempt {
            return Err(DropReason::WrongEcho);
        }
        // Only a Hello is answered by it.
        self.size_queries.on_large_answered();
        if reply.version != VERSION {
            self.version_hint = Some(reply.version);
        }
        Ok(Answer::Noted)
    }

    fn open(&self, rng: &mut Rng, server_key: Key) -> Option<Opening> {
        let mut buffer = [0; Parameters::SIZE_MAX];
        let mut writer = Writer::new(&mut buffer);
        self.parameters.write(&mut writer).ok()?;
        let length = writer.written();
        let prologue = self.hello(NO_COOKIE, &[]).prologue();
        let input =
            HandshakeInput { prologue: &prologue, psk: &self.shown.psk, payload: buffer.get(..length)? };
        let mut noise = Vec::new();
        let initiator = self.provider.handshake().initiate(rng, &server_key, input, &mut noise).ok()?;
        let digest = noise_digest(self.provider.handshake(), &noise);
        Some(Opening {
            server_key,
            noise,
            digest,
            cookie: NO_COOKIE,
            is_retried: false,
            asked_at: None,
            initiator,
        })
    }

    fn hello<'a>(&'a self, cookie: Cookie, noise: &'a [u8]) -> Hello<'a> {
        Hello {
            mode: self.shown.mode,
            application: self.application,
            client_id: self.local_id,
            attempt: self.attempt,
            cookie,
            expiry: self.shown.expiry,
            ticket: &self.shown.ticket,
            noise,
        }
    }

    /// Writes a query for the server's key, padded to `bytes` bytes.
    fn write_query(&self, nonce: [u8; 8], bytes: usize, buf: &mut [u8]) -> Result<usize, NoRoom> {
        let mut writer = Writer::new(buf);
        KeyQuery { client_id: self.local_id, application: self.application, nonce }.write(&mut writer)?;
        writer.slot(bytes.saturating_sub(writer.written()))?.fill(0);
        Ok(writer.written())
    }

    fn write_datagram(&self, buf: &mut [u8]) -> Result<usize, NoRoom> {
        let mut writer = Writer::new(buf);
        match &self.stage {
            Stage::Over => return Err(NoRoom),
            Stage::AskingKey => {
                let bytes = if self.padded { limits::BASE_DATAGRAM } else { KEY_REPLY_BYTES };
                return self.write_query(self.attempt, bytes, buf);
            }
            Stage::Opening(opening) => {
                self.hello(opening.cookie, &opening.noise).write(&mut writer)?;
            }
        }
        let length = if self.padded { limits::BASE_DATAGRAM } else { 0 };
        writer.slot(length.saturating_sub(writer.written()))?.fill(0);
        Ok(writer.written())
    }
}

/// The interval at which messages are repeated on a link that loses nothing, because the server may have dropped the first
/// Hello for lack of space.
const ASK_AGAIN: Span = Span::from_secs(2);

/// Returns the repetition interval: 200 ms, changed by up to 10 % at random, so that clients that lost their connections
/// together do not keep sending at the same time.
fn jittered(rng: &mut Rng) -> Span {
    Span::from_micros(180_000 + rng.below(40_001))
}

#[cfg(test)]
mod tests;
