//! Who this process is to others.

use ca_proto::client::Identity;

/// The name of this host, as clients tell it to servers; `unknown` where the system does not say.
///
/// ```
/// assert!(!ca::host_name().is_empty());
/// ```
pub fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = name.or_else(|| std::env::var("COMPUTERNAME").ok()).unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "unknown".to_owned() } else { name.to_owned() }
}

/// What this process tells a server of its user and host; `unknown` where the environment does not say.
pub(crate) fn own() -> Identity {
    let user = std::env::var("USER").or_else(|_| std::env::var("USERNAME")).unwrap_or_default();
    Identity { user: if user.is_empty() { "unknown".to_owned() } else { user }, host: host_name() }
}
