//! Sending files: one by one, a folder with all that is in it, pictures with a thumbnail where one is needed.
//!
//! A file that is gone, or that this server cannot hold, is refused and left behind; only faults that pass, or that
//! concern everything, hold up what follows.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::target::Target;
use super::{Delivery, Fault};
use crate::spool::Artifact;

impl Delivery<'_> {
    pub(super) fn upload(&mut self, target: &Target, artifact: &Artifact) -> Result<(), Fault> {
        let file = self.folder.resolve(&artifact.file);
        let refuse = |error: io::Error| Fault::Refused(format!("{}: {error}", file.display()));
        for (file, path) in files_under(&file, &artifact.path).map_err(refuse)? {
            self.put(target, &file, &path)?;
        }
        match &artifact.thumbnail {
            Some(thumbnail) if !self.is_ours()? => self.put(target, &file, thumbnail),
            _ => Ok(()),
        }
    }

    fn put(&self, target: &Target, file: &Path, path: &str) -> Result<(), Fault> {
        match self.server.put(&target.artifact_uri, path, file) {
            Err(Fault::Strange(reason) | Fault::Missing(reason)) => Err(Fault::Refused(reason)),
            sent => sent,
        }
    }

    /// Our own pages scale pictures themselves; MLflow's show nothing without a second, smaller file.
    pub(super) fn is_ours(&mut self) -> Result<bool, Fault> {
        if self.ours.is_none() {
            self.ours = Some(match self.server.is_ours() {
                Err(Fault::Strange(_) | Fault::Missing(_)) => false,
                answer => answer?,
            });
        }
        Ok(self.ours == Some(true))
    }
}

/// The file, or all files under the folder, each with its place among the artifacts, by name.
fn files_under(file: &Path, path: &str) -> io::Result<Vec<(PathBuf, String)>> {
    if !fs::metadata(file)?.is_dir() {
        return Ok(vec![(file.to_owned(), path.to_owned())]);
    }
    let mut inside: Vec<PathBuf> = fs::read_dir(file)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    inside.sort();
    let mut files = Vec::new();
    for file in inside {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        files.extend(files_under(&file, &format!("{path}/{name}"))?);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_all_its_files_by_name() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("b")).unwrap();
        for name in ["c", "b/2", "b/1", "a"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let files = files_under(folder.path(), "model").unwrap();
        let paths: Vec<&str> = files.iter().map(|(_, path)| path.as_str()).collect();
        assert_eq!(paths, ["model/a", "model/b/1", "model/b/2", "model/c"]);
    }
}
