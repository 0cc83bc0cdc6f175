//! What the captured calls do not show: what is sent, failures, time stamps, reconnections, odd arguments.

use ca_proto::Eca;
use ca_proto::dbr::{FixedString, NativeType, Scalar, Stamp, Value};

use super::fake::Fake;
use super::{Said, run_in};
use crate::tools::Call;
use crate::tools::access::Event;

fn run(fake: &mut Fake, line: &str) -> Said {
    run_in(fake, &line.split(' ').collect::<Vec<_>>(), None)
}

/// What a fresh client was told to send.
fn sent(line: &str) -> String {
    let mut fake = Fake::new();
    run(&mut fake, line);
    fake.sent.join(", ")
}

/// Runs with a changed client, by base's name and as subcommand: output, errors, both statuses.
#[track_caller]
fn expect(change: impl Fn(&mut Fake), line: &str, out: &str, err: &str, statuses: [u8; 2]) {
    let (tool, rest) = line.split_once(' ').expect("arguments");
    let subcommand = format!("seqioc {}", tool.trim_start_matches("ca"));
    for (name, status) in [tool, &subcommand].into_iter().zip(statuses) {
        let mut fake = Fake::new();
        change(&mut fake);
        let mut said = run(&mut fake, &format!("{name} {rest}"));
        said.err = said.err.replace(&subcommand, tool);
        let err = if name == tool { err.to_owned() } else { err.replace("\x1b[31;1mERROR\x1b[0m", "ERROR") };
        let out = out.to_owned();
        assert_eq!(said, Said { out, err, status }, "{name} {rest}");
    }
}

#[test]
fn many_names_are_one_batch() {
    assert_eq!(sent("caget g:ao g:wfd g:bo"), "connect 3 names at 0, get 20x1 20x8 14x1 within 1s");
    assert_eq!(sent("caget -c -p 200 g:ao g:wfd"), "connect 2 names at 99, get 20x0 20x0 within 1s");
    assert!(sent("caget -p 4294967297 g:ao").starts_with("connect 1 names at 1,"));
    assert_eq!(sent("caget -# 3 -w 2.5 g:wfd g:ao"), "connect 2 names at 0, get 20x3 20x1 within 2.5s");
    assert_eq!(sent("caget -#-1 g:wfd"), "connect 1 names at 0, get 20x8 within 1s");
    assert_eq!(sent("caget -sn g:ao g:bo"), "connect 2 names at 0, get 14x1 15x1 within 1s");
}

#[test]
fn puts_send_what_libca_sends() {
    let put = |line: &str| sent(line).split(", ").filter(|one| one.starts_with("put")).collect::<String>();
    assert_eq!(put("caput g:ao 5"), "put 0x1 2 bytes within 1s");
    assert_eq!(put("caput -c -w 3 g:ao 5"), "put notify 0x1 2 bytes within 3s");
    assert_eq!(put("caput -c -w 0 g:ao 5"), "put notify 0x1 2 bytes within 0ns");
    assert_eq!(put("caput -a g:wfd 2 1 2"), "put 0x2 80 bytes within 1s");
    assert_eq!(put("caput -S g:wfc a\\tb"), "put 4x4 4 bytes within 1s");
    assert_eq!(put("caput g:bo Open"), "put 0x1 5 bytes within 1s");
    assert_eq!(put("caput g:bo 1"), "put 6x1 8 bytes within 1s");
    assert_eq!(sent("caput -t g:bo 1").matches("get 24x1").count(), 1);
}

#[test]
fn a_value_may_start_with_a_minus() {
    let said = run(&mut Fake::new(), "caput -t g:long -5");
    assert_eq!((&said.out[..], said.status), ("-5\n", 0));
}

#[test]
fn a_get_that_is_not_answered_shows_zeros_as_base_does() {
    let late = |fake: &mut Fake| fake.get_status = Eca::TIMEOUT;
    let err = "Read operation timed out: some PV data was not read.\n";
    let pad = format!("{:31}", "g:ao");
    expect(late, "caget g:ao", &format!("{pad}0\n"), err, [0, 1]);
    let out = format!("{pad}*** no data available (timeout)\n");
    expect(late, "caget -c g:ao", &out, err, [0, 1]);
    expect(late, "caget -a g:ao", &format!("{pad}<undefined> 0  \n"), err, [0, 1]);
    expect(late, "caput g:bo 1", "", "Read operation timed out: ENUM data was not read.\n", [1, 1]);
}

#[test]
fn a_callback_tells_its_status() {
    let fail = |fake: &mut Fake| fake.get_status = Eca::GETFAIL;
    let err = "Read operation timed out: some PV data was not read.\n";
    expect(fail, "caget -ct g:ao", "*** CA error Channel read request failed\n", err, [0, 1]);
    let out = "g:ao\n    *** CA error Channel read request failed\n";
    expect(fail, "caget -c -d 6 g:ao", out, err, [0, 1]);
}

#[test]
fn access_is_looked_at_before_anything_is_sent() {
    let closed = |fake: &mut Fake| (fake.readable, fake.writable) = (false, false);
    expect(closed, "caget -t g:ao", "*** no read access\n", "", [0, 1]);
    let wide = format!("{:31}2026-11-20 13:02:11.865243 *** no read access\n", "g:ao");
    expect(closed, "caget -a g:ao", &wide, "", [0, 1]);
    let error = "\x1b[31;1mERROR\x1b[0m from put operation: Write access denied\n";
    expect(closed, "caput -t g:ao 5", "", error, [1, 1]);
    let mut fake = Fake::new();
    closed(&mut fake);
    let said = run(&mut fake, "cainfo g:ao");
    assert!(said.out.contains("Access:           no read, no write\n"), "{}", said.out);
}

#[test]
fn a_put_with_callback_tells_how_it_ended() {
    let late = |fake: &mut Fake| fake.put_status = Eca::TIMEOUT;
    expect(late, "caput -ct g:ao 5", "12.3456\n", "Write callback operation timed out\n", [0, 1]);
    let fail = |fake: &mut Fake| fake.put_status = Eca::PUTFAIL;
    let error = "\x1b[31;1mERROR\x1b[0m occured writing data: Channel write request failed\n";
    expect(fail, "caput -ct g:ao 5", "", error, [1, 1]);
}

#[test]
fn states_are_labels_first_then_numbers() {
    expect(|_| (), "caput -t -n g:bo Open", "", "Enum index value 'Open' is not a number.\n", [1, 1]);
    expect(|_| (), "caput -t -s g:bo 1", "", "Enum string value '1' invalid.\n", [1, 1]);
    let named = |fake: &mut Fake| fake.field("g:bo").value = Value::Scalar(Scalar::Enum(0));
    expect(named, "caput -t g:bo 1.0", "Open\n", "", [0, 0]);
}

#[test]
fn texts_are_escaped() {
    let odd = |fake: &mut Fake| {
        fake.field("g:string").value = Value::Scalar(Scalar::String(FixedString::from_bytes(b"a\n\"\xb5")));
    };
    expect(odd, "caget -t g:string", "a\\n\\\"\\xb5\n", "", [0, 0]);
    let said = run(&mut Fake::new(), "caput -t g:string a\\x41\\0b");
    assert_eq!(said.out, "aA\n");
}

#[test]
fn odd_arguments_are_answered_as_base_answers_them() {
    let hint = " ('caget -h' for help.)\n";
    for (options, complaint) in [
        ("-w x", format!("'x' is not a valid timeout value - ignored, using '1.0'.{hint}")),
        ("-w 2s", format!("'2s' is not a valid timeout value - ignored, using '1.0'.{hint}")),
        ("-p x", format!("'x' is not a valid CA priority - ignored.{hint}")),
        ("-e x", "Invalid precision argument 'x' for option '-e' - ignored.\n".to_owned()),
        ("-f -1", "Precision -1 for option '-f' out of range - ignored.\n".to_owned()),
        ("-0q", "Invalid argument 'q' for option '-0' - ignored.\n".to_owned()),
        ("-l q", "Invalid argument 'q' for option '-l' - ignored.\n".to_owned()),
        ("-a -t", format!("Options t,d,a are mutually exclusive.{hint}")),
    ] {
        let line = format!("caget -t {options} g:ao");
        let line = if options == "-a -t" { "caget -a -t g:ao" } else { &line };
        expect(|_| (), line, "12.3456\n", &complaint, [0, 0]);
    }
    expect(|_| (), "caget -t g:ao -w", "", &format!("Option '-w' requires an argument.{hint}"), [1, 1]);
    expect(|_| (), "caget -t --help", "", &format!("Unrecognized option: '--'.{hint}"), [1, 1]);
    assert_eq!(run(&mut Fake::new(), "caget -i g:ao").status, 1);
    let said = run_in(&mut Fake::new(), &["caget", "-F", "", "g:ao"], None);
    assert_eq!(said.out, "g:ao\x0012.3456\n");
    let bad = "CA error Invalid string occurred while trying to create channel ''.\n";
    assert_eq!(run_in(&mut Fake::new(), &["caget", ""], None).err, bad);
    let mixed = run(&mut Fake::new(), "caget -d 6 -0x g:ao");
    assert!(mixed.out.contains("DBR_LONG") && mixed.out.contains("0xC"), "{}", mixed.out);
}

#[test]
fn the_environment_gives_the_wait_time() {
    let timed = |text: &str| {
        let mut fake = Fake::new();
        let said = run_in(&mut fake, &["caget", "g:ao"], Some(text));
        (fake.sent[1].clone(), said.err)
    };
    assert_eq!(timed("7"), ("get 20x1 within 7s".to_owned(), String::new()));
    let (sent, err) = timed("soon");
    assert_eq!(sent, "get 20x1 within 1s");
    assert!(err.starts_with("'soon' is not a valid timeout value (from 'EPICS_CLI_TIMEOUT'"), "{err}");
    assert_eq!(timed("0").0, "get 20x1 within 630720000s");
}

#[test]
fn info_can_report_on_the_client() {
    assert_eq!(run(&mut Fake::new(), "cainfo -s 2").out, "level 2\n");
    assert_eq!(run(&mut Fake::new(), "cainfo -n g:ao").status, 1);
}

/// A monitor of two PVs whose stamps are 10 s after the epoch, then two updates 1.5 s and 2 s later.
fn stamped(options: &str) -> Vec<String> {
    let mut fake = Fake::new();
    let stamp =
        |fake: &mut Fake, name: &str, seconds, nanos| fake.field(name).stamp = Stamp { seconds, nanos };
    stamp(&mut fake, "g:ao", 11, 500_000_000);
    fake.update(0, "g:ao", 20);
    stamp(&mut fake, "g:long", 12, 0);
    fake.update(1, "g:long", 19);
    for name in ["g:ao", "g:long"] {
        stamp(&mut fake, name, 10, 0);
    }
    let said = run(&mut fake, &format!("camonitor -F , {options} g:ao g:long"));
    said.out.lines().map(|line| line.split(',').nth(1).unwrap_or_default().trim().to_owned()).collect()
}

#[test]
fn time_stamps_are_absolute_relative_or_incremental() {
    let first = "1990-01-01 00:00:10.000000";
    let now = "(2026-11-20 13:02:11.865243)";
    assert_eq!(stamped("-ts"), [first, first, "1990-01-01 00:00:11.500000", "1990-01-01 00:00:12.000000"]);
    assert_eq!(stamped("-tsr"), [first, first, "+1.500000", "+2.000000"]);
    assert_eq!(stamped("-tsi"), [first, first, "+1.500000", "+0.500000"]);
    assert_eq!(stamped("-tsI"), [first, first, "+1.500000", "+2.000000"]);
    assert_eq!(stamped("-tcr"), [now, now, "(   +0.000000)", "(   +0.000000)"]);
    let both = format!("{first}{now}");
    assert_eq!(stamped("-tsc")[0], both);
    assert_eq!(stamped("-tn"), ["", "", "", ""]);
}

#[test]
fn a_monitor_tells_of_lost_and_new_connections() {
    let mut fake = Fake::new();
    fake.events.push_back(Event::Disconnected(0));
    fake.events.push_back(Event::Connected(0));
    fake.update(0, "g:ao", 20);
    fake.events.push_back(Event::Update(0, Box::new(Err(Eca::GETFAIL))));
    let said = run(&mut fake, "camonitor g:ao");
    let pad = format!("{:31}", "g:ao");
    let update = format!("{pad}<undefined> 12.3456  \n");
    let lost = format!("{pad}2026-11-20 13:02:11.865243 *** disconnected\n");
    assert_eq!(said.out, format!("{update}{lost}{update}"));
    let subscriptions = fake.sent.iter().filter(|sent| sent.starts_with("subscribe")).count();
    assert_eq!(subscriptions, 1, "the client renews it");
}

#[test]
fn a_monitor_subscribes_anew_when_the_type_has_changed() {
    let sent = |line: &str| {
        let mut fake = Fake::new();
        run(&mut fake, line);
        fake.sent.pop().unwrap_or_default()
    };
    assert_eq!(sent("camonitor g:wfd"), "subscribe 20x0 mask 5");
    assert_eq!(sent("camonitor -mlp -#3 g:wfd"), "subscribe 20x3 mask 10");
    let mut fake = Fake::new();
    run_in(&mut fake, &["camonitor", "-m", "", "g:ao"], None);
    assert_eq!(fake.sent, ["connect 1 names at 0"], "a mask of nothing is no subscription");
    assert_eq!(sent("camonitor -n g:bo"), "subscribe 15x0 mask 5");
    assert_eq!(sent("camonitor -s g:ao"), "subscribe 14x0 mask 5");
    let mut fake = Fake::new();
    fake.events.push_back(Event::Connected(0));
    fake.change_type("g:ao", Scalar::Long(3));
    let said = run(&mut fake, "camonitor -ts g:ao");
    assert!(said.out.ends_with(" 3  \n"), "{}", said.out);
    assert_eq!(fake.sent[1..], ["subscribe 20x0 mask 5", "subscribe 19x0 mask 5"]);
    assert_eq!(fake.field("g:ao").native(), NativeType::Long);
}

#[test]
fn a_tool_is_named_by_the_program_or_by_the_subcommand() {
    let of = |line: &[&str]| {
        let call = Call::of(line.iter().map(Into::into))?;
        Some((call.program, call.strict, call.words.len()))
    };
    assert_eq!(of(&["/usr/bin/caget", "a"]), Some(("caget".into(), false, 1)));
    assert_eq!(of(&["seqioc", "monitor", "a", "b"]), Some(("seqioc monitor".into(), true, 2)));
    assert_eq!(of(&["other", "put"]), Some(("seqioc put".into(), true, 0)));
    assert_eq!(of(&["seqioc", "run", "get"]), None);
    assert_eq!(of(&["seqioc"]), None);
}
