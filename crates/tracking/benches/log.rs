//! What `log_metric` costs the training loop while the writer and the sender work beside it.
//!
//! divan measures batches; for the tail, `one_call_at_a_time` times each call alone and prints its percentiles.
//! The server is an address where nobody listens: the sender tries and rests, as in an outage.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints its figures"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use idiom_tracking::{ClientConfig, Run, RunSpec};

fn main() {
    one_call_at_a_time();
    divan::main();
}

fn start(folder: &tempfile::TempDir) -> Run {
    let spec = RunSpec {
        experiment: "bench".into(),
        run_name: "log".into(),
        ..RunSpec::default()
    };
    Run::start(
        folder.path(),
        ClientConfig::new("http://127.0.0.1:9"),
        &spec,
    )
    .unwrap()
}

/// 200,000 points in bursts of 20, as a training loop logs them, a step of about a millisecond between.
fn one_call_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let run = start(&folder);
    let mut nanoseconds = Vec::with_capacity(200_000);
    for step in 0..10_000 {
        for _ in 0..20 {
            let before = Instant::now();
            run.log_metric(black_box("loss/generator"), 0.5, step);
            nanoseconds.push(before.elapsed().as_nanos());
        }
        let step_ends = Instant::now() + Duration::from_millis(1);
        while Instant::now() < step_ends {
            std::hint::spin_loop();
        }
    }
    nanoseconds.sort_unstable();
    let percentile =
        |share: f64| nanoseconds[(nanoseconds.len() as f64 * share) as usize] as f64 / 1000.0;
    let (p50, p99, p999) = (percentile(0.5), percentile(0.99), percentile(0.999));
    println!(
        "log_metric, one call: p50 {p50:.2} us, p99 {p99:.2} us, p99.9 {p999:.2} us; {}",
        run.ledger()
    );
}

#[divan::bench]
fn log_metric(bencher: divan::Bencher<'_, '_>) {
    let folder = tempfile::tempdir().unwrap();
    let run = start(&folder);
    let mut step = 0;
    bencher.bench_local(|| {
        step += 1;
        run.log_metric(black_box("loss/generator"), black_box(0.5), step);
    });
}
