//! Each value that a client puts is written to a file, before the put is done.

use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use wrapper::{Launcher, Pv, PvGroup};

#[derive(PvGroup)]
struct CustomWrite {
    /// The directory to write to
    #[pv(value = std::env::temp_dir().display().to_string(), max_length = 255, as_string)]
    directory: Pv<String>,
    /// Writes to (directory)/A
    #[pv(name = "A", value = 0, put = Self::write)]
    a: Pv<i32>,
    /// Writes to (directory)/B
    #[pv(name = "B", value = 0, put = Self::write)]
    b: Pv<i32>,
}

impl CustomWrite {
    fn write(&self, pv: &Pv<i32>, value: i32) -> io::Result<()> {
        let file = pv.name().rsplit(':').next().unwrap_or("none");
        let path = Path::new(&self.directory.get()).join(file);
        fs::write(&path, format!("{value}\n"))?;
        println!("wrote {value} to {}", path.display());
        Ok(())
    }
}

fn main() -> ExitCode {
    Launcher::new("Writes what is put to files").prefix("custom_write:").group(CustomWrite::build).run()
}
