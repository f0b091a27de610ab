//! Encodes a frame.

use core::fmt;

use super::audit::{AUDIT_BITS, Audit, digest};
use super::header::FrameHeader;
use super::names::{BaselineName, NameList, NamedUnit};
use crate::limits;
use crate::snapshot::delta::against::Against;
use crate::snapshot::delta::encode::{WrongLength, encode, encode_counted};
use crate::snapshot::delta::plan::Plan;
use crate::snapshot::delta::slot::{SlotBinding, UnitSlot};
use crate::snapshot::delta::tally::{BitTally, BitUse};
use crate::snapshot::entropy::CodeWriter;

/// A unit to write to a frame.
#[derive(Clone, Copy, Debug)]
pub struct UnitUpdate<'a> {
    /// The slot of the unit in the view of the connection that receives the frame.
    pub slot: UnitSlot,
    /// The unit to which the slot is bound. The frame carries the binding only if the unit is coded against a blueprint.
    pub binding: SlotBinding,
    /// The unit's words, or the bits of words that were coded before.
    pub body: UpdateBody<'a>,
}

/// The content of a unit in a frame.
#[derive(Clone, Copy, Debug)]
pub enum UpdateBody<'a> {
    /// Words that the writer codes for this frame.
    Words {
        /// The compiled layout of the unit.
        plan: &'a Plan,
        /// The words of the unit at the tick of the frame.
        current: &'a [u32],
        /// The versions against which the words are coded. The writer ignores a second baseline below the frame's floor. A
        /// second baseline at or above the floor must be given, because the receiver uses it.
        against: Against<'a>,
    },
    /// Words that were coded before, possibly for the frame of a different connection.
    Coded(&'a CodedUnit),
}

/// The coded words of a unit at a tick. All frames in which the unit is coded against the same versions share these words.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CodedUnit {
    bits: CodeWriter,
    /// The tick of the baseline, and the tick of the second baseline.
    baseline: Option<u32>,
    second: Option<u32>,
    words: usize,
    digest: u64,
}

/// The reason why a frame could not be written. The cause is always the caller's input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FrameError {
    /// The ticks of the header contradict each other.
    Header,
    /// The slots of the units, or of the referenced frame, are not in ascending order, or a slot occurs twice.
    Order,
    /// The frame or the referenced frame has more than [`limits::SNAPSHOT_FRAME_UNITS`] units, or the units of the
    /// frame have more than [`limits::SNAPSHOT_FRAME_WORDS`] words.
    TooLarge,
    /// A unit or one of its baselines does not have the number of words of the unit's layout.
    WrongLength {
        /// The slot of the unit.
        slot: UnitSlot,
    },
    /// The tick of a unit's baseline is not below the tick of the frame.
    Baseline {
        /// The slot of the unit.
        slot: UnitSlot,
    },
    /// A unit that was coded before has a second baseline with a tick below the frame's floor. The receiver may have
    /// dropped this baseline.
    Forgotten {
        /// The slot of the unit.
        slot: UnitSlot,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => write!(
                f,
                "the ticks of the frame header contradict each other; set a reference 1 to {} ticks before the \
                 frame, and a floor that is not above the reference",
                FrameHeader::REACH
            ),
            Self::Order => f.write_str(
                "the slots of the units or of the referenced frame are not in ascending order, or a slot occurs twice; sort \
                 the slots, and pass each slot once",
            ),
            Self::TooLarge => {
                f.write_str(
                    "the frame has too many units or words, or the referenced frame has too many units; divide the units \
                     among several frames",
                )
            }
            Self::WrongLength { slot } => {
                write!(
                    f,
                    "the unit in slot {} or one of its baselines does not have the number of words of its layout; pass as \
                     many words as Plan::words returns",
                    slot.0
                )
            }
            Self::Baseline { slot } => {
                write!(
                    f,
                    "the baseline of the unit in slot {} is not older than the frame; pass a baseline with a lower tick",
                    slot.0
                )
            }
            Self::Forgotten { slot } => {
                write!(
                    f,
                    "the second baseline of the unit in slot {} is below the floor of the frame; code the unit again \
                     without this baseline",
                    slot.0
                )
            }
        }
    }
}

impl core::error::Error for FrameError {}

/// A writer of frames, which reuses its memory for each frame.
///
/// ```
/// use tickwire_core::snapshot::delta::{
///     Against, FrameHeader, FrameName, FrameWriter, Plan, SlotBinding, UnitSlot, UnitUpdate, UpdateBody,
/// };
/// use tickwire_core::snapshot::{Layout, Part, Predictor};
///
/// let plan = Plan::new(&Layout::new(vec![Part::Angle { bits: 8, threshold: 0 }], Predictor::Last));
/// let header = FrameHeader { name: FrameName { tick: 1, part: 0 }, ..FrameHeader::default() };
/// let against = Against::Blueprint(&[0]);
/// let units = [(3, [77]), (4, [78])];
/// let updates = units.iter().map(|(slot, words)| UnitUpdate {
///     slot: UnitSlot(*slot),
///     binding: SlotBinding::default(),
///     body: UpdateBody::Words { plan: &plan, current: words, against },
/// });
/// let mut writer = FrameWriter::new();
/// let frame = writer.write(&header, &[], updates)?;
/// assert_eq!(frame.bits(), 106);
/// # Ok::<(), tickwire_core::snapshot::delta::FrameError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct FrameWriter {
    out: CodeWriter,
    names: NameList,
}

impl FrameWriter {
    /// Creates a writer of frames.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a frame, and returns its bits. `reference` lists the slots of the units in the referenced frame, in
    /// ascending order. `reference` is empty if the header has no reference. The slots of `units` ascend too. The method
    /// iterates over `units` twice.
    ///
    /// # Errors
    /// A [`FrameError`] if the header, the order of the slots, the size of the frame, or a unit is invalid.
    pub fn write<'a>(
        &mut self,
        header: &FrameHeader,
        reference: &[UnitSlot],
        units: impl Iterator<Item = UnitUpdate<'a>> + Clone,
    ) -> Result<&CodeWriter, FrameError> {
        self.write_counted(header, reference, units, &mut ())
    }

    /// Writes a frame as [`write`](Self::write) does, and adds the number of written bits of each use to `tally`. The
    /// method does not count the bits of units that were coded before.
    ///
    /// # Errors
    /// A [`FrameError`] in the same cases as for [`write`](Self::write).
    pub fn write_counted<'a>(
        &mut self,
        header: &FrameHeader,
        reference: &[UnitSlot],
        units: impl Iterator<Item = UnitUpdate<'a>> + Clone,
        tally: &mut impl BitTally,
    ) -> Result<&CodeWriter, FrameError> {
        self.out.clear();
        if !header.put(&mut self.out) {
            return Err(FrameError::Header);
        }
        tally.add(BitUse::Header, self.out.bits());
        self.name(header, reference, units.clone())?;
        self.names.put(reference.len(), &mut self.out, tally);
        let mut audit = Audit::default();
        for unit in units {
            let digest = self.unit(header, &unit, tally)?;
            audit.add(unit.slot.0, digest);
            if unit.body.baseline().is_none() {
                audit.add_binding(&unit.binding);
            }
        }
        self.out.put(audit.value(), AUDIT_BITS);
        tally.add(BitUse::Audit, AUDIT_BITS as usize);
        Ok(&self.out)
    }

    /// Collects the names of the units.
    fn name<'a>(
        &mut self,
        header: &FrameHeader,
        reference: &[UnitSlot],
        units: impl Iterator<Item = UnitUpdate<'a>>,
    ) -> Result<(), FrameError> {
        self.names.clear();
        let mut referred = reference.iter().peekable();
        if !reference.is_sorted_by(|slot, next| slot < next) {
            return Err(FrameError::Order);
        }
        if reference.len() > limits::SNAPSHOT_FRAME_UNITS {
            return Err(FrameError::TooLarge);
        }
        let (mut least, mut count, mut words) = (0, 0, 0);
        for UnitUpdate { slot, binding, body } in units {
            if u32::from(slot.0) < least {
                return Err(FrameError::Order);
            }
            least = u32::from(slot.0) + 1;
            count += 1;
            words += body.words();
            if count > limits::SNAPSHOT_FRAME_UNITS || words > limits::SNAPSHOT_FRAME_WORDS {
                return Err(FrameError::TooLarge);
            }
            let baseline = match body.baseline() {
                None => BaselineName::Blueprint(binding),
                Some(tick) if tick >= header.name.tick => return Err(FrameError::Baseline { slot }),
                Some(tick) if tick < header.floor => BaselineName::Below,
                Some(tick) => BaselineName::At(tick),
            };
            if !self.names.add(header, &mut referred, NamedUnit { slot, baseline }) {
                return Err(FrameError::Baseline { slot });
            }
        }
        Ok(())
    }

    /// Writes the changes of a unit and returns the digest of its words.
    fn unit(
        &mut self,
        header: &FrameHeader,
        unit: &UnitUpdate<'_>,
        tally: &mut impl BitTally,
    ) -> Result<u64, FrameError> {
        let slot = unit.slot;
        match unit.body {
            UpdateBody::Words { plan, current, against } => {
                let against = against.above(header.floor);
                encode_counted(plan, header.name.tick, current, &against, &mut self.out, tally)
                    .map_err(|WrongLength| FrameError::WrongLength { slot })?;
                Ok(digest(current))
            }
            UpdateBody::Coded(coded) => {
                if coded.second.is_some_and(|tick| tick < header.floor) {
                    return Err(FrameError::Forgotten { slot });
                }
                self.out.append(&coded.bits);
                Ok(coded.digest)
            }
        }
    }
}

impl UpdateBody<'_> {
    /// Returns the tick of the version against which the unit is coded, or `None` if the unit is
    /// coded against a blueprint.
    #[must_use]
    pub fn baseline(&self) -> Option<u32> {
        match self {
            Self::Words { against, .. } => against.baseline_tick(),
            Self::Coded(coded) => coded.baseline,
        }
    }

    fn words(&self) -> usize {
        match self {
            Self::Words { current, .. } => current.len(),
            Self::Coded(coded) => coded.words,
        }
    }
}

impl CodedUnit {
    /// Creates a place for a coded unit, with memory for `bytes` bytes of code.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { bits: CodeWriter::with_capacity(bytes), ..Self::default() }
    }

    /// Codes a unit's words at `tick`. If `against` has a second baseline with a tick below the floor of a frame,
    /// [`FrameWriter::write`] refuses to add the unit to this frame: see [`FrameError::Forgotten`].
    ///
    /// # Errors
    /// [`WrongLength`] in the same cases as for [`encode()`].
    pub fn new(plan: &Plan, tick: u32, current: &[u32], against: &Against<'_>) -> Result<Self, WrongLength> {
        let mut coded = Self::default();
        coded.code(plan, tick, current, against)?;
        Ok(coded)
    }

    /// Codes a unit's words at `tick`, as [`Self::new`] does. The new words replace the words of this coded unit, and
    /// reuse their memory.
    ///
    /// # Errors
    /// [`WrongLength`] in the same cases as for [`encode()`]. The coded unit then has no words.
    pub fn code(
        &mut self,
        plan: &Plan,
        tick: u32,
        current: &[u32],
        against: &Against<'_>,
    ) -> Result<(), WrongLength> {
        self.bits.clear();
        (self.baseline, self.second, self.words) = (None, None, 0);
        encode(plan, tick, current, against, &mut self.bits)?;
        (self.baseline, self.second) = (against.baseline_tick(), against.second_tick());
        (self.words, self.digest) = (current.len(), digest(current));
        Ok(())
    }

    /// Returns the tick of the version against which the unit is coded, or `None` if the unit is
    /// coded against a blueprint.
    #[must_use]
    pub const fn baseline(&self) -> Option<u32> {
        self.baseline
    }

    /// Returns the number of words of the unit.
    #[must_use]
    pub const fn words(&self) -> usize {
        self.words
    }

    /// Returns the number of bits of the coded words. The bits of the unit's slot, baseline and binding in a frame are
    /// not included.
    #[must_use]
    pub const fn bits(&self) -> usize {
        self.bits.bits()
    }
}
