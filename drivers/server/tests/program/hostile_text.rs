//! Text of hostile clients cannot forge log lines or displace the lines of other clients.

use std::time::Duration;

use tickwire_core::message::BoundedString;
use tickwire_core::{CloseReason, Event};
use tickwire_native::Client;
use tickwire_server::codes;
use tickwire_server::world::{FROM_SERVER, Heard, Say};

use crate::harness::{Program, ending, next, until};

/// A close text that contains a log line, and characters that change the direction of writing.
const FORGED: &str = "bye\n2026-01-01T00:00:00Z  INFO client 9 joined\r\tx\u{2028}y\u{202e}z\u{85}";

#[test]
fn a_close_text_with_line_feeds_takes_one_line_of_the_log() {
    let server = Program::start("");
    let client = server.join();
    client.disconnect(client.server().unwrap(), 7, FORGED).unwrap();
    let log = until(|| Some(server.log()).filter(|log| log.contains("client 1 left")));
    let line = log.lines().find(|line| line.contains("client 1 left")).unwrap();
    assert!(
        line.contains(r"bye\n2026-01-01T00:00:00Z  INFO client 9 joined\r\tx\u{2028}y\u{202e}z"),
        "{line}"
    );
    assert!(!log.lines().any(|line| line.starts_with("2026-01-01T00:00:00Z")), "{log}");
    assert!(!log.contains(['\r', '\t', '\u{2028}', '\u{202e}', '\u{85}']), "{log}");
}

fn say(client: &Client, text: &str) -> bool {
    client.send_to_server(&Say { text: BoundedString::truncated(text) }).is_ok()
}

/// Sends `lines` chat lines as fast as the queue accepts them.
fn flood(client: &Client, lines: usize) {
    let mut said = 0;
    until(|| {
        while said < lines && client.is_connected() && say(client, "buy gold") {
            said += 1;
        }
        (said == lines || !client.is_connected()).then_some(())
    });
}

#[test]
fn fewer_than_500_of_the_5000_lines_of_a_chat_flooder_reach_a_second_client() {
    let server = Program::start(r#""client_message_limit": null, "client_byte_limit": null"#);
    let (flooder, other) = (server.join(), server.join());
    flood(&flooder, 5000);
    let notice = until(|| Some(next::<Heard>(&flooder)).filter(|heard| heard.from == FROM_SERVER));
    assert_eq!(
        notice.text.as_str(),
        "you sent more than 5 lines per second, so the server dropped your latest line"
    );
    assert!(say(&other, "at last"));
    let mut heard = 0;
    until(|| {
        let line: Heard = next(&other);
        heard += usize::from(line.from == 1);
        (line.from == 2).then_some(())
    });
    assert!(heard < 500, "{heard} of 5000 lines were passed on");
}

#[test]
fn the_close_text_names_the_key_of_the_limit_that_a_flooding_client_exceeded() {
    let server = Program::start(r#""client_message_limit": 50"#);
    let (flooder, other) = (server.join(), server.join());
    flood(&flooder, 1000);
    let CloseReason::Peer { code, text } = ending(&flooder) else { panic!("it was not sent away") };
    assert_eq!(code, codes::FLOODING);
    assert!(
        text.raw().contains("more than 50 messages per second")
            && text.raw().contains("`client_message_limit`")
    );
    assert!(
        server.log().contains("client 1 is disconnected: this client sent more than 50 messages per second")
    );
    while let Some(event) = other.wait_event(Duration::ZERO) {
        assert!(!matches!(event, Event::Closed { .. }));
    }
}
