//! The whole program around a game: command line, log, console, signals.

use std::cell::Cell;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use tickwire_core::text::Counted;

use crate::cli::Cli;
use crate::config::{ServerConfig, schema};
use crate::console::{self, Output, Terminal};
use crate::error::ServerError;
use crate::game::Game;
use crate::logging::Logging;
use crate::logging::target::LOG_ONLY;
use crate::panics::{self, LastWill};
use crate::server::Dedicated;
use crate::signals;
use crate::stop::Summary;

/// Runs a dedicated server for `game`. The command line, the environment and the configuration file configure the
/// server. The `main` function of a game's server needs to call only this function.
#[must_use]
pub fn main<G: Game>(game: G) -> ExitCode {
    let output = Output::default();
    let code = match obey(game, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            for line in error.to_string().lines() {
                output.warn(&format!("error: {line}"));
            }
            ExitCode::from(error.exit_code())
        }
    };
    output.settle();
    code
}

/// Runs the server, or the action that the command line requests.
fn obey<G: Game>(game: G, output: &Output) -> Result<(), ServerError> {
    let (cli, layers) = Cli::read::<G::Settings>(|warning| output.warn(&format!("warning: {warning}")))?;
    if cli.schema {
        return print_json(&schema::<G::Settings>());
    }
    let config: ServerConfig<G::Settings> = layers.load()?;
    if cli.print_config {
        return print_json(&config);
    }
    if cli.check {
        panics::caught(
            || Dedicated::<G>::check(&config),
            || "standard error names the source line of the panic".into(),
        )?;
        print("the configuration is valid");
        return Ok(());
    }
    run(game, config, &cli, &layers, output)
}

fn run<G: Game>(
    game: G,
    config: ServerConfig<G::Settings>,
    cli: &Cli,
    layers: &crate::config::Layers,
    output: &Output,
) -> Result<(), ServerError> {
    // Its end writes out what is left, however the program ends.
    let logging = Arc::new(Mutex::new(Some(Logging::start(&config, output)?)));
    let surroundings = Surroundings { output: output.clone(), terminal: Arc::new(Terminal::note()), logging };
    panics::log_all(surroundings.last_will());
    let is_logged = config.enable_logging;
    let has_started = Cell::new(false);
    let more = || {
        let place = if is_logged { "the log" } else { "standard error" };
        let clients =
            if has_started.get() { "clients were disconnected" } else { "no client was connected yet" };
        format!(
            "{place} names the source line of the panic (set RUST_BACKTRACE=1 for a backtrace); {clients}"
        )
    };
    let run = || run_logged(game, config, cli, layers, &surroundings, &has_started);
    let done = panics::caught(run, more);
    if let Err(error @ ServerError::Panicked { .. }) = &done {
        tracing::error!(target: LOG_ONLY, "{error}");
    }
    surroundings.end_log();
    done
}

/// The program's log, output and terminal, which the program restores when it ends.
#[derive(Clone)]
struct Surroundings {
    output: Output,
    /// The terminal with its original settings.
    terminal: Arc<Terminal>,
    /// The log. `None` once the log has ended.
    logging: Arc<Mutex<Option<Logging>>>,
}

impl Surroundings {
    /// Ends the log, and writes its remaining lines.
    fn end_log(&self) {
        drop(self.logging.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn restore_terminal(&self) {
        self.terminal.restore();
        self.output.set_terminal(None);
    }

    /// Returns the actions of the panic hook.
    fn last_will(&self) -> LastWill {
        let (found, at_abort) = (Arc::clone(&self.terminal), self.clone());
        LastWill {
            game_panicked: Box::new(move || found.restore()),
            aborting: Box::new(move || {
                at_abort.restore_terminal();
                // Who holds it is ending the log already, perhaps in this very thread.
                if let Ok(mut logging) = at_abort.logging.try_lock() {
                    drop(logging.take());
                }
                at_abort.output.warn(
                    "error: a second panic while the first was handled: the program ends immediately, \
                                      and clients are not notified",
                );
                at_abort.output.settle();
            }),
        }
    }
}

fn run_logged<G: Game>(
    game: G,
    config: ServerConfig<G::Settings>,
    cli: &Cli,
    layers: &crate::config::Layers,
    surroundings: &Surroundings,
    has_started: &Cell<bool>,
) -> Result<(), ServerError> {
    let output = &surroundings.output;
    let has_console = config.enable_console;
    let started = Dedicated::start(game, config);
    let mut server =
        started.inspect_err(|error| tracing::error!(target: LOG_ONLY, "cannot start the server: {error}"))?;
    has_started.set(true);
    if let Some(logging) = &*surroundings.logging.lock().unwrap_or_else(PoisonError::into_inner) {
        server.on_log_level(logging.level_setter());
    }
    server.follow(layers.clone())?;
    let remote = server.remote();
    // Also where the game panics.
    let as_found = AsFound(surroundings.clone());
    // Before anybody is told that the server is there, and may want to stop it.
    let is_over = Arc::new(AtomicBool::new(false));
    signals::listen(remote.clone(), leave(cli.json, surroundings.clone(), &is_over))?;
    announce(&server, cli.json, output);
    if has_console {
        // The prompt comes after it.
        output.settle();
        console::start(remote, output)?;
    }
    let summary = server.run();
    is_over.store(true, Ordering::Relaxed);
    drop(as_found);
    let summary = summary.inspect_err(|error| tracing::error!(target: LOG_ONLY, "{error}"))?;
    say_good_bye(&summary, cli.json, output);
    Ok(())
}

/// A guard that restores the terminal when the server ends, even by a panic.
struct AsFound(Surroundings);

impl Drop for AsFound {
    fn drop(&mut self) {
        self.0.output.settle();
        self.0.restore_terminal();
    }
}

/// Prints the line that reports that the server has started, which other programs wait for.
fn announce<G: Game>(server: &Dedicated<G>, is_json: bool, output: &Output) {
    let (address, key) = (server.address(), server.public_key().to_string());
    let monitoring = server.monitoring_address();
    if is_json {
        output.line(
            &json!({
                "event": "listening",
                "game": G::NAME,
                "address": address.to_string(),
                "port": address.port(),
                "key": key,
                "key_is_new": server.key_is_new(),
                "monitoring": monitoring.map(|address| address.to_string()),
                "pid": std::process::id(),
            })
            .to_string(),
        );
        return;
    }
    output.line(&format!("listening on {address} key {key}"));
    if server.key_is_new() {
        output.line("this key is new: clients pin it; keep a copy of the key file");
    }
    if let Some(monitoring) = monitoring {
        output.line(&format!("metrics at http://{monitoring}/metrics, health at http://{monitoring}/health"));
    }
}

fn say_good_bye(summary: &Summary, is_json: bool, output: &Output) {
    let uptime = summary.uptime.as_secs_f64();
    if is_json {
        output.line(
            &json!({
                "event": "stopped",
                "why": summary.why,
                "uptime_s": (uptime * 10.0).round() / 10.0,
                "ticks": summary.ticks,
                "rested": summary.rested,
                "clients": summary.clients,
                "messages_taken": summary.taken,
                "not_sent": summary.not_sent,
                "unconfirmed": summary.unconfirmed,
            })
            .to_string(),
        );
        return;
    }
    let messages = match (summary.not_sent, summary.unconfirmed) {
        (0, 0) => "it delivered every message".to_owned(),
        (not_sent, unconfirmed) => {
            format!(
                "it did not send {} in time, and {unconfirmed} sent messages were not acknowledged",
                Counted(not_sent, "message")
            )
        }
    };
    output.line(&format!(
        "the server stopped ({}) after {uptime:.1} s; it sent the reason to {}; {messages}",
        summary.why,
        Counted(summary.clients as u64, "client")
    ));
}

/// Returns the action for a program that must end immediately: it reports the end, ends the log and restores the terminal. If
/// the server has already stopped (`is_over`), the action does nothing and returns `false`, because the program is about to
/// print its last lines.
fn leave(
    is_json: bool,
    surroundings: Surroundings,
    is_over: &Arc<AtomicBool>,
) -> impl FnMut(&str) -> bool + Send + 'static {
    let is_over = Arc::clone(is_over);
    move |signal| {
        if is_over.load(Ordering::Relaxed) {
            return false;
        }
        tracing::warn!(target: LOG_ONLY, "the server ended immediately ({signal} during the shutdown); queued messages are lost");
        surroundings.end_log();
        surroundings.restore_terminal();
        let output = &surroundings.output;
        if is_json {
            output.line(&json!({ "event": "killed", "why": signal }).to_string());
        } else {
            output.line(&format!("the server ended immediately ({signal}), without waiting for clients"));
        }
        output.settle();
        true
    }
}

fn print_json(value: &impl serde::Serialize) -> Result<(), ServerError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| ServerError::System { what: "JSON", reason: error.to_string() })?;
    print(&text);
    Ok(())
}

/// Prints the output for which the program was started. The call may block.
fn print(text: &str) {
    // Who reads may have seen enough.
    let _closed = writeln!(std::io::stdout(), "{text}");
}
