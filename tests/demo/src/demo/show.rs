//! Runs the demonstration, from the start of the first process to the end of all processes.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::args::Args;
use super::link;
use super::programs::Programs;
use super::server::{self, Counters, Line, Listening};
use super::summary::Summary;
use super::view::{Frame, Load, View};
use crate::process::{Child, Ending, Interrupt, Usage};
use crate::report::{Report, State, Totals};

/// The processes, in the order in which they end.
pub(super) struct Show {
    server: Child,
    bots: Child,
    conditioner: Child,
    news: Receiver<News>,
    interrupt: Interrupt,
    counters: Counters,
    loss_down: Option<f64>,
    /// The latest measured usage of server, conditioner and bots.
    usage: [Option<Usage>; 3],
    /// The usage of server, conditioner and bots at the beginning of the play.
    usage_before: [Option<Usage>; 3],
    totals: Totals,
    frame: Frame,
    summary: Summary,
    stage: Stage,
    /// The time at which the current stage counts as stuck.
    patience: Instant,
    /// The server's folder, which exists until all processes have ended.
    _folder: TempDir,
}

/// A message from a process.
enum News {
    Server(Line),
    /// The address on which the conditioner listens. `None` if it printed no address.
    Conditioner(Option<String>),
    Bots(Option<Box<Report>>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Connecting,
    Playing {
        until: Instant,
    },
    /// The time of play has ended. The demonstration has ordered the server to stop the agents.
    Freezing,
    Settling,
    Stopping,
    Over,
}

impl Show {
    /// Starts the three processes, one after another.
    pub(super) fn open(args: &Args, view: &mut View) -> Result<Self, String> {
        let programs = Programs::find(args)?;
        let interrupt = Interrupt::listen()?;
        let folder = tempfile::Builder::new().prefix("tickwire-demo-").tempdir().map_err(|error| {
            format!("cannot create a folder in {}: {error}; check the disk", std::env::temp_dir().display())
        })?;
        server::configure(folder.path(), args)?;
        let (said, news) = channel();
        let in_folder = |command: &mut std::process::Command| {
            command.current_dir(folder.path()).arg("--json");
        };
        let hear = |line: String| News::Server(Line::parse(&line));
        let mut server = Child::start(
            "the server",
            &programs.server,
            Ending::Stop("quit"),
            in_folder,
            said.clone(),
            hear,
        )?;
        let listening = wait_for(&mut server, &news, &interrupt, |news| match news {
            News::Server(Line::Listening(listening)) => Some(listening),
            _ => None,
        })?;
        let told = |command: &mut std::process::Command| {
            command.args(link::arguments(args, &listening.address));
        };
        let hear = |line: String| News::Conditioner(line.split(' ').nth(2).map(str::to_owned));
        let mut conditioner =
            Child::start("the conditioner", &programs.conditioner, Ending::Kill, told, said.clone(), hear)?;
        let front = wait_for(&mut conditioner, &news, &interrupt, |news| match news {
            News::Conditioner(address) => address,
            _ => None,
        })?;
        introduce(args, view, &listening, &front, [&server, &conditioner]);
        let told = |command: &mut std::process::Command| {
            command.args(["--server", &front, "--key", &listening.key]);
            command.args(["--clients", &args.clients.to_string(), "--seed", &args.seed.to_string()]);
        };
        let hear = |line: String| News::Bots(serde_json::from_str(&line).ok());
        let bots = Child::start("the crowd of bots", &programs.bots, Ending::EndOfInput, told, said, hear)?;
        let frame = Frame { clients: args.clients, ..Frame::default() };
        let summary = Summary {
            clients: args.clients,
            link: link::json(args),
            link_text: link::described(args),
            ..Summary::default()
        };
        let pace = Duration::from_millis(5) * args.clients.into();
        Ok(Self {
            server,
            bots,
            conditioner,
            news,
            interrupt,
            counters: Counters::default(),
            loss_down: None,
            usage: [None; 3],
            usage_before: [None; 3],
            totals: Totals::default(),
            frame,
            summary,
            stage: Stage::Connecting,
            patience: Instant::now() + PATIENCE + pace,
            _folder: folder,
        })
    }

    /// Runs the demonstration to its end. After an error, the remaining processes are stopped in order.
    pub(super) fn run(mut self, args: &Args, view: &mut View) -> Result<Summary, String> {
        while self.stage != Stage::Over {
            match self.news.recv_timeout(LOOK) {
                Ok(News::Bots(Some(report))) => self.on_report(*report, args, view),
                Ok(News::Server(line)) => self.on_line(line),
                Ok(News::Bots(None) | News::Conditioner(_)) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(LOOK),
            }
            self.look_after_children()?;
            let now = Instant::now();
            let is_over = matches!(self.stage, Stage::Playing { until } if now >= until);
            let is_interrupted = self.interrupt.is_raised() && !self.summary.interrupted;
            if is_interrupted {
                self.summary.interrupted = true;
                view.say("\ninterrupted: stopping all processes; interrupt again to stop immediately");
            }
            if is_over || is_interrupted && matches!(self.stage, Stage::Connecting | Stage::Playing { .. }) {
                self.finish();
            }
            if now > self.patience {
                return Err(format!(
                    "the demonstration did not reach its next stage in time: {}",
                    self.bots.obituary()
                ));
            }
        }
        Ok(self.summary.clone())
    }

    /// Returns an error if a child process has ended too early.
    fn look_after_children(&mut self) -> Result<(), String> {
        let is_stopping = matches!(self.stage, Stage::Stopping | Stage::Over);
        if !is_stopping && self.server.has_ended() {
            return Err(format!("a program stopped too early: {}", self.server.obituary()));
        }
        if self.conditioner.has_ended() {
            return Err(format!("a program stopped too early: {}", self.conditioner.obituary()));
        }
        if self.stage != Stage::Over && self.bots.has_ended() && !is_stopping {
            return Err(format!("a program stopped too early: {}", self.bots.obituary()));
        }
        Ok(())
    }

    fn on_line(&mut self, line: Line) {
        match line {
            Line::Counters(counters) => self.counters = counters,
            Line::Loss(percent) => self.loss_down = Some(percent),
            Line::Stopped { not_sent, unconfirmed } => {
                (self.summary.not_sent, self.summary.unconfirmed) = (not_sent, unconfirmed);
            }
            Line::Frozen { world } if self.stage == Stage::Freezing => {
                self.bots.tell(&format!("finish {world}"));
                self.enter(Stage::Settling);
            }
            Line::Frozen { .. } | Line::Listening(_) | Line::Other => {}
        }
    }

    fn on_report(&mut self, report: Report, args: &Args, view: &mut View) {
        match report {
            Report::Connected { connect_us, failures, connected, .. } => {
                (self.summary.connect_us, self.summary.failures) = (connect_us, failures);
                (self.frame.connect_us, self.frame.connected) = (connect_us, connected);
                self.usage_before = self.usages();
                if self.stage == Stage::Connecting {
                    let seconds = Duration::from_secs(args.seconds.into());
                    self.stage = Stage::Playing { until: Instant::now() + seconds };
                    self.patience = Instant::now() + seconds + PATIENCE;
                }
            }
            // Who is leaving has nothing to show any more.
            Report::Second(_) if self.stage == Stage::Stopping => {}
            Report::Second(state) => self.on_second(state, args, view),
            Report::Settled { played_ms, played, rtt_us, state, worlds_wrong, wrong_world } => {
                (self.summary.worlds_wrong, self.summary.wrong_world) = (worlds_wrong, wrong_world);
                self.summary.connected = state.connected;
                self.summary.interruptions = state.interruptions;
                (self.summary.played_ms, self.summary.played) = (played_ms, played);
                (self.summary.rtt_us, self.summary.totals) = (rtt_us, state.totals);
                self.server.end();
                self.enter(Stage::Stopping);
            }
            Report::Ended { told } => {
                self.summary.told = told;
                self.server.wait(PATIENCE);
                self.summary.stopped_in_order = self.server.has_succeeded();
                self.stage = Stage::Over;
            }
        }
    }

    /// Ends the play, and begins to wait for the messages in flight.
    fn finish(&mut self) {
        let (now, before) = (self.usages(), self.usage_before);
        self.summary.loads = loads(now, before);
        self.summary.loss_down = self.loss_down;
        (self.summary.ticks, self.summary.overruns) = (self.counters.ticks, self.counters.overruns);
        if self.summary.interrupted {
            // Bots that still connect would change the world.
            self.bots.tell("finish");
            self.enter(Stage::Settling);
        } else {
            self.server.tell(server::FREEZE);
            self.enter(Stage::Freezing);
        }
    }

    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.patience = Instant::now() + PATIENCE;
    }

    fn on_second(&mut self, state: State, args: &Args, view: &mut View) {
        let now = self.usages();
        let frame = &mut self.frame;
        frame.loads = loads(now, self.usage);
        self.usage = now;
        frame.seconds = state.at_ms as f64 / 1000.0;
        (frame.connected, frame.interruptions) = (state.connected, state.interruptions);
        (frame.rtt_us, frame.totals) = (state.rtt_us, state.totals);
        frame.rates = state.totals.since(self.totals);
        frame.loss_down = self.loss_down;
        self.totals = state.totals;
        frame.phase = match self.stage {
            Stage::Connecting => "connecting".into(),
            Stage::Playing { until } => {
                let left = until.saturating_duration_since(Instant::now()).as_secs_f64();
                let played = f64::from(args.seconds) - left;
                format!("playing, {played:.0} of {} s", args.seconds)
            }
            Stage::Freezing | Stage::Settling | Stage::Stopping | Stage::Over => {
                "waiting for final messages".into()
            }
        };
        view.show(frame);
        for question in server::QUESTIONS {
            self.server.tell(question);
        }
    }

    fn usages(&self) -> [Option<Usage>; 3] {
        [&self.server, &self.conditioner, &self.bots].map(|child| Usage::of(child.id()))
    }
}

fn loads(now: [Option<Usage>; 3], before: [Option<Usage>; 3]) -> [Load; 3] {
    let pairs: Vec<_> = now.into_iter().zip(before).collect();
    std::array::from_fn(|place| {
        let Some((now, before)) = pairs.get(place) else { return Load::default() };
        Load {
            cpu_percent: now.as_ref().zip(before.as_ref()).map(|(now, before)| now.cpu_percent_since(before)),
            rss: now.map(|now| now.rss),
        }
    })
}

/// Waits for the first message of a kind from a process that was just started.
fn wait_for<T>(
    child: &mut Child,
    news: &Receiver<News>,
    interrupt: &Interrupt,
    wanted: impl Fn(News) -> Option<T>,
) -> Result<T, String> {
    let start = Instant::now();
    loop {
        // Whether it had ended before the queue was found empty.
        let has_ended = child.has_ended();
        match news.recv_timeout(LOOK) {
            Ok(news) => {
                if let Some(found) = wanted(news) {
                    return Ok(found);
                }
            }
            Err(_) if has_ended || start.elapsed() > PATIENCE => return Err(child.obituary()),
            Err(_) if interrupt.is_raised() => {
                return Err("interrupted before all programs were started".into());
            }
            Err(_) => {}
        }
    }
}

/// Prints an introduction that explains the table.
fn introduce(args: &Args, view: &mut View, listening: &Listening, front: &str, children: [&Child; 2]) {
    let [server, conditioner] = children.map(Child::id);
    let Args { clients, seconds, .. } = args;
    view.say(&format!(
        "{clients} bots, a UDP socket each, play for {seconds} s in the world of a tickwire server"
    ));
    view.say(&format!("  server       {} (process {server})", listening.address));
    view.say(&format!("  conditioner  {front} (process {conditioner}), through which the bots connect"));
    view.say(&format!("  network      {}", link::described(args)));
}

/// The longest time between two checks of the processes and the clock.
const LOOK: Duration = Duration::from_millis(50);
/// The time that a stage may take in addition to its planned time.
const PATIENCE: Duration = Duration::from_secs(30);
