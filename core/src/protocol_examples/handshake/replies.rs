//! Replies to a handshake other than an accepting Welcome.

use super::*;

pub(super) fn peer_hint() -> Sheet {
    let (psk, dials, answers) = ([0x99; 32], RustCrypto.public_key(&[0x33; 32]), server_key());
    let hint = RustCrypto.digest(&psk, &[b"tickwire peer", &dials, &answers])[..16].to_vec();
    let credential = Credential::Peer { psk: psk.into(), local_key: dials, peer_key: answers };
    let hello = sent(&mut dialer(&mut seed(9), credential, false), &mut seed(9));
    assert_eq!(&hello[46..64], concat(&[&[16, 0], &hint]));
    Sheet::new("peer")
        .bytes("pairwise key", &psk)
        .bytes("key that dials", &dials)
        .bytes("key that answers", &answers)
        .bytes("hint", &hint)
}

pub(super) fn cookie_and_version() -> Sheet {
    let mut rng = seed(5);
    let mut acceptor = acceptor();
    let mut dialer = dialer(&mut rng, Credential::Open, true);
    let hello = sent(&mut dialer, &mut rng);
    let retry = replied(&mut acceptor, &hello);
    let mut other = hello.clone();
    other[1] = 2;
    let version = replied(&mut acceptor, &other);
    assert!(matches!(dialer.handle(NOW, &mut rng, &retry), Answer::Progress));
    let again = sent(&mut dialer, &mut rng);
    assert_eq!((&again[..22], &again[38..]), (&hello[..22], &hello[38..]));
    Sheet::new("retry")
        .bytes("Hello: first 22 bytes", &hello[..22])
        .bytes("Retry", &retry)
        .bytes("cookie in the next Hello", &again[22..38])
        .line("")
        .bytes("Hello of version 2", &other[..22])
        .bytes("Version", &version)
}

pub(super) fn key_query() -> Sheet {
    let mut rng = seed(6);
    let mut setup = setup(Credential::Open, true);
    setup.server_key = ServerKey::Any;
    let mut dialer = Dialer::new(NOW, &mut rng, Arc::new(RustCrypto), setup).unwrap();
    let query = sent(&mut dialer, &mut rng);
    assert!(query.len() == 1200 && query[21..].iter().all(|&byte| byte == 0));
    Sheet::new("key-query")
        .bytes("KeyQuery", &query[..21])
        .value("", format!("and {} zeros", query.len() - 21))
        .bytes("KeyReply", &replied(&mut acceptor(), &query))
}

pub(super) fn refusals() -> Sheet {
    let other = Refusal::Other { code: 7, text: "closed for tonight".into() };
    Sheet::new("refusals")
        .bytes("full", &refused(Refusal::Full))
        .bytes("banned", &refused(Refusal::Banned))
        .bytes("expired", &refused(Refusal::Expired))
        .bytes("session ended", &refused(Refusal::SessionEnded))
        .bytes("too many from address", &refused(Refusal::TooManyFromAddress))
        .bytes("schema", &refused(Refusal::Schema(SchemaDifference::default())))
        .bytes("other, 7", &refused(other))
}

/// Returns the payload of a Welcome that refuses the client.
fn refused(refusal: Refusal) -> Vec<u8> {
    let (mut acceptor, mut rng, mut drawn) = (acceptor(), seed(7), seed(7));
    let hello = sent(&mut dialer(&mut rng, Credential::Open, false), &mut rng);
    let attempt: [u8; 8] = drawn.array();
    let prologue = concat(&[
        b"tickwire",
        &[1, 0],
        &APPLICATION.to_le_bytes(),
        &CLIENT_ID.to_le_bytes()[..3],
        &attempt,
        &[0; 8],
    ]);
    let parameters = parameters();
    let input = HandshakeInput { prologue: &prologue, psk: &[0; 32], payload: &parameters };
    let mut initiator = RustCrypto.initiate(&mut drawn, &server_key(), input, &mut Vec::new()).unwrap();
    let candidate = candidate(&mut acceptor, &hello);
    let welcome = answer(&mut acceptor, candidate, Admittance::Refuse(refusal));
    finish(&mut initiator, &welcome).1
}
