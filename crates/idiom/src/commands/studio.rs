//! `idiom generate`, `describe` and `export`: a trained model at work on one's own pictures and words. Restyling is in `stylize`.

use super::Session;
use crate::arguments::{Describe, Export, Generate};
use crate::failure::Failure;
use idiom_dataset::commit;
use idiom_model::restyle::RestyleConfig;
use idiom_model::{Described as _, ModelConfig};
use idiom_picture::{Limits, Rgba8};
use idiom_studio::{Description, Drawer, Mark, Origin, Studio, Work, export};
use std::fs;
use std::path::{Path, PathBuf};
use tch::Device;

/// Ends of file names that are taken for pictures when a folder is given.
const PICTURES: [&str; 7] = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "svg"];
/// What to type.
pub(super) const EXAMPLE: &str = "idiom stylize cat.png \"like a napkin scribble\"";
/// Known styles that are named when words are unusual, and looks that `describe` prints.
const MOST_NAMED: usize = 5;

impl Session {
    pub(super) fn generate(&self, arguments: &Generate) -> Result<String, Failure> {
        let folder = self.model_of(arguments.run.as_deref(), ModelConfig::TASK)?;
        let drawer = Drawer::open(&folder, &self.home.locations(), Device::cuda_if_available())?;
        let pictures = drawer.draw(&arguments.words, arguments.n, arguments.seed)?;
        let mark = Mark {
            origin: Origin::Drawn,
            model_sha256: drawer.sha256().to_owned(),
            words: arguments.write_words.then(|| arguments.words.clone()),
        };
        let mut lines = Vec::new();
        for (idx, picture) in pictures.iter().enumerate() {
            let name = format!("{:03}.{}", idx + 1, arguments.format.extension());
            let out = arguments.out.join(name);
            let work = Work::Picture(picture, arguments.format.container());
            commit::write(&out, &export(work, &mark)?)?;
            lines.push(out.display().to_string());
        }
        Ok(lines.join("\n"))
    }

    pub(super) fn describe(&self, arguments: &Describe) -> Result<String, Failure> {
        let folder = self.model_of(arguments.run.as_deref(), RestyleConfig::TASK)?;
        let studio = self.studio(&folder)?;
        let mut lines = Vec::new();
        for file in pictures_in(&arguments.pictures)? {
            lines.push(file.display().to_string());
            let seen = studio.describe(&read_picture(&file)?, MOST_NAMED)?;
            lines.extend(lines_of(&seen));
        }
        Ok(lines.join("\n"))
    }

    pub(super) fn export(&self, arguments: &Export) -> Result<String, Failure> {
        let model = self.model_of(Some(&arguments.run), RestyleConfig::TASK)?;
        // Loading checks every hash: what is handed on is whole.
        let studio = self.studio(&model)?;
        for entry in fs::read_dir(&model)
            .map_err(cannot("read", &model))?
            .flatten()
        {
            let to = arguments.out.join(entry.file_name());
            let bytes = fs::read(entry.path()).map_err(cannot("read", &entry.path()))?;
            commit::write(&to, &bytes)?;
        }
        let text = studio.model().config.card(&studio.model().sha256);
        commit::write(&arguments.out.join("README.md"), text.as_bytes())?;
        Ok(format!(
            "{}\n  restyle with it anywhere: idiom stylize --run {} PICTURE \"words\"",
            arguments.out.display(),
            arguments.out.display()
        ))
    }

    pub(super) fn studio(&self, folder: &Path) -> Result<Studio, Failure> {
        Ok(Studio::open(
            folder,
            &self.home.locations(),
            Device::cuda_if_available(),
        )?)
    }

    /// The model's folder of a run, or of a model that was exported; the newest run's that has one of this task where none is named.
    pub(super) fn model_of(&self, run: Option<&str>, task: &str) -> Result<PathBuf, Failure> {
        if let Some(run) = run {
            let typed = PathBuf::from(run);
            if typed.join(idiom_model::CONFIG_FILE).is_file() {
                return Ok(typed);
            }
            return Ok(self.home.run(run)?.join("model"));
        }
        let entries = fs::read_dir(self.home.runs())
            .into_iter()
            .flatten()
            .flatten();
        let models = entries.map(|entry| entry.path().join("model"));
        let able =
            models.filter(|model| idiom_model::task_of(model).is_ok_and(|found| found == task));
        let newest = able.max_by_key(|model| {
            let file = fs::metadata(model.join(idiom_model::CONFIG_FILE));
            file.and_then(|file| file.modified()).ok()
        });
        newest.ok_or_else(|| {
            Failure::new(
                format!("no run has a model of the task `{task}` yet"),
                format!("train one: `just experiment FILE` with a file in experiments/ that says `task: {task}`"),
            )
        })
    }
}

/// The files themselves, and the pictures in the folders, in order.
pub(super) fn pictures_in(typed: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in typed {
        if path.is_dir() {
            let entries = fs::read_dir(path).map_err(cannot("read", path))?.flatten();
            let mut inside: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
            inside.retain(|file| {
                let end = file
                    .extension()
                    .and_then(|end| end.to_str())
                    .unwrap_or_default();
                PICTURES.contains(&end.to_lowercase().as_str())
            });
            inside.sort();
            files.append(&mut inside);
        } else {
            files.push(path.clone());
        }
    }
    if files.is_empty() {
        return Err(Failure::new("no picture was given", EXAMPLE));
    }
    Ok(files)
}

pub(super) fn read_picture(path: &Path) -> Result<Rgba8, Failure> {
    let bytes = fs::read(path).map_err(cannot("read", path))?;
    let decoded = idiom_picture::decode(&bytes, &Limits::default());
    let decoded = decoded.map_err(|error| Failure::Error {
        message: format!("{}: {error}", path.display()),
        hint: error.hint(),
    })?;
    Ok(decoded.pixels.into_rgba())
}

/// A picture's looks and subjects, each with its probability and its names in every language.
fn lines_of(seen: &Description) -> Vec<String> {
    let line = |probability: f64, names: &[(String, String)], after: &str| {
        let names: Vec<&str> = names.iter().map(|(_, name)| name.as_str()).collect();
        format!(
            "  {:5.1} %  {}{after}",
            probability * 100.0,
            names.join(" / ")
        )
    };
    let mut lines = vec![" looks like".to_owned()];
    let looks = seen.looks.iter().take(MOST_NAMED);
    lines.extend(looks.map(|look| {
        line(
            look.probability,
            &look.phrases,
            &format!(" ({})", look.name),
        )
    }));
    if seen.subjects.is_empty() {
        lines.push(" shows: this model is from before models could name subjects".to_owned());
        return lines;
    }
    lines.push(format!(
        " shows, of the {} subjects it can name",
        seen.n_known
    ));
    let subjects = seen.subjects.iter();
    lines.extend(subjects.map(|subject| line(subject.probability, &subject.names, "")));
    lines
}

pub(super) fn cannot(verb: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    let path = path.display().to_string();
    move |error| Failure::Error {
        message: format!("{path}: cannot {verb} it: {error}"),
        hint: None,
    }
}
