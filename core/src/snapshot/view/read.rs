//! Reads the components of a view: as Rust types, by component id, and as words.

use alloc::sync::Arc;
use core::any::TypeId;

use super::component_table::ComponentTable;
use super::sample::{Sample, TimedValue};
use super::version_list::KeptVersion;
use super::world_view::WorldView;
use crate::snapshot::component::{NetComponent, WordReader};
use crate::snapshot::dynamic::DynamicComponent;
use crate::snapshot::ids::{ComponentId, NetworkId};

impl WorldView {
    /// Returns the newest value of an entity's component. Returns `None` if the view does not contain the entity, the
    /// entity lacks the component, or the schema does not declare `T`.
    #[must_use]
    pub fn get<T: NetComponent>(&self, id: NetworkId) -> Option<T> {
        self.words(id, self.component_of::<T>()?).map(restore)
    }

    /// Returns the newest value of each entity that has the component, in arbitrary order.
    pub fn all<T: NetComponent>(&self) -> impl Iterator<Item = (NetworkId, T)> {
        let component = self.component_of::<T>();
        let all = component.into_iter().flat_map(|component| self.all_words(component));
        all.map(|(id, words)| (id, restore(words)))
    }

    /// Returns the values of an entity's component around `time`, which is a number of ticks and may have a fraction. The result for
    /// an entity that is gone contains its earlier values while the history reaches back to them.
    ///
    /// A client usually renders the world a short time in the past, for example by twice the interval between updates, so that it
    /// almost always has a value after `time`.
    #[must_use]
    pub fn sample<T: NetComponent>(&self, id: NetworkId, time: f64) -> Sample<T> {
        match self.component_of::<T>() {
            Some(component) => self.sample_words(id, component, time).map(restore),
            None => self.no_sample(),
        }
    }

    /// Returns the newest value of an entity's component as a dynamic value. Returns `None` if the view does not
    /// contain the entity, or the entity lacks the component.
    #[must_use]
    pub fn get_dynamic(&self, id: NetworkId, component: ComponentId) -> Option<DynamicComponent> {
        let words = self.words(id, component)?;
        self.dynamic(component, words)
    }

    /// Returns the newest dynamic value of each entity that has the component, in arbitrary order.
    pub fn all_dynamic(&self, component: ComponentId) -> impl Iterator<Item = (NetworkId, DynamicComponent)> {
        let all = self.all_words(component);
        all.filter_map(move |(id, words)| Some((id, self.dynamic(component, words)?)))
    }

    /// Returns the dynamic values of an entity's component around `time`, as [`Self::sample`] does.
    #[must_use]
    pub fn sample_dynamic(
        &self,
        id: NetworkId,
        component: ComponentId,
        time: f64,
    ) -> Sample<DynamicComponent> {
        match self.specs.get(usize::from(component.0)) {
            Some(spec) => self
                .sample_words(id, component, time)
                .map(|words| DynamicComponent::from_words(Arc::clone(spec), words)),
            None => self.no_sample(),
        }
    }

    /// Returns the newest words of an entity's component. Returns `None` if the view does not contain the entity, or
    /// the entity lacks the component.
    #[must_use]
    pub fn words(&self, id: NetworkId, component: ComponentId) -> Option<&[u32]> {
        self.tables.get(usize::from(component.0))?.newest(id)
    }

    /// Returns the newest words of each entity that has the component, in arbitrary order.
    pub fn all_words(&self, component: ComponentId) -> impl Iterator<Item = (NetworkId, &[u32])> {
        self.tables.get(usize::from(component.0)).into_iter().flat_map(ComponentTable::all)
    }

    /// Returns the words of an entity's component around `time`, as [`Self::sample`] does.
    #[must_use]
    pub fn sample_words(&self, id: NetworkId, component: ComponentId, time: f64) -> Sample<&[u32]> {
        let Some(table) = self.tables.get(usize::from(component.0)) else { return self.no_sample() };
        let (before, after) = table.around(id, time);
        Sample { before: before.and_then(timed), after: after.and_then(timed), ..self.no_sample() }
    }

    fn no_sample<T>(&self) -> Sample<T> {
        Sample { before: None, after: None, known_until: self.tick.unwrap_or(0) }
    }

    fn dynamic(&self, component: ComponentId, words: &[u32]) -> Option<DynamicComponent> {
        let spec = self.specs.get(usize::from(component.0))?;
        Some(DynamicComponent::from_words(Arc::clone(spec), words))
    }

    fn component_of<T: NetComponent>(&self) -> Option<ComponentId> {
        let of_type = TypeId::of::<T>();
        let place = self.types.binary_search_by(|(other, _)| other.cmp(&of_type)).ok()?;
        self.types.get(place).map(|(_, id)| *id)
    }
}

fn restore<T: NetComponent>(words: &[u32]) -> T {
    T::restore(&mut WordReader::new(words))
}

/// Returns the words of a version. `None` if the entity lacks the component from its tick on.
fn timed(version: KeptVersion<'_>) -> Option<TimedValue<&[u32]>> {
    Some(TimedValue { tick: version.tick, value: version.words? })
}
