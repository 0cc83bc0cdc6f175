//! Lists the files of the page, so that the binary holds them.

use std::fmt::Write;
use std::path::Path;

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=assets");
    let folder = std::path::absolute("assets")?;
    let mut files: Vec<_> = match folder.read_dir() {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?,
        Err(_) => Vec::new(),
    };
    files.retain(|path| path.is_file());
    files.sort();
    let mut table = "&[".to_owned();
    for path in &files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // A String takes all.
        let _ = write!(table, "({name:?}, include_bytes!({:?}) as &[u8]), ", path.display().to_string());
    }
    table.push(']');
    let out = std::env::var_os("OUT_DIR").ok_or_else(|| std::io::Error::other("cargo sets OUT_DIR"))?;
    std::fs::write(Path::new(&out).join("assets.rs"), table)
}
