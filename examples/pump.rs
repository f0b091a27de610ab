//! The core in the program's own loop, over sockets of the standard library: no thread, no queues, no executor. Each turn receives
//! datagrams, passes them to the core, sends the core's datagrams, and sleeps until the next deadline.
//!
//! `cargo run --example pump` connects a client to a server on the loopback interface, and sends a message there and back.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tickwire::{
    Access, Address, ChannelId, CloseReason, Config, ConnectOptions, Ecn, Endpoint, Event, Instant, Secrets,
    Transmit,
};

/// One endpoint, its socket, and its clock.
struct Pump {
    endpoint: Endpoint,
    socket: UdpSocket,
    start: std::time::Instant,
    /// The datagram for which the socket had no space.
    unsent: Option<Transmit>,
    out: Vec<u8>,
    buffer: Vec<u8>,
}

impl Pump {
    fn new(access: Access) -> Result<Self, Box<dyn std::error::Error>> {
        // A fresh seed at every start, from the system: ephemeral keys come from it. Keys of a server that clients pin
        // would be kept in a file.
        let (mut seed, mut identity) = ([0; 32], [0; 32]);
        getrandom::fill(&mut seed)?;
        getrandom::fill(&mut identity)?;
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let mut config = Config::new(0x6d79_6761_6d65);
        config.access = access;
        // Plain sockets let the system cut datagrams up, so `config.dont_fragment` stays false: none has more than 1200 bytes. A
        // loop that forbids fragments (`IP_MTU_DISCOVER` on Linux, `IP_DONTFRAGMENT` on Windows) sets it, and lends larger buffers.
        // The core counts microseconds from our start; tickets expire by the wall clock.
        let wall = SystemTime::now().duration_since(UNIX_EPOCH)?;
        config.wall_offset = u64::try_from(wall.as_micros())?;
        Ok(Self {
            endpoint: Endpoint::new(config, Secrets::new(identity), seed, Instant::ZERO)?,
            socket,
            start: std::time::Instant::now(),
            unsent: None,
            out: vec![0; 2048],
            buffer: vec![0; 65_535],
        })
    }

    fn now(&self) -> Instant {
        Instant::saturating_from_micros(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// Runs one turn: waits until a datagram arrives, a deadline passes or `most` has passed, and then handles all
    /// datagrams and timers that are due.
    fn turn(&mut self, most: Duration) -> std::io::Result<()> {
        let (due, _) = self.endpoint.poll_timeout();
        // A zero timeout would mean for ever. A full socket is tried again soon: plain sockets do not say when.
        let wait = if self.unsent.is_some() { Duration::ZERO } else { due.saturating_since(self.now()) };
        self.socket.set_read_timeout(Some(wait.clamp(Duration::from_micros(100), most)))?;
        match self.socket.recv_from(&mut self.buffer) {
            Ok((size, from)) => {
                let (now, datagram) = (self.now(), &mut self.buffer[..size]);
                self.endpoint.handle_datagram(now, from, Ecn::NotCapable, datagram);
            }
            // Linux says WouldBlock, Windows TimedOut; Windows also reports here that an earlier datagram found nobody.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => return Err(error),
        }
        let now = self.now();
        self.endpoint.handle_timeout(now);
        self.flush(now);
        Ok(())
    }

    /// Sends until no datagram is left or the socket is full. The core builds a datagram only when it is polled, so the
    /// datagram contains the newest data.
    fn flush(&mut self, now: Instant) {
        while let Some(transmit) =
            self.unsent.take().or_else(|| self.endpoint.poll_transmit(now, &mut self.out[..1200]))
        {
            let Address::Udp(to) = transmit.path.remote else { continue };
            // With 1,200 bytes of room there is one datagram; with more, `transmit.datagrams` cuts them.
            match self.socket.send_to(&self.out[..transmit.size], to) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.unsent = Some(transmit);
                    return;
                }
                // Any other error is a lost datagram, and the core knows how to deal with those.
                _ => {}
            }
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut server = Pump::new(Access::Open)?;
    let mut client = Pump::new(Access::Closed)?;
    let (now, to) = (client.now(), server.socket.local_addr()?);
    let options = ConnectOptions::new(server.endpoint.public_key());
    let connection = client.endpoint.connect(now, to, options)?;
    client.endpoint.send(now, connection, ChannelId(0), &b"there and back"[..])?;

    loop {
        // A game has one of them, and a frame's time to wait.
        server.turn(Duration::from_millis(1))?;
        client.turn(Duration::from_millis(1))?;
        while let Some(event) = server.endpoint.poll_event() {
            println!("server: {event:?}");
            if let Event::Message { connection, channel, data } = event {
                let now = server.now();
                server.endpoint.send(now, connection, channel, data)?;
            }
        }
        while let Some(event) = client.endpoint.poll_event() {
            println!("client: {event:?}");
            match event {
                Event::Message { connection, .. } => {
                    let now = client.now();
                    client.endpoint.close(now, connection, 0, "done");
                }
                Event::Closed { reason: CloseReason::Local { .. }, .. } => return Ok(()),
                Event::Closed { reason, .. } => {
                    return Err(
                        format!("the connection ended before the message came back: {reason:?}").into()
                    );
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_server_of_the_pump_example_returns_the_message_of_the_client() {
        super::main().unwrap();
    }
}
