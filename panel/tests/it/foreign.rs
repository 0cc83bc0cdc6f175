//! Pages of others, and names that are bound to this host.

use panel::Settings;

use crate::lab::{Lab, TOKEN, metric};

#[test]
fn a_foreign_host_gets_nothing() {
    let lab = Lab::new();
    for host in ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "192.168.7.7", ""] {
        for path in ["/", "/api/pvs", "/metrics", "/api/stream", "/api/nothing"] {
            let answer = lab.ask(&format!("GET {path} HTTP/1.1"), &[("Host", host)], b"");
            assert_eq!(answer.status, 403, "{host:?} {path}");
            assert!(answer.error().contains("--panel-origin"), "{}", answer.text());
        }
        let page = lab.try_page(&[("host", host)]);
        assert_eq!(page.err(), Some(403), "{host:?}");
    }
    let absolute = lab.ask("GET http://evil.example/api/pvs HTTP/1.1", &[("Host", "localhost")], b"");
    assert_eq!(absolute.status, 403, "also in the line of the request");
    let twice = lab.ask("GET /api/pvs HTTP/1.1", &[("Host", "localhost"), ("host", "evil.example")], b"");
    assert!([400, 403].contains(&twice.status), "{}", twice.status);
    assert_eq!(
        lab.ask("GET /api/pvs HTTP/1.1", &[("Host", "localhost:9")], b"").status,
        200,
        "an SSH tunnel"
    );
    assert!(metric(&lab, "panel_refused_total{reason=\"foreign\"}") >= 30.0);
    lab.ioc.stop();
}

#[test]
fn a_foreign_origin_gets_nothing() {
    let lab = Lab::new();
    let own = format!("http://{}", lab.address);
    for origin in ["https://evil.example", "http://localhost:1", "null", "", "http://127.0.0.1", "file://"] {
        assert_eq!(lab.try_page(&[("origin", origin)]).err(), Some(403), "{origin:?}");
        let token = format!("Bearer {TOKEN}");
        let headers = [("Origin", origin), ("Authorization", &token)];
        let answer = lab.ask("PUT /api/pv/lab:number HTTP/1.1", &headers, b"{\"value\":2}");
        assert_eq!(answer.status, 403, "{origin:?}");
        assert_eq!(lab.ask("GET /api/pvs HTTP/1.1", &[("Origin", origin)], b"").status, 403);
    }
    assert_eq!(lab.number.get(), 1.5);
    assert!(lab.try_page(&[("origin", &own)]).is_ok());
    lab.ioc.stop();
}

#[test]
fn an_allowed_name_of_a_proxy_is_served() {
    let origins = vec!["https://panel.lab.example".parse().expect("an origin")];
    let lab = Lab::with(Settings { origins, ..Settings::default() });
    let named = [("host", "panel.lab.example"), ("origin", "https://panel.lab.example")];
    let mut page = lab.try_page(&named).expect("a page");
    assert_eq!(page.next("hello")["write"], "off");
    assert!(
        lab.try_page(&[("origin", "https://panel.lab.example")]).is_ok(),
        "a proxy that tells its own host"
    );
    assert_eq!(lab.try_page(&[("origin", "https://lab.example")]).err(), Some(403));
    lab.ioc.stop();
}
