//! The tables of fields, read from their text.

use std::collections::HashMap;
use std::sync::Arc;

use ca::proto::dbr::NativeType;

use super::live::{Families, Live};
use super::{FieldSpec, RecordType};

type Menus = HashMap<&'static str, Arc<[Box<str>]>>;

/// A line of fields that have one type and access.
#[derive(Clone, Copy)]
struct Line {
    kind: &'static str,
    read_only: bool,
    fields: &'static str,
}

/// The tables of a text, in the order of their names.
///
/// The text is part of the program; a test reads all of it, so what makes no sense is left out without a word.
pub(super) fn tables(text: &'static str) -> Vec<RecordType> {
    let mut menus = Menus::new();
    let mut sections: Vec<(&str, Vec<Line>)> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match (line.strip_prefix("menu "), line.strip_prefix("  ")) {
            (Some(menu), _) => {
                let (name, labels) = menu.split_once(' ').unwrap_or((menu, ""));
                menus.insert(name, labels.split('|').map(Box::from).collect());
            }
            (_, Some(fields)) => {
                if let Some((_, lines)) = sections.last_mut() {
                    lines.extend(fields_line(fields));
                }
            }
            _ => sections.push((line, Vec::new())),
        }
    }
    let mut sections = sections.into_iter();
    let common = sections.next().map(|(_, lines)| lines).unwrap_or_default();
    let mut types: Vec<_> =
        sections.map(|(name, own)| record(name, common.iter().chain(&own), &menus)).collect();
    types.sort_by_key(|record| record.name);
    types
}

fn fields_line(line: &'static str) -> Option<Line> {
    let (head, fields) = line.split_once(':')?;
    let (kind, access) = head.split_once(' ')?;
    Some(Line { kind, read_only: access == "ro", fields })
}

fn record<'a>(name: &'static str, lines: impl Iterator<Item = &'a Line>, menus: &Menus) -> RecordType {
    let mut fields: Vec<FieldSpec> =
        lines.flat_map(|line| line.fields.split_whitespace().map(|field| spec(field, line, menus))).collect();
    fields.sort_by_key(|field| field.name);
    let families = Families::of(&fields.iter().map(|field| field.name).collect::<Vec<_>>());
    for (number, field) in (1..).zip(&mut fields) {
        field.number = number;
        field.live = Live::of(name, field.name, families);
        field.decimals = match (name, field.name) {
            _ if field.whole => Some(0),
            ("bo", "HIGH") => Some(2),
            _ if families.precision => None,
            // What base shows of a record without PREC.
            _ => Some(6),
        };
    }
    RecordType { name, fields }
}

fn spec(field: &'static str, line: &Line, menus: &Menus) -> FieldSpec {
    let (name, first) = field.split_once('=').unwrap_or((field, ""));
    let menu = menus.get(line.kind).cloned();
    let (native, room) = match line.kind {
        "short" => (NativeType::Short, 0),
        "float" => (NativeType::Float, 0),
        "char" => (NativeType::Char, 0),
        "long" => (NativeType::Long, 0),
        "double" | "whole" => (NativeType::Double, 0),
        "link" => (NativeType::String, 1024),
        _ if menu.is_some() => (NativeType::Enum, 0),
        text => {
            let room = text.strip_prefix("string").and_then(|room| room.parse().ok());
            (NativeType::String, room.unwrap_or_default())
        }
    };
    FieldSpec {
        name,
        number: 0,
        native,
        whole: !matches!(line.kind, "double" | "float"),
        decimals: None,
        room,
        read_only: line.read_only,
        labels: menu.unwrap_or_default(),
        live: Live::Stored,
        first,
    }
}
