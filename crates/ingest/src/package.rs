//! npm packages as sources: fetched once by the registry's own client, verified, kept in the user's cache.
//!
//! The tarball's SHA-512 stands in the pipeline, so a package that changed under the same version is an error, and a
//! download that broke off is fetched again.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use idiom_spec::pipeline::Package;
use sha2::{Digest as _, Sha512};

use crate::IngestError;

/// Where packages are kept and how they come there.
#[derive(Debug)]
pub(crate) struct Registry<'a> {
    /// Folder of tarballs.
    pub(crate) folder: PathBuf,
    /// The registry's client.
    pub(crate) client: &'a Path,
    /// Set when the download should be given up.
    pub(crate) stop: &'a AtomicBool,
}

impl Registry<'_> {
    /// The path of a package's verified tarball, fetching it where it is missing or broken.
    pub(crate) fn tarball(&self, package: &Package) -> Result<PathBuf, IngestError> {
        let path = self.folder.join(file_name(package));
        if path.exists() && integrity(&path)? == package.integrity {
            return Ok(path);
        }
        let incoming = self
            .folder
            .join(format!(".incoming-{}", std::process::id()));
        let fetched = self.fetch(package, &incoming, &path);
        let _ = fs::remove_dir_all(&incoming);
        fetched.map(|()| path)
    }

    fn fetch(&self, package: &Package, incoming: &Path, path: &Path) -> Result<(), IngestError> {
        let _ = fs::remove_dir_all(incoming);
        fs::create_dir_all(incoming).map_err(IngestError::io(incoming))?;
        self.run_client(package, incoming)?;
        let found = fs::read_dir(incoming)
            .map_err(IngestError::io(incoming))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|file| file.extension().is_some_and(|extension| extension == "tgz"));
        let Some(tarball) = found else {
            return Err(IngestError::Fetch {
                package: spec(package),
                message: "no tarball was written".to_owned(),
            });
        };
        let hash = integrity(&tarball)?;
        if hash != package.integrity {
            return Err(IngestError::Integrity {
                package: spec(package),
                found: hash,
                expected: package.integrity.clone(),
            });
        }
        fs::rename(&tarball, path).map_err(IngestError::io(path))
    }

    fn run_client(&self, package: &Package, incoming: &Path) -> Result<(), IngestError> {
        let log = incoming.join("client.log");
        let log_file = fs::File::create(&log).map_err(IngestError::io(&log))?;
        let mut child = Command::new(self.client)
            .args([
                "pack",
                &spec(package),
                "--ignore-scripts",
                "--loglevel=error",
                "--pack-destination",
            ])
            .arg(incoming)
            .current_dir(incoming)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log_file)
            .spawn()
            .map_err(|source| IngestError::NoClient {
                program: self.client.to_owned(),
                package: spec(package),
                source,
            })?;
        let status = loop {
            if let Some(status) = child.try_wait().map_err(IngestError::io(self.client))? {
                break status;
            }
            if self.stop.load(Ordering::Relaxed) {
                let _ = child.kill();
                let _ = child.wait();
                return Err(IngestError::Interrupted {
                    units_done: 0,
                    units_total: 0,
                });
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        if status.success() {
            return Ok(());
        }
        let output = fs::read(&log).unwrap_or_default();
        Err(IngestError::Fetch {
            package: spec(package),
            message: last_lines(&String::from_utf8_lossy(&output)),
        })
    }
}

/// `name@version`, as the client takes it.
pub(crate) fn spec(package: &Package) -> String {
    format!("{}@{}", package.name, package.version)
}

/// The name that the client gives the tarball.
fn file_name(package: &Package) -> String {
    format!(
        "{}-{}.tgz",
        package.name.trim_start_matches('@').replace('/', "-"),
        package.version
    )
}

fn integrity(path: &Path) -> Result<String, IngestError> {
    let mut file = fs::File::open(path).map_err(IngestError::io(path))?;
    let mut hasher = Sha512::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = file.read(&mut buffer).map_err(IngestError::io(path))?;
        if n == 0 {
            return Ok(format!("sha512-{}", STANDARD.encode(hasher.finalize())));
        }
        hasher.update(&buffer[..n]);
    }
}

fn last_lines(output: &str) -> String {
    let lines: Vec<&str> = output
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(4)..].join("; ")
}
