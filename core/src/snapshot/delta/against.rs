//! The versions that a unit is coded against.

/// The words of a unit at a tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VersionWords<'a> {
    /// The tick of the frame that carried it.
    pub tick: u32,
    /// As many words as the unit's layout has.
    pub words: &'a [u32],
}

/// The words that a unit is coded against, which the receiver is known to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Against<'a> {
    /// No version. The unit is coded against the words of its blueprint, or zeros if it has none.
    Blueprint(&'a [u32]),
    /// A version that the receiver acknowledged.
    Version {
        /// The baseline.
        baseline: VersionWords<'a>,
        /// The version that the baseline itself was coded against, if the receiver still holds it: its difference to the
        /// baseline predicts the next one.
        second: Option<VersionWords<'a>>,
    },
}

impl<'a> Against<'a> {
    /// The words of the baseline.
    #[must_use]
    pub const fn words(&self) -> &'a [u32] {
        match self {
            Self::Blueprint(words) => words,
            Self::Version { baseline, .. } => baseline.words,
        }
    }

    /// The words of the second baseline, or those of the baseline if there is none: then nothing moved between the two.
    #[must_use]
    pub(super) const fn second_words(&self) -> &'a [u32] {
        match self {
            Self::Version { second: Some(second), .. } => second.words,
            Self::Version { .. } | Self::Blueprint(_) => self.words(),
        }
    }

    /// The tick of the baseline; `None` for a blueprint.
    pub(super) const fn baseline_tick(&self) -> Option<u32> {
        match self {
            Self::Blueprint(_) => None,
            Self::Version { baseline, .. } => Some(baseline.tick),
        }
    }

    /// The tick of the second baseline.
    pub(super) const fn second_tick(&self) -> Option<u32> {
        match self {
            Self::Version { second: Some(second), .. } => Some(second.tick),
            Self::Version { .. } | Self::Blueprint(_) => None,
        }
    }

    /// The same without a second baseline below `floor`.
    pub(super) fn above(self, floor: u32) -> Self {
        match self {
            Self::Blueprint(_) => self,
            Self::Version { baseline, second } => {
                Self::Version { baseline, second: second.filter(|second| second.tick >= floor) }
            }
        }
    }
}
