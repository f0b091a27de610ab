//! The methods that servers, clients and peers have in common, written once.

/// Adds the common methods of a client, server and peer to the type `$type`, which has a field `node`.
macro_rules! verbs {
    ($type:ident) => {
        impl $type {
            /// Returns a handle, for other threads and for handlers that reply.
            #[must_use]
            pub fn handle(&self) -> $crate::Handle {
                self.node.handle.clone()
            }

            /// Delivers queued messages for at most `grace`, closes every connection with `code` and `text` within two more
            /// seconds, and stops. The deadlines of earlier calls of `disconnect_after_delivery` no longer apply. The
            /// call blocks until the endpoint has stopped. After that, the game can still take the remaining events.
            pub fn stop(&mut self, code: u16, text: &str, grace: std::time::Duration) {
                self.node.stop(code, text, grace);
            }

            /// Stops the endpoint as [`Self::stop`] does, without blocking. Dropping the future does not cancel the stop
            /// once the future has queued the stop command, usually at its first poll. Dropping the future earlier
            /// leaves the endpoint running.
            pub async fn stop_async(&mut self, code: u16, text: &str, grace: std::time::Duration) {
                self.node.stop_async(code, text, grace).await;
            }

            /// Stops without informing any peer, as if the process had crashed. The call blocks until the network thread
            /// has ended, and delivers no queued message.
            pub fn abort(&mut self) {
                self.node.abort();
            }
        }

        impl std::ops::Deref for $type {
            type Target = $crate::Handle;

            /// Gives the owner of an endpoint all methods of its handles.
            fn deref(&self) -> &$crate::Handle {
                &self.node.handle
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($type), "({})"), self.node.handle.local_address())
            }
        }
    };
}

pub(crate) use verbs;
