//! PVs of other IOCs.

use panel::{Settings, Token};
use serde_json::json;
use wrapper::client::ClientConfig;
use wrapper::{Config, GroupBuilder, Ioc, Pv};

use crate::lab::{Lab, TOKEN};

fn other(config: Config) -> (Ioc, Pv<f64>, Pv<String>) {
    let mut group = GroupBuilder::new("other:");
    let number =
        group.pv("number", 2.5).units("K").precision(1).control_limits(0.0..=9.0).add().expect("a PV");
    let text = group.pv("text", "far".to_owned()).add().expect("a PV");
    (Ioc::builder().group(group).start(config).expect("an IOC"), number, text)
}

fn lab(port: u16) -> Lab {
    let token = Some(Token::new(TOKEN).expect("a token"));
    Lab::with(Settings { client: Some(ClientConfig::isolated(port)), token, ..Settings::default() })
}

#[test]
fn a_pinned_pv_is_told_put_lost_and_found() {
    let (ioc, number, _) = other(Config::isolated());
    let udp = ioc.udp_addresses()[0].port();
    let lab = lab(udp);
    let mut page = lab.writer();
    page.say(&json!({ "op": "subscribe", "id": 1, "pv": "other:number", "remote": true }));
    assert_eq!(page.next("gone")["reason"], "it is searched for");
    let meta = page.next("meta");
    assert_eq!(
        (&meta["units"], &meta["kind"], &meta["writable"]),
        (&json!("K"), &json!("double"), &json!(true))
    );
    assert_eq!(meta["limits"]["control"], json!([0.0, 9.0]));
    assert_eq!(page.update(1, |_| true)["value"], 2.5);
    number.post(4.5);
    page.update(1, |update| update["value"] == 4.5);
    page.say(&json!({ "op": "put", "id": 3, "pv": "other:number", "value": 7.5, "remote": true }));
    assert_eq!(page.next("put"), json!({ "type": "put", "id": 3, "ok": true }));
    assert_eq!(number.get(), 7.5);
    page.say(&json!({ "op": "put", "id": 4, "pv": "other:number", "value": 10, "remote": true }));
    let refused = page.next("put");
    assert!(
        refused["ok"] == false && refused["reason"].as_str().is_some_and(|r| r.contains("other:number")),
        "{refused}"
    );
    ioc.stop();
    assert_eq!(page.next("gone")["id"], 1);
    let (again, _, _) = other(Config { server_port: udp, ..Config::isolated() });
    page.find(|message| message["type"] == "meta" && message["id"] == 1);
    page.update(1, |update| update["value"] == 2.5);
    again.stop();
    lab.ioc.stop();
}

#[test]
fn a_text_of_another_ioc_is_a_text() {
    let (ioc, _, text) = other(Config::isolated());
    let lab = lab(ioc.udp_addresses()[0].port());
    let mut page = lab.writer();
    page.say(&json!({ "op": "subscribe", "id": 1, "pv": "other:text", "remote": true }));
    assert_eq!(page.next("meta")["as_text"], true);
    assert_eq!(page.update(1, |_| true)["value"], "far");
    page.say(&json!({ "op": "put", "id": 3, "pv": "other:text", "value": "near", "remote": true }));
    assert_eq!(page.next("put")["ok"], true);
    assert_eq!(text.get(), "near");
    page.update(1, |update| update["value"] == "near");
    page.say(&json!({ "op": "unsubscribe", "id": 1 }));
    ioc.stop();
    lab.ioc.stop();
}

#[test]
fn pins_are_bounded_and_puts_to_them_need_the_token() {
    let (ioc, number, _) = other(Config::isolated());
    let lab = lab(ioc.udp_addresses()[0].port());
    let mut page = lab.page();
    page.say(&json!({ "op": "put", "id": 1, "pv": "other:number", "value": 5, "remote": true }));
    assert_eq!(page.next("put")["reason"], "writing needs the token");
    assert_eq!(number.get(), 2.5);
    for name in [String::new(), "x".repeat(501)] {
        page.say(&json!({ "op": "subscribe", "id": 1, "pv": name, "remote": true }));
        assert!(page.next("refused")["reason"].as_str().is_some_and(|reason| reason.contains("1 to 500")));
    }
    for id in 0..256 {
        page.say(&json!({ "op": "subscribe", "id": id, "pv": format!("nobody:{id}"), "remote": true }));
    }
    page.say(&json!({ "op": "subscribe", "id": 999, "pv": "other:number", "remote": true }));
    assert!(page.next("refused")["reason"].as_str().is_some_and(|reason| reason.contains("256")));
    assert_eq!(page.subscribe(1000, "lab:number")["type"], "meta", "own PVs are not among them");
    ioc.stop();
    lab.ioc.stop();
}
