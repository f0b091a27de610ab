//! Metrics for Prometheus, and health for whoever keeps the server running, over HTTP.

mod metrics;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::json;
use tickwire_native::Handle;
use tiny_http::{Header, Method, Request, Response};

use self::metrics::Metrics;
use crate::error::ServerError;
use crate::pulse::Pulse;

/// The HTTP server. It ends when this is dropped.
pub(crate) struct Monitor {
    server: Arc<tiny_http::Server>,
    address: SocketAddr,
}

impl Monitor {
    pub(crate) fn start(
        address: SocketAddr,
        network: Handle,
        pulse: Arc<Pulse>,
    ) -> Result<Self, ServerError> {
        let why = |reason: String| ServerError::Monitoring { address, reason };
        let listener = TcpListener::bind(address).map_err(|error| why(explained(&error)))?;
        let address = listener.local_addr().map_err(|error| why(error.to_string()))?;
        let server =
            tiny_http::Server::from_listener(listener, None).map_err(|error| why(error.to_string()))?;
        let server = Arc::new(server);
        let thread = thread::Builder::new().name("monitor".into());
        let requests = Arc::clone(&server);
        let metrics = Metrics::new(network, Arc::clone(&pulse));
        let serve = move || {
            while let Ok(request) = requests.recv() {
                answer(request, &metrics, &pulse);
            }
        };
        thread.spawn(serve).map_err(|error| why(error.to_string()))?;
        Ok(Self { server, address })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.server.unblock();
    }
}

fn explained(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the TCP port is in use".into(),
        _ => error.to_string(),
    }
}

fn answer(request: Request, metrics: &Metrics, pulse: &Pulse) {
    let path = request.url().split('?').next().unwrap_or_default().to_owned();
    let is_get = matches!(request.method(), Method::Get | Method::Head);
    let (status, kind, body) = match path.as_str() {
        _ if !is_get => (405, TEXT, "only GET is answered here\n".into()),
        "/metrics" => (200, METRICS, metrics.text()),
        "/health" => {
            let (status, body) = health(pulse);
            (status, JSON, body)
        }
        _ => (404, TEXT, "there are /metrics and /health\n".into()),
    };
    let mut response = Response::from_string(body).with_status_code(status);
    if let Ok(header) = Header::from_bytes("Content-Type", kind) {
        response.add_header(header);
    }
    // Who asked may be gone.
    let _gone = request.respond(response);
}

/// 200 while the game ticks, 503 when it hangs or stops.
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
        "since_last_tick_ms": u64::try_from(beats.silence.as_millis()).unwrap_or(u64::MAX),
    });
    (status, body.to_string() + "\n")
}

/// Silence of the tick after which the server counts as hung; the slowest tick rate is one per second.
const HANGS: Duration = Duration::from_secs(5);
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
