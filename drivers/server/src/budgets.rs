//! Budgets that outlive connections: a client that leaves and returns at once gets no new budget. The server keeps a
//! budget by the identity of the client's ticket, or else by its network, until the budget is full again.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use tickwire_core::Instant;
use tickwire_core::token_bucket::TokenBucket;

/// The owner of a budget, which consecutive clients with the same owner share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum BudgetOwner {
    /// The clients whose tickets have this identity.
    Identity([u8; 16]),
    /// The clients without a ticket at this IPv4 address, in the /64 around this IPv6 address, or at this link-local
    /// address.
    Network(IpAddr),
}

/// The used parts of two limits of one client.
pub(crate) type Buckets = [TokenBucket; 2];

/// The budgets that clients had spent when they left, by owner.
#[derive(Debug, Default)]
pub(crate) struct SpentBudgets {
    of: BTreeMap<BudgetOwner, Buckets>,
}

impl SpentBudgets {
    /// Returns the budgets that earlier clients of this owner have spent. `None` if the table has no entry for the
    /// owner.
    pub(crate) fn of(&self, owner: Option<BudgetOwner>) -> Option<Buckets> {
        self.of.get(&owner?).copied()
    }

    /// Stores the spent budgets of a client that leaves. A bucket that is full at `unspent` counts as new. If several clients
    /// have one owner, the table keeps their largest debt, not the sum, so that a client does not pay for other clients that
    /// kept to their limits.
    pub(crate) fn keep(&mut self, owner: Option<BudgetOwner>, spent: Buckets, unspent: Instant) {
        let debt = |buckets: &Buckets| time_to_full(buckets, unspent);
        let Some(owner) = owner.filter(|_| !debt(&spent).is_zero()) else { return };
        if self.of.len() >= OWNERS_MOST && !self.of.contains_key(&owner) {
            self.of.retain(|_, buckets| !debt(buckets).is_zero());
            let first = self.of.iter().min_by_key(|(_, buckets)| debt(buckets)).map(|(owner, _)| *owner);
            if let Some(first) = first.filter(|_| self.of.len() >= OWNERS_MOST) {
                self.of.remove(&first);
            }
        }
        for (kept, spent) in self.of.entry(owner).or_default().iter_mut().zip(spent) {
            kept.drain(unspent, spent.time_to_full(unspent));
        }
    }
}

/// Returns the time until both buckets are full.
fn time_to_full(buckets: &Buckets, now: Instant) -> Duration {
    buckets.iter().map(|bucket| bucket.time_to_full(now)).max().unwrap_or_default()
}

/// The largest number of owners in the table. A full table removes the owner with the smallest debt.
const OWNERS_MOST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(number: u32) -> Option<BudgetOwner> {
        Some(BudgetOwner::Network(IpAddr::V4(number.into())))
    }

    fn spent(at: Instant) -> Buckets {
        let mut buckets = Buckets::default();
        buckets[0].drain(Instant::ZERO, at.saturating_since(Instant::ZERO));
        buckets
    }

    #[test]
    fn the_table_of_budgets_keeps_the_largest_debt_of_each_owner() {
        let (now, mut kept) = (Instant::ZERO, SpentBudgets::default());
        let later = |seconds| now + Duration::from_secs(seconds);
        for seconds in [0, 3, 4, 2] {
            kept.keep(owner(1), spent(later(seconds)), now);
        }
        assert_eq!(time_to_full(&kept.of(owner(1)).unwrap(), now), Duration::from_secs(4));
        kept.keep(owner(2), spent(now), now);
        kept.keep(None, spent(later(9)), now);
        assert!(kept.of(owner(2)).is_none() && kept.of(None).is_none());
    }

    #[test]
    fn a_full_table_of_budgets_keeps_the_largest_debts() {
        let (now, mut kept) = (Instant::ZERO, SpentBudgets::default());
        let later = |millis| now + Duration::from_millis(millis);
        kept.keep(owner(0), spent(later(1_000_000)), now);
        for number in 1..3 * OWNERS_MOST as u32 {
            kept.keep(owner(number), spent(later(u64::from(number))), now);
            assert!(kept.of.len() <= OWNERS_MOST);
        }
        assert!(kept.of(owner(0)).is_some());
        kept.keep(owner(1), spent(later(2_000_000)), later(999_999));
        assert_eq!(kept.of.len(), 2, "what has come back makes room");
    }
}
