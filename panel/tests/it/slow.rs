//! Pages that do not keep up.

use serde_json::json;

use crate::lab::{Lab, metric, until};

#[test]
fn a_page_that_draws_nothing_gets_two_batches_and_the_newest_when_it_draws() {
    let lab = Lab::new();
    let (mut slow, mut quick) = (lab.page(), lab.page());
    slow.subscribe(1, "lab:count");
    quick.subscribe(1, "lab:count");
    assert_eq!(slow.next("updates")["n"], 1);
    lab.count.post(1);
    assert_eq!(slow.next("updates")["n"], 2);
    for count in 2..500 {
        lab.count.post(count);
        quick.update(1, |update| update["value"] == count);
    }
    // The others go on; it has its beats and no more.
    for _ in 0..3 {
        assert_eq!(slow.hear().expect("a message")["type"], "beat");
    }
    slow.say(&json!({ "op": "ack", "n": 2 }));
    let newest = slow.next("updates");
    assert_eq!((&newest["n"], &newest["list"][0]["value"]), (&json!(3), &json!(499)));
    assert_eq!(newest["list"].as_array().map(Vec::len), Some(1), "no queue");
    until("what was left out is counted", || metric(&lab, "panel_squashed_total") >= 496.0);
    lab.ioc.stop();
}

#[test]
fn a_page_that_reads_nothing_costs_no_memory_and_nobody_else() {
    let lab = Lab::new();
    let mut deaf: Vec<_> = (0..4).map(|_| lab.page()).collect();
    for page in &mut deaf {
        page.say(&json!({ "op": "subscribe", "id": 1, "pv": "lab:wave", "depth": "full" }));
        // All batches count as drawn: only the socket holds it back.
        page.say(&json!({ "op": "ack", "n": u64::MAX }));
    }
    let mut quick = lab.page();
    quick.subscribe(1, "lab:count");
    quick.update(1, |_| true);
    let before = metric(&lab, "process_resident_memory_bytes");
    for round in 1..300 {
        lab.wave.post(vec![f64::from(round); 50_000]);
        lab.count.post(round);
        for page in &mut deaf {
            // It may be closed meanwhile.
            let _ = page.socket.send(tungstenite::Message::text(r#"{"op":"ack","n":1000000}"#));
        }
        quick.update(1, |update| update["value"] == round);
    }
    let grown = metric(&lab, "process_resident_memory_bytes") - before;
    // 300 frames of 50 000 elements for 4 pages are 240 MB and more.
    assert!(grown < 100e6, "{grown} bytes more");
    lab.ioc.stop();
}
