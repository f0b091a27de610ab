//! Examples of replicated worlds: the frames, and their coded content.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::sheet::Sheet;
use super::wire::frame;
use crate::snapshot::delta::{
    Against, FrameHeader, FrameName, FrameWriter, Plan, SlotBinding, UnitSlot, UnitUpdate, UpdateBody,
    VersionWords,
};
use crate::snapshot::{GroupId, Layout, NetworkId, Part, Predictor};
use crate::wire::{Frame, SnapshotFrame};

const FIRST: u32 = 100_000;
const SLOT: u16 = 3;
/// The words of the unit at ticks 100,000, 100,006 and 100,012.
const VERSIONS: [[u32; 3]; 3] = [[1000, 2000, 1], [1040, 1980, 1], [1081, 1960, 1]];

pub(super) fn sheets() -> Vec<Sheet> {
    let (first, first_sheet) = absolute();
    let mut sheets = vec![snapshot_frames(&first), first_sheet];
    sheets.extend([later(1), later(2)]);
    sheets
}

fn name(number: u32) -> FrameName {
    FrameName { tick: FIRST + 6 * number, part: 0 }
}

fn snapshot_frames(content: &[u8]) -> Sheet {
    Sheet::new("snapshot-frames")
        .bytes("SNAPSHOT, view 0", &frame(&Frame::Snapshot(SnapshotFrame { view: 0, bytes: content })))
        .bytes("SNAPSHOT_RESET of it", &frame(&Frame::SnapshotReset { view: 0, name: name(0) }))
        .bytes("VIEW_COMPLETE, view 0", &frame(&Frame::ViewComplete { view: 0 }))
}

/// Bits in the order in which they are written, one character per bit, produced by the rules in the document.
#[derive(Default)]
struct Bits {
    all: String,
    sheet: Option<Sheet>,
}

impl Bits {
    fn new(name: &'static str) -> Self {
        Self { all: String::new(), sheet: Some(Sheet::new(name)) }
    }

    fn field(&mut self, label: &str, bits: &str) {
        self.all += bits;
        self.sheet = self.sheet.take().map(|sheet| sheet.value(label, bits));
    }

    fn bytes(&self) -> Vec<u8> {
        let bits = self.all.as_bytes();
        let byte = |bits: &[u8]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | (bit - b'0'));
        bits.chunks(8).map(byte).collect()
    }

    /// Returns the sheet, with the bytes that the product wrote.
    fn finish(self, written: &[u8]) -> Sheet {
        assert_eq!(self.bytes(), written);
        self.sheet.unwrap().bytes("all as bytes", written)
    }
}

/// Returns `count` bits of a number, lowest bit first.
fn plain(value: u64, count: usize) -> String {
    (0..count).map(|bit| if value >> bit & 1 == 1 { '1' } else { '0' }).collect()
}

/// Returns a number in the exponential Golomb code of the given order.
fn golomb(value: u64, order: u32) -> String {
    let sum = value + (1 << order);
    let width = sum.ilog2();
    "0".repeat((width - order) as usize) + "1" + &plain(sum, width as usize)
}

fn mixed(sum: u64, value: u64) -> u64 {
    (sum.rotate_left(29) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Returns the audit of a frame with one unit of three words.
fn audit([a, b, c]: [u32; 3], binding: Option<u64>) -> String {
    let digest = mixed(mixed(3, u64::from(a) | u64::from(b) << 32), u64::from(c));
    let unit = mixed(mixed(0, SLOT.into()), digest);
    let sum = binding.map_or(unit, |binding| mixed(unit, binding));
    plain((sum ^ sum >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48, 16)
}

fn plan() -> Plan {
    let position = Part::Numbers { words: 2, max: 4095, threshold: 0 };
    Plan::new(&Layout::new(vec![position, Part::Flag], Predictor::Linear))
}

/// Returns the frame that the product writes.
fn product(
    header: &FrameHeader,
    reference: &[UnitSlot],
    current: &[u32; 3],
    against: Against<'_>,
) -> Vec<u8> {
    let plan = plan();
    let binding = SlotBinding { id: NetworkId(1), group: GroupId(0), blueprint: None };
    let body = UpdateBody::Words { plan: &plan, current, against };
    let unit = UnitUpdate { slot: UnitSlot(SLOT), binding, body };
    let mut bytes = Vec::new();
    let mut writer = FrameWriter::new();
    writer.write(header, reference, core::iter::once(unit)).unwrap().finish_into(&mut bytes);
    bytes
}

/// Returns the first frame of the unit.
fn absolute() -> (Vec<u8>, Sheet) {
    let header = FrameHeader { name: name(0), floor: FIRST, reference: None };
    let written = product(&header, &[], &VERSIONS[0], Against::Blueprint(&[0; 3]));
    let mut bits = Bits::new("snapshot-absolute");
    bits.field("reserved, no reference", "000");
    bits.field("tick 100000", &plain(FIRST.into(), 32));
    bits.field("part 0", &golomb(0, 0));
    bits.field("floor, 0 ticks before", &golomb(0, 3));
    bits.field("1 other unit", &golomb(1, 3));
    bits.field("order 2, gap 3", &(plain(2, 4) + &golomb(3, 2)));
    bits.field("order 1, blueprint", &(plain(1, 4) + &golomb(1, 1)));
    bits.field("entity 0 + 1", &golomb(2, 1));
    bits.field("group 0", &golomb(0, 1));
    bits.field("no blueprint", &golomb(0, 0));
    bits.field("mask: both parts", "011");
    bits.field("numbers 1000, 2000", &(plain(1000, 12) + &plain(2000, 12)));
    bits.field("audit", &audit(VERSIONS[0], Some(1 << 32)));
    let sheet = bits.finish(&written);
    (written, sheet)
}

/// Returns a later frame of the unit, which refers to the frame before it.
fn later(number: u32) -> Sheet {
    let before = name(number - 1);
    let header = FrameHeader { name: name(number), floor: FIRST, reference: Some(before) };
    let version = |number: u32| VersionWords { tick: name(number).tick, words: &VERSIONS[number as usize] };
    let against =
        Against::Version { baseline: version(number - 1), second: (number > 1).then(|| version(0)) };
    let now = VERSIONS[number as usize];
    let written = product(&header, &[UnitSlot(SLOT)], &now, against);
    let mut bits = Bits::new(if number == 1 { "snapshot-second" } else { "snapshot-third" });
    bits.field("reserved, a reference", "001");
    bits.field(&format!("tick {}, low bits", header.name.tick), &plain(header.name.tick.into(), 16));
    bits.field("reference, 6 ticks before", &golomb(5, 2));
    bits.field("its part 0, own part 0", &(golomb(0, 0) + &golomb(0, 0)));
    let below = u64::from(before.tick - FIRST);
    bits.field(&format!("floor, {below} ticks before"), &golomb(below, 3));
    bits.field("runs of repeated units", "0");
    bits.field("order 1, run 1", &(plain(1, 4) + &golomb(1, 1)));
    bits.field("0 other units", &golomb(0, 3));
    if number == 1 {
        bits.field("mask: the first part", "010");
        bits.field("+40, -20 (order 3)", &(golomb(80, 3) + &golomb(39, 3)));
    } else {
        bits.field("mask: as expected", "1");
        bits.field("+1, 0 (order 4)", &(golomb(2, 4) + &golomb(0, 4)));
    }
    bits.field("audit", &audit(now, None));
    bits.finish(&written)
}
