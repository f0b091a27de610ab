//! The dedicated server: its parts, and how it starts.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tickwire_core::message::Registry;
use tickwire_core::{Access, AdmissionRequest, Config, PublicKey, Secrets};
use tickwire_native::{Options, Server, StartError, key_file};

use crate::bans::Bans;
use crate::client::{Client, Clients};
use crate::config::{Layers, LogLevel, ServerConfig};
use crate::console::Commands;
use crate::context::Context;
use crate::error::ServerError;
use crate::game::Game;
use crate::mailbox::Mailbox;
use crate::messages::{Inbox, Messages};
use crate::metrics::GameMetrics;
use crate::monitor::Monitor;
use crate::presence_log::PresenceLog;
use crate::pulse::Pulse;
use crate::remote::{Order, Remote};
use crate::replication::Replication;
use crate::schedule::Schedule;
use crate::watch::Watch;
use crate::world_schema::snapshots;

/// A dedicated server that is started and ready to run.
///
/// ```
/// use tickwire_server::world::World;
/// use tickwire_server::{Dedicated, ServerConfig};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let mut config = ServerConfig::default();
/// config.bind_address = "127.0.0.1:0".parse()?;
/// (config.key_file, config.ban_file) = (folder.path().join("key"), folder.path().join("bans"));
/// let server = Dedicated::start(World::default(), config)?;
/// let remote = server.remote(); // for other threads
/// # remote.stop("that is enough");
/// let summary = server.run()?; // until somebody stops it
/// println!("{}: {} ticks", summary.why, summary.ticks);
/// # Ok(())
/// # }
/// ```
pub struct Dedicated<G: Game> {
    pub(crate) game: G,
    /// The network driver. `None` once the server has stopped it.
    pub(crate) network: Option<Server>,
    /// The network, the clients and the time, through which the game's methods use the server.
    pub(crate) context: Context,
    pub(crate) inbox: Inbox<G>,
    pub(crate) commands: Rc<Commands<G>>,
    pub(crate) config: ServerConfig<G::Settings>,
    /// The sources of the configuration, if the server follows their changes.
    pub(crate) layers: Option<Layers>,
    /// The keys whose values in the file differ from the values in use, with the values in the file, as last reported.
    pub(crate) pending: Vec<(String, String)>,
    pub(crate) bans: Bans,
    pub(crate) schedule: Schedule,
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) monitor: Option<Monitor>,
    pub(crate) presence_log: PresenceLog,
    /// `true` if the game was idle after its latest tick, and no input has arrived since.
    pub(crate) is_at_rest: bool,
    /// The latest failure that the network driver reported, and the time of the report.
    pub(crate) network_failure: Option<(Instant, String)>,
    /// The number of reliable messages to departed clients that were never sent.
    pub(crate) not_sent: u64,
    pub(crate) unconfirmed: u64,
    /// The number of messages that the game received.
    pub(crate) taken: u64,
    pub(crate) orders: Arc<Mailbox<Order>>,
    pub(crate) set_log_level: Option<Box<dyn FnMut(LogLevel)>>,
    pub(crate) watch: Option<Watch>,
    /// None if the game replicates no world.
    pub(crate) replication: Option<Replication>,
    key_is_new: bool,
}

impl<G: Game> std::fmt::Debug for Dedicated<G> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dedicated({} at {})", G::NAME, self.address())
    }
}

/// Returns the options for a client of game `G`: the application number, message types, channels and maximum message
/// size of the game, and the schema and limits of its replicated world. All other options have the defaults of
/// [`Config::new`] and [`Options::new`].
///
/// ```
/// # use tickwire_server::world::World;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = tickwire_native::Client::start(tickwire_server::client_options::<World>()?)?;
/// # drop(client);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ServerError::Messages`] or [`ServerError::Components`] if a message type or a component is not allowed.
pub fn client_options<G: Game>() -> Result<Options, ServerError> {
    let (mut of_server, mut config) = (Config::new(G::APPLICATION), Config::new(G::APPLICATION));
    of_server.snapshots = snapshots::<G>()?;
    G::configure(&mut of_server);
    (config.channels, config.max_message) = (of_server.channels, of_server.max_message);
    config.snapshots = of_server.snapshots;
    Ok(Options::new(config).registry(registry::<G>()?))
}

/// Returns the registry of the message types of game `G`, for clients that need only the registry.
/// [`client_options`] includes it.
///
/// # Errors
/// [`tickwire_core::message::RegisterError`] if a message type cannot be registered.
pub fn registry<G: Game>() -> Result<Arc<Registry>, tickwire_core::message::RegisterError> {
    let mut messages = Messages::<G>::default();
    G::messages(&mut messages)?;
    Ok(messages.into_parts().0)
}

impl<G: Game> Dedicated<G> {
    /// Reads or generates the keys, opens the socket, and starts the game. Call [`Dedicated::run`] next. The server
    /// logs only through `tracing`, and accepts commands only through [`Dedicated::remote`].
    ///
    /// # Errors
    /// [`ServerError`] if the configuration, a file, a message type or a component is unusable, a socket cannot be
    /// opened, or the game returns an error.
    pub fn start(game: G, config: ServerConfig<G::Settings>) -> Result<Self, ServerError> {
        let mut messages = Messages::<G>::default();
        G::messages(&mut messages)?;
        let (registry, inbox) = messages.into_parts();
        let (secrets, key_is_new) = secrets(&config)?;
        let bans = Bans::load(&config.ban_file)?;
        let core = core_config::<G>(&config)?;
        let tick_rate = config.tick_rate;
        let replication = core.snapshots.as_ref().map(|snapshots| Replication::new(snapshots, tick_rate));
        let (network, savings) = open(core, config.bind_address, secrets, registry, &bans)?;
        let handle = network.handle();
        let (pulse, metrics) = (Arc::new(Pulse::default()), GameMetrics::default());
        let monitor = match config.monitoring_address {
            Some(address) => {
                Some(Monitor::start(address, handle.clone(), Arc::clone(&pulse), metrics.clone())?)
            }
            None => None,
        };
        let mut commands = Commands::new();
        G::commands(&mut commands);
        let now = Instant::now();
        let mut server = Self {
            game,
            network: Some(network),
            context: Context {
                network: handle,
                clients: Clients::new(savings),
                started_at: now,
                tick: 0,
                stop: None,
                metrics,
            },
            inbox,
            commands: Rc::new(commands),
            layers: None,
            pending: Vec::new(),
            bans,
            schedule: Schedule::new(config.tick_rate, config.network_update_rate, now),
            pulse,
            monitor,
            presence_log: PresenceLog::new(),
            is_at_rest: false,
            network_failure: None,
            not_sent: 0,
            unconfirmed: 0,
            taken: 0,
            orders: Arc::default(),
            set_log_level: None,
            watch: None,
            replication,
            key_is_new,
            config,
        };
        let _taken = server.context.network.set_bandwidth_limit(server.config.bandwidth_limit);
        let settings = server.config.game.clone();
        server.with_game(|game, context| game.start(context, &settings)).map_err(ServerError::Game)?;
        server.replicate();
        tracing::info!("Headless server started on {} ({})", server.address(), G::NAME);
        Ok(server)
    }

    /// Checks that the game's message types and components can be registered, and that their channels are configured. The method opens
    /// no socket and no file.
    ///
    /// # Errors
    /// The [`ServerError`] that [`Dedicated::start`] would return for the message types, components and channels.
    pub fn check(config: &ServerConfig<G::Settings>) -> Result<(), ServerError> {
        let channels = core_config::<G>(config)?.channels;
        let registry = registry::<G>()?;
        Ok(StartError::expect_channels(&registry, &channels)?)
    }

    /// Watches the configuration file of `layers`, and applies later changes of the file to the running server. The
    /// overrides in `layers` still override the values in the file.
    ///
    /// # Errors
    /// [`ServerError::System`] if the system cannot watch files.
    pub fn follow(&mut self, layers: Layers) -> Result<(), ServerError> {
        if let Some(path) = &layers.file {
            self.watch = Some(Watch::start(path, self.remote())?);
        }
        self.layers = Some(layers);
        Ok(())
    }

    /// Sets the function that the server calls when the log level in the configuration changes.
    pub fn on_log_level(&mut self, set: impl FnMut(LogLevel) + 'static) {
        self.set_log_level = Some(Box::new(set));
    }

    /// Returns the local address that the socket is bound to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.context.network.local_address()
    }

    /// Returns the TCP address at which the server serves metrics and its health, or `None` if the server serves
    /// neither.
    #[must_use]
    pub fn monitoring_address(&self) -> Option<SocketAddr> {
        self.monitor.as_ref().map(Monitor::address)
    }

    /// Returns the public key of the server, which its clients pin.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.context.network.public_key()
    }

    /// Returns whether the server generated a new key at this start.
    #[must_use]
    pub const fn key_is_new(&self) -> bool {
        self.key_is_new
    }

    /// Returns a handle with which other threads can give commands to this server.
    #[must_use]
    pub fn remote(&self) -> Remote {
        Remote::new(Arc::clone(&self.orders))
    }

    /// Returns the time since the start of the server.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.context.started_at.elapsed()
    }

    /// Returns all clients, including interrupted clients whose session the server keeps.
    pub fn clients(&self) -> impl Iterator<Item = &Client> {
        self.context.clients.iter()
    }

    /// Returns the game that the server runs.
    pub const fn game(&self) -> &G {
        &self.game
    }

    /// Calls a method of the game with the context.
    pub(crate) fn with_game<R>(&mut self, call: impl FnOnce(&mut G, &mut Context) -> R) -> R {
        call(&mut self.game, &mut self.context)
    }
}

impl<G: Game> Drop for Dedicated<G> {
    /// Closes the mailbox, so that no caller waits for a reply that will not come.
    fn drop(&mut self) {
        self.orders.close();
    }
}

/// Returns the server's keys, and whether the identity key was generated now.
fn secrets<S>(config: &ServerConfig<S>) -> Result<(Secrets, bool), ServerError> {
    let (identity, is_new) = key_file::load_or_create(&config.key_file)?;
    let secrets = Secrets::new(identity);
    let secrets = match &config.ticket_key_file {
        Some(path) => secrets.ticket_key(key_file::load(path)?),
        None => secrets,
    };
    Ok((secrets, is_new))
}

/// Returns the core's configuration: the settings of the server, changed by the game.
fn core_config<G: Game>(config: &ServerConfig<G::Settings>) -> Result<Config, ServerError> {
    let mut core = Config::new(G::APPLICATION);
    core.access = if config.ticket_key_file.is_some() { Access::Tickets } else { Access::Open };
    core.max_connections = config.max_connections as usize;
    core.max_connections_per_source = config.max_connections_per_address.map(|most| most as usize);
    core.handshake_rate = config.handshakes_per_second;
    core.handshake_burst = config.handshake_burst;
    core.idle_timeout = config.idle_timeout;
    core.resume_window = config.resume_window;
    core.snapshots = snapshots::<G>()?;
    G::configure(&mut core);
    Ok(core)
}

/// Starts the network driver. Also returns the time for which a connection survives without a datagram, for which a
/// client's unused limits accumulate.
fn open(
    core: Config,
    bind_address: SocketAddr,
    secrets: Secrets,
    registry: Arc<Registry>,
    bans: &Bans,
) -> Result<(Server, Duration), ServerError> {
    let savings = core.idle_timeout.saturating_add(core.resume_window).min(SAVINGS_MOST);
    let bans = bans.clone();
    let options = Options::new(core)
        .secrets(secrets)
        .registry(registry)
        // It decodes and judges every message itself.
        .screen_messages(false)
        .bind(bind_address)
        .accept_policy(move |request: &AdmissionRequest<'_>| bans.admit(request));
    Ok((Server::start(options)?, savings))
}

/// The largest time for which unused limits accumulate: the maximum that the configuration keys allow. A game may set longer
/// timeouts, even timeouts that overflow the clock.
const SAVINGS_MOST: Duration = Duration::from_secs(2 * 3600);
