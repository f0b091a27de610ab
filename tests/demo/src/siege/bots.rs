//! Bots that play while the server is attacked.

use std::sync::mpsc::channel;

use super::server::Target;
use crate::process::{Child, Ending, beside};

/// The process of the bots.
pub(super) struct Bots(Child);

impl Bots {
    pub(super) fn start(target: &Target, count: u16) -> Result<Self, String> {
        let program = beside("tickwire-bots", "`cargo xtask siege` builds it")?;
        let told = |command: &mut std::process::Command| {
            command.args(["--server", &target.address.to_string(), "--key", &target.key.to_string()]);
            command.args(["--clients", &count.to_string()]);
        };
        // What they report is of no interest, as long as they go on.
        let (said, _) = channel();
        Child::start("the crowd of bots", &program, Ending::EndOfInput, told, said, drop).map(Self)
    }

    pub(super) fn have_ended(&mut self) -> bool {
        self.0.has_ended()
    }

    pub(super) fn end(&mut self) {
        self.0.end();
        self.0.wait(std::time::Duration::from_secs(5));
    }
}
