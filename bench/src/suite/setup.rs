//! What the suite runs: our programs, built here, and the peers' Python environment, made once.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Lab;
use crate::peer::Python;

/// This workspace.
const HERE: &str = env!("CARGO_MANIFEST_DIR");

impl Lab {
    /// Builds the servers, and makes the environment unless one is named.
    pub fn new(python: Option<PathBuf>, quick: bool) -> Result<Self> {
        let folder = built()?;
        let python = match python {
            Some(python) => python,
            None => environment(&folder)?,
        };
        let python = Python { python, peers: Path::new(HERE).join("peers") };
        let program = |name: &str| folder.join(name);
        let (server, client, micro) =
            (program("bench-server"), program("bench-client"), program("bench-micro"));
        Ok(Self { server, client, micro, python, quick })
    }
}

/// Builds all programs of this workspace in release; the folder they are in is the one of this program.
fn built() -> Result<PathBuf> {
    let folder = std::env::current_exe()?.parent().context("the program has no folder")?.to_path_buf();
    ensure!(folder.ends_with("release"), "the suite runs in release only: cargo run --release");
    let target = folder.parent().context("no target folder")?;
    println!("building the servers");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args([
        "build",
        "--quiet",
        "--release",
        "--locked",
        "--bin",
        "bench-server",
        "--bin",
        "bench-client",
        "--bin",
        "bench-micro",
    ]);
    command.arg("--manifest-path").arg(Path::new(HERE).join("Cargo.toml")).arg("--target-dir").arg(target);
    let status = command.status().context("starting cargo")?;
    ensure!(status.success(), "cargo build: {status}");
    Ok(folder)
}

/// Makes `venv-<hash of the requirements>` beside the build unless it is there already.
fn environment(folder: &Path) -> Result<PathBuf> {
    let requirements = Path::new(HERE).join("../tests/peers/requirements.txt");
    let pins = fs::read(&requirements).with_context(|| format!("reading {}", requirements.display()))?;
    let target = folder.parent().context("no target folder")?;
    let home = target.join(format!("venv-{:016x}", fnv1a(&pins)));
    // as the system tests do: a lock against two at once, and a mark that is made last
    let lock = File::create(home.with_extension("lock"))?;
    lock.lock()?;
    let (python, made) = (home.join("bin/python"), home.join("made"));
    if made.exists() {
        return Ok(python);
    }
    if home.exists() {
        fs::remove_dir_all(&home)?;
    }
    println!("installing the peers");
    run(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    run(Command::new(&python).args(pip).arg(&requirements))?;
    File::create(&made)?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("starting {:?}", command.get_program()))?;
    ensure!(status.success(), "{:?}: {status}", command.get_program());
    Ok(())
}

/// A hash that stays the same with every toolchain.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
