//! The files below a folder, found in a way that can be trusted: links that lead out of it, devices, and names that are
//! not UTF-8 are refused; hidden files are passed over.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use idiom_dataset::{Reject, digest};

use crate::IngestError;
use crate::fault::Fault;

/// Extensions that announce a picture; what it really is, its bytes decide.
pub(super) const PICTURES: [&str; 11] = [
    "png", "jpg", "jpeg", "webp", "gif", "bmp", "svg", "tif", "tiff", "avif", "heic",
];

/// What was found below a folder.
pub(super) struct Walk<'a> {
    root: &'a Path,
    real_root: PathBuf,
    wanted: &'a dyn Fn(&str) -> bool,
    /// Paths below the root whose extension is wanted, in no order.
    pub(super) files: Vec<String>,
    /// What was refused, with the path below the root.
    pub(super) refused: Vec<(String, Fault)>,
    stamps: Vec<String>,
}

/// Whether an extension (in lower case, without the dot) announces a picture.
pub(super) fn is_picture(extension: &str) -> bool {
    PICTURES.contains(&extension)
}

/// A name's extension in lower case, without the dot.
pub(super) fn extension(name: &str) -> String {
    let extension = Path::new(name).extension().and_then(|end| end.to_str());
    extension.unwrap_or_default().to_lowercase()
}

/// Finds the files whose extension is wanted.
pub(super) fn walk<'a>(
    root: &'a Path,
    wanted: &'a dyn Fn(&str) -> bool,
) -> Result<Walk<'a>, IngestError> {
    let mut walk = Walk {
        root,
        real_root: fs::canonicalize(root).map_err(IngestError::io(root))?,
        wanted,
        files: Vec::new(),
        refused: Vec::new(),
        stamps: Vec::new(),
    };
    walk.folder(root)?;
    Ok(walk)
}

/// Of a file's size and time of change; stands for its content where reading it would cost too much.
pub(super) fn stamp(path: &Path) -> String {
    let Ok(metadata) = fs::metadata(path) else {
        return String::new();
    };
    let changed = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    format!(
        "{}\0{}",
        metadata.len(),
        changed.unwrap_or_default().as_nanos()
    )
}

impl Walk<'_> {
    /// Changes with the names, sizes and times of the files found.
    pub(super) fn fingerprint(mut self) -> String {
        self.stamps.sort();
        digest::sha256_hex(self.stamps.join("\n").as_bytes())
    }

    /// The folder's own name, for provenance.
    pub(super) fn name(&self) -> String {
        let name = self.real_root.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// What was refused, as rejects of a source.
    pub(super) fn rejects(&mut self, source: &str) -> Vec<Reject> {
        let refused = std::mem::take(&mut self.refused).into_iter();
        refused
            .map(|(member, fault)| fault.at(source, &member))
            .collect()
    }

    fn folder(&mut self, folder: &Path) -> Result<(), IngestError> {
        for entry in fs::read_dir(folder).map_err(IngestError::io(folder))? {
            let path = entry.map_err(IngestError::io(folder))?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                self.refuse(&path, "bad_name", "the name is not UTF-8");
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            let metadata = fs::symlink_metadata(&path).map_err(IngestError::io(&path))?;
            if metadata.is_symlink() {
                self.link(&path);
            } else if metadata.is_dir() {
                self.folder(&path)?;
            } else if metadata.is_file() {
                self.file(&path);
            } else {
                self.refuse(&path, "not_a_file", "it is a device, a socket or a pipe");
            }
        }
        Ok(())
    }

    /// A link to a file inside the folder is as good as the file; links to folders are not followed, since they may circle.
    fn link(&mut self, path: &Path) {
        match fs::canonicalize(path) {
            Ok(target) if !target.starts_with(&self.real_root) => {
                self.refuse(path, "link_outside", "the link leads out of the folder");
            }
            Ok(target) if target.is_file() => self.file(path),
            Ok(_) => self.refuse(path, "link_to_folder", "links to folders are not followed"),
            Err(error) => self.refuse(path, "broken_link", &error.to_string()),
        }
    }

    fn file(&mut self, path: &Path) {
        let name = self.relative(path);
        if (self.wanted)(&extension(&name)) {
            self.stamps.push(format!("{name}\0{}", stamp(path)));
            self.files.push(name);
        }
    }

    fn refuse(&mut self, path: &Path, code: &'static str, message: &str) {
        self.refused
            .push((self.relative(path), Fault::new("list", code, message)));
    }

    fn relative(&self, path: &Path) -> String {
        path.strip_prefix(self.root)
            .unwrap_or(path)
            .to_string_lossy()
            .into_owned()
    }
}
