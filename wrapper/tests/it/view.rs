//! The PVs of an IOC seen by code of its process.

use wrapper::view::{FeedKey, Feeds, View};
use wrapper::{
    Alarm, ArgType, Command, CommandSpec, Config, DeviceError, DeviceIo, EventMask, GroupBuilder, GroupError,
    Ioc, Post, Pv, Reply, Scalar, SystemDevice, Value,
};

struct Lab {
    ioc: Ioc,
    view: View,
    number: Pv<i32>,
    text: Pv<String>,
}

fn lab() -> Lab {
    let mut group = GroupBuilder::new("v:");
    let number = group.pv("number", 1).units("mm").doc("A number").add().expect("a good PV");
    let text = group.pv("text", "one".to_owned()).add().expect("a good PV");
    group.pv("fixed", 7).read_only().add().expect("a good PV");
    group.on_put(&number, |_, value| if value == 13 { Err("not thirteen") } else { Ok(()) }).expect("a hook");
    let ioc = Ioc::builder().group(group).start(Config::isolated()).expect("an IOC");
    Lab { view: ioc.handle().view(), ioc, number, text }
}

fn long(value: &Value) -> i32 {
    match value {
        Value::Scalar(Scalar::Long(number)) => *number,
        other => panic!("a long, not {other:?}"),
    }
}

/// What waits of one subscription.
fn waiting(feeds: &mut Feeds, key: FeedKey) -> Vec<i32> {
    std::iter::from_fn(|| feeds.try_next())
        .filter(|(of, _)| *of == key)
        .map(|(_, s)| long(&s.value))
        .collect()
}

#[test]
fn puts_meet_the_rights_checks_and_hooks_of_a_client() {
    let lab = lab();
    let refused = |name: &str, text: &str| {
        let channel = lab.view.open(name).expect("served");
        channel.put_text(text, "a test").wait().expect_err("refused").to_string()
    };
    assert_eq!(refused("v:number", "13"), "not thirteen");
    assert_eq!(refused("v:fixed", "1"), "this PV is read-only");
    assert_eq!(refused("v:number.NAME", "x"), "this PV is read-only");
    assert!(refused("v:number", "many").contains("many"));
    let number = lab.view.open("v:number").expect("served");
    assert_eq!(number.put(&Scalar::Double(14.2).into(), "a test").wait(), Ok(()));
    assert_eq!((lab.number.get(), long(&number.get().value)), (14, 14));
    let text = lab.view.open("v:text").expect("served");
    assert_eq!(text.put_text(&"x".repeat(200), "a test").wait(), Ok(()));
    assert_eq!(lab.text.get().len(), 200);
    let units = lab.view.open("v:number.EGU").expect("a field");
    assert_eq!(units.put_text("um", "a test").wait(), Ok(()));
    assert_eq!(&*number.meta().units, "um");
    assert!(lab.view.open("v:nothing").is_none() && lab.view.open("v:number.NOPE").is_none());
    lab.ioc.stop();
}

#[test]
fn feeds_bring_each_update_or_the_last_one() {
    let lab = lab();
    let number = lab.view.open("v:number").expect("served");
    let (mut deep, mut latest) = (lab.view.feeds(100), lab.view.feeds(1));
    let (all, first) = deep.subscribe(&number, EventMask::VALUE);
    assert_eq!(first.map(|state| (long(&state.value), state.alarm)), Some((1, Alarm::NONE)));
    let (one, _) = latest.subscribe(&number, EventMask::VALUE);
    (2..=50).for_each(|value| lab.number.post(value));
    assert_eq!(waiting(&mut deep, all), (2..=50).collect::<Vec<_>>());
    assert_eq!(waiting(&mut latest, one), [50]);
    let poster = lab.number.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let woken = std::thread::spawn(move || runtime.block_on(deep.next()).1);
    poster.post(51);
    assert_eq!(long(&woken.join().expect("woken").value), 51);
    latest.unsubscribe(one);
    lab.number.post(52);
    assert!(waiting(&mut latest, one).is_empty());
    assert_eq!(lab.number.watched(), 0, "the deep feeds are gone");
    lab.ioc.stop();
}

#[test]
fn a_pv_says_how_many_updates_wait() {
    let mut group = GroupBuilder::new("d:");
    let deep = group.pv("deep", 0).feed_depth(200).add().expect("a good PV");
    let last = group.pv("last", 0).feed_depth(1).add().expect("a good PV");
    let ioc = Ioc::builder().group(group).start(Config::isolated()).expect("an IOC");
    let view = ioc.handle().view();
    let mut feeds = view.feeds(10);
    let (all, _) = feeds.subscribe(&view.open("d:deep").expect("served"), EventMask::VALUE);
    let (one, _) = feeds.subscribe(&view.open("d:last").expect("served"), EventMask::VALUE);
    (1..=200).for_each(|value| (deep.post(value), last.post(value)).0);
    let seen: Vec<_> =
        std::iter::from_fn(|| feeds.try_next()).map(|(key, s)| (key, long(&s.value))).collect();
    let of = |key| seen.iter().filter(|(of, _)| *of == key).map(|(_, value)| *value).collect::<Vec<_>>();
    assert_eq!((of(all), of(one)), ((1..=200).collect(), vec![200]));
    ioc.stop();
}

#[test]
fn a_view_outlives_its_ioc_and_shows_nothing_then() {
    let lab = lab();
    assert_eq!(lab.view.pvs().iter().map(|pv| &*pv.doc).collect::<Vec<_>>(), ["A number", "", ""]);
    let number = lab.view.open("v:number").expect("served");
    assert!(lab.ioc.remove("v:number") && !number.is_served() && !number.is_writable());
    assert!(number.put_text("5", "a test").wait().is_err());
    lab.ioc.stop();
    assert!(lab.view.pvs().is_empty() && lab.view.open("v:text").is_none());
}

#[test]
fn the_puts_and_posts_of_a_device_are_traced_by_its_prefix() {
    let lab = lab();
    let handle = lab.ioc.handle();
    let traced = |name: &str| match lab.view.open(&format!("{name}.TPRO")).expect("a field").get().value {
        Value::Scalar(Scalar::Char(on)) => on,
        other => panic!("a char, not {other:?}"),
    };
    assert_eq!((handle.trace("v:", true), handle.trace("nobody:", true)), (3, 0));
    assert_eq!((traced("v:number"), traced("v:text")), (1, 1));
    handle.trace("v:number", false);
    assert_eq!((traced("v:number"), traced("v:text")), (0, 1));
    lab.ioc.stop();
}

/// A device that knows two commands.
struct Stage(Vec<CommandSpec>);

impl SystemDevice for Stage {
    fn kind(&self) -> &'static str {
        "stage"
    }

    fn commands(&self) -> &[CommandSpec] {
        &self.0
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        group.pv("speed", 1.0).add()?;
        group.group("x:", |group| group.pv("at", 0.0).add().map(drop))
    }

    fn execute(&mut self, _: Command, _: &DeviceIo) -> Result<Reply, DeviceError> {
        Ok(Reply::message("done"))
    }
}

#[test]
fn devices_are_told_with_commands_and_groups_and_the_other_pvs_behind_them() {
    let commands = vec![
        CommandSpec::new("move", "moves").arg("to", ArgType::Number, "mm").optional_arg(
            "fast",
            ArgType::Bool,
            "",
            false,
        ),
        CommandSpec::new("", "takes a list").rest(ArgType::Number),
    ];
    let mut group = GroupBuilder::new("v:");
    group.pv("number", 1).add().expect("a good PV");
    let builder =
        Ioc::builder().device("stage", "st:", Box::new(Stage(commands))).expect("a device").group(group);
    let ioc = builder.start(Config::isolated()).expect("an IOC");
    let view = ioc.handle().view();
    let [stage, rest] = view.devices().try_into().expect("a device and the rest");
    let facts = (&*stage.name, &*stage.prefix, stage.template.as_deref(), stage.kind.as_deref());
    assert_eq!(facts, ("stage", "st:", Some("st:seq."), Some("stage")));
    let commands: Vec<_> = stage.commands.iter().map(|c| (&*c.name, &*c.call, &*c.doc)).collect();
    assert_eq!(
        commands,
        [("move", "move(to: number mm, fast: bool = false)", "moves"), ("", "(number...)", "takes a list")]
    );
    let groups: Vec<_> = stage.groups.iter().map(|group| &*group.name).collect();
    assert_eq!(groups, ["", "x:", "seq.", "health."]);
    assert_eq!(
        (&*stage.groups[0].pvs, &*stage.groups[1].pvs),
        (&["st:speed".to_owned()][..], &["st:x:at".to_owned()][..])
    );
    assert_eq!((&*rest.name, rest.template.is_none(), &*rest.pvs), ("", true, &["v:number".to_owned()][..]));
    assert_eq!(stage.pvs.len() + rest.pvs.len(), view.pvs().len());
    let mut late = GroupBuilder::new("late:");
    late.pv("a", 1).add().expect("a good PV");
    ioc.add(late).expect("it is added");
    assert_eq!(view.devices()[1].pvs, ["v:number", "late:a"]);
    assert!(view.is_running());
    ioc.stop();
    assert!(!view.is_running() && view.devices().is_empty() && view.report().circuits.is_empty());
}

#[test]
fn what_a_slow_reader_misses_is_counted() {
    let lab = lab();
    let mut feeds = lab.view.feeds(1);
    let channel = lab.view.open("v:number").expect("served");
    let (key, _) = feeds.subscribe(&channel, EventMask::VALUE);
    (2..7).for_each(|number| lab.number.post(number));
    assert_eq!((feeds.squashed(), waiting(&mut feeds, key)), (4, vec![6]));
    lab.ioc.stop();
}

#[test]
fn the_reason_of_an_alarm_and_the_pv_of_a_field_are_told() {
    let lab = lab();
    let number = lab.view.open("v:number").expect("served");
    assert_eq!(number.alarm_message(), None);
    lab.number.post_with(2, Post::new().alarm(Alarm::LINK).message("the pipe is cut"));
    assert_eq!(number.alarm_message().as_deref(), Some("the pipe is cut"));
    let field = lab.view.open("v:number.EGU").expect("a field");
    assert_eq!((field.describe().name.as_str(), field.describe().doc.as_str()), ("v:number", "A number"));
    lab.ioc.stop();
}
