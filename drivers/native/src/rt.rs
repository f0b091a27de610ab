//! The only module that names the executor. To replace async-std, change this file.

use std::io;
use std::net::SocketAddr;
use std::thread::JoinHandle;

/// Returns all addresses of a host, in the order that the system prefers. A thread of the executor asks the name
/// service.
pub(crate) async fn look_up(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    use async_std::net::ToSocketAddrs as _;
    (host.as_str(), port).to_socket_addrs().await.map(Iterator::collect).map_err(plain)
}

/// Returns the system's original error, without the text that the executor adds.
fn plain(error: io::Error) -> io::Error {
    let inner = error.get_ref().and_then(|around| around.source());
    match inner.map(ToString::to_string) {
        Some(words) => io::Error::new(error.kind(), words),
        None => error,
    }
}

/// Waits on a thread of the executor until `thread` ends.
pub(crate) async fn wait_for(thread: JoinHandle<()>) -> std::thread::Result<()> {
    async_std::task::spawn_blocking(|| thread.join()).await
}
