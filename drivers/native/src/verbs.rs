//! The verbs that servers, clients and peers have in common, written once.

/// Gives `$type`, which has a field `node`, the common verbs.
macro_rules! verbs {
    ($type:ident) => {
        impl $type {
            /// A handle for other threads, and for handlers that answer.
            #[must_use]
            pub fn handle(&self) -> $crate::Handle {
                self.node.handle.clone()
            }

            /// Delivers what is queued, says good-bye to everybody, and stops: after `grace` at the latest, and two seconds
            /// for the good-byes. Peers are told `code` and `text`. Events that are left may still be drained.
            pub fn stop(&mut self, code: u16, text: &str, grace: std::time::Duration) {
                self.node.stop(code, text, grace);
            }

            /// As [`Self::stop`], without blocking. A future that is dropped may have given the order already.
            pub async fn stop_async(&mut self, code: u16, text: &str, grace: std::time::Duration) {
                self.node.stop_async(code, text, grace).await;
            }

            /// Stops at once and says nothing to anybody, as if the process had died.
            pub fn abort(&mut self) {
                self.node.abort();
            }
        }

        impl std::ops::Deref for $type {
            type Target = $crate::Handle;

            /// Everything that a handle can, its owner can.
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
