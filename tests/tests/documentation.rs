//! The documentation of the core's configuration agrees with the code, and the contract names tests that exist.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::sync::Arc;
use tickwire_core::error::ConfigError;
use tickwire_core::message::ViolationLimit;
use tickwire_core::snapshot::SnapshotSchema;
use tickwire_core::{
    ChannelConfig, Config, Delivery, Duration, Endpoint, Instant, LinkId, LinkProperties, Secrets,
    SnapshotConfig,
};
use tickwire_sim::carrier::{ChannelCarrierConfig, StreamCarrierConfig};
use tickwire_sim::conditioner::Conditions;
use tickwire_sim::network::{LinkConfig, Topology};
use tickwire_sim::stream::StreamConfig;
use tickwire_sim::world::WorldConfig;
use tickwire_tests::documented::{
    Actual, Bounds, DefaultValue, Documented, faults, fields, types_with_examples,
};
use tickwire_tests::source;

fn file(path: &str) -> String {
    std::fs::read_to_string(source::root().join(path)).unwrap()
}

fn documented(path: &str, structure: &str) -> Vec<Documented> {
    fields(path, &file(path), structure)
}

fn expect_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Returns whether an endpoint accepts the default configuration with this change.
fn is_taken(change: impl FnOnce(&mut Config)) -> bool {
    let mut config = Config::new(1);
    change(&mut config);
    match Endpoint::new(config, Secrets::new([1; 32]), [2; 32], Instant::ZERO) {
        Ok(_) => true,
        Err(ConfigError::OutOfRange { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

fn micros(duration: Duration) -> DefaultValue {
    DefaultValue::Number(duration.as_micros())
}

fn text(text: impl Into<String>) -> DefaultValue {
    DefaultValue::Text(text.into())
}

fn yes_or_no(yes: bool) -> DefaultValue {
    text(if yes { "yes" } else { "no" })
}

fn none_or<T: Into<u128>>(value: Option<T>) -> DefaultValue {
    value.map_or_else(|| text("none"), |value| DefaultValue::Number(value.into()))
}

/// Describes a field with a default and without a range.
const fn plain(name: &str, default: DefaultValue) -> Actual<'_> {
    Actual { name, default, unit: "", range: None }
}

/// Describes a field with a number and no unit.
fn number<'a, T: TryFrom<u128> + Into<u64>>(
    name: &'a str,
    default: u64,
    unit: &'a str,
    type_max: T,
    set: impl Fn(&mut Config, T) + 'a,
) -> Actual<'a> {
    let accepts = move |value| T::try_from(value).is_ok_and(|value| is_taken(|config| set(config, value)));
    let range = Bounds::new(type_max.into(), accepts);
    Actual { name, default: DefaultValue::Number(default.into()), unit, range: Some(range) }
}

/// Describes a field of type `usize` with a number and no unit.
fn size<'a>(
    name: &'a str,
    default: usize,
    unit: &'a str,
    set: impl Fn(&mut Config, usize) + 'a,
) -> Actual<'a> {
    number(name, default as u64, unit, u64::MAX, move |config, value| set(config, value as usize))
}

/// The longest time that the test tries, in microseconds. It exceeds every range, and fits into a `Duration`.
const LONGEST: u128 = 1 << 60;

fn time<'a>(name: &'a str, default: Duration, set: impl Fn(&mut Config, Duration) + 'a) -> Actual<'a> {
    let accepts = move |value: u128| {
        is_taken(|config| set(config, Duration::from_micros(u64::try_from(value).unwrap())))
    };
    Actual { name, default: micros(default), unit: "µs", range: Some(Bounds::new(LONGEST, accepts)) }
}

/// Returns the same field with a default that is not a number.
fn with_default(default: DefaultValue, field: Actual<'_>) -> Actual<'_> {
    Actual { default, ..field }
}

/// Describes the fields that are times.
fn times(config: &Config) -> Vec<Actual<'static>> {
    vec![
        time("heartbeat", config.heartbeat, |c, value| c.heartbeat = value),
        time("idle_timeout", config.idle_timeout, |c, value| c.idle_timeout = value),
        time("resume_window", config.resume_window, |c, value| c.resume_window = value),
        time("reconnect_for", config.reconnect_for, |c, value| c.reconnect_for = value),
        time("connect_timeout", config.connect_timeout, |c, value| c.connect_timeout = value),
        time("ack_delay", config.ack_delay, |c, value| c.ack_delay = value),
    ]
}

#[test]
fn the_documented_default_and_range_of_every_configuration_field_match_the_code() {
    let config = Config::new(1);
    let deliveries: Vec<String> =
        config.channels.iter().map(|channel| channel.delivery.name().replace('-', " ")).collect();
    let channels = format!("one channel of each [`Delivery`]: {}", deliveries.join(", "));
    let fill = |config: &mut Config, count: usize| {
        config.channels = vec![ChannelConfig::new(Delivery::Sequenced); count.min(1000)];
    };
    let per_source = config.max_connections_per_source.map(|most| most as u64);
    let mut actual = vec![
        plain("application", DefaultValue::Missing),
        plain("access", text(format!("[`Access::{:?}`]", config.access))),
        size("max_connections", config.max_connections, "", |c, value| c.max_connections = value),
        with_default(
            none_or(per_source),
            size("max_connections_per_source", 0, "", |c, value| c.max_connections_per_source = Some(value)),
        ),
        size("cookie_threshold", config.cookie_threshold, "", |c, value| c.cookie_threshold = value),
        number("handshake_rate", config.handshake_rate.into(), "", u32::MAX, |c, value| {
            c.handshake_rate = value;
        }),
        number("handshake_burst", config.handshake_burst.into(), "", u32::MAX, |c, value| {
            c.handshake_burst = value;
        }),
        with_default(text(channels), size("channels", 0, "", fill)),
        plain("reconnect", yes_or_no(config.reconnect)),
        size("max_message", config.max_message, "bytes", |c, value| c.max_message = value),
        number("reassembly_memory", config.reassembly_memory, "bytes", u64::MAX, |c, value| {
            c.reassembly_memory = value;
        }),
        number("max_datagram", config.max_datagram.into(), "bytes", u16::MAX, |c, value| {
            c.max_datagram = value;
        }),
        plain("dont_fragment", yes_or_no(config.dont_fragment)),
        number("rotate_after", config.rotate_after, "packets", u64::MAX, |c, value| c.rotate_after = value),
        with_default(
            none_or(config.connection_bandwidth),
            number("connection_bandwidth", 0, "bytes/s", u64::MAX, |c, value| {
                c.connection_bandwidth = Some(value);
            }),
        ),
        with_default(
            none_or(config.bandwidth),
            number("bandwidth", 0, "bytes/s", u64::MAX, |c, value| c.bandwidth = Some(value)),
        ),
        plain("congestion", text(format!("[`Algorithm::{:?}`]", config.congestion))),
        number("wall_offset", config.wall_offset, "µs", u64::MAX, |c, value| c.wall_offset = value),
        plain("snapshots", none_or(config.snapshots.as_ref().map(|_| 1u8))),
        plain("schema", text(if config.schema.entries.is_empty() { "empty" } else { "not empty" })),
        plain("provider", text("pure Rust; with the feature `ring`, ring")),
    ];
    actual.extend(times(&config));
    expect_none(&faults(&documented("core/src/config.rs", "Config"), &actual));
}

#[test]
fn the_documented_default_and_range_of_every_channel_field_match_the_code() {
    let channel = ChannelConfig::new(Delivery::Sequenced);
    let lifetime = Bounds::new(LONGEST, |value| {
        is_taken(|config| config.channels[0].lifetime = Some(Duration::from_micros(value as u64)))
    });
    let actual = [
        plain("name", text(channel.name.as_deref().map_or("none", |_| "a name"))),
        plain("delivery", DefaultValue::Missing),
        number("priority", channel.priority.into(), "", u8::MAX, |c, value| c.channels[0].priority = value),
        number("queue_bytes", channel.queue_bytes, "bytes", u64::MAX, |c, value| {
            c.channels[0].queue_bytes = value;
        }),
        size("queue_messages", channel.queue_messages, "", |c, value| c.channels[0].queue_messages = value),
        plain("overflow", text(format!("[`Overflow::{:?}`]", channel.overflow))),
        Actual {
            name: "lifetime",
            default: none_or(channel.lifetime.map(|lifetime| lifetime.as_micros())),
            unit: "µs",
            range: Some(lifetime),
        },
        plain("receipts", yes_or_no(channel.receipts)),
        plain("compress", yes_or_no(channel.compress)),
    ];
    expect_none(&faults(&documented("core/src/config/channel.rs", "ChannelConfig"), &actual));
}

#[test]
fn the_documented_default_and_range_of_every_snapshot_setting_match_the_code() {
    let schema = Arc::new(SnapshotSchema::new().finish().unwrap());
    let settings = SnapshotConfig::new(Arc::clone(&schema));
    let most = Arc::clone(&schema);
    let actual = [
        plain("schema", DefaultValue::Missing),
        size("max_entities", settings.max_entities, "", move |config, value| {
            let mut settings = SnapshotConfig::new(Arc::clone(&most));
            settings.max_entities = value;
            config.snapshots = Some(settings);
        }),
        number("priority", settings.priority.into(), "", u8::MAX, move |config, value| {
            let mut settings = SnapshotConfig::new(Arc::clone(&schema));
            settings.priority = value;
            config.snapshots = Some(settings);
        }),
    ];
    expect_none(&faults(&documented("core/src/config/snapshot_config.rs", "SnapshotConfig"), &actual));
}

#[test]
fn the_documented_defaults_of_the_invalid_message_limit_match_the_code() {
    let limit = ViolationLimit::default();
    let any = |type_max: u128| Some(Bounds::new(type_max, |_| true));
    let count = DefaultValue::Number(limit.count.into());
    let actual = [
        Actual { name: "count", default: count, unit: "", range: any(u16::MAX.into()) },
        Actual { name: "window", default: micros(limit.window), unit: "µs", range: any(LONGEST) },
    ];
    expect_none(&faults(&documented("core/src/message/violation.rs", "ViolationLimit"), &actual));
}

#[test]
fn the_documented_range_of_a_links_datagram_size_matches_the_code() {
    let opens = |max_datagram: u128| {
        let mut endpoint =
            Endpoint::new(Config::new(1), Secrets::new([1; 32]), [2; 32], Instant::ZERO).unwrap();
        let (reliable, ordered, congestion_controlled) = (true, true, true);
        let max_datagram = u16::try_from(max_datagram).unwrap();
        let properties = LinkProperties { reliable, ordered, congestion_controlled, max_datagram };
        endpoint.open_link(Instant::ZERO, LinkId(1), properties, None).is_ok()
    };
    let actual = [
        plain("reliable", DefaultValue::Missing),
        plain("ordered", DefaultValue::Missing),
        plain("congestion_controlled", DefaultValue::Missing),
        Actual {
            name: "max_datagram",
            default: DefaultValue::Missing,
            unit: "bytes",
            range: Some(Bounds::new(u16::MAX, opens)),
        },
    ];
    expect_none(&faults(&documented("core/src/address.rs", "LinkProperties"), &actual));
}

/// Describes a quantity with a default and without a range.
fn quantity<'a>(name: &'a str, default: u64, unit: &'a str) -> Actual<'a> {
    Actual { name, default: DefaultValue::Number(default.into()), unit, range: None }
}

fn span(name: &str, default: Duration) -> Actual<'_> {
    Actual { name, default: micros(default), unit: "µs", range: None }
}

/// Describes a field whose default is `none`.
fn nothing<T>(name: &str, default: Option<T>) -> Actual<'_> {
    plain(name, text(default.map_or("none", |_| "something")))
}

#[test]
fn the_documented_defaults_and_ranges_of_the_conditioner_match_the_code() {
    let conditions = Conditions::default();
    let within = |type_max: u128, set: fn(&mut Conditions, u128)| {
        Some(Bounds::new(type_max, move |value| {
            let mut conditions = Conditions::default();
            set(&mut conditions, value);
            conditions.check().is_ok()
        }))
    };
    let all: u128 = u32::MAX.into();
    let actual = [
        Actual {
            range: within(all, |c, value| c.loss_ppm = value as u32),
            ..quantity("loss_ppm", conditions.loss_ppm.into(), "ppm")
        },
        span("rtt", conditions.rtt),
        span("jitter", conditions.jitter),
        Actual {
            range: within(all, |c, value| c.duplicate_ppm = value as u32),
            ..quantity("duplicate_ppm", conditions.duplicate_ppm.into(), "ppm")
        },
        Actual {
            name: "bytes_per_second",
            default: none_or(conditions.bytes_per_second),
            unit: "bytes/s",
            range: within(u64::MAX.into(), |c, value| c.bytes_per_second = Some(value as u64)),
        },
        nothing("trace", conditions.trace),
        nothing("queue_bytes", conditions.queue_bytes),
        Actual {
            range: within(all, |c, value| c.mtu = value as u32),
            ..quantity("mtu", conditions.mtu.into(), "bytes")
        },
        nothing("faults", conditions.faults.first()),
        quantity("seed", conditions.seed, ""),
    ];
    expect_none(&faults(&documented("sim/src/conditioner/conditions.rs", "Conditions"), &actual));
}

#[test]
fn the_documented_defaults_of_the_simulator_match_the_code() {
    let world = WorldConfig::new(1, Topology::default());
    let actual = [
        plain("seed", DefaultValue::Missing),
        plain("topology", DefaultValue::Missing),
        nothing("faults", world.faults.first()),
        plain("text", yes_or_no(world.text)),
    ];
    expect_none(&faults(&documented("sim/src/world/mod.rs", "WorldConfig"), &actual));

    let link = LinkConfig::new((0, 1), Duration::ZERO);
    let actual = [
        plain("between", DefaultValue::Missing),
        plain("delay", DefaultValue::Missing),
        nothing("up", link.up),
        nothing("down", link.down),
        quantity("largest", link.largest as u64, "bytes"),
    ];
    expect_none(&faults(&documented("sim/src/network.rs", "LinkConfig"), &actual));

    let stream = StreamConfig::new(1, 1);
    let one_link =
        format!("one link with a one-way delay of {:?}", stream.topology.links[0].delay).replace("ms", " ms");
    let actual = [
        plain("seed", DefaultValue::Missing),
        plain("topology", text(one_link)),
        nothing("faults", stream.faults.first()),
        plain("messages", DefaultValue::Missing),
        nothing("pace", stream.pace),
        quantity("largest", stream.largest as u64, "bytes"),
        plain("config", text("as in [`Config::new`], but without cryptography")),
        plain("text", yes_or_no(stream.text)),
    ];
    expect_none(&faults(&documented("sim/src/stream.rs", "StreamConfig"), &actual));
}

#[test]
fn the_documented_defaults_of_simulated_links_match_the_code() {
    let channel = ChannelCarrierConfig::default();
    let actual = [
        quantity("max_datagram", channel.max_datagram.into(), "bytes"),
        plain("congestion_controlled", yes_or_no(channel.congestion_controlled)),
        Actual {
            name: "bytes_per_second",
            default: none_or(channel.bytes_per_second),
            unit: "bytes/s",
            range: None,
        },
        quantity("buffer_bytes", channel.buffer_bytes as u64, "bytes"),
        quantity("drop_ppm", channel.drop_ppm.into(), "ppm"),
        plain("reports_loss", yes_or_no(channel.reports_loss)),
    ];
    expect_none(&faults(&documented("sim/src/carrier/channel.rs", "ChannelCarrierConfig"), &actual));

    let stream = StreamCarrierConfig::default();
    let actual = [
        quantity("max_datagram", stream.max_datagram.into(), "bytes"),
        quantity("segment", stream.segment as u64, "bytes"),
        quantity("buffer_bytes", stream.buffer_bytes as u64, "bytes"),
        span("give_up", stream.give_up),
    ];
    expect_none(&faults(&documented("sim/src/carrier/stream.rs", "StreamCarrierConfig"), &actual));
}

#[test]
fn every_clause_of_the_drivers_contract_has_a_test_with_its_number() {
    let page = file("core/src/drivers_contract.rs");
    let promises = page.split("# What the endpoint promises").nth(1).unwrap();
    let numbers =
        promises.lines().filter_map(|line| line.strip_prefix("//! ")?.split_once(". ")?.0.parse().ok());
    let numbers: Vec<u32> = numbers.collect();
    assert_eq!(numbers, (1..=11).collect::<Vec<_>>());
    let folder = source::root().join("tests/tests/contract");
    let tests: String = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    for number in numbers {
        assert!(tests.contains(&format!("#[test]\nfn clause_{number:02}_")), "clause {number} has no test");
    }
}

/// The types that a user constructs or implements.
const FOR_USERS: [(&str, &[&str]); 31] = [
    ("core/src/address.rs", &["LinkProperties"]),
    ("core/src/bits/serialize.rs", &["NetSerialize"]),
    ("core/src/config.rs", &["Config", "Secrets"]),
    ("core/src/config/channel.rs", &["ChannelConfig"]),
    ("core/src/config/route.rs", &["Route"]),
    ("core/src/endpoint/authenticator.rs", &["Authenticator"]),
    ("core/src/endpoint/mod.rs", &["Endpoint"]),
    ("core/src/endpoint/options.rs", &["ConnectOptions"]),
    ("core/src/event.rs", &["Event"]),
    ("core/src/handshake/ticket.rs", &["TicketMint"]),
    ("core/src/message/bounded/string.rs", &["BoundedString"]),
    ("core/src/message/dispatch.rs", &["Dispatcher"]),
    ("core/src/message/mod.rs", &["NetMessage", "Codec"]),
    ("core/src/message/options.rs", &["SendOptions"]),
    ("core/src/message/registry.rs", &["Registry"]),
    ("core/src/message/violation.rs", &["ViolationBudget"]),
    ("core/src/time/instant.rs", &["Instant"]),
    ("drivers/native/src/client.rs", &["Client"]),
    ("drivers/native/src/handle.rs", &["Handle"]),
    ("drivers/native/src/handlers.rs", &["Handlers"]),
    ("drivers/native/src/options.rs", &["Options"]),
    ("drivers/native/src/peer.rs", &["Peer"]),
    ("drivers/native/src/resolve.rs", &["Resolver"]),
    ("drivers/native/src/server.rs", &["Server"]),
    ("drivers/server/src/console/commands.rs", &["Commands"]),
    ("drivers/server/src/context.rs", &["Context"]),
    ("drivers/server/src/game.rs", &["Game"]),
    ("drivers/server/src/messages.rs", &["Messages"]),
    ("drivers/server/src/server.rs", &["Dedicated"]),
    ("sim/src/host.rs", &["Application"]),
    ("sim/src/pair.rs", &["Pair"]),
];

#[test]
fn every_type_that_a_user_constructs_or_implements_has_an_example() {
    let mut lacking: Vec<&str> = Vec::new();
    for (path, types) in FOR_USERS {
        let text = file(path);
        let documented = types_with_examples(path, &text);
        lacking.extend(types.iter().filter(|name| !documented.iter().any(|one| one == **name)));
    }
    assert!(lacking.is_empty(), "{lacking:?}");
    let planted = "/// Words.\nstruct A;\n/// ```\n/// a();\n/// ```\nstruct B;\n/// ```text\n/// a\n/// ```\nstruct C;";
    assert_eq!(types_with_examples("a.rs", planted), ["B"]);
}
