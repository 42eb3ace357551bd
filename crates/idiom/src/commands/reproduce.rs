//! `idiom reproduce RUN`: trains what a run trained once more, and compares the last save to the byte.
//!
//! The run's record (`run.json`) says of what it was made: code, uncommitted changes, lock file, data, encoder, libtorch, device,
//! threads. What differs today is told first; other data is an error, since nothing could be compared then. Equal bytes are promised
//! on the CPU with equal threads only.

use super::Session;
use super::experiment::{Begin, Plan};
use crate::arguments::Reproduce;
use crate::failure::Failure;
use crate::provenance;
use idiom_dataset::Dataset;
use idiom_dataset::embeddings::Embeddings;
use idiom_spec::experiment::{DeviceChoice, Experiment as Spec, Precision};
use idiom_train::checkpoint;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Facts that may differ without a word: they are about the machine's state, not about what is computed.
const SILENT: [&str; 2] = ["idiom.kernel", "idiom.cores"];

type Facts = BTreeMap<String, String>;

impl Session {
    pub(super) fn reproduce(&self, arguments: &Reproduce) -> Result<String, Failure> {
        let original = self.home.run(&arguments.run)?;
        let spec = idiom_spec::load::<Spec>(&original.join("experiment.yaml"), &[])?.value;
        let then = facts(&original.join("run.json"))?;
        let images = last_save(&original)?;
        let (dataset, encoder) = self.prepare(&spec)?;
        let now = self.facts_now(&dataset, &encoder)?;
        self.compare(&then, &now)?;
        let spec = as_it_ran(spec, &then, images);
        let name = self.new_name(&format!("{}-again", name_of(&original)));
        let plan = Plan {
            resolved: super::experiment::yaml(&spec)?,
            spec,
            dataset,
            encoder,
            name: name.clone(),
            begin: Begin::Anew,
        };
        self.train(&plan)?;
        verdict(&original, &self.home.runs().join(&name), images)
    }

    fn facts_now(&self, dataset: &Path, encoder: &str) -> Result<Facts, Failure> {
        let mut now: Facts = provenance::provenance(self.home.root())
            .into_iter()
            .collect();
        let data = Dataset::open(dataset)?.sha256().to_owned();
        let encoder = Embeddings::open(dataset, encoder)?;
        now.insert("dataset_sha256".into(), data);
        now.insert("encoder_sha256".into(), encoder.encoder_sha256().to_owned());
        now.insert(
            "libtorch".into(),
            idiom_torch_ext::libtorch_version().unwrap_or_default(),
        );
        Ok(now)
    }

    /// Tells what differs; other data is an error.
    fn compare(&self, then: &Facts, now: &Facts) -> Result<(), Failure> {
        for (key, value) in now
            .iter()
            .filter(|(key, _)| !SILENT.contains(&key.as_str()))
        {
            let before = then.get(key).map_or("nothing", String::as_str);
            if before == value {
                continue;
            }
            let words = format!("`{key}` was {before}, and is {value}");
            if key.ends_with("_sha256") && !key.starts_with("idiom.") {
                return Err(Failure::new(
                    format!("the run cannot be reproduced: {words}"),
                    "bring the data set and the encoder back that it was made of",
                ));
            }
            self.screen.say(&format!("differs: {words}"));
        }
        Ok(())
    }
}

/// The same length in pictures whatever ended it, the same threads and the same digits.
fn as_it_ran(mut spec: Spec, then: &Facts, images: u64) -> Spec {
    spec.train.images = images;
    spec.train.minutes = None;
    spec.train.threads = then.get("threads").and_then(|n| n.parse().ok());
    if then.get("device").is_some_and(|device| device == "Cpu") {
        spec.train.device = DeviceChoice::Cpu;
    }
    spec.train.precision = match then.get("precision").map(String::as_str) {
        Some("bf16") => Precision::Bf16,
        Some("f32") => Precision::F32,
        _ => spec.train.precision,
    };
    spec
}

fn facts(path: &Path) -> Result<Facts, Failure> {
    let unreadable = |reason: String| {
        Failure::new(
            format!("{}: {reason}", path.display()),
            "only a run with its record can be reproduced",
        )
    };
    let bytes = std::fs::read(path).map_err(|e| unreadable(e.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|e| unreadable(e.to_string()))
}

fn last_save(run: &Path) -> Result<u64, Failure> {
    let saves = checkpoint::list(&run.join("checkpoints"))?;
    saves
        .last()
        .copied()
        .filter(|images| *images > 0)
        .ok_or_else(|| {
            Failure::new(
                format!("{}: holds no checkpoint to compare with", run.display()),
                "name a run that has trained",
            )
        })
}

fn name_of(run: &Path) -> String {
    run.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Compares the two saves file by file; their settings stand in `checkpoint.json`, the rest is weights.
fn verdict(original: &Path, again: &Path, images: u64) -> Result<String, Failure> {
    let folder = |run: &Path| run.join("checkpoints").join(checkpoint::name_of(images));
    let (one, other) = (weights(&folder(original)), weights(&folder(again)));
    let differing: Vec<String> = one
        .iter()
        .filter(|(name, bytes)| other.get(*name) != Some(bytes))
        .map(|(name, _)| name.clone())
        .collect();
    if !one.is_empty() && differing.is_empty() {
        return Ok(format!(
            "reproduced: {} and {} have equal bytes after {images} pictures ({} files)",
            name_of(original),
            name_of(again),
            one.len()
        ));
    }
    Err(Failure::new(
        format!(
            "{} differs from {} after {images} pictures: {}",
            name_of(again),
            name_of(original),
            differing.join(", ")
        ),
        "equal bytes need the same code, data, libtorch, processor, device and threads; what differs is told above",
    ))
}

fn weights(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path());
    files
        .filter(|path: &PathBuf| path.extension().is_some_and(|end| end == "safetensors"))
        .filter_map(|path| Some((name_of(&path), std::fs::read(&path).ok()?)))
        .collect()
}
