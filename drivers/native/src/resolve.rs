//! Resolution of names to socket addresses.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::address::{Host, NetworkAddress, canonical};
use crate::error::ConnectError;
use crate::guard::{drop_guarded, guarded};
use crate::rt;

/// A future that resolves to a host's addresses, in the order in which the driver tries them.
pub type Resolution = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// A resolver, which looks up the IP addresses of host names. By default, the driver uses the system's name service;
/// `Options::resolver` sets a different resolver. The network thread polls the future that [`Resolver::resolve`]
/// returns, so the future must not block. A panic in the method or in the future ends only the attempt to connect, with
/// [`ConnectError::ResolverPanicked`]. For a connection
/// that is reconnecting, the driver calls the resolver again after a pause.
///
/// ```
/// use std::net::{Ipv4Addr, SocketAddr};
/// use tickwire_native::{Options, Resolution, Resolver};
///
/// /// Resolves every host name to the loopback address.
/// struct Here;
///
/// impl Resolver for Here {
///     fn resolve(&self, _: &str, port: u16) -> Resolution {
///         Box::pin(async move { Ok(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))]) })
///     }
/// }
///
/// let options = Options::new(tickwire_core::Config::new(1)).resolver(Here);
/// # drop(options);
/// ```
pub trait Resolver: Send + Sync {
    /// Begins to look up the addresses of `host`, each with `port`. The driver calls this method again whenever a
    /// connection to `host` is interrupted, because the addresses may have changed.
    fn resolve(&self, host: &str, port: u16) -> Resolution;
}

impl<F: Fn(&str, u16) -> Resolution + Send + Sync> Resolver for F {
    fn resolve(&self, host: &str, port: u16) -> Resolution {
        self(host, port)
    }
}

/// A resolver that asks the system's name service on a thread of the executor.
#[derive(Debug)]
pub(crate) struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, host: &str, port: u16) -> Resolution {
        Box::pin(rt::look_up(host.to_owned(), port))
    }
}

/// Resolves `address` to all its socket addresses, in the order that the system prefers (RFC 6724). The function does
/// not block, because a thread of the executor asks the name service.
///
/// # Errors
/// [`ConnectError::UnknownHost`] if the host name has no IP address, or the name service does not answer.
pub async fn resolve(address: &NetworkAddress) -> Result<Vec<SocketAddr>, ConnectError> {
    look_up(&SystemResolver, address).await
}

/// A running resolution of a name.
pub(crate) type Lookup = Pin<Box<dyn Future<Output = Result<Vec<SocketAddr>, ConnectError>> + Send>>;

/// Begins to resolve `address` with `resolver`. If the resolver panics, this lookup ends with an error.
pub(crate) fn begin(resolver: &Arc<dyn Resolver>, address: &NetworkAddress) -> Lookup {
    let (resolver, of) = (Arc::clone(resolver), address.clone());
    let lookup: Lookup = Box::pin(async move { look_up(&*resolver, &of).await });
    Box::pin(GuardedLookup { lookup: Some(lookup), address: address.clone() })
}

/// A lookup that calls the game's resolver on the network thread and catches its panics.
struct GuardedLookup {
    /// `None` once the lookup has ended.
    lookup: Option<Lookup>,
    address: NetworkAddress,
}

impl Future for GuardedLookup {
    type Output = Result<Vec<SocketAddr>, ConnectError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(lookup) = &mut self.lookup else { return Poll::Pending };
        match guarded(|| lookup.as_mut().poll(context)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(found)) => {
                drop_guarded(self.lookup.take());
                Poll::Ready(found)
            }
            Err(panic) => {
                drop_guarded(self.lookup.take());
                let Host::Name(host) = self.address.host() else { return Poll::Ready(Ok(Vec::new())) };
                Poll::Ready(Err(ConnectError::ResolverPanicked { host: host.clone(), panic }))
            }
        }
    }
}

impl Drop for GuardedLookup {
    /// Drops the lookup if the attempt to connect ends first.
    fn drop(&mut self) {
        drop_guarded(self.lookup.take());
    }
}

async fn look_up(resolver: &dyn Resolver, address: &NetworkAddress) -> Result<Vec<SocketAddr>, ConnectError> {
    if let Some(address) = address.socket_address() {
        return Ok(vec![address]);
    }
    let Host::Name(name) = address.host() else { return Ok(Vec::new()) };
    let unknown = |reason: String| ConnectError::UnknownHost { host: name.clone(), reason };
    let found = resolver.resolve(name, address.port()).await.map_err(|error| unknown(error.to_string()))?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found.into_iter().map(canonical) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err(unknown("the name has no address".into())) } else { Ok(addresses) }
}
