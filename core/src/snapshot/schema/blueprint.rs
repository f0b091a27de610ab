//! Blueprints: initial values that many entities share.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::super::component::{ComponentWords, NetComponent};
use super::super::dynamic::DynamicComponent;
use super::super::ids::{ComponentId, GroupId};

/// A blueprint: the initial values of entities of one kind. Both ends have the values, so a new entity is sent as
/// its difference from its blueprint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Blueprint {
    /// The name of the blueprint.
    pub name: String,
    /// The words of each component of the blueprint, sorted by component id.
    pub components: Vec<(ComponentId, Vec<u32>)>,
    /// The words of each unit that the components form, sorted by group. The unit marks components that are in the
    /// group but not in the blueprint as absent, and their words are zero.
    pub units: Vec<(GroupId, Vec<u32>)>,
}

/// The values of several components: a tuple of up to eight components, or a list of dynamic components.
pub trait ComponentValues {
    /// Returns the name of each component, with the words of the component's value.
    fn named_words(&self) -> Vec<(String, Vec<u32>)>;
}

impl ComponentValues for Vec<DynamicComponent> {
    fn named_words(&self) -> Vec<(String, Vec<u32>)> {
        self.iter().map(|value| (value.spec().name.as_ref().into(), value.words().to_vec())).collect()
    }
}

fn named<T: NetComponent>(value: &T) -> (String, Vec<u32>) {
    let mut words = vec![0; T::WORDS];
    value.quantise(&mut ComponentWords::new(&mut words));
    (T::NAME.into(), words)
}

macro_rules! tuples {
    ($($($name:ident $place:tt),+;)*) => {$(
        impl<$($name: NetComponent),+> ComponentValues for ($($name,)+) {
            fn named_words(&self) -> Vec<(String, Vec<u32>)> {
                vec![$(named(&self.$place)),+]
            }
        }
    )*};
}

tuples! {
    A 0;
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
    A 0, B 1, C 2, D 3, E 4;
    A 0, B 1, C 2, D 3, E 4, F 5;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
}
