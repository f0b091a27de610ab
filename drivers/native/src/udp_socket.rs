//! A UDP socket with batches, segmentation offload and ECN, for one or both address families.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdSocket};

use quinn_udp::{BATCH_SIZE, EcnCodepoint, RecvMeta, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use tickwire_core::limits::{BASE_DATAGRAM, MAX_DATAGRAM};
use tickwire_core::{Address, Ecn, Instant, Path, Transmit};

use crate::address::{canonical, why_not_unicast};
use crate::clock::Clock;
use crate::error::StartError;
use crate::options::Bind;

/// A socket whose calls never block.
pub(crate) struct UdpSocket {
    io: StdSocket,
    /// The system's socket extensions for offload and ECN. `None` if the system is too old for them.
    offload: Option<UdpSocketState>,
    local: SocketAddr,
    /// `true` if the socket addresses IPv4 peers as `::ffff:a.b.c.d`.
    is_dual_stack: bool,
    /// A buffer of `BATCH_SIZE` pieces. Each piece is as large as the datagrams that receive offload can join.
    buffer: Vec<u8>,
    metas: [RecvMeta; BATCH_SIZE],
    /// `true` if the system is asked for receive timestamps.
    stamps: bool,
    /// `true` if every datagram of the latest batch had a receive timestamp.
    tells_when: bool,
}

/// Metadata of a received datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) path: Path,
    pub(crate) ecn: Ecn,
    /// The time at which the system received the datagram, if the system reports it. The time can be arbitrarily wrong
    /// if the wall clock was set since then.
    pub(crate) at: Option<Instant>,
}

/// The result of a send call.
#[derive(Debug)]
pub(crate) enum Sent {
    /// The system accepted or permanently refused all datagrams.
    All { refused: Option<Refused> },
    /// The system accepted this many bytes, and its send buffer is full now.
    Blocked { offset: usize },
}

/// Datagrams that the system refused.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) datagrams: u64,
    /// The system's error for the last refused datagram.
    pub(crate) error: io::Error,
}

impl UdpSocket {
    /// Opens the socket that `bind` describes.
    pub(crate) fn open(bind: Bind, buffer_bytes: usize) -> Result<Self, StartError> {
        let at = bind.address();
        if let Some(reason) = why_not_unicast(at.ip()) {
            return Err(StartError::NotUnicast { address: at, reason });
        }
        let (socket, is_dual_stack) = match bind {
            Bind::Any { port } => match open_dual_stack(port) {
                Ok(socket) => (socket, true),
                // No IPv6 here, or no dual stack. That the port is taken is no reason to try half of it.
                Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
                    (open_at(address).map_err(|source| why(address, source))?, false)
                }
                Err(error) => return Err(why(at, error)),
            },
            Bind::Address(_) => (open_at(at).map_err(|source| why(at, source))?, false),
        };
        // The system gives what it grants; less is no reason not to start.
        let _granted = socket.set_recv_buffer_size(buffer_bytes);
        let _granted = socket.set_send_buffer_size(buffer_bytes);
        let socket: StdSocket = socket.into();
        let offload = UdpSocketState::new(UdpSockRef::from(&socket)).ok();
        Self::wrap(socket, offload, is_dual_stack).map_err(|source| why(at, source))
    }

    /// Creates a socket from a file. Every receive call returns an error, and the socket always seems to be readable.
    #[cfg(all(test, unix))]
    pub(crate) fn broken(file: std::fs::File) -> Self {
        Self {
            io: std::os::fd::OwnedFd::from(file).into(),
            offload: None,
            local: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
            is_dual_stack: false,
            buffer: vec![0; MAX_DATAGRAM * BATCH_SIZE],
            metas: [RecvMeta::default(); BATCH_SIZE],
            stamps: true,
            tells_when: false,
        }
    }

    fn wrap(socket: StdSocket, offload: Option<UdpSocketState>, is_dual_stack: bool) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let local = canonical(socket.local_addr()?);
        let buffer = vec![0; MAX_DATAGRAM * BATCH_SIZE];
        Ok(Self {
            io: socket,
            offload,
            local,
            is_dual_stack,
            buffer,
            metas: [RecvMeta::default(); BATCH_SIZE],
            // quinn-udp has asked for it.
            stamps: true,
            tells_when: false,
        })
    }

    /// Returns the local address of the socket.
    pub(crate) const fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Returns whether the socket's address family can address `to`.
    pub(crate) fn can_reach(&self, to: SocketAddr) -> bool {
        self.is_dual_stack || to.is_ipv4() == self.local.is_ipv4()
    }

    /// Returns whether the system may fragment datagrams. If so, an arriving datagram does not prove that the path MTU is as
    /// large as the datagram.
    pub(crate) fn may_fragment(&self) -> bool {
        self.offload.as_ref().is_none_or(UdpSocketState::may_fragment)
    }

    /// Returns the largest number of bytes in one transmit: `segment` bytes for each segment that the system splits in
    /// one call.
    pub(crate) fn transmit_bytes(&self, segment: usize) -> usize {
        (self.segments() * segment).min(MAX_PAYLOAD).max(segment)
    }

    /// Returns the number of segments that the system splits in one call now.
    fn segments(&self) -> usize {
        self.offload.as_ref().map_or(1, |offload| offload.max_gso_segments().max(1))
    }

    /// Receives up to one batch of datagrams, and passes each datagram to `each`. Returns the number of filled buffers.
    /// With offload, fewer than [`BATCH_SIZE`] means that the socket is empty.
    pub(crate) fn receive(
        &mut self,
        clock: &Clock,
        mut each: impl FnMut(Arrival, &mut [u8]),
    ) -> io::Result<usize> {
        let filled = self.fill()?;
        self.tells_when = self.metas.iter().take(filled).all(|meta| meta.timestamp.is_some());
        // Read once for all, and right now: only the time since then depends on the wall clock.
        let (now, wall) = clock.both();
        for (meta, piece) in self.metas.iter().zip(self.buffer.chunks_mut(MAX_DATAGRAM)).take(filled) {
            // With one address there is nothing to choose, and each choice costs a look at the routes.
            let local = meta.dst_ip.filter(|_| self.local.ip().is_unspecified());
            let path = Path { remote: Address::from(meta.addr), local: local.map(|ip| ip.to_canonical()) };
            let at = meta.timestamp.map(|stamp| now - wall.saturating_sub(stamp));
            let arrival = Arrival { path, ecn: ecn_from(meta.ecn), at };
            let bytes = piece.get_mut(..meta.len).unwrap_or_default();
            for datagram in bytes.chunks_mut(meta.stride.max(1)) {
                each(arrival, datagram);
            }
        }
        Ok(filled)
    }

    /// Enables or disables receive timestamps. With timestamps, joined datagrams lose their ECN bits, because quinn-udp 0.6.3
    /// has no space for both. Timestamps are therefore enabled only in idle times, in which the system joins no datagrams.
    pub(crate) fn stamp(&mut self, stamps: bool) {
        if stamps != self.stamps && self.offload.is_some() {
            set_stamps(&self.io, stamps);
            self.stamps = stamps;
        }
    }

    /// Returns whether the system reports when datagrams were received.
    pub(crate) const fn tells_when(&self) -> bool {
        self.tells_when
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut pieces = self.buffer.chunks_mut(MAX_DATAGRAM);
        let Some(offload) = &self.offload else {
            let (len, addr) = self.io.recv_from(pieces.next().unwrap_or_default())?;
            if let Some(meta) = self.metas.first_mut() {
                *meta = RecvMeta::default();
                (meta.addr, meta.len, meta.stride) = (addr, len, len);
            }
            return Ok(1);
        };
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(pieces.next().unwrap_or_default()));
        offload.recv(UdpSockRef::from(&self.io), &mut slices, &mut self.metas)
    }

    /// Passes the datagrams of `transmit` to the system, from byte `offset` of `bytes` on. One call passes as many
    /// datagrams as the system can split.
    pub(crate) fn send(&self, transmit: &Transmit, bytes: &[u8], offset: usize) -> Sent {
        let Address::Udp(to) = transmit.path.remote else { return Sent::All { refused: None } };
        let segment = transmit.segment_size.max(1);
        let (mut offset, mut refused) = (offset, None::<Refused>);
        while let Some(rest) = bytes.get(offset..transmit.size).filter(|rest| !rest.is_empty()) {
            let joined = self.transmit_bytes(segment) / segment * segment;
            let contents = rest.get(..joined).unwrap_or(rest);
            let call = quinn_udp::Transmit {
                destination: self.mapped(to),
                ecn: ecn_to(transmit.ecn),
                contents,
                segment_size: (contents.len() > segment).then_some(segment),
                src_ip: transmit.path.local.map(|ip| self.mapped_ip(ip)),
            };
            let result = match &self.offload {
                Some(offload) => offload.try_send(UdpSockRef::from(&self.io), &call),
                None => self.io.send_to(contents, call.destination).map(|_| ()),
            };
            match result {
                Ok(()) => offset += contents.len(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Sent::Blocked { offset },
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // An interface that does not cut: quinn-udp has noticed, and the next turn sends one by one.
                Err(_) if contents.len() > segment && self.segments() <= 1 => {}
                // A probe of the path MTU that is too large for the interface is as good as lost on the way.
                Err(_) if contents.len() <= segment && contents.len() > BASE_DATAGRAM => {
                    offset += contents.len();
                }
                Err(error) => {
                    let before = refused.as_ref().map_or(0, |refused| refused.datagrams);
                    let datagrams = before + contents.len().div_ceil(segment) as u64;
                    refused = Some(Refused { datagrams, error });
                    offset += contents.len();
                }
            }
        }
        Sent::All { refused }
    }

    /// Returns the standard socket, for waiting.
    pub(crate) const fn as_std(&self) -> &StdSocket {
        &self.io
    }

    fn mapped(&self, to: SocketAddr) -> SocketAddr {
        match to {
            SocketAddr::V4(_) => SocketAddr::new(self.mapped_ip(to.ip()), to.port()),
            // The interface of a link-local address goes with it.
            SocketAddr::V6(_) => to,
        }
    }

    fn mapped_ip(&self, ip: IpAddr) -> IpAddr {
        match ip {
            IpAddr::V4(ip) if self.is_dual_stack => IpAddr::V6(ip.to_ipv6_mapped()),
            ip => ip,
        }
    }
}

/// Enables or disables receive timestamps. If the system refuses, datagrams have no timestamp and the driver coalesces nothing.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn set_stamps(socket: &StdSocket, stamps: bool) {
    let _granted =
        nix::sys::socket::setsockopt(socket, nix::sys::socket::sockopt::ReceiveTimestampns, &stamps);
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
const fn set_stamps(_: &StdSocket, _: bool) {}

/// Opens a socket for both IPv4 and IPv6.
pub(crate) fn open_dual_stack(port: u16) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_only_v6(false)?;
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into())?;
    Ok(socket)
}

fn open_at(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // Systems differ in what they do by themselves.
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

fn why(address: SocketAddr, source: io::Error) -> StartError {
    match source.kind() {
        io::ErrorKind::AddrInUse => StartError::PortInUse { address },
        io::ErrorKind::PermissionDenied => StartError::NotPermitted { address },
        io::ErrorKind::AddrNotAvailable => StartError::NoSuchLocalAddress { address },
        _ => StartError::Socket { address, source },
    }
}

const fn ecn_from(ecn: Option<EcnCodepoint>) -> Ecn {
    match ecn {
        None => Ecn::NotCapable,
        Some(EcnCodepoint::Ect0) => Ecn::Capable0,
        Some(EcnCodepoint::Ect1) => Ecn::Capable1,
        Some(EcnCodepoint::Ce) => Ecn::CongestionExperienced,
    }
}

const fn ecn_to(ecn: Ecn) -> Option<EcnCodepoint> {
    match ecn {
        Ecn::NotCapable => None,
        Ecn::Capable0 => Some(EcnCodepoint::Ect0),
        Ecn::Capable1 => Some(EcnCodepoint::Ect1),
        Ecn::CongestionExperienced => Some(EcnCodepoint::Ce),
    }
}

/// The largest number of bytes in one send call, all segments together: the maximum of the IPv4 length field, minus the
/// IPv4 and UDP headers.
const MAX_PAYLOAD: usize = 65_507;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_arrive_separately_if_the_sender_or_the_receiver_lacks_offload() {
        let open = |has_offload: bool| {
            let socket = StdSocket::bind("127.0.0.1:0").unwrap();
            let offload = has_offload.then(|| UdpSocketState::new(UdpSockRef::from(&socket)).ok()).flatten();
            UdpSocket::wrap(socket, offload, false).unwrap()
        };
        for sender_has_offload in [false, true] {
            let (one, mut two) = (open(sender_has_offload), open(!sender_has_offload));
            let transmit = Transmit {
                path: Path::from(two.local_address()),
                ecn: Ecn::NotCapable,
                size: 25,
                segment_size: 10,
            };
            let bytes: Vec<u8> = (0..25).collect();
            assert!(matches!(one.send(&transmit, &bytes, 0), Sent::All { refused: None }));
            let mut received = Vec::new();
            for _ in 0..1000 {
                let outcome = two.receive(&Clock::start(), |arrival, datagram| {
                    assert_eq!(arrival.path.remote, Address::from(one.local_address()));
                    received.push(datagram.to_vec());
                });
                if received.len() == 3 {
                    break;
                }
                if let Err(error) = outcome {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
            }
            assert_eq!(received.concat(), bytes);
            assert_eq!(received.len(), 3);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn datagrams_joined_by_receive_offload_keep_their_ecn_marks() {
        for bind in ["127.0.0.1:0", "[::1]:0", "[::]:0"] {
            let bind: SocketAddr = bind.parse().unwrap();
            let kind = if bind.ip().is_unspecified() { Bind::Any { port: 0 } } else { Bind::Address(bind) };
            let Ok(mut receiver) = UdpSocket::open(kind, 1 << 20) else { continue };
            for to in ["127.0.0.1", "::1"] {
                let to = SocketAddr::new(to.parse().unwrap(), receiver.local_address().port());
                if !receiver.can_reach(to) {
                    continue;
                }
                let from = SocketAddr::new(to.ip(), 0);
                let sender = UdpSocket::open(Bind::Address(from), 1 << 20).unwrap();
                for (size, stamps) in [(100, true), (1000, false), (100, true)] {
                    receiver.stamp(stamps);
                    let transmit =
                        Transmit { path: Path::from(to), ecn: Ecn::Capable0, size, segment_size: 100 };
                    let clock = Clock::start();
                    let sent = sender.send(&transmit, &[7; 1000], 0);
                    assert!(matches!(sent, Sent::All { refused: None }), "{sent:?}");
                    let mut arrivals = Vec::new();
                    while arrivals.len() < size / 100 {
                        let _empty = receiver.receive(&clock, |arrival, _| arrivals.push(arrival));
                    }
                    assert_eq!(receiver.tells_when(), stamps);
                    assert!(
                        arrivals.iter().all(|arrival| arrival.ecn == Ecn::Capable0),
                        "a socket bound to {bind} received {arrivals:?} from a sender to {to}"
                    );
                    let now = clock.now();
                    assert!(arrivals.iter().all(|arrival| arrival.at.map_or(!stamps, |at| at <= now)));
                }
            }
        }
    }
}
