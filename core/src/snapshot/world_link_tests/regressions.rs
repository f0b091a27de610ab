//! Regression tests of faults that fuzzing found, each with as few steps as possible.

use super::*;
use crate::limits::SNAPSHOT_VERSIONS_HELD;
use crate::snapshot::changes::Show;
use crate::snapshot::delta::{
    Against, FrameHeader, FrameName, FrameWriter, SlotBinding, SnapshotFault, UnitSlot, UnitUpdate,
    UpdateBody,
};

const HEALTH: ComponentId = ComponentId(0);

/// Returns a link without pending changes, with this number of entities, each with the component health.
fn settled(entities: usize) -> WorldLink {
    let mut link = WorldLink::new(1, 0);
    for _ in 0..entities {
        let id = link.writer.create(EntitySettings::new().hz(60)).unwrap();
        link.writer.set_words(id, HEALTH, &[50]).unwrap();
        link.ids.push(id);
    }
    link.commit();
    link.settle("at the beginning");
    link
}

impl WorldLink {
    fn pack(&mut self, room: usize) -> u64 {
        self.sender.pack(&self.store, &mut self.scratch, room, u64::MAX).unwrap()
    }

    fn set_health(&mut self, id: NetworkId, health: u32) {
        self.writer.set_words(id, HEALTH, &[health]).unwrap();
    }
}

#[test]
fn a_unit_is_resent_when_its_frame_is_declared_lost_after_a_hundred_ticks() {
    let mut link = settled(1);
    link.set_health(link.ids[0], 60);
    link.commit();
    let frame = link.pack(1200);
    (0..100).for_each(|_| link.commit());
    link.sender.on_lost(frame);
    link.settle("after the loss");
}

#[test]
fn a_hidden_entity_that_one_commit_shows_and_destroys_remains_invisible() {
    let mut link = settled(2);
    let id = link.ids[0];
    link.hidden.insert(id);
    link.commit();
    let since = link.sender.first_leaving();
    assert_eq!(since.map(u64::from), Some(link.tick));
    link.writer.show(connection(OWN), id, Show::Always).unwrap();
    link.writer.destroy(id, Gone::Destroyed).unwrap();
    link.ids.retain(|other| *other != id);
    link.tick += 1;
    let changes = link.writer.finish(link.tick);
    link.store.commit(&changes).unwrap();
    link.grid.on_commit(&link.store);
    link.sender.on_commit(&link.store, &link.grid);
    link.sender.on_rules(&link.store, &link.grid, &changes);
    assert_eq!(link.sender.first_leaving(), since);
    link.settle("after the end of the entity");
}

#[test]
fn a_frame_that_exceeds_the_version_limit_of_one_unit_is_refused_as_a_whole() {
    let schema = schema();
    let codec = Arc::new(UnitCodec::new(&schema));
    let group = schema.groups().component(HEALTH).unwrap().group;
    let plan = codec.plan(group).unwrap();
    let nothing = codec.blueprint(group, None).unwrap();
    let mut receiver = WorldReceiver::new(Arc::clone(&codec), 10);
    let mut on_frame = |tick: u32, floor: u32| {
        let header = FrameHeader { name: FrameName { tick, part: 0 }, floor, reference: None };
        let units = [1, 2].map(|slot| UnitUpdate {
            slot: UnitSlot(slot),
            binding: SlotBinding { id: NetworkId(slot.into()), group, blueprint: None },
            body: UpdateBody::Words { plan, current: nothing, against: Against::Blueprint(nothing) },
        });
        let mut bytes = Vec::new();
        // The first unit alone is in every second frame.
        let units = units.into_iter().take(2 - tick as usize % 2);
        FrameWriter::new().write(&header, &[], units).unwrap().finish_into(&mut bytes);
        let before = receiver.stored();
        let result = receiver.on_frame(&bytes);
        (result, before == receiver.stored())
    };
    let most = SNAPSHOT_VERSIONS_HELD as u32;
    for tick in 1..=most {
        assert_eq!(on_frame(tick, 0), (Ok(()), false));
    }
    let too_large = Err(FrameRefusal::Fault(SnapshotFault::TooLarge));
    assert_eq!(on_frame(most + 1, 0), (too_large, true));
    assert_eq!(on_frame(most + 2, 0), (too_large, true));
    assert_eq!(on_frame(most + 3, 3), (Ok(()), false));
}
