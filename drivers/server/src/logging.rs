//! The log: a file that rolls, or standard error; and warnings for whoever sits at the console.

mod rolling;

use std::io::{self, Write};
use std::path::Path;

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::{Layer as _, Registry, fmt};

use self::rolling::RollingFile;
use crate::config::{LogLevel, ServerConfig};
use crate::console::Output;
use crate::error::ServerError;

/// The log of this program. Dropping it writes out what is left.
pub(crate) struct Logging {
    _guard: WorkerGuard,
    level: Handle<LevelFilter, Registry>,
}

impl Logging {
    /// Begins to log, as `config` says, for the whole program.
    pub(crate) fn start<S>(config: &ServerConfig<S>, output: &Output) -> Result<Option<Self>, ServerError> {
        let warnings = fmt::layer()
            .without_time()
            .with_target(false)
            .with_ansi(false)
            .with_writer(Warnings(output.clone()));
        if !config.enable_logging {
            set(Registry::default().with(warnings.with_filter(LevelFilter::WARN)))?;
            return Ok(None);
        }
        let is_stderr = config.log_file_path == Path::new("-");
        let (writer, guard) = if is_stderr { queued(io::stderr()) } else { queued(file(config, output)?) };
        let (level, handle) = reload::Layer::new(filter(config.log_level));
        let log = fmt::layer().with_target(false).with_ansi(false).with_writer(writer);
        let mut layers = vec![log.with_filter(level).boxed()];
        if !is_stderr {
            layers.push(warnings.with_filter(LevelFilter::WARN).boxed());
        }
        set(Registry::default().with(layers))?;
        Ok(Some(Self { _guard: guard, level: handle }))
    }

    /// What changes the level from now on.
    pub(crate) fn level_setter(&self) -> impl FnMut(LogLevel) + 'static {
        let level = self.level.clone();
        move |new| {
            // It fails only after the log is gone.
            let _gone = level.modify(|level| *level = filter(new));
        }
    }
}

fn file<S>(config: &ServerConfig<S>, output: &Output) -> Result<RollingFile, ServerError> {
    let path = &config.log_file_path;
    RollingFile::open(path, config.log_file_bytes, config.log_files_kept, output.clone())
        .map_err(|source| ServerError::Log { path: path.clone(), source })
}

/// The disk may stall: nobody waits for it.
fn queued(writer: impl Write + Send + 'static) -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default().lossy(true).buffered_lines_limit(LINES).finish(writer)
}

fn set(subscriber: impl tracing::Subscriber + Send + Sync + 'static) -> Result<(), ServerError> {
    tracing::subscriber::set_global_default(subscriber)
        .map_err(|error| ServerError::System { what: "log", reason: error.to_string() })
}

const fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

/// Lines that wait for the disk; more are dropped.
const LINES: usize = 16_384;

/// Warnings go where a person sees them.
struct Warnings(Output);

impl<'a> MakeWriter<'a> for Warnings {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { output: &self.0, bytes: Vec::new() }
    }
}

/// One line, printed when it is complete.
struct Line<'a> {
    output: &'a Output,
    bytes: Vec<u8>,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.output.warn(String::from_utf8_lossy(&self.bytes).trim_end());
    }
}
