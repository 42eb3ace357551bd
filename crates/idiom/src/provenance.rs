//! What a run must remember so that it can be done again: code, lock file, machine.

use crate::failure::Failure;
use idiom_dataset::digest::sha256_hex;
use std::path::Path;
use std::process::Command;

/// The file beside a run that holds uncommitted changes, for `git apply`.
const CHANGES: &str = "uncommitted.diff";

/// Pairs for the run's record, in a fixed order; what cannot be learnt is left out.
pub(crate) fn provenance(root: &Path) -> Vec<(String, String)> {
    let dirty = git(root, &["diff", "HEAD"]);
    let facts = [
        ("idiom.version", Some(env!("CARGO_PKG_VERSION").to_owned())),
        (
            "mlflow.source.git.commit",
            git(root, &["rev-parse", "HEAD"]),
        ),
        (
            "idiom.git.dirty",
            dirty.as_ref().map(|d| (!d.is_empty()).to_string()),
        ),
        (
            "idiom.git.diff_sha256",
            dirty
                .filter(|d| !d.is_empty())
                .map(|d| sha256_hex(d.as_bytes())),
        ),
        (
            "idiom.cargo_lock_sha256",
            std::fs::read(root.join("Cargo.lock"))
                .ok()
                .map(|b| sha256_hex(&b)),
        ),
        ("idiom.cpu", cpu()),
        (
            "idiom.cores",
            std::thread::available_parallelism()
                .ok()
                .map(|n| n.to_string()),
        ),
        (
            "idiom.kernel",
            std::fs::read_to_string("/proc/sys/kernel/osrelease")
                .ok()
                .map(|s| s.trim().to_owned()),
        ),
    ];
    facts
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
}

/// Keeps what was changed in the code and not committed beside the run, once, so that the run can be made again.
pub(crate) fn keep_changes(root: &Path, run: &Path) -> Result<(), Failure> {
    let path = run.join(CHANGES);
    let changes = git(root, &["diff", "HEAD"]).filter(|diff| !diff.is_empty());
    let (Some(changes), false) = (changes, path.exists()) else {
        return Ok(());
    };
    let written = std::fs::create_dir_all(run).and_then(|()| std::fs::write(&path, changes + "\n"));
    written.map_err(|e| {
        Failure::new(
            format!("{}: {e}", path.display()),
            "free some space, or see to the folder's rights",
        )
    })
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned();
    output.status.success().then_some(text)
}

/// The processor's name as the kernel gives it.
pub(crate) fn cpu() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|l| l.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}
