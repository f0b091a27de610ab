//! Rewrites rotations with another component as the largest, in integers.

/// Returns the three smaller components of a rotation, as they would be written if component `largest` were the
/// largest.
///
/// A word `v` of `bits` bits stands for `(2 v / m - 1) / sqrt(2)`, where `m = 2^bits - 1`. Times `sqrt(2) m`, the
/// value is the integer `2 v - m`; the four squares then add up to `2 m^2`. A quaternion and its negative are the
/// same rotation, so the signs are flipped if component `largest` is negative.
#[inline]
pub(super) fn in_chart(rotation: [u32; 4], largest: u32, bits: u32) -> [u32; 3] {
    let [own, a, b, c] = rotation;
    if own == largest { [a, b, c] } else { turned(own, [a, b, c], largest, bits) }
}

fn turned(own: u32, others: [u32; 3], largest: u32, bits: u32) -> [u32; 3] {
    // `most` is at most 2^15 - 1. All values below are doubled to round the root: four times the square is below 2^33.
    let most = (1i64 << bits.min(15)) - 1;
    let doubled = others.map(|word| 4 * i64::from(word).min(most) - 2 * most);
    let left = 8 * most * most - doubled.iter().map(|value| value * value).sum::<i64>();
    let own_value = left.max(0).unsigned_abs().isqrt().cast_signed();
    let mut smaller = doubled.into_iter();
    let whole: [i64; 4] =
        core::array::from_fn(
            |place| if place as u32 == own { own_value } else { smaller.next().unwrap_or(0) },
        );
    let is_negative = whole.get(largest as usize).is_some_and(|value| *value < 0);
    let mut kept = whole.into_iter().enumerate().filter(|(place, _)| *place as u32 != largest);
    core::array::from_fn(|_| {
        let value = kept.next().map_or(0, |(_, value)| if is_negative { -value } else { value });
        // The clamp keeps the value between 0 and `most`.
        ((value + 2 * most + 2) / 4).clamp(0, most) as u32
    })
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    #[test]
    fn rewriting_a_rotation_for_the_same_largest_component_changes_no_word() {
        assert_eq!(in_chart([2, 1, 2, 3], 2, 9), [1, 2, 3]);
    }

    #[test]
    fn a_rotation_with_two_equal_largest_components_is_rewritten_to_omit_the_second_component() {
        // The components at places 0 (left out) and 1 are 1/sqrt(2); the others are zero.
        let (most, zero) = (511, 256);
        assert_eq!(in_chart([0, most, zero, zero], 1, 9), [most, zero, zero]);
        // The negative quaternion is the same rotation.
        assert_eq!(in_chart([0, 0, zero, zero], 1, 9), [0, 255, 255]);
    }

    #[test]
    fn rewriting_any_rotation_words_gives_words_within_the_range() {
        fn property(words: (u32, u32, u32, u32), largest: u8, bits: u8) -> bool {
            let bits = u32::from(bits % 40);
            let rotation = [words.0 % 5, words.1, words.2, words.3];
            let chart = in_chart(rotation, u32::from(largest % 5), bits);
            rotation[0] == u32::from(largest % 5) || chart.iter().all(|word| *word < 1 << bits.min(15))
        }
        quickcheck(property as fn((u32, u32, u32, u32), u8, u8) -> bool);
    }

    #[test]
    fn rewriting_a_rotation_and_back_changes_a_component_by_at_most_2_steps() {
        fn property(a: u8, b: u8) -> bool {
            // Components 0 and 1 are about 0.6, the others about 0.37.
            let rotation = [0, 466 + u32::from(a % 8), 385 + u32::from(b % 8), 389];
            let [x, y, z] = in_chart(rotation, 1, 9);
            let back = in_chart([1, x, y, z], 0, 9);
            back.iter().zip(&rotation[1..]).all(|(back, word)| back.abs_diff(*word) <= 2)
        }
        quickcheck(property as fn(u8, u8) -> bool);
    }
}
