//! Counts of the times that each fault struck.

/// The number of times that each fault of a list had an effect.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally(Vec<u64>);

impl Tally {
    /// Creates a counter with the value 0 for each fault of a list of `faults` faults.
    #[must_use]
    pub fn new(faults: usize) -> Self {
        Self(vec![0; faults])
    }

    /// Returns the number of times that the fault with the index `fault` had an effect.
    #[must_use]
    pub fn of(&self, fault: usize) -> u64 {
        self.0.get(fault).copied().unwrap_or(0)
    }

    pub(crate) fn fire(&mut self, fault: usize) {
        if let Some(count) = self.0.get_mut(fault) {
            *count += 1;
        }
    }
}
