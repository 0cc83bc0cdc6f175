//! Files of Phoebus, and what it knows of them: `tests/golden/phoebus_widgets.txt`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

const KNOWN: &str = include_str!("../golden/phoebus_widgets.txt");

/// An element.
#[derive(Debug, Default)]
pub(crate) struct Element {
    name: String,
    attributes: HashMap<String, String>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn of(start: &BytesStart<'_>) -> Self {
        let attributes = start.attributes().map(|attribute| {
            let attribute = attribute.expect("well-formed");
            (attribute.key.as_ref().to_owned(), attribute.value.into_owned())
        });
        Self { name: start.name().as_ref().to_owned(), attributes: attributes.collect(), ..Self::default() }
    }

    fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    /// The text of a child.
    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        self.children.iter().find(|child| child.name == name).map(|child| child.text.as_str())
    }

    fn widgets(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(|child| child.name == "widget")
    }
}

/// The root of a well-formed file.
pub(crate) fn parse(text: &str) -> Element {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = vec![Element::default()];
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Start(start) => open.push(Element::of(&start)),
            Event::Empty(start) => open.last_mut().expect("the root").children.push(Element::of(&start)),
            Event::End(_) => {
                let closed = open.pop().expect("well-formed");
                open.last_mut().expect("well-formed").children.push(closed);
            }
            Event::Text(text) => open.last_mut().expect("the root").text += text.trim(),
            Event::GeneralRef(name) => {
                let character = match &*name {
                    "lt" => "<",
                    "gt" => ">",
                    "amp" => "&",
                    "quot" => "\"",
                    "apos" => "'",
                    other => panic!("&{other};"),
                };
                open.last_mut().expect("the root").text += character;
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(open.len(), 1, "an element is not closed");
    let mut roots = open.remove(0).children;
    assert_eq!(roots.len(), 1, "one root");
    roots.remove(0)
}

/// The first widget of a type.
pub(crate) fn find<'a>(element: &'a Element, kind: &str) -> Option<&'a Element> {
    element
        .widgets()
        .find_map(|widget| if widget.attribute("type") == kind { Some(widget) } else { find(widget, kind) })
}

/// How many widgets of each type there are.
pub(crate) fn count(element: &Element, counts: &mut BTreeMap<String, usize>) {
    for widget in element.widgets() {
        *counts.entry(widget.attribute("type").to_owned()).or_default() += 1;
        count(widget, counts);
    }
}

/// What shows each PV: the types of its widgets, also with `format 6`, as a text, where that is said.
pub(crate) fn pvs(element: &Element, shown: &mut BTreeMap<String, BTreeSet<String>>) {
    for widget in element.widgets() {
        let kind = widget.attribute("type");
        let curve = || {
            let traces = widget.children.iter().find(|child| child.name == "traces")?;
            traces.children.first()?.text_of("y_pv")
        };
        if let Some(pv) = widget.text_of("pv_name").or_else(curve) {
            let kinds = shown.entry(pv.to_owned()).or_default();
            kinds.insert(kind.to_owned());
            kinds.extend(widget.text_of("format").map(|format| format!("{kind} format {format}")));
        }
        pvs(widget, shown);
    }
}

type Properties = HashMap<&'static str, &'static str>;

/// What Phoebus knows.
pub(crate) struct Known {
    /// Version and properties of each type of widget.
    widgets: HashMap<&'static str, (&'static str, Properties)>,
    structs: HashMap<&'static str, Properties>,
}

impl Known {
    pub(crate) fn read() -> Self {
        let mut sets: HashMap<&str, Properties> = HashMap::new();
        let mut known = Self { widgets: HashMap::new(), structs: HashMap::new() };
        for line in KNOWN.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let words: Vec<_> = line.split_whitespace().collect();
            let properties = |words: &[&'static str]| -> Properties {
                let sets = words
                    .iter()
                    .filter_map(|word| sets.get(word))
                    .flatten()
                    .map(|(name, kind)| (*name, *kind));
                sets.chain(words.iter().filter_map(|word| word.split_once(':'))).collect()
            };
            match words[0] {
                "widget" => _ = known.widgets.insert(words[1], (words[2], properties(&words[3..]))),
                "struct" => _ = known.structs.insert(words[1], properties(&words[2..])),
                set => {
                    let set_properties = properties(&words[1..]);
                    sets.insert(set, set_properties);
                }
            }
        }
        known
    }

    /// Everything in a file is what Phoebus knows.
    #[track_caller]
    pub(crate) fn check(&self, file: &str, root: &Element) {
        assert_eq!(root.name, "display", "{file}");
        self.widget(file, "display", root);
    }

    fn widget(&self, place: &str, kind: &str, widget: &Element) {
        let Some((version, properties)) = self.widgets.get(kind) else {
            panic!("{place}: no widget {kind:?}")
        };
        assert_eq!(widget.attribute("version"), *version, "{place}: version of {kind}");
        let place = format!("{place}: {kind} {}", widget.text_of("name").unwrap_or("without name"));
        let mut seen = BTreeSet::new();
        for child in &widget.children {
            if child.name == "widget" {
                assert!(matches!(kind, "display" | "group"), "{place}: has widgets inside");
                self.widget(&place, child.attribute("type"), child);
            } else {
                assert!(seen.insert(&child.name), "{place}: {} twice", child.name);
                self.property(&place, properties, child);
            }
        }
    }

    fn property(&self, place: &str, properties: &Properties, element: &Element) {
        let place = format!("{place}: {}", element.name);
        let Some(kind) = properties.get(element.name.as_str()) else { panic!("{place}: no such property") };
        let text = element.text.as_str();
        let good = match *kind {
            "text" => true,
            "int" => text.parse::<i32>().is_ok(),
            "double" => text.parse::<f64>().is_ok(),
            "bool" => matches!(text, "true" | "false"),
            _ => match (
                kind.strip_prefix("enum"),
                kind.strip_prefix('{').and_then(|kind| kind.strip_suffix('}')),
            ) {
                (Some(count), _) => text.parse::<u32>().is_ok_and(|n| n < count.parse().expect("a number")),
                (_, Some(name)) => {
                    let inner = self.structs.get(name).unwrap_or_else(|| panic!("{place}: no struct {name}"));
                    element.children.iter().for_each(|child| self.property(&place, inner, child));
                    !element.children.is_empty()
                }
                _ => panic!("{place}: no kind {kind}"),
            },
        };
        assert!(good, "{place}: {text:?} is no {kind}");
        self.attributes(&place, element);
    }

    /// Colours, fonts, actions and rules say something in attributes too.
    fn attributes(&self, place: &str, element: &Element) {
        let names: BTreeSet<_> = element.attributes.keys().map(String::as_str).collect();
        let wanted: &[&str] = match element.name.as_str() {
            "color" if element.children.is_empty() => &["blue", "green", "red"],
            "font" if element.children.is_empty() => &["family", "size", "style"],
            "action" => &["type"],
            "rule" => &["name", "out_exp", "prop_id"],
            "exp" => &["bool_exp"],
            _ => &[],
        };
        assert_eq!(names, wanted.iter().copied().collect(), "{place}: attributes");
        if element.name == "action" {
            assert!(matches!(element.attribute("type"), "open_display" | "write_pv"), "{place}");
        }
        if element.name == "color" && element.children.is_empty() {
            assert!(element.attributes.values().all(|part| part.parse::<u8>().is_ok()), "{place}");
        }
    }
}
