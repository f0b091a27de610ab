//! The terminal's settings, which are restored however the program ends.

#[cfg(unix)]
use super::foreground;

/// The settings that the terminal had at the start.
pub(crate) struct Terminal {
    #[cfg(unix)]
    found: Option<rustix::termios::Termios>,
}

#[cfg(unix)]
impl Terminal {
    pub(crate) fn note() -> Self {
        Self { found: rustix::termios::tcgetattr(rustix::stdio::stdin()).ok() }
    }

    /// Restores the terminal's settings. A second call has no further effect.
    pub(crate) fn restore(&self) {
        // In the background nothing is edited, and the shell would stop whoever changes the modes.
        if let Some(found) = &self.found
            && !foreground::is_elsewhere()
        {
            let now = rustix::termios::OptionalActions::Now;
            // A terminal that is gone needs nothing.
            let _gone = rustix::termios::tcsetattr(rustix::stdio::stdin(), now, found);
        }
    }
}

/// Discards input that was typed but not read yet.
#[cfg(unix)]
pub(super) fn drop_input() {
    let unread = rustix::termios::QueueSelector::IFlush;
    let _gone = rustix::termios::tcflush(rustix::stdio::stdin(), unread);
}

#[cfg(not(unix))]
pub(super) const fn drop_input() {}

#[cfg(not(unix))]
impl Terminal {
    pub(crate) fn note() -> Self {
        Self {}
    }

    pub(crate) fn restore(&self) {}
}
