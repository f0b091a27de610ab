//! A server and its backend, for the tests of both ends.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::accepting::{AcceptSetup, Admittance, Applicant, HandshakeArrival, Kept, Screened};
use super::client::Dialer;
use super::dialling::{Accepted, Answer, Credential, DialSetup, ServerKey};
use super::half_open::{HalfOpenId, Resume};
use super::known_parties::KnownParties;
use super::parameters::Parameters;
use super::server::Acceptor;
use super::ticket::{Ticket, TicketContents, TicketMint, server_ticket_key};
use super::welcome::SessionOutcome;
use crate::address::{LinkId, Path};
use crate::config::{Access, Secrets};
use crate::crypto::{Key, Provider, RustCrypto};
use crate::drop::DropReason;
use crate::limits;
use crate::rng::Rng;
use crate::schema::Schema;
use crate::source::Source;
use crate::time::{Instant, Span};

pub(super) const APPLICATION: u64 = 0x1122_3344_5566_7788;
pub(super) const MASTER: Key = [7; 32];
/// The wall-clock time at [`Instant::ZERO`], in microseconds.
pub(super) const WALL: u64 = 1_700_000_000_000_000;
pub(super) const HOUR_US: u64 = 3_600_000_000;
pub(super) const PARAMETERS: Parameters = Parameters {
    schema: 0x5c5c_5c5c_5c5c_5c5c,
    credit: limits::RECEIVE_WINDOW,
    max_message: 1 << 20,
    ack_delay_us: 50_000,
    idle_timeout_ms: 20_000,
    max_datagram: 1452,
};

pub(super) struct World {
    pub(super) provider: Arc<dyn Provider>,
    pub(super) rng: Rng,
    pub(super) server_key: Key,
    pub(super) mint: TicketMint,
    pub(super) acceptor: Acceptor,
    pub(super) now: Instant,
    pub(super) schema: Schema,
    pub(super) directory: Known,
}

/// A directory that gives the same answers for every client.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) session: Result<SessionOutcome, DropReason>,
    pub(super) prefers_own_dial: bool,
}

impl KnownParties for Known {
    fn session(&self, _: &Resume) -> Result<SessionOutcome, DropReason> {
        self.session
    }

    fn prefers_own_dial(&self, _: &Key) -> bool {
        self.prefers_own_dial
    }
}

impl World {
    pub(super) fn new(access: Access) -> Self {
        Self::with_threshold(access, 64)
    }

    /// Creates a server that is under load from `cookie_threshold` half-open handshakes on.
    pub(super) fn with_threshold(access: Access, cookie_threshold: usize) -> Self {
        Self::with_rate(access, cookie_threshold, 100_000)
    }

    /// Creates a server that answers `handshake_rate` handshakes per second to one source.
    pub(super) fn with_rate(access: Access, cookie_threshold: usize, handshake_rate: u32) -> Self {
        let provider: Arc<dyn Provider> = Arc::new(RustCrypto);
        let mut rng = Rng::from_seed([1; 32]);
        let secrets = Secrets::new([9; 32]);
        let server_key = provider.handshake().public_key(&secrets.identity);
        let key = server_ticket_key(&*provider, &MASTER, &server_key);
        let setup = AcceptSetup {
            application: APPLICATION,
            access,
            cookie_threshold,
            handshake_rate,
            handshake_burst: handshake_rate,
        };
        let acceptor = Acceptor::new(provider.clone(), &secrets.ticket_key(key.clone()), setup, &mut rng);
        let mint = TicketMint::new(provider.clone(), &key);
        let now = Instant::ZERO + Span::from_secs(100);
        let directory = Known { session: Ok(SessionOutcome::Lost), prefers_own_dial: false };
        Self { provider, rng, server_key, mint, acceptor, now, schema: Schema::default(), directory }
    }

    pub(super) fn wall_now(&self) -> u64 {
        WALL + self.now.as_micros()
    }

    pub(super) fn ticket(&mut self) -> Ticket {
        self.ticket_until(self.wall_now() + HOUR_US)
    }

    pub(super) fn ticket_until(&mut self, expiry: u64) -> Ticket {
        let contents = TicketContents { identity: [0x1d; 16], expiry, user_data: b"blue team".to_vec() };
        self.mint.mint(&mut self.rng, APPLICATION, &self.server_key, contents).unwrap()
    }

    pub(super) fn setup(&self, credential: Credential) -> DialSetup {
        DialSetup {
            application: APPLICATION,
            local_id: 0x00c1_1e47,
            server_key: ServerKey::Pinned(self.server_key),
            credential,
            parameters: PARAMETERS,
            schema: Schema::default(),
            padded: true,
            reliable: false,
            timeout: Span::from_secs(10),
        }
    }

    pub(super) fn dial(&mut self, credential: Credential) -> Dialer {
        let setup = self.setup(credential);
        Dialer::new(self.now, &mut self.rng, self.provider.clone(), setup).unwrap()
    }

    pub(super) fn dial_with_ticket(&mut self) -> Dialer {
        let ticket = self.ticket();
        self.dial(Credential::Ticket(ticket))
    }

    /// Returns the datagram that the attempt sends now.
    pub(super) fn sent(&mut self, dialer: &mut Dialer) -> Vec<u8> {
        let mut buffer = [0xff; limits::BASE_DATAGRAM];
        let length =
            dialer.write(self.now, &mut self.rng, &mut buffer).expect("a message of the attempt is due");
        buffer[..length].to_vec()
    }

    /// Returns the server's decision on `bytes` from an address that it does not know.
    pub(super) fn screen(&mut self, from: Path, bytes: &[u8]) -> (Screened, Vec<u8>) {
        self.screen_validated(from, bytes, false)
    }

    pub(super) fn screen_validated(
        &mut self,
        from: Path,
        bytes: &[u8],
        validated: bool,
    ) -> (Screened, Vec<u8>) {
        let source = Source::of(from.remote, None);
        let arrival = HandshakeArrival { now: self.now, wall_now: self.wall_now(), from, source, validated };
        let mut reply = vec![0xee; 3];
        let screened = self.acceptor.screen(arrival, bytes, &self.directory, &mut reply, &mut self.rng);
        (screened, reply)
    }

    /// Returns the applicant that the server makes of `bytes`, and panics if it makes none.
    pub(super) fn candidate(&mut self, from: Path, bytes: &[u8]) -> Box<Applicant> {
        match self.screen(from, bytes) {
            (Screened::Applicant(candidate), reply) if reply.is_empty() => candidate,
            (other, _) => {
                panic!("the server did not accept the datagram's sender as an applicant: {}", name(&other))
            }
        }
    }

    /// Returns the server's reply to `bytes`, and panics if it does not reply.
    pub(super) fn replied(&mut self, from: Path, bytes: &[u8]) -> Vec<u8> {
        match self.screen(from, bytes) {
            (Screened::Replied, reply) => reply,
            (other, _) => panic!("the server did not reply to the datagram: {}", name(&other)),
        }
    }

    /// Returns the reason for which the server drops `bytes` without a reply, and panics if it does not drop them.
    pub(super) fn dropped(&mut self, from: Path, bytes: &[u8]) -> DropReason {
        match self.screen(from, bytes) {
            (Screened::Dropped(reason), reply) if reply.is_empty() => reason,
            (other, reply) => panic!(
                "the server did not drop the datagram: {}, reply of {} bytes",
                name(&other),
                reply.len()
            ),
        }
    }

    pub(super) fn answer(
        &mut self,
        candidate: Box<Applicant>,
        verdict: Admittance,
    ) -> (Option<HalfOpenId>, Vec<u8>) {
        let mut reply = vec![0xee; 3];
        let half_open =
            self.acceptor.answer(self.now, candidate, verdict, &PARAMETERS, &self.schema, &mut reply);
        (half_open.and_then(|kept| kept.half_open), reply)
    }

    pub(super) fn keep(&mut self, candidate: Box<Applicant>, local_id: u32) -> Kept {
        let verdict = Admittance::Accept { local_id };
        let mut reply = Vec::new();
        let kept = self.acceptor.answer(self.now, candidate, verdict, &PARAMETERS, &self.schema, &mut reply);
        kept.expect("the server accepts the applicant")
    }

    pub(super) fn accept(&mut self, candidate: Box<Applicant>, local_id: u32) -> (HalfOpenId, Vec<u8>) {
        let (half_open, welcome) = self.answer(candidate, Admittance::Accept { local_id });
        (half_open.expect("the server accepts the applicant"), welcome)
    }

    /// Leads `dialer` to a half-open handshake with this local id, without a cookie.
    pub(super) fn open(&mut self, dialer: &mut Dialer, local_id: u32) -> (HalfOpenId, Vec<u8>) {
        let hello = self.sent(dialer);
        let candidate = self.candidate(udp(1), &hello);
        self.accept(candidate, local_id)
    }

    pub(super) fn handle(&mut self, dialer: &mut Dialer, bytes: &[u8]) -> Answer {
        dialer.handle(self.now, &mut self.rng, bytes)
    }

    pub(super) fn accepted(&mut self, dialer: &mut Dialer, welcome: &[u8]) -> Box<Accepted> {
        match self.handle(dialer, welcome) {
            Answer::Accepted(accepted) => accepted,
            other => panic!("the server did not accept the client: {other:?}"),
        }
    }

    /// Adds a handshake that stays half-open, which puts the server under more load.
    pub(super) fn add_half_open(&mut self) {
        let mut other = self.dial_with_ticket();
        let hello = self.sent(&mut other);
        let link = link(1000 + self.acceptor.half_open_count() as u64);
        let candidate = match self.screen_validated(link, &hello, true) {
            (Screened::Applicant(candidate), _) => candidate,
            (other, _) => {
                panic!("the server did not accept the datagram's sender as an applicant: {}", name(&other))
            }
        };
        self.accept(candidate, 1);
    }

    pub(super) fn pass(&mut self, duration: Span) {
        self.now += duration;
    }
}

pub(super) fn udp(host: u8) -> Path {
    Path::from(SocketAddr::from(([192, 0, 2, host], 40_000)))
}

pub(super) fn link(id: u64) -> Path {
    Path::from(LinkId(id))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| alloc::format!("{byte:02x}")).collect()
}

fn name(screened: &Screened) -> String {
    match screened {
        Screened::Dropped(reason) => alloc::format!("dropped as {reason}"),
        Screened::Replied => "replied".into(),
        Screened::Applicant(_) => "applicant".into(),
    }
}
