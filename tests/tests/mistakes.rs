//! What a person is told when something is wrong: one error, the way out, exit status 2, nothing half-written.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use idiom_tests::owned::Owned;
use idiom_tests::project::{Project, Server, binary};
use idiom_tests::workspace;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{ChildStderr, Stdio};

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

/// What `idiom` says on standard error, with the project's folder cut away; its exit status must be 2.
fn check(project: &Project, arguments: &[&str]) -> String {
    let output = project.idiom(NOWHERE).args(arguments).output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(2),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.stdout.is_empty(), "an error is no result");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.replace(
        &format!(
            "{}/",
            project.path("").display().to_string().trim_end_matches('/')
        ),
        "",
    )
}

fn with_experiment(text: &str) -> Project {
    let project = Project::new();
    std::fs::write(project.path("mine.yaml"), text).unwrap();
    project
}

fn of_mine(project: &Project, overrides: &[&str]) -> String {
    let file = project.path("mine.yaml");
    check(
        project,
        &[&["experiment", file.to_str().unwrap()], overrides].concat(),
    )
}

#[test]
fn a_misspelt_key_is_named_with_its_line_and_the_nearest_key() {
    let project = with_experiment("name: a\ndataset: x\ntrain:\n  sead: 2\n");
    let text = of_mine(&project, &[]);
    assert!(
        text.starts_with("error: mine.yaml:4:3: `train.sead`: unknown field `sead`"),
        "{text}"
    );
    assert!(text.contains("hint: did you mean `seed`?"), "{text}");
    assert!(
        !project.path("data/runs").exists() && !project.path("data/datasets").exists(),
        "something was written"
    );
}

#[test]
fn networks_that_do_not_fit_are_told_before_anything_is_made() {
    // A pipeline of that name is there: without the check its pictures would be read first.
    let project = with_experiment("name: a\ndataset: folder\nresolution: 128\n");
    let text = of_mine(&project, &[]);
    assert!(
        text.starts_with(
            "error: `generator.channels` is [192, 128, 96, 48, 24], but must be a list of 6"
        ),
        "{text}"
    );
    let contrastive = ["task=contrastive", "resolution=128"];
    assert!(
        of_mine(&project, &contrastive).starts_with("error: `contrastive.channels` is [24,"),
        "the key is the file's"
    );
    assert!(
        !project.path("data/runs").exists() && !project.path("data/datasets").exists(),
        "something was written"
    );
}

#[test]
fn a_wrong_type_and_a_wrong_override_are_named_where_they_were_typed() {
    let project = with_experiment("name: a\ndataset: x\ntrain:\n  seed: soon\n");
    assert!(
        of_mine(&project, &[])
            .starts_with("error: mine.yaml:4:3: `train.seed`: invalid type: string \"soon\"")
    );
    assert!(
        of_mine(&project, &["train.seed=-1"])
            .starts_with("error: command line: `train.seed`: invalid")
    );
}

#[test]
fn a_value_out_of_range_is_told_with_the_range() {
    let project = with_experiment("name: a\ndataset: x\n");
    let text = of_mine(&project, &["optimizer.generator.learning_rate=20"]);
    assert!(
        text.contains("`optimizer.generator.learning_rate`") && text.contains('1'),
        "{text}"
    );
}

#[test]
fn a_sweep_is_checked_before_its_first_run() {
    let project = with_experiment("name: a\ndataset: x\nsweep:\n  grid:\n    train.sead: [1, 2]\n");
    let text = of_mine(&project, &[]);
    assert!(
        text.starts_with("error: command line: `train.sead`: unknown field"),
        "{text}"
    );
    let text = of_mine(&project, &["sweep={seeds: [1, 1]}"]);
    assert!(text.contains("`sweep.seeds`: names 1 twice"), "{text}");
    let text = of_mine(
        &project,
        &["sweep=null", "stages=[{name: b, set: {init_from: $c}}]"],
    );
    assert!(text.contains("no earlier stage is called so"), "{text}");
    assert!(!project.path("data/runs").exists(), "something was written");
}

#[test]
fn a_missing_file_run_or_data_set_is_told_with_what_there_is() {
    let project = Project::new();
    insta::assert_snapshot!(check(&project, &["experiment", "nowhere.yaml"]).lines().next().unwrap(), @"error: nowhere.yaml: there is no such file");
    assert!(
        check(&project, &["experiment", "nowhere.yaml"]).contains("smoke.yaml"),
        "it does not name the experiments"
    );
    insta::assert_snapshot!(check(&project, &["resume", "nobody"]), @r"
    error: nobody: there is no such run
      hint: in data/runs: (nothing)
    ");
    let text = check(&project, &["embed", "nothing"]);
    assert!(text.contains("nothing") && text.contains("hint:"), "{text}");
}

#[test]
fn a_misspelt_port_is_not_taken_for_the_usual_one() {
    let project = Project::new();
    for typed in ["515l", "0", "70000"] {
        let mut doctor = project.idiom(NOWHERE);
        let output = doctor
            .arg("doctor")
            .env("IDIOM_PORT", typed)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            format!(
                "error: IDIOM_PORT is `{typed}`, which is no port\n  hint: set it to a number from 1 to 65535, or unset it\n"
            )
        );
    }
}

#[test]
fn a_busy_port_is_one_clear_error() {
    let project = Project::new();
    let server = Server::start(&project.path("data"));
    let port = server.uri.rsplit(':').next().unwrap();
    let text = check(&project, &["serve", "--port", port]);
    assert!(
        text.starts_with(&format!(
            "error: an Idiom server already runs at http://127.0.0.1:{port}"
        )),
        "{text}"
    );
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port().to_string();
    let text = check(&project, &["serve", "--port", &port]);
    assert!(text.contains(&port) && text.contains("hint:"), "{text}");
}

/// A project with one picture of its own, whose data set somebody holds until the file is dropped.
fn with_held_data_set() -> (Project, File) {
    let project = with_experiment("name: mine\ndataset: mine\nencoder: ./nowhere\n");
    std::fs::remove_file(project.path("pipelines")).unwrap();
    for folder in ["pipelines", "pictures", "data/datasets/mine"] {
        std::fs::create_dir_all(project.path(folder)).unwrap();
    }
    let pipeline = "name: mine\npicture: {side: 64, upscale: true}\nsources:\n  own:\n    license: CC0-1.0\n    folder: {path: ../pictures, lang: en}\n";
    std::fs::write(project.path("pipelines/mine.yaml"), pipeline).unwrap();
    let picture = workspace::root().join("crates/picture/tests/fixtures/rgb16.png");
    std::fs::copy(picture, project.path("pictures/one.png")).unwrap();
    std::fs::write(project.path("pictures/one.txt"), "some colours").unwrap();
    let held = File::create(project.path("data/datasets/mine/.lock")).unwrap();
    held.lock().unwrap();
    (project, held)
}

/// The experiment, and what it says on standard error, from where it says that it waits.
fn waiting(project: &Project) -> (Owned, BufReader<ChildStderr>) {
    let mut command = std::process::Command::new(binary("idiom"));
    command
        .arg("--home")
        .arg(project.path(""))
        .arg("experiment")
        .arg(project.path("mine.yaml"))
        .env("MLFLOW_TRACKING_URI", NOWHERE)
        .stderr(Stdio::piped());
    let mut child = Owned::spawn(&mut command);
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(
        line.contains("data/datasets/mine` is being written by another process")
            && line.ends_with("; waiting for it to end\n"),
        "{line}"
    );
    (child, said)
}

#[test]
fn an_experiment_waits_for_data_that_another_process_makes() {
    let (project, held) = with_held_data_set();
    let (mut child, mut said) = waiting(&project);
    assert!(!project.path("data/datasets/mine/manifest.json").exists());
    drop(held);
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert!(
        project.path("data/datasets/mine/manifest.json").is_file(),
        "it did not go on: {rest}"
    );
    assert!(
        rest.contains("error: ") && rest.contains("nowhere") && !rest.contains("another process"),
        "it has no encoder, and nothing else is wrong: {rest}"
    );
    assert_eq!(child.wait().unwrap().code(), Some(2));
}

#[test]
fn an_experiment_that_waits_is_stopped_by_ctrl_c() {
    let (project, _held) = with_held_data_set();
    let (mut child, mut said) = waiting(&project);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "interrupted; nothing was begun\n");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_second_ingest_is_refused_not_queued() {
    let (project, _held) = with_held_data_set();
    let text = check(&project, &["ingest", "mine.yaml"]);
    assert!(
        text.contains("error: `data/datasets/mine` is being written by another process")
            && text.contains("hint: wait until it ends, or stop it"),
        "{text}"
    );
}

#[test]
fn help_shows_examples() {
    let project = Project::new();
    for verb in [
        "ingest",
        "embed",
        "report",
        "search",
        "experiment",
        "resume",
        "reproduce",
        "schema",
        "serve",
        "sync",
    ] {
        let output = project
            .idiom(NOWHERE)
            .args([verb, "--help"])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && text.contains("Example"),
            "{verb}: {text}"
        );
    }
}

#[test]
fn doctor_says_what_there_is() {
    let project = Project::new();
    let output = project.idiom(NOWHERE).arg("doctor").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for word in ["libtorch  2.11.0", "threads", "cuda", "cache", "server"] {
        assert!(text.contains(word), "no {word} in\n{text}");
    }
}
