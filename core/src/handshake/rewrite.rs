//! Parses unencrypted messages and writes them again, for fuzzing, which compares the two.

use alloc::vec;
use alloc::vec::Vec;

use super::control::{KeyQuery, KeyReply, VersionReply, parse_unknown};
use super::hello::{Hello, Retry};
use super::parameters::Parameters;
use crate::limits::BASE_DATAGRAM;
use crate::wire::{NoRoom, Reader, Writer};

/// Parses the packet in `bytes` and writes it again, without padding. Returns `None` if the packet does not parse.
pub(crate) fn rewrite(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut reply = Vec::new();
    if let Ok(hello) = Hello::read(bytes) {
        return written(|writer| hello.write(writer));
    }
    if let Ok(query) = KeyQuery::read(bytes) {
        return written(|writer| query.write(writer));
    }
    if let Ok(retry) = Retry::read(bytes) {
        retry.append_to(&mut reply);
    } else if let Ok(key) = KeyReply::read(bytes) {
        key.append_to(&mut reply);
    } else if let Ok(VersionReply { client_id, version, attempt }) = VersionReply::read(bytes) {
        let [a, b, c, _] = client_id.to_le_bytes();
        VersionReply::append_to(([a, b, c], attempt), &mut reply);
        // `append_to` writes our own version; the reply that was read may have any.
        *reply.get_mut(5)? = version;
    } else {
        let (id, tail) = parse_unknown(bytes).ok()?;
        reply = super::unknown(id, tail).to_vec();
    }
    Some(reply)
}

/// Parses the parameters at the start of `bytes` and writes them again.
pub(crate) fn rewrite_parameters(bytes: &[u8]) -> Option<Vec<u8>> {
    let parameters = Parameters::read(&mut Reader::new(bytes)).ok()?;
    written(|writer| parameters.write(writer))
}

fn written(write: impl FnOnce(&mut Writer<'_>) -> Result<(), NoRoom>) -> Option<Vec<u8>> {
    let mut buffer = vec![0; BASE_DATAGRAM];
    let mut writer = Writer::new(&mut buffer);
    write(&mut writer).ok()?;
    let length = writer.written();
    buffer.truncate(length);
    Some(buffer)
}
