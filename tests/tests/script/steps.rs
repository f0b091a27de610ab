//! Counts the instructions of a call. The count, unlike the time, does not depend on the load of the machine.

use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// Returns the number of instructions that `act` executes. A copy of this process executes them one by one, so `act`
/// has no effect in this process.
pub(crate) fn count(act: impl FnOnce()) -> u64 {
    // SAFETY: the copy has this thread alone, and ends without returning. The locks that another thread may have held are
    // those of the allocator, which the system's library frees in the copy, and of what tests print.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let traced = ptrace::traceme().and_then(|()| raise(Signal::SIGSTOP));
            if traced.is_ok() {
                act();
                let _stopped = raise(Signal::SIGSTOP);
            }
            // SAFETY: it ends the process, and does nothing else.
            unsafe { nix::libc::_exit(1) }
        }
        ForkResult::Parent { child } => {
            let steps = steps(child);
            let _gone = kill(child, Signal::SIGKILL);
            let _reaped = waitpid(child, None);
            steps
        }
    }
}

/// Counts the instructions of a process from one stop to the next.
fn steps(child: Pid) -> u64 {
    assert_eq!(waitpid(child, None), Ok(WaitStatus::Stopped(child, Signal::SIGSTOP)), "it cannot be traced");
    let mut steps = 0;
    loop {
        ptrace::step(child, None).unwrap();
        match waitpid(child, None) {
            Ok(WaitStatus::Stopped(_, Signal::SIGTRAP)) => steps += 1,
            Ok(WaitStatus::Stopped(_, Signal::SIGSTOP)) => return steps,
            other => panic!("it did not come to its end: {other:?}"),
        }
    }
}
