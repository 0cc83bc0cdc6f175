//! Screens of Phoebus, `.bob`: versions and properties as in its widget list.

use crate::images::Image;
use crate::layout::{
    BAD, CURVE, FAINT, INK, Item, LINE, PAGE, PANEL, Panel, READ, Rect, Rgb, STRIP, Screen, Style, TITLE,
    WRITE, Widget,
};
use crate::xml::Xml;

/// Force a text, also from an array of bytes.
const FORMAT_STRING: &str = "6";
const CENTER: &str = "1";
const MIDDLE: &str = "1";
/// A group without border: its children are placed from its corner.
const STYLE_NONE: &str = "3";
// Numbers of VImageType, which begins with TYPE_CUSTOM.
const MONO: &str = "1";
const RGB1: &str = "3";

/// The screen as a file.
pub(crate) fn render(screen: &Screen) -> String {
    Xml::document("display", &[("version", "2.0.0")], |x| {
        x.text("name", &screen.title);
        x.text("width", &screen.size.0.to_string());
        x.text("height", &screen.size.1.to_string());
        color(x, "background_color", PAGE);
        x.text("grid_visible", "false");
        let strip = Rect { x: 0, y: 0, w: screen.size.0, h: STRIP };
        rectangle(x, "strip", strip, TITLE, TITLE, "0");
        for (number, item) in screen.header.iter().enumerate() {
            self::item(x, &format!("header_{number}"), item);
        }
        for (number, panel) in screen.panels.iter().enumerate() {
            self::panel(x, number, panel);
        }
    })
}

fn panel(x: &mut Xml, number: usize, panel: &Panel) {
    let name = format!("panel_{number}");
    widget(x, ("group", "3.0.0"), &name, panel.at, |x| {
        x.text("style", STYLE_NONE);
        let all = Rect { x: 0, y: 0, ..panel.at };
        rectangle(x, &format!("{name}_back"), all, PANEL, LINE, "6");
        if !panel.title.is_empty() {
            let at = Rect { x: 12, y: 6, w: panel.at.w - 24, h: 24 };
            item(x, &format!("{name}_title"), &Item::fixed(at, &panel.title, Style::Title));
        }
        for (number, inner) in panel.items.iter().enumerate() {
            item(x, &format!("{name}_{number}"), inner);
        }
    });
}

fn widget(x: &mut Xml, (kind, version): (&str, &str), name: &str, at: Rect, inner: impl FnOnce(&mut Xml)) {
    x.element("widget", &[("type", kind), ("version", version)], |x| {
        x.text("name", name);
        x.text("x", &at.x.to_string());
        x.text("y", &at.y.to_string());
        x.text("width", &at.w.to_string());
        x.text("height", &at.h.to_string());
        inner(x);
    });
}

fn rectangle(x: &mut Xml, name: &str, at: Rect, fill: Rgb, line: Rgb, corner: &str) {
    widget(x, ("rectangle", "2.0.0"), name, at, |x| {
        x.text("line_width", "1");
        color(x, "line_color", line);
        color(x, "background_color", fill);
        x.text("corner_width", corner);
        x.text("corner_height", corner);
    });
}

fn color(x: &mut Xml, property: &str, Rgb(red, green, blue): Rgb) {
    let [red, green, blue] = [red, green, blue].map(|part| part.to_string());
    x.element(property, &[], |x| x.empty("color", &[("red", &red), ("green", &green), ("blue", &blue)]));
}

fn font(x: &mut Xml, style: &str, size: &str) {
    let attributes = [("family", "Liberation Sans"), ("style", style), ("size", size)];
    x.element("font", &[], |x| x.empty("font", &attributes));
}

/// A widget that belongs to a PV.
fn of_pv(x: &mut Xml, kind: (&str, &str), name: &str, item: &Item, inner: impl FnOnce(&mut Xml)) {
    widget(x, kind, name, item.at, |x| {
        x.text("pv_name", &address(&item.pv));
        x.text("tooltip", &item.tip);
        x.text("border_alarm_sensitive", "true");
        inner(x);
    });
}

fn address(pv: &str) -> String {
    format!("ca://{pv}")
}

fn item(x: &mut Xml, name: &str, item: &Item) {
    match &item.widget {
        Widget::Fixed { text, style } => fixed(x, name, item, text, *style),
        Widget::Reading { text } => of_pv(x, ("textupdate", "2.0.0"), name, item, |x| {
            value(x, *text, READ);
            x.text("wrap_words", if item.at.h > 30 { "true" } else { "false" });
            x.text("vertical_alignment", if item.at.h > 30 { "0" } else { MIDDLE });
        }),
        Widget::Entry { text } => of_pv(x, ("textentry", "3.0.0"), name, item, |x| value(x, *text, WRITE)),
        Widget::Choice => of_pv(x, ("combo", "2.0.0"), name, item, |x| x.text("items_from_pv", "true")),
        Widget::Lamp { off, on } => of_pv(x, ("led", "2.0.0"), name, item, |x| {
            color(x, "off_color", *off);
            color(x, "on_color", *on);
        }),
        Widget::Bar => of_pv(x, ("progressbar", "2.0.0"), name, item, |x| {
            x.text("limits_from_pv", "false");
            x.text("minimum", "0.0");
            x.text("maximum", "100.0");
        }),
        Widget::Plot => plot(x, name, item),
        Widget::Picture { image, .. } => picture(x, name, item, image),
        Widget::Button { text } => of_pv(x, ("action_button", "3.0.0"), name, item, |x| {
            action(x, "write_pv", text, |x| {
                x.text("pv_name", "$(pv_name)");
                x.text("value", "1");
            });
            x.text("text", text);
            let ends = text.eq_ignore_ascii_case("abort") || text.eq_ignore_ascii_case("stop");
            if ends {
                color(x, "foreground_color", BAD);
            }
        }),
        Widget::Link { text, stem } => widget(x, ("action_button", "3.0.0"), name, item.at, |x| {
            action(x, "open_display", text, |x| {
                x.text("file", &format!("{stem}.bob"));
                x.text("target", "tab");
            });
            x.text("text", text);
            x.text("tooltip", &item.tip);
        }),
    }
}

/// How a value looks: bytes as a text where it is one, decimals and units of the PV.
fn value(x: &mut Xml, text: bool, back: Rgb) {
    if text {
        x.text("format", FORMAT_STRING);
    } else {
        x.text("precision", "-1");
        x.text("show_units", "true");
    }
    color(x, "background_color", back);
}

fn fixed(x: &mut Xml, name: &str, item: &Item, text: &str, style: Style) {
    widget(x, ("label", "2.0.0"), name, item.at, |x| {
        // A label expands macros: a text with $( would lose it.
        x.text("text", &text.replace("$(", "$ (").replace("${", "$ {"));
        let (weight, size, ink) = match style {
            Style::Heading => ("BOLD", "20.0", PANEL),
            Style::Subheading => ("REGULAR", "12.0", PAGE),
            Style::Title => ("BOLD", "14.0", TITLE),
            Style::Label => ("REGULAR", "13.0", INK),
            Style::Faint => ("REGULAR", "12.0", FAINT),
        };
        font(x, weight, size);
        color(x, "foreground_color", ink);
        x.text("vertical_alignment", MIDDLE);
        x.text("wrap_words", "false");
        if !item.tip.is_empty() {
            x.text("tooltip", &item.tip);
        }
    });
}

fn action(x: &mut Xml, kind: &str, description: &str, inner: impl FnOnce(&mut Xml)) {
    x.element("actions", &[], |x| {
        x.element("action", &[("type", kind)], |x| {
            x.text("description", description);
            inner(x);
        });
    });
    x.text("horizontal_alignment", CENTER);
}

fn plot(x: &mut Xml, name: &str, item: &Item) {
    widget(x, ("xyplot", "3.0.0"), name, item.at, |x| {
        x.text("tooltip", &item.tip);
        x.text("show_legend", "false");
        let axis = |x: &mut Xml| {
            x.text("title", "");
            x.text("autoscale", "true");
            x.text("show_grid", "true");
        };
        x.element("x_axis", &[], axis);
        x.element("y_axes", &[], |x| x.element("y_axis", &[], axis));
        x.element("traces", &[], |x| {
            x.element("trace", &[], |x| {
                x.text("name", "");
                x.text("y_pv", &address(&item.pv));
                x.text("axis", "0");
                x.text("trace_type", "1");
                color(x, "color", CURVE);
                x.text("line_width", "1");
                x.text("visible", "true");
            });
        });
    });
}

/// The sizes come from start; later ones by rules from the PVs.
fn picture(x: &mut Xml, name: &str, item: &Item, image: &Image) {
    of_pv(x, ("image", "2.0.0"), name, item, |x| {
        x.text("data_width", &image.size.0.to_string());
        x.text("data_height", &image.size.1.to_string());
        x.text("color_mode", if image.rgb { RGB1 } else { MONO });
        x.text("unsigned", "true");
        x.text("autoscale", "false");
        x.text("minimum", "0.0");
        x.text("maximum", "255.0");
        if !image.rgb {
            x.element("color_map", &[], |x| x.text("name", "GRAY"));
        }
        x.element("color_bar", &[], |x| x.text("visible", "false"));
        x.element("x_axis", &[], |x| x.text("visible", "false"));
        x.element("y_axis", &[], |x| x.text("visible", "false"));
        x.element("rules", &[], |x| {
            for (property, pv) in [("data_width", &image.width), ("data_height", &image.height)] {
                x.element("rule", &[("name", property), ("prop_id", property), ("out_exp", "true")], |x| {
                    x.element("exp", &[("bool_exp", "true")], |x| x.text("expression", "pv0"));
                    x.text("pv_name", &address(pv));
                });
            }
        });
    });
}
