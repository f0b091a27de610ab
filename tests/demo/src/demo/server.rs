//! The server process: its configuration, and its console output.

use std::path::Path;

use serde_json::{Value, json};

use super::args::Args;

/// Writes the server's configuration into `folder`.
pub(super) fn configure(folder: &Path, args: &Args) -> Result<(), String> {
    let config = json!({
        "bind_address": format!("127.0.0.1:{}", args.port),
        "max_connections": args.clients.max(64),
        // All bots come from one address.
        "max_connections_per_address": args.clients.max(64),
        "handshake_burst": args.clients.max(64),
    });
    std::fs::write(folder.join("server.json"), config.to_string())
        .map_err(|error| format!("cannot write to {}: {error}; check the disk", folder.display()))
}

/// The server's address and public key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Listening {
    pub(super) address: String,
    pub(super) key: String,
}

/// A parsed line of the server's standard output.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Line {
    Listening(Listening),
    Counters(Counters),
    /// The server's estimate of the loss of its own datagrams, in percent: the mean over its clients.
    Loss(f64),
    /// The server has stopped all agents. `world` is the hash of the server's world.
    Frozen {
        world: String,
    },
    Stopped {
        not_sent: u64,
        unconfirmed: u64,
    },
    Other,
}

/// The server's counters that the table shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counters {
    pub(super) ticks: u64,
    pub(super) overruns: u64,
}

impl Line {
    pub(super) fn parse(line: &str) -> Self {
        let Ok(value) = serde_json::from_str::<Value>(line) else { return Self::Other };
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let number = |key: &str| value.get(key).and_then(Value::as_u64);
        if let Some(clients) = value.as_array() {
            return Self::Loss(mean_loss(clients));
        }
        if let (Some(true), Some(world)) = (value.get("frozen").and_then(Value::as_bool), text("world")) {
            return Self::Frozen { world };
        }
        match text("event").as_deref() {
            Some("listening") => match (text("address"), text("key")) {
                (Some(address), Some(key)) => Self::Listening(Listening { address, key }),
                _ => Self::Other,
            },
            Some("stopped") => Self::Stopped {
                not_sent: number("not_sent").unwrap_or(0),
                unconfirmed: number("unconfirmed").unwrap_or(0),
            },
            _ => match (number("ticks"), number("tick_overruns")) {
                (Some(ticks), Some(overruns)) => Self::Counters(Counters { ticks, overruns }),
                _ => Self::Other,
            },
        }
    }
}

fn mean_loss(clients: &[Value]) -> f64 {
    let loss = clients.iter().filter_map(|client| client.get("loss_permille")?.as_f64());
    // The sum of none is -0.0.
    loss.fold(0.0, |sum, loss| sum + loss) / 10.0 / clients.len().max(1) as f64
}

/// The command whose reply is [`Line::Frozen`].
pub(super) const FREEZE: &str = "freeze --json";

/// The commands whose replies are [`Line::Counters`] and [`Line::Loss`].
pub(super) const QUESTIONS: [&str; 2] = ["stats --json", "clients --json"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_output_line_of_the_server_is_parsed_to_its_kind_and_values() {
        let listening = Listening { address: "127.0.0.1:7".into(), key: "ab".into() };
        let line = r#"{"event":"listening","address":"127.0.0.1:7","key":"ab","port":7}"#;
        assert_eq!(Line::parse(line), Line::Listening(listening));
        let counters = Counters { ticks: 9, overruns: 1 };
        assert_eq!(Line::parse(r#"{"ticks":9,"tick_overruns":1,"drops":{}}"#), Line::Counters(counters));
        assert_eq!(Line::parse(r#"[{"loss_permille":40},{"loss_permille":60}]"#), Line::Loss(5.0));
        let Line::Loss(none) = Line::parse("[]") else { panic!("no loss") };
        assert_eq!(none.to_string(), "0");
        let stopped = Line::parse(r#"{"event":"stopped","not_sent":2,"unconfirmed":3}"#);
        assert_eq!(stopped, Line::Stopped { not_sent: 2, unconfirmed: 3 });
        let frozen = Line::parse(r#"{"agents":80,"frozen":true,"world":"00ff"}"#);
        assert_eq!(frozen, Line::Frozen { world: "00ff".into() });
        assert_eq!(Line::parse("hello"), Line::Other);
    }
}
