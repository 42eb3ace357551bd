//! Two processes that train the toy together: the same mathematics as one, any number after a resume, and a clear end when one is
//! lost. The second process, and where both must be new ones the first too, is this very program.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::toy::{Toy, finish, run};
use idiom_spec::experiment::{Contrastive, Guide, ObjectiveKind, PenaltyKind, Task};
use idiom_torch_ext::{Rendezvous, TorchError};
use idiom_train::checkpoint::{self, TensorSets};
use idiom_train::{Event, Sink, TrainError, TrainRequest, train};

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn shared(mut request: TrainRequest, rank: usize, port: u16) -> TrainRequest {
    request.experiment.train.batch_size = 8;
    request.experiment.logging.every_images = 8;
    request = with_a_level(request);
    request.rendezvous = Some(Rendezvous {
        host: "127.0.0.1".to_owned(),
        port,
        rank,
        n_ranks: 2,
        join_timeout: Duration::from_secs(60),
        answer_timeout: Duration::from_secs(30),
    });
    request
}

/// A loss that knows a level: where it is free, Adam makes full steps of its rounding errors.
fn with_a_level(mut request: TrainRequest) -> TrainRequest {
    request.experiment.objective.kind = ObjectiveKind::Hinge;
    request.experiment.objective.penalty.kind = PenaltyKind::R1;
    request
}

fn alone(request: TrainRequest) -> TrainRequest {
    TrainRequest {
        rendezvous: None,
        ..shared(request, 0, 0)
    }
}

/// What the processes learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lesson {
    /// Pictures from words.
    Game,
    /// Vectors.
    Vectors,
    /// Vectors first, by 16 pictures, then pictures from words.
    Both,
}

impl Lesson {
    fn of(name: &str) -> Self {
        let all = [Self::Game, Self::Vectors, Self::Both];
        *all.iter()
            .find(|lesson| format!("{lesson:?}") == name)
            .unwrap()
    }

    fn request(self, toy: &Toy, run: &str, images: u64) -> TrainRequest {
        let mut request = toy.request(run, images);
        if self != Self::Game {
            // All its terms are on.
            request.experiment.contrastive = Contrastive {
                looks: 1.0,
                style_words: 1.0,
                subject_pairs: 1.0,
                subject_words: 1.0,
                fine_channels: 4,
                channels: vec![8, 8],
                hidden_dim: 8,
                style_dim: 8,
                subject_dim: 8,
                ..Contrastive::default()
            };
        }
        match self {
            Self::Game => {}
            Self::Vectors => request.experiment.task = Task::Contrastive,
            Self::Both => {
                request.experiment.guide = Some(Guide {
                    images: 16,
                    ..Guide::default()
                });
            }
        }
        request
    }
}

/// The other process, which trains run `run` for so many pictures.
fn second(toy: &Toy, run: &str, images: u64, port: u16) -> Child {
    second_of(Lesson::Game, toy, run, images, port)
}

fn second_of(lesson: Lesson, toy: &Toy, run: &str, images: u64, port: u16) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            "parallel::the_second_process",
        ])
        .current_dir(toy.path())
        .env("TOY_RUN", format!("{run} {images} {port} {lesson:?}"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "the other process of the tests here"]
fn the_second_process() {
    let words = std::env::var("TOY_RUN").unwrap();
    let words: Vec<&str> = words.split(' ').collect();
    let toy = Toy::at(Path::new("."));
    let images = words[1].parse().unwrap();
    let request = Lesson::of(words[3]).request(&toy, "not the run's name", images);
    let request = shared(request, 1, words[2].parse().unwrap());
    let tell = |_: Event| {
        let mut out = std::io::stdout().lock();
        // The first process may be done with listening.
        let _ = writeln!(out, "event").and_then(|()| out.flush());
    };
    let outcome = train(
        &request,
        &idiom_train::NoSink,
        &tell,
        &AtomicBool::new(false),
    );
    assert!(outcome.is_ok(), "{outcome:?}");
    assert!(!toy.run_folder("not the run's name").exists());
}

/// Trains run `run` with two processes.
fn two(toy: &Toy, run: &str, images: u64, sink: &dyn Sink) {
    two_of(Lesson::Game, toy, run, images, sink);
}

fn two_of(lesson: Lesson, toy: &Toy, run: &str, images: u64, sink: &dyn Sink) {
    let port = free_port();
    let other = second_of(lesson, toy, run, images, port);
    let request = shared(lesson.request(toy, run, images), 0, port);
    train(&request, sink, &|_| {}, &AtomicBool::new(false)).unwrap();
    let output = other.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
}

fn tensors(toy: &Toy, run: &str) -> TensorSets {
    let saves = toy.run_folder(run).join("checkpoints");
    checkpoint::load_newest(&saves, &|warning| panic!("{warning}"))
        .unwrap()
        .tensors
}

/// Keeps the losses.
#[derive(Default)]
struct Losses(Mutex<Vec<f64>>);

impl Sink for Losses {
    fn metric(&self, key: &str, value: f64, _: i64) {
        if key.starts_with("loss/") {
            self.0.lock().unwrap().push(value);
        }
    }
    fn image(&self, _: &str, _: i64, _: &Path) {}
    fn artifact(&self, _: &Path, _: &str) {}
    fn param(&self, _: &str, _: &str) {}
    fn tag(&self, _: &str, _: &str) {}
}

#[test]
fn the_gradients_of_the_first_step_are_those_of_one_process() {
    let toy = Toy::new();
    finish(&alone(toy.request("one", 8)));
    two(&toy, "two", 8, &idiom_train::NoSink);
    same_first_moments(&toy, &["generator_adam", "discriminator_adam"], |_| 1e-4);
}

#[test]
fn the_contrastive_gradients_of_the_first_step_are_those_of_one_process() {
    let toy = Toy::new();
    finish(&alone(Lesson::Vectors.request(&toy, "one", 8)));
    two_of(Lesson::Vectors, &toy, "two", 8, &idiom_train::NoSink);
    // A bias before a normalisation has no influence: its gradient is rounding errors.
    same_first_moments(&toy, &["contrastive_adam"], |whole| 1e-2 * whole);
}

/// After one step of the runs `one` and `two`; the first moment is then the gradient itself, or a share of it. Tensors shorter than the
/// floor, which may follow the length of an optimiser's whole gradient, are compared by it.
fn same_first_moments(toy: &Toy, optimisers: &[&str], floor: fn(f64) -> f64) {
    let (one, two) = (tensors(toy, "one"), tensors(toy, "two"));
    for optimiser in optimisers.iter().copied() {
        let whole = one[optimiser]
            .iter()
            .filter(|(name, _)| name.ends_with("first_moment"));
        let whole = whole.map(|(_, moment)| moment.norm().double_value(&[]).powi(2));
        let floor = floor(whole.sum::<f64>().sqrt());
        let pairs = one[optimiser].iter().zip(&two[optimiser]);
        for ((name, one), (_, two)) in pairs.filter(|((name, _), _)| name.ends_with("first_moment"))
        {
            let (length, distance) = (one.norm(), (one - two).norm());
            let (length, distance) = (length.double_value(&[]), distance.double_value(&[]));
            assert!(
                distance <= 1e-5 * length.max(floor),
                "{optimiser}/{name} differs by {distance} of {length}"
            );
        }
    }
}

#[test]
fn the_losses_of_twenty_steps_are_those_of_one_process() {
    assert_eq!(same_losses(Lesson::Game, 160), 60);
}

/// Two steps of the guide with five terms each, then four of the game with its three losses.
#[test]
fn the_losses_of_a_guide_and_of_its_game_are_those_of_one_process() {
    assert_eq!(same_losses(Lesson::Both, 48), 2 * 5 + 4 * 3);
}

/// How many losses there are in a training of so many pictures, which are the same for one process and for two.
fn same_losses(lesson: Lesson, images: u64) -> usize {
    let toy = Toy::new();
    let (one, two_losses) = (Losses::default(), Losses::default());
    let request = alone(lesson.request(&toy, "one", images));
    train(&request, &one, &|_| {}, &AtomicBool::new(false)).unwrap();
    two_of(lesson, &toy, "two", images, &two_losses);
    let (one, two) = (
        one.0.into_inner().unwrap(),
        two_losses.0.into_inner().unwrap(),
    );
    assert_eq!(one.len(), two.len());
    for (step, (one, two)) in one.iter().zip(&two).enumerate() {
        assert!(
            (one - two).abs() <= 1e-3 * one.abs().max(0.1),
            "figure {step}: {one} and {two}"
        );
    }
    one.len()
}

#[test]
fn one_process_goes_on_with_what_two_have_begun() {
    let toy = Toy::new();
    two(&toy, "run", 24, &idiom_train::NoSink);
    finish(&alone(toy.resumed("run", 48)));
    let saves = checkpoint::list(&toy.run_folder("run").join("checkpoints")).unwrap();
    assert_eq!(saves.last(), Some(&48));
}

#[test]
fn a_lost_process_ends_the_training_and_the_run_goes_on_alone() {
    let toy = Toy::new();
    let port = free_port();
    let mut other = second(&toy, "run", 100_000, port);
    let lines = BufReader::new(other.stdout.take().unwrap()).lines();
    let killer = std::thread::spawn(move || {
        let events = lines.map_while(Result::ok).filter(|line| line == "event");
        assert_eq!(events.take(5).count(), 5);
        other.kill().unwrap();
        other.wait().unwrap();
    });
    let request = shared(toy.request("run", 100_000), 0, port);
    let error = train(
        &request,
        &idiom_train::NoSink,
        &|_| {},
        &AtomicBool::new(false),
    )
    .unwrap_err();
    killer.join().unwrap();
    assert!(
        matches!(error, TrainError::Torch(TorchError::Group(_))),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("idiom resume"), "{error}");
    let saved = *checkpoint::list(&toy.run_folder("run").join("checkpoints"))
        .unwrap()
        .last()
        .unwrap();
    finish(&alone(toy.resumed("run", saved + 16)));
}

#[test]
fn a_batch_that_cannot_be_shared_is_refused() {
    let toy = Toy::new();
    let port = free_port();
    let mut other = second(&toy, "run", 8, port);
    let mut request = shared(toy.request("run", 8), 0, port);
    request.experiment.train.batch_size = 4;
    let error = train(
        &request,
        &idiom_train::NoSink,
        &|_| {},
        &AtomicBool::new(false),
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`train.batch_size` is 4, but must be a multiple of 4 for each of 2 processes and 1 parts"
    );
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn a_task_that_one_process_learns_alone_is_refused_before_the_others_are_waited_for() {
    let toy = Toy::new();
    // Nobody else ever comes.
    let request = shared(toy.restyle_request("run", 8), 0, free_port());
    let error = run(&request).unwrap_err();
    assert!(error.to_string().contains("`task: restyle`"), "{error}");
    assert!(!toy.run_folder("run").exists());
}
