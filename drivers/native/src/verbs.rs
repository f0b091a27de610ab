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

            /// Calls `handler` for every valid message of type `T`, inside [`Self::update`]. A handler that returns
            /// `HandlerAction::Remove` has seen its last message.
            ///
            /// # Errors
            /// `EncodeError::NotRegistered` if the registry does not know `T`.
            pub fn on<T, R>(
                &mut self,
                handler: impl FnMut(tickwire_core::ConnectionId, &T) -> R + Send + 'static,
            ) -> Result<$crate::HandlerId, tickwire_core::message::EncodeError>
            where
                T: tickwire_core::message::NetMessage,
                R: Into<tickwire_core::message::HandlerAction>,
            {
                self.node.handlers.on(handler)
            }

            /// Lets `valid` judge every message of type `T` before any handler sees it. Who sends what is not valid too often
            /// is disconnected.
            ///
            /// # Errors
            /// `EncodeError::NotRegistered` if the registry does not know `T`.
            pub fn validate<T: tickwire_core::message::NetMessage>(
                &mut self,
                valid: impl Fn(&T) -> bool + Send + 'static,
            ) -> Result<(), tickwire_core::message::EncodeError> {
                self.node.handlers.validate(valid)
            }

            /// Calls `handler` for every connection that is made, inside [`Self::update`].
            pub fn on_connected(
                &mut self,
                handler: impl FnMut(tickwire_core::ConnectionId, tickwire_core::Address, &tickwire_core::PeerInfo)
                + Send
                + 'static,
            ) -> $crate::HandlerId {
                self.node.handlers.on_connected(handler)
            }

            /// Calls `handler` for every connection that is over, inside [`Self::update`].
            pub fn on_disconnected(
                &mut self,
                handler: impl FnMut(tickwire_core::ConnectionId, &tickwire_core::CloseReason) + Send + 'static,
            ) -> $crate::HandlerId {
                self.node.handlers.on_disconnected(handler)
            }

            /// Calls `handler` for every event of the core's, inside [`Self::update`].
            pub fn on_event(
                &mut self,
                handler: impl FnMut(&tickwire_core::Event) + Send + 'static,
            ) -> $crate::HandlerId {
                self.node.handlers.on_event(handler)
            }

            /// Removes a handler; says whether it was there.
            pub fn off(&mut self, handler: $crate::HandlerId) -> bool {
                self.node.handlers.off(handler)
            }

            /// Drains the events that are there, and calls the handlers. Once per frame. What handlers send leaves together
            /// at the end.
            pub fn update(&mut self) -> $crate::Update {
                self.node.update()
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
