//! Tests in a network namespace of their own, where addresses come and go.

use std::process::Command;

const INSIDE: &str = "CA_TEST_INSIDE_NAMESPACE";

/// True inside a namespace that has nothing but loopback. Outside, runs the test `name` again in such a
/// one and returns false; says so and does nothing where there are no namespaces.
pub(crate) fn is_inside(name: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        ip("link set lo up");
        return true;
    }
    let unshare = ["--user", "--map-root-user", "--net"];
    let works = Command::new("unshare").args(unshare).args(["ip", "link"]).output();
    if !works.is_ok_and(|output| output.status.success()) {
        println!("skipped: no network namespaces here");
        return false;
    }
    let output = Command::new("unshare")
        .args(unshare)
        .arg(std::env::current_exe().expect("this program"))
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .expect("the test runs");
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{words}{}", String::from_utf8_lossy(&output.stderr));
    assert!(words.contains("1 passed"), "no test is named {name}: {words}");
    false
}

/// Runs `ip` with these words.
pub(crate) fn ip(words: &str) {
    let status = Command::new("ip").args(words.split(' ')).status().expect("ip runs");
    assert!(status.success(), "ip {words}");
}
