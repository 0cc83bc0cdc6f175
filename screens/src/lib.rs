//! Operator screens for Phoebus and PyDM, and classes for ophyd, from the table of PVs of an IOC.
//!
//! The table is all that is known here: no device, no server and no network. The same table makes the same bytes.
//!
//! ```
//! let text = r#"[{"device": "lab", "prefix": "lab:", "pvs": [
//!     {"name": "lab:x", "pv_type": "double", "array": false, "access": "rw", "units": "mm"}]}]"#;
//! let table = screens::Table::parse(text)?;
//! let names: Vec<_> = screens::screens(&table).into_iter().map(|file| file.name).collect();
//! assert_eq!(names, ["lab.bob", "lab.ui", "overview.bob", "overview.ui"]);
//! # Ok::<(), screens::TableError>(())
//! ```

mod bob;
mod files;
mod images;
mod layout;
mod names;
mod ophyd;
mod table;
mod ui;
mod xml;

pub use files::{File, WriteError, Written, write};
pub use table::{Access, Command, Device, Kind, Pv, Table, TableError};

/// Screens of all devices and one that leads to them, each for Phoebus (`.bob`) and for PyDM (`.ui`).
pub fn screens(table: &Table) -> Vec<File> {
    let made = layout::screens(table);
    let files = made.iter().flat_map(|screen| {
        let file = |ending: &str, text: String| File { name: format!("{}.{ending}", screen.stem), text };
        [file("bob", bob::render(screen)), file("ui", ui::render(screen))]
    });
    files.collect()
}

/// A Python module with ophyd classes for each device, and a happi database that knows them.
pub fn ophyd(table: &Table) -> Vec<File> {
    ophyd::files(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(pvs: &str) -> Table {
        let text =
            format!(r#"[{{"device": "x", "prefix": "x:", "about": "\"\"\" \\ end", "pvs": [{pvs}]}}]"#);
        Table::parse(&text).expect("a table")
    }

    fn pv(name: &str, more: &str) -> String {
        format!(r#"{{"name": "x:{name}", "pv_type": "double", "array": false, "access": "rw"{more}}}"#)
    }

    #[test]
    fn names_that_python_keeps_or_ophyd_has_get_another_attribute() {
        let pvs = ["read", "Class", "a-b", "a_b", "1"].map(|name| pv(name, "")).join(",");
        let module = &ophyd(&table(&pvs))[0];
        assert_eq!(module.name, "x_device.py");
        for line in [
            "read_2 = Pv(EpicsSignal, \"read\"",
            "class_ = Pv(",
            "a_b = Pv(EpicsSignal, \"a-b\"",
            "a_b_2 = Pv(",
            "n1 = Pv(",
        ] {
            assert!(module.text.contains(&format!("    {line}")), "{line} in\n{}", module.text);
        }
        assert!(module.text.contains(r#""""\"\"\" \\ end""""#), "{}", module.text);
    }

    #[test]
    fn ophyd_reads_the_groups_of_the_author_and_leaves_out_those_that_every_device_has() {
        let names = [
            "A:value",
            "A:in.value",
            "seq.CMD",
            "health.ALIVE",
            "A:seq.CMD",
            "A:health.ALIVE",
            "A:ioc.SYSRESET",
        ];
        let read = r#", "access": "ro""#;
        let pvs = names.map(|name| pv(name, "").replace(r#", "access": "rw""#, read)).join(",");
        let module = &ophyd(&table(&pvs))[0].text;
        assert!(module.contains("value = Pv(EpicsSignalRO, \"value\", kind=\"hinted\""), "{module}");
        for line in [
            "a = Component(XA, \"A:\", kind=\"normal\")",
            "a_in = Component(XAIn, \"A:in.\", kind=\"normal\")",
            "seq = Component(XSeq, \"seq.\", kind=\"omitted\")",
            "health = Component(XHealth, \"health.\", kind=\"omitted\")",
            "a_seq = Component(XASeq, \"A:seq.\", kind=\"omitted\")",
            "a_health = Component(XAHealth, \"A:health.\", kind=\"omitted\")",
            "a_ioc = Component(XAIoc, \"A:ioc.\", kind=\"omitted\")",
        ] {
            assert!(module.contains(&format!("    {line}\n")), "{line} in\n{module}");
        }
        let own = &ophyd(&table(&pv("health.pulse", "")))[0].text;
        assert!(own.contains("Component(XHealth, \"health.\", kind=\"normal\")"), "{own}");
    }

    #[test]
    fn an_image_without_one_of_a_single_colour_is_named_where_pydm_cannot_show_it() {
        let bytes = r#"{"name": "x:image", "pv_type": "char", "array": true, "access": "ro"}"#;
        let size = |name: &str, start: u32| pv(name, &format!(r#", "start": {start}"#));
        let pvs = [bytes.to_owned(), size("width", 20), size("height", 10), size("depth", 3)].join(",");
        let files = screens(&table(&pvs));
        assert!(
            files[0].text.contains("<color_mode>3</color_mode>") && files[0].text.contains("<data_width>20<")
        );
        assert!(files[1].text.contains("PyDM has no widget for the colours of x:image"));
        let alone = screens(&table(bytes));
        assert!(!alone[0].text.contains("x:image"), "without a size it is no image");
    }

    #[test]
    fn a_screen_without_pvs_is_a_screen() {
        let names: Vec<_> = screens(&table("")).into_iter().map(|file| file.name).collect();
        assert_eq!(names, ["x.bob", "x.ui", "overview.bob", "overview.ui"]);
    }

    #[test]
    fn panels_fill_the_screen_without_covering_each_other() {
        let pvs: Vec<_> = (0..170).map(|n| pv(&format!("g{}:v{n}", n / 9), "")).collect();
        for screen in layout::screens(&table(&pvs.join(","))) {
            for (i, panel) in screen.panels.iter().enumerate() {
                let (right, bottom) = (panel.at.x + panel.at.w, panel.at.y + panel.at.h);
                assert!(
                    right < screen.size.0 && bottom < screen.size.1,
                    "{} leaves {}",
                    panel.title,
                    screen.stem
                );
                for other in &screen.panels[i + 1..] {
                    let beside = other.at.x >= right || other.at.x + other.at.w <= panel.at.x;
                    let below = other.at.y >= bottom || other.at.y + other.at.h <= panel.at.y;
                    assert!(beside || below, "{} covers {}", panel.title, other.title);
                }
            }
        }
    }
}
