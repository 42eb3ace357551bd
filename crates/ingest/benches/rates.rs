//! How many pictures a CPU-second go in and come out again, beside other people's programs on the same bytes. CPU time is
//! what is compared, so that other work on the machine changes little; the clock's time stands beside it.
//!
//! In: 500x375 JPEGs to 256x256 JPEGs (quality 95) in Parquet, against img2dataset, which does the same, and against scripts that
//! decode, crop, resize and encode alone. Out: those rows read and decoded, against the loaders that people use. Each measure, ours
//! too, runs in a process of its own, so that its peak memory is its own. The peers come from `tests/fetch_python.py peers`;
//! those that are missing are left out.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed bench")]
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use idiom_dataset::{Columns, Dataset, Split};
use idiom_ingest::{Hub, IngestRequest, ingest};
use idiom_picture::{
    Encoding, Frame, Limits, Rgb8, Scaling, decode, encode, perceptual_hash, resize,
};

/// Pictures, enough for some seconds.
const PICTURES: usize = 400;
/// How often they come out, as often as the peers'.
const PASSES: usize = 4;
const PIPELINE: &str = "
name: rates
picture: {side: 256, frame: crop, format: jpeg, quality: 95}
sources: {pictures: {folder: {path: pictures, lang: en}}}
split: {validation: 0, test: 0}
";

fn main() {
    let arguments: Vec<String> = std::env::args()
        .filter(|argument| argument != "--bench")
        .skip(1)
        .collect();
    if let [own, folder] = arguments.as_slice() {
        let (folder, out) = (Path::new(folder), Path::new(folder).join("out"));
        let cost = match own.as_str() {
            "in" => measured(|| goes_in(folder, &out)),
            _ => {
                comes_out(&out); // once to warm the files, as the peers do
                measured(|| (0..PASSES).map(|_| comes_out(&out)).sum())
            }
        };
        return println!("{}\t{}\t{}", cost.cpu, cost.clock, cost.peak_megabytes);
    }
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    write_pictures(&pictures);
    stages(&pictures);
    let folders: [&Path; 2] = [&pictures, &folder.path().join("out")];
    for (what, peers) in [("in", &IN[..]), ("out", &OUT[..])] {
        let line = |name: &str, cost: &Cost, rest: String| {
            println!(
                "{what:>4}  {name:<28} {:6.3} CPU-ms  {:6.3} ms  {:5.0} pictures/CPU-s  peak {:4.0} MB{rest}",
                cost.cpu * 1e3,
                cost.clock * 1e3,
                1.0 / cost.cpu,
                cost.peak_megabytes
            );
        };
        let own = ours(what, folder.path());
        line("ours", &own, String::new());
        for (name, measure, packages) in peers {
            match peer(measure, packages, folders) {
                Ok(cost) => line(
                    name,
                    &cost,
                    format!("  ours is {:.2} times as quick", cost.cpu / own.cpu),
                ),
                Err(reason) => println!("{what:>4}  {name:<28} left out: {reason}"),
            }
        }
    }
}

fn write_pictures(folder: &Path) {
    fs::create_dir(folder).unwrap();
    let mut n_bytes = 0;
    for i in 0..PICTURES {
        let bytes = photograph(i as u32);
        n_bytes += bytes.len();
        fs::write(folder.join(format!("{i:04}.jpg")), bytes).unwrap();
        let caption = format!("picture number {i}");
        fs::write(folder.join(format!("{i:04}.txt")), caption).unwrap();
    }
    println!(
        "{PICTURES} JPEGs of 500x375, {} KB each",
        n_bytes / PICTURES / 1000
    );
}

/// Our own measure, by this program itself.
fn ours(what: &str, folder: &Path) -> Cost {
    let mut command = Command::new(std::env::current_exe().unwrap());
    cost(command.arg(what).arg(folder)).unwrap()
}

/// Name, function of `peers.py`, folder of packages.
type Peer = (&'static str, &'static str, &'static str);

const IN: [Peer; 3] = [
    ("img2dataset", "img2dataset_in", "peers-1"),
    ("Pillow, nothing stored", "pillow_in", "readers-1"),
    (
        "libjpeg-turbo, scaled decode",
        "libjpeg_turbo_in",
        "peers-1",
    ),
];
const OUT: [Peer; 4] = [
    ("datasets, streaming", "datasets_out", "readers-1"),
    ("webdataset", "webdataset_out", "peers-1"),
    ("pyarrow + Pillow", "pyarrow_out", "readers-1"),
    ("pyarrow + simplejpeg + cv2", "simplejpeg_out", "peers-1"),
];

/// What a picture costs, in seconds, and the most memory that the process has held.
struct Cost {
    cpu: f64,
    clock: f64,
    peak_megabytes: f64,
}

fn measured(work: impl FnOnce() -> usize) -> Cost {
    let begun = (cpu_seconds(), Instant::now());
    let n = work() as f64;
    Cost {
        cpu: (cpu_seconds() - begun.0) / n,
        clock: begun.1.elapsed().as_secs_f64() / n,
        peak_megabytes: peak_megabytes(),
    }
}

/// Where the time of one picture on its way in goes.
fn stages(pictures: &Path) {
    let bytes = |i: usize| fs::read(pictures.join(format!("{i:04}.jpg"))).unwrap();
    let all: Vec<Vec<u8>> = (0..PICTURES).map(bytes).collect();
    let tell = |name: &str, cost: Cost| println!("      {name:<10} {:6.3} CPU-ms", cost.cpu * 1e3);
    tell(
        "sha256",
        each(all.iter(), |bytes| _ = idiom_dataset::digest::sha256(bytes)),
    );
    let mut decoded = Vec::new();
    let opaque = |bytes: &Vec<u8>| {
        let pixels = decode(bytes, &Limits::default()).unwrap().pixels;
        decoded.push(pixels.on_background([255; 3]));
    };
    tell("decode", each(all.iter(), opaque));
    let mut squares = Vec::new();
    let crop =
        |picture| squares.push(resize(picture, 256, Frame::Crop, Scaling::OnlyDown).unwrap());
    tell("resize", each(decoded.into_iter(), crop));
    tell(
        "look-alike",
        each(squares.iter(), |picture| {
            _ = perceptual_hash(picture).unwrap()
        }),
    );
    tell(
        "encode",
        each(squares.iter(), |picture| {
            _ = encode(picture, Encoding::Jpeg(95)).unwrap()
        }),
    );
}

fn each<T>(things: impl ExactSizeIterator<Item = T>, work: impl FnMut(T)) -> Cost {
    let n = things.len();
    measured(|| {
        things.for_each(work);
        n
    })
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
    .unwrap()
}

fn goes_in(folder: &Path, out: &Path) -> usize {
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
    let summary = ingest(&request, &|_| {}, &AtomicBool::new(false)).unwrap();
    assert_eq!(summary.counts.rows_out, PICTURES as u64);
    PICTURES
}

fn comes_out(out: &Path) -> usize {
    let dataset = Dataset::open(out).unwrap();
    let mut n_values = 0;
    for row in dataset.records(Split::Train, Columns::All) {
        let decoded = decode(&row.unwrap().image, &Limits::default()).unwrap();
        n_values += decoded.pixels.on_background([255; 3]).pixels.len();
    }
    assert_eq!(n_values, PICTURES * 256 * 256 * 3);
    PICTURES
}

/// Runs one measure of `peers.py` with the packages in this folder of the cache.
fn peer(measure: &str, packages: &str, folders: [&Path; 2]) -> Result<Cost, String> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let home = || set("HOME").unwrap_or_default().join(".cache");
    let cache = set("IDIOM_CACHE")
        .unwrap_or_else(|| set("XDG_CACHE_HOME").unwrap_or_else(home).join("idiom"));
    let python = cache.join("python");
    let (packages, readers) = (python.join(packages), python.join("readers-1"));
    if !packages.is_dir() {
        return Err("python3 tests/fetch_python.py readers peers brings it".to_owned());
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(measure).args(folders);
    // Pillow, which webdataset decodes with, stands among the readers.
    let path = std::env::join_paths([packages, readers]).map_err(|error| error.to_string())?;
    cost(command.env("PYTHONPATH", path))
}

/// What a process says of itself in its last line.
fn cost(command: &mut Command) -> Result<Cost, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let fields: Vec<f64> = printed
        .lines()
        .last()
        .unwrap_or_default()
        .split('\t')
        .filter_map(|field| field.parse().ok())
        .collect();
    match fields[..] {
        [cpu, clock, peak_megabytes] => Ok(Cost {
            cpu,
            clock,
            peak_megabytes,
        }),
        _ => Err(String::from_utf8_lossy(&output.stderr)
            .lines()
            .last()
            .unwrap_or("it said nothing")
            .to_owned()),
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
