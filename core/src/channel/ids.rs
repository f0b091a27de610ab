//! Message ids: 64 bits in memory, and 24 bits on the wire.

use crate::wire::message::ID_MAX;

/// Returns the low 24 bits of `id`.
pub(super) const fn truncate(id: u64) -> u32 {
    (id & ID_MAX as u64) as u32
}

/// Returns the id nearest to `near` whose low 24 bits are `id`. If that id would be negative, returns the nearest
/// higher id.
pub(super) fn expand(id: u32, near: u64) -> u64 {
    const HALF: u64 = 1 << 23;
    let ahead = u64::from(id.wrapping_sub(truncate(near)) & ID_MAX);
    let behind = u64::from(ID_MAX) + 1 - ahead;
    if ahead >= HALF && behind <= near { near - behind } else { near.saturating_add(ahead) }
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    #[test]
    fn near_id_zero_the_largest_truncated_message_id_expands_to_itself() {
        assert_eq!(expand(ID_MAX, 0), u64::from(ID_MAX));
        assert_eq!(expand(ID_MAX, 1), u64::from(ID_MAX));
        assert_eq!(expand(ID_MAX, 1 << 24), (1 << 24) - 1);
    }

    quickcheck! {
        fn a_truncated_message_id_within_two_to_the_23_of_the_floor_expands_to_the_full_id(floor: u32, distance: i32) -> bool {
            let floor = u64::from(floor) << 4;
            let distance = i64::from(distance >> 8);
            let id = floor.saturating_add_signed(distance);
            expand(truncate(id), floor) == id
        }
    }
}
