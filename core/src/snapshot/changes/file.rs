//! Encodes changes as bytes for files, such as recordings, replays and bug reports.
//!
//! A record is the text `TWch`, the format's version in a byte, the length of the body as a varint (see [`crate::wire`]), the body,
//! and the 64-bit FNV-1a hash of the body. The body is a sequence of varints: the tick, then each list after its length. In a list
//! of ascending ids, each id is written as its difference to the previous id; in a column, the difference is zigzag-coded.

use alloc::vec::Vec;
use core::fmt;

use slotmap::{Key, KeyData};

use super::column::Column;
use super::content::{Changes, Created, EntitySettings, Gone, Show};
use crate::event::ConnectionId;
use crate::schema::StableHasher;
use crate::snapshot::ids::{BlueprintId, ComponentId, NetworkId};
use crate::wire::{Malformed, Reader, Writer};

const MAGIC: [u8; 4] = *b"TWch";
const VERSION: u8 = 1;
const HAS_BLUEPRINT: u8 = 1;
const HAS_RATE: u8 = 2;

/// The reason why bytes cannot be read as [`Changes`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ChangesError {
    /// The bytes do not begin with the text `TWch`.
    NotChanges,
    /// The bytes have a version of the format that this library cannot read.
    Version {
        /// The format version that the bytes state.
        version: u8,
    },
    /// The bytes end before the end of the record.
    Truncated,
    /// The checksum does not match, so the record is damaged.
    Damaged,
    /// The checksum matches, but the content violates the format.
    Invalid,
}

impl fmt::Display for ChangesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotChanges => f.write_str(
                "the file does not begin with the changes of a world; read a file that Changes::write wrote",
            ),
            Self::Version { version } => {
                write!(
                    f,
                    "the file has format version {version}, but this build reads version {VERSION}; read the file with \
                     the build that wrote it"
                )
            }
            Self::Truncated => f.write_str("the file ends before the changes end; copy the whole file again"),
            Self::Damaged => f.write_str(
                "the checksum of the file does not match, so the file is damaged; copy the file again",
            ),
            Self::Invalid => f.write_str(
                "the content of the file violates the format; read a file that Changes::write wrote",
            ),
        }
    }
}

impl core::error::Error for ChangesError {}

impl From<Malformed> for ChangesError {
    fn from(Malformed: Malformed) -> Self {
        Self::Invalid
    }
}

impl Changes {
    /// Appends the changes to `file` as one record. Equal changes give equal bytes.
    pub fn write(&self, file: &mut Vec<u8>) {
        let mut body = Vec::new();
        self.write_body(&mut body);
        file.extend_from_slice(&MAGIC);
        file.push(VERSION);
        put(file, body.len() as u64);
        file.extend_from_slice(&body);
        file.extend_from_slice(&checksum(&body).to_le_bytes());
    }

    /// Reads the changes at the start of `file`, and returns them with the remaining bytes. The method allocates at
    /// most about 50 times the size of the record.
    ///
    /// # Errors
    /// [`ChangesError`] if the bytes are not a complete and valid record of [`Changes::write`].
    pub fn read(file: &[u8]) -> Result<(Self, &[u8]), ChangesError> {
        let mut reader = Reader::new(file);
        if reader.array::<4>().map_err(|Malformed| ChangesError::NotChanges)? != MAGIC {
            return Err(ChangesError::NotChanges);
        }
        let truncated = |Malformed| ChangesError::Truncated;
        match reader.u8().map_err(truncated)? {
            VERSION => {}
            version => return Err(ChangesError::Version { version }),
        }
        let body = reader.sized(usize::MAX).map_err(truncated)?;
        if reader.u64().map_err(truncated)? != checksum(body) {
            return Err(ChangesError::Damaged);
        }
        let mut body = Reader::new(body);
        let changes = Self::read_body(&mut body)?;
        body.finish()?;
        Ok((changes, reader.rest()))
    }

    fn write_body(&self, body: &mut Vec<u8>) {
        put(body, self.tick);
        put_ascending(body, &self.created, |created| created.id, write_settings);
        put(body, self.columns().count() as u64);
        let mut before = None;
        for column in self.columns() {
            put(body, difference(before, u64::from(column.component().0)));
            before = Some(u64::from(column.component().0));
            write_column(body, column);
        }
        put_ascending(body, &self.owners, |(id, _)| *id, |body, (_, owner)| put(body, owner_bits(*owner)));
        put(body, self.shows.len() as u64);
        for (connection, id, show) in &self.shows {
            put(body, connection.data().as_ffi());
            put(body, u64::from(id.0));
            body.push(show_code(*show));
        }
        put(body, self.predictions.len() as u64);
        for (connection, id, is_predicted) in &self.predictions {
            put(body, connection.data().as_ffi());
            put(body, u64::from(id.0));
            body.push(u8::from(*is_predicted));
        }
        put_ascending(body, &self.destroyed, |(id, _)| *id, |body, (_, gone)| body.push(gone_code(*gone)));
    }

    fn read_body(body: &mut Reader<'_>) -> Result<Self, ChangesError> {
        let tick = body.varint()?;
        let created = take_ascending(body, |body, id| Ok(Created { id, settings: read_settings(body)? }))?;
        let mut before = None;
        let columns = take_list(body, |body| {
            let component = ascend(before, body.varint()?)?;
            before = Some(component);
            let component = ComponentId(u16::try_from(component).map_err(|_| ChangesError::Invalid)?);
            read_column(body, component)
        })?;
        let owners = take_ascending(body, |body, id| Ok((id, owner_of(body.varint()?)?)))?;
        let shows = take_list(body, |body| {
            let (connection, id) = take_pair(body)?;
            Ok((connection, id, show_of(body.u8()?)?))
        })?;
        let predictions = take_list(body, |body| {
            let (connection, id) = take_pair(body)?;
            let is_predicted = match body.u8()? {
                0 => false,
                1 => true,
                _ => return Err(ChangesError::Invalid),
            };
            Ok((connection, id, is_predicted))
        })?;
        let destroyed = take_ascending(body, |body, id| Ok((id, gone_of(body.u8()?)?)))?;
        let do_shows_ascend = shows.is_sorted_by(|a, b| (a.0, a.1) < (b.0, b.1));
        let do_predictions_ascend = predictions.is_sorted_by(|a, b| (a.0, a.1) < (b.0, b.1));
        if !do_shows_ascend || !do_predictions_ascend {
            return Err(ChangesError::Invalid);
        }
        Ok(Self { tick, created, columns, owners, shows, predictions, destroyed })
    }
}

fn checksum(body: &[u8]) -> u64 {
    let mut hash = StableHasher::new();
    hash.bytes(body);
    hash.finish()
}

fn put(body: &mut Vec<u8>, value: u64) {
    let mut buffer = [0; 9];
    let mut writer = Writer::new(&mut buffer);
    // A varint takes at most nine bytes.
    let length = writer.varint(value).map_or(0, |()| writer.written());
    body.extend_from_slice(buffer.get(..length).unwrap_or_default());
}

/// Returns the difference between `number` and the previous number, minus 1, or `number` itself if there is no
/// previous number. Numbers ascend, so a difference is at least 1.
fn difference(before: Option<u64>, number: u64) -> u64 {
    before.map_or(number, |before| number.wrapping_sub(before).wrapping_sub(1))
}

/// Restores a number from its difference to the previous number. Rejects numbers of more than 32 bits.
fn ascend(before: Option<u64>, difference: u64) -> Result<u64, ChangesError> {
    let least = before.map_or(0, |before| before + 1);
    let number = least.checked_add(difference).filter(|number| *number <= u64::from(u32::MAX));
    number.ok_or(ChangesError::Invalid)
}

fn put_ascending<T>(
    body: &mut Vec<u8>,
    list: &[T],
    id: impl Fn(&T) -> NetworkId,
    write: impl Fn(&mut Vec<u8>, &T),
) {
    put(body, list.len() as u64);
    let mut before = Some(0);
    for item in list {
        let own = u64::from(id(item).0);
        put(body, difference(before, own));
        before = Some(own);
        write(body, item);
    }
}

/// Reads the number of items and then the list. Each item takes at least one byte, so the function rejects a count
/// above the number of remaining bytes before any allocation.
fn take_list<'a, T>(
    body: &mut Reader<'a>,
    mut take: impl FnMut(&mut Reader<'a>) -> Result<T, ChangesError>,
) -> Result<Vec<T>, ChangesError> {
    let count = usize::try_from(body.varint()?).map_err(|_| ChangesError::Invalid)?;
    if count > body.remaining() {
        return Err(ChangesError::Invalid);
    }
    let mut list = Vec::with_capacity(count.min(body.remaining() / 4 + 1));
    for _ in 0..count {
        list.push(take(body)?);
    }
    Ok(list)
}

/// Reads a list of items with ascending ids, none of which is 0.
fn take_ascending<'a, T>(
    body: &mut Reader<'a>,
    mut take: impl FnMut(&mut Reader<'a>, NetworkId) -> Result<T, ChangesError>,
) -> Result<Vec<T>, ChangesError> {
    let mut before = Some(0);
    take_list(body, |body| {
        let id = ascend(before, body.varint()?)?;
        before = Some(id);
        take(body, NetworkId(id as u32))
    })
}

fn take_pair(body: &mut Reader<'_>) -> Result<(ConnectionId, NetworkId), ChangesError> {
    let connection = owner_of(body.varint()?)?.ok_or(ChangesError::Invalid)?;
    Ok((connection, NetworkId(u32_of(body.varint()?)?)))
}

fn u32_of(value: u64) -> Result<u32, ChangesError> {
    u32::try_from(value).map_err(|_| ChangesError::Invalid)
}

fn write_settings(body: &mut Vec<u8>, created: &Created) {
    let EntitySettings { blueprint, hz, weight } = created.settings;
    let has_blueprint = if blueprint.is_some() { HAS_BLUEPRINT } else { 0 };
    body.push(has_blueprint | if hz.is_some() { HAS_RATE } else { 0 });
    body.push(weight);
    if let Some(blueprint) = blueprint {
        body.extend_from_slice(&blueprint.0.to_le_bytes());
    }
    if let Some(hz) = hz {
        body.extend_from_slice(&hz.to_le_bytes());
    }
}

fn read_settings(body: &mut Reader<'_>) -> Result<EntitySettings, ChangesError> {
    let flags = body.u8()?;
    if flags & !(HAS_BLUEPRINT | HAS_RATE) != 0 {
        return Err(ChangesError::Invalid);
    }
    let weight = body.u8()?;
    let blueprint = if flags & HAS_BLUEPRINT != 0 { Some(BlueprintId(body.u16()?)) } else { None };
    let hz = if flags & HAS_RATE != 0 { Some(body.u16()?) } else { None };
    Ok(EntitySettings { blueprint, hz, weight })
}

fn write_column(body: &mut Vec<u8>, column: &Column) {
    put(body, u64::from(column.width()));
    put_ids(body, column.ids());
    for (_, value) in column.values() {
        value.iter().for_each(|word| put(body, u64::from(*word)));
    }
    put_ids(body, column.removed());
}

fn read_column(body: &mut Reader<'_>, component: ComponentId) -> Result<Column, ChangesError> {
    let width = u16::try_from(body.varint()?).map_err(|_| ChangesError::Invalid)?;
    let ids = take_ids(body)?;
    if ids.len().saturating_mul(width.into()) > body.remaining() {
        return Err(ChangesError::Invalid);
    }
    let mut column = Column::new(component, width);
    column.reserve(ids.len());
    for id in &ids {
        let index = column.push(*id);
        for word in column.value_mut(index) {
            *word = u32_of(body.varint()?)?;
        }
    }
    let removed = take_ids(body)?;
    for id in &removed {
        column.push_removed(*id);
    }
    let mut all = [ids, removed].concat();
    all.sort_unstable();
    if all.is_empty() || !all.is_sorted_by(|a, b| a < b) {
        return Err(ChangesError::Invalid);
    }
    Ok(column)
}

fn put_ids(body: &mut Vec<u8>, ids: &[NetworkId]) {
    put(body, ids.len() as u64);
    let mut before = 0;
    for id in ids {
        let step = i64::from(id.0) - before;
        put(body, (step << 1 ^ step >> 63) as u64);
        before = i64::from(id.0);
    }
}

fn take_ids(body: &mut Reader<'_>) -> Result<Vec<NetworkId>, ChangesError> {
    let mut before = 0i64;
    take_list(body, |body| {
        let code = body.varint()?;
        let step = (code >> 1) as i64 ^ -((code & 1) as i64);
        let id = before.checked_add(step).and_then(|id| u32::try_from(id).ok()).filter(|id| *id != 0);
        let id = id.ok_or(ChangesError::Invalid)?;
        before = i64::from(id);
        Ok(NetworkId(id))
    })
}

/// Returns the owner as a number. 0 represents no owner, because no connection has the number 0.
fn owner_bits(owner: Option<ConnectionId>) -> u64 {
    owner.map_or(0, |owner| owner.data().as_ffi())
}

fn owner_of(bits: u64) -> Result<Option<ConnectionId>, ChangesError> {
    if bits == 0 {
        return Ok(None);
    }
    let data = KeyData::from_ffi(bits);
    if data.as_ffi() == bits { Ok(Some(data.into())) } else { Err(ChangesError::Invalid) }
}

const fn show_code(show: Show) -> u8 {
    match show {
        Show::ByDistance => 0,
        Show::Always => 1,
        Show::Never => 2,
    }
}

const fn show_of(code: u8) -> Result<Show, ChangesError> {
    match code {
        0 => Ok(Show::ByDistance),
        1 => Ok(Show::Always),
        2 => Ok(Show::Never),
        _ => Err(ChangesError::Invalid),
    }
}

const fn gone_code(gone: Gone) -> u8 {
    match gone {
        Gone::Destroyed => 0,
        Gone::OutOfSight => 1,
    }
}

const fn gone_of(code: u8) -> Result<Gone, ChangesError> {
    match code {
        0 => Ok(Gone::Destroyed),
        1 => Ok(Gone::OutOfSight),
        _ => Err(ChangesError::Invalid),
    }
}

#[cfg(test)]
mod tests;
