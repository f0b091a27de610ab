//! Tests of the types that the registry accepts, and of its reports.

use alloc::boxed::Box;

use bytes::Bytes;
use quickcheck::QuickCheck;

use super::*;
use crate::time::Instant;

macro_rules! bare_message {
    ($type:ident, $name:expr $(, $constant:ident: $of:ty = $value:expr)*) => {
        #[derive(NetSerialize, Debug)]
        struct $type;
        impl NetMessage for $type {
            const NAME: &'static str = $name;
            $(const $constant: $of = $value;)*
            type Codec = Bits;
        }
    };
}

bare_message!(SameName, "move");
bare_message!(SameType, "other", TYPE: Option<MessageType> = Some(MessageType(0x1001)));
bare_message!(Reserved, "reserved", TYPE: Option<MessageType> = Some(MessageType(0x0fff)));
bare_message!(Huge, "huge", MAX_SIZE: usize = limits::MESSAGE_SIZE_MAX + 1);
bare_message!(FarChannel, "far", ROUTE: Route = Route::Channel(ChannelId(32)));
bare_message!(Empty, "");
bare_message!(Colon, "channel:0");
bare_message!(Long, "a2345678901234567890123456789012345678901234567890123456789012345");

#[test]
fn an_invalid_or_duplicate_message_type_is_refused_and_leaves_the_registry_unchanged() {
    let mut registry = registry();
    let before = registry.schema();
    assert_eq!(registry.register::<Move>(), Err(RegisterError::DuplicateName { name: "move" }));
    assert_eq!(registry.register::<SameName>(), Err(RegisterError::DuplicateName { name: "move" }));
    let message_type = MessageType(0x1001);
    assert_eq!(
        registry.register::<SameType>(),
        Err(RegisterError::DuplicateType { message_type, name: "other", other: "move" })
    );
    let message_type = MessageType(0x0fff);
    assert_eq!(
        registry.register::<Reserved>(),
        Err(RegisterError::ReservedType { message_type, name: "reserved" })
    );
    assert_eq!(registry.register::<Huge>(), Err(RegisterError::TooLarge { name: "huge" }));
    assert_eq!(registry.register::<FarChannel>(), Err(RegisterError::BadChannel { name: "far" }));
    assert_eq!(registry.register::<Empty>(), Err(RegisterError::BadName { name: "" }));
    assert_eq!(registry.register::<Colon>(), Err(RegisterError::BadName { name: "channel:0" }));
    assert_eq!(registry.register::<Long>(), Err(RegisterError::BadName { name: Long::NAME }));
    assert_eq!(registry.schema(), before);
}

#[test]
fn the_schema_does_not_depend_on_the_order_of_registration() {
    let mut other = Registry::new();
    other.register::<Chat>().unwrap();
    other.register::<Ping>().unwrap();
    other.register::<Move>().unwrap();
    other.register::<Settings>().unwrap();
    assert_eq!(other.schema(), registry().schema());
    assert_eq!(other.schema_json(), registry().schema_json());
    assert_eq!(other.encode(&a_ping()), registry().encode(&a_ping()));
}

#[test]
fn an_encoded_message_begins_with_the_index_of_its_type_among_the_sorted_names() {
    let registry = registry();
    let first = |bytes: Result<Bytes, EncodeError>| bytes.unwrap()[0];
    assert_eq!(first(registry.encode(&a_chat())), 0);
    assert_eq!(first(registry.encode(&a_move())), 1);
    assert_eq!(first(registry.encode(&a_ping())), 2);
    assert_eq!(first(registry.encode(&a_settings())), 3);
}

#[test]
fn decoding_a_message_as_a_different_type_is_refused() {
    let registry = registry();
    let decoded = registry.decode(&registry.encode(&a_move()).unwrap()).unwrap();
    assert_eq!((decoded.type_name(), decoded.message_type()), ("move", MessageType(0x1001)));
    assert!(decoded.is::<Move>() && !decoded.is::<Chat>());
    assert_eq!(decoded.downcast_ref::<Move>(), Some(&a_move()));
    let decoded = decoded.downcast::<Chat>().unwrap_err();
    assert_eq!(decoded.downcast::<Move>().unwrap(), a_move());
    assert_eq!(registry.decode_as::<Chat>(&registry.encode(&a_chat()).unwrap()), Ok(a_chat()));
    assert_eq!(registry.decode_as::<Chat>(&registry.encode(&a_move()).unwrap()), Err(DecodeError::Invalid));
}

#[test]
fn an_opened_message_reports_its_type_size_receive_time_and_data_before_it_is_decoded() {
    let registry = registry();
    let data = registry.encode(&a_ping()).unwrap();
    let at = Instant::saturating_from_micros(7);
    let message = registry.open(data.clone(), at).unwrap();
    assert_eq!((message.message_type(), message.type_name()), (MessageType(0x1000), "ping"));
    assert_eq!((message.size(), message.received_at(), message.data()), (14, at, &data));
    assert_eq!(message.read::<Ping>(&registry), Ok(a_ping()));
    assert_eq!(message.read::<Move>(&registry), Err(DecodeError::Invalid));
}

#[test]
fn a_message_type_without_a_number_gets_a_number_from_its_name() {
    let registry = registry();
    assert_eq!(registry.type_of::<Ping>(), Some(MessageType(0x1000)));
    let chat = registry.type_of::<Chat>().unwrap();
    assert!(chat.is_user());
    let mut alone = Registry::new();
    alone.register::<Chat>().unwrap();
    assert_eq!(alone.type_of::<Chat>(), Some(chat));
}

#[test]
fn a_value_of_an_unregistered_type_is_not_encoded() {
    let error = Registry::new().encode(&a_ping());
    assert_eq!(error, Err(EncodeError::NotRegistered { name: "ping" }));
    assert_eq!(registry().encode(&SameName), Err(EncodeError::NotRegistered { name: "move" }));
    assert_eq!(registry().type_of::<SameName>(), None);
}

#[test]
fn a_message_of_an_unknown_type_or_above_the_size_limit_of_its_type_is_refused() {
    let registry = registry();
    let refused = |bytes: &[u8]| registry.decode(bytes).map(|_| ()).unwrap_err();
    assert_eq!(refused(&[]), DecodeError::UnknownType);
    assert_eq!(refused(&[4]), DecodeError::UnknownType);
    assert_eq!(refused(&[0xff; 9]), DecodeError::UnknownType);
    assert_eq!(refused(&[1; 302]), DecodeError::TooLarge);
    assert_ne!(refused(&[1; 301]), DecodeError::TooLarge);
}

#[test]
fn a_message_above_the_size_limit_of_its_type_is_not_encoded() {
    #[derive(NetMessage, Serialize, Deserialize)]
    #[net(codec = "json", max = 3)]
    struct Tiny(u32);
    let mut registry = Registry::new();
    registry.register::<Tiny>().unwrap();
    assert!(registry.encode(&Tiny(999)).is_ok());
    let error = Box::new(EncodeError::TooLarge { limit: 3 });
    assert_eq!(registry.encode(&Tiny(1000)), Err(EncodeError::InMessage { name: "Tiny", error }));
}

#[test]
fn arbitrary_bytes_decode_or_are_refused_without_a_panic() {
    fn the_bytes_decode_or_are_refused(index: u8, body: Vec<u8>) -> bool {
        let registry = registry();
        let bytes = [&[index % 5], &*body].concat();
        registry.decode(&bytes).map(|_| ()) == registry.open(bytes.clone().into(), Instant::ZERO).map(|_| ())
            || registry.decode(&bytes).is_err()
    }
    QuickCheck::new().tests(5000).quickcheck(the_bytes_decode_or_are_refused as fn(u8, Vec<u8>) -> bool);
}

#[test]
fn a_message_with_a_changed_byte_decodes_or_is_refused_without_a_panic() {
    let registry = registry();
    let messages = [
        registry.encode(&a_chat()).unwrap(),
        registry.encode(&a_move()).unwrap(),
        registry.encode(&a_ping()).unwrap(),
        registry.encode(&a_settings()).unwrap(),
    ];
    for message in &messages {
        for place in 0..message.len() {
            for byte in 0..=255 {
                let mut bytes = message.to_vec();
                bytes[place] = byte;
                let _ = registry.decode(&bytes);
            }
            assert!(registry.decode(&message[..place]).is_err(), "{place}");
        }
        assert!(registry.decode(&[message, &[0][..]].concat()).is_err());
    }
}

#[test]
fn the_error_about_a_duplicate_message_type_number_names_the_remedy() {
    let error = registry().register::<SameType>().unwrap_err();
    insta::assert_snapshot!(alloc::format!("{error}"), @"message types `other` and `move` both have the number 0x1001; give one of the two another number");
}
