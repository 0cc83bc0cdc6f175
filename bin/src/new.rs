//! `seqioc new`: writes a crate for a device of one's own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::output;

/// Exit status when the crate is there, and otherwise.
pub(crate) const STATUS: &str =
    "Exit status: 0 it is written, 1 it could not be, 2 the command line is wrong.";

/// What stands for the name in the files.
const SAMPLE: &str = "my_device";
/// The dependency as it stands in the sample's `Cargo.toml`.
const DEPENDENCY: &str = "{ path = \"../../wrapper\" }";
/// The crate `wrapper` of the checkout that this program was built from.
const WRAPPER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../wrapper");

/// Longest name: names of PVs start with it.
const LONGEST: usize = 30;

/// The files of the crate.
const FILES: [(&str, &str); 8] = [
    ("Cargo.toml", include_str!("../template/Cargo.toml")),
    ("README.md", include_str!("../template/README.md")),
    (".gitignore", "/target\n"),
    ("src/main.rs", include_str!("../template/src/main.rs")),
    ("src/lib.rs", include_str!("../template/src/lib.rs")),
    ("src/device.rs", include_str!("../template/src/device.rs")),
    ("src/instrument.rs", include_str!("../template/src/instrument.rs")),
    ("tests/device.rs", include_str!("../template/tests/device.rs")),
];

/// Words that are no name of a crate: Rust's own.
const KEYWORDS: &str = "abstract as async await become box break const continue crate do dyn else enum extern false \
    final fn for gen if impl in let loop macro match mod move mut override priv pub ref return self static struct super \
    trait true try type typeof union unsafe unsized use virtual where while yield";
/// Crates that are there already, and folders of cargo.
const TAKEN: &str = "alloc build core deps examples incremental proc_macro std test wrapper";

#[derive(Args)]
pub(crate) struct Options {
    /// Name of the crate, and the prefix of its PVs: small letters, digits, _ and -
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    /// Folder to make the crate's folder in
    #[arg(long, value_name = "DIR", default_value = ".")]
    path: PathBuf,
    /// The crate "wrapper" that the device is built with [default: the one that this program was built with]
    #[arg(long, value_name = "DIR")]
    wrapper: Option<PathBuf>,
}

/// A name that a crate can have.
fn name(text: &str) -> Result<String, String> {
    let is_one_of = |words: &str| words.split_whitespace().any(|word| word == text.replace('-', "_"));
    let is_small = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if text.is_empty() || text.len() > LONGEST {
        return Err(format!("a name has 1 to {LONGEST} characters, this one has {}", text.chars().count()));
    }
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err(if text.contains('/') {
            "a name starts with a letter a to z; it is no path, --path DIR says where the crate goes"
                .to_owned()
        } else {
            "a name starts with a letter a to z, not with a capital".to_owned()
        });
    }
    if let Some(bad) = text.chars().find(|c| !is_small(*c)) {
        return Err(format!("a name has letters a to z, digits, _ and -, not {bad:?}"));
    }
    if is_one_of(KEYWORDS) {
        return Err("it is a word of Rust, and no name of a crate".to_owned());
    }
    if is_one_of(TAKEN) {
        return Err("cargo or a crate that a device needs has this name".to_owned());
    }
    Ok(text.to_owned())
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let wrapper = wrapper(options.wrapper.as_deref())?;
    let home = options.path.join(&options.name);
    if home.exists() {
        bail!("{}: it exists, a new device needs a folder of its own", home.display());
    }
    let named = || format!("{}", home.display());
    fs::create_dir_all(&options.path)
        .and_then(|()| fs::create_dir(&home))
        .with_context(|| format!("{}: cannot be made", home.display()))?;
    if let Err(error) = write(&home, &options.name, &wrapper).with_context(named) {
        // Half a crate helps nobody; it is ours, because it was made just now.
        let _the_first_error_is_told = fs::remove_dir_all(&home);
        return Err(error);
    }
    Ok(output::write(&hints(&home, &options.name))?)
}

/// The folder of the crate `wrapper`.
fn wrapper(given: Option<&Path>) -> Result<PathBuf> {
    let (folder, hint) = match given {
        Some(folder) => (folder, ""),
        None => (
            Path::new(WRAPPER),
            "; the checkout that this program was built from is gone, --wrapper DIR gives another",
        ),
    };
    let manifest = folder.join("Cargo.toml");
    let text = fs::read_to_string(&manifest)
        .with_context(|| format!("{}: no crate \"wrapper\"{hint}", folder.display()))?;
    if !text.lines().any(|line| line.trim() == "name = \"wrapper\"") {
        bail!("{}: it is not the crate \"wrapper\"", manifest.display());
    }
    folder.canonicalize().with_context(|| format!("{}", folder.display()))
}

fn write(home: &Path, name: &str, wrapper: &Path) -> Result<()> {
    let folder = wrapper.to_str().with_context(|| format!("{}: not UTF-8", wrapper.display()))?;
    // A text of JSON is one of TOML too.
    let dependency = format!("{{ path = {} }}", serde_json::to_string(folder)?);
    for (file, text) in FILES {
        let path = home.join(file);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let text = text.replace(DEPENDENCY, &dependency);
        fs::write(&path, with_name(file, &text, name)).with_context(|| format!("{}", path.display()))?;
    }
    // The versions that the crate "wrapper" is tested with.
    let lock = wrapper.join("../Cargo.lock");
    if lock.exists() {
        fs::copy(&lock, home.join("Cargo.lock")).with_context(|| format!("{}", lock.display()))?;
    }
    Ok(())
}

/// The text with the name of the crate: in Rust with `_` for `-`, but for texts in quotes.
fn with_name(file: &str, text: &str, name: &str) -> String {
    if !file.ends_with(".rs") {
        return text.replace(SAMPLE, name);
    }
    let quoted = |text: &str| text.replace(&format!("\"{SAMPLE}"), &format!("\"{name}"));
    quoted(text).replace(SAMPLE, &name.replace('-', "_"))
}

fn hints(home: &Path, name: &str) -> String {
    format!(
        "{home}: a device with its tests\n  cd {home}\n  cargo test\n  cargo run -- --local\n\
         and from another shell, with the settings that it prints:\n  seqioc cmd {name}: heat 40 rate=20\n",
        home = home.display()
    )
}

#[cfg(test)]
mod tests {
    use super::{name, with_name};

    #[test]
    fn names_are_those_of_crates() {
        for good in ["oven", "my_device", "x2", "my-device", "a"] {
            assert_eq!(name(good), Ok(good.to_owned()));
        }
        for (bad, reason) in [
            ("", "1 to 30 characters, this one has 0"),
            ("a123456789012345678901234567890", "1 to 30 characters, this one has 31"),
            ("2x", "starts with a letter"),
            ("_x", "starts with a letter"),
            ("Oven", "starts with a letter"),
            ("my device", "not ' '"),
            ("my/device", "not '/'"),
            ("ofenä", "not 'ä'"),
            ("move", "a word of Rust"),
            ("proc-macro", "cargo or a crate"),
            ("wrapper", "cargo or a crate"),
            ("test", "cargo or a crate"),
        ] {
            let said = name(bad).expect_err(bad);
            assert!(said.contains(reason), "{bad}: {said}");
        }
    }

    #[test]
    fn rust_has_the_name_with_underscores_and_texts_have_it_as_it_is() {
        let text = "use my_device::X; launch(\"my_device:\")";
        assert_eq!(with_name("src/main.rs", text, "a-b"), "use a_b::X; launch(\"a-b:\")");
        assert_eq!(with_name("README.md", "my_device:x", "a-b"), "a-b:x");
    }
}
