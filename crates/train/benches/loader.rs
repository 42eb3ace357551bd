//! What the loader of a training brings, and whether training waits for it: `just bench --bench loader`.
//!
//! 4,096 pictures of 64 px in the two looks of a toy, in Parquet as PNG. First the loader alone: each picture decoded when it is asked for
//! (no memory allowed for decoded ones), then with that memory, in the first pass over the rows and in the second. Then a training of the
//! baseline's networks from a cold start on the same rows: pictures a second, peak memory, and the share of its time that it waited for
//! pictures. Each measure is a process of its own.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed bench")]
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

#[allow(dead_code, reason = "the tests' toy can do more than a bench asks for")]
#[path = "../tests/training/toy.rs"]
mod toy;

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use idiom_picture::Rgb8;
use idiom_spec::experiment::Experiment;
use idiom_train::{Event, NoSink, Outcome, TrainRequest, load, train};
use toy::Toy;

/// Rows to train on are five sixths of twice as many.
const SUBJECTS: u32 = 2458;
/// Pictures of one pass, in whole batches.
const PASS: u64 = 4096;
const BATCH: u64 = 32;
/// Steps of the training, the first of which are not measured.
const STEPS: [u64; 2] = [8, 40];

fn main() {
    let arguments: Vec<String> = std::env::args()
        .filter(|argument| argument != "--bench")
        .skip(1)
        .collect();
    if let [toy, measure, workers] = arguments.as_slice() {
        let toy = Toy::at(Path::new(toy));
        let workers = workers.parse().unwrap();
        return match measure.as_str() {
            "train" => trained(&toy),
            "decode" => loaded(&toy, workers, 0),
            _ => loaded(&toy, workers, 1024),
        };
    }
    let toy = Toy::painted(64, 512, SUBJECTS, shaded);
    println!("{PASS} pictures of 64 px, PNG in Parquet, batches of {BATCH}:");
    for (measure, workers, name) in [
        ("decode", "1", "decoded each time, 1 thread"),
        ("decode", "2", "decoded each time, 2 threads"),
        ("keep", "1", "kept once decoded, 1 thread"),
    ] {
        for [what, per_second, per_cpu_second] in measured(&toy, measure, workers) {
            println!("  {name}, {what}: {per_second} pictures/s, {per_cpu_second} a CPU-second");
        }
    }
    for [per_second, wait, peak] in measured(&toy, "train", "2") {
        println!(
            "  trained on: {per_second} pictures/s, waited {wait} % of the time, peak {peak} MB"
        );
    }
}

/// What a process of its own prints: three words a line.
fn measured(toy: &Toy, measure: &str, workers: &str) -> Vec<[String; 3]> {
    let output = Command::new(std::env::current_exe().unwrap())
        .arg(toy.path())
        .args([measure, workers])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let line = |line: &str| {
        let mut words = line.split('\t').map(str::to_owned);
        [(); 3].map(|()| words.next().unwrap())
    };
    text.lines().map(line).collect()
}

/// Something like an emoji: a shaded disc on white, with an outline in one of the looks.
fn shaded(subject: u32, style: &str, side: u32) -> Rgb8 {
    let mut picture = Rgb8::filled(side, side, [255, 255, 255]);
    let (centre, radius) = (side as i32 / 2, 12 + (subject % 18) as i32);
    for (idx, pixel) in picture.pixels.chunks_exact_mut(3).enumerate() {
        let (x, y) = (idx as i32 % side as i32, idx as i32 / side as i32);
        let distance = (x - centre).pow(2) + (y - centre).pow(2);
        let on_edge = style == "ink" && distance > (radius - 3).pow(2);
        if distance <= radius.pow(2) {
            let shade = (subject * 37 % 200) as i32 + (x + y) / 4;
            let colour = [shade, 255 - shade, shade / 2 + y];
            pixel.copy_from_slice(&colour.map(|value| if on_edge { 0 } else { value as u8 }));
        }
    }
    picture
}

fn request(toy: &Toy) -> TrainRequest {
    let mut request = toy.request("run", 0);
    let experiment: Experiment = serde_yaml::from_str(&format!(
        "name: bench\ndataset: toy\nencoder: toy\ntrain: {{batch_size: {BATCH}}}\n\
         checkpoint: {{every_images: 1000000000}}\nsamples: {{every_images: 1000000000, subjects: 1}}\n"
    ))
    .unwrap();
    request.experiment = experiment;
    request
}

/// Two passes of the loader alone, a line each.
fn loaded(toy: &Toy, workers: usize, cache_mb: u64) {
    let mut request = request(toy);
    request.experiment.loader.workers = workers;
    request.experiment.loader.cache_mb = cache_mb;
    let marks = Marks::at([0, PASS, 2 * PASS]);
    load(&request, 2 * PASS, &|event| marks.hear(&event)).unwrap();
    for (what, pair) in ["first pass", "second pass"]
        .into_iter()
        .zip(marks.taken().windows(2))
    {
        let (clock, cpu) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
        let rates = [clock.as_secs_f64(), cpu].map(|seconds| PASS as f64 / seconds.max(0.01));
        println!("{what}\t{:.0}\t{:.0}", rates[0], rates[1]);
    }
}

/// A training from a cold start.
fn trained(toy: &Toy) {
    let mut request = request(toy);
    request.run_id = "trained".to_owned();
    request.n_threads = 2;
    request.experiment.train.images = STEPS[1] * BATCH;
    let marks = Marks::at(STEPS.map(|n| n * BATCH));
    let hear = |event: Event| marks.hear(&event);
    let outcome = train(&request, &NoSink, &hear, &AtomicBool::new(false)).unwrap();
    let Outcome::Finished(summary) = outcome else {
        panic!("{outcome:?}");
    };
    let taken = marks.taken();
    let seconds = (taken[1].0 - taken[0].0).as_secs_f64();
    let peak = idiom_torch_ext::process_memory().unwrap().peak_bytes >> 20;
    println!(
        "{:.1}\t{:.2}\t{peak}",
        ((STEPS[1] - STEPS[0]) * BATCH) as f64 / seconds,
        100.0 * summary.loader_wait
    );
}

/// The time and the CPU seconds at which so many pictures had come.
struct Marks {
    at: Vec<u64>,
    state: Mutex<(u64, Vec<(Instant, f64)>)>,
}

impl Marks {
    fn at<const N: usize>(at: [u64; N]) -> Self {
        Self {
            at: at.to_vec(),
            state: Mutex::new((0, Vec::new())),
        }
    }

    fn hear(&self, event: &Event) {
        if let Event::Advanced(n) = event {
            let mut state = self.state.lock().unwrap();
            state.0 += n;
            if self.at.contains(&state.0) {
                state.1.push((Instant::now(), cpu_seconds()));
            }
        }
    }

    fn taken(&self) -> Vec<(Instant, f64)> {
        self.state.lock().unwrap().1.clone()
    }
}

/// In steps of 10 ms.
fn cpu_seconds() -> f64 {
    idiom_torch_ext::process_cpu_time().unwrap().as_secs_f64()
}
