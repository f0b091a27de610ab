//! The paths of the programs that the demonstration starts.

use std::path::PathBuf;

use super::args::Args;
use crate::process::{beside, found};

/// The paths of the server, the conditioner and the bots.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) server: PathBuf,
    pub(super) conditioner: PathBuf,
    pub(super) bots: PathBuf,
}

impl Programs {
    /// Finds the programs beside this program, unless the arguments name others.
    pub(super) fn find(args: &Args) -> Result<Self, String> {
        let find = |given: Option<&PathBuf>, name: &str| match given {
            Some(path) => found(path.clone(), REMEDY),
            None => beside(name, REMEDY),
        };
        Ok(Self {
            server: find(args.server_program.as_ref(), "tickwire-server")?,
            conditioner: find(args.conditioner_program.as_ref(), "conditioner")?,
            bots: find(None, "tickwire-bots")?,
        })
    }
}

const REMEDY: &str = "`cargo xtask demo` builds it";
