//! Tests of the violations that end a run.

use super::*;

struct Spinner;

impl Host for Spinner {
    type Event = ();

    fn handle_datagram(&mut self, _: Instant, _: SocketAddr, _: Ecn, _: &mut [u8]) {}

    fn handle_timeout(&mut self, _: Instant) {}

    fn poll_transmit(&mut self, _: Instant, _: &mut [u8]) -> Option<Outgoing> {
        None
    }

    fn poll_event(&mut self) -> Option<()> {
        None
    }

    fn poll_timeout(&self) -> Instant {
        at(SECOND)
    }
}

struct Nobody;

impl Application for Nobody {
    type Host = Spinner;

    fn build(&mut self, _: Boot) -> Spinner {
        Spinner
    }
}

#[test]
fn a_timer_that_is_always_due_is_reported_as_a_violation() {
    let mut world = World::new(WorldConfig::new(1, Topology::star(1, MS)), Nobody);
    let violation = world.run_until(at(2 * SECOND)).unwrap_err();
    assert_eq!((violation.checker, violation.at), ("spin", at(SECOND)));
    assert_eq!(world.run_until(at(3 * SECOND)).unwrap_err(), violation);
}

/// A checker that fails if the same number is received twice while a partition is active in the downward direction.
/// Only a pair of faults triggers it.
struct NoRepetition(Vec<u32>);

impl Checker<ToyEvent> for NoRepetition {
    fn name(&self) -> &'static str {
        "no repetition"
    }

    fn event(&mut self, _: Instant, _: NodeId, event: &ToyEvent) -> Result<(), String> {
        let ToyEvent::Received(_, number) = event else { return Ok(()) };
        if self.0.contains(number) {
            return Err(format!("{number} was received twice"));
        }
        self.0.push(*number);
        Ok(())
    }
}

#[test]
fn a_shrunk_fault_list_fails_the_same_way_after_printing_and_parsing() {
    let run = |faults: &[Fault]| {
        let mut world = world(4, faults.to_vec());
        world.check(NoRepetition(Vec::new()));
        world.run_until(at(12 * SECOND)).err()
    };
    let faults =
        (0..).map(|seed| draw(seed, &Profile::new(5, 4, 10 * SECOND))).find(|list| list.len() > 25).unwrap();
    assert!(run(&faults).is_some());
    let shrunk = shrink(&faults, 500, |list| run(list).is_some(), |_| {});
    assert_eq!((shrunk.faults.len(), shrunk.minimal), (1, true), "{}", print_list(&shrunk.faults));
    let replayed = parse_list(&print_list(&shrunk.faults)).unwrap();
    assert_eq!(run(&replayed).map(|violation| violation.checker), Some("no repetition"));
    assert_eq!(run(&[]), None);
}

#[test]
fn a_violation_reported_by_the_application_ends_the_run() {
    let mut world = world(1, Vec::new());
    world.run_until(at(SECOND)).unwrap();
    let violation = world.with(1, |_, context| context.fail("enough")).unwrap_err();
    assert_eq!(
        (violation.checker, violation.text.as_str(), violation.at),
        ("application", "enough", at(SECOND))
    );
}
