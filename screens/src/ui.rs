//! Screens of PyDM, `.ui`.

use crate::images::Image;
use crate::layout::{
    CURVE, FAINT, INK, Item, LINE, PAGE, PANEL, Panel, READ, Rect, Rgb, STRIP, Screen, Style, TITLE, WRITE,
    Widget,
};
use crate::table::split;
use crate::xml::Xml;

/// Widgets of PyDM: class, what it extends, where it is.
const CLASSES: &[(&str, &str, &str)] = &[
    ("PyDMByteIndicator", "QWidget", "pydm.widgets.byte"),
    ("PyDMEnumComboBox", "QComboBox", "pydm.widgets.enum_combo_box"),
    ("PyDMImageView", "QWidget", "pydm.widgets.image"),
    ("PyDMLabel", "QLabel", "pydm.widgets.label"),
    ("PyDMLineEdit", "QLineEdit", "pydm.widgets.line_edit"),
    ("PyDMPushButton", "QPushButton", "pydm.widgets.pushbutton"),
    ("PyDMRelatedDisplayButton", "QPushButton", "pydm.widgets.related_display_button"),
    ("PyDMScaleIndicator", "QFrame", "pydm.widgets.scale"),
    ("PyDMWaveformPlot", "QGraphicsView", "pydm.widgets.waveformplot"),
];

/// The screen as a file.
pub(crate) fn render(screen: &Screen) -> String {
    Xml::document("ui", &[("version", "4.0")], |x| {
        x.text("class", "Form");
        widget(x, "QWidget", "Form", Rect { x: 0, y: 0, w: screen.size.0, h: screen.size.1 }, |x| {
            string(x, "windowTitle", &screen.title);
            x.element("layout", &[("class", "QVBoxLayout"), ("name", "layout")], |x| {
                for side in ["leftMargin", "topMargin", "rightMargin", "bottomMargin"] {
                    number(x, side, 0);
                }
                x.element("item", &[], |x| scrolled(x, screen));
            });
        });
        x.element("customwidgets", &[], |x| CLASSES.iter().for_each(|class| custom(x, *class)));
        x.empty("resources", &[]);
        x.empty("connections", &[]);
    })
}

fn custom(x: &mut Xml, (class, extends, header): (&str, &str, &str)) {
    x.element("customwidget", &[], |x| {
        x.text("class", class);
        x.text("extends", extends);
        x.text("header", header);
    });
}

/// All of it behind scroll bars, for small windows.
fn scrolled(x: &mut Xml, screen: &Screen) {
    let (w, h) = screen.size;
    x.element("widget", &[("class", "QScrollArea"), ("name", "scroll")], |x| {
        boolean(x, "widgetResizable", true);
        enumeration(x, "frameShape", "QFrame::NoFrame");
        widget(x, "QWidget", "page", Rect { x: 0, y: 0, w, h }, |x| {
            property(x, "minimumSize", |x| {
                x.element("size", &[], |x| {
                    x.text("width", &w.to_string());
                    x.text("height", &h.to_string());
                });
            });
            string(x, "styleSheet", &sheet());
            frame(x, "strip", Rect { x: 0, y: 0, w: w.max(4000), h: STRIP }, |_| {});
            for (number, item) in screen.header.iter().enumerate() {
                self::item(x, &format!("header_{number}"), item);
            }
            for (number, panel) in screen.panels.iter().enumerate() {
                self::panel(x, number, panel);
            }
        });
    });
}

/// No borders of what shows a PV: those are PyDM's, for alarms.
fn sheet() -> String {
    let rules = [
        ("#page", format!("background-color: {}", hex(PAGE))),
        ("#strip", format!("background-color: {}", hex(TITLE))),
        (
            "PyDMLabel",
            format!("color: {}; background-color: {}; font: 13px; padding-left: 4px", hex(INK), hex(READ)),
        ),
        ("PyDMLineEdit", format!("color: {}; background-color: {}; font: 13px", hex(INK), hex(WRITE))),
        ("PyDMEnumComboBox, QPushButton", "font: 13px".to_owned()),
    ];
    rules.iter().map(|(what, how)| format!("{what} {{ {how}; }}")).collect::<Vec<_>>().join("\n")
}

fn hex(Rgb(red, green, blue): Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn panel(x: &mut Xml, number: usize, panel: &Panel) {
    let name = format!("panel_{number}");
    frame(x, &name, panel.at, |x| {
        let look =
            format!("background-color: {}; border: 1px solid {}; border-radius: 6px", hex(PANEL), hex(LINE));
        string(x, "styleSheet", &format!("#{name} {{ {look}; }}"));
        if !panel.title.is_empty() {
            let at = Rect { x: 12, y: 6, w: panel.at.w - 24, h: 24 };
            item(x, &format!("{name}_title"), &Item::fixed(at, &panel.title, Style::Title));
        }
        for (number, inner) in panel.items.iter().enumerate() {
            item(x, &format!("{name}_{number}"), inner);
        }
    });
}

fn frame(x: &mut Xml, name: &str, at: Rect, inner: impl FnOnce(&mut Xml)) {
    widget(x, "QFrame", name, at, inner);
}

fn widget(x: &mut Xml, class: &str, name: &str, at: Rect, inner: impl FnOnce(&mut Xml)) {
    x.element("widget", &[("class", class), ("name", name)], |x| {
        property(x, "geometry", |x| {
            x.element("rect", &[], |x| {
                for (key, value) in [("x", at.x), ("y", at.y), ("width", at.w), ("height", at.h)] {
                    x.text(key, &value.to_string());
                }
            });
        });
        inner(x);
    });
}

fn property(x: &mut Xml, name: &str, inner: impl FnOnce(&mut Xml)) {
    x.element("property", &[("name", name)], inner);
}

fn string(x: &mut Xml, name: &str, text: &str) {
    property(x, name, |x| x.text("string", text));
}

fn strings(x: &mut Xml, name: &str, text: &str) {
    property(x, name, |x| x.element("stringlist", &[], |x| x.text("string", text)));
}

fn boolean(x: &mut Xml, name: &str, value: bool) {
    property(x, name, |x| x.text("bool", if value { "true" } else { "false" }));
}

fn number(x: &mut Xml, name: &str, value: i32) {
    property(x, name, |x| x.text("number", &value.to_string()));
}

fn double(x: &mut Xml, name: &str, value: f64) {
    property(x, name, |x| x.text("double", &value.to_string()));
}

fn enumeration(x: &mut Xml, name: &str, value: &str) {
    property(x, name, |x| x.text("enum", value));
}

fn color(x: &mut Xml, name: &str, Rgb(red, green, blue): Rgb) {
    property(x, name, |x| {
        x.element("color", &[], |x| {
            for (key, value) in [("red", red), ("green", green), ("blue", blue)] {
                x.text(key, &value.to_string());
            }
        });
    });
}

fn address(pv: &str) -> String {
    format!("ca://{pv}")
}

/// A widget that belongs to a PV.
fn of_pv(x: &mut Xml, class: &str, name: &str, item: &Item, inner: impl FnOnce(&mut Xml)) {
    widget(x, class, name, item.at, |x| {
        string(x, "toolTip", &item.tip);
        boolean(x, "alarmSensitiveBorder", true);
        inner(x);
        string(x, "channel", &address(&item.pv));
    });
}

fn item(x: &mut Xml, name: &str, item: &Item) {
    match &item.widget {
        Widget::Fixed { text, style } => fixed(x, name, item, text, *style),
        Widget::Reading { text } => of_pv(x, "PyDMLabel", name, item, |x| {
            value(x, "PyDMLabel", *text);
            boolean(x, "wordWrap", item.at.h > 30);
        }),
        Widget::Entry { text } => of_pv(x, "PyDMLineEdit", name, item, |x| value(x, "PyDMLineEdit", *text)),
        Widget::Choice => of_pv(x, "PyDMEnumComboBox", name, item, |_| {}),
        Widget::Lamp { off, on } => of_pv(x, "PyDMByteIndicator", name, item, |x| {
            color(x, "onColor", *on);
            color(x, "offColor", *off);
            boolean(x, "showLabels", false);
            boolean(x, "circles", true);
            number(x, "numBits", 1);
        }),
        Widget::Bar => of_pv(x, "PyDMScaleIndicator", name, item, |x| {
            for off in ["showValue", "showLimits", "showTicks", "limitsFromChannel"] {
                boolean(x, off, false);
            }
            boolean(x, "barIndicator", true);
            color(x, "backgroundColor", LINE);
            color(x, "indicatorColor", CURVE);
            double(x, "userLowerLimit", 0.0);
            double(x, "userUpperLimit", 100.0);
        }),
        Widget::Plot => plot(x, name, item),
        Widget::Picture { mono, .. } => picture(x, name, item, mono.as_ref()),
        Widget::Button { text } => of_pv(x, "PyDMPushButton", name, item, |x| {
            string(x, "text", text);
            string(x, "pressValue", "1");
        }),
        Widget::Link { text, stem } => widget(x, "PyDMRelatedDisplayButton", name, item.at, |x| {
            string(x, "toolTip", &item.tip);
            string(x, "text", text);
            boolean(x, "showIcon", false);
            boolean(x, "openInNewWindow", true);
            strings(x, "filenames", &format!("{stem}.ui"));
            strings(x, "titles", text);
        }),
    }
}

/// How a value looks: bytes as a text where it is one, decimals and units of the PV.
fn value(x: &mut Xml, class: &str, text: bool) {
    if text {
        enumeration(x, "displayFormat", &format!("{class}::String"));
    } else {
        boolean(x, "precisionFromPV", true);
        boolean(x, "showUnits", true);
    }
}

fn fixed(x: &mut Xml, name: &str, item: &Item, text: &str, style: Style) {
    widget(x, "QLabel", name, item.at, |x| {
        let (ink, font) = match style {
            Style::Heading => (PANEL, "bold 20px"),
            Style::Subheading => (PAGE, "12px"),
            Style::Title => (TITLE, "bold 14px"),
            Style::Label => (INK, "13px"),
            Style::Faint => (FAINT, "12px"),
        };
        string(x, "styleSheet", &format!("color: {}; font: {font};", hex(ink)));
        string(x, "text", text);
        enumeration(x, "textFormat", "Qt::PlainText");
        if !item.tip.is_empty() {
            string(x, "toolTip", &item.tip);
        }
    });
}

fn plot(x: &mut Xml, name: &str, item: &Item) {
    let curve = serde_json::json!({
        "name": split(&item.pv).1, "x_channel": null, "y_channel": address(&item.pv), "color": hex(CURVE), "lineWidth": 1, "lineStyle": 1,
    });
    widget(x, "PyDMWaveformPlot", name, item.at, |x| {
        string(x, "toolTip", &item.tip);
        color(x, "backgroundColor", WRITE);
        color(x, "axisColor", FAINT);
        boolean(x, "showXGrid", true);
        boolean(x, "showYGrid", true);
        strings(x, "curves", &curve.to_string());
    });
}

/// PyDM knows images of one value per pixel only.
fn picture(x: &mut Xml, name: &str, item: &Item, mono: Option<&Image>) {
    let Some(image) = mono else {
        return fixed(
            x,
            name,
            item,
            &format!("PyDM has no widget for the colours of {}", item.pv),
            Style::Faint,
        );
    };
    widget(x, "PyDMImageView", name, item.at, |x| {
        string(x, "toolTip", &item.tip);
        boolean(x, "normalizeData", false);
        double(x, "colorMapMin", 0.0);
        double(x, "colorMapMax", 255.0);
        enumeration(x, "readingOrder", "PyDMImageView::Clike");
        // Its method of this name takes something else than the property.
        x.element("property", &[("name", "colorMap"), ("stdset", "0")], |x| {
            x.text("enum", "PyDMImageView::Monochrome");
        });
        string(x, "widthChannel", &address(&image.width));
        string(x, "imageChannel", &address(&image.pv));
    });
}
