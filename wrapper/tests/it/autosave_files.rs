//! Files that are damaged, folders that cannot be written, backups, and who may save where.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use wrapper::{Alarm, Config, GroupBuilder, Ioc, IocError};

use crate::autosave::{Folder, client, double, one, save, start_with, text};
use crate::raw::eventually;

/// A folder whose file has 2 and whose backup has 1.
fn with_backup(name: &str) -> Folder {
    let folder = Folder::new(name);
    let (ioc, x) = one(&folder);
    let mut raw = client(&ioc);
    assert_eq!(save(&mut raw), 1);
    x.post(2.0);
    assert_eq!(save(&mut raw), 1);
    ioc.stop();
    assert_eq!(folder.with("lab_2").len(), 1);
    folder
}

#[test]
fn a_damaged_file_is_set_aside_and_the_newest_good_one_used() {
    let whole = {
        let folder = with_backup("whole");
        folder.text()
    };
    let damages: [(&str, &dyn Fn(&Path)); 6] = [
        ("empty", &|file| fs::write(file, "").expect("written")),
        ("truncated", &|file| fs::write(file, &whole[..whole.len() - 3]).expect("written")),
        ("garbage", &|file| fs::write(file, [0xFF, 0, 0xFE]).expect("written")),
        ("huge", &|file| File::create(file).and_then(|file| file.set_len(1 << 33)).expect("a sparse file")),
        ("newer", &|file| fs::write(file, r#"{"format": 2, "pvs": {}}"#).expect("written")),
        ("folder", &|file| fs::remove_file(file).and_then(|()| fs::create_dir(file)).expect("a folder")),
    ];
    for (name, damage) in damages {
        let folder = with_backup(name);
        damage(&folder.file());
        let (ioc, x) = one(&folder);
        assert_eq!(x.get(), 1.0, "{name}: the backup has it");
        assert_eq!(folder.with("lab_damaged-").len(), 1, "{name}");
        let mut raw = client(&ioc);
        assert_eq!((save(&mut raw), text(&mut raw, "lab:SAVE_MESSAGE")), (1, "4 PVs saved".to_owned()));
        ioc.stop();
        let (ioc, x) = one(&folder);
        assert_eq!((x.get(), folder.with("damaged").len()), (1.0, 1), "{name}: the file is whole again");
        ioc.stop();
    }
}

#[test]
fn with_all_files_damaged_the_ioc_starts_with_what_is_declared() {
    let folder = with_backup("all-damaged");
    let backup = folder.with("lab_2").remove(0);
    for file in [folder.file(), folder.path().join(backup)] {
        fs::write(file, "{").expect("written");
    }
    let (ioc, x) = one(&folder);
    assert_eq!((x.get(), folder.with("damaged").len()), (1.0, 2));
    ioc.stop();
}

#[test]
fn without_its_file_the_newest_backup_is_used() {
    let folder = with_backup("gone");
    fs::remove_file(folder.file()).expect("it was there");
    let (ioc, x) = one(&folder);
    assert_eq!(x.get(), 1.0);
    ioc.stop();
}

#[test]
fn an_entry_that_is_none_harms_no_other() {
    let folder = Folder::new("entry");
    fs::create_dir_all(folder.path()).expect("a folder");
    let file = r#"{"format": 1, "pvs": {"lab:x": {"value": 5}, "lab:y": 7, "lab:ACCESS": {"value": {}}}}"#;
    fs::write(folder.file(), file).expect("written");
    let (ioc, x) = one(&folder);
    assert_eq!(x.get(), 5.0);
    let mut raw = client(&ioc);
    assert_eq!(double(&mut raw, "lab:SAVE_MISFITS"), 1.0);
    ioc.stop();
    assert!(folder.text().contains(r#""lab:y": 7"#), "{}", folder.text());
}

#[test]
fn a_folder_is_for_one_ioc() {
    let folder = Folder::new("lock");
    let (first, _) = one(&folder);
    let second = Ioc::builder().autosave(folder.settings().name("other")).start(Config::isolated());
    let error = match second {
        Err(error @ IocError::Autosave(_)) => error.to_string(),
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("both save into one folder"),
    };
    assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
    assert!(error.contains("autosave-lock") && error.contains("one IOC"), "{error}");
    first.stop();
    one(&folder).0.stop();
}

#[test]
fn a_full_disk_is_an_alarm_and_a_word_and_saving_goes_on_when_there_is_room() {
    let folder = Folder::new("full");
    let (ioc, x) = one(&folder);
    let mut raw = client(&ioc);
    assert_eq!(save(&mut raw), 1);
    std::os::unix::fs::symlink("/dev/full", folder.path().join(".lab.tmp")).expect("a link");
    x.post(2.0);
    let failures = || {
        let mut raw = client(&ioc);
        double(&mut raw, "lab:SAVE_FAILURES")
    };
    eventually("it fails", || (failures() == 1.0).then_some(()));
    assert!(text(&mut raw, "lab:SAVE_MESSAGE").contains("No space left"), "its reason is told");
    let time = raw.channel("lab:SAVE_TIME");
    let alarm = raw.get(time, 13, 1).payload[..4].to_vec();
    assert_eq!(alarm, [0, Alarm::WRITE.status.code() as u8, 0, 2], "WRITE, MAJOR");
    assert!(folder.text().contains(r#""lab:x": {"value":1.0}"#), "the old file is whole");
    // What was written of the new one is removed, and that makes room here.
    eventually("it is saved", || folder.text().contains(r#""lab:x": {"value":2.0}"#).then_some(()));
    eventually("the alarm ends", || (raw.get(time, 13, 1).payload[..4] == [0; 4]).then_some(()));
    ioc.stop();
}

#[test]
fn a_folder_that_cannot_be_is_an_alarm_from_the_start_and_is_used_when_it_can() {
    let folder = Folder::new("none");
    let blocked = folder.path().join("sub");
    fs::create_dir_all(folder.path()).expect("a folder");
    fs::write(&blocked, "a file in its place").expect("written");
    let mut group = GroupBuilder::new("lab:");
    let x = group.pv("x", 1.0).autosave().add().expect("good");
    let ioc = start_with(folder.settings().dir(&blocked), group);
    let mut raw = client(&ioc);
    let failures = raw.channel("lab:SAVE_FAILURES");
    eventually("it fails", || (raw.get(failures, 5, 1).long() > 0).then_some(()));
    assert_eq!(save(&mut raw), 160, "who asks for a save is told");
    x.post(2.0);
    fs::remove_file(&blocked).expect("it was there");
    eventually("it is saved", || blocked.join("lab.json").exists().then_some(()));
    assert_eq!(save(&mut raw), 1);
    ioc.stop();
}

#[test]
fn backups_are_kept_by_count_and_by_age() {
    // Old ones, ones from the future, and what is left of both and of the one that is made.
    for (old, future, left) in [(5, 9, 6), (2, 2, 3)] {
        let folder = with_backup("backups");
        let made = folder.with("lab_2").remove(0);
        fs::remove_file(folder.path().join(made)).expect("it was there");
        let old = (1..=old).map(|day| format!("lab_2020010{day}-000000.json"));
        let dated = old.chain((1..=future).map(|day| format!("lab_2099010{day}-000000.json")));
        let others = ["lab_x.json", "lab_20200101-00000x.json", "other_20200101-000000.json"];
        for name in dated.chain(others.map(str::to_owned)) {
            fs::write(folder.path().join(name), "{}").expect("written");
        }
        let mut group = GroupBuilder::new("lab:");
        let x = group.pv("x", 1.0).autosave().add().expect("good");
        let ioc = start_with(folder.settings().backups(6).keep(Duration::from_secs(86_400)), group);
        x.post(9.0);
        let mut raw = client(&ioc);
        assert_eq!(save(&mut raw), 1);
        let dated: Vec<_> = folder.with("lab_20").into_iter().filter(|name| !name.contains('x')).collect();
        assert_eq!(dated.len(), left, "{dated:?}");
        assert!(dated.iter().all(|name| !name.contains("lab_2020")), "the newest stay: {dated:?}");
        assert!(others.iter().all(|name| folder.path().join(name).exists()), "what is no backup stays");
        ioc.stop();
    }
}

#[test]
fn a_backup_is_made_once_an_hour() {
    let folder = with_backup("hourly");
    for value in [3.0, 4.0] {
        let (ioc, x) = one(&folder);
        x.post(value);
        ioc.stop();
    }
    let backups = folder.with("lab_2");
    assert_eq!(backups.len(), 1, "{backups:?}");
    let before = Timestamp::now() - Duration::from_secs(2 * 3600);
    let earlier = before.to_zoned(TimeZone::UTC).strftime("lab_%Y%m%d-%H%M%S.json").to_string();
    fs::rename(folder.path().join(&backups[0]), folder.path().join(earlier)).expect("it was there");
    let (ioc, x) = one(&folder);
    x.post(5.0);
    ioc.stop();
    assert_eq!(folder.with("lab_2").len(), 2, "the first is two hours old");
}
