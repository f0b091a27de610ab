//! The server's encrypted answer to a client: accepted, or refused with a reason.
//!
//! | bytes | Welcome |
//! |---|---|
//! | 1 | type, 6 |
//! | 3 | the client's connection id |
//! | | second Noise message; its payload follows |
//!
//! | status | payload after the status byte |
//! |---|---|
//! | 0 new, 1 resumed, 2 session lost, new session | server's connection id u24, [`Parameters`] |
//! | 16 full, 17 banned, 18 expired, 21 session ended, 22 too many from this address | no fields |
//! | 19 schema | varint count of the server's entries, then as many as fit: sized name, hash u32 |
//! | 20 other | code u16, sized text |

use alloc::borrow::ToOwned;
use alloc::vec::Vec;

use super::parameters::Parameters;
use crate::event::Refusal;
use crate::limits;
use crate::schema::{Schema, SchemaDifference, SchemaEntry};
use crate::wire::{Malformed, NoRoom, Reader, Writer};

/// The number of bytes before the Noise message.
pub(super) const HEAD: usize = 1 + 3;
/// The number of bytes that Noise adds to the payload: the ephemeral key and the tag.
const NOISE: usize = 32 + limits::TAG;

/// The outcome for the session that the client asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SessionOutcome {
    /// The client asked for no session, so the session is new.
    New,
    /// The session is resumed.
    Resumed,
    /// The session is lost, so a new session begins.
    Lost,
}

/// The content of a Welcome.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum WelcomePayload {
    /// The server accepts the client.
    Accepted {
        session: SessionOutcome,
        /// The connection id that the server chose for packets to itself.
        server_id: u32,
        parameters: Parameters,
    },
    /// The server refuses the client.
    Refused(Refusal),
}

/// Returns the payload that accepts a client.
pub(super) fn accept(
    session: SessionOutcome,
    server_id: u32,
    parameters: &Parameters,
) -> Result<Vec<u8>, NoRoom> {
    let mut buffer = [0; 1 + 3 + Parameters::SIZE_MAX];
    let mut writer = Writer::new(&mut buffer);
    writer.u8(match session {
        SessionOutcome::New => NEW,
        SessionOutcome::Resumed => RESUMED,
        SessionOutcome::Lost => LOST,
    })?;
    writer.u24(server_id)?;
    parameters.write(&mut writer)?;
    let length = writer.written();
    Ok(buffer.into_iter().take(length).collect())
}

/// Returns the payload that refuses a client, so that the Welcome has at most `datagram` bytes. For
/// [`Refusal::Schema`], the payload contains the entries of `ours`, and the client finds the difference.
pub(super) fn refuse(refusal: &Refusal, ours: &Schema, datagram: usize) -> Result<Vec<u8>, NoRoom> {
    let mut buffer = [0; limits::BASE_DATAGRAM];
    let room = datagram.min(limits::BASE_DATAGRAM).saturating_sub(HEAD + NOISE);
    let mut writer = Writer::new(buffer.get_mut(..room).ok_or(NoRoom)?);
    match refusal {
        Refusal::Full => writer.u8(FULL)?,
        Refusal::TooManyFromAddress => writer.u8(TOO_MANY_FROM_ADDRESS)?,
        Refusal::Banned => writer.u8(BANNED)?,
        Refusal::Expired => writer.u8(EXPIRED)?,
        Refusal::SessionEnded => writer.u8(SESSION_ENDED)?,
        Refusal::Schema(_) => {
            writer.u8(SCHEMA)?;
            write_entries(&mut writer, ours)?;
        }
        Refusal::Other { code, text } => {
            writer.u8(OTHER)?;
            writer.u16(*code)?;
            let text = text.raw();
            let end = text.floor_char_boundary(limits::CLOSE_TEXT);
            writer.sized(text.as_bytes().get(..end).unwrap_or_default())?;
        }
    }
    let length = writer.written();
    Ok(buffer.into_iter().take(length).collect())
}

/// Writes the count of all entries, then as many entries as fit.
fn write_entries(writer: &mut Writer<'_>, schema: &Schema) -> Result<(), NoRoom> {
    writer.varint(schema.entries.len() as u64)?;
    for entry in &schema.entries {
        let start = writer.written();
        let fits = writer.sized(entry.name.as_bytes()).and_then(|()| writer.u32(entry.hash));
        if fits.is_err() {
            writer.truncate(start);
            break;
        }
    }
    Ok(())
}

/// Reads a payload. `ours` is the schema of the client that reads the payload.
pub(super) fn read(payload: &[u8], ours: &Schema) -> Result<WelcomePayload, Malformed> {
    let mut reader = Reader::new(payload);
    let status = reader.u8()?;
    let outcome = match status {
        NEW => accepted(SessionOutcome::New, &mut reader)?,
        RESUMED => accepted(SessionOutcome::Resumed, &mut reader)?,
        LOST => accepted(SessionOutcome::Lost, &mut reader)?,
        FULL => WelcomePayload::Refused(Refusal::Full),
        TOO_MANY_FROM_ADDRESS => WelcomePayload::Refused(Refusal::TooManyFromAddress),
        BANNED => WelcomePayload::Refused(Refusal::Banned),
        EXPIRED => WelcomePayload::Refused(Refusal::Expired),
        SESSION_ENDED => WelcomePayload::Refused(Refusal::SessionEnded),
        SCHEMA => WelcomePayload::Refused(Refusal::Schema(read_difference(&mut reader, ours)?)),
        OTHER => {
            let code = reader.u16()?;
            let text = text(reader.sized(limits::CLOSE_TEXT)?)?.into();
            WelcomePayload::Refused(Refusal::Other { code, text })
        }
        _ => return Err(Malformed),
    };
    reader.finish().map(|()| outcome)
}

fn accepted(session: SessionOutcome, reader: &mut Reader<'_>) -> Result<WelcomePayload, Malformed> {
    let server_id = reader.u24()?;
    let parameters = Parameters::read(reader)?;
    Ok(WelcomePayload::Accepted { session, server_id, parameters })
}

fn read_difference(reader: &mut Reader<'_>, ours: &Schema) -> Result<SchemaDifference, Malformed> {
    let count = reader.varint()?;
    let mut theirs = Vec::new();
    while !reader.is_empty() {
        let name = text(reader.sized(limits::SCHEMA_NAME)?)?.to_owned();
        theirs.push(SchemaEntry { name, hash: reader.u32()? });
    }
    let read = theirs.len() as u64;
    if read > count { Err(Malformed) } else { Ok(difference(ours, &theirs, read < count)) }
}

/// Returns the difference between `ours` and the server's entries, from the client's point of view.
fn difference(ours: &Schema, theirs: &[SchemaEntry], truncated: bool) -> SchemaDifference {
    if truncated { ours.partial_difference(theirs) } else { ours.difference(theirs) }
}

fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    core::str::from_utf8(bytes).map_err(|_| Malformed)
}

const NEW: u8 = 0;
const RESUMED: u8 = 1;
const LOST: u8 = 2;
const FULL: u8 = 16;
const BANNED: u8 = 17;
const EXPIRED: u8 = 18;
const SCHEMA: u8 = 19;
const OTHER: u8 = 20;
const SESSION_ENDED: u8 = 21;
const TOO_MANY_FROM_ADDRESS: u8 = 22;

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;
    use alloc::format;
    use alloc::vec;

    fn schema(names: &[(&str, u32)]) -> Schema {
        let entries = names.iter().map(|&(name, hash)| SchemaEntry { name: name.into(), hash }).collect();
        Schema { entries }
    }

    #[test]
    fn every_kind_of_refusal_in_a_welcome_decodes_as_encoded() {
        let ours = schema(&[]);
        for refusal in [
            Refusal::Full,
            Refusal::TooManyFromAddress,
            Refusal::Banned,
            Refusal::Expired,
            Refusal::SessionEnded,
            Refusal::Other { code: 0xffff, text: "no".into() },
            Refusal::Schema(SchemaDifference::default()),
        ] {
            let payload = refuse(&refusal, &ours, 1200).unwrap();
            assert_eq!(read(&payload, &ours), Ok(WelcomePayload::Refused(refusal)));
        }
    }

    #[test]
    fn a_refusal_text_is_truncated_at_its_limit_between_two_characters() {
        let text = "é".repeat(limits::CLOSE_TEXT).into();
        let payload = refuse(&Refusal::Other { code: 1, text }, &schema(&[]), 1200).unwrap();
        let expected = "é".repeat(limits::CLOSE_TEXT / 2).into();
        assert_eq!(
            read(&payload, &schema(&[])),
            Ok(WelcomePayload::Refused(Refusal::Other { code: 1, text: expected }))
        );
    }

    #[test]
    fn a_schema_refusal_lists_the_types_that_are_missing_at_either_end_or_have_different_layouts() {
        let server = schema(&[("chat", 1), ("move", 2), ("shoot", 3)]);
        let client = schema(&[("chat", 1), ("jump", 5), ("move", 9)]);
        let refusal = Refusal::Schema(SchemaDifference::default());
        let payload = refuse(&refusal, &server, 1200).unwrap();
        let expected = SchemaDifference {
            missing_here: vec!["shoot".into()],
            missing_there: vec!["jump".into()],
            different: vec!["move".into()],
            truncated: false,
        };
        assert_eq!(read(&payload, &client), Ok(WelcomePayload::Refused(Refusal::Schema(expected))));
    }

    #[test]
    fn a_schema_refusal_truncated_to_the_datagram_does_not_report_types_after_its_final_name() {
        let names: Vec<String> = (0..500).map(|index| format!("message-{index:03}")).collect();
        let entries = names.iter().map(|name| SchemaEntry { name: name.clone(), hash: 1 }).collect();
        let server = Schema { entries };
        let client = schema(&[("a", 1), ("z", 1)]);
        let payload = refuse(&Refusal::Schema(SchemaDifference::default()), &server, 1200).unwrap();
        assert!(payload.len() + NOISE + HEAD <= 1200 && payload.len() + NOISE + HEAD > 1180);
        let Ok(WelcomePayload::Refused(Refusal::Schema(difference))) = read(&payload, &client) else {
            panic!()
        };
        assert!(difference.truncated);
        assert_eq!(difference.missing_there, ["a"]);
        assert!(difference.missing_here.len() > 60);
    }

    #[test]
    fn a_truncated_welcome_payload_is_malformed() {
        let other = refuse(&Refusal::Other { code: 1, text: "text".into() }, &schema(&[]), 1200).unwrap();
        for length in 0..other.len() {
            assert_eq!(read(&other[..length], &schema(&[])), Err(Malformed));
        }
    }
}
