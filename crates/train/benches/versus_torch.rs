//! Our training step beside the same networks and step in eager PyTorch 2.11, in one run on the same threads, in turn: `just bench train`.
//!
//! Ours is the whole of `idiom_train::train` on a synthetic data set: loader, logging and checks included; PyTorch's has its pictures in
//! memory and logs nothing (`torch_step.py`). Each measure is a process of its own, so that peak memory is its own too. Rates by the
//! clock suffer from other work on the machine; CPU seconds less. Then what single settings cost, ours alone, and what logging costs (through
//! the client's spool, with no server to take it), in pairs with and without; `just bench train 2 logging` measures that alone.
//! IDIOM_TORCH_PYTHON, or the packages of `tests/fetch_python.py torch`, is PyTorch; without it only our own figures are printed.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed bench")]
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

#[allow(dead_code, reason = "the tests' toy can do more than a bench asks for")]
#[path = "../tests/training/toy.rs"]
mod toy;

use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use idiom_spec::experiment::Experiment;
use idiom_tracking::{ClientConfig, Run, RunSpec};
use idiom_train::{Event, NoSink, Outcome, Sink, train};
use toy::Toy;

/// Steps before the clock runs: one round of the lazy penalty.
const WARM: u64 = 8;
/// Steps that are measured, three rounds.
const STEPS: u64 = 24;
/// As many where what is looked for is a hundredth.
const LOGGED_STEPS: u64 = 64;
/// Each measure is taken so often, in turn with the others; the median counts.
const TURNS: usize = 3;
/// Pairs of a training that logs and one that does not.
const PAIRS: usize = 5;

/// What one process says of itself.
#[derive(Debug, Clone, Copy)]
struct Figures {
    per_second: f64,
    cpu_seconds: f64,
    peak_mb: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args()
        .filter(|a| a != "--bench")
        .skip(1)
        .collect();
    if let [ours, task, settings, steps] = arguments.as_slice()
        && ours == "ours"
    {
        return measure(task, settings, steps.parse().unwrap());
    }
    let threads = arguments.first().map_or("2", String::as_str);
    if arguments.get(1).is_none_or(|only| only != "logging") {
        for task in ["text_to_image", "restyle"] {
            beside_torch(task, threads);
        }
        settings(threads);
    }
    logging(threads);
}

fn settings(threads: &str) {
    println!("\nwhat a setting costs, CPU-ms a picture of ours, text_to_image:");
    let cost = |setting| ours("text_to_image", setting, threads, STEPS).cpu_seconds;
    let plain = cost("");
    for settings in [
        "penalty.every=1",
        "penalty.every=64",
        "translation=0",
        "accumulate=2",
        "spectral",
        "residual",
    ] {
        println!(
            "  {settings:<18}{:+8.2} of {:.2}",
            1e3 * (cost(settings) - plain),
            1e3 * plain
        );
    }
}

fn beside_torch(task: &str, threads: &str) {
    let forms = ["ours", "idiomatic", "best"];
    let mut taken: [Vec<Figures>; 3] = Default::default();
    for _ in 0..TURNS {
        for (form, taken) in forms.iter().zip(&mut taken) {
            taken.extend(match *form {
                "ours" => Some(ours(task, "", threads, STEPS)),
                form => torchs(task, form, threads),
            });
        }
    }
    println!("\n{task}, 64 px, {threads} threads, median of {TURNS}; PyTorch is eager:");
    println!("              pictures/s  CPU-ms a picture   peak MB   time / ours   CPU / ours");
    let own = median(&taken[0]);
    for (form, taken) in forms
        .iter()
        .zip(&taken)
        .filter(|(_, taken)| !taken.is_empty())
    {
        let found = median(taken);
        println!(
            "  {form:<12}{:>10.1}{:>18.2}{:>10.0}{:>14.2}{:>13.2}",
            found.per_second,
            1e3 * found.cpu_seconds,
            found.peak_mb,
            own.per_second / found.per_second,
            found.cpu_seconds / own.cpu_seconds,
        );
    }
}

/// What logging costs beside a run that logs nothing, as a run logs unless told otherwise and at every step. Which of a pair comes first changes.
fn logging(threads: &str) {
    let cost = |setting| ours("text_to_image", setting, threads, LOGGED_STEPS).cpu_seconds;
    for (name, setting) in [
        ("as by default", "logging=on"),
        ("every step", "logging=all"),
    ] {
        let mut shares: Vec<f64> = (0..PAIRS)
            .map(|pair| {
                let first = cost(if pair % 2 == 0 {
                    setting
                } else {
                    "logging=off"
                });
                let second = cost(if pair % 2 == 0 {
                    "logging=off"
                } else {
                    setting
                });
                let share = first / second;
                (if pair % 2 == 0 { share } else { 1.0 / share }) - 1.0
            })
            .collect();
        shares.sort_by(f64::total_cmp);
        println!(
            "\nlogging {name}: {:+.2} % CPU, median of {PAIRS} pairs ({:+.2} to {:+.2})",
            100.0 * shares[PAIRS / 2],
            100.0 * shares[0],
            100.0 * shares[PAIRS - 1]
        );
    }
}

fn median(taken: &[Figures]) -> Figures {
    let of = |figure: fn(&Figures) -> f64| {
        let mut values: Vec<f64> = taken.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Figures {
        per_second: of(|f| f.per_second),
        cpu_seconds: of(|f| f.cpu_seconds),
        peak_mb: of(|f| f.peak_mb),
    }
}

fn figures(command: &mut Command) -> Figures {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let numbers: Vec<f64> = (text.split_whitespace())
        .filter_map(|word| word.parse().ok())
        .collect();
    Figures {
        per_second: numbers[0],
        cpu_seconds: numbers[1],
        peak_mb: numbers[2],
    }
}

fn ours(task: &str, settings: &str, threads: &str, steps: u64) -> Figures {
    let mut command = Command::new(std::env::current_exe().unwrap());
    figures(
        command
            .args(["ours", task, settings, &steps.to_string()])
            .env("OMP_NUM_THREADS", threads),
    )
}

fn torchs(task: &str, form: &str, threads: &str) -> Option<Figures> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/torch_step.py");
    let mut command = match std::env::var_os("IDIOM_TORCH_PYTHON") {
        Some(python) => Command::new(python),
        None => {
            let cache = PathBuf::from(std::env::var_os("IDIOM_CACHE")?);
            let packages = cache.join("python/torch-2.11.0");
            if !packages.exists() {
                return None;
            }
            let mut command = Command::new("python3");
            command.env("PYTHONPATH", packages);
            command
        }
    };
    // Our libtorch must not stand in for its own.
    command.env_remove("LD_LIBRARY_PATH");
    Some(figures(command.args([
        script,
        task,
        form,
        &STEPS.to_string(),
        threads,
    ])))
}

/// Trains and prints rate, CPU seconds a picture, peak memory, and the share of time that the loop waited for pictures.
fn measure(task: &str, settings: &str, steps: u64) {
    let toy = Toy::sized(64, 512);
    let mut request = toy.request("run", 0);
    request.experiment = experiment(task);
    with(&mut request.experiment, settings);
    let threads = std::env::var("OMP_NUM_THREADS").ok();
    request.n_threads = threads.and_then(|n| n.parse().ok()).unwrap_or(1);
    let batch = request.experiment.train.batch_size;
    let first = match task {
        // One step of the encoder, and the rest is the game.
        "restyle" => request.experiment.restyle.encoder.images,
        _ => 0,
    };
    request.experiment.train.images = first + (WARM + steps) * batch;
    let marks = Mutex::new((0, Vec::new()));
    let on = |event: Event| {
        if let Event::Advanced(n) = event {
            let mut marks = marks.lock().unwrap();
            marks.0 += n;
            if [first + WARM * batch, first + (WARM + steps) * batch].contains(&marks.0) {
                marks.1.push((Instant::now(), cpu_seconds(), peak_mb()));
            }
        }
    };
    let run = ["logging=on", "logging=all"]
        .contains(&settings)
        .then(|| logged(&toy));
    let sink: &dyn Sink = match &run {
        Some(run) => run,
        None => &NoSink,
    };
    let outcome = train(&request, sink, &on, &AtomicBool::new(false)).unwrap();
    let Outcome::Finished(summary) = outcome else {
        panic!("{outcome:?}");
    };
    let marks = marks.into_inner().unwrap().1;
    let (images, seconds) = (
        (steps * batch) as f64,
        (marks[1].0 - marks[0].0).as_secs_f64(),
    );
    println!(
        "{} {} {} {}",
        images / seconds,
        (marks[1].1 - marks[0].1) / images,
        marks[1].2,
        summary.loader_wait
    );
}

/// A run whose server is an address where nobody listens.
fn logged(toy: &Toy) -> Run {
    let spec = RunSpec {
        experiment: "bench".to_owned(),
        run_name: "logged".to_owned(),
        ..RunSpec::default()
    };
    let nobody = ClientConfig::new("http://127.0.0.1:9");
    Run::start(&toy.path().join("spool"), nobody, &spec).unwrap()
}

/// The networks and objectives of the two experiments that the README names.
fn experiment(task: &str) -> Experiment {
    let of_task = match task {
        "restyle" => {
            "train: {batch_size: 16}\n\
             restyle:\n  encoder: {images: 16}\n  generator: {channels: [16, 32, 64]}\n  gamma: 0.5\n\
             \x20 weights: {moments: 5.0, agreement: 1.0}\n"
        }
        _ => "train: {batch_size: 32}\nobjective: {pooled_colour_weight: 5.0}\n",
    };
    serde_yaml::from_str(&format!(
        "name: bench\ndataset: toy\nencoder: toy\ntask: {task}\n{of_task}\
         checkpoint: {{every_images: 1000000000}}\nsamples: {{every_images: 1000000000, subjects: 1}}\n"
    ))
    .unwrap()
}

fn with(experiment: &mut Experiment, setting: &str) {
    use idiom_spec::experiment::{Normalization, Stages};
    match setting {
        "penalty.every=1" => experiment.objective.penalty.every = 1,
        "penalty.every=64" => experiment.objective.penalty.every = 64,
        "translation=0" => experiment.augment.translation = 0.0,
        "accumulate=2" => experiment.train.accumulate = 2,
        "spectral" => experiment.discriminator.normalization = Normalization::Spectral,
        "logging=all" => experiment.logging.every_images = experiment.train.batch_size,
        "logging=off" => experiment.logging.every_images = 1_000_000_000,
        "residual" => experiment.discriminator.stages = Stages::Residual,
        _ => {}
    }
}

fn cpu_seconds() -> f64 {
    idiom_torch_ext::process_cpu_time().unwrap().as_secs_f64()
}

fn peak_mb() -> f64 {
    idiom_torch_ext::process_memory().unwrap().peak_bytes as f64 / f64::from(1 << 20)
}
