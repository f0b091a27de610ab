//! Where the programs are that this one starts.

use std::path::{Path, PathBuf};

use super::args::Args;

/// The three.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) server: PathBuf,
    pub(super) conditioner: PathBuf,
    pub(super) bots: PathBuf,
}

impl Programs {
    /// Beside this program, unless told otherwise.
    pub(super) fn find(args: &Args) -> Result<Self, String> {
        let own = std::env::current_exe()
            .map_err(|error| format!("this program does not know where it is: {error}"))?;
        let folder = own.parent().unwrap_or(Path::new("."));
        let find = |given: Option<&PathBuf>, name: &str| {
            let beside = || folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
            let path = given.cloned().unwrap_or_else(beside);
            // Whole, since the server is started in another folder.
            path.canonicalize().map_err(|error| {
                format!("no program {} ({error}); `cargo xtask demo` builds it", path.display())
            })
        };
        Ok(Self {
            server: find(args.server_program.as_ref(), "tickwire-server")?,
            conditioner: find(args.conditioner_program.as_ref(), "conditioner")?,
            bots: find(None, "tickwire-bots")?,
        })
    }
}
