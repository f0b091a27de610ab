//! How often each fault struck.

/// How often each fault of a list did something.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally(Vec<u64>);

impl Tally {
    /// Nothing has happened to any of `faults` faults.
    #[must_use]
    pub fn new(faults: usize) -> Self {
        Self(vec![0; faults])
    }

    /// How often fault number `fault` did something.
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
