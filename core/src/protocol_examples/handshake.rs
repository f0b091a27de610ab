//! One session from its ticket to its first packets, with every key that it derives.

mod replies;

use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;

use self::replies::{cookie_and_version, key_query, peer_hint, refusals};
use super::sheet::Sheet;
use super::wire::{frame, sample_schema, written};
use crate::address::{LinkId, Path};
use crate::config::{Access, Config, Secrets};
use crate::crypto::{
    HandshakeCrypto, HandshakeInput, Initiator, Key, PacketKeys, Provider, RustCrypto, SessionKeys,
};
use crate::event::Refusal;
use crate::handshake::{
    AcceptSetup, Acceptor, Admittance, Answer, Applicant, Credential, Deserted, DialSetup, Dialer,
    HandshakeArrival, ResumeContents, Screened, ServerKey, Ticket, TicketContents, TicketMint, resume_psk,
    server_ticket_key,
};
use crate::limits::TAG;
use crate::rng::Rng;
use crate::schema::SchemaDifference;
use crate::source::Source;
use crate::time::{Instant, Span};
use crate::wire::{DataHeader, Frame, Writer};

const APPLICATION: u64 = 0x006d_7967_616d_6531;
const SERVER_SECRET: Key = [0x11; 32];
const MASTER: Key = [0x22; 32];
const WALL: u64 = 1_800_000_000_000_000;
const EXPIRY: u64 = WALL + 60_000_000;
const CLIENT_ID: u32 = 0x0c_0b0a;
const SERVER_ID: u32 = 0x5c_5b5a;
const NOW: Instant = Instant::saturating_from_micros(9_000_000);

pub(super) fn sheets() -> Vec<Sheet> {
    let ticket = ticket();
    let session = Play::run(&ticket.1);
    let mut sheets =
        vec![ticket.0, session.hello(), session.welcome(), session.key_schedule(), session.data()];
    sheets.extend([session.resume_ticket(), peer_hint(), cookie_and_version(), key_query(), refusals()]);
    sheets
}

fn seed(number: u8) -> Rng {
    Rng::from_seed([number; 32])
}

fn server_key() -> Key {
    RustCrypto.public_key(&SERVER_SECRET)
}

fn concat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// Seals `text` by the rules of the document. Returns the two derived keys, and the nonce, ciphertext and tag.
fn sealed_by_hand(key: &Key, randomness: &[u8], associated: &[u8], text: &[u8]) -> (Key, Key, Vec<u8>) {
    let (seal, nonce) = (RustCrypto.derive(key, b"tickwire seal"), RustCrypto.derive(key, b"tickwire nonce"));
    let length = (associated.len() as u64).to_le_bytes();
    let digest = RustCrypto.digest(&nonce, &[randomness, &length, associated, text]);
    let first: [u8; 24] = digest[..24].try_into().unwrap();
    let mut text = text.to_vec();
    RustCrypto.seal_ticket(&seal, &first, associated, &mut text);
    (seal, nonce, concat(&[&first, &text]))
}

fn ticket() -> (Sheet, Ticket) {
    let key = server_ticket_key(&RustCrypto, &MASTER, &server_key());
    assert_eq!(key, RustCrypto.digest(&MASTER, &[b"tickwire server ticket key", &server_key()]));
    let contents = TicketContents { identity: [0x1d; 16], expiry: EXPIRY, user_data: b"red team".to_vec() };
    let mint = TicketMint::new(Arc::new(RustCrypto), &key);
    let ticket = mint.mint(&mut seed(1), APPLICATION, &server_key(), contents).unwrap();

    let mut drawn = seed(1);
    let (id, psk, randomness): ([u8; 16], Key, Key) = (drawn.array(), drawn.array(), drawn.array());
    let expiry = EXPIRY.to_le_bytes();
    let associated = concat(&[b"tickwire ticket ", &[1], &APPLICATION.to_le_bytes(), &expiry]);
    let text = concat(&[&id, &[0x1d; 16], &psk, &expiry, &server_key(), b"red team"]);
    let (seal, nonce, rest) = sealed_by_hand(&key, &randomness, &associated, &text);
    let sealed = concat(&[&[1], &rest]);
    assert_eq!(sealed_part(&ticket), sealed);

    let sheet = Sheet::new("ticket")
        .bytes("backend's master", &MASTER)
        .bytes("server's secret", &SERVER_SECRET)
        .bytes("server's public key", &server_key())
        .bytes("server's ticket key", &*key)
        .bytes("sealing key", &seal)
        .bytes("nonce key", &nonce)
        .bytes("associated data", &associated)
        .bytes("plaintext", &text)
        .bytes("randomness", &randomness)
        .bytes("nonce", &rest[..24])
        .bytes("sealed ticket", &sealed)
        .bytes("for the client", &ticket.to_bytes());
    (sheet, ticket)
}

/// A handshake that the product and the test compute independently.
struct Play {
    hello: Vec<u8>,
    prologue: Vec<u8>,
    client_ephemeral: Key,
    server_ephemeral: Key,
    parameters: Vec<u8>,
    noise_one: Vec<u8>,
    welcome: Vec<u8>,
    payload: Vec<u8>,
    noise: SessionKeys,
    keys: SessionKeys,
}

impl Play {
    fn run(ticket: &Ticket) -> Self {
        let mut rng = seed(2);
        let mut dialer = dialer(&mut rng, Credential::Ticket(ticket.clone()), true);
        let hello = sent(&mut dialer, &mut rng);

        let mut drawn = seed(2);
        let attempt: [u8; 8] = drawn.array();
        let client_ephemeral = seed_after(2, 8);
        let prologue = concat(&[
            b"tickwire",
            &[1, 1],
            &APPLICATION.to_le_bytes(),
            &CLIENT_ID.to_le_bytes()[..3],
            &attempt,
            &EXPIRY.to_le_bytes(),
            &sealed_part(ticket),
        ]);
        let parameters = parameters();
        let psk = psk_of(ticket);
        let input = HandshakeInput { prologue: &prologue, psk: &psk, payload: &parameters };
        let mut noise_one = Vec::new();
        let mut initiator = RustCrypto.initiate(&mut drawn, &server_key(), input, &mut noise_one).unwrap();
        let by_hand = hello_by_hand(&attempt, ticket, &noise_one);
        assert_eq!(hello[..by_hand.len()], by_hand);

        let (mut acceptor, server_ephemeral) = (acceptor(), seed_after(3, 0));
        let candidate = candidate(&mut acceptor, &hello);
        let welcome = answer(&mut acceptor, candidate, Admittance::Accept { local_id: SERVER_ID });
        let (noise, payload) = finish(&mut initiator, &welcome);
        let Answer::Accepted(accepted) = dialer.handle(NOW, &mut rng, &welcome) else {
            panic!("not accepted")
        };
        let keys = accepted.keys;
        Self {
            hello,
            prologue,
            client_ephemeral,
            server_ephemeral,
            parameters,
            noise_one,
            welcome,
            payload,
            noise,
            keys,
        }
    }

    fn hello(&self) -> Sheet {
        let ticket_end = 48 + usize::from(u16::from_le_bytes([self.hello[46], self.hello[47]]));
        let noise_end = ticket_end + 2 + self.noise_one.len();
        assert!(self.hello.len() == 1200 && self.hello[noise_end..].iter().all(|&byte| byte == 0));
        let digest = RustCrypto.digest(&[0; 32], &[b"tickwire noise", &self.noise_one]);
        Sheet::new("hello")
            .bytes("client's ephemeral", &self.client_ephemeral)
            .bytes("prologue", &self.prologue)
            .bytes("parameters", &self.parameters)
            .line("")
            .bytes("type, version, mode", &self.hello[..3])
            .bytes("application", &self.hello[3..11])
            .bytes("client's connection id", &self.hello[11..14])
            .bytes("attempt", &self.hello[14..22])
            .bytes("cookie", &self.hello[22..38])
            .bytes("expiry", &self.hello[38..46])
            .bytes("length of the ticket", &self.hello[46..48])
            .bytes("sealed ticket", &self.hello[48..ticket_end])
            .bytes("length of Noise", &self.hello[ticket_end..ticket_end + 2])
            .bytes("first Noise message", &self.noise_one)
            .value("padding", format!("{} zeros", 1200 - noise_end))
            .line("")
            .bytes("digest of Noise", &digest)
    }

    fn welcome(&self) -> Sheet {
        Sheet::new("welcome")
            .bytes("server's ephemeral", &self.server_ephemeral)
            .bytes("payload", &self.payload)
            .line("")
            .bytes("type", &self.welcome[..1])
            .bytes("client's connection id", &self.welcome[1..4])
            .bytes("second Noise message", &self.welcome[4..])
    }

    fn key_schedule(&self) -> Sheet {
        let parts: &[&[u8]] = &[b"tickwire root", &*self.noise.to_responder, &*self.noise.to_initiator];
        let root = RustCrypto.digest(&self.noise.exporter, parts);
        let derive = |label: &[u8]| RustCrypto.derive(&root, label);
        assert_eq!(self.keys.to_responder, derive(b"tickwire to responder"));
        assert_eq!(self.keys.to_initiator, derive(b"tickwire to initiator"));
        assert_eq!(self.keys.exporter, derive(b"tickwire exporter"));
        let next = RustCrypto.derive(&self.keys.to_responder, b"tickwire next");
        Sheet::new("key-schedule")
            .bytes("Split, to responder", &*self.noise.to_responder)
            .bytes("Split, to initiator", &*self.noise.to_initiator)
            .bytes("Noise exporter", &*self.noise.exporter)
            .bytes("root", &root)
            .line("")
            .bytes("to responder", &*self.keys.to_responder)
            .bytes("to initiator", &*self.keys.to_initiator)
            .bytes("exporter", &*self.keys.exporter)
            .line("")
            .bytes("to responder, key 0", &RustCrypto.derive(&self.keys.to_responder, b"tickwire key"))
            .bytes("to responder, next", &next)
            .bytes("to responder, key 1", &RustCrypto.derive(&next, b"tickwire key"))
    }

    fn data(&self) -> Sheet {
        let mut plaintext = frame(&Frame::Ping);
        plaintext.resize(48 - 5 - TAG, 0);
        let header = DataHeader { phase: false, id: SERVER_ID, packet_number: 0, pn_len: 1 };
        let header = written(|writer| header.write(writer).unwrap());
        let mut packet = concat(&[&plaintext, &[0; TAG]]);
        let key = RustCrypto.derive(&self.keys.to_responder, b"tickwire key");
        RustCrypto.packet_key(&key).seal(0, &header, &mut packet);

        let mut theirs =
            PacketKeys::new(Arc::new(RustCrypto), &self.keys.to_initiator, &self.keys.to_responder);
        let mut opened = packet.clone();
        let length = theirs.open(NOW, false, 0, &header, &mut opened, || Span::from_secs(1)).unwrap();
        assert_eq!(&opened[..length], plaintext);
        Sheet::new("data")
            .bytes("key", &key)
            .bytes("nonce", &[0; 12])
            .bytes("frames", &plaintext)
            .bytes("header", &header)
            .bytes("ciphertext and tag", &packet)
    }

    fn resume_ticket(&self) -> Sheet {
        let expiry = WALL + 7_200_000_000;
        let psk = resume_psk(&RustCrypto, &self.keys.exporter, 1);
        let label = concat(&[b"tickwire resume psk", &1u64.to_le_bytes()]);
        assert_eq!(psk, RustCrypto.derive(&self.keys.exporter, &label));
        let session = [0x5e; 16];
        let user_data = b"red team".to_vec();
        let contents = ResumeContents {
            session,
            incarnation: 1,
            identity: [0x1d; 16],
            psk: psk.clone(),
            expiry,
            user_data,
        };
        let acceptor = acceptor();
        let sealed = acceptor.resume_sealer().seal(&RustCrypto, &mut seed(4), WALL, &contents);

        let hour = ((WALL / 3_600_000_000) as u32).to_le_bytes();
        let secret = RustCrypto.derive(&SERVER_SECRET, b"tickwire resume");
        let key = RustCrypto.digest(&secret, &[&hour]);
        let parts: [&[u8]; 4] =
            [b"tickwire resume ", &[1], &APPLICATION.to_le_bytes(), &expiry.to_le_bytes()];
        let text =
            concat(&[&session, &1u32.to_le_bytes(), &[0x1d; 16], &*psk, &expiry.to_le_bytes(), b"red team"]);
        let randomness: Key = seed(4).array();
        let (_, _, rest) = sealed_by_hand(&key, &randomness, &concat(&parts), &text);
        assert_eq!(sealed, concat(&[&[1], &hour, &rest]));
        Sheet::new("resume-ticket")
            .bytes("exporter", &*self.keys.exporter)
            .bytes("label", &label)
            .bytes("pre-shared key", &*psk)
            .bytes("TICKET frame", &frame(&Frame::Ticket { sequence: 1, expiry, sealed: &sealed }))
    }
}

/// Returns the pre-shared key in the client's part of the ticket.
fn psk_of(ticket: &Ticket) -> Key {
    ticket.to_bytes()[49..81].try_into().unwrap()
}

/// Returns the sealed part of the ticket.
fn sealed_part(ticket: &Ticket) -> Vec<u8> {
    let bytes = ticket.to_bytes();
    let sealed = bytes[83..bytes.len() - 4].to_vec();
    assert_eq!(bytes[81..83], (sealed.len() as u16).to_le_bytes());
    sealed
}

fn config() -> Config {
    Config::new(APPLICATION)
}

fn parameters() -> Vec<u8> {
    let parameters = config().parameters(sample_schema(&config()).hash());
    written(|writer: &mut Writer<'_>| parameters.write(writer).unwrap())
}

fn setup(credential: Credential, padded: bool) -> DialSetup {
    let schema = sample_schema(&config());
    DialSetup {
        application: APPLICATION,
        local_id: CLIENT_ID,
        server_key: ServerKey::Pinned(server_key()),
        credential,
        parameters: config().parameters(schema.hash()),
        schema,
        padded,
        reliable: false,
        timeout: Span::from_secs(10),
    }
}

fn dialer(rng: &mut Rng, credential: Credential, padded: bool) -> Dialer {
    Dialer::new(NOW, rng, Arc::new(RustCrypto), setup(credential, padded)).unwrap()
}

fn sent(dialer: &mut Dialer, rng: &mut Rng) -> Vec<u8> {
    let mut buffer = [0xff; 1200];
    let length = dialer.write(NOW, rng, &mut buffer).unwrap();
    buffer[..length].to_vec()
}

/// Returns the key that a generator with this seed draws after `skipped` bytes.
fn seed_after(number: u8, skipped: usize) -> Key {
    let mut rng = seed(number);
    rng.fill(&mut vec![0; skipped]);
    rng.array()
}

fn hello_by_hand(attempt: &[u8; 8], ticket: &Ticket, noise: &[u8]) -> Vec<u8> {
    concat(&[
        &[4, 1, 1],
        &APPLICATION.to_le_bytes(),
        &CLIENT_ID.to_le_bytes()[..3],
        attempt,
        &[0; 16],
        &EXPIRY.to_le_bytes(),
        &(sealed_part(ticket).len() as u16).to_le_bytes(),
        &sealed_part(ticket),
        &(noise.len() as u16).to_le_bytes(),
        noise,
    ])
}

fn acceptor() -> Acceptor {
    let key = server_ticket_key(&RustCrypto, &MASTER, &server_key());
    let secrets = Secrets::new(SERVER_SECRET).ticket_key(key);
    let mut config = config();
    config.access = Access::Open;
    Acceptor::new(Arc::new(RustCrypto), &secrets, AcceptSetup::new(&config), &mut seed(8))
}

/// Screens a datagram. A datagram without padding comes from a link.
fn screen(acceptor: &mut Acceptor, datagram: &[u8], validated: bool) -> (Screened, Vec<u8>) {
    let udp = Path::from(SocketAddr::from(([192, 0, 2, 1], 40_000)));
    let from = if validated { Path::from(LinkId(1)) } else { udp };
    let arrival =
        HandshakeArrival { now: NOW, wall_now: WALL, from, source: Source::of(from.remote, None), validated };
    let mut reply = Vec::new();
    let screened = acceptor.screen(arrival, datagram, &Deserted, &mut reply, &mut seed(3));
    (screened, reply)
}

fn candidate(acceptor: &mut Acceptor, hello: &[u8]) -> Box<Applicant> {
    let (Screened::Applicant(candidate), _) = screen(acceptor, hello, true) else { panic!("no candidate") };
    candidate
}

fn replied(acceptor: &mut Acceptor, datagram: &[u8]) -> Vec<u8> {
    let (Screened::Replied, reply) = screen(acceptor, datagram, false) else { panic!("no reply") };
    reply
}

fn answer(acceptor: &mut Acceptor, candidate: Box<Applicant>, verdict: Admittance) -> Vec<u8> {
    let schema = sample_schema(&config());
    let parameters = config().parameters(schema.hash());
    let mut reply = Vec::new();
    acceptor.answer(NOW, candidate, verdict, &parameters, &schema, &mut reply);
    reply
}

fn finish(initiator: &mut Box<dyn Initiator>, welcome: &[u8]) -> (SessionKeys, Vec<u8>) {
    let mut payload = Vec::new();
    let keys = initiator.finish(&welcome[4..], &mut payload).unwrap();
    (keys, payload)
}
