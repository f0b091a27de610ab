//! Metrics for Prometheus, and health for the supervisor that keeps the server running, over HTTP.

mod http;
mod metrics;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tickwire_native::Handle;

use self::http::{Answer, HttpServer};
use self::metrics::Metrics;
use crate::error::ServerError;
use crate::metrics::GameMetrics;
use crate::pulse::Pulse;

/// The HTTP server for monitoring, which stops when this value is dropped.
pub(crate) struct Monitor(HttpServer);

impl Monitor {
    pub(crate) fn start(
        address: SocketAddr,
        network: Handle,
        pulse: Arc<Pulse>,
        of_game: GameMetrics,
    ) -> Result<Self, ServerError> {
        let why = |error: io::Error| ServerError::Monitoring { address, reason: explained(&error) };
        let listener = TcpListener::bind(address).map_err(why)?;
        let metrics = Metrics::new(network, Arc::clone(&pulse), of_game);
        let server = HttpServer::start(listener, move |method, path| answer(method, path, &metrics, &pulse));
        Ok(Self(server.map_err(why)?))
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.0.address()
    }
}

fn explained(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the TCP port is in use".into(),
        _ => error.to_string(),
    }
}

fn answer(method: &str, path: &str, metrics: &Metrics, pulse: &Pulse) -> Answer {
    let (status, kind, body) = match path {
        _ if !matches!(method, "GET" | "HEAD") => {
            (405, TEXT, "the server does not answer this method; use GET or HEAD\n".into())
        }
        "/metrics" => (200, METRICS, metrics.text()),
        "/health" => {
            let (status, body) = health(pulse);
            (status, JSON, body)
        }
        _ => (404, TEXT, "the server has no such path; use /metrics or /health\n".into()),
    };
    Answer { status, kind, body }
}

/// Returns the status 200 while the game runs ticks or is idle, and 503 while the game hangs or the server stops.
fn health(pulse: &Pulse) -> (u16, String) {
    let beats = pulse.read();
    let (status, word) = if beats.is_stopping {
        (503, "stopping")
    } else if beats.silence > HANGS {
        (503, "hangs")
    } else {
        (200, "ok")
    };
    let body = json!({
        "status": word,
        "uptime_s": beats.uptime.as_secs(),
        "ticks": beats.ticks,
        "rested": beats.rested,
        "since_last_tick_ms": u64::try_from(beats.silence.as_millis()).unwrap_or(u64::MAX),
    });
    (status, body.to_string() + "\n")
}

/// The time without a tick after which the server counts as hung. The lowest tick rate is one per second.
const HANGS: Duration = Duration::from_secs(5);
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
