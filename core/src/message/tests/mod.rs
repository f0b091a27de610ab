//! Tests of the message layer with derived types.
#![cfg(all(feature = "std", feature = "derive"))]

mod derive;
mod dispatch;
mod golden;
mod registry;

use alloc::string::String;
use alloc::vec::Vec;

use quickcheck::{Arbitrary, Gen};
use serde::{Deserialize, Serialize};
use zerocopy::{Immutable, IntoBytes, KnownLayout, TryFromBytes, Unaligned, little_endian};

use super::*;

/// A message of the bits codec with a field of every kind.
#[derive(NetMessage, Clone, PartialEq, Debug)]
#[net(codec = "bits", name = "move", type = 0x1001, channel = 2, max = 300)]
struct Move {
    #[net(range = 0..=1023)]
    x: u16,
    #[net(bits = 12)]
    y: i16,
    #[net(range = "-5..=LATEST")]
    level: i8,
    name: BoundedString<32>,
    items: BoundedVec<Item, 8>,
    speed: f32,
}

const LATEST: i8 = 9;

#[derive(NetSerialize, Clone, PartialEq, Debug)]
enum Item {
    Nothing,
    Coins(#[net(range = 1..101)] u8),
    Sword { sharp: bool, r#type: Option<u32> },
}

impl Arbitrary for Move {
    fn arbitrary(g: &mut Gen) -> Self {
        let items = Vec::<(u8, bool, Option<u32>)>::arbitrary(g).into_iter().take(8);
        let items = items.map(|(choice, sharp, r#type)| match choice % 3 {
            0 => Item::Nothing,
            1 => Item::Coins(choice % 100 + 1),
            _ => Item::Sword { sharp, r#type },
        });
        Self {
            x: u16::arbitrary(g) % 1024,
            y: i16::arbitrary(g) >> 4,
            level: i8::arbitrary(g).rem_euclid(15) - 5,
            name: BoundedString::truncated(&String::arbitrary(g)),
            items: items.collect::<Vec<_>>().try_into().unwrap(),
            speed: f32::from_bits(u32::arbitrary(g) & 0x7f7f_ffff),
        }
    }
}

#[derive(NetMessage, Serialize, Deserialize, Clone, PartialEq, Debug)]
#[net(codec = "messagepack", name = "chat")]
struct Chat {
    to: Option<u32>,
    text: BoundedString<64>,
    #[serde(default)]
    extra: ScriptValue,
}

#[derive(NetMessage, Serialize, Deserialize, Clone, PartialEq, Debug)]
#[net(codec = "json", name = "settings")]
#[serde(rename_all = "camelCase")]
struct Settings {
    tick_rate: u16,
    tags: Vec<String>,
    part: Part,
}

#[derive(NetShape, Serialize, Deserialize, Clone, PartialEq, Debug)]
struct Part {
    ratio: f64,
}

#[derive(NetMessage, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, PartialEq, Debug)]
#[net(codec = "zerocopy", name = "ping", type = 0x1000)]
#[repr(C)]
struct Ping {
    id: little_endian::U32,
    sent: little_endian::U64,
    kind: Kind,
}

#[derive(
    NetShape, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, PartialEq, Debug,
)]
#[repr(u8)]
enum Kind {
    Request = 1,
    Reply = 2,
}

fn a_move() -> Move {
    Move {
        x: 1000,
        y: -2048,
        level: 9,
        name: BoundedString::truncated("Zoë"),
        items: [Item::Nothing, Item::Coins(100), Item::Sword { sharp: true, r#type: Some(7) }]
            .to_vec()
            .try_into()
            .unwrap(),
        speed: 1.5,
    }
}

fn a_chat() -> Chat {
    let mut extra = alloc::collections::BTreeMap::new();
    extra.insert("loud".into(), ScriptValue::Bool(true));
    extra.insert("at".into(), ScriptValue::List([ScriptValue::Integer(-3), ScriptValue::Float(0.5)].into()));
    Chat { to: Some(70_000), text: BoundedString::truncated("hello"), extra: ScriptValue::Map(extra) }
}

fn a_settings() -> Settings {
    Settings { tick_rate: 60, tags: ["ranked".into()].into(), part: Part { ratio: 0.1 } }
}

fn a_ping() -> Ping {
    Ping { id: 0x0403_0201.into(), sent: 5.into(), kind: Kind::Reply }
}

/// Returns a registry of all message types of this module, registered in an order that differs from the order on the
/// wire.
fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.register::<Settings>().unwrap();
    registry.register::<Move>().unwrap();
    registry.register::<Ping>().unwrap();
    registry.register::<Chat>().unwrap();
    registry
}
