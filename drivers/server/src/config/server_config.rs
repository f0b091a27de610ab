//! The keys of a server's configuration, and their defaults.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{addresses, duration};

/// The settings of a game: an object with a default for every key, so that every key may be omitted. The JSON
/// Schema of the settings becomes part of the server's JSON Schema.
///
/// ```
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
/// use tickwire_server::Settings;
///
/// #[derive(Serialize, Deserialize, JsonSchema, Clone)]
/// #[serde(default, deny_unknown_fields)]
/// struct BellSettings {
///     /// Bells in the tower.
///     #[schemars(range(min = 1, max = 12))]
///     bells: u8,
/// }
///
/// impl Default for BellSettings {
///     fn default() -> Self {
///         Self { bells: 3 }
///     }
/// }
///
/// fn takes(_: impl Settings) {}
/// takes(BellSettings::default());
/// ```
pub trait Settings: Serialize + DeserializeOwned + JsonSchema + Default + Clone + Send + 'static {}

impl<T: Serialize + DeserializeOwned + JsonSchema + Default + Clone + Send + 'static> Settings for T {}

/// The settings type of a game that has no settings.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug, Default)]
#[serde(default, deny_unknown_fields)]
pub struct NoSettings {}

/// The configuration of a dedicated server. Every key may be omitted.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
#[serde(default, deny_unknown_fields, bound(deserialize = "S: DeserializeOwned + Default"))]
#[schemars(rename = "ServerConfig", inline, bound = "S: JsonSchema + Serialize + Default")]
#[non_exhaustive]
pub struct ServerConfig<S> {
    /// The local address and UDP port that clients connect to. 0.0.0.0 stands for all IPv4 addresses, and `[::]` for all IPv4 and IPv6 addresses. With port 0 the system chooses the port. Takes effect at a restart.
    ///
    /// Default: 0.0.0.0:7777.
    #[serde(with = "addresses::required")]
    #[schemars(with = "String", example = "0.0.0.0:7777", example = "[::]:7777")]
    pub bind_address: SocketAddr,
    /// The largest number of clients that may be connected at the same time. Interrupted clients whose session may still resume count too. Takes effect at a restart.
    ///
    /// Default: 64. Range: 1 to 32,768.
    #[schemars(range(min = 1, max = 32768))]
    pub max_connections: u32,
    /// The largest number of clients that one address (an IPv4 address or an IPv6 /64) may have connected at the same time. Without this key, the limit is half of `max_connections`, rounded up. Takes effect at a restart.
    ///
    /// Default: none. Range: 1 to 32,768.
    #[schemars(range(min = 1, max = 32768))]
    pub max_connections_per_address: Option<u32>,
    /// The number of handshakes per second that the server answers for one address (an IPv4 address or an IPv6 /64). The server answers an address that never completes a handshake at an eighth of this rate. Takes effect at a restart.
    ///
    /// Default: 32. Range: 1 to 1,000,000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub handshakes_per_second: u32,
    /// The largest number of handshakes with one address (an IPv4 address or an IPv6 /64) that the server answers in one burst, before `handshakes_per_second` limits the address. Set this key to the number of players who share an address and may connect at the same time. Takes effect at a restart.
    ///
    /// Default: 64. Range: 1 to 1,000,000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub handshake_burst: u32,
    /// The number of ticks of the game per second. Takes effect immediately.
    ///
    /// Default: 60. Range: 1 to 1,000.
    #[schemars(range(min = 1, max = 1000))]
    pub tick_rate: u32,
    /// The number of state updates per second that the game sends to the clients. Takes effect immediately.
    ///
    /// Default: 20. Range: 1 to 1,000.
    #[schemars(range(min = 1, max = 1000))]
    pub network_update_rate: u32,
    /// `true` if the server writes a log. Takes effect at a restart.
    ///
    /// Default: yes.
    pub enable_logging: bool,
    /// The file that the server writes its log to. `-` stands for standard error. Takes effect at a restart.
    ///
    /// Default: server.log.
    #[schemars(length(min = 1))]
    pub log_file_path: PathBuf,
    /// The lowest level of messages that the server logs: `error`, `warn`, `info`, `debug` or `trace`. Takes effect immediately.
    ///
    /// Default: info.
    pub log_level: LogLevel,
    /// The size in bytes at which the server adds the suffix `.1` to the name of the log file and begins a new log file. Takes effect at a restart.
    ///
    /// Default: 10 MiB. Range: 4 KiB or more.
    #[schemars(range(min = 4096))]
    pub log_file_bytes: u64,
    /// The number of rotated log files that the server keeps. The server deletes older files at each rotation. Takes effect at a restart.
    ///
    /// Default: 5. Range: 0 to 1,000.
    #[schemars(range(max = 1000))]
    pub log_files_kept: u32,
    /// `true` if the server reads commands from standard input. Takes effect at a restart.
    ///
    /// Default: yes.
    pub enable_console: bool,
    /// The file with the server's secret key. The server creates the file at its first start. Takes effect at a restart.
    ///
    /// Default: server.key.
    #[schemars(length(min = 1))]
    pub key_file: PathBuf,
    /// The file with the key, derived by the backend, that opens this server's tickets. With this file, the server accepts only clients with a ticket. Without this file, the server accepts every client. Takes effect at a restart.
    ///
    /// Default: none.
    pub ticket_key_file: Option<PathBuf>,
    /// The file with the list of bans. Takes effect at a restart.
    ///
    /// Default: server.bans.json.
    #[schemars(length(min = 1))]
    pub ban_file: PathBuf,
    /// The local address and TCP port at which the server serves metrics and its health over HTTP, to everybody who can reach the port. With `null`, the server serves neither metrics nor its health. Takes effect at a restart.
    ///
    /// Default: none.
    #[serde(with = "addresses::optional")]
    #[schemars(with = "Option<String>", example = "127.0.0.1:9777")]
    pub monitoring_address: Option<SocketAddr>,
    /// The time without a datagram from a client after which the client counts as interrupted. Takes effect at a restart.
    ///
    /// Default: 20 s. Range: 100 ms to 1 h.
    #[serde(with = "duration")]
    #[schemars(with = "String", extend("x-minimum" = "100 ms", "x-maximum" = "1 h"), example = "20 s")]
    pub idle_timeout: Duration,
    /// The time for which the server keeps the session of an interrupted client. Takes effect at a restart.
    ///
    /// Default: 1 min. Range: 0 s to 1 h.
    #[serde(with = "duration")]
    #[schemars(with = "String", extend("x-minimum" = "0 s", "x-maximum" = "1 h"), example = "1 min")]
    pub resume_window: Duration,
    /// The time for which a stopping server still delivers queued messages to its clients. Takes effect immediately.
    ///
    /// Default: 5 s. Range: 0 s to 10 min.
    #[serde(with = "duration")]
    #[schemars(with = "String", extend("x-minimum" = "0 s", "x-maximum" = "10 min"), example = "5 s")]
    pub shutdown_timeout: Duration,
    /// The largest number of bytes per second that the server sends to all clients together. `null` sets no limit. Takes effect immediately.
    ///
    /// Default: none. Range: 1,000 bytes/s or more.
    #[schemars(range(min = 1000))]
    pub bandwidth_limit: Option<NonZeroU32>,
    /// The largest number of bytes per second that the server sends to one client. `null` sets no limit. Takes effect immediately.
    ///
    /// Default: none. Range: 1,000 bytes/s or more.
    #[schemars(range(min = 1000))]
    pub client_bandwidth_limit: Option<NonZeroU32>,
    /// The number of messages per second that the server accepts from one client. A new client may send up to four times this number in one burst. A later burst may also contain the messages that the client did not send earlier, within the sum of `idle_timeout` and `resume_window`. The server disconnects a client that exceeds the limit, and states the limit as the reason. `null` sets no limit. Takes effect immediately.
    ///
    /// Default: 300. Range: 1 or more.
    #[schemars(range(min = 1))]
    pub client_message_limit: Option<NonZeroU32>,
    /// The number of bytes of messages per second that the server accepts from one client. A new client may send up to four times this number in one burst. A later burst may also contain the bytes that the client did not send earlier, within the sum of `idle_timeout` and `resume_window`. The server disconnects a client that exceeds the limit, and states the limit as the reason. `null` sets no limit. Takes effect immediately.
    ///
    /// Default: 131,072 bytes/s. Range: 1,000 bytes/s or more.
    #[schemars(range(min = 1000))]
    pub client_byte_limit: Option<NonZeroU32>,
    /// The game's own settings. The game decides which of these settings take effect immediately.
    ///
    /// Default: those of the game.
    pub game: S,
}

/// The lowest level of messages that the server logs.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[non_exhaustive]
pub enum LogLevel {
    /// Logs only errors, which report that an action failed.
    Error,
    /// Logs errors and warnings, which report that an action failed or may fail.
    Warn,
    /// Logs errors, warnings, and the main events of the server: starts, stops, clients that join and leave.
    #[default]
    Info,
    /// Logs everything that `info` logs, and details that explain the server's events.
    Debug,
    /// Logs everything.
    Trace,
}

impl<S: Default> Default for ServerConfig<S> {
    fn default() -> Self {
        Self {
            bind_address: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 7777)),
            max_connections: 64,
            max_connections_per_address: None,
            handshakes_per_second: 32,
            handshake_burst: 64,
            tick_rate: 60,
            network_update_rate: 20,
            enable_logging: true,
            log_file_path: "server.log".into(),
            log_level: LogLevel::Info,
            log_file_bytes: 10 << 20,
            log_files_kept: 5,
            enable_console: true,
            key_file: "server.key".into(),
            ticket_key_file: None,
            ban_file: "server.bans.json".into(),
            monitoring_address: None,
            idle_timeout: Duration::from_secs(20),
            resume_window: Duration::from_secs(60),
            shutdown_timeout: Duration::from_secs(5),
            bandwidth_limit: None,
            client_bandwidth_limit: None,
            client_message_limit: NonZeroU32::new(300),
            client_byte_limit: NonZeroU32::new(128 << 10),
            game: S::default(),
        }
    }
}

/// Returns the JSON Schema of the configuration of a server whose game has settings `S`.
#[must_use]
pub fn schema<S: Settings>() -> Value {
    let generator = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = generator.into_generator().into_root_schema_for::<ServerConfig<S>>().to_value();
    leave_out_defaults(&mut schema);
    schema
}

/// Removes defaults and ranges from every description in the schema, because the schema has separate keywords for them.
fn leave_out_defaults(schema: &mut Value) {
    let Value::Object(keywords) = schema else { return };
    for (keyword, value) in keywords {
        match value {
            Value::String(text) if keyword == "description" => {
                text.truncate(text.find(DEFAULT_AND_RANGE).unwrap_or(text.len()));
            }
            value => leave_out_defaults(value),
        }
    }
}

/// The beginning of the last paragraph of each key's documentation. The schema omits this paragraph.
const DEFAULT_AND_RANGE: &str = "\n\nDefault: ";

/// Returns a configuration as JSON, in which the value of each key can be looked up.
pub(super) fn as_value<T: Serialize>(value: &T) -> Value {
    // Only a map with keys that are no text, or a game's own serializer, can fail: then there is nothing to look at.
    serde_json::to_value(value).unwrap_or(Value::Null)
}
