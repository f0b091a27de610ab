//! The parts of every server, client and peer: a handle and the network thread.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tickwire_core::{Config, Endpoint, Secrets};

use crate::clock::Clock;
use crate::coalescing::Coalescing;
use crate::command::Command;
use crate::command_queue::CommandQueue;
use crate::dial::Dials;
use crate::error::StartError;
use crate::event_queue::EventQueue;
use crate::handle::Handle;
use crate::key_file;
use crate::network_thread::NetworkThread;
use crate::options::{Bind, Options};
use crate::rt;
use crate::shared::{Facts, Shared};
use crate::sleep::Sleeper;
use crate::udp_socket::UdpSocket;

/// A running endpoint.
pub(crate) struct Node {
    pub(crate) handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Node {
    pub(crate) fn start(options: Options) -> Result<Self, StartError> {
        let Options {
            mut config,
            secrets,
            key_file,
            registry,
            bind,
            policy,
            commands,
            events,
            socket_buffer,
            receive_coalescing,
            resolver,
            screens_messages,
        } = options;
        let socket = UdpSocket::open(bind.unwrap_or(Bind::Any { port: 0 }), socket_buffer)?;
        let sleeper = Sleeper::new().map_err(StartError::Thread)?;
        let clock = Clock::start();
        prepare(&mut config, &clock, &registry);
        config.dont_fragment = !socket.may_fragment();
        StartError::expect_channels(&registry, &config.channels)?;
        let secrets = long_lived(secrets, key_file.as_deref())?;
        let (channels, max_message, connect_timeout) =
            (config.channels.clone(), config.max_message, config.connect_timeout);
        let has_worlds = config.snapshots.is_some();
        let mut endpoint = Endpoint::new(config, secrets, random()?, clock.now())?;
        let facts = Facts {
            screens_messages: screens_messages && !registry.is_empty(),
            registry,
            channels,
            max_message,
            has_worlds,
            clock,
            local_address: socket.local_address(),
            public_key: endpoint.public_key(),
        };
        let commands = CommandQueue::new(commands, Arc::clone(sleeper.alarm()));
        let shared = Arc::new(Shared::new(commands, EventQueue::new(events), facts));
        if let Some(policy) = policy {
            endpoint.set_authenticator(policy.guarded(Arc::clone(&shared.policy_panics)));
        }
        let coalescing = |now| Coalescing::new(receive_coalescing, now);
        let dials = Dials::new(connect_timeout, resolver);
        let network = NetworkThread::new(Arc::clone(&shared), endpoint, socket, sleeper, dials, coalescing);
        let thread = std::thread::Builder::new()
            .name("tickwire-net".into())
            .spawn(move || network.run())
            .map_err(StartError::Thread)?;
        Ok(Self { handle: Handle(shared), thread: Some(thread) })
    }

    pub(crate) fn stop(&mut self, code: u16, text: &str, grace: Duration) {
        self.order(Command::Stop { code, text: text.into(), grace, cuts_short: true });
        self.join();
    }

    pub(crate) async fn stop_async(&mut self, code: u16, text: &str, grace: Duration) {
        let stop = Command::Stop { code, text: text.into(), grace, cuts_short: true };
        self.handle.0.commands.insist_async(stop).await;
        if let Some(thread) = self.thread.take() {
            let _ended = rt::wait_for(thread).await;
        }
    }

    pub(crate) fn abort(&mut self) {
        self.order(Command::Abort);
        self.join();
    }

    fn order(&self, command: Command) {
        // Nobody stops an endpoint from its own network thread: it could not wait for its end either.
        let _refused = self.handle.0.insist(command);
    }

    fn join(&mut self) {
        let is_own = self.handle.0.is_network_thread();
        if let Some(thread) = self.thread.take_if(|_| !is_own) {
            // A thread that panicked has said so on standard error, and closed the queues.
            let _ended = thread.join();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.order(Command::Stop {
                code: 0,
                text: String::new(),
                grace: Duration::ZERO,
                cuts_short: false,
            });
            self.join();
        }
    }
}

fn prepare(config: &mut Config, clock: &Clock, registry: &tickwire_core::message::Registry) {
    config.wall_offset = clock.wall_offset;
    if !registry.is_empty() {
        config.schema = registry.schema();
    }
}

/// Returns the given secrets, with the identity from the key file if a file is set. Without secrets and key file, the function
/// generates an identity, which lasts until the endpoint stops.
fn long_lived(given: Option<Secrets>, file: Option<&Path>) -> Result<Secrets, StartError> {
    let Some(path) = file else { return given.map_or_else(|| Ok(Secrets::new(random()?)), Ok) };
    let (identity, _) = key_file::load_or_create(path)?;
    Ok(Secrets { ticket: given.and_then(|secrets| secrets.ticket), ..Secrets::new(identity) })
}

/// Returns 32 bytes of the system's random numbers.
fn random() -> Result<[u8; 32], StartError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| StartError::Entropy { reason: error.to_string() })?;
    Ok(bytes)
}
