//! The guard around the game's code on the network thread: a panic in the game's code ends one call, not the thread.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls code of the game. If the code panics, returns the text of the panic as the error.
///
/// A panic may leave the state of that code half changed, as a panic under a mutex does. The driver calls the code again
/// anyway, because an endpoint without a network thread is worse.
pub(crate) fn guarded<R>(call: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| {
        let words = words(&*payload).to_owned();
        // The payload also belongs to the game, and its destructor may panic.
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(second);
        }
        words
    })
}

/// Drops a value of the game, whose destructor may panic.
pub(crate) fn drop_guarded(value: impl Sized) {
    // The panic hook has already printed the text of the panic.
    let _panicked = guarded(|| drop(value));
}

fn words(payload: &(dyn Any + Send)) -> &str {
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("the panic has no text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone)]
    struct Worse;

    impl Drop for Worse {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("worse");
            }
        }
    }

    #[test]
    fn guarded_returns_an_error_even_if_the_panic_payload_panics_when_dropped() {
        assert_eq!(guarded(|| 5), Ok(5));
        assert_eq!(guarded(|| panic!("no {}", 1)), Err::<(), _>("no 1".into()));
        assert_eq!(guarded(|| panic!("plain")), Err::<(), _>("plain".into()));
        let panicked = guarded(|| std::panic::panic_any(Worse));
        assert_eq!(panicked, Err::<(), _>("the panic has no text".into()));
        drop_guarded(Worse);
    }
}
