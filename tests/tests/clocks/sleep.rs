//! Clients whose host slept.

use super::*;

#[test]
fn after_a_sleep_a_client_without_a_ticket_reconnects_within_a_second_at_any_wall_clock_time_of_its_server() {
    Night::all(Came::Openly, 0).for_each(|night| night.ends_well());
}

#[test]
fn after_a_sleep_a_client_without_a_ticket_reconnects_within_a_second_at_any_wall_clock_time_of_the_client() {
    Night::all(Came::Openly, 1).for_each(|night| night.ends_well());
}

#[test]
fn peers_reconnect_within_a_second_after_a_sleep_at_any_wall_clock_time_of_either_peer() {
    [0, 1].into_iter().flat_map(|end| Night::all(Came::AsPeer, end)).for_each(|night| night.ends_well());
}

#[test]
fn after_a_sleep_a_client_with_a_ticket_returns_unless_its_session_is_gone_and_its_ticket_is_two_hours_old() {
    [0, 1].into_iter().flat_map(|end| Night::all(Came::WithTicket, end)).for_each(resumes_or_is_refused);
}

#[test]
fn after_a_sleep_an_open_server_refuses_a_client_whose_session_is_gone_and_whose_ticket_is_two_hours_old() {
    [0, 1]
        .into_iter()
        .flat_map(|end| Night::all(Came::WithTicketToOpen, end))
        .for_each(resumes_or_is_refused);
}

/// Checks that a client with a ticket resumes its session, reconnects with its identity, or is refused as expired.
fn resumes_or_is_refused(night: Night) {
    let age = i64::try_from(night.seconds).unwrap() + night.restarts.unwrap_or(0);
    if night.is_kept() || age < 7200 {
        night.ends_well();
        return;
    }
    let (mut net, before) = night.evening();
    night.pass(&mut net);
    let refused = |event: &Event| {
        let refusal = CloseReason::Refused(Refusal::Expired);
        matches!(event, Event::Closed { connection, reason, .. } if *connection == before && *reason == refusal)
    };
    assert!(net.nodes[1].has(refused), "{night:?}: {:#?}", net.nodes[1].events);
    let connected = net.nodes[0].events.iter().filter(|event| matches!(event, Event::Connected { .. }));
    // A server that did not restart still has the `Connected` event from before the sleep.
    assert_eq!(connected.count(), usize::from(night.restarts.is_none()), "{night:?}");
}

#[test]
fn a_client_that_is_interrupted_and_then_sleeps_for_two_hours_reconnects_after_the_sleep() {
    for goes_on in [false, true] {
        let night = Night { goes_on, ..Night::new(Came::Openly, 2 * HOUR) };
        let (mut net, _) = night.evening();
        net.filter = Box::new(|_, _, _| Pass::Drop);
        net.run_for(SECOND * 40);
        assert!(net.nodes[1].has(|event| matches!(event, Event::Interrupted { .. })));
        night.pass(&mut net);
        let back = |event: &Event| matches!(event, Event::Connected { replaces: Some(_), .. });
        assert!(net.nodes[1].has(back), "{night:?}: {:#?}", net.nodes[1].events);
    }
}

#[test]
fn a_client_that_sends_thousands_of_messages_when_it_wakes_reconnects_within_a_second() {
    for (seconds, per_second) in [(21, 300), (21, 1000), (21, 4000), (2 * HOUR, 1000), (2 * HOUR, 4000)] {
        let night = Night::new(Came::Openly, seconds);
        let (mut net, client) = night.evening();
        // The window is wide open before the night.
        let send = |net: &mut Net, seconds: u64| {
            for _ in 0..100 * seconds {
                let at = net.nodes[1].local(net.now);
                for _ in 0..per_second / 100 {
                    let message = vec![1; 1000];
                    let _full = net.nodes[1].endpoint.send(at, client, ChannelId(3), message);
                }
                net.run_for(Duration::from_millis(10));
            }
        };
        send(&mut net, 5);
        net.nodes[1].is_up = false;
        net.run_for(Duration::from_secs(seconds));
        net.nodes[1].is_up = true;
        net.nodes[1].behind = Duration::from_secs(seconds);
        send(&mut net, 1);
        net.run_for(net.delay);
        let back = |event: &Event| {
            matches!(event, Event::Resumed { .. } | Event::Connected { replaces: Some(_), .. })
        };
        assert!(net.nodes[1].has(back), "slept {seconds} s, {per_second} messages a second");
    }
}
