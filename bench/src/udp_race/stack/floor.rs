//! A stack without a protocol, which shows the cost of the system alone.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd as _, BorrowedFd};

use anyhow::{Context, Result};

use super::polled::{Polled, server_socket};
use crate::message::{Kind, SIZE};
use crate::orders::{Answer, Control, Setup};
use crate::pool::Client;

pub(crate) const HOW: &str = "plain sockets without any protocol: nothing is encrypted, ordered, repeated or checked. A tick's \
    messages to one client are one datagram, and a client answers each third one with a byte. No stack can be below it \
    without fewer datagrams; what is above it is the stack's own.";

pub(crate) fn serve(_setup: &Setup, control: &Control) -> Result<()> {
    let socket = server_socket()?;
    let address = socket.local_addr()?;
    let mut server = ServedFloor { socket, clients: Vec::new(), batch: Vec::new() };
    Answer::Listening { address, key: Vec::new() }.say()?;
    super::polled::serve(&mut server, control)
}

struct ServedFloor {
    socket: UdpSocket,
    clients: Vec<SocketAddr>,
    batch: Vec<u8>,
}

impl Polled for ServedFloor {
    fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn receive(&mut self, echo: bool) -> Result<()> {
        let mut buffer = [0; 2048];
        while let Ok((size, from)) = self.socket.recv_from(&mut buffer) {
            if size == HELLO.len() {
                self.clients.push(from);
                self.socket.send_to(HELLO, from)?;
            } else if size == SIZE && echo {
                self.socket.send_to(&buffer[..size], from)?;
            }
        }
        Ok(())
    }

    fn connected(&self) -> usize {
        self.clients.len()
    }

    fn send_each(&mut self, count: u32, make: &mut dyn FnMut() -> [u8; SIZE]) {
        for client in &self.clients {
            self.batch.clear();
            for _ in 0..count {
                self.batch.extend_from_slice(&make());
            }
            // A full buffer loses it.
            let _sent = self.socket.send_to(&self.batch, client);
        }
    }

    fn send_all(&mut self, message: &[u8]) {
        for client in &self.clients {
            let _sent = self.socket.send_to(message, client);
        }
    }

    fn flush(&mut self) {}
}

pub(crate) struct FloorClient {
    socket: UdpSocket,
    server: SocketAddr,
    is_connected: bool,
    received: u32,
}

impl Client for FloorClient {
    const TICKS: bool = false;

    fn new(setup: &Setup, _number: usize, socket: UdpSocket) -> Result<Self> {
        let (server, _) = setup.server.clone().context(
            "the setup does not contain the address of the server; this is a bug in the benchmark",
        )?;
        Ok(Self { socket, server, is_connected: false, received: 0 })
    }

    fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn connect(&mut self) -> Result<()> {
        self.socket.send_to(HELLO, self.server)?;
        Ok(())
    }

    fn is_connected(&self) -> bool {
        self.is_connected
    }

    fn on_readable(&mut self, inbox: &mut dyn FnMut(&[u8])) -> Result<()> {
        let mut buffer = [0; 2048];
        while let Ok((size, _)) = self.socket.recv_from(&mut buffer) {
            if size == HELLO.len() {
                self.is_connected = true;
                continue;
            }
            buffer[..size].chunks(SIZE).for_each(&mut *inbox);
            self.received += 1;
            let is_echo = buffer[0] == Kind::Ping as u8;
            if self.received.is_multiple_of(3) && !is_echo {
                self.socket.send_to(&[0], self.server)?;
            }
        }
        Ok(())
    }

    fn send(&mut self, message: &[u8]) -> Result<()> {
        self.socket.send_to(message, self.server)?;
        Ok(())
    }
}

const HELLO: &[u8] = b"hello";
