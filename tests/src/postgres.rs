//! Debian's PostgreSQL server for one test, in a folder of its own, reached by a socket in it.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::project::has;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use tempfile::TempDir;

/// A PostgreSQL server; it ends with this, and also when the test is killed: a shell waits for the pipe between them.
pub struct Postgres {
    shell: Child,
    pipe: Option<ChildStdin>,
    folder: TempDir,
}

impl Postgres {
    /// Starts one; `None`, with a line that says so, where it is not installed.
    ///
    /// # Panics
    /// Where it does not start, or is missing and everything is required.
    #[must_use]
    pub fn start(test: &str) -> Option<Self> {
        let programs = programs().unwrap_or_else(|| "/usr/lib/postgresql/*/bin".into());
        if !has(&programs, test, "postgresql") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let owner = owner();
        let home = folder.path().join("home");
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&home)
            .unwrap();
        if let Some((user, group)) = owner {
            // It refuses to run as root; so it must reach what another owns.
            chown(folder.path(), Some(user), Some(group)).unwrap();
            chown(&home, Some(user), Some(group)).unwrap();
        }
        let as_owner = |command: &mut Command| {
            if let Some((user, group)) = owner {
                command.uid(user).gid(group);
            }
            command.current_dir(&home);
        };
        let mut init = Command::new(programs.join("initdb"));
        init.args([
            "-D",
            "data",
            "-U",
            "idiom",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]);
        init.args(["--no-sync", "--no-instructions"]);
        as_owner(&mut init);
        let made = init.output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let mut shell = Command::new("sh");
        shell.args([
            "-c",
            "\"$0\" \"$@\" </dev/null & read end; kill -INT $!; wait",
        ]);
        shell
            .arg(programs.join("postgres"))
            .args(["-D", "data", "-h", "", "-k"])
            .arg(&home);
        // The disk is not what is tested here.
        shell.args([
            "-c",
            "fsync=off",
            "-c",
            "full_page_writes=off",
            "-c",
            "max_connections=300",
        ]);
        as_owner(&mut shell);
        let shell = shell.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut shell = shell.unwrap();
        let (pipe, said) = (shell.stdin.take(), shell.stderr.take().unwrap());
        let mut said = BufReader::new(said).lines().map_while(Result::ok);
        let is_ready = said.any(|line| line.contains("ready to accept connections"));
        assert!(is_ready, "postgres did not start");
        std::thread::spawn(move || said.for_each(drop));
        Some(Self {
            shell,
            pipe,
            folder,
        })
    }

    /// Its address, without a database.
    #[must_use]
    pub fn uri(&self) -> String {
        let home = self.folder.path().join("home").display().to_string();
        format!("postgresql://idiom@{}", home.replace('/', "%2F"))
    }

    /// Makes a database; its address.
    ///
    /// # Panics
    /// Where there is one of that name.
    #[must_use]
    pub fn create(&self, name: &str) -> String {
        let program = programs().unwrap().join("createdb");
        let home = self.folder.path().join("home");
        let mut create = Command::new(program);
        create
            .arg("--host")
            .arg(&home)
            .args(["--username", "idiom", name]);
        let made = create.current_dir(&home).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        format!("{}/{name}", self.uri())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _reaped = self.shell.wait();
    }
}

/// The folder of its programs: Debian keeps them out of PATH, by version.
#[must_use]
pub fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    folders
        .filter(|folder| folder.join("initdb").exists())
        .max()
}

/// User and group that it runs as where we are root.
fn owner() -> Option<(u32, u32)> {
    let id = |option: &str, user: &str| -> Option<u32> {
        let output = Command::new("id").args([option, user]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    is_root.then(|| {
        let of = |user| Some((id("-u", user)?, id("-g", user)?));
        of("postgres").or_else(|| of("nobody")).unwrap()
    })
}
