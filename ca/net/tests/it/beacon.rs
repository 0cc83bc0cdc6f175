//! Beacons to a configured address.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ca::Config;

use crate::peer::{Searcher, message};
use crate::rig::Rig;

#[test]
fn beacons_carry_0_0_1_2_and_their_gaps_double() {
    let listener = Searcher::new();
    let SocketAddr::V4(address) = listener.0.local_addr().expect("an address") else { panic!("not IPv4") };
    let beacon_addresses = vec![address];
    let beacon_period = Some(Duration::from_millis(160));
    let rig = Rig::with(Config { beacon_addresses, beacon_period, ..Config::isolated() });
    let start = Instant::now();
    for (id, earliest) in [(0, 0), (0, 20), (1, 60), (2, 140), (3, 300), (4, 460)] {
        let (beacon, _) = listener.read();
        assert_eq!(beacon, message(13, 13, rig.tcp().port().into(), [id, 0], &[]));
        // The first beacon may leave a little before `start` is read.
        let at = start.elapsed() + Duration::from_millis(15);
        assert!(at >= Duration::from_millis(earliest), "beacon {id} after {at:?}");
        assert!(at <= Duration::from_millis(earliest) + Duration::from_secs(5));
    }
}

#[test]
fn a_server_that_starts_again_begins_with_0() {
    let listener = Searcher::new();
    let SocketAddr::V4(address) = listener.0.local_addr().expect("an address") else { panic!("not IPv4") };
    for _ in 0..2 {
        let beacon_addresses = vec![address];
        let beacon_period = Some(Duration::from_secs(15));
        let mut rig = Rig::with(Config { beacon_addresses, beacon_period, ..Config::isolated() });
        let port = rig.tcp().port().into();
        for id in [0, 0, 1] {
            assert_eq!(listener.read().0, message(13, 13, port, [id, 0], &[]));
        }
        assert!(rig.stop(Duration::from_secs(5)));
        while !listener.has_nothing() {}
    }
}

#[test]
fn beacons_take_no_timer_of_the_circuits_runtime() {
    let listener = Searcher::new();
    let SocketAddr::V4(address) = listener.0.local_addr().expect("an address") else { panic!("not IPv4") };
    let (beacon_addresses, beacon_period) = (vec![address], Some(Duration::from_secs(15)));
    let rig = Rig::without_timers(Config { beacon_addresses, beacon_period, ..Config::isolated() });
    for id in [0, 0, 1] {
        assert_eq!(listener.read().0, message(13, 13, rig.tcp().port().into(), [id, 0], &[]));
    }
}
