//! Every name that is asked for is a PV of the kind that its name suggests, as of an areaDetector: on loopback only,
//! because it answers for PVs of others too.

use std::process::ExitCode;

use wrapper::{Choice, FixedString, GroupBuilder, GroupError, Launcher};

/// Most PVs that are made.
const MOST: usize = 100_000;

/// Parts of a name that stand for another PV: setpoints and readbacks are one.
const ENDINGS: [&str; 6] = ["-SP", "-I", "-RB", "-Cmd", "_RBV", ":RBV"];

/// What `PluginType` is, by what stands before a digit and a colon.
const PLUGINS: [(&str, &str); 15] = [
    ("image", "NDPluginStdArrays"),
    ("Stats", "NDPluginStats"),
    ("CC", "NDPluginColorConvert"),
    ("Proc", "NDPluginProcess"),
    ("Over", "NDPluginOverlay"),
    ("ROI", "NDPluginROI"),
    ("Trans", "NDPluginTransform"),
    ("netCDF", "NDFileNetCDF"),
    ("TIFF", "NDFileTIFF"),
    ("JPEG", "NDFileJPEG"),
    ("Nexus", "NDPluginNexus"),
    ("HDF", "NDFileHDF5"),
    ("Magick", "NDFileMagick"),
    ("Current", "NDPluginStats"),
    ("SumAll", "NDPluginStats"),
];

/// Labels of choices, by a part of the name.
const CHOICES: [(&str, &[&str]); 8] = [
    ("EnableCallbacks", &["Disabled", "Enabled"]),
    ("BlockingCallbacks", &["No", "Yes"]),
    ("Auto", &["No", "Yes"]),
    ("ImageMode", &["Single", "Multiple", "Continuous"]),
    ("WriteMode", &["Single", "Capture", "Stream"]),
    ("TriggerMode", &["Internal", "External"]),
    ("WaitForPlugins", &["No", "Yes"]),
    ("Compression", &["None", "N-bit", "szip", "zlib", "blosc"]),
];

/// The name of a plugin's kind, when the name has one.
fn plugin(name: &str) -> Option<&'static str> {
    let is_numbered = |part: &str| {
        name.match_indices(part).any(|(at, _)| {
            let mut rest = name[at + part.len()..].chars();
            rest.next().is_some_and(|c| c.is_ascii_digit()) && rest.next() == Some(':')
        })
    };
    let named = |part: &str| if part == "SumAll" { name.contains(part) } else { is_numbered(part) };
    PLUGINS.iter().find(|(part, _)| named(part)).map(|(_, kind)| *kind)
}

fn spoof(name: &str, group: &mut GroupBuilder) -> Result<(), GroupError> {
    if let Some(own) = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)) {
        return spoof(own, group);
    }
    let kind = if name.contains("PluginType") { plugin(name) } else { None };
    if let Some(kind) = kind {
        return group.pv(name, FixedString::cut(kind)).add().map(drop);
    }
    if name.contains("ArrayPort") || name.contains("PortName") {
        return group.pv(name, FixedString::cut(name)).add().map(drop);
    }
    if let Some((_, labels)) = CHOICES.iter().find(|(part, _)| name.contains(part)) {
        return group.pv(name, Choice(0)).labels(labels).add().map(drop);
    }
    let small = name.to_lowercase();
    if name.contains("ArraySize") {
        group.pv(name, 10).add().map(drop)
    } else if name.contains("FilePathExists") {
        group.pv(name, 1).add().map(drop)
    } else if small.contains("file") && !small.contains("number") && !small.contains("mode") {
        group.pv(name, "a".repeat(250)).max_length(250).add().map(drop)
    } else if small.contains("filenumber") {
        group.pv(name, 0).add().map(drop)
    } else {
        group.pv(name, 0.0).add().map(drop)
    }
}

fn main() -> ExitCode {
    println!("this IOC answers to every name: other servers of this host cannot be told from it");
    Launcher::new("A beamline that is not there").local_only().fallback(MOST, spoof).run()
}
