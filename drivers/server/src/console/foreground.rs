//! Checks whether this program may use its terminal. A shell with job control stops a program that reads the terminal,
//! or changes its modes, while it runs in the background (POSIX 11.1.4), so the console waits until it is in
//! the foreground.

#[cfg(unix)]
use std::sync::Arc;
#[cfg(unix)]
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(unix)]
use std::thread;
#[cfg(unix)]
use std::time::Duration;

#[cfg(unix)]
use rustix::event::{PollFd, PollFlags};
#[cfg(unix)]
use rustix::{process, stdio, termios};

/// Returns whether another program of the same shell uses the terminal now.
#[cfg(unix)]
pub(super) fn is_elsewhere() -> bool {
    // An error means that standard input is no terminal, or not the one that controls this program: nobody stops it there.
    termios::tcgetpgrp(stdio::stdin()).is_ok_and(|owner| owner != process::getpgrp())
}

/// Waits until this program is in the foreground of its terminal.
#[cfg(unix)]
pub(super) fn wait() {
    // No signal tells: a shell continues only programs that were stopped.
    while is_elsewhere() {
        thread::sleep(LOOK_EVERY);
    }
}

/// Waits until this program is in the foreground, and the terminal has input or is closed.
#[cfg(unix)]
pub(super) fn wait_for_input() {
    loop {
        wait();
        let stdin = stdio::stdin();
        let mut wanted = [PollFd::new(&stdin, PollFlags::IN)];
        // A read would be stopped if the program is sent to the background meanwhile; waiting is not.
        let polled = rustix::event::poll(&mut wanted, None);
        if polled != Err(rustix::io::Errno::INTR) && !is_elsewhere() {
            return;
        }
    }
}

/// Stops this program and its job, as Ctrl-Z does outside of line editing. The call returns when the shell has continued the
/// program.
#[cfg(unix)]
pub(super) fn suspend() {
    let continued = Arc::new(AtomicBool::new(false));
    let Ok(handler) = signal_hook::flag::register(signal_hook::consts::SIGCONT, Arc::clone(&continued))
    else {
        return;
    };
    if process::kill_current_process_group(process::Signal::TSTP).is_ok() {
        // Another thread may take the signal, a little later: until then this one must not touch the terminal.
        for _ in 0..STOPPED_WITHIN {
            if continued.load(Ordering::Relaxed) {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
    signal_hook::low_level::unregister(handler);
}

#[cfg(not(unix))]
pub(super) const fn is_elsewhere() -> bool {
    false
}

#[cfg(not(unix))]
pub(super) const fn wait() {}

#[cfg(not(unix))]
pub(super) const fn wait_for_input() {}

#[cfg(not(unix))]
pub(super) const fn suspend() {}

#[cfg(unix)]
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The time that the system has to stop the program, in hundredths of a second. The system does not stop a program that
/// no shell could continue. The console then continues after this time.
#[cfg(unix)]
const STOPPED_WITHIN: u32 = 100;
