//! The server's own commands.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tickwire_core::text::Counted;
use tickwire_native::WorldTotals;

use super::arguments::Arguments;
use super::commands::BuiltIn;
use super::reply::{CommandError, Reply, shown};
use crate::banned::Banned;
use crate::client::{Client, ClientId, shown_address};
use crate::codes;
use crate::game::Game;
use crate::server::Dedicated;

/// Runs one of the server's own commands.
pub(super) fn run<G: Game>(server: &mut Dedicated<G>, command: BuiltIn, arguments: &Arguments<'_>) -> Reply {
    match command {
        BuiltIn::Help => help(server, arguments),
        BuiltIn::Status => status(server, arguments),
        BuiltIn::Clients => clients(server, arguments),
        BuiltIn::Kick => kick(server, arguments),
        BuiltIn::Ban => ban(server, arguments),
        BuiltIn::Unban => unban(server, arguments),
        BuiltIn::Bans => bans(server, arguments),
        BuiltIn::Say => say(server, arguments),
        BuiltIn::Stats => stats(server, arguments),
        BuiltIn::Reload => reload(server),
        BuiltIn::Quit => quit(server, arguments),
    }
}

fn help<G: Game>(server: &mut Dedicated<G>, arguments: &Arguments<'_>) -> Reply {
    server.commands.help(arguments.first().map(|(name, _)| name))
}

fn status<G: Game>(server: &mut Dedicated<G>, arguments: &Arguments<'_>) -> Reply {
    let is_json = arguments.flag("--json")?;
    let beats = server.pulse.read();
    let uptime = server.uptime().as_secs_f64();
    let interrupted = server.context.clients.iter().filter(|client| client.is_interrupted).count();
    let metrics = server.context.metrics.all();
    let world = server.replication.is_some().then(|| server.context.network.stats().worlds);
    if is_json {
        let text = json!({
            "game": G::NAME,
            "address": server.address().to_string(),
            "key": server.public_key().to_string(),
            "uptime_s": (uptime * 10.0).round() / 10.0,
            "clients": server.context.clients.len(),
            "clients_interrupted": interrupted,
            "clients_max": server.config.max_connections,
            "tick_rate": server.config.tick_rate,
            "ticks": beats.ticks,
            "overruns": beats.overruns,
            "rested": beats.rested,
            "world": world.as_ref().map(world_json),
            "metrics": metrics.iter().map(|(name, metric)| (name.clone(), metric.reading.json())).collect::<Map<_, _>>(),
        });
        return Ok(text.to_string());
    }
    let silent =
        if interrupted == 0 { String::new() } else { format!(" ({interrupted} of them interrupted)") };
    let metrics = metrics.iter().map(|(name, metric)| format!("\n{name} {}", metric.reading));
    Ok(format!(
        "{}: uptime {uptime:.1} s, {} of {}{silent}\nlistening on {} key {}\n{} at {} per second, {}, {} skipped while idle{}{}",
        G::NAME,
        server.context.clients.len(),
        Counted(server.config.max_connections.into(), "client"),
        server.address(),
        server.public_key(),
        Counted(beats.ticks, "tick"),
        server.config.tick_rate,
        Counted(beats.overruns, "overrun"),
        beats.rested,
        world.as_ref().map_or_else(String::new, world_line),
        metrics.collect::<String>(),
    ))
}

fn world_json(world: &WorldTotals) -> Value {
    json!({
        "entities": world.entities,
        "viewers": world.viewers,
        "commits": world.commits,
        "bytes_sent": world.bytes_sent,
        "full_state_bytes": world.full_state_bytes,
        "bytes_per_entity": world.bytes_per_entity(),
        "saving": world.saving(),
    })
}

fn world_line(world: &WorldTotals) -> String {
    let cost = match (world.bytes_per_entity(), world.saving()) {
        (Some(bytes), Some(saving)) => format!(
            ", {bytes:.2} bytes per entity, viewer and update: {:.1} % less than the full state",
            saving * 100.0
        ),
        _ => String::new(),
    };
    format!(
        "\nworld: {}, {}{cost}",
        if world.entities == 1 { "1 entity".into() } else { format!("{} entities", world.entities) },
        Counted(world.viewers as u64, "viewer")
    )
}

fn clients<G: Game>(server: &mut Dedicated<G>, arguments: &Arguments<'_>) -> Reply {
    let is_json = arguments.flag("--json")?;
    let infos = server.context.network.infos();
    let lines = server.context.clients.iter().map(|client| {
        let info = infos.iter().find(|info| info.connection == client.connection);
        let rtt = info.map(|info| info.stats.rtt).unwrap_or_default();
        (client, rtt, info.map_or(0, |info| info.stats.loss_permille()))
    });
    if is_json {
        let all: Vec<Value> = lines.map(|(client, rtt, loss)| client_json(client, rtt, loss)).collect();
        return Ok(Value::from(all).to_string());
    }
    let all: Vec<String> = lines.map(|(client, rtt, loss)| client_line(client, rtt, loss)).collect();
    Ok(if all.is_empty() { "no client is connected".into() } else { all.join("\n") })
}

fn client_json(client: &Client, rtt: Duration, loss_permille: u64) -> Value {
    json!({
        "id": client.id.0,
        "address": shown_address(client.address),
        "identity": client.identity().map(|identity| Banned::Identity(identity).to_string()),
        "connected_s": client.since.elapsed().as_secs(),
        "interrupted": client.is_interrupted,
        "rtt_ms": rtt.as_secs_f64() * 1000.0,
        "loss_permille": loss_permille,
    })
}

fn client_line(client: &Client, rtt: Duration, loss_permille: u64) -> String {
    let identity = client.identity().map(|identity| format!("  {}", Banned::Identity(identity)));
    format!(
        "#{:<5} {:<24} {:>6} s  rtt {:.1?}  loss {}.{} %{}{}",
        client.id,
        shown_address(client.address),
        client.since.elapsed().as_secs(),
        rtt,
        loss_permille / 10,
        loss_permille % 10,
        if client.is_interrupted { "  silent" } else { "" },
        identity.unwrap_or_default()
    )
}

fn kick<G: Game>(server: &mut Dedicated<G>, arguments: &Arguments<'_>) -> Reply {
    let (who, why) = arguments.first().ok_or_else(|| CommandError::Usage("no client is named".into()))?;
    let id = find(server, who)?;
    let why = if why.is_empty() { "kicked by the server" } else { why };
    server.with_game(|_, context| context.kick(id, why));
    tracing::info!("client {id} is kicked: {why}");
    Ok(format!("client {id} is kicked: {why}"))
}

fn ban<G: Game>(server: &mut Dedicated<G>, arguments: &Arguments<'_>) -> Reply {
    let (who, why) = arguments
        .first()
        .ok_or_else(|| CommandError::Usage("no client, identity or address is named".into()))?;
    let why = if why.is_empty() { "banned by the server" } else { why };
    let banned = match Banned::parse(who) {
        Some(banned) => banned,
        None => {
            let id = find(server, who)?;
            let client = server.context.clients.get(id).and_then(Banned::of);
            client.ok_or_else(|| {
                CommandError::Failed(format!(
                    "client {id} has neither an identity nor an address to \
                                                               ban"
                ))
            })?
        }
    };
    let saved = server.bans.add(banned, why);
    let affected: Vec<ClientId> =
        server.context.clients.iter().filter(|client| banned.is(client)).map(|client| client.id).collect();
    for id in &affected {
        server.with_game(|_, context| context.disconnect(*id, codes::BANNED, why));
    }
    tracing::info!("{banned} is banned: {why}");
    if let Err(error) = saved {
        return Err(CommandError::Failed(format!("{banned} is banned only until the server stops: {error}")));
    }
    Ok(format!("{banned} is banned: {why}; {} disconnected", Counted(affected.len() as u64, "client")))
}

fn unban<G: Game>(server: &mut Dedicated<G>, arguments: &Arguments<'_>) -> Reply {
    let banned = Banned::parse(arguments.text())
        .ok_or_else(|| CommandError::Usage("the argument is neither an identity nor an address".into()))?;
    match server.bans.remove(&banned) {
        Ok(true) => Ok(format!("{banned} may connect again")),
        Ok(false) => Err(CommandError::Failed(format!("{banned} is not banned; `bans` lists all bans"))),
        Err(error) => Err(CommandError::Failed(format!(
            "the ban of {banned} is lifted only until the server stops: {error}"
        ))),
    }
}

fn bans<G: Game>(server: &mut Dedicated<G>, arguments: &Arguments<'_>) -> Reply {
    let is_json = arguments.flag("--json")?;
    let all = server.bans.all();
    if is_json {
        let all = all.into_iter().map(|(who, why)| json!({ "who": who.to_string(), "why": why }));
        return Ok(Value::from(all.collect::<Vec<_>>()).to_string());
    }
    let lines: Vec<String> = all.into_iter().map(|(who, why)| format!("{who}  {why}")).collect();
    Ok(if lines.is_empty() { "no ban is set".into() } else { lines.join("\n") })
}

fn say<G: Game>(server: &mut Dedicated<G>, arguments: &Arguments<'_>) -> Reply {
    if arguments.text().is_empty() {
        return Err(CommandError::Usage("the message is missing".into()));
    }
    let there = server.context.clients.len();
    match server.with_game(|game, context| game.say(context, arguments.text())) {
        Ok(told) if told >= there => Ok(format!("the text was sent to {}", Counted(there as u64, "client"))),
        Ok(told) => Err(CommandError::Failed(format!(
            "the text was sent to {told} of {}; the queues of the remaining clients are full; give the command again",
            Counted(there as u64, "client")
        ))),
        Err(why) => Err(why),
    }
}

fn stats<G: Game>(server: &mut Dedicated<G>, arguments: &Arguments<'_>) -> Reply {
    let is_json = arguments.flag("--json")?;
    let (network, beats) = (server.context.network.stats(), server.pulse.read());
    let rows = [
        ("datagrams_sent", network.datagrams_sent),
        ("datagrams_received", network.datagrams_received),
        ("datagrams_dropped", network.drops.total()),
        ("bytes_sent", network.bytes_sent),
        ("bytes_received", network.bytes_received),
        ("messages_sent", network.messages_sent),
        ("messages_received", network.messages_received),
        ("messages_given_up", network.messages_given_up),
        ("messages_too_late", network.messages_too_late),
        ("send_errors", network.send_errors),
        ("receive_errors", network.receive_errors),
        ("policy_panics", network.policy_panics),
        ("datagrams_over_share", network.datagrams_over_share),
        ("socket_full", network.socket_full),
        ("commands_refused", network.commands_refused),
        ("events_waiting", network.events_waiting as u64),
        ("event_stalls", network.event_stalls),
        ("peer_memory_bytes", network.memory),
        ("ticks", beats.ticks),
        ("tick_overruns", beats.overruns),
        ("ticks_skipped", beats.skipped),
        ("ticks_rested", beats.rested),
        ("busy_us", u64::try_from(beats.busy.as_micros()).unwrap_or(u64::MAX)),
    ];
    let drops = network.drops.iter().map(|(reason, count)| (reason.name(), count));
    if is_json {
        let mut object: Map<String, Value> =
            rows.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let drops: Map<String, Value> = drops.map(|(name, count)| (name.into(), count.into())).collect();
        object.insert("drops".into(), drops.into());
        return Ok(Value::Object(object).to_string());
    }
    let lines = rows.iter().map(|(name, value)| format!("{name:<20} {value}"));
    let drops = drops.map(|(name, count)| format!("dropped: {name:<11} {count}"));
    Ok(lines.chain(drops).collect::<Vec<_>>().join("\n"))
}

fn reload<G: Game>(server: &mut Dedicated<G>) -> Reply {
    server.reload().map_err(CommandError::Failed)
}

fn quit<G: Game>(server: &mut Dedicated<G>, arguments: &Arguments<'_>) -> Reply {
    let why = if arguments.text().is_empty() { "quit at the console" } else { arguments.text() };
    server.context.stop.get_or_insert_with(|| why.into());
    server.orders.close();
    Ok("stopping".into())
}

/// Returns the id of the connected client whose number the user typed.
fn find<G: Game>(server: &Dedicated<G>, text: &str) -> Result<ClientId, CommandError> {
    let id: ClientId = text.parse().map_err(|_| {
        CommandError::Usage(format!(
            "`{}` is not a client's number; `clients` lists the numbers",
            shown(text)
        ))
    })?;
    match server.context.clients.get(id) {
        Some(client) => Ok(client.id),
        None => Err(CommandError::Failed(format!(
            "client {id} is not connected; `clients` lists the connected \
                                                  clients"
        ))),
    }
}
