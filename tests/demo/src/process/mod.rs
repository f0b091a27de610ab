//! The child processes: their start, output, processor time, memory and termination.

mod child;
mod console;
mod interrupt;
mod programs;
mod usage;

pub(crate) use self::child::{Child, Ending};
pub(crate) use self::console::Console;
pub(crate) use self::interrupt::Interrupt;
pub(crate) use self::programs::{beside, found};
pub(crate) use self::usage::Usage;
