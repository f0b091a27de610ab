//! Faults of a configuration. Each fault states its place, the error, and how to fix the error.

use std::fmt;
use std::path::PathBuf;

/// The source of a configuration value.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Origin {
    /// The configuration file sets the value.
    File {
        /// The path of the configuration file.
        path: PathBuf,
        /// The number of the line in the file, counted from 1. 0 stands for the whole file.
        line: usize,
        /// The number of the column in the line, counted from 1.
        column: usize,
    },
    /// An environment variable sets the value.
    Environment {
        /// The name of the environment variable.
        variable: String,
    },
    /// A command-line flag sets the value.
    Flag {
        /// The name of the flag, including its hyphens.
        flag: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line: 0, .. } => write!(f, "{}", path.display()),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Environment { variable } => write!(f, "environment variable {variable}"),
            Self::Flag { flag } => write!(f, "flag {flag}"),
        }
    }
}

/// One fault in a configuration: an invalid or unknown key, or a file that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The source of the invalid value.
    pub origin: Origin,
    /// The invalid key, with dots between levels. Empty if the fault concerns the whole configuration.
    pub key: String,
    /// A short description of the fault.
    pub what: String,
    /// Advice on how to fix the fault.
    pub remedy: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if !self.key.is_empty() {
            write!(f, "`{}` ", self.key)?;
        }
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

/// The faults that make a configuration unusable for a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigError {
    /// The faults of the configuration, at least one: first the faults of the file, in the order of the file, then the
    /// faults of environment variables and flags.
    pub faults: Vec<Fault>,
}

impl From<Fault> for ConfigError {
    fn from(fault: Fault) -> Self {
        Self { faults: vec![fault] }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.faults.iter().enumerate() {
            write!(f, "{}{fault}", if place == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
