//! The server's loop for the stacks that must be polled: renet and rusty_enet.

use std::net::UdpSocket;
use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering;

use anyhow::Result;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, Protocol, Socket, Type};

use crate::measure::{Pace, now};
use crate::message::{Kind, SIZE, message};
use crate::orders::{Control, Due, Work};

/// A server that must be polled.
pub(crate) trait Polled {
    /// Returns the server's socket.
    fn socket(&self) -> BorrowedFd<'_>;
    /// Reads all datagrams from the socket. With `echo`, sends messages back immediately.
    fn receive(&mut self, echo: bool) -> Result<()>;
    /// Returns the number of connections.
    fn connected(&self) -> usize;
    /// Queues `count` messages, made by `make`, for each client.
    fn send_each(&mut self, count: u32, make: &mut dyn FnMut() -> [u8; SIZE]);
    /// Queues one message for all clients.
    fn send_all(&mut self, message: &[u8]);
    /// Sends the queued messages, and the datagrams that the stack itself must send.
    fn flush(&mut self);
}

/// Runs sixty ticks per second. Between two ticks the loop sleeps. Only while it echoes does a datagram wake it,
/// because only then the latency is measured.
pub(crate) fn serve(server: &mut impl Polled, control: &Control) -> Result<()> {
    let mut pace = Pace::new();
    let mut number = 0;
    loop {
        let wait = pace.next().saturating_sub(now());
        let is_echoing = control.work() == Work::Echo;
        if is_echoing {
            let timeout = Timespec { tv_sec: 0, tv_nsec: wait as _ };
            let mut waiting = [PollFd::from_borrowed_fd(server.socket(), PollFlags::IN)];
            poll(&mut waiting, Some(&timeout))?;
        } else {
            std::thread::sleep(std::time::Duration::from_nanos(wait));
        }
        server.receive(is_echoing)?;
        if pace.is_due() {
            control.connected.store(server.connected(), Ordering::Relaxed);
            match control.tick() {
                Due::Nothing => {}
                Due::Each(count) => server.send_each(count, &mut || {
                    number += 1;
                    message(Kind::Stream, number)
                }),
                Due::All => {
                    number += 1;
                    server.send_all(&message(Kind::Broadcast, number));
                }
            }
            server.flush();
        }
    }
}

/// Opens a server's socket with buffers of up to 4 MiB, if the system permits. All stacks get the same buffers.
pub(crate) fn server_socket() -> Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.set_recv_buffer_size(4 << 20)?;
    socket.set_send_buffer_size(4 << 20)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
