//! The inputs of the fuzz targets, kept and replayed: see `fuzz/README.md`.

use std::fs;
use std::path::Path;

#[path = "../../../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "a library of its own in its other life")]
mod fuzz;

/// The target and every stored input.
fn replay(target: &str, run: fn(&[u8])) {
    for kind in ["corpus", "findings"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(kind).join(target);
        let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
        paths.sort();
        assert!(!paths.is_empty(), "{} is empty", folder.display());
        for path in paths {
            let data = fs::read(&path).expect("a readable file");
            let name = path.display();
            println!("{name}");
            run(&data);
        }
    }
}

macro_rules! replays {
    ($($target:ident),+ $(,)?) => {
        $(#[test]
        fn $target() {
            replay(stringify!($target), fuzz::$target);
        })+

        #[test]
        fn every_stored_folder_is_of_a_target() {
            for kind in ["corpus", "findings"] {
                let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(kind);
                for file in fs::read_dir(folder).expect("a folder") {
                    let name = file.expect("a file").file_name();
                    assert!([$(stringify!($target)),+].iter().any(|target| name == **target), "{name:?}");
                }
            }
        }
    };
}

replays!(header, requests, datagram, dbr, operations);
