use alloc::vec::Vec;

use super::*;
use crate::snapshot::component::{ComponentSpec, FieldKind, FieldSpec};
use crate::snapshot::delta::{
    Against, FrameHeader, FrameWriter, SlotBinding, UnitSlot, UnitUpdate, UpdateBody,
};
use crate::snapshot::ids::{GroupId, NetworkId};
use crate::snapshot::schema::SnapshotSchema;
use crate::wire::FrameReader;

/// The receiving end of a world, which receives damaged frames.
struct Damaged {
    codec: Arc<UnitCodec>,
    exchange: WorldExchange,
}

impl Damaged {
    fn new() -> Self {
        let mut schema = SnapshotSchema::new();
        let points = FieldSpec::new("points", FieldKind::integer(0, 100));
        schema.declare(ComponentSpec::new("health").field(points)).unwrap();
        let codec = Arc::new(UnitCodec::new(&schema.finish().unwrap()));
        Self { codec, exchange: WorldExchange::default() }
    }

    /// Receives the frame of a tick with a wrong checksum.
    fn receive(&mut self, tick: u32) {
        let group = GroupId(0);
        let nothing = self.codec.blueprint(group, None).unwrap();
        let plan = self.codec.plan(group).unwrap();
        let binding = SlotBinding { id: NetworkId(1), group, blueprint: None };
        let body = UpdateBody::Words { plan, current: nothing, against: Against::Blueprint(nothing) };
        let unit = UnitUpdate { slot: UnitSlot(0), binding, body };
        let header = FrameHeader { name: FrameName { tick, part: 0 }, floor: 0, reference: None };
        let mut bytes = Vec::new();
        FrameWriter::new().write(&header, &[], [unit].into_iter()).unwrap().finish_into(&mut bytes);
        *bytes.last_mut().unwrap() ^= 0x80;
        let frame = SnapshotFrame { view: 0, bytes: &bytes };
        let result = self.exchange.on_frame(&frame, &self.codec, 10);
        assert!(matches!(result, Err(SnapshotDrop::Dropped(_))), "{result:?}");
    }

    /// Returns the ticks of the frames that this end reports now, and the records of the reports.
    fn report(&mut self) -> (Vec<u32>, Vec<SentFrame>) {
        let (mut buffer, mut sent) = ([0; 64], Vec::new());
        let mut writer = Writer::new(&mut buffer);
        self.exchange.write_control(&mut writer, &mut |frame| sent.push(frame));
        let written = writer.written();
        let ticks = FrameReader::new(&buffer[..written]).map(|frame| match frame.unwrap() {
            Frame::SnapshotReset { name, .. } => name.tick,
            other => panic!("{other:?}"),
        });
        (ticks.collect(), sent)
    }

    fn settle(&mut self, sent: &[SentFrame], is_acked: bool) {
        for frame in sent {
            let SentFrame::SnapshotReset(number) = *frame else { panic!("{frame:?}") };
            if is_acked {
                self.exchange.on_reset_acked(number);
            } else {
                self.exchange.on_reset_lost(number);
            }
        }
    }
}

#[test]
fn a_lost_snapshot_reset_is_resent_after_the_ack_of_an_earlier_reset() {
    let mut damaged = Damaged::new();
    damaged.receive(5);
    let (ticks, first) = damaged.report();
    assert_eq!(ticks, [5]);
    damaged.receive(6);
    let (ticks, second) = damaged.report();
    assert_eq!(ticks, [6]);
    damaged.settle(&first, true);
    damaged.settle(&second, false);
    assert_eq!(damaged.report().0, [6], "lost after the acknowledgement of the first");
}

#[test]
fn a_lost_snapshot_reset_is_not_resent_after_a_later_reset_replaced_it() {
    let mut damaged = Damaged::new();
    damaged.receive(5);
    let (_, first) = damaged.report();
    damaged.receive(6);
    let (_, second) = damaged.report();
    damaged.settle(&first, false);
    assert!(!damaged.exchange.has_control());
    damaged.settle(&second, true);
    assert!(!damaged.exchange.has_control());
}

#[test]
fn a_snapshot_reset_is_resent_until_it_is_acknowledged() {
    let mut damaged = Damaged::new();
    damaged.receive(5);
    for _ in 0..3 {
        let (ticks, sent) = damaged.report();
        assert_eq!(ticks, [5]);
        damaged.settle(&sent, false);
    }
    let (_, sent) = damaged.report();
    damaged.settle(&sent, true);
    damaged.exchange.on_resumed();
    assert!(!damaged.exchange.has_control());
}
