//! The schema as JSON: for tools, dissectors and people.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::registry::RegisteredType;
use super::{Registry, Shape};
use crate::config::Route;

/// The version of the export's format.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    format: u32,
    /// The hash as text, because many JSON parsers round integers of 64 bits.
    hash: String,
    messages: Vec<Described<'a>>,
}

#[derive(Serialize)]
struct Described<'a> {
    index: usize,
    name: &'a str,
    #[serde(rename = "type")]
    message_type: String,
    codec: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<Channel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<&'static str>,
    max_size: usize,
    hash: String,
    shape: &'a Shape,
}

/// A channel, identified by its number or its name.
#[derive(Serialize)]
#[serde(untagged)]
enum Channel {
    Number(u8),
    Name(&'static str),
}

impl<'a> Described<'a> {
    fn of((index, entry): (usize, &'a RegisteredType)) -> Self {
        let (channel, delivery) = match entry.route {
            Route::Channel(channel) => (Some(Channel::Number(channel.0)), None),
            Route::Named(name) => (Some(Channel::Name(name)), None),
            Route::Delivery(delivery) => (None, Some(delivery.name())),
        };
        Self {
            index,
            name: entry.name,
            message_type: format!("{}", entry.message_type),
            codec: entry.codec,
            channel,
            delivery,
            max_size: entry.max_size,
            hash: format!("{:#010x}", entry.hash),
            shape: &entry.shape,
        }
    }
}

impl Registry {
    /// Returns the schema as JSON: the version of the format, the schema hash, and all message types. Each type has an
    /// index on the wire, a name, a type number, a codec, a channel or a delivery, a size limit in bytes, a hash, and a
    /// layout with fields and ranges. Equal registries give equal text.
    #[must_use]
    pub fn schema_json(&self) -> String {
        let document = Document {
            format: FORMAT,
            hash: format!("{:#018x}", self.schema().hash()),
            messages: self.entries().iter().enumerate().map(Described::of).collect(),
        };
        // Structures of text and numbers always have a JSON form, so the default never shows.
        serde_json::to_string_pretty(&document).unwrap_or_default()
    }
}
