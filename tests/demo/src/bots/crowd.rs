//! All bots, and the loop that plays them.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use tickwire_native::StartError;

use super::args::Args;
use super::bot::Bot;
use super::dialling::Dialling;
use super::orders::{Orders, Wish};
use crate::percentiles::Samples;
use crate::report::{Report, State, Totals};

/// All bots.
pub(super) struct Crowd {
    bots: Vec<Bot>,
    dialling: Dialling,
    /// The number of bots that have begun to connect.
    dialled: usize,
    connect: Samples,
    failures: BTreeMap<String, usize>,
    began: Instant,
    phase: Phase,
    /// The round-trip times of the current second, and of the time in which all bots played.
    rtt: Samples,
    rtt_played: Samples,
    /// The hash of the server's world, which stands still: all bots are to show it.
    world: Option<u64>,
}

/// The phase that the crowd is in.
#[derive(Clone, Copy)]
enum Phase {
    Connecting,
    Playing {
        since: Instant,
        before: Totals,
    },
    Settling {
        until: Instant,
        then_leave: bool,
        played: Played,
    },
    /// The bots wait until the server closes their connections.
    Waiting {
        until: Instant,
    },
}

/// The counters of the time in which all bots played.
#[derive(Clone, Copy)]
struct Played {
    ms: u64,
    totals: Totals,
}

impl Crowd {
    /// Opens the sockets of all bots.
    pub(super) fn start(args: &Args) -> Result<Self, StartError> {
        let chat_pause = CHAT_PAUSE * u32::from(args.clients).div_ceil(CHATTY).max(1);
        let bots = (0..args.clients).map(|number| Bot::new(number, args.seed, chat_pause));
        Ok(Self {
            bots: bots.collect::<Result<_, _>>()?,
            dialling: Dialling::new(args.server.clone(), args.key, args.tickets.clone()),
            dialled: 0,
            connect: Samples::default(),
            failures: BTreeMap::new(),
            began: Instant::now(),
            phase: Phase::Connecting,
            rtt: Samples::default(),
            rtt_played: Samples::default(),
            world: None,
        })
    }

    /// Plays until an order or the server ends the play. Returns whether the server accepted all bots, and each of their
    /// lines was delivered or reported as unconfirmed.
    pub(super) fn play(mut self, orders: Orders, report: impl Fn(&Report)) -> bool {
        let mut reported = Instant::now();
        let mut unaccounted = 0;
        for slot in 0.. {
            let now = Instant::now();
            self.dial();
            self.turn(slot, now);
            let since = if let Phase::Playing { since, .. } = self.phase { Some(since) } else { None };
            match orders.wish(since) {
                Wish::Play => {}
                Wish::Finish { world } => {
                    self.world = world;
                    self.finish(now, false);
                }
                Wish::FinishAndLeave => self.finish(now, true),
                Wish::Leave => break,
            }
            if reported.elapsed() >= SECOND {
                reported += SECOND;
                report(&Report::Second(self.state()));
            }
            if let Some(news) = self.advance(now) {
                let is_over = matches!(news, Report::Ended { .. });
                report(&news);
                if matches!(news, Report::Settled { .. }) {
                    unaccounted = self.bots.iter().map(Bot::unaccounted).sum();
                }
                if is_over {
                    break;
                }
            }
            thread::sleep(SLOT.saturating_sub(now.elapsed()));
        }
        if unaccounted > 0 {
            eprintln!(
                "tickwire-bots: {unaccounted} reliable messages were neither delivered nor reported as unconfirmed"
            );
        }
        self.connect.len() == self.bots.len() && unaccounted == 0
        // Dropping a client says good-bye.
    }

    /// Makes one more bot begin to connect, and handles the attempts that have ended.
    fn dial(&mut self) {
        if let Some(bot) = self.bots.get(self.dialled) {
            self.dialling.dial(&bot.client.handle());
            self.dialled += 1;
        }
        while let Some(dialled) = self.dialling.ended() {
            match dialled.result {
                Ok(()) => self.connect.add(dialled.took),
                Err(error) => *self.failures.entry(error.to_string()).or_default() += 1,
            }
        }
    }

    /// Plays the bots of this slot. Each bot has one of the [`SLOTS`] slots, so that the bots do not all send at once.
    fn turn(&mut self, slot: usize, now: Instant) {
        let frame = slot / SLOTS;
        for bot in self.bots.iter_mut().skip(slot % SLOTS).step_by(SLOTS) {
            bot.drain();
            if matches!(self.phase, Phase::Connecting | Phase::Playing { .. }) {
                bot.steer();
            }
            if let Phase::Playing { .. } = self.phase {
                bot.chat(now);
            }
            if frame.is_multiple_of(FRAMES_PER_LOOK) {
                bot.look(&mut self.rtt);
            }
        }
    }

    fn finish(&mut self, now: Instant, then_leave: bool) {
        let totals = self.totals();
        self.keep_round_trips();
        let (since, before) = match self.phase {
            Phase::Playing { since, before } => (since, before),
            // It ends before it has begun.
            Phase::Connecting => (now, totals),
            Phase::Settling { .. } | Phase::Waiting { .. } => return,
        };
        let ms = u64::try_from((now - since).as_millis()).unwrap_or(u64::MAX);
        let played = Played { ms, totals: totals.since(before) };
        self.phase = Phase::Settling { until: now + SETTLE, then_leave, played };
    }

    /// Begins the next phase if it is due. Returns the report about the change.
    fn advance(&mut self, now: Instant) -> Option<Report> {
        match self.phase {
            Phase::Connecting if self.dialled == self.bots.len() && self.dialling.is_idle() => {
                self.bots.iter_mut().for_each(|bot| bot.look(&mut self.rtt));
                self.complain();
                self.phase = Phase::Playing { since: now, before: self.totals() };
                self.rtt = Samples::default();
                Some(Report::Connected {
                    clients: self.bots.len(),
                    connected: self.connected(),
                    connect_us: self.connect.percentiles(),
                    failures: self.failures.clone(),
                })
            }
            Phase::Settling { until, then_leave, played } if now >= until || self.has_settled() => {
                let wait = if then_leave { Duration::ZERO } else { FAREWELL };
                self.phase = Phase::Waiting { until: now + wait };
                let wrong = self.wrong_worlds();
                Some(Report::Settled {
                    played_ms: played.ms,
                    played: played.totals,
                    rtt_us: self.rtt_played.percentiles(),
                    state: self.state(),
                    worlds_wrong: wrong.len(),
                    wrong_world: wrong.into_iter().next(),
                })
            }
            Phase::Waiting { until } if now >= until || self.bots.iter().all(Bot::is_out) => {
                Some(Report::Ended { told: self.farewells() })
            }
            _ => None,
        }
    }

    /// Prints on standard error why bots could not connect, for users who do not read the reports.
    fn complain(&self) {
        for (why, count) in &self.failures {
            eprintln!("tickwire-bots: {count} of {} bots could not connect: {why}", self.bots.len());
        }
    }

    fn state(&mut self) -> State {
        let rtt_us = self.rtt.percentiles();
        self.keep_round_trips();
        State {
            at_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            connected: self.connected(),
            interruptions: self.bots.iter().map(|bot| bot.interruptions).sum(),
            rtt_us,
            totals: self.totals(),
        }
    }

    /// Keeps the round-trip times measured while all bots played, and drops all others.
    fn keep_round_trips(&mut self) {
        match self.phase {
            Phase::Playing { .. } => self.rtt_played.append(&mut self.rtt),
            _ => self.rtt = Samples::default(),
        }
    }

    fn totals(&self) -> Totals {
        let totals: Totals = self.bots.iter().map(Bot::totals).sum();
        Totals { to_hear: self.lines() * self.connect.len() as u64, ..totals }
    }

    /// Returns the number of chat lines that all bots sent. Each bot receives every line, including its own.
    fn lines(&self) -> u64 {
        self.bots.iter().map(Bot::said).sum()
    }

    fn connected(&self) -> usize {
        self.bots.iter().filter(|bot| bot.client.is_connected()).count()
    }

    /// Descriptions of the worlds of bots that are connected and do not show the server's world.
    fn wrong_worlds(&self) -> Vec<String> {
        let Some(world) = self.world else { return Vec::new() };
        let present = self.bots.iter().filter(|bot| bot.client.server().is_some());
        present.filter(|bot| !bot.shows(world)).map(Bot::shown).collect()
    }

    fn has_settled(&self) -> bool {
        let lines = self.lines();
        // What a server had to pass on when it was killed is known to nobody.
        let is_whole = !self.bots.iter().any(|bot| bot.has_lost_session);
        let world = self.world;
        let mut present = self.bots.iter().filter(|bot| bot.client.server().is_some());
        present.all(|bot| {
            bot.unaccounted() == 0
                && (!is_whole || bot.has_heard(lines))
                && world.is_none_or(|world| bot.shows(world))
        })
    }

    fn farewells(&self) -> BTreeMap<String, usize> {
        let mut told = BTreeMap::new();
        for farewell in self.bots.iter().filter_map(|bot| bot.farewell.clone()) {
            *told.entry(farewell).or_default() += 1;
        }
        told
    }
}

const SECOND: Duration = Duration::from_secs(1);
/// The duration of a slot. A frame of 50 ms has [`SLOTS`] slots.
const SLOT: Duration = Duration::from_millis(5);
const SLOTS: usize = 10;
/// The number of frames between two calls of `look`: each bot reads its statistics four times per second.
const FRAMES_PER_LOOK: usize = 5;
/// The average time between two chat lines of a bot, with up to [`CHATTY`] bots. With more bots the time is longer,
/// because every bot receives each line.
const CHAT_PAUSE: Duration = Duration::from_secs(2);
const CHATTY: u32 = 64;
/// The time that messages in flight have to arrive.
const SETTLE: Duration = Duration::from_secs(20);
/// The time that the bots wait for the server to close their connections.
const FAREWELL: Duration = Duration::from_secs(20);
