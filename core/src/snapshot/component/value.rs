//! The traits of replicated types.

use super::kind::FieldKind;
use super::spec::ComponentSpec;
use super::words::{ComponentWords, WordReader};

/// A value that may be a field of a component without further attributes. Derive the trait for enums without fields, and for
/// structs whose fields all implement the trait.
///
/// | type | words |
/// |---|---|
/// | `bool` | 1 |
/// | integers of 8 to 32 bits | 1, without loss |
/// | `u64`, `i64` | 2, without loss |
/// | `f32`, `f64` | 1, 2: without loss; every NaN becomes the same NaN |
/// | [`NetworkId`](crate::snapshot::NetworkId) | 1 |
/// | `BoundedBytes<N>`, `BoundedString<N>` | 1 for the length, and `N` / 4, rounded up, for the bytes |
/// | `[T; N]` | the words of `T`, `N` times |
/// | `Option<T>` | 1, and the words of `T` |
/// | enums without fields | 1 |
/// | structs | the words of their fields |
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a component",
    note = "derive `NetValue` or `NetComponent` for `{Self}`; text and bytes need a bound: `BoundedString<N>`, `BoundedBytes<N>`"
)]
pub trait NetValue: Sized {
    /// The number of words that the value takes.
    const WORDS: usize;

    /// Returns the kind of a field that holds the value.
    fn kind() -> FieldKind;

    /// Writes exactly [`Self::WORDS`] words. A value that words cannot represent becomes the nearest value that words
    /// can represent.
    fn quantise(&self, words: &mut ComponentWords<'_>);

    /// Reads a value from [`Self::WORDS`] words. All words are valid, because a word above its maximum counts as the maximum.
    fn restore(words: &mut WordReader<'_>) -> Self;
}

/// A component: a part of an entity's state that is replicated as a whole. Derive this trait.
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use tickwire_core::snapshot::{ComponentWords, NetComponent, NetValue, WordReader};
///
/// #[derive(NetComponent)]
/// #[net(name = "pose", group = "motion", hz = 20, predictor = "velocity")]
/// struct Pose {
///     #[net(range = -1024.0..=1024.0, step = 0.002, position)]
///     at: [f32; 3],
///     #[net(range = -20.0..=20.0, step = 0.01, velocity)]
///     moves: [f32; 3],
///     #[net(quat = 9)]
///     turned: [f32; 4],
/// }
///
/// let pose = Pose { at: [1.0, 2.0, 3.0], moves: [0.5, 0.0, 0.0], turned: [0.0, 0.0, 0.0, 1.0] };
/// let mut words = [0; Pose::WORDS];
/// pose.quantise(&mut ComponentWords::new(&mut words));
/// assert_eq!(words, [512_500, 513_000, 513_500, 2050, 2000, 2000, 3, 255, 255, 255]);
/// assert_eq!(Pose::restore(&mut WordReader::new(&words)).at, pose.at);
/// assert_eq!(Pose::NAME, "pose");
/// # }
/// ```
pub trait NetComponent: NetValue + 'static {
    /// The name of the component, equal at both ends: ASCII letters, digits, `_`, `-`, `.` and `/`, at most
    /// [`limits::COMPONENT_NAME`](crate::limits::COMPONENT_NAME) bytes.
    const NAME: &'static str;

    /// Returns the component's name, its fields, and the settings that it requests for its group.
    #[must_use]
    fn spec() -> ComponentSpec {
        ComponentSpec::new(Self::NAME).fields_of(Self::kind())
    }
}
