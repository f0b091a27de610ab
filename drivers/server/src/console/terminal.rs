//! The terminal's settings, so that it is left as it was found, however the program ends.

/// How the terminal was found.
pub(crate) struct Terminal {
    #[cfg(unix)]
    found: Option<rustix::termios::Termios>,
}

#[cfg(unix)]
impl Terminal {
    pub(crate) fn note() -> Self {
        Self { found: rustix::termios::tcgetattr(rustix::stdio::stdin()).ok() }
    }

    /// Undoes what editing a line did to it. Doing so twice is harmless.
    pub(crate) fn restore(&self) {
        if let Some(found) = &self.found {
            let now = rustix::termios::OptionalActions::Now;
            // A terminal that is gone needs nothing.
            let _gone = rustix::termios::tcsetattr(rustix::stdio::stdin(), now, found);
        }
    }
}

#[cfg(not(unix))]
impl Terminal {
    pub(crate) fn note() -> Self {
        Self {}
    }

    pub(crate) fn restore(&self) {}
}
