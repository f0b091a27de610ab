//! Orders to the crowd, from the program or person that started it.

use std::io::BufRead as _;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The order that is in force.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wish {
    /// Go on.
    Play,
    /// Stop playing, see that all has arrived, and wait for the server's good-bye. The hash is that of the server's world, if it
    /// stands still: then all bots are to show the same world.
    Finish { world: Option<u64> },
    /// Stop playing, see that all has arrived, and leave.
    FinishAndLeave,
    /// Leave now, because the program that gave the orders is gone.
    Leave,
}

/// Where orders come from.
pub(super) enum Orders {
    /// Standard input: the line `finish`, with the hash of the server's world or without, and the end of the input.
    Lines(Receiver<Option<u64>>),
    /// The clock.
    Seconds(Duration),
}

/// Reads standard input, unless the crowd plays for a fixed time.
pub(super) fn listen(seconds: Option<u64>) -> Orders {
    if let Some(seconds) = seconds {
        return Orders::Seconds(Duration::from_secs(seconds));
    }
    let (order, orders) = channel();
    // The end of the input ends the thread, and that closes the channel.
    thread::spawn(move || {
        let lines = std::io::stdin().lock().lines().map_while(Result::ok);
        lines.filter_map(|line| finish(&line)).try_for_each(|world| order.send(world))
    });
    Orders::Lines(orders)
}

/// The hash in an order to finish, if the line is one.
fn finish(line: &str) -> Option<Option<u64>> {
    let rest = line.trim().strip_prefix("finish")?;
    if rest.is_empty() { Some(None) } else { u64::from_str_radix(rest.trim(), 16).ok().map(Some) }
}

impl Orders {
    /// The order for a crowd that has played since `playing_since`, if it plays.
    pub(super) fn wish(&self, playing_since: Option<Instant>) -> Wish {
        match self {
            Self::Lines(lines) => match lines.try_recv() {
                Ok(world) => Wish::Finish { world },
                Err(TryRecvError::Empty) => Wish::Play,
                Err(TryRecvError::Disconnected) => Wish::Leave,
            },
            Self::Seconds(seconds) if playing_since.is_some_and(|since| since.elapsed() >= *seconds) => {
                Wish::FinishAndLeave
            }
            Self::Seconds(_) => Wish::Play,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_to_finish_may_bear_the_hash_of_the_servers_world() {
        let orders = ["finish", " finish 00ff", "finish 0xff", "stop", ""].map(finish);
        assert_eq!(orders, [Some(None), Some(Some(255)), None, None, None]);
    }
}
