//! What libca says of a status, word for word.

use std::io;

use ca_proto::Eca;
use ca_proto::dbr::type_name;

use super::console::Console;
use super::stamp;

/// The texts by number of the status.
#[rustfmt::skip]
const TEXTS: [&str; 61] = [
    "Normal successful completion",
    "Maximum simultaneous IOC connections exceeded",
    "Unknown internet host",
    "Unknown internet service",
    "Unable to allocate a new socket",
    "Unable to connect to internet host or service",
    "Unable to allocate additional dynamic memory",
    "Unknown IO channel",
    "Record field specified inappropriate for channel specified",
    "The requested data transfer is greater than available memory or EPICS_CA_MAX_ARRAY_BYTES",
    "User specified timeout on IO operation expired",
    "Sorry, that feature is planned but not supported at this time",
    "The supplied string is unusually large",
    "The request was ignored because the specified channel is disconnected",
    "The data type specifed is invalid",
    "Remote Channel not found",
    "Unable to locate all user specified channels",
    "Channel Access Internal Failure",
    "The requested local DB operation failed",
    "Channel read request failed",
    "Channel write request failed",
    "Channel subscription request failed",
    "Invalid element count requested",
    "Invalid string",
    "Virtual circuit disconnect",
    "Identical process variable names on multiple servers",
    "Request inappropriate within subscription (monitor) update callback",
    "Database value get for that channel failed during channel search",
    "Unable to initialize without the vxWorks VX_FP_TASK task option set",
    "Event queue overflow has prevented first pass event after event add",
    "Bad event subscription (monitor) identifier",
    "Remote channel has new network address",
    "New or resumed network connection",
    "Specified task isn't a member of a CA context",
    "Attempt to use defunct CA feature failed",
    "The supplied string is empty",
    "Unable to spawn the CA repeater thread- auto reconnect will fail",
    "No channel id match for search reply- search reply ignored",
    "Reseting dead connection- will try to reconnect",
    "Server (IOC) has fallen behind or is not responding- still waiting",
    "No internet interface with broadcast available",
    "Invalid event selection mask",
    "IO operations have completed",
    "IO operations are in progress",
    "Invalid synchronous group identifier",
    "Put callback timed out",
    "Read access denied",
    "Write access denied",
    "Requested feature is no longer supported",
    "Empty PV search address list",
    "No reasonable data conversion between client and server types",
    "Invalid channel identifier",
    "Invalid function pointer",
    "Thread is already attached to a client context",
    "Not supported by attached service",
    "User destroyed channel",
    "Invalid channel priority",
    "Preemptive callback not enabled - additional threads may not join context",
    "Client's protocol revision does not support transfers exceeding 16k bytes",
    "Virtual circuit connection sequence aborted",
    "Virtual circuit unresponsive",
];

/// The text of a status.
pub(crate) fn text(status: Eca) -> &'static str {
    TEXTS.get((status.0 >> 3) as usize & 0x1fff).copied().unwrap_or("corrupt status")
}

/// A request that the server refused, as libca reports it.
pub(crate) struct Exception<'a> {
    pub(crate) status: Eca,
    pub(crate) name: &'a [u8],
    pub(crate) data_type: u16,
    pub(crate) count: u32,
    /// The words of the server, or of the library.
    pub(crate) context: &'a str,
    pub(crate) write: bool,
}

impl Exception<'_> {
    /// Reports it on standard error; the source line is the one of libca, for tools that compare.
    pub(crate) fn report(&self, console: &mut Console<'_>) -> io::Result<()> {
        let severity = match self.status.0 & 7 {
            0 => "Warning",
            1 => "Success",
            2 => "Error",
            3 => "Info",
            _ => "Fatal",
        };
        let (operation, source) =
            if self.write { (1, "oldChannelNotify.cpp line 159") } else { (0, "getCopy.cpp line 91") };
        let data_type = type_name(self.data_type).unwrap_or("DBR_invalid");
        let name = String::from_utf8_lossy(self.name);
        let now = stamp::exact(console.now(), &console.zone);
        write!(
            console.err,
            "CA.Client.Exception...............................................\n    \
             {severity}: \"{}\"\n    \
             Context: \"op={operation}, channel={name}, type={data_type}, count={}, ctx=\"{}\"\"\n    \
             Source File: ../{source}\n    \
             Current Time: {now}\n\
             ..................................................................\n",
            text(self.status),
            self.count,
            self.context,
        )
    }
}
