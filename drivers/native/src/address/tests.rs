use super::*;

#[test]
fn a_complete_address_displays_as_the_text_that_it_was_parsed_from() {
    for text in ["play.example:7777", "192.0.2.1:1", "[2001:db8::1]:65535", "localhost:0"] {
        assert_eq!(text.parse::<NetworkAddress>().unwrap().to_string(), text);
    }
}

#[test]
fn an_address_without_a_port_has_port_7777() {
    let read = |text: &str| text.parse::<NetworkAddress>().unwrap().to_string();
    assert_eq!(read("Play.Example"), "play.example:7777");
    assert_eq!(read("::1"), "[::1]:7777");
    assert_eq!(read("[::1]"), "[::1]:7777");
    assert_eq!(NetworkAddress::new("::1", 5).unwrap(), "[::1]:5".parse().unwrap());
    assert_eq!(NetworkAddress::new("[::1]", 5).unwrap(), "[::1]:5".parse().unwrap());
}

#[test]
fn the_error_about_text_that_is_not_an_address_describes_the_fault() {
    for (text, what) in [
        ("", "the host is missing"),
        (":80", "the host is missing"),
        ("a b:80", "neither a name nor"),
        ("host:port", "the port"),
        ("host:70000", "the port"),
        ("host:+1", "the port"),
        ("host:", "the port"),
        ("300.1.1.1:80", "looks like an IPv4"),
        ("[::1", "not closed"),
        ("[name]:1", "not an IPv6"),
        ("[::1%2]:1", "link-local"),
        ("fe80::1%no-such-interface", "no interface `no-such-interface`"),
        ("fe80::1%0", "from 1 to"),
        ("127.0.0.0x1:1", "looks like an IPv4"),
        ("[::1]x", "follows the bracket"),
        ("a..b:1", "neither a name nor"),
    ] {
        let error = text.parse::<NetworkAddress>().unwrap_err().to_string();
        assert!(error.contains(what), "{text}: {error}");
    }
}

#[test]
fn an_address_equals_its_ipv4_mapped_form_but_not_an_address_with_a_different_port() {
    let v4: NetworkAddress = "192.0.2.1:1".parse().unwrap();
    let mapped: SocketAddr = "[::ffff:192.0.2.1]:1".parse().unwrap();
    assert_eq!(NetworkAddress::from(mapped), v4);
    assert_ne!("192.0.2.1:2".parse(), Ok(v4.clone()));
    assert!(!v4.is_ipv6());
    assert_eq!(v4.socket_address(), Some("192.0.2.1:1".parse().unwrap()));
    assert_eq!("a:1".parse::<NetworkAddress>().unwrap().socket_address(), None);
}

#[test]
fn a_printed_address_parses_to_the_same_address_in_every_family() {
    for text in [
        "127.0.0.1:1",
        "0.0.0.0:7777",
        "[::]:7777",
        "[2001:db8::1:2]:7777",
        "[fe80::1%2]:7777",
        "[fe80::1]:7777",
        "[febf::1%4294967295]:1",
        "[::ffff:192.0.2.1]:1",
    ] {
        let socket: SocketAddr = text.parse().unwrap();
        let address = NetworkAddress::from(socket);
        assert_eq!(address.to_string().parse(), Ok(address.clone()), "{text}");
        assert_eq!(text.parse(), Ok(address.clone()), "{text}: parsed and converted are one");
        assert_eq!(NetworkAddress::from(address.socket_address().unwrap()), address, "{text}");
        assert_eq!(NetworkAddress::new(&address.host().to_string(), address.port()), Ok(address));
    }
    let name: NetworkAddress = "Play.Example.:1".parse().unwrap();
    assert_eq!(name.to_string(), "play.example.:1", "a name that is whole stays so");
    assert_eq!(name.to_string().parse(), Ok(name));
}

#[test]
fn a_mapped_ipv4_address_in_any_notation_parses_to_the_ipv4_address() {
    let v4: NetworkAddress = "192.0.2.1:1".parse().unwrap();
    for text in ["[::ffff:192.0.2.1]:1", "[::FFFF:c000:0201]:1"] {
        assert_eq!(text.parse(), Ok(v4.clone()));
    }
    assert_eq!(NetworkAddress::new("::ffff:192.0.2.1", 1), Ok(v4.clone()));
    assert!(!v4.is_ipv6());
    assert!("[::ffff:192.0.2.1%2]:1".parse::<NetworkAddress>().is_err());
}

#[test]
fn link_local_addresses_with_different_scope_ids_are_different() {
    let interfaces = |name: &str| (name == "eth0").then_some(7);
    let read = |text: &str| parse(text, &interfaces).map(|address| address.to_string());
    assert_eq!(read("[fe80::1%eth0]:1").as_deref(), Ok("[fe80::1%7]:1"));
    assert_eq!(read("fe80::1%eth0").as_deref(), Ok("[fe80::1%7]:7777"));
    assert_eq!(read("fe80::1%2").as_deref(), Ok("[fe80::1%2]:7777"));
    assert!(read("fe80::1%wlan0").is_err() && read("fe80::1%").is_err());
    let at = |text: &str| text.parse::<NetworkAddress>().unwrap();
    assert_ne!(at("[fe80::1%2]:1"), at("[fe80::1%3]:1"));
    assert_eq!(at("[fe80::1%2]:1").socket_address(), Some("[fe80::1%2]:1".parse().unwrap()));
}

#[test]
fn an_ipv6_address_without_brackets_that_ends_like_a_port_is_refused() {
    for (text, write) in [
        ("::1:7777", "write [::1]:7777 if it is a port, else [::1:7777]:7777"),
        ("1:2:3:4:5:6:7:8:7777", "write [1:2:3:4:5:6:7:8]:7777"),
        ("fe80::1%2:7777", "write [fe80::1%2]:7777"),
    ] {
        let error = text.parse::<NetworkAddress>().unwrap_err().to_string();
        assert!(error.ends_with(write), "{text}: {error}");
    }
    for text in ["::1", "fe80::a", "1:2:3:4:5:6:7:8", "::"] {
        assert!(text.parse::<NetworkAddress>().is_ok(), "{text}");
    }
}

#[test]
fn an_ipv6_host_given_without_a_port_is_not_split_at_a_colon() {
    for text in ["2001:db8::1:2", "::1:7777", "fe80::1%2", "1:2:3:4:5:6:7:8"] {
        let address = NetworkAddress::new(text, 5).unwrap();
        assert_eq!(address.to_string(), format!("[{text}]:5"));
    }
    let error = NetworkAddress::new("1:2:3:4:5:6:7:8:7777", 5).unwrap_err().to_string();
    assert!(error.ends_with("write [1:2:3:4:5:6:7:8]:7777"), "{error}");
}

#[test]
fn why_not_unicast_gives_a_reason_only_for_multicast_and_broadcast_addresses() {
    for ip in ["224.0.0.1", "255.255.255.255", "ff02::1", "::ffff:239.1.1.1", "127.255.255.255"] {
        assert!(why_not_unicast(ip.parse().unwrap()).is_some(), "{ip}");
    }
    for ip in ["127.0.0.1", "::1", "0.0.0.0", "::", "192.0.2.3", "fe80::1"] {
        assert_eq!(why_not_unicast(ip.parse().unwrap()), None, "{ip}");
    }
    let ip = |text: &str| text.parse().unwrap();
    assert!(is_last_of(ip("10.0.0.255"), ip("10.0.0.7"), ip("255.255.255.0")));
    assert!(!is_last_of(ip("10.0.0.7"), ip("10.0.0.6"), ip("255.255.255.254")), "two hosts, no broadcast");
}
