//! The log, a file that rolls or standard error, and warnings for the person at the console.

mod rolling;
pub(crate) mod target;

use std::io::{self, Write};
use std::path::Path;
use std::thread;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::{Layer as _, Registry, fmt};

use self::rolling::RollingFile;
use self::target::{FOR_PEOPLE, LOG_ONLY};
use crate::config::{LogLevel, ServerConfig};
use crate::console::Output;
use crate::error::ServerError;

/// The log of this program. Dropping the log writes all remaining lines.
pub(crate) struct Logging {
    level: Option<Handle<LevelFilter, Registry>>,
    _guards: Vec<WorkerGuard>,
}

impl Logging {
    /// Starts the log of the whole program, with the settings in `config`.
    pub(crate) fn start<S>(config: &ServerConfig<S>, output: &Output) -> Result<Self, ServerError> {
        let (mut layers, mut guards, mut level) = (Vec::new(), Vec::new(), None);
        let is_stderr = config.log_file_path == Path::new("-");
        if config.enable_logging {
            let (writer, guard) =
                if is_stderr { queued(io::stderr())? } else { queued(file(config, output)?)? };
            let (filter, handle) = reload::Layer::new(filter(config.log_level));
            let log = fmt::layer().with_target(false).with_ansi(false).with_writer(writer);
            layers.push(log.with_filter(filter).boxed());
            guards.push(guard);
            level = Some(handle);
        }
        // A log on standard error has the warnings.
        if !config.enable_logging || !is_stderr {
            let (writer, guard) = queued(Warnings(output.clone()))?;
            let warnings =
                fmt::layer().without_time().with_target(false).with_ansi(false).with_writer(writer);
            layers.push(warnings.with_filter(filter_fn(is_for_people)).boxed());
            guards.push(guard);
        }
        tracing::subscriber::set_global_default(Registry::default().with(layers))
            .map_err(|error| ServerError::System { what: "log", reason: error.to_string() })?;
        Ok(Self { level, _guards: guards })
    }

    /// Returns a function that sets the level of the log.
    pub(crate) fn level_setter(&self) -> impl FnMut(LogLevel) + 'static {
        let level = self.level.clone();
        move |new| {
            if let Some(level) = &level {
                // It fails only after the log is gone.
                let _gone = level.modify(|level| *level = filter(new));
            }
        }
    }
}

fn is_for_people(event: &Metadata<'_>) -> bool {
    event.target() == FOR_PEOPLE || *event.level() <= Level::WARN && event.target() != LOG_ONLY
}

fn file<S>(config: &ServerConfig<S>, output: &Output) -> Result<RollingFile, ServerError> {
    let path = &config.log_file_path;
    RollingFile::open(path, config.log_file_bytes, config.log_files_kept, output.clone())
        .map_err(|source| ServerError::Log { path: path.clone(), source })
}

/// Wraps `writer` in a queue with its own thread, so that the game does not wait for a slow disk or a slow reader of
/// standard error.
fn queued(writer: impl Write + Send + 'static) -> Result<(NonBlocking, WorkerGuard), ServerError> {
    // Its thread panics if the system gives none: so another is asked for first.
    let tried = thread::Builder::new().name("log".into()).spawn(|| {});
    let thread = tried.map_err(|error| ServerError::System { what: "thread", reason: error.to_string() })?;
    let _ended = thread.join();
    Ok(NonBlockingBuilder::default().lossy(true).buffered_lines_limit(LINES).finish(writer))
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

/// The largest number of lines that wait to be written. Further lines are dropped.
const LINES: usize = 16_384;

/// A log layer that prints warnings at the console.
struct Warnings(Output);

impl Write for Warnings {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.warn(String::from_utf8_lossy(line).trim_end());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
