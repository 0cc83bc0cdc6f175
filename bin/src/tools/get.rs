//! `caget`: reads values and prints them.

use std::io;

use ca_proto::dbr::{CLASS_NAME, Reply, Scalar, type_name};

use super::Verdict;
use super::access::{Access, ChannelInfo};
use super::connect::connect;
use super::console::Console;
use super::options::{Format, Options};
use super::pv::{Marks, Pv};
use super::read::{read, say_unread, value_line};
use super::{facts, value};

/// Runs the tool.
pub(crate) fn run<A: Access>(
    options: &Options,
    access: &mut A,
    console: &mut Console<'_>,
) -> io::Result<Verdict> {
    let Some(channels) = connect(access, options, options.operands.len(), console)? else {
        return Ok(Verdict::FAILED);
    };
    let names = options.operands.iter();
    let mut pvs: Vec<_> = channels
        .into_iter()
        .zip(names)
        .map(|(channel, name)| (channel, prepared(name, &access.info(channel), options)))
        .collect();
    let outcome = read(access, &mut pvs, options.callback, options, console)?;
    if outcome.connected == 0 {
        return Ok(Verdict::FAILED);
    }
    if outcome.unread > 0 {
        say_unread("some PV data was", console)?;
    }
    let mut marks = Marks::default();
    for (_, pv) in &mut pvs {
        let text = shown(pv, &mut marks, options, console);
        console.print(&text)?;
    }
    Ok(Verdict { status: 0, failed: outcome.failed > 0 })
}

/// The PV with the type and count of its request.
fn prepared(name: &[u8], info: &ChannelInfo, options: &Options) -> Pv {
    let mut pv = Pv::new(name);
    pv.prepare(info, options);
    if options.format == Format::Typed {
        pv.data_type = options.data_type;
    }
    let wanted = u32::try_from(options.count).unwrap_or(u32::MAX).min(info.count);
    // with the callback, 0 asks for as many elements as there are
    pv.elements = if wanted == 0 && !options.callback { info.count } else { wanted };
    pv
}

fn shown(pv: &mut Pv, marks: &mut Marks, options: &Options, console: &Console<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    match options.format {
        Format::Wide => return pv.wide_line(marks, options.count, options, console),
        Format::Typed => typed(pv, options, console, &mut out),
        Format::Terse => value_line(pv, options.count, options, &mut out),
        Format::Plain => {
            pv.name_column(options, &mut out);
            value_line(pv, options.count, options, &mut out);
        }
    }
    out
}

/// Everything about the value, on several lines.
fn typed(pv: &Pv, options: &Options, console: &Console<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(&pv.name);
    out.push(b'\n');
    let value = match (pv.trouble(), &pv.value) {
        (None, Some(value)) => value,
        (trouble, _) => {
            return out.extend_from_slice(format!("    {}\n", trouble.unwrap_or_default()).as_bytes());
        }
    };
    let mut line = |label: &str, text: &[u8]| {
        out.extend_from_slice(format!("    {label:<18}").as_bytes());
        out.extend_from_slice(text);
        out.push(b'\n');
    };
    let native = pv.native.and_then(|native| type_name(native as u16)).unwrap_or("TYPENOTCONN");
    line("Native data type:", native.replacen("DBR_", "DBF_", 1).as_bytes());
    line("Request type:", type_name(pv.data_type).unwrap_or("DBR_invalid").as_bytes());
    if pv.data_type == CLASS_NAME {
        let Some(Scalar::String(class)) = value.elements.get(0) else { return };
        line("Class Name:", class.as_bytes());
    } else {
        line("Element count:", pv.elements.to_string().as_bytes());
        line("Value:", &typed_value(value, options));
        out.extend_from_slice(&facts::lines(value, &console.zone));
    }
}

fn typed_value(reply: &Reply, options: &Options) -> Vec<u8> {
    let mut out = Vec::new();
    if value::is_text(reply, options.count, options) {
        value::text(reply, &mut out);
    } else {
        value::elements(reply, options, &mut out);
    }
    out
}
