use alloc::string::ToString as _;
use alloc::vec;

use super::*;

fn entry(name: &str, hash: u32) -> SchemaEntry {
    SchemaEntry { name: name.into(), hash }
}

fn here() -> Schema {
    Schema::new(vec![entry("move", 1), entry("chat", 2), entry("emote", 3), entry("zoom", 4)])
}

#[test]
fn the_schema_hash_is_fnv_1a_of_the_documented_bytes() {
    let mut hash = StableHasher::new();
    hash.bytes(b"foobar");
    // The published test vector of 64-bit FNV-1a.
    assert_eq!(hash.finish(), 0x8594_4171_f739_67e8);
    assert_eq!(hash.finish_32(), 0x8594_4171 ^ 0xf739_67e8);
    let mut by_hand = StableHasher::new();
    by_hand.bytes(b"\x01\0\0\0\0\0\0\0a\x07\0\0\0\0\0\0\0");
    assert_eq!(Schema::new(vec![entry("a", 7)]).hash(), by_hand.finish());
}

#[test]
fn the_schema_hash_depends_on_each_entry_but_not_on_the_order_of_entries() {
    let same = Schema::new(vec![entry("zoom", 4), entry("emote", 3), entry("chat", 2), entry("move", 1)]);
    assert_eq!((&same, same.hash()), (&here(), here().hash()));
    assert_ne!(Schema::new(vec![entry("zoom", 4)]).hash(), Schema::new(vec![entry("zoom", 5)]).hash());
    assert_ne!(Schema::new(vec![entry("zoom", 4)]).hash(), Schema::new(vec![entry("zoon", 4)]).hash());
    assert_ne!(Schema::default().hash(), Schema::new(vec![entry("", 0)]).hash());
}

#[test]
fn a_schema_difference_names_the_missing_and_different_types() {
    let server = [entry("trade", 9), entry("move", 7), entry("zoom", 4), entry("chat", 2)];
    let difference = here().difference(&server);
    assert_eq!(difference.missing_here, ["trade"]);
    assert_eq!(difference.missing_there, ["emote"]);
    assert_eq!(difference.different, ["move"]);
    insta::assert_snapshot!(difference.to_string());
}

#[test]
fn equal_schemas_have_no_difference() {
    let difference = here().difference(&here().entries);
    assert!(difference.is_empty());
    insta::assert_snapshot!(difference.to_string(), @"both ends have the same message types and channels");
}

#[test]
fn only_the_received_part_of_a_truncated_schema_is_compared() {
    let difference = here().partial_difference(&[entry("chat", 2), entry("emit", 1), entry("move", 7)]);
    assert_eq!(difference.missing_here, ["emit"]);
    assert_eq!(difference.missing_there, ["emote"]);
    assert_eq!(difference.different, ["move"]);
    insta::assert_snapshot!(difference.to_string());
    let nothing = here().partial_difference(&[entry("chat", 2)]);
    assert!(nothing.is_empty() && nothing.truncated);
    insta::assert_snapshot!(nothing.to_string(), @"the message types or channels differ, but not in the part of the list that the server sent; give both ends the same message types and channels");
    assert!(here().partial_difference(&[]).is_empty());
}

#[test]
fn type_names_from_the_peer_are_escaped_when_a_schema_difference_is_displayed() {
    let names: Vec<_> =
        (0..20).map(|place| entry(&format!("\x1b[31m{place:02}{}", "é".repeat(99)), 0)).collect();
    let text = Schema::default().difference(&names).to_string();
    assert!(!text.contains('\x1b') && text.contains("\\u{1b}[31m00é"));
    assert!(text.contains(" and 8 more"));
    assert!(text.len() < 1500, "{}", text.len());
}

#[test]
fn the_channel_hash_depends_only_on_the_settings_that_both_ends_must_share() {
    let base = [ChannelConfig::new(Delivery::ReliableOrdered), ChannelConfig::new(Delivery::Sequenced)];
    let mut own_affair = base.clone();
    own_affair[0].priority = 7;
    own_affair[0].queue_messages = 1;
    own_affair[1].receipts = true;
    assert_eq!(channels_hash(&own_affair), channels_hash(&base));
    let mut compressed = base.clone();
    compressed[1].compress = true;
    let swapped = [base[1].clone(), base[0].clone()];
    for other in [&compressed[..], &swapped, &base[..1], &[]] {
        assert_ne!(channels_hash(other), channels_hash(&base));
    }
    let with = |channels: &[ChannelConfig]| here().with_channels(channels);
    assert_eq!(with(&own_affair), with(&base));
    assert_eq!(with(&compressed).difference(&with(&base).entries).different, ["channel:1"]);
    assert_eq!(with(&base[..1]).difference(&with(&base).entries).missing_here, ["channel:1"]);
}

#[test]
fn the_channel_settings_have_their_golden_hash() {
    let all = [
        ChannelConfig::new(Delivery::ReliableOrdered),
        ChannelConfig::new(Delivery::ReliableUnordered),
        ChannelConfig::new(Delivery::Sequenced),
        ChannelConfig::new(Delivery::Unreliable),
    ];
    insta::assert_snapshot!(format!("{:08x}", channels_hash(&all)));
}
