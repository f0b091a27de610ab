//! Views by distance between two endpoints: the entities that a client sees around its avatar.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeSet;

use common::{Net, Pass};
use tickwire_core::limits::INTEREST_HOLD;
use tickwire_core::snapshot::{
    ComponentId, ComponentSpec, EntitySettings, FieldKind, FieldSpec, NetworkId, Show, SnapshotSchema, Steps,
    Viewer, WorldError, WorldId, WorldSchema, WorldStats, WorldWriter,
};
use tickwire_core::{Config, ConnectionId, Duration, Event, SnapshotConfig};

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_micros(16_667);
const WORLD: WorldId = WorldId(0);
const RADIUS: f64 = 100.0;
const KEEP: f64 = 120.0;

/// The ids of the components, in the order of their names: health, place.
const HEALTH: ComponentId = ComponentId(0);
const PLACE: ComponentId = ComponentId(1);

fn schema() -> WorldSchema {
    let mut schema = SnapshotSchema::new();
    let metres = Steps::new(-1000.0, 1000.0, 1.0).unwrap();
    let at = FieldSpec::new("at", FieldKind::numbers(2, metres)).position();
    schema.declare(ComponentSpec::new("place").hz(60).field(at)).unwrap();
    let points = FieldSpec::new("points", FieldKind::integer(0, 100));
    schema.declare(ComponentSpec::new("health").hz(60).field(points)).unwrap();
    schema.ticks_per_second(60);
    schema.finish().unwrap()
}

fn with_worlds(config: &mut Config) {
    config.snapshots = Some(SnapshotConfig::new(schema()));
}

/// A world on a line, and a client that sees the entities near its avatar at 0.
struct Line {
    net: Net,
    writer: WorldWriter,
    tick: u64,
    avatar: NetworkId,
    shown: BTreeSet<NetworkId>,
    completions: usize,
    viewer: ConnectionId,
}

impl Line {
    /// Creates a world with an avatar and with entities at `places`. The client does not see it yet.
    fn new(places: &[i32]) -> (Self, Vec<NetworkId>) {
        let mut net = Net::pair(with_worlds);
        net.connect();
        net.run_until(SECOND, |net| net.nodes.iter().all(|node| node.connected().is_some()));
        let viewer = net.nodes[0].connected().unwrap();
        let mut writer = schema().writer();
        let avatar = writer.create(EntitySettings::new()).unwrap();
        let shown = BTreeSet::new();
        let mut line = Self { net, writer, tick: 0, avatar, shown, completions: 0, viewer };
        line.put(avatar, 0);
        let ids = places.iter().map(|place| line.create(*place)).collect();
        line.commit();
        (line, ids)
    }

    /// Creates a world as `new` does, and runs until the client sees the near entities.
    fn seen(places: &[i32]) -> (Self, Vec<NetworkId>) {
        let (mut line, ids) = Self::new(places);
        line.look(Viewer::new(WORLD).around(line.avatar, RADIUS).keep(KEEP));
        line.play(SECOND / 2);
        (line, ids)
    }

    fn look(&mut self, viewer: Viewer) {
        let (now, connection) = (self.net.now, self.viewer);
        self.net.nodes[0].endpoint.set_viewer(now, connection, Some(viewer)).unwrap();
    }

    fn create(&mut self, place: i32) -> NetworkId {
        let id = self.writer.create(EntitySettings::new()).unwrap();
        self.put(id, place);
        id
    }

    fn put(&mut self, id: NetworkId, place: i32) {
        self.writer.set_words(id, PLACE, &[(1000 + place) as u32, 1000]).unwrap();
    }

    fn commit(&mut self) {
        self.tick += 1;
        let changes = self.writer.finish(self.tick);
        self.net.nodes[0].endpoint.commit(self.net.now, WORLD, &changes).unwrap();
        self.writer.reuse(changes);
    }

    fn play(&mut self, time: Duration) {
        let end = self.net.now + time;
        while self.net.now < end {
            self.commit();
            self.net.run_for(TICK);
            self.take();
        }
    }

    fn take(&mut self) {
        for event in std::mem::take(&mut self.net.nodes[1].events) {
            match event {
                Event::Snapshot { changes, .. } => {
                    for (id, _) in changes.destroyed() {
                        assert!(self.shown.remove(id));
                    }
                    for created in changes.created() {
                        assert!(self.shown.insert(created.id));
                    }
                }
                Event::ViewComplete { .. } => self.completions += 1,
                _ => {}
            }
        }
    }

    fn shows(&self, id: NetworkId) -> bool {
        self.shown.contains(&id)
    }

    fn stats(&self) -> WorldStats {
        self.net.nodes[0].endpoint.world_stats(self.viewer).unwrap()
    }
}

#[test]
fn a_client_receives_only_the_entities_within_the_radius_around_its_avatar() {
    let (line, ids) = Line::seen(&[5, -99, 101, 400]);
    assert!(line.shows(line.avatar));
    assert_eq!(ids.iter().map(|id| line.shows(*id)).collect::<Vec<_>>(), [true, true, false, false]);
}

#[test]
fn an_entity_leaves_a_view_after_600_ms_beyond_the_outer_radius_and_enters_within_the_inner_radius() {
    let (mut line, ids) = Line::seen(&[50]);
    line.put(ids[0], 110);
    line.play(SECOND * 2);
    assert!(line.shows(ids[0]), "between the radii");
    line.put(ids[0], 130);
    line.play(INTEREST_HOLD - TICK * 6);
    assert!(line.shows(ids[0]), "not long enough beyond the outer radius");
    line.play(SECOND / 2);
    assert!(!line.shows(ids[0]));
    line.put(ids[0], 110);
    line.play(SECOND);
    assert!(!line.shows(ids[0]), "between the radii again");
    line.put(ids[0], 90);
    line.play(SECOND / 2);
    assert!(line.shows(ids[0]));
}

#[test]
fn an_entity_beyond_the_outer_radius_for_less_than_600_ms_never_leaves_the_view() {
    let (mut line, ids) = Line::seen(&[90]);
    for _ in 0..10 {
        line.put(ids[0], 300);
        line.play(INTEREST_HOLD - TICK * 12);
        assert!(line.shows(ids[0]));
        line.put(ids[0], 90);
        line.play(TICK * 12);
        assert!(line.shows(ids[0]));
    }
}

#[test]
fn a_view_follows_the_movement_of_its_avatar() {
    let (mut line, ids) = Line::seen(&[50, 500]);
    let avatar = line.avatar;
    line.put(avatar, 450);
    line.play(SECOND);
    assert!(!line.shows(ids[0]) && line.shows(ids[1]) && line.shows(avatar));
}

#[test]
fn a_new_entity_is_sent_at_its_first_commit_if_and_only_if_it_is_near_the_avatar() {
    let (mut line, _) = Line::seen(&[]);
    let (near, far) = (line.create(20), line.create(700));
    line.commit();
    line.net.run_for(SECOND / 5);
    line.take();
    assert!(line.shows(near));
    line.play(SECOND);
    assert!(!line.shows(far));
}

#[test]
fn changes_of_entities_outside_the_view_cost_no_bytes() {
    let (mut line, ids) = Line::seen(&[300, 400, 500]);
    let before = line.stats();
    for step in 0..60 {
        for id in &ids {
            line.put(*id, 300 + step);
            line.writer.set_words(*id, HEALTH, &[step as u32]).unwrap();
        }
        line.play(TICK);
    }
    let after = line.stats();
    assert_eq!((after.frames_sent, after.bytes_sent), (before.frames_sent, before.bytes_sent));
}

#[test]
fn a_show_setting_an_owner_and_a_missing_position_each_override_the_distance_of_an_entity() {
    let (mut line, ids) = Line::seen(&[10, 600, 600, 600]);
    let viewer = line.viewer;
    line.writer.show(viewer, ids[0], Show::Never).unwrap();
    line.writer.show(viewer, ids[1], Show::Always).unwrap();
    line.writer.set_owner(ids[2], Some(viewer)).unwrap();
    let without_position = line.writer.create(EntitySettings::new()).unwrap();
    line.writer.set_words(without_position, HEALTH, &[50]).unwrap();
    line.play(SECOND);
    assert_eq!(ids.iter().map(|id| line.shows(*id)).collect::<Vec<_>>(), [false, true, true, false]);
    assert!(line.shows(without_position));
    line.writer.show(viewer, ids[0], Show::ByDistance).unwrap();
    line.writer.show(viewer, ids[1], Show::ByDistance).unwrap();
    line.writer.set_owner(ids[2], None).unwrap();
    line.writer.remove_component(ids[3], PLACE).unwrap();
    line.play(SECOND);
    assert_eq!(ids.iter().map(|id| line.shows(*id)).collect::<Vec<_>>(), [true, false, false, true]);
}

#[test]
fn replacing_the_viewer_of_a_client_changes_the_view_without_restarting_the_world() {
    let (mut line, ids) = Line::seen(&[50, 500]);
    let before = line.stats();
    line.look(Viewer::new(WORLD));
    line.play(SECOND / 2);
    assert!(line.shows(ids[0]) && line.shows(ids[1]));
    line.look(Viewer::new(WORLD).at([510.0, 0.0, 0.0], RADIUS));
    line.play(SECOND);
    assert!(!line.shows(ids[0]) && line.shows(ids[1]));
    line.look(Viewer::new(WORLD).around(line.avatar, RADIUS));
    line.play(SECOND);
    assert!(line.shows(ids[0]) && !line.shows(ids[1]));
    assert!(line.stats().frames_sent - before.frames_sent < 12, "{:?} {before:?}", line.stats());
    assert_eq!(line.completions, 1);
}

#[test]
fn a_view_remains_at_the_final_position_of_a_destroyed_avatar() {
    let (mut line, ids) = Line::seen(&[50, 500]);
    line.writer.destroy(line.avatar, tickwire_core::snapshot::Gone::Destroyed).unwrap();
    line.play(SECOND * 2);
    assert!(line.shows(ids[0]) && !line.shows(ids[1]) && !line.shows(line.avatar));
}

#[test]
fn a_view_is_reported_as_complete_once_and_only_after_its_initial_entities_have_arrived() {
    let places: Vec<i32> = (0..2000).map(|number| number % 90).collect();
    let (mut line, _) = Line::new(&places);
    let mut count = 0;
    line.net.filter = Box::new(move |_, _, _| {
        count += 1;
        if count % 5 == 0 { Pass::Drop } else { Pass::Deliver }
    });
    line.look(Viewer::new(WORLD).around(line.avatar, RADIUS).keep(KEEP));
    let end = line.net.now + SECOND * 20;
    while line.completions == 0 {
        assert!(line.net.now < end, "{} shown, {:?}", line.shown.len(), line.stats());
        let before = line.shown.len();
        // New entities do not delay the report.
        line.create(30);
        line.play(TICK);
        assert!(line.completions == 0 || before.max(line.shown.len()) >= 2001);
    }
    line.play(SECOND * 3);
    assert_eq!(line.completions, 1);
}

#[test]
fn at_least_two_thirds_of_the_first_thousand_entities_in_a_view_are_from_the_nearer_half() {
    // Places descend, so that entities come into the world the farthest first.
    let places: Vec<i32> = (0..9000).rev().map(|number| number / 100).collect();
    let (mut line, ids) = Line::new(&places);
    line.look(Viewer::new(WORLD).around(line.avatar, RADIUS));
    while line.shown.len() < 1000 {
        line.play(TICK);
    }
    let shown = |range: std::ops::Range<usize>| ids[range].iter().filter(|id| line.shows(**id)).count();
    let (far, near) = (shown(0..4500), shown(4500..9000));
    assert!(near >= 2 * far, "{near} near, {far} far");
}

#[test]
fn a_viewer_with_an_invalid_radius_or_position_is_refused_and_does_not_change_the_view() {
    let (mut line, ids) = Line::seen(&[50]);
    let view = Viewer::new(WORLD).around(line.avatar, RADIUS);
    let point = Viewer::new(WORLD).at([f64::NAN, 0.0, 0.0], RADIUS);
    let wrong =
        [view.keep(99.0), view.keep(f64::INFINITY), Viewer::new(WORLD).around(ids[0], f64::NAN), point];
    for viewer in wrong {
        let (now, connection) = (line.net.now, line.viewer);
        let refused = line.net.nodes[0].endpoint.set_viewer(now, connection, Some(viewer));
        assert_eq!(refused, Err(WorldError::BadViewer), "{viewer:?}");
    }
    line.play(SECOND);
    assert!(line.shows(ids[0]));
}

#[test]
fn a_show_setting_of_an_entity_applies_to_a_view_that_begins_later() {
    let (mut line, ids) = Line::new(&[10, 600]);
    let viewer = line.viewer;
    line.writer.show(viewer, ids[0], Show::Never).unwrap();
    line.writer.show(viewer, ids[1], Show::Always).unwrap();
    line.commit();
    line.look(Viewer::new(WORLD).around(line.avatar, RADIUS).keep(KEEP));
    line.play(SECOND);
    assert_eq!([line.shows(ids[0]), line.shows(ids[1])], [false, true]);
}

#[test]
fn a_view_of_the_whole_world_that_is_set_twice_before_a_commit_shows_all_entities() {
    let (mut line, ids) = Line::seen(&[50, 500]);
    line.look(Viewer::new(WORLD));
    line.look(Viewer::new(WORLD));
    line.play(SECOND / 2);
    assert!(line.shows(ids[1]));
}

#[test]
fn a_wider_radius_around_a_destroyed_avatar_keeps_the_final_position_of_the_avatar() {
    let (mut line, ids) = Line::seen(&[50, 150]);
    line.writer.destroy(line.avatar, tickwire_core::snapshot::Gone::Destroyed).unwrap();
    line.play(SECOND);
    line.look(Viewer::new(WORLD).around(line.avatar, 2.0 * RADIUS));
    line.play(SECOND * 2);
    assert!(line.shows(ids[0]) && line.shows(ids[1]));
}

#[test]
fn a_view_that_begins_before_its_avatar_has_a_position_is_complete_only_with_the_entities_near_the_avatar() {
    let (mut line, ids) = Line::new(&[50]);
    let avatar = line.writer.create(EntitySettings::new()).unwrap();
    line.look(Viewer::new(WORLD).around(avatar, RADIUS));
    line.net.run_for(SECOND);
    line.take();
    assert_eq!(line.completions, 0);
    line.put(avatar, 20);
    while line.completions == 0 {
        line.play(TICK);
    }
    assert!(line.shows(ids[0]));
}
