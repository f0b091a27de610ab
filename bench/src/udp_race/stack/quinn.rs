//! quinn: QUIC over tokio.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{
    AckFrequencyConfig, ClientConfig, Connection, Endpoint, EndpointConfig, RecvStream, SendStream,
    ServerConfig, TokioRuntime, TransportConfig, VarInt,
};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::{Mutex, mpsc};
use tokio::task::LocalSet;

use crate::ledger::Ledger;
use crate::measure::{TICK, now};
use crate::message::{Kind, SIZE, message};
use crate::orders::{Answer, Control, Due, Order, Setup, Work, order_queue};

pub(crate) const HOW: &str = "quinn 0.11.12 (quinn-proto 0.11.19, rustls 0.23 with ring, AES-128-GCM first, P-256 \
    certificate, no session tickets). Server: tokio on one thread, a bidirectional stream per client, messages behind two \
    bytes of length, all of a tick's messages to one client in one write; acknowledgement frequency extension, as many \
    packets and as long as tickwire waits (10 packets, 50 ms). Clients: an endpoint each, tokio on one thread. Keep-alives \
    each 5 s by the clients (by default there are none, and connections die after 30 s).";

/// The size of a message with its length, in bytes.
const FRAME: usize = SIZE + 2;
const NAME: &str = "localhost";

fn transport() -> Result<Arc<TransportConfig>> {
    let mut transport = TransportConfig::default();
    transport.max_idle_timeout(Some(Duration::from_secs(20).try_into()?));
    let mut acks = AckFrequencyConfig::default();
    acks.ack_eliciting_threshold(VarInt::from_u32(10)).max_ack_delay(Some(Duration::from_millis(50)));
    transport.ack_frequency_config(Some(acks));
    Ok(Arc::new(transport))
}

/// Returns a provider that prefers AES-128-GCM, the fastest cipher of TLS 1.3 on a processor with AES instructions.
fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    let mut provider = default_provider();
    provider
        .cipher_suites
        .sort_by_key(|suite| suite.suite() != rustls::CipherSuite::TLS13_AES_128_GCM_SHA256);
    Arc::new(provider)
}

fn block_on<F: Future<Output = Result<()>>>(future: F) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, future)
}

fn framed(message: &[u8; SIZE]) -> [u8; FRAME] {
    let mut frame = [0; FRAME];
    frame[..2].copy_from_slice(&(SIZE as u16).to_le_bytes());
    frame[2..].copy_from_slice(message);
    frame
}

pub(crate) fn serve(_setup: &Setup, control: &Arc<Control>) -> Result<()> {
    block_on(run_server(Arc::clone(control)))
}

type Streams = Rc<std::cell::RefCell<Vec<Rc<Mutex<SendStream>>>>>;

async fn run_server(control: Arc<Control>) -> Result<()> {
    let certified = rcgen::generate_simple_self_signed(vec![NAME.into()])?;
    let key =
        PrivateKeyDer::try_from(certified.signing_key.serialize_der()).map_err(|error| anyhow!(error))?;
    let certificate = certified.cert.der().clone();
    let mut tls = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)?;
    tls.send_tls13_tickets = 0;
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    config.transport_config(transport()?);
    let socket = super::polled::server_socket()?;
    let address = socket.local_addr()?;
    let endpoint = Endpoint::new(EndpointConfig::default(), Some(config), socket, Arc::new(TokioRuntime))?;
    Answer::Listening { address, key: certificate.to_vec() }.say()?;

    let streams: Streams = Streams::default();
    let (to_accept, accepting) = (Rc::clone(&streams), Arc::clone(&control));
    tokio::task::spawn_local(async move {
        while let Some(incoming) = endpoint.accept().await {
            let (streams, control) = (Rc::clone(&to_accept), Arc::clone(&accepting));
            tokio::task::spawn_local(async move {
                if let Err(error) = serve_client(incoming, streams, control).await {
                    eprintln!("quinn: a client has disconnected: {error:#}");
                }
            });
        }
    });

    let mut ticks = tokio::time::interval(Duration::from_nanos(TICK));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut number = 0;
    loop {
        ticks.tick().await;
        let count = match control.tick() {
            Due::Nothing => continue,
            Due::Each(count) => count,
            Due::All => 0,
        };
        let all: Vec<_> = streams.borrow().clone();
        number += 1;
        let to_all = Bytes::copy_from_slice(&framed(&message(Kind::Broadcast, number)));
        for stream in all {
            let frames = if count == 0 {
                to_all.clone()
            } else {
                let mut frames = Vec::with_capacity(FRAME * count as usize);
                for _ in 0..count {
                    number += 1;
                    frames.extend_from_slice(&framed(&message(Kind::Stream, number)));
                }
                frames.into()
            };
            stream.lock().await.write_chunk(frames).await?;
        }
    }
}

async fn serve_client(incoming: quinn::Incoming, streams: Streams, control: Arc<Control>) -> Result<()> {
    let connection = incoming.await?;
    let (send, mut receive) = connection.accept_bi().await?;
    let send = Rc::new(Mutex::new(send));
    streams.borrow_mut().push(Rc::clone(&send));
    control.connected.store(streams.borrow().len(), Ordering::Relaxed);
    // The first byte only opens the stream.
    let mut first = [0];
    receive.read_exact(&mut first).await?;
    send.lock().await.write_all(&first).await?;
    while let Some(chunk) = receive.read_chunk(usize::MAX, true).await? {
        if control.work() == Work::Echo {
            send.lock().await.write_chunk(chunk.bytes).await?;
        }
    }
    Ok(())
}

pub(crate) fn clients(setup: &Setup) -> Result<()> {
    block_on(run_clients(setup.clone()))
}

/// The state that all clients share.
struct Crowd {
    ledger: std::cell::RefCell<Ledger>,
    /// Receives a value for each expected echo that arrives.
    echoes: mpsc::UnboundedSender<()>,
}

async fn run_clients(setup: Setup) -> Result<()> {
    let (server, certificate) = setup
        .server
        .clone()
        .context("the setup does not contain the address of the server; this is a bug in the benchmark")?;
    let config = client_config(certificate)?;
    let endpoints: Vec<Endpoint> = (0..setup.clients).map(|_| client_endpoint()).collect::<Result<_>>()?;
    let (send, mut orders) = mpsc::unbounded_channel();
    let queue = order_queue();
    std::thread::spawn(move || while queue.recv().is_ok_and(|order| send.send(order).is_ok()) {});
    let (echoes, mut echo) = mpsc::unbounded_channel();
    let crowd = Rc::new(Crowd { ledger: std::cell::RefCell::new(Ledger::new(setup.clients)), echoes });
    Answer::Ready.say()?;
    let mut streams: Vec<Rc<Mutex<SendStream>>> = Vec::new();
    let mut connections = Vec::new();
    let mut talking: Option<tokio::task::JoinHandle<()>> = None;
    while let Some(order) = orders.recv().await {
        match order {
            Order::Connect => {
                let begun = now();
                let mut attempts = tokio::task::JoinSet::new();
                for endpoint in &endpoints {
                    let connecting = endpoint.connect_with(config.clone(), server, NAME)?;
                    attempts.spawn_local(open(connecting));
                }
                let mut readers = Vec::new();
                while let Some(opened) = attempts.join_next().await {
                    let (connection, send, receive) = opened??;
                    connections.push(connection);
                    streams.push(Rc::new(Mutex::new(send)));
                    readers.push(receive);
                }
                Answer::Connected { elapsed: now() - begun }.say()?;
                for receive in readers {
                    tokio::task::spawn_local(read(receive, Rc::clone(&crowd)));
                }
            }
            Order::Ping { milliseconds } => {
                ping(&streams, &crowd, &mut echo, milliseconds).await?;
                let answer = crowd.ledger.borrow_mut().round_trips();
                answer.say()?;
            }
            Order::Talk { every } => {
                if let Some(task) = talking.take() {
                    task.abort();
                }
                if every > 0 {
                    talking = Some(tokio::task::spawn_local(talk(streams.clone(), every)));
                }
                Answer::Done.say()?;
            }
            Order::Reset => {
                crowd.ledger.borrow_mut().reset();
                Answer::Done.say()?;
            }
            Order::Count => crowd.ledger.borrow().count().say()?,
            Order::Broadcasts => {
                let answer = crowd.ledger.borrow_mut().broadcasts();
                answer.say()?;
            }
            other => {
                anyhow::bail!("the clients cannot follow the order {other:?}; this is a bug in the benchmark")
            }
        }
    }
    Ok(())
}

fn client_config(certificate: Vec<u8>) -> Result<ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(certificate))?;
    let tls = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    let mut transport =
        Arc::into_inner(transport()?).context("the transport configuration has several owners")?;
    transport.keep_alive_interval(Some(Duration::from_secs(5)));
    config.transport_config(Arc::new(transport));
    Ok(config)
}

fn client_endpoint() -> Result<Endpoint> {
    Ok(Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0)))?)
}

/// Connects and opens the stream. The server has accepted the stream when its first byte comes back.
async fn open(connecting: quinn::Connecting) -> Result<(Connection, SendStream, RecvStream)> {
    let connection = connecting.await?;
    let (mut send, mut receive) = connection.open_bi().await?;
    send.write_all(&[0]).await?;
    receive.read_exact(&mut [0]).await?;
    Ok((connection, send, receive))
}

async fn read(mut receive: RecvStream, crowd: Rc<Crowd>) {
    let mut rest: Vec<u8> = Vec::new();
    while let Ok(Some(chunk)) = receive.read_chunk(usize::MAX, true).await {
        let mut bytes: &[u8] = &chunk.bytes;
        if !rest.is_empty() {
            rest.extend_from_slice(bytes);
            bytes = &rest;
        }
        while let Some((frame, after)) = bytes.split_at_checked(FRAME) {
            bytes = after;
            if crowd.ledger.borrow_mut().enter(&frame[2..]) {
                let _told = crowd.echoes.send(());
            }
        }
        rest = bytes.to_vec();
    }
    eprintln!("quinn: a client has lost its connection");
}

async fn ping(
    streams: &[Rc<Mutex<SendStream>>],
    crowd: &Crowd,
    echo: &mut mpsc::UnboundedReceiver<()>,
    milliseconds: u64,
) -> Result<()> {
    let until = now() + milliseconds * 1_000_000;
    for (number, stream) in streams.iter().cycle().enumerate() {
        if now() > until {
            break;
        }
        crowd.ledger.borrow_mut().expect(number as u64);
        stream.lock().await.write_all(&framed(&message(Kind::Ping, number as u64))).await?;
        echo.recv().await.context("the task that receives echoes has ended")?;
    }
    Ok(())
}

async fn talk(streams: Vec<Rc<Mutex<SendStream>>>, every: u64) {
    let mut ticks = tokio::time::interval(Duration::from_millis(every));
    loop {
        ticks.tick().await;
        for stream in &streams {
            if stream.lock().await.write_all(&framed(&message(Kind::Stream, 0))).await.is_err() {
                return;
            }
        }
    }
}
