//! A panic of the game or of the server: told in the log and at the console, and the program ends with a code of its own.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::thread;

use tickwire_core::Escaped;

use crate::error::ServerError;

/// From now on, panics of any thread are logged instead of being printed over the line that is being edited.
pub(crate) fn log_all() {
    panic::set_hook(Box::new(|info| {
        let thread = thread::current();
        let place = info.location().map_or_else(|| "an unknown place".into(), ToString::to_string);
        let backtrace = Backtrace::capture();
        tracing::error!(
            "a panic in thread {} at {place}: {}",
            thread.name().unwrap_or("without a name"),
            Escaped(text_of_hook(info))
        );
        // The environment asks for it with `RUST_BACKTRACE`.
        if backtrace.status() == BacktraceStatus::Captured {
            tracing::error!("{backtrace}");
        }
    }));
}

/// Calls `run`, and turns a panic in it into an error.
pub(crate) fn caught<R>(run: impl FnOnce() -> Result<R, ServerError>) -> Result<R, ServerError> {
    // What a panic left half changed is dropped with the server, and nobody looks at it again.
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        Err(ServerError::Panicked { text: Escaped(text_of(&*payload)).to_string() })
    })
}

fn text_of_hook<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    text_of(info.payload())
}

fn text_of(payload: &(dyn Any + Send)) -> &str {
    let literal = payload.downcast_ref::<&str>().copied();
    literal.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("it left no words")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_with_its_words_and_a_code_of_its_own() {
        let error = caught::<()>(|| panic!("the door\nis {}", "jammed")).unwrap_err();
        assert_eq!(error.exit_code(), 8);
        assert!(error.to_string().contains("the door\\nis jammed"), "{error}");
        assert!(caught(|| Ok(())).is_ok());
    }
}
