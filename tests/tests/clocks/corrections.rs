//! Wall clocks that are corrected while the endpoint runs.

use super::*;

const DAY: i64 = 86_400;

/// Corrects the server's wall clock by `seconds` seconds.
fn correct(net: &mut Net, seconds: i64) {
    let server = &mut net.nodes[0].endpoint;
    let offset = shifted(server.wall_offset(), seconds);
    server.set_wall_offset(net.now, offset).unwrap();
}

/// Creates a server with tickets whose wall clock is wrong by `off` seconds, and a client that has not dialled.
fn ticket_office(off: i64) -> Net {
    let server = server(Came::WithTicket, 1, Instant::ZERO, shifted(WALL, off));
    let client = Node::new(Config::new(APPLICATION), Secrets::new(CLIENT), 2, "10.0.0.2:4000", Instant::ZERO);
    Net::new(vec![server, client], Duration::from_millis(50))
}

/// Returns the first event of a client that dials with `ticket`, within one second. A connected client then leaves.
fn shown(net: &mut Net, ticket: &Ticket) -> Option<Event> {
    let before = net.nodes[1].events.len();
    let options = ConnectOptions::new(net.nodes[0].endpoint.public_key()).ticket(ticket.clone());
    let (now, to) = (net.now, net.nodes[0].address);
    net.nodes[1].endpoint.connect(now, to, options.timeout(SECOND)).unwrap();
    net.run_for(SECOND);
    let outcome = net.nodes[1].events.get(before).cloned();
    if let Some(Event::Connected { connection, .. }) = outcome {
        net.nodes[1].endpoint.close(net.now, connection, 0, "");
        net.run_for(SECOND);
    }
    outcome
}

fn is_in(outcome: Option<&Event>) -> bool {
    matches!(outcome, Some(Event::Connected { .. }))
}

fn is_expired(outcome: Option<&Event>) -> bool {
    matches!(outcome, Some(Event::Closed { reason: CloseReason::Refused(Refusal::Expired), .. }))
}

#[test]
fn tickets_expire_by_the_corrected_wall_clock_of_the_server() {
    for off in OFF.into_iter().filter(|off| *off != 0) {
        let mut net = ticket_office(off);
        net.run_for(SECOND * 5);
        let wall = WALL + net.now.as_micros();
        let (fresh, stale) = (ticket(wall + 600_000_000, 1), ticket(wall - 60_000_000, 2));
        let wrong = if off > 0 { &fresh } else { &stale };
        let outcome = shown(&mut net, wrong);
        assert_eq!(is_in(outcome.as_ref()), off < 0, "off by {off} s: {outcome:?}");
        assert_eq!(is_expired(outcome.as_ref()), off > 0, "off by {off} s: {outcome:?}");
        correct(&mut net, -off);
        let outcome = shown(&mut net, &ticket(wall + 600_000_000, 3));
        assert!(is_in(outcome.as_ref()), "was off by {off} s: {outcome:?}");
        let outcome = shown(&mut net, &ticket(wall - 60_000_000, 4));
        assert!(is_expired(outcome.as_ref()), "was off by {off} s: {outcome:?}");
    }
}

#[test]
fn a_used_ticket_is_refused_at_any_wall_clock_time_of_the_server() {
    for wrong in [-DAY, -10_800, 3600, 10_800, DAY, 2 * DAY, 30 * DAY] {
        for hours in [0, 1, 30, 100] {
            let mut net = ticket_office(0);
            let ticket_of = |seed| ticket(WALL + 600_000_000, seed);
            let (used, other) = (ticket_of(1), ticket_of(2));
            assert!(is_in(shown(&mut net, &used).as_ref()));
            let wait = |net: &mut Net| {
                net.run_for(Duration::from_secs(hours * HOUR));
                // Tickets are forgotten when others are shown.
                shown(net, &other);
            };
            correct(&mut net, wrong);
            wait(&mut net);
            assert!(!is_in(shown(&mut net, &used).as_ref()), "set by {wrong} s for {hours} h");
            correct(&mut net, -wrong);
            assert!(!is_in(shown(&mut net, &used).as_ref()), "set by {wrong} s for {hours} h and back");
            correct(&mut net, -DAY);
            wait(&mut net);
            assert!(
                !is_in(shown(&mut net, &used).as_ref()),
                "set by {wrong} s for {hours} h, and a day back"
            );
        }
    }
}

#[test]
fn tickets_minted_after_a_clock_correction_are_valid_even_if_earlier_tickets_were_used() {
    let mut net = ticket_office(DAY);
    for seed in 1..20 {
        let wall = shifted(WALL, DAY) + net.now.as_micros();
        assert!(is_in(shown(&mut net, &ticket(wall + 600_000_000, seed)).as_ref()));
        net.run_for(SECOND * 1200);
    }
    correct(&mut net, -DAY);
    let wall = WALL + net.now.as_micros();
    assert!(is_in(shown(&mut net, &ticket(wall + 600_000_000, 20)).as_ref()));
}

#[test]
fn an_ended_session_is_not_resumed_at_any_wall_clock_time_of_its_server() {
    for wrong in [-DAY, 10_800, DAY] {
        let night = Night::new(Came::WithTicket, 5);
        let (mut net, client) = night.evening();
        let connection = net.nodes[0].connected().unwrap();
        net.filter = Box::new(|_, _, _| Pass::Drop);
        net.nodes[0].endpoint.close(net.now, connection, 1, "");
        net.run_for(SECOND * 25);
        correct(&mut net, wrong);
        net.run_for(SECOND);
        correct(&mut net, -wrong);
        net.filter = Box::new(|_, _, _| Pass::Deliver);
        net.run_for(SECOND * 5);
        let ended = |event: &Event| {
            let refusal = CloseReason::Refused(Refusal::SessionEnded);
            matches!(event, Event::Closed { connection, reason, .. } if *connection == client && *reason == refusal)
        };
        assert!(net.nodes[1].has(ended), "set by {wrong} s: {:#?}", net.nodes[1].events);
    }
}

#[test]
fn a_session_is_resumed_at_any_wall_clock_time_of_its_server() {
    for wrong in [-DAY, -7200, 7200, DAY, 400 * DAY] {
        let night = Night::new(Came::WithTicket, 5);
        let (mut net, _) = night.evening();
        net.filter = Box::new(|_, _, _| Pass::Drop);
        net.run_for(SECOND * 30);
        correct(&mut net, wrong);
        net.filter = Box::new(|_, _, _| Pass::Deliver);
        net.run_for(SECOND * 2);
        assert!(net.nodes[1].has(|event| matches!(event, Event::Resumed { .. })), "set by {wrong} s");
    }
}

#[test]
fn a_resume_ticket_issued_half_a_minute_after_a_clock_correction_expires_by_the_correct_clock() {
    for off in [-DAY, DAY] {
        let night = Night { off: [off, 0], ..Night::new(Came::WithTicket, 5) };
        let (mut net, before) = night.evening();
        correct(&mut net, -off);
        net.run_for(SECOND * 31);
        let sealed = net.now;
        // A restart: the ticket is all that is left.
        net.nodes[0] = server(Came::WithTicket, 3, net.now, WALL);
        if off > 0 {
            net.nodes[1].is_up = false;
            net.run_for(Duration::from_secs(3 * HOUR));
            net.nodes[1].is_up = true;
        }
        net.run_for(SECOND * 10);
        let back =
            |event: &Event| matches!(event, Event::Connected { replaces, .. } if *replaces == Some(before));
        assert_eq!(net.nodes[1].has(back), off < 0, "sealed at {sealed:?}: {:#?}", net.nodes[1].events);
        let refused = |event: &Event| is_expired(Some(event));
        assert_eq!(net.nodes[1].has(refused), off > 0, "{:#?}", net.nodes[1].events);
    }
}

#[test]
fn a_wall_clock_offset_out_of_range_is_refused() {
    let mut net = ticket_office(0);
    let endpoint = &mut net.nodes[0].endpoint;
    let most = Instant::MAX.as_micros();
    for offset in [0, most + 1, u64::MAX] {
        assert!(endpoint.set_wall_offset(Instant::ZERO, offset).is_err(), "{offset}");
        assert_eq!(endpoint.wall_offset(), WALL);
    }
    for offset in [1, most] {
        endpoint.set_wall_offset(Instant::ZERO, offset).unwrap();
        assert_eq!(endpoint.wall_offset(), offset);
    }
    // Without tickets no time is needed.
    net.nodes[1].endpoint.set_wall_offset(Instant::ZERO, 0).unwrap();
}

#[test]
fn tickets_that_are_expired_or_from_the_future_are_counted() {
    let mut net = ticket_office(DAY);
    for seed in 1..4 {
        assert!(is_expired(shown(&mut net, &ticket(WALL + 600_000_000, seed)).as_ref()));
    }
    let counts = net.nodes[0].endpoint.ticket_counts();
    assert_eq!(counts.expired, 3);
    assert_eq!(counts.expired_by.as_secs(), 86_400 - 600 + 2);
    assert_eq!(counts.from_the_future, 0);
    // A server that restarts with its clock set back finds tickets of the future.
    let night = Night { off: [DAY, 0], restarts: Some(-DAY), ..Night::new(Came::WithTicket, 21) };
    let (mut net, _) = night.evening();
    night.pass(&mut net);
    let counts = net.nodes[0].endpoint.ticket_counts();
    assert_eq!((counts.expired, counts.from_the_future), (0, 1));
    assert!(counts.ahead_by.abs_diff(Duration::from_secs(86_400)) < SECOND * 60, "{:?}", counts.ahead_by);
}

#[test]
fn fifty_clients_of_one_address_reconnect_within_a_second_of_a_restart_with_a_corrected_clock() {
    for hours in [-3, 3, 48] {
        let mut nodes = vec![server(Came::Openly, 1, Instant::ZERO, WALL)];
        for number in 0..50u8 {
            let mut config = Config::new(APPLICATION);
            (config.access, config.wall_offset) = (Access::Closed, WALL);
            let address = format!("10.0.0.2:{}", 4000 + u16::from(number));
            nodes.push(Node::new(config, Secrets::new(CLIENT), 100 + number, &address, Instant::ZERO));
        }
        let mut net = Net::new(nodes, Duration::from_millis(50));
        let (key, to) = (net.nodes[0].endpoint.public_key(), net.nodes[0].address);
        let dial =
            |node: &mut Node| node.endpoint.connect(Instant::ZERO, to, ConnectOptions::new(key)).unwrap();
        let clients: Vec<ConnectionId> = net.nodes[1..].iter_mut().map(dial).collect();
        net.run_for(SECOND * 30);
        net.nodes[0] = server(Came::Openly, 3, net.now, shifted(WALL, hours * 3600));
        for (number, client) in clients.iter().enumerate() {
            net.send(number + 1, *client, 0, vec![1; 10]);
        }
        net.run_for(net.delay + SECOND);
        let back =
            |node: &&Node| node.has(|event| matches!(event, Event::Connected { replaces: Some(_), .. }));
        assert_eq!(net.nodes.iter().filter(back).count(), 50, "set by {hours} h");
    }
}
