use clap::Parser;

use super::{TicketVerb, derive, keygen, mint, show};
use crate::Cli;
use tickwire_core::rng::Rng;
use tickwire_core::{
    Access, Config, ConnectOptions, Ecn, Endpoint, Event, Instant, Secret, Secrets, Ticket, TicketContents,
    TicketMint,
};

const MASTER: &str = "2222222222222222222222222222222222222222222222222222222222222222";
const SERVER_KEY: &str = "7b4e909bbe7ffe44c465a220037d608ee35897d31ef972f07f74892cb0f73f13";
const TICKET_KEY: &str = "5fe551fdd1d84a930be0a4d208188fc1a9e72bd417db03685368abe4675a5f00";
const NOW: u64 = 1_800_000_000_000_000;

fn rng() -> Rng {
    Rng::from_seed([1; 32])
}

fn verb(line: &[&str]) -> Result<TicketVerb, clap::Error> {
    let cli = Cli::try_parse_from(["cargo xtask", "ticket"].iter().chain(line))?;
    let crate::Verb::Ticket(args) = cli.verb else { panic!("another verb") };
    Ok(args.verb)
}

/// Runs a command at the time [`NOW`]. Returns its output, or its error as a user sees it.
fn play(line: &[&str]) -> Result<String, String> {
    let output = match verb(line).map_err(|error| error.to_string())? {
        TicketVerb::Keygen(args) => Ok(keygen(&args, &mut rng())),
        TicketVerb::Derive(args) => derive(&args),
        TicketVerb::Mint(args) => mint(&args, &mut rng(), NOW),
        TicketVerb::Show(args) => show(&args, NOW),
    };
    output.map_err(|error| format!("{error:#}"))
}

fn mint_line<'a>(change: &[(&'a str, &'a str)]) -> Vec<&'a str> {
    let mut options = vec![
        ("--master", MASTER),
        ("--server-key", SERVER_KEY),
        ("--application", "0x6d79"),
        ("--identity", "1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d"),
        ("--valid", "60"),
        ("--user-data", "red team"),
    ];
    for (name, value) in change {
        options.retain(|(known, _)| known != name);
        options.push((name, value));
    }
    let mut line = vec!["mint"];
    line.extend(options.into_iter().flat_map(|(name, value)| [name, value]));
    line
}

fn error(line: &[&str]) -> String {
    play(line).expect_err("an error")
}

#[test]
fn the_derived_ticket_key_equals_the_test_vector_of_the_specification() {
    assert_eq!(play(&["derive", "--master", MASTER, "--server-key", SERVER_KEY]).unwrap(), TICKET_KEY);
}

#[test]
fn the_ticket_command_mints_the_same_ticket_as_the_library() {
    let text = play(&mint_line(&[])).unwrap();
    let key: Secret = TICKET_KEY.parse().unwrap();
    let mint = TicketMint::new(tickwire_core::crypto::default_provider(), &key);
    let contents =
        TicketContents { identity: [0x1d; 16], expiry: NOW + 60_000_000, user_data: b"red team".to_vec() };
    let ticket: Ticket = text.parse().unwrap();
    assert_eq!(ticket, mint.mint(&mut rng(), 0x6d79, &ticket.server_key(), contents).unwrap());
}

#[test]
fn a_server_with_generated_keys_accepts_a_ticket_minted_for_that_server() {
    let keys: serde_json::Value = serde_json::from_str(&play(&["keygen", "--json"]).unwrap()).unwrap();
    let key = |name: &str| -> Secret { keys[name].as_str().unwrap().parse().unwrap() };
    let (master, server_key) = (keys["master"].as_str().unwrap(), keys["server_key"].as_str().unwrap());
    let ticket: Ticket =
        play(&mint_line(&[("--master", master), ("--server-key", server_key)])).unwrap().parse().unwrap();

    let mut config = Config::new(0x6d79);
    config.wall_offset = NOW;
    let mut client = Endpoint::new(config.clone(), Secrets::new([3; 32]), [4; 32], Instant::ZERO).unwrap();
    config.access = Access::Tickets;
    let secrets = Secrets::new(key("server_secret")).ticket_key(key("server_ticket_key"));
    let mut server = Endpoint::new(config, secrets, [2; 32], Instant::ZERO).unwrap();
    assert_eq!(server.public_key().to_string(), server_key);

    let (server_at, client_at): (std::net::SocketAddr, std::net::SocketAddr) =
        ("10.0.0.1:7777".parse().unwrap(), "10.0.0.2:5000".parse().unwrap());
    let options = ConnectOptions::new(server.public_key()).ticket(ticket);
    client.connect(Instant::ZERO, server_at, options).unwrap();
    let mut buffer = [0; 1200];
    for _ in 0..2 {
        while let Some(transmit) = client.poll_transmit(Instant::ZERO, &mut buffer) {
            server.handle_datagram(Instant::ZERO, client_at, Ecn::NotCapable, &mut buffer[..transmit.size]);
        }
        while let Some(transmit) = server.poll_transmit(Instant::ZERO, &mut buffer) {
            client.handle_datagram(Instant::ZERO, server_at, Ecn::NotCapable, &mut buffer[..transmit.size]);
        }
    }
    let Some(Event::Connected { peer, .. }) = server.poll_event() else { panic!("nobody was let in") };
    assert_eq!((peer.identity, &peer.user_data[..]), ([0x1d; 16], &b"red team"[..]));
}

#[test]
fn two_tickets_minted_from_the_same_options_are_different() {
    let Ok(TicketVerb::Mint(args)) = verb(&mint_line(&[])) else { panic!() };
    let mut rng = rng();
    let [one, two] = [(); 2].map(|()| mint(&args, &mut rng, NOW).unwrap());
    assert_ne!(one, two);
}

#[test]
fn a_displayed_ticket_contains_no_secret() {
    let text = play(&mint_line(&[])).unwrap();
    let shown = play(&["show", &text]).unwrap();
    assert!(shown.contains("0x6d79") && shown.contains(SERVER_KEY), "{shown}");
    assert!(shown.contains("valid for another 60 s"), "{shown}");
    let psk = &text[2 * 49..2 * 81];
    assert!(!shown.contains(psk));
    let Ok(TicketVerb::Show(args)) = verb(&["show", &text]) else { panic!() };
    assert!(show(&args, NOW + 63_500_000).unwrap().contains("expired 3 s ago"));
}

#[test]
fn with_json_the_commands_mint_keygen_and_derive_each_print_one_json_object() {
    for line in
        [mint_line(&[]), vec!["keygen"], vec!["derive", "--master", MASTER, "--server-key", SERVER_KEY]]
    {
        let line: Vec<&str> = line.into_iter().chain(["--json"]).collect();
        let value: serde_json::Value = serde_json::from_str(&play(&line).unwrap()).unwrap();
        assert!(value.is_object(), "{value}");
    }
}

#[test]
fn a_master_key_can_be_read_from_a_file() {
    let path = std::env::temp_dir().join(format!("tickwire-master-{}", std::process::id()));
    std::fs::write(&path, format!("{MASTER}\n")).unwrap();
    let line = ["derive", "--master-file", path.to_str().unwrap(), "--server-key", SERVER_KEY];
    let key = play(&line);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(key.unwrap(), TICKET_KEY);
    assert!(error(&line).contains("cannot read the master key from"), "{}", error(&line));
}

#[test]
fn the_error_about_an_invalid_option_names_the_option_and_the_expected_value() {
    let zeros = "0".repeat(64);
    for (change, expected) in [
        (
            ("--server-key", "abcd"),
            "--server-key: the text has 4 hexadecimal digits, but a key has 64 hexadecimal digits; copy all of them again",
        ),
        (
            ("--identity", "1d1g"),
            "--identity: character 4 of the identity, 'g', is not a hexadecimal digit; an identity has 32 digits",
        ),
        (
            ("--identity", "é"),
            "--identity: character 1 of the identity, 'é', is not a hexadecimal digit; an identity has 32 digits",
        ),
        (
            ("--master", "22"),
            "--master: the text has 2 hexadecimal digits, but a key has 64 hexadecimal digits; copy all of them again",
        ),
        (("--master", &zeros), "the master key is all zeros"),
        (("--server-key", &zeros), "--server-key is all zeros"),
        (("--application", "my game"), "as 1234 or 0x4d2"),
        (("--valid", "0"), "0 is not in 1..=604800"),
        (
            ("--user-data", &"x".repeat(257)),
            "--user-data: the user data has 257 bytes, but a ticket carries at most 256 bytes",
        ),
    ] {
        let text = error(&mint_line(&[change]));
        assert!(text.contains(expected), "{change:?}: {text}");
    }
    assert!(error(&["show", "0131"]).contains("damaged"));
    assert!(error(&["show", "hello"]).contains("not hexadecimal"));
}

#[test]
fn a_master_key_given_twice_is_refused() {
    let line: Vec<&str> = mint_line(&[]).into_iter().chain(["--master-file", "-"]).collect();
    assert!(error(&line).contains("cannot be used with"), "{}", error(&line));
    assert!(error(&["derive", "--server-key", SERVER_KEY]).contains("--master-file"));
}
