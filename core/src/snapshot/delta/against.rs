//! The earlier versions against which a unit is coded.

/// A version of a unit: the unit's words at a tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VersionWords<'a> {
    /// The tick of the frame that carried the version.
    pub tick: u32,
    /// The words of the version, as many as the unit's layout has.
    pub words: &'a [u32],
}

/// The words against which a unit is coded. The receiver has these words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Against<'a> {
    /// The words of the unit's blueprint, or zeros if the unit has no blueprint. The receiver has no version of the
    /// unit, or the sender does not refer to the versions that the receiver has.
    Blueprint(&'a [u32]),
    /// A version of the unit that the receiver acknowledged.
    Version {
        /// The version that the receiver acknowledged.
        baseline: VersionWords<'a>,
        /// The version against which the baseline itself was coded, if the receiver still has that version. The difference
        /// between the two versions predicts the next version.
        second: Option<VersionWords<'a>>,
    },
}

impl<'a> Against<'a> {
    /// Returns the words of the blueprint or of the baseline version.
    #[must_use]
    pub const fn words(&self) -> &'a [u32] {
        match self {
            Self::Blueprint(words) => words,
            Self::Version { baseline, .. } => baseline.words,
        }
    }

    /// Returns the words of the second baseline, or the words of the baseline if there is no second baseline. The
    /// unit then counts as being at rest.
    #[must_use]
    pub(super) const fn second_words(&self) -> &'a [u32] {
        match self {
            Self::Version { second: Some(second), .. } => second.words,
            Self::Version { .. } | Self::Blueprint(_) => self.words(),
        }
    }

    /// Returns the tick of the baseline, or `None` for a blueprint.
    pub(super) const fn baseline_tick(&self) -> Option<u32> {
        match self {
            Self::Blueprint(_) => None,
            Self::Version { baseline, .. } => Some(baseline.tick),
        }
    }

    /// Returns the tick of the second baseline, or `None` without a second baseline.
    pub(super) const fn second_tick(&self) -> Option<u32> {
        match self {
            Self::Version { second: Some(second), .. } => Some(second.tick),
            Self::Version { .. } | Self::Blueprint(_) => None,
        }
    }

    /// Drops the second baseline if it is older than the tick `floor`.
    pub(super) fn above(self, floor: u32) -> Self {
        match self {
            Self::Blueprint(_) => self,
            Self::Version { baseline, second } => {
                Self::Version { baseline, second: second.filter(|second| second.tick >= floor) }
            }
        }
    }
}
