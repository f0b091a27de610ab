//! The sleep of the network thread: one system call, which returns when the socket, a deadline or another thread
//! requires work.

use std::io::{self, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Wake;
use std::time::Duration;

#[cfg(windows)]
use std::net::TcpStream as Pipe;
#[cfg(unix)]
use std::os::unix::net::UnixStream as Pipe;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::udp_socket::UdpSocket;

/// Wakes the network thread from any thread. While the network thread is awake, a call only reads an atomic flag.
#[derive(Debug)]
pub(crate) struct Alarm {
    /// The state of the network thread: [`AWAKE`], [`ASLEEP`] or [`RUNG`].
    state: AtomicU8,
    bell: Pipe,
}

/// The receiving end of the alarm, on which the network thread sleeps.
#[derive(Debug)]
pub(crate) struct Sleeper {
    alarm: Arc<Alarm>,
    ear: Pipe,
}

/// The reasons why a sleep ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Woken {
    /// The socket has a datagram or an error.
    pub(crate) is_readable: bool,
    /// The socket has space for a datagram.
    pub(crate) is_writable: bool,
}

impl Alarm {
    pub(crate) fn ring(&self) {
        if self.state.swap(RUNG, Ordering::SeqCst) == ASLEEP {
            // One byte finds room: the thread empties the pipe before it sleeps again.
            let _rung = (&self.bell).write(&[1]);
        }
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

impl Sleeper {
    pub(crate) fn new() -> io::Result<Self> {
        let (bell, ear) = pipe()?;
        bell.set_nonblocking(true)?;
        ear.set_nonblocking(true)?;
        Ok(Self { alarm: Arc::new(Alarm { state: AtomicU8::new(AWAKE), bell }), ear })
    }

    pub(crate) const fn alarm(&self) -> &Arc<Alarm> {
        &self.alarm
    }

    /// Announces that the thread is about to sleep. Returns `false` if the alarm rang since the last sleep, in which case
    /// the thread must check for work again. Every later ring ends the sleep.
    pub(crate) fn lie_down(&self) -> bool {
        let state = &self.alarm.state;
        let may_sleep = state.compare_exchange(AWAKE, ASLEEP, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if !may_sleep {
            state.store(AWAKE, Ordering::SeqCst);
        }
        may_sleep
    }

    /// Sleeps until the socket can be read (or written, if `wants_room`), the alarm rings, or `timeout` passes. `None` sets
    /// no timeout.
    pub(crate) fn sleep(&self, socket: &UdpSocket, wants_room: bool, timeout: Option<Duration>) -> Woken {
        let wanted = if wants_room { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let mut waiting = [PollFd::new(socket.as_std(), wanted), PollFd::new(&self.ear, PollFlags::IN)];
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        // An interruption by a signal is an early call, which is allowed.
        let woken = poll(&mut waiting, timeout.as_ref()).is_ok();
        self.alarm.state.store(AWAKE, Ordering::SeqCst);
        let [socket, ear] = waiting.map(|entry| if woken { entry.revents() } else { PollFlags::empty() });
        self.empty(ear);
        Woken {
            is_readable: socket.intersects(PollFlags::IN | PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL),
            is_writable: socket.contains(PollFlags::OUT),
        }
    }

    /// Sleeps until the alarm rings or `timeout` passes, even if datagrams arrive.
    pub(crate) fn nap(&self, timeout: Duration) {
        let mut waiting = [PollFd::new(&self.ear, PollFlags::IN)];
        let timeout = Timespec::try_from(timeout).ok();
        let woken = poll(&mut waiting, timeout.as_ref()).is_ok();
        self.alarm.state.store(AWAKE, Ordering::SeqCst);
        let [ear] = waiting.map(|entry| if woken { entry.revents() } else { PollFlags::empty() });
        self.empty(ear);
    }

    fn empty(&self, ear: PollFlags) {
        if !ear.is_empty() {
            let _emptied = (&self.ear).read(&mut [0; 64]);
        }
    }
}

#[cfg(unix)]
fn pipe() -> io::Result<(Pipe, Pipe)> {
    Pipe::pair()
}

/// Creates a connected pair of TCP sockets, because Windows can wait only for sockets and the standard library has no
/// socket pair.
#[cfg(windows)]
fn pipe() -> io::Result<(Pipe, Pipe)> {
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
    let bell = Pipe::connect(listener.local_addr()?)?;
    let (ear, from) = listener.accept()?;
    if from != bell.local_addr()? {
        return Err(io::Error::new(
            io::ErrorKind::ConnectionRefused,
            "another program connected to the driver's wake-up socket",
        ));
    }
    bell.set_nodelay(true)?;
    Ok((bell, ear))
}

/// The thread is working, and checks for a ring before it sleeps.
const AWAKE: u8 = 0;
/// The thread is asleep or about to sleep.
const ASLEEP: u8 = 1;
/// Another thread rang the alarm.
const RUNG: u8 = 2;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::options::Bind;

    /// A timeout that no test reaches.
    const LONG: Duration = Duration::from_secs(3600);

    fn socket() -> UdpSocket {
        UdpSocket::open(Bind::Address("127.0.0.1:0".parse().unwrap()), 1 << 16).unwrap()
    }

    /// Runs `act`, and panics if `act` takes more than a minute, because its sleep then did not end.
    fn promptly(act: impl FnOnce() + Send + 'static) {
        let (done, is_done) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            act();
            done.send(()).unwrap();
        });
        if is_done.recv_timeout(Duration::from_secs(60)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            panic!("it sleeps on");
        }
        thread.join().unwrap();
    }

    #[test]
    fn a_sleep_of_the_network_thread_ends_at_its_deadline() {
        let (sleeper, socket) = (Sleeper::new().unwrap(), socket());
        let begun = Instant::now();
        assert!(sleeper.lie_down());
        let woken = sleeper.sleep(&socket, false, Some(Duration::from_millis(20)));
        assert_eq!(woken, Woken::default());
        assert!(begun.elapsed() >= Duration::from_millis(19), "{:?}", begun.elapsed());
    }

    #[test]
    fn a_wake_up_ends_a_sleep_that_has_begun() {
        promptly(|| {
            let (sleeper, socket) = (Sleeper::new().unwrap(), socket());
            for _ in 0..100 {
                assert!(sleeper.lie_down());
                sleeper.alarm().ring();
                sleeper.alarm().ring();
                sleeper.sleep(&socket, false, Some(LONG));
            }
        });
    }

    #[test]
    fn a_wake_up_before_a_sleep_ends_only_the_next_sleep() {
        let sleeper = Sleeper::new().unwrap();
        sleeper.alarm().ring();
        assert!(!sleeper.lie_down());
        assert!(sleeper.lie_down());
    }

    #[test]
    fn an_arriving_datagram_does_not_end_a_coalescing_delay() {
        let (sleeper, socket) = (Sleeper::new().unwrap(), socket());
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.send_to(&[1], socket.local_address()).unwrap();
        let begun = Instant::now();
        assert!(sleeper.lie_down());
        sleeper.nap(Duration::from_millis(20));
        assert!(begun.elapsed() >= Duration::from_millis(19), "{:?}", begun.elapsed());
        promptly(move || {
            for _ in 0..100 {
                assert!(sleeper.lie_down());
                sleeper.alarm().ring();
                sleeper.nap(LONG);
            }
            assert!(sleeper.lie_down(), "what rang was heard");
        });
    }

    #[test]
    fn a_readable_socket_ends_a_sleep() {
        let (sleeper, socket) = (Sleeper::new().unwrap(), socket());
        let woken = sleeper.sleep(&socket, true, Some(Duration::from_secs(5)));
        assert_eq!(woken, Woken { is_readable: false, is_writable: true });
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.send_to(&[1], socket.local_address()).unwrap();
        let woken = sleeper.sleep(&socket, false, Some(Duration::from_secs(5)));
        assert_eq!(woken, Woken { is_readable: true, is_writable: false });
    }
}
