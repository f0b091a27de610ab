//! Tests that every provider passes.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::rng::Rng;

const PROLOGUE: &[u8] = b"prologue";
const PSK: Key = [7; 32];
const SERVER: Key = [3; 32];

fn providers() -> Vec<Arc<dyn Provider>> {
    vec![Arc::new(RustCrypto), default_provider()]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn input<'a>(payload: &'a [u8]) -> HandshakeInput<'a> {
    HandshakeInput { prologue: PROLOGUE, psk: &PSK, payload }
}

/// Returns a first Noise message, and its initiator.
fn hello(provider: &dyn Provider, seed: u8) -> (Box<dyn Initiator>, Vec<u8>) {
    let mut message = Vec::new();
    let initiator = provider
        .handshake()
        .initiate(
            &mut Rng::from_seed([seed; 32]),
            &provider.handshake().public_key(&SERVER),
            input(b"hi"),
            &mut message,
        )
        .unwrap();
    (initiator, message)
}

/// Returns the answer to a first Noise message, and the responder's keys.
fn welcome(provider: &dyn Provider, seed: u8, hello: &[u8]) -> (SessionKeys, Vec<u8>) {
    let (mut payload, mut message) = (Vec::new(), Vec::new());
    let responder = provider
        .handshake()
        .respond(&mut Rng::from_seed([seed; 32]), &SERVER, input(&[]), hello, &mut payload)
        .unwrap();
    assert_eq!(payload, b"hi");
    (responder.finish(b"welcome", &mut message).unwrap(), message)
}

fn secrets(keys: &SessionKeys) -> [Key; 3] {
    [*keys.to_responder, *keys.to_initiator, *keys.exporter]
}

#[test]
fn both_ends_of_a_handshake_derive_the_same_three_keys() {
    for provider in providers() {
        let (mut initiator, first) = hello(&*provider, 1);
        let (theirs, second) = welcome(&*provider, 2, &first);
        let mut payload = b"before ".to_vec();
        let ours = initiator.finish(&second, &mut payload).unwrap();
        assert_eq!(payload, b"before welcome");
        assert_eq!(secrets(&ours), secrets(&theirs));
        assert!(ours.to_responder != ours.to_initiator && ours.to_initiator != ours.exporter);
        assert_eq!((first.len(), second.len()), (2 + 48, 7 + 48));
    }
}

#[test]
fn handshakes_with_the_same_seeds_have_the_same_bytes() {
    for provider in providers() {
        let (_, first) = hello(&*provider, 1);
        assert_eq!(first, hello(&*provider, 1).1);
        assert_ne!(first, hello(&*provider, 2).1);
        assert_eq!(welcome(&*provider, 2, &first).1, welcome(&*provider, 2, &first).1);
    }
}

#[test]
fn the_authentic_second_message_is_accepted_after_a_rejected_forgery() {
    for provider in providers() {
        let (mut initiator, first) = hello(&*provider, 1);
        let (theirs, second) = welcome(&*provider, 2, &first);
        let (_, stranger) = welcome(&*provider, 2, &hello(&*provider, 9).1);
        let mut forgeries: Vec<Vec<u8>> = (0..second.len()).map(|length| second[..length].to_vec()).collect();
        forgeries.extend((0..second.len()).map(|place| {
            let mut forged = second.clone();
            forged[place] ^= 1;
            forged
        }));
        forgeries.extend([stranger, [&second[..], &[0]].concat(), vec![0; 55], vec![0; 70_000]]);
        let mut payload = Vec::new();
        for forged in forgeries {
            assert_eq!(initiator.finish(&forged, &mut payload).err(), Some(Rejected));
            assert!(payload.is_empty());
        }
        assert_eq!(secrets(&initiator.finish(&second, &mut payload).unwrap()), secrets(&theirs));
    }
}

#[test]
fn a_responder_rejects_a_first_message_for_a_different_prologue_psk_or_identity() {
    for provider in providers() {
        let (_, first) = hello(&*provider, 1);
        let attempt = |secret: Key, prologue: &[u8], psk: &Key, message: &[u8]| {
            let input = HandshakeInput { prologue, psk, payload: &[] };
            let mut payload = Vec::new();
            let result = provider.handshake().respond(
                &mut Rng::from_seed([2; 32]),
                &secret,
                input,
                message,
                &mut payload,
            );
            assert_eq!(payload.is_empty(), result.is_err());
            result.is_ok()
        };
        assert!(attempt(SERVER, PROLOGUE, &PSK, &first));
        assert!(!attempt([4; 32], PROLOGUE, &PSK, &first));
        assert!(!attempt(SERVER, b"prologuf", &PSK, &first));
        assert!(!attempt(SERVER, PROLOGUE, &[8; 32], &first));
        for length in 0..first.len() {
            assert!(!attempt(SERVER, PROLOGUE, &PSK, &first[..length]));
        }
    }
}

#[test]
fn public_keys_of_low_order_are_rejected() {
    let mut message = b"kept".to_vec();
    let mut one = [0; 32];
    one[0] = 1;
    for key in [[0; 32], one] {
        let result = RustCrypto.initiate(&mut Rng::from_seed([1; 32]), &key, input(&[]), &mut message);
        assert_eq!(result.err(), Some(Rejected));
        assert_eq!(message, b"kept");
    }
}

#[test]
fn the_public_key_of_scalar_nine_equals_the_test_vector_of_rfc_7748_section_5_2() {
    // Section 5.2: the scalar 9 times the base point.
    let mut nine = [0; 32];
    nine[0] = 9;
    for provider in providers() {
        let public = hex(&provider.handshake().public_key(&nine));
        assert_eq!(public, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
}

#[test]
fn digests_and_derived_keys_equal_the_values_of_independent_implementations() {
    // Expected values from Python's hashlib.blake2s and hmac.
    for provider in providers() {
        let digest = hex(&provider.handshake().digest(&[5; 32], &[b"abc", b"", b"def"]));
        assert_eq!(digest, "f5177d287f4d173c750b2d2f1cede27eacec29c81a9b60b587c613152838c441");
        let derived = hex(&provider.handshake().derive(&[5; 32], b"label"));
        assert_eq!(derived, "0b58ff56c874f02b811c47808580f5d27d5d6683b72867b28f2e0d426e024d89");
    }
}

#[test]
fn a_sealed_packet_equals_the_golden_bytes() {
    // The expected value is that of Python's cryptography package (OpenSSL).
    for provider in providers() {
        let mut packet = [&b"plaintext"[..], &[0; 16]].concat();
        provider.packet_key(&[42; 32]).seal(0x0102_0304_0506_0708, b"header", &mut packet);
        insta::allow_duplicates! { insta::assert_snapshot!(hex(&packet), @"0b77037afc33ce31d38e0b03096d3587f545c34bb9ec0f2e3d"); }
    }
}

#[test]
fn each_crypto_provider_opens_packets_that_another_provider_sealed() {
    for (sealer, opener) in
        providers().iter().flat_map(|a| providers().into_iter().map(move |b| (a.clone(), b)))
    {
        let (sealer, opener) = (sealer.packet_key(&[1; 32]), opener.packet_key(&[1; 32]));
        for length in [0usize, 1, 63, 64, 65, 1200] {
            let text: Vec<u8> = (0..length).map(|place| place as u8).collect();
            let mut packet = [&text[..], &[0; 16]].concat();
            sealer.seal(u64::MAX, b"header", &mut packet);
            let sealed = packet.clone();
            assert_eq!(opener.open(u64::MAX, b"header", &mut packet), Ok(length));
            assert_eq!(packet[..length], text);
            assert_eq!(opener.open(u64::MAX - 1, b"header", &mut sealed.clone()), Err(Rejected));
            assert_eq!(opener.open(u64::MAX, b"heades", &mut sealed.clone()), Err(Rejected));
            let mut forged = sealed.clone();
            forged[length / 2] ^= 1;
            assert_eq!(opener.open(u64::MAX, b"header", &mut forged), Err(Rejected));
        }
    }
}

#[test]
fn a_packet_shorter_than_an_authentication_tag_never_opens() {
    for provider in providers() {
        let key = provider.packet_key(&[1; 32]);
        for length in 0..16 {
            let mut packet = vec![9; length];
            key.seal(0, b"", &mut packet);
            assert_eq!(packet, vec![9; length]);
            assert_eq!(key.open(0, b"", &mut packet), Err(Rejected));
        }
    }
}

#[test]
fn a_sealed_ticket_opens_only_if_it_is_unchanged() {
    for provider in providers() {
        let mut sealed = b"ticket".to_vec();
        provider.handshake().seal_ticket(&[1; 32], &[2; 24], b"server", &mut sealed);
        assert_eq!(sealed.len(), 6 + 16);
        let open = |key: u8, nonce: u8, associated: &[u8], mut text: Vec<u8>| {
            provider.handshake().open_ticket(&[key; 32], &[nonce; 24], associated, &mut text).map(|()| text)
        };
        assert_eq!(open(1, 2, b"server", sealed.clone()), Ok(b"ticket".to_vec()));
        assert_eq!(open(3, 2, b"server", sealed.clone()), Err(Rejected));
        assert_eq!(open(1, 3, b"server", sealed.clone()), Err(Rejected));
        assert_eq!(open(1, 2, b"serves", sealed.clone()), Err(Rejected));
        assert_eq!(open(1, 2, b"server", sealed[..15].to_vec()), Err(Rejected));
        for place in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[place] ^= 0x80;
            assert_eq!(open(1, 2, b"server", forged), Err(Rejected));
        }
    }
}
