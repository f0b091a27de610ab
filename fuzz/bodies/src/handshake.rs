//! Fuzzes both ends of the handshake, their datagrams outside the encryption, and tickets.

use std::net::SocketAddr;
use std::sync::Arc;

use tickwire_core::crypto::{Key, Provider};
use tickwire_core::event::Refusal;
use tickwire_core::fuzzing::{
    Answered, Answering, Dialling, HalfOpenHandle, Proof, Reaction, rewrite_handshake, rewrite_parameters,
};
use tickwire_core::limits::{BASE_DATAGRAM, HALF_OPEN, REFUSALS_KEPT, TICKET_BYTES};
use tickwire_core::rng::Rng;
use tickwire_core::{
    Access, Config, Duration, Instant, Secrets, Ticket, TicketContents, TicketMint, server_ticket_key,
};
use tickwire_sim::provider::NullProvider;

use crate::{Gullible, Script};

/// The application number that both ends use.
pub const APPLICATION: u64 = 0x66_757a_7a21;
/// The master secret of the backend.
const MASTER: Key = [8; 32];
/// The wall time at [`Instant::ZERO`], in microseconds since the Unix epoch.
const WALL: u64 = 1_700_000_000_000_000;

/// Returns a provider that accepts every packet, or a provider that verifies checksums.
pub(crate) fn provider(gullible: bool) -> Arc<dyn Provider> {
    if gullible { Arc::new(Gullible) } else { Arc::new(NullProvider) }
}

/// Creates a configuration with the given provider and access. `access` determines which clients a server accepts.
#[must_use]
pub fn config(provider: Arc<dyn Provider>, access: Access) -> Config {
    let mut config = Config::new(APPLICATION);
    config.provider = provider;
    config.access = access;
    config.wall_offset = WALL;
    config.dont_fragment = true;
    config
}

/// Returns the server's secrets, which include its ticket key.
#[must_use]
pub fn secrets(provider: &dyn Provider) -> Secrets {
    let secrets = Secrets::new([9; 32]);
    let public_key = provider.handshake().public_key(&secrets.identity);
    secrets.ticket_key(server_ticket_key(provider, &MASTER, &public_key))
}

/// Mints a ticket that expires `life` after [`Instant::ZERO`]. `serial` determines its identity and user data.
#[must_use]
pub fn ticket(provider: Arc<dyn Provider>, serial: u8, life: Duration) -> Ticket {
    let secrets = secrets(&*provider);
    let public_key = provider.handshake().public_key(&secrets.identity);
    let mint = TicketMint::new(provider, &secrets.ticket.unwrap());
    let expiry = WALL + u64::try_from(life.as_micros()).unwrap();
    let contents = TicketContents { identity: [serial; 16], expiry, user_data: vec![serial; 20] };
    mint.mint(&mut Rng::from_seed([serial; 32]), APPLICATION, &public_key, contents).unwrap()
}

/// Parses arbitrary bytes both as an unencrypted handshake message and as handshake parameters. Asserts that each has
/// exactly one encoding, and that the padding after a message contains only zeros.
pub fn handshake_messages(bytes: &[u8]) {
    if let Some(written) = rewrite_handshake(bytes) {
        let (same, padding) = bytes.split_at(written.len());
        assert_eq!(same, written, "a value has a second encoding");
        assert!(padding.iter().all(|&byte| byte == 0), "the padding contains bytes other than zero");
    }
    if let Some(written) = rewrite_parameters(bytes) {
        assert_eq!(written, bytes[..written.len()], "the parameters have a second encoding");
    }
}

/// Parses arbitrary tickets, both as text and as bytes. Asserts that encoding a parsed ticket gives the same bytes, or
/// the same text in lower case without the spaces around it.
pub fn ticket_text(bytes: &[u8]) {
    if let Ok(ticket) = Ticket::from_bytes(bytes) {
        assert_eq!(ticket.to_bytes(), bytes, "a value has a second encoding");
    }
    let text = String::from_utf8_lossy(bytes);
    if let Ok(ticket) = text.parse::<Ticket>() {
        assert_eq!(ticket.to_string(), text.trim().to_lowercase(), "the parsed ticket differs from the text");
    }
    // A fuzzer does not hit a checksum by chance.
    let sum =
        bytes.iter().fold(0x811c_9dc5u32, |sum, &byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let whole = [bytes, &sum.to_le_bytes()].concat();
    if let Ok(ticket) = Ticket::from_bytes(&whole) {
        assert_eq!(ticket.to_bytes(), whole, "a value has a second encoding");
        assert_eq!(ticket.to_string().parse(), Ok(ticket));
    }
}

/// Runs an attempt to connect to a server that sends arbitrary datagrams. Asserts that the attempt ends at most once,
/// and accepts no forged Welcome or refusal if its provider verifies checksums.
pub fn dial(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let shape = script.byte();
    let provider = provider(shape & 1 != 0);
    let access = if shape & 2 != 0 { Access::Tickets } else { Access::Open };
    let config = config(Arc::clone(&provider), access);
    let secrets = secrets(&*provider);
    let proof = match shape & 2 {
        0 => Proof::Open,
        _ => Proof::Ticket(ticket(Arc::clone(&provider), 1, Duration::from_secs(60))),
    };
    let pinned = (shape & 4 == 0 || access == Access::Tickets)
        .then(|| provider.handshake().public_key(&secrets.identity));
    let mut now = Instant::ZERO;
    let mut dialling = Dialling::new(now, &config, 1, pinned, proof, [1; 32]).unwrap();
    let mut server = Answering::new(&config, &secrets, [2; 32]);
    let mut honest: Vec<Vec<u8>> = Vec::new();
    let mut admitted: Vec<Key> = Vec::new();
    let mut is_over = false;
    for _ in 0..64 {
        if script.is_over() {
            break;
        }
        let mut buffer = [0; BASE_DATAGRAM];
        let (datagram, is_honest) = match script.below(5) {
            0 => {
                if let Some(length) = dialling.write(now, &mut buffer) {
                    assert!(!is_over, "the attempt sends a datagram after its end");
                    let (reaction, reply) = server.handle(now, at(1), false, &buffer[..length], None);
                    honest.extend((!reply.is_empty()).then_some(reply));
                    if let Reaction::Admitted(half_open) = reaction {
                        admitted.extend(server.exporter(now, half_open));
                    }
                }
                continue;
            }
            1 => {
                now += Duration::from_millis(script.number() % 20_000);
                continue;
            }
            2 => (pick(&mut script, &honest).to_vec(), true),
            3 => changed(&mut script, &honest),
            _ => (script.sized().to_vec(), false),
        };
        let answered = dialling.handle(now, &datagram);
        judge_answer(&answered, &mut is_over, shape & 1 == 0 && !is_honest, &admitted);
        assert!(
            !is_over || dialling.next_timeout(now) == Instant::MAX,
            "an attempt to connect that has ended still requests a timeout"
        );
    }
}

fn judge_answer(answered: &Answered, is_over: &mut bool, forged: bool, admitted: &[Key]) {
    match answered {
        Answered::Ignored(_) => {}
        Answered::Progress => assert!(!*is_over, "the attempt continues after its end"),
        Answered::Accepted(exporter, id) => {
            assert!(!*is_over, "the attempt ended twice");
            assert!(*id < 1 << 24);
            // Whatever was sent to it, an attempt that checks ends with keys that the server has too.
            assert!(!forged || admitted.contains(exporter), "the attempt accepted a forged Welcome");
            *is_over = true;
        }
        Answered::Refused(_) => {
            assert!(!*is_over && !forged, "the attempt accepted a forged refusal, or ended twice");
            *is_over = true;
        }
        _ => {}
    }
}

/// Runs a responder with clients that send arbitrary datagrams. Asserts that a reply to an unvalidated address is at
/// most as large as the received datagram, and that the number of half-open handshakes is bounded.
pub fn answer(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let shape = script.byte();
    let provider = provider(shape & 1 != 0);
    let access = if shape & 2 != 0 { Access::Tickets } else { Access::Open };
    let mut config = config(Arc::clone(&provider), access);
    config.cookie_threshold = 4;
    let secrets = secrets(&*provider);
    let key = provider.handshake().public_key(&secrets.identity);
    let mut server = Answering::new(&config, &secrets, [2; 32]);
    let mut client = Client { config, key, dialling: Vec::new(), sent: Vec::new(), confirmed: 0 };
    let (mut now, mut half_open) = (Instant::ZERO, Vec::new());
    for _ in 0..64 {
        if script.is_over() {
            break;
        }
        let datagram = match script.below(8) {
            0 => client.hello(now, script.byte()),
            1 => pick(&mut script, &client.sent).to_vec(),
            2 => changed(&mut script, &client.sent).0,
            3 => padded(script.sized()),
            4 => padded(&rebuilt(&mut script)),
            5 => {
                now += Duration::from_millis(script.number() % 20_000);
                server.expire(now);
                continue;
            }
            6 => {
                let place = script.below(half_open.len());
                if half_open.get(place).is_some_and(|&id: &HalfOpenHandle| server.confirm(now, id)) {
                    client.confirmed += 1;
                    half_open.swap_remove(place);
                }
                continue;
            }
            _ => script.take(script.clone().below(64)).to_vec(),
        };
        let validated = script.byte() & 1 != 0;
        let refusal = (script.byte() == 7).then(|| Refusal::other(1, "no".repeat(script.below(200))));
        let (reaction, reply) = server.handle(now, at(script.byte()), validated, &datagram, refusal);
        judge_reaction(reaction, &reply, &datagram, validated);
        if let Reaction::Admitted(id) = reaction {
            half_open.push(id);
        }
        client.hear(now, &reply);
        assert!(server.half_open() <= HALF_OPEN + REFUSALS_KEPT);
    }
}

fn judge_reaction(reaction: Reaction, reply: &[u8], datagram: &[u8], validated: bool) {
    assert!(reply.len() <= BASE_DATAGRAM);
    assert!(
        validated || reply.len() <= datagram.len(),
        "the responder sent {} bytes for {} bytes from an unvalidated address",
        reply.len(),
        datagram.len()
    );
    match reaction {
        Reaction::Dropped(_) => assert!(reply.is_empty(), "the responder answered a dropped datagram"),
        Reaction::Replied | Reaction::Admitted(_) => assert!(!reply.is_empty()),
        _ => {}
    }
}

/// Clients whose honest datagrams a script can change.
struct Client {
    config: Config,
    key: Key,
    dialling: Vec<Dialling>,
    sent: Vec<Vec<u8>>,
    confirmed: usize,
}

impl Client {
    fn hello(&mut self, now: Instant, serial: u8) -> Vec<u8> {
        let proof = match serial % 4 {
            0 => Proof::Open,
            1 => Proof::Resume { sealed: vec![1; 2 + 24 + 76 + 16], psk: [1; 32], expiry: WALL + (1 << 40) },
            _ => {
                let life = Duration::from_secs(u64::from(serial) * 10);
                Proof::Ticket(ticket(Arc::clone(&self.config.provider), serial, life))
            }
        };
        let place = usize::from(serial >> 4);
        if place >= self.dialling.len() {
            let key = (serial & 8 == 0 || serial % 4 > 1).then_some(self.key);
            self.dialling.extend(Dialling::new(now, &self.config, serial.into(), key, proof, [serial; 32]));
        }
        let place = place.min(self.dialling.len() - 1);
        let mut buffer = [0; BASE_DATAGRAM];
        let Some(length) = self.dialling[place].write(now, &mut buffer) else {
            return self.sent.last().cloned().unwrap_or_default();
        };
        self.sent.push(buffer[..length].to_vec());
        buffer[..length].to_vec()
    }

    fn hear(&mut self, now: Instant, reply: &[u8]) {
        for dialling in &mut self.dialling {
            let _ = dialling.handle(now, reply);
        }
    }
}

/// Returns a Hello whose every field the script chooses, for a server that accepts every packet.
fn rebuilt(script: &mut Script<'_>) -> Vec<u8> {
    let mode = script.byte() % 5;
    let mut hello = vec![4, 1, mode];
    hello.extend_from_slice(&APPLICATION.to_le_bytes());
    hello.extend_from_slice(&[script.byte(), 0, 0]);
    hello.extend_from_slice(&[script.byte(); 8]);
    hello.extend_from_slice(&[if script.byte() & 1 == 0 { 0 } else { 7 }; 16]);
    let expiry = if mode == 0 { 0 } else { WALL.saturating_add_signed(script.number() as i64) };
    hello.extend_from_slice(&expiry.to_le_bytes());
    let filler = script.byte();
    let mut ticket = vec![1];
    ticket.resize(usize::from(script.short()) % (TICKET_BYTES + 1), filler);
    let ticket = if mode == 0 { Vec::new() } else { ticket };
    hello.extend_from_slice(&(ticket.len() as u16).to_le_bytes());
    hello.extend_from_slice(&ticket);
    let noise = [&[script.byte(); 32], script.sized(), &[0; 16]].concat();
    hello.extend_from_slice(&(noise.len() as u16).to_le_bytes());
    hello.extend_from_slice(&noise);
    hello
}

fn at(port: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, port], u16::from(port) + 1))
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut padded = bytes.to_vec();
    padded.resize(BASE_DATAGRAM.max(bytes.len()), 0);
    padded
}

fn pick<'a>(script: &mut Script<'_>, from: &'a [Vec<u8>]) -> &'a [u8] {
    let place = script.below(from.len());
    from.get(place).map_or(&[], Vec::as_slice)
}

/// Returns one of the datagrams `from`, truncated or changed, and whether it still equals the original.
fn changed(script: &mut Script<'_>, from: &[Vec<u8>]) -> (Vec<u8>, bool) {
    let original = pick(script, from);
    let mut changed = original.to_vec();
    if script.byte() & 1 == 0 {
        changed.truncate(usize::from(script.short()));
    }
    for _ in 0..=script.below(3) {
        let place = usize::from(script.short());
        if let Some(byte) = changed.get_mut(place) {
            *byte ^= script.byte();
        }
    }
    let same = changed == original;
    (changed, same)
}
