//! What is asked over HTTP.

use serde_json::{Value as Json, json};

use crate::lab::{Lab, metric};

#[test]
fn each_documented_path_answers_as_documented() {
    let lab = Lab::new();
    let document = lab.json("/api/openapi.json");
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let path =
            path.replace("{name}", "lab:number").replace("/api/image/{file}", "/api/image/lab:image.png");
        let path = path.replace("/assets/{file}", "/assets/index.html");
        // A WebSocket is no plain request.
        let may_fail = path == "/api/stream";
        let asked =
            if path == "/api/events" { "/api/events?pv=lab:nothing".to_owned() } else { path.clone() };
        let answer = lab.get(&asked);
        let responses = methods["get"]["responses"].as_object().expect("responses");
        let known = responses.contains_key(&answer.status.to_string());
        assert!(known, "{path}: {} is not documented", answer.status);
        assert!(may_fail || path == "/api/events" || answer.status == 200, "{path}: {}", answer.text());
        if answer.status != 200 && answer.status != 304 {
            assert!(!answer.error().is_empty());
        }
    }
    let other = lab.ask("POST /api/pvs HTTP/1.1", &[], b"");
    assert_eq!((other.status, other.error().as_str()), (405, "this path does not take this method"));
    assert_eq!(lab.get("/api/nothing").status, 404);
    lab.ioc.stop();
}

#[test]
fn the_lists_have_each_pv_with_its_device_and_group() {
    let lab = Lab::new();
    let (pvs, devices) = (lab.json("/api/pvs"), lab.json("/api/devices"));
    let find = |name: &str| -> Json {
        pvs.as_array().expect("a list").iter().find(|pv| pv["name"] == name).expect(name).clone()
    };
    assert_eq!(
        find("lab:number"),
        json!({
            "name": "lab:number", "device": "", "group": "lab:", "type": "double", "count": 1, "access": "rw", "detail": false,
            "units": "mm", "record": "", "description": "A number",
        })
    );
    assert_eq!(find("lab:fixed")["access"], "ro");
    let valve = find("lab:pump:valve:open");
    assert_eq!((&valve["device"], &valve["group"]), (&json!("pump"), &json!("valve:")));
    assert_eq!(find("lab:pump:health.ALIVE")["device"], "pump");
    let [pump, rest] = devices.as_array().expect("a list").as_slice() else { panic!("two: {devices}") };
    let of = |key: &str| pump[key].clone();
    assert_eq!(
        [of("name"), of("prefix"), of("template"), of("role")],
        ["pump", "lab:pump:", "lab:pump:seq.", "pump"].map(Json::from)
    );
    assert_eq!(
        pump["commands"],
        json!([
            {
                "name": "wait", "call": "wait(seconds: number s)", "doc": "waits",
                "args": [{"name": "seconds", "what": "number s", "required": true}],
            },
            {
                "name": "panic", "call": "panic(seconds: number s = 0)", "doc": "panics",
                "args": [{"name": "seconds", "what": "number s = 0", "required": false}],
            },
        ])
    );
    let groups: Vec<_> =
        pump["groups"].as_array().expect("groups").iter().map(|group| &group["name"]).collect();
    assert_eq!(groups, ["", "valve:", "seq.", "health."]);
    assert_eq!((&rest["name"], &rest["prefix"], &rest["template"]), (&json!(""), &json!(""), &Json::Null));
    let all = |key: &str| {
        devices.as_array().map_or(0, |all| all.iter().map(|d| d[key].as_array().map_or(0, Vec::len)).sum())
    };
    assert_eq!(all("pvs"), pvs.as_array().map_or(0, Vec::len), "each PV once");
    lab.ioc.stop();
}

#[test]
fn a_pv_is_told_with_metadata_value_and_alarm() {
    let lab = Lab::new();
    lab.number.post(4.5);
    let told = lab.json("/api/pv/lab:number");
    for (key, value) in [
        ("pv", json!("lab:number")),
        ("kind", json!("double")),
        ("units", json!("mm")),
        ("precision", json!(2)),
        ("writable", json!(true)),
        ("description", json!("A number")),
        ("value", json!(4.5)),
        ("status", json!("HIGH")),
        ("severity", json!(1)),
    ] {
        assert_eq!(told[key], value, "{key} in {told}");
    }
    assert_eq!(told["limits"]["control"], json!([-5.0, 5.0]));
    assert!(told["limits"].get("alarm").is_none(), "none is declared");
    assert_eq!(told["limits"]["warning"], json!([-4.0, 4.0]));
    assert_eq!(lab.json("/api/pv/lab:fixed")["writable"], false);
    let text = lab.json("/api/pv/lab:text");
    assert_eq!(
        (&text["as_text"], &text["value"], &text["kind"]),
        (&json!(true), &json!("one"), &json!("char"))
    );
    let mode = lab.json("/api/pv/lab%3Amode");
    assert_eq!((&mode["labels"], &mode["value"]), (&json!(["Off", "On"]), &json!(0)));
    lab.wave.post((0..5000).map(f64::from).collect::<Vec<_>>());
    assert_eq!(lab.json("/api/pv/lab:wave")["value"].as_array().map(Vec::len), Some(5000));
    let plot = lab.json("/api/pv/lab:wave?depth=plot");
    assert_eq!((plot["value"].as_array().map(Vec::len), &plot["of"]), (Some(1000), &json!(5000)));
    assert_eq!(lab.get("/api/pv/lab:wave?depth=deep").status, 400);
    let unknown = lab.get("/api/pv/lab:nothing");
    assert_eq!((unknown.status, &*unknown.error()), (404, "there is no PV \"lab:nothing\" in this IOC"));
    assert_eq!(lab.get("/api/pv/%FF").status, 400, "no UTF-8");
    assert_eq!(lab.json("/api/pv/lab:number.EGU")["value"], "mm");
    lab.ioc.stop();
}

#[test]
fn every_answer_tells_browsers_what_they_may_not_do() {
    let lab = Lab::new();
    for path in ["/", "/api/pvs", "/api/nothing", "/metrics"] {
        let answer = lab.get(path);
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    lab.ioc.stop();
}

#[test]
fn metrics_have_the_form_of_prometheus_and_count() {
    let lab = Lab::new();
    let page = lab.get("/metrics");
    assert_eq!(page.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let mut kinds = std::collections::HashMap::new();
    for line in page.text().lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("name and kind");
            assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} twice");
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').expect("name and value");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let name = name.split('{').next().unwrap_or_default();
            let kind = kinds.get(name).unwrap_or_else(|| panic!("{name} has no type"));
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        }
    }
    let text = page.text();
    assert!(text.contains("ioc_device_up{device=\"pump\",prefix=\"lab:pump:\"} 1"), "{text}");
    assert!(
        text.contains("ioc_device_state{device=\"pump\",prefix=\"lab:pump:\",state=\"Idle\"} 1"),
        "{text}"
    );
    assert!(metric(&lab, "ioc_pvs") > 20.0 && metric(&lab, "process_resident_memory_bytes") > 1e6);
    let before = metric(&lab, "panel_requests_total");
    assert_eq!(metric(&lab, "panel_requests_total"), before + 1.0);
    lab.ioc.stop();
}

#[test]
fn the_report_tells_circuits_with_user_and_bytes() {
    let lab = Lab::new();
    let port = lab.ioc.udp_addresses()[0].port();
    let client =
        wrapper::client::Context::new(wrapper::client::ClientConfig::isolated(port)).expect("a client");
    let channel = client.pv("lab:count");
    assert_eq!(channel.get_as::<i32>().wait().expect("a value"), 0);
    crate::lab::until("a circuit with its counters", || {
        let report = lab.json("/api/server");
        let circuits = report["circuits"].as_array().expect("circuits");
        let Some(circuit) = circuits.first() else { return false };
        circuit["channels"] == 1
            && circuit["received"].as_u64() > Some(0)
            && circuit["sent"].as_u64() > Some(0)
            && !circuit["host"].as_str().unwrap_or_default().is_empty()
    });
    let report = lab.json("/api/server");
    assert_eq!(report["totals"]["accepted"], 1);
    assert!(report["uptime"].as_f64() > Some(0.0) && report["version"].is_string());
    assert_eq!(metric(&lab, "ioc_circuits"), 1.0);
    drop(channel);
    lab.ioc.stop();
}

#[test]
fn files_that_a_browser_has_are_not_sent_again() {
    let lab = Lab::new();
    let first = lab.get("/");
    assert_eq!(first.header("cache-control"), Some("no-cache"));
    let tag = first.header("etag").expect("a tag").to_owned();
    let again = lab.ask("GET / HTTP/1.1", &[("If-None-Match", &tag)], b"");
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(lab.get("/assets/..%2FCargo.toml").status, 404);
    lab.ioc.stop();
}
