//! Tests of a receiver whose peer breaks the rules of the protocol, and of a sender with such a peer.

use super::*;
use crate::limits::SNAPSHOT_BYTES_PER_ENTITY;
use crate::snapshot::delta::{
    Against, FrameHeader, FrameName, FrameWriter, SlotBinding, SnapshotFault, UnitSlot, UnitUpdate,
    UpdateBody,
};
use crate::snapshot::ids::GroupId;

const WORDS: usize = 100;

/// Returns the frame of a tick with a version of one unit of [`WORDS`] words.
fn frame(codec: &UnitCodec, tick: u32, floor: u32) -> Vec<u8> {
    let group = GroupId(0);
    let absent = codec.blueprint(group, None).unwrap();
    let binding = SlotBinding { id: NetworkId(1), group, blueprint: None };
    let plan = codec.plan(group).unwrap();
    let body = UpdateBody::Words { plan, current: absent, against: Against::Blueprint(absent) };
    let unit = UnitUpdate { slot: UnitSlot(0), binding, body };
    let header = FrameHeader { name: FrameName { tick, part: 0 }, floor, reference: None };
    let mut bytes = Vec::new();
    FrameWriter::new().write(&header, &[], [unit].into_iter()).unwrap().finish_into(&mut bytes);
    bytes
}

#[test]
fn a_receiver_refuses_frames_that_would_exceed_its_memory_until_the_floor_rises() {
    let mut schema = SnapshotSchema::new();
    let wide = FieldKind::array(WORDS as u16, FieldKind::integer(0, 1_000_000));
    schema.declare(ComponentSpec::new("wide").field(FieldSpec::new("values", wide))).unwrap();
    let codec = Arc::new(UnitCodec::new(&schema.finish().unwrap()));
    let mut receiver = WorldReceiver::new(Arc::clone(&codec), 1);
    let (mut tick, mut refused) = (0, None);
    while refused.is_none() {
        tick += 1;
        assert!(tick < 256, "{} bytes after 256 versions", receiver.memory());
        refused = receiver.on_frame(&frame(&codec, tick, 0)).err();
    }
    assert!(
        matches!(refused, Some(FrameRefusal::Fault(SnapshotFault::TooLarge))),
        "{refused:?} at tick {tick}"
    );
    assert!((tick as usize - 1) * WORDS * 4 > SNAPSHOT_BYTES_PER_ENTITY * 9 / 10, "tick {tick}");
    assert!((tick as usize - 1) * WORDS * 4 <= SNAPSHOT_BYTES_PER_ENTITY, "tick {tick}");
    // A frame that raises the floor makes room first.
    receiver.on_frame(&frame(&codec, tick, tick - 1)).unwrap();
}

#[test]
fn a_repeated_reset_of_the_same_frame_sends_no_unit_again() {
    let mut link = WorldLink::new(1, 0);
    let id = link.writer.create(EntitySettings::new().hz(60)).unwrap();
    link.writer.set_words(id, ComponentId(0), &[50]).unwrap();
    link.ids.push(id);
    link.commit();
    let frame = link.sender.pack(&link.store, &mut link.scratch, 1000, u64::MAX);
    assert!(frame.is_some());
    let name = FrameName { tick: link.tick as u32, part: 0 };
    assert!(link.sender.on_reset(name));
    assert!(!link.sender.on_reset(name));
}
