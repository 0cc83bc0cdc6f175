//! Writes what was made: each file whole or not at all, and nothing that somebody has changed.

use std::fs::{self, File as Handle};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name within the folder.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// Why nothing, or not all, was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Files are there and say something else; none was written.
    #[error("{} would be replaced by another text, which needs --force; nothing was written", listed(.0))]
    Differs(Vec<PathBuf>),
}

fn listed(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Files that are new or were replaced.
    pub written: usize,
    /// Files that were as they should be.
    pub kept: usize,
}

/// Writes files into a folder, which is made.
///
/// Each is written beside its place, then moved there. A file that says something else is replaced with `force` only;
/// without it, one such file and none is written.
///
/// # Errors
/// When a file differs, or cannot be read or written.
pub fn write(folder: &Path, files: &[File], force: bool) -> Result<Written, WriteError> {
    let mut due = Vec::new();
    let mut differing = Vec::new();
    for file in files {
        let path = folder.join(&file.name);
        match fs::read(&path) {
            Ok(bytes) if bytes == file.text.as_bytes() => continue,
            Ok(_) => differing.push(path.clone()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(WriteError::Io { path, source }),
        }
        due.push((path, file));
    }
    if !differing.is_empty() && !force {
        return Err(WriteError::Differs(differing));
    }
    fs::create_dir_all(folder).map_err(|source| WriteError::Io { path: folder.to_owned(), source })?;
    for (path, file) in &due {
        replace(path, &file.text).map_err(|source| WriteError::Io { path: path.clone(), source })?;
    }
    Ok(Written { written: due.len(), kept: files.len() - due.len() })
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    let write = || {
        let mut file = Handle::create(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().inspect_err(|_| {
        // Absent when it could not even be made.
        let _ = fs::remove_file(&beside);
    })
}
