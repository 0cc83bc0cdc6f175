//! `cainfo`: prints what is known of channels.

use std::io;

use ca_proto::dbr::type_name;

use super::Verdict;
use super::access::{Access, ChannelInfo, ChannelState};
use super::connect::connect;
use super::console::Console;
use super::options::Options;

/// Runs the tool.
pub(crate) fn run<A: Access>(
    options: &Options,
    access: &mut A,
    console: &mut Console<'_>,
) -> io::Result<Verdict> {
    let Some(channels) = connect(access, options, options.operands.len(), console)? else {
        return Ok(Verdict::FAILED);
    };
    if options.level > 0 {
        console.print(access.report(options.level).as_bytes())?;
        return Ok(Verdict::DONE);
    }
    for (channel, name) in channels.into_iter().zip(&options.operands) {
        console.print(name)?;
        console.print(block(&access.info(channel)).as_bytes())?;
    }
    Ok(Verdict::DONE)
}

fn block(info: &ChannelInfo) -> String {
    let state = match info.state {
        ChannelState::NeverConnected => "never connected",
        ChannelState::PreviouslyConnected => "previously connected",
        ChannelState::Connected => "connected",
    };
    let right = |granted| if granted { "" } else { "no " };
    let (read, write) = (right(info.read_access), right(info.write_access));
    let request = info.native.and_then(|native| type_name(native as u16));
    let native = request.map_or("TYPENOTCONN".to_owned(), |name| name.replacen("DBR_", "DBF_", 1));
    format!(
        "\n    State:            {state}\n    \
         Host:             {}\n    \
         Access:           {read}read, {write}write\n    \
         Native data type: {native}\n    \
         Request type:     {}\n    \
         Element count:    {}\n",
        info.host,
        request.unwrap_or("DBR_invalid"),
        info.count,
    )
}
