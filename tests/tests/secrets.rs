//! Secret keys do not remain in freed memory.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::sync::Arc;

use common::{APPLICATION, Net, Node};
use tickwire_core::crypto::{Provider, RustCrypto, Secret};
use tickwire_core::rng::Rng;
use tickwire_core::{
    Access, Config, ConnectOptions, ConnectionState, Duration, Instant, Secrets, Ticket, TicketContents,
    TicketMint, server_ticket_key,
};

thread_local! {
    /// The secrets that the allocator searches for in blocks that this thread frees.
    static NEEDLES: RefCell<Vec<[u8; 32]>> = const { RefCell::new(Vec::new()) };
    /// The number of times that each of the first eight secrets was found.
    static FOUND: Cell<[u32; 8]> = const { Cell::new([0; 8]) };
}

/// The system's allocator, which searches each freed block for secrets.
struct Searching;

fn search(block: &[u8]) {
    let _ = NEEDLES.try_with(|needles| {
        let Ok(needles) = needles.try_borrow() else { return };
        for (place, needle) in needles.iter().enumerate().take(8) {
            if block.len() >= 32 && block.windows(32).any(|window| window == needle) {
                let mut found = FOUND.get();
                found[place] += 1;
                FOUND.set(found);
            }
        }
    });
}

// SAFETY: every call goes to the system's allocator unchanged, but that new memory is zeroed: so every byte of a block was
// written, and may be read before it is freed.
unsafe impl GlobalAlloc for Searching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        search(unsafe { std::slice::from_raw_parts(block, layout.size()) });
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Searching = Searching;

const MASTER: [u8; 32] = [0x77; 32];

/// Returns the number of times that each of `needles` is found in memory that `act` frees.
fn freed(needles: &[[u8; 32]], act: impl FnOnce()) -> Vec<u32> {
    FOUND.set([0; 8]);
    NEEDLES.set(needles.to_vec());
    act();
    NEEDLES.set(Vec::new());
    FOUND.get()[..needles.len()].to_vec()
}

fn ticket(provider: &Arc<dyn Provider>, ticket_key: &[u8; 32], server_key: &[u8; 32]) -> Ticket {
    let mint = TicketMint::new(Arc::clone(provider), ticket_key);
    let contents = TicketContents { identity: [1; 16], expiry: 3_600_000_000, user_data: vec![2; 20] };
    mint.mint(&mut Rng::from_seed([3; 32]), APPLICATION, server_key, contents).unwrap()
}

fn psk_of(ticket: &Ticket) -> [u8; 32] {
    ticket.to_bytes()[49..81].try_into().unwrap()
}

#[test]
fn long_lived_keys_and_pre_shared_keys_are_overwritten_before_their_memory_is_freed() {
    let provider: Arc<dyn Provider> = Arc::new(RustCrypto);
    let identity: [u8; 32] = Rng::from_seed([4; 32]).array();
    let server_key = provider.handshake().public_key(&identity);
    let ticket_key = *server_ticket_key(&*provider, &MASTER, &server_key);
    let psk = psk_of(&ticket(&provider, &ticket_key, &server_key));
    let found = freed(&[identity, ticket_key, psk], || {
        let mut config = Config::new(APPLICATION);
        config.provider = Arc::clone(&provider);
        config.wall_offset = 1;
        let mut client = config.clone();
        config.access = Access::Tickets;
        client.access = Access::Closed;
        let secrets = Secrets::new(identity).ticket_key(ticket_key);
        let mut net = Net::new(
            vec![
                Node::new(config, secrets, 1, "10.0.0.1:7777", Instant::ZERO),
                Node::new(client, Secrets::new([2; 32]), 2, "10.0.0.2:4000", Instant::ZERO),
            ],
            Duration::from_millis(20),
        );
        let options = ConnectOptions::new(server_key).ticket(ticket(&provider, &ticket_key, &server_key));
        let to = net.nodes[0].address;
        let connection = net.nodes[1].endpoint.connect(net.now, to, options).unwrap();
        net.run_for(Duration::from_secs(1));
        assert_eq!(net.nodes[1].endpoint.state(connection), ConnectionState::Connected);
        net.nodes[1].endpoint.close(net.now, connection, 0, "");
        net.run_for(Duration::from_secs(10));
    });
    assert_eq!(found, [0; 3], "of the identity, the ticket key, the ticket's pre-shared key");
}

#[test]
fn the_pre_shared_key_of_peers_is_overwritten_before_its_memory_is_freed() {
    let psk: [u8; 32] = Rng::from_seed([5; 32]).array();
    let found = freed(&[psk], || {
        let mut net = Net::peers();
        let keys = [0, 1].map(|node| net.nodes[node].endpoint.public_key());
        net.nodes[0].endpoint.expect_peer(psk, keys[1]).unwrap();
        let to = net.nodes[0].address;
        let connection =
            net.nodes[1].endpoint.connect(net.now, to, ConnectOptions::peer(psk, keys[0])).unwrap();
        net.run_for(Duration::from_secs(1));
        assert_eq!(net.nodes[1].endpoint.state(connection), ConnectionState::Connected);
        net.nodes[0].endpoint.forget_peer(&psk, &keys[1]);
    });
    assert_eq!(found, [0]);
}

#[test]
fn the_memory_of_a_secret_is_overwritten_when_the_secret_is_dropped() {
    let bytes: [u8; 32] = Rng::from_seed([6; 32]).array();
    let found = freed(&[bytes], || drop(Box::new(Secret::new(bytes))));
    assert_eq!(found, [0]);
    // What a test finds that looks for it.
    let found = freed(&[bytes], || drop(std::hint::black_box(Box::new(bytes))));
    assert_eq!(found, [1]);
}

#[test]
fn the_debug_output_of_the_type_secrets_contains_no_secret() {
    let secrets = Secrets::new([0xab; 32]).ticket_key([0xab; 32]);
    let text = format!("{secrets:?} {:?} {:?}", secrets.identity, secrets.ticket);
    assert_eq!(text, "Secrets(..) Secret(..) Some(Secret(..))");
}
