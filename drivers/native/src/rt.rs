//! The one module that names the executor. Whoever replaces async-std changes this file.

use std::io;
use std::net::SocketAddr;
use std::thread::JoinHandle;

/// All addresses of a host, in the order that the system prefers. It asks on a thread of the executor's.
pub(crate) async fn look_up(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    use async_std::net::ToSocketAddrs as _;
    (host.as_str(), port).to_socket_addrs().await.map(Iterator::collect)
}

/// Waits for a thread's end on a thread of the executor's.
pub(crate) async fn wait_for(thread: JoinHandle<()>) -> std::thread::Result<()> {
    async_std::task::spawn_blocking(|| thread.join()).await
}
