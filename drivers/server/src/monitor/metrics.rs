//! The counters in the format of Prometheus. The server collects the counters when a request arrives, so they cost
//! nothing between requests.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use tickwire_native::{Handle, NetworkStats, WorldTotals};

use crate::metrics::{GameMetrics, Metric, Reading};
use crate::pulse::{Beats, Pulse};

pub(super) struct Metrics {
    registry: Registry,
}

impl Metrics {
    pub(super) fn new(network: Handle, pulse: Arc<Pulse>, of_game: GameMetrics) -> Self {
        let mut registry = Registry::with_prefix("tickwire");
        registry.register_collector(Box::new(Source { network, pulse, of_game }));
        Self { registry }
    }

    /// Returns all metrics in the OpenMetrics text format.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _written = text::encode(&mut out, &self.registry);
        out
    }
}

/// The sources of the numbers.
struct Source {
    network: Handle,
    pulse: Arc<Pulse>,
    of_game: GameMetrics,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source(..)")
    }
}

impl Collector for Source {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let infos = self.network.infos();
        let network = self.network.stats();
        let beats = self.pulse.read();
        let interrupted = self.network.connection_count().saturating_sub(network.connections);
        let rtt = NetworkStats::mean_rtt(&infos).unwrap_or_default().as_secs_f64();
        let gauges = [
            ("clients", "Clients that are connected", None, network.connections as f64),
            (
                "clients_interrupted",
                "Interrupted clients whose sessions the server keeps",
                None,
                interrupted as f64,
            ),
            ("handshakes_half_open", "Handshakes that are half open", None, network.half_open as f64),
            ("peer_memory", "Memory held for clients", Some(Unit::Bytes), network.memory as f64),
            ("events_waiting", "Events that wait for the game", None, network.events_waiting as f64),
            ("rtt_mean", "Mean round-trip time to the clients", Some(Unit::Seconds), rtt),
            ("uptime", "Time since the start", Some(Unit::Seconds), beats.uptime.as_secs_f64()),
            (
                "tick_silence",
                "Time since the latest tick, or since the latest poll of an idle game",
                Some(Unit::Seconds),
                beats.silence.as_secs_f64(),
            ),
        ];
        for (name, help, unit, value) in gauges {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, unit.as_ref(), gauge.metric_type())?)?;
        }
        encode_counters(&mut encoder, &network, &beats)?;
        encode_worlds(&mut encoder, &network.worlds)?;
        encode_drops(&mut encoder, &network)?;
        encode_game(&mut encoder, &self.of_game)
    }
}

/// Encodes the counters.
fn encode_counters(
    encoder: &mut DescriptorEncoder<'_>,
    network: &NetworkStats,
    beats: &Beats,
) -> fmt::Result {
    let counters = [
        ("datagrams_sent", "Datagrams passed to the system", network.datagrams_sent),
        ("datagrams_received", "Datagrams received, including invalid datagrams", network.datagrams_received),
        ("bytes_sent", "Bytes of datagrams sent", network.bytes_sent),
        ("bytes_received", "Bytes of datagrams received", network.bytes_received),
        ("messages_sent", "Messages that the core accepted for sending", network.messages_sent),
        ("messages_received", "Messages passed to the game", network.messages_received),
        (
            "messages_given_up",
            "Messages that still waited for queue space when their connection ended",
            network.messages_given_up,
        ),
        (
            "messages_too_late",
            "Messages that were not sent because their connection ended first",
            network.messages_too_late,
        ),
        ("send_errors", "Datagrams that the system refused", network.send_errors),
        ("receive_errors", "Errors of the system's receive calls", network.receive_errors),
        ("policy_panics", "Panics of accept policies; each refused one client", network.policy_panics),
        (
            "datagrams_over_share",
            "Datagrams dropped because their source had sent more than its share",
            network.datagrams_over_share,
        ),
        ("socket_full", "Times that the system's send buffer was full", network.socket_full),
        ("commands_refused", "Times that the queue to the network thread was full", network.commands_refused),
        ("event_stalls", "Times that the queue to the game was full", network.event_stalls),
        ("ticks", "Ticks of the game", beats.ticks),
        ("tick_overruns", "Ticks that began late by more than the tick interval", beats.overruns),
        ("ticks_skipped", "Ticks that were due but skipped", beats.skipped),
        ("ticks_rested", "Ticks skipped while the game was idle", beats.rested),
    ];
    for (name, help, value) in counters {
        let counter = ConstCounter::new(value);
        counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
    }
    let busy = ConstCounter::new(beats.busy.as_secs_f64());
    let help = "Time spent in ticks";
    busy.encode(encoder.encode_descriptor("busy", help, Some(&Unit::Seconds), busy.metric_type())?)
}

/// Encodes the metrics of the replicated world, if the game has one.
fn encode_worlds(encoder: &mut DescriptorEncoder<'_>, worlds: &WorldTotals) -> fmt::Result {
    if worlds.worlds == 0 {
        return Ok(());
    }
    let gauges = [
        ("world_entities", "Entities of the replicated world", Some(worlds.entities as f64)),
        ("world_viewers", "Clients that see the replicated world", Some(worlds.viewers as f64)),
        (
            "world_bytes_per_entity",
            "Mean bytes sent per entity, viewer and update",
            worlds.bytes_per_entity(),
        ),
        (
            "world_saving_ratio",
            "Share of bytes saved compared with sending the full state at each update",
            worlds.saving(),
        ),
    ];
    for (name, help, value) in gauges {
        let Some(value) = value else { continue };
        let gauge = ConstGauge::new(value);
        gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
    }
    let counters = [
        ("world_commits", "Updates of the replicated world", worlds.commits),
        ("world_frames_sent", "Snapshot frames sent", worlds.frames_sent),
        ("world_bytes_sent", "Bytes of snapshot frames sent", worlds.bytes_sent),
        (
            "world_full_state_bytes",
            "Bytes that sending the full state at each update would have taken",
            worlds.full_state_bytes,
        ),
    ];
    for (name, help, value) in counters {
        let counter = ConstCounter::new(value);
        counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
    }
    Ok(())
}

/// Encodes the metrics that the game defines.
fn encode_game(encoder: &mut DescriptorEncoder<'_>, of_game: &GameMetrics) -> fmt::Result {
    for (name, Metric { help, reading }) in of_game.all() {
        let name = format!("game_{name}");
        match reading {
            Reading::Counter(counter) => {
                let counter = ConstCounter::new(counter.value());
                counter.encode(encoder.encode_descriptor(&name, &help, None, counter.metric_type())?)?;
            }
            Reading::Gauge(gauge) => {
                let gauge = ConstGauge::new(gauge.value());
                gauge.encode(encoder.encode_descriptor(&name, &help, None, gauge.metric_type())?)?;
            }
        }
    }
    Ok(())
}

/// Encodes one counter per reason for dropped datagrams.
fn encode_drops(encoder: &mut DescriptorEncoder<'_>, network: &NetworkStats) -> fmt::Result {
    use prometheus_client::metrics::MetricType;
    let help = "Received datagrams that were dropped, by reason";
    let mut drops = encoder.encode_descriptor("datagrams_dropped", help, None, MetricType::Counter)?;
    for (reason, count) in network.drops.iter() {
        let labels = [("reason", reason.name())];
        let family = drops.encode_family(&labels)?;
        ConstCounter::new(count).encode(family)?;
    }
    Ok(())
}
