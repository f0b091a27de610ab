//! Orders to the bots on standard input, from the program or person that started them.

use std::io::BufRead as _;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The current order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wish {
    /// Continue to play.
    Play,
    /// Stop playing, wait up to 20 s for all messages to arrive, and wait up to 20 s for the server to close the
    /// connections.
    Finish {
        /// The hash of the server's world, if the world stands still. The bots then also wait until they show this world.
        world: Option<u64>,
    },
    /// Stop playing, wait up to 20 s for all messages to arrive, and leave.
    FinishAndLeave,
    /// Leave now, because standard input has ended.
    Leave,
}

/// The source of orders.
pub(super) enum Orders {
    /// Orders from standard input. The line `finish`, with or without the hash of the server's world, is the order
    /// [`Wish::Finish`]. The end of the input is the order [`Wish::Leave`].
    Lines(Receiver<Option<u64>>),
    /// The fixed time after which the bots finish and leave.
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

/// Returns the hash in an order to finish. Returns `None` for any other line.
fn finish(line: &str) -> Option<Option<u64>> {
    let rest = line.trim().strip_prefix("finish")?;
    if rest.is_empty() { Some(None) } else { u64::from_str_radix(rest.trim(), 16).ok().map(Some) }
}

impl Orders {
    /// Returns the current order for bots that have played since `playing_since`. `None` stands for bots that do not
    /// play yet.
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
    fn an_order_to_finish_may_contain_the_hash_of_the_servers_world() {
        let orders = ["finish", " finish 00ff", "finish 0xff", "stop", ""].map(finish);
        assert_eq!(orders, [Some(None), Some(Some(255)), None, None, None]);
    }
}
