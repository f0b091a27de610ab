//! Functions that write packets piece by piece, for tests and fuzzers that forge packets. They may change with
//! every version.

pub use super::ack::{ACK, ACK_BITS, ACK_BITS_MARKS, ACK_LAST, AckRanges};
pub use super::header::{CONTROL, DATA, HELLO, RETRY, WELCOME, encode_packet_number};
pub use super::message::{Chain, ID_MAX, write as write_message};
pub use super::reader::Reader;
pub use super::resume::write_resume;
pub use super::writer::{NoRoom, Writer};

use super::ack::EcnCounts;
use crate::time::{Duration, Instant, Span};

/// Writes an ACK frame with as many of `ranges` as fit, the newest first, at most [`crate::limits::ACK_RANGES`]. If there
/// are more ranges, the function instead writes a bitmap, provided that the bitmap reaches at least as low as the ranges
/// that fit.
/// Returns the lowest packet number that the frame acknowledges. Without ranges, the function writes nothing and
/// returns [`u64::MAX`]. The largest packet number was received at `receive_time` by this end's clock, `delay` before
/// the frame is written.
///
/// # Errors
/// [`NoRoom`] if not even the first range fits. The buffer then stays unchanged.
pub fn write_ack(
    ranges: &AckRanges,
    delay: Duration,
    receive_time: Instant,
    marks: Option<EcnCounts>,
    writer: &mut Writer<'_>,
) -> Result<u64, NoRoom> {
    super::ack::write_ack(ranges, Span::of(delay), receive_time, marks, writer)
}
