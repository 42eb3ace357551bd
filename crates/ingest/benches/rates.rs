//! How many pictures a CPU-second go in and come out again, beside other people's programs on the same bytes. CPU time is
//! counted, not the clock's, so that other work on the machine changes little.
//!
//! In: 500x375 JPEGs to 256x256 JPEGs (quality 95) in Parquet, against Pillow doing decode, crop, resize and encode alone.
//! Out: those rows read and decoded, against pyarrow with Pillow and Hugging Face `datasets` streaming. The peers come from
//! `crates/dataset/tests/fetch_readers.py`; where they are missing, only our own rates are printed. Peak memory beside each.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed bench")]
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use idiom_dataset::{Columns, Dataset, Split};
use idiom_ingest::{Hub, IngestRequest, ingest};
use idiom_picture::{Encoding, Limits, Rgb8, decode, encode};

/// Pictures, enough for some seconds.
const PICTURES: usize = 400;
const PIPELINE: &str = "
name: rates
picture: {side: 256, frame: crop, format: jpeg, quality: 95}
sources: {pictures: {folder: {path: pictures, lang: en}}}
split: {validation: 0, test: 0}
";

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    fs::create_dir(&pictures).unwrap();
    for i in 0..PICTURES {
        fs::write(pictures.join(format!("{i:04}.jpg")), photograph(i as u32)).unwrap();
        fs::write(
            pictures.join(format!("{i:04}.txt")),
            format!("picture number {i}"),
        )
        .unwrap();
    }
    let bytes: u64 = fs::read_dir(&pictures)
        .unwrap()
        .map(|f| f.unwrap().metadata().unwrap().len())
        .sum();
    println!(
        "{PICTURES} JPEGs of 500x375, {} KB each",
        bytes / PICTURES as u64 / 1000
    );
    let out = folder.path().join("out");
    let ours = [
        ("in", goes_in(folder.path(), &out)),
        ("out", comes_out(&out)),
    ];
    for (what, rate) in ours {
        println!("{what:>4}  ours                    {rate:7.0} pictures/CPU-s");
    }
    println!(
        "      peak memory of this process {:.0} MB",
        peak_megabytes()
    );
    peers(&pictures, &out, ours);
}

/// Something like a photograph: soft gradients, edges, and noise that keeps the coefficients busy.
fn photograph(seed: u32) -> Vec<u8> {
    let (width, height) = (500_u32, 375_u32);
    let mut noise = seed.wrapping_mul(2_654_435_761) | 1;
    let mut pixels = Vec::with_capacity((width * height * 3) as usize);
    for y in 0..height {
        for x in 0..width {
            noise ^= noise << 13;
            noise ^= noise >> 17;
            noise ^= noise << 5;
            let edge = if (x / (40 + seed % 30) + y / 50).is_multiple_of(2) {
                60
            } else {
                0
            };
            for channel in 0..3 {
                let soft = (x * (channel + 1) / 5 + y / 3 + seed) % 150;
                pixels.push((soft + edge + (noise >> (8 * channel) & 15)) as u8);
            }
        }
    }
    encode(
        &Rgb8 {
            width,
            height,
            pixels,
        },
        Encoding::Jpeg(90),
    )
}

fn goes_in(folder: &Path, out: &Path) -> f64 {
    let pipeline_path = folder.join("rates.yaml");
    fs::write(&pipeline_path, PIPELINE).unwrap();
    let request = IngestRequest {
        pipeline: idiom_spec::load(&pipeline_path, &[]).unwrap().value,
        pipeline_path,
        out: out.to_owned(),
        cache: folder.join("cache"),
        threads: 1,
        hub: Hub::default(),
    };
    let begun = cpu_seconds();
    let summary = ingest(&request, &|_| {}, &AtomicBool::new(false)).unwrap();
    assert_eq!(summary.counts.rows_out, PICTURES as u64);
    PICTURES as f64 / (cpu_seconds() - begun)
}

fn comes_out(out: &Path) -> f64 {
    let begun = cpu_seconds();
    let dataset = Dataset::open(out).unwrap();
    let mut n_values = 0;
    for row in dataset.records(Split::Train, Columns::All) {
        n_values += decode(&row.unwrap().image, &Limits::default())
            .unwrap()
            .pixels
            .pixels
            .len();
    }
    assert_eq!(n_values, PICTURES * 256 * 256 * 4);
    PICTURES as f64 / (cpu_seconds() - begun)
}

fn peers(pictures: &Path, out: &Path, ours: [(&str, f64); 2]) {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let home = || set("HOME").unwrap_or_default().join(".cache");
    let cache = set("IDIOM_CACHE")
        .unwrap_or_else(|| set("XDG_CACHE_HOME").unwrap_or_else(home).join("idiom"));
    let packages = cache.join("python/readers-1");
    if !packages.is_dir() {
        println!("      no peers: python3 crates/dataset/tests/fetch_readers.py brings them");
        return;
    }
    let output = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers.py"))
        .args([pictures, out])
        .env("PYTHONPATH", packages)
        .output()
        .unwrap();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [what, name, rate, memory] = fields[..] else {
            continue;
        };
        let rate: f64 = rate.parse().unwrap();
        let own = ours
            .iter()
            .find(|(of, _)| *of == what)
            .map_or(0.0, |(_, own)| *own);
        println!(
            "{what:>4}  {name:<23} {rate:7.0} pictures/CPU-s, ours is {:.2} times; peak {memory} MB",
            own / rate
        );
    }
    if !output.status.success() {
        println!(
            "      the peers failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// User and system time of this process, as the kernel counts it, in steps of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may hold spaces; the two times are the 12th and 13th fields after it.
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks: f64 = fields
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}

/// The most memory that this process has held, as the kernel counts it.
fn peak_megabytes() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1000.0
}
