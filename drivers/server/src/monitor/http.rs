//! A minimal HTTP server for monitoring: one GET per connection. Strangers can occupy only a few connections for a
//! few seconds.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// An HTTP response.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) body: String,
}

/// A server that answers HTTP requests until it is dropped.
pub(super) struct HttpServer {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
}

type Answering = dyn Fn(&str, &str) -> Answer + Send + Sync;

impl HttpServer {
    /// Starts a server that calls `answer` with the method and the path of each request.
    pub(super) fn start(
        listener: TcpListener,
        answer: impl Fn(&str, &str) -> Answer + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, answer): (_, Arc<Answering>) = (Arc::clone(&is_over), Arc::new(answer));
        thread::Builder::new().name("monitor".into()).spawn(move || accept_all(&listener, &over, &answer))?;
        Ok(Self { address, is_over })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for HttpServer {
    /// Stops the thread that accepts connections. The thread notices the stop at the next connection, so this method
    /// connects to it.
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let ip = match self.address.ip() {
            ip if !ip.is_unspecified() => ip,
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        let _woken = TcpStream::connect_timeout(&(ip, self.address.port()).into(), WAKE);
    }
}

/// Accepts connections until the server is dropped. After an error of one connection or of the process, the function
/// tries again.
fn accept_all(listener: &TcpListener, is_over: &AtomicBool, answer: &Arc<Answering>) {
    let held = Held::default();
    let mut complained: Option<Instant> = None;
    while !is_over.load(Ordering::Relaxed) {
        let begun = listener.accept().and_then(|(stream, _)| {
            if is_over.load(Ordering::Relaxed) {
                return Ok(());
            }
            let stream = Arc::new(stream);
            held.add(Arc::clone(&stream));
            let (mine, of, answer) = (Arc::clone(&stream), held.clone(), Arc::clone(answer));
            let spawned = thread::Builder::new().name("monitor request".into()).spawn(move || {
                // Who asked may be gone.
                let _gone = serve(&mine, &*answer);
                of.remove(&mine);
            });
            spawned.map(drop).inspect_err(|_| held.remove(&stream))
        });
        let Err(error) = begun else { continue };
        if complained.is_none_or(|last| last.elapsed() >= COMPLAIN_EVERY) {
            complained = Some(Instant::now());
            tracing::warn!(
                "the monitoring server cannot accept a connection: {error}; it keeps trying; if the error lasts, \
                raise the limit of \
                 open files or threads (`ulimit -n`, `LimitNOFILE`, `TasksMax`)"
            );
        }
        thread::sleep(PAUSE);
    }
}

/// The open connections, the oldest first.
#[derive(Clone, Default)]
struct Held(Arc<Mutex<VecDeque<Arc<TcpStream>>>>);

impl Held {
    /// Adds a connection. If too many connections are open, closes the oldest, because a client that sends its request
    /// at once has already been answered.
    fn add(&self, stream: Arc<TcpStream>) {
        let mut streams = self.lock();
        if streams.len() >= CONNECTIONS
            && let Some(oldest) = streams.pop_front()
        {
            // Its thread reads the end, and closes it.
            let _gone = oldest.shutdown(Shutdown::Both);
        }
        streams.push_back(stream);
    }

    fn remove(&self, stream: &Arc<TcpStream>) {
        self.lock().retain(|other| !Arc::ptr_eq(other, stream));
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<TcpStream>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads one request, and answers it.
fn serve(stream: &TcpStream, answer: &Answering) -> io::Result<()> {
    let deadline = Instant::now() + LIFE;
    stream.set_write_timeout(Some(LIFE))?;
    let asked = read_head(stream, deadline)?;
    let (reply, wants_body) = match &asked {
        Head::None => return Ok(()),
        Head::Request { method, target } => (answer(method, path_of(target)), method != "HEAD"),
        Head::Nonsense(why) => {
            let body = format!(
                "the request is not a valid HTTP/1 request: {why}; send GET /metrics or GET /health\n"
            );
            (Answer { status: 400, kind: PLAIN, body }, true)
        }
        Head::TooLong => {
            let body = format!("a request may have at most {HEAD} bytes; send fewer headers\n");
            (Answer { status: 431, kind: PLAIN, body }, true)
        }
    };
    let mut text = format!(
        "HTTP/1.1 {} {}\r\n{}Content-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        reply.status,
        phrase(reply.status),
        if reply.status == 405 { "Allow: GET, HEAD\r\n" } else { "" },
        reply.kind,
        reply.body.len()
    );
    if wants_body {
        text.push_str(&reply.body);
    }
    let mut to = stream;
    to.write_all(text.as_bytes())?;
    to.shutdown(Shutdown::Write)?;
    // What is closed while something is unread may take the answer along: so the rest is read first.
    let mut rest = [0; 1024];
    let mut read = 0;
    while read < REST && wait_until(stream, deadline)? {
        match to.read(&mut rest)? {
            0 => break,
            length => read += length,
        }
    }
    Ok(())
}

/// The result of reading the head of a request.
#[derive(PartialEq, Eq, Debug)]
enum Head {
    Request {
        method: String,
        target: String,
    },
    /// The bytes are not an HTTP request, for this reason.
    Nonsense(httparse::Error),
    TooLong,
    /// The request was not complete in time.
    None,
}

fn read_head(mut stream: &TcpStream, deadline: Instant) -> io::Result<Head> {
    let mut bytes = Vec::new();
    let mut part = [0; 1024];
    while bytes.len() < HEAD && wait_until(stream, deadline)? {
        let length = stream.read(&mut part)?;
        if length == 0 {
            break;
        }
        bytes.extend_from_slice(part.get(..length).unwrap_or_default());
        match parse(&bytes) {
            Head::None => {}
            head => return Ok(head),
        }
    }
    Ok(if bytes.len() < HEAD { Head::None } else { Head::TooLong })
}

/// Returns the path in a request target, without a query and without a host.
fn path_of(target: &str) -> &str {
    let target = target.split('?').next().unwrap_or_default();
    match target.split_once("://") {
        Some((_, host)) => host.find('/').and_then(|path| host.get(path..)).unwrap_or("/"),
        None => target,
    }
}

/// Parses the bytes read so far. Returns `None` if the head is not complete.
fn parse(bytes: &[u8]) -> Head {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Partial) => Head::None,
        Ok(httparse::Status::Complete(_)) => Head::Request {
            method: request.method.unwrap_or_default().into(),
            target: request.path.unwrap_or_default().into(),
        },
        Err(error) => Head::Nonsense(error),
    }
}

/// Sets the timeout of the next read to the remaining time until `deadline`. Returns whether time remains.
fn wait_until(stream: &TcpStream, deadline: Instant) -> io::Result<bool> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Ok(false);
    }
    stream.set_read_timeout(Some(left))?;
    Ok(true)
}

const fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        431 => "Request Header Fields Too Large",
        _ => "Service Unavailable",
    }
}

/// The largest number of connections at the same time.
const CONNECTIONS: usize = 16;
/// The longest duration of one connection.
const LIFE: Duration = Duration::from_secs(5);
/// The largest size of a request's head, in bytes.
const HEAD: usize = 8192;
/// The largest number of bytes after a request that the server reads, so that the client receives the answer before the
/// connection closes.
const REST: usize = 256 << 10;
const PLAIN: &str = "text/plain; charset=utf-8";
/// The largest number of headers in a request. The server ignores all headers.
const HEADERS: usize = 64;
/// The wait after an error before the server tries to accept a connection again.
const PAUSE: Duration = Duration::from_millis(100);
const WAKE: Duration = Duration::from_millis(100);
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_http_request_head_is_parsed_when_it_is_complete() {
        let head = b"GET /health?a=b HTTP/1.0\r\nHost: x\r\n\r\n";
        for length in 0..head.len() {
            assert_eq!(parse(&head[..length]), Head::None, "{length}");
        }
        assert_eq!(parse(head), Head::Request { method: "GET".into(), target: "/health?a=b".into() });
    }

    #[test]
    fn an_http_request_target_is_parsed_with_and_without_a_host() {
        for target in ["/health", "/health?a=b", "http://x/health", "http://x:80/health?a=b"] {
            assert_eq!(path_of(target), "/health", "{target}");
        }
        assert_eq!((path_of("http://x"), path_of("http://x?/health"), path_of("*")), ("/", "/", "*"));
    }

    #[test]
    fn an_incomplete_head_that_is_not_http_and_a_head_with_too_many_headers_are_refused() {
        let many = "x: y\r\n".repeat(HEADERS + 1);
        let many = format!("GET / HTTP/1.1\r\n{many}\r\n");
        for text in ["good morning\r\n", "GET / HTTP/2.0\r\n", "\0", "GET / HTTP/1.1\r\na b: c\r\n", &many] {
            assert!(matches!(parse(text.as_bytes()), Head::Nonsense(_)), "{text}");
        }
    }
}
