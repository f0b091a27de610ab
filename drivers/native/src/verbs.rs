//! The methods that servers, clients and peers have in common, written once.

/// Gives `$type`, which has a field `node`, the common methods.
macro_rules! verbs {
    ($type:ident) => {
        impl $type {
            /// Returns a handle for other threads, and for handlers that answer.
            #[must_use]
            pub fn handle(&self) -> $crate::Handle {
                self.node.handle.clone()
            }

            /// Delivers queued messages for at most `grace`, closes every connection with `code` and `text` within two more
            /// seconds, and stops. The game may still drain the remaining events.
            pub fn stop(&mut self, code: u16, text: &str, grace: std::time::Duration) {
                self.node.stop(code, text, grace);
            }

            /// Stops like [`Self::stop`], without blocking. If the future is dropped, the endpoint may still stop.
            pub async fn stop_async(&mut self, code: u16, text: &str, grace: std::time::Duration) {
                self.node.stop_async(code, text, grace).await;
            }

            /// Stops at once without informing any peer, as if the process had crashed.
            pub fn abort(&mut self) {
                self.node.abort();
            }
        }

        impl std::ops::Deref for $type {
            type Target = $crate::Handle;

            /// The owner of an endpoint has all methods of its handles.
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
