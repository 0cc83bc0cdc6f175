//! How a panel ends.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::lab::{Lab, connect};

#[test]
fn a_panel_stops_at_once_with_all_its_pages_and_the_ioc_lives_on() {
    let mut lab = Lab::new();
    let mut pages: Vec<_> = (0..8).map(|_| lab.writer()).collect();
    for page in &mut pages {
        page.subscribe(1, "lab:wave");
        page.say(&json!({ "op": "subscribe", "id": 2, "pv": "nobody", "remote": true }));
        page.say(&json!({ "op": "put", "id": 3, "pv": "lab:pump:speed", "value": 3600 }));
    }
    let idle = connect(lab.address);
    let before = Instant::now();
    lab.stop_panel();
    // Its own bound is 0.2 s: this one is for a busy machine.
    assert!(before.elapsed() < Duration::from_secs(10), "{:?}", before.elapsed());
    for page in &mut pages {
        page.ended();
    }
    assert!(std::net::TcpStream::connect(lab.address).is_err(), "nobody listens");
    lab.count.post(5);
    assert_eq!(lab.count.get(), 5);
    drop(idle);
    lab.ioc.stop();
}

#[test]
fn pages_outlive_the_ioc_and_are_told() {
    let lab = Lab::new();
    let mut page = lab.page();
    page.subscribe(1, "lab:count");
    let Lab { ioc, .. } = lab;
    ioc.stop();
    assert_eq!(page.next("gone")["id"], 1);
}
