//! What a service manager is told, over the socket that it names in `NOTIFY_SOCKET` (sd_notify(3)).

use std::ffi::OsStr;
use std::io;

use tracing::warn;

/// The IOC serves.
pub(super) fn ready(status: &str) {
    tell(&format!("READY=1\nSTATUS={status}"));
}

/// It ends.
pub(super) fn stopping() {
    tell("STOPPING=1");
}

fn tell(state: &str) {
    if let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty())
        && let Err(error) = send(&socket, state)
    {
        warn!("the service manager is not told: {}: {error}", socket.display());
    }
}

#[cfg(unix)]
fn send(socket: &OsStr, state: &str) -> io::Result<()> {
    let sender = std::os::unix::net::UnixDatagram::unbound()?;
    // A manager that does not read is no reason to wait.
    sender.set_nonblocking(true)?;
    sender.send_to_addr(state.as_bytes(), &address(socket)?).map(|_| ())
}

/// A path, or behind an `@` an abstract name, which only Linux has.
#[cfg(unix)]
fn address(socket: &OsStr) -> io::Result<std::os::unix::net::SocketAddr> {
    use std::os::unix::net::SocketAddr;
    #[cfg(target_os = "linux")]
    if let Some(name) = socket.as_encoded_bytes().strip_prefix(b"@") {
        use std::os::linux::net::SocketAddrExt;
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(socket)
}

#[cfg(not(unix))]
fn send(_socket: &OsStr, _state: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
