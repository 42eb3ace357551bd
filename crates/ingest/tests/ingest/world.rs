//! A small world for a test: a folder with a pipeline, its input, a cache of packages, and the dataset that comes out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use base64::Engine as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use idiom_dataset::{Columns, Dataset, Record, Reject, Split, rejects};
use idiom_ingest::{IngestError, IngestRequest, Summary, ingest};
use idiom_picture::{Rgb8, encode_png};
use idiom_spec::pipeline::Pipeline;
use sha2::{Digest as _, Sha512};

/// The folder of a test; in its own folder so that a child process can be pointed at it.
pub(crate) struct World {
    pub(crate) root: PathBuf,
    _guard: Option<tempfile::TempDir>,
}

impl World {
    pub(crate) fn new() -> Self {
        let guard = tempfile::tempdir().unwrap();
        let world = Self {
            root: guard.path().to_owned(),
            _guard: Some(guard),
        };
        for folder in ["pictures", "cache"] {
            fs::create_dir(world.root.join(folder)).unwrap();
        }
        world
    }

    /// A world that another process made.
    pub(crate) fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            _guard: None,
        }
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// A picture whose pixels depend on `seed`, with captions beside it.
    pub(crate) fn picture(&self, name: &str, seed: u8, captions: &str) {
        self.write(&format!("pictures/{name}.png"), png(seed));
        self.write(&format!("pictures/{name}.txt"), captions);
    }

    /// A package in the cache; gives its line in the pipeline.
    pub(crate) fn package(&self, name: &str, files: &[(&str, &[u8])]) -> String {
        self.archive(name, &tarball(files))
    }

    /// Any bytes as a package in the cache; gives its line in the pipeline.
    pub(crate) fn archive(&self, name: &str, tarball: &[u8]) -> String {
        let hash = base64::engine::general_purpose::STANDARD.encode(Sha512::digest(tarball));
        self.write(&format!("cache/{name}-1.0.0.tgz"), tarball);
        format!("  {name}: {{name: {name}, version: 1.0.0, integrity: sha512-{hash}}}\n")
    }

    pub(crate) fn pipeline(&self, yaml: &str) {
        self.write("pipeline.yaml", yaml);
    }

    /// A pipeline with these sources, each a line of YAML.
    pub(crate) fn sources(&self, sources: &[&str]) {
        let lines: String = sources.iter().map(|line| format!("  {line}\n")).collect();
        let rest = "name: small\npicture: {side: 16, frame: crop}\nshards: {unit_rows: 8}\n";
        self.pipeline(&format!("{rest}sources:\n{lines}"));
    }

    /// The texts of a row's captions.
    pub(crate) fn texts(&self, key: &str) -> Vec<String> {
        let rows = self.rows();
        let (_, row) = rows
            .get(key)
            .unwrap_or_else(|| panic!("no `{key}` in {:?}", rows.keys()));
        row.captions
            .iter()
            .map(|caption| caption.text.clone())
            .collect()
    }

    pub(crate) fn run(&self, threads: usize) -> Result<Summary, IngestError> {
        self.run_until(threads, &AtomicBool::new(false))
    }

    pub(crate) fn run_until(
        &self,
        threads: usize,
        stop: &AtomicBool,
    ) -> Result<Summary, IngestError> {
        ingest(&self.request(threads), &|_| {}, stop)
    }

    pub(crate) fn request(&self, threads: usize) -> IngestRequest {
        let pipeline_path = self.root.join("pipeline.yaml");
        let pipeline: Pipeline = idiom_spec::load(&pipeline_path, &[]).unwrap().value;
        IngestRequest {
            pipeline,
            pipeline_path,
            out: self.out(),
            cache: self.root.join("cache"),
            threads,
            hub: idiom_ingest::Hub::default(),
        }
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.root.join("out")
    }

    /// All rows, by key.
    pub(crate) fn rows(&self) -> BTreeMap<String, (Split, Record)> {
        let dataset = Dataset::open(&self.out()).unwrap();
        Split::ALL
            .into_iter()
            .flat_map(|split| {
                dataset
                    .records(split, Columns::All)
                    .map(move |row| (split, row.unwrap()))
            })
            .map(|(split, row)| (row.key.clone(), (split, row)))
            .collect()
    }

    pub(crate) fn rejects(&self) -> Vec<Reject> {
        rejects::read(&self.out().join(rejects::FILE)).unwrap()
    }

    /// The code with which a member was refused.
    pub(crate) fn code(&self, member: &str) -> String {
        self.rejects()
            .iter()
            .find(|reject| reject.member == member)
            .map(|reject| reject.code.to_string())
            .unwrap_or_default()
    }

    /// Every file of the dataset but the lock, with its bytes.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.out()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path
                        .strip_prefix(self.out())
                        .unwrap()
                        .to_string_lossy()
                        .into_owned();
                    files.insert(name, fs::read(&path).unwrap());
                }
            }
        }
        files.remove(".lock");
        files
    }
}

/// A 40x40 picture; different seeds give different pixels.
pub(crate) fn png(seed: u8) -> Vec<u8> {
    let pixels = (0..40 * 40 * 3_u32)
        .map(|i| (i as u8).wrapping_mul(seed | 1) ^ seed)
        .collect();
    encode_png(&Rgb8 {
        width: 40,
        height: 40,
        pixels,
    })
    .unwrap()
}

pub(crate) fn tarball(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, format!("package/{name}"), *bytes)
            .unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

pub(crate) const FOLDER: &str = "
name: small
picture: {side: 16, frame: crop}
sources:
  pictures: {license: CC0-1.0, folder: {path: pictures, lang: en}}
shards: {unit_rows: 8}
";
