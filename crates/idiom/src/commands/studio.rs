//! `idiom stylize`, `generate`, `describe` and `export`: a trained model at work on one's own pictures and words.

use super::Session;
use crate::arguments::{Describe, Export, Generate, Stylize};
use crate::failure::Failure;
use idiom_dataset::commit;
use idiom_model::restyle::RestyleConfig;
use idiom_model::{Described as _, ModelConfig};
use idiom_picture::{Limits, Rgba8};
use idiom_studio::{Background, Drawer, Mark, Options, Origin, Restyled, Studio, Style, export};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use tch::Device;

/// Ends of file names that are taken for pictures when a folder is given.
const PICTURES: [&str; 7] = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "svg"];
/// What to type.
const EXAMPLE: &str = "idiom stylize cat.png \"like a napkin scribble\"";
/// Known styles that are named when words are unusual, and looks that `describe` prints.
const MOST_NAMED: usize = 5;

/// Pictures to restyle, and how.
struct Work {
    files: Vec<PathBuf>,
    outs: Vec<PathBuf>,
    style: Style,
    options: Options,
    mark: Mark,
}

impl Session {
    pub(super) fn stylize(&self, arguments: &Stylize) -> Result<String, Failure> {
        let (files, words) = arguments.split();
        let files = pictures_in(&files)?;
        let folder = self.model_of(arguments.run.as_deref(), RestyleConfig::TASK)?;
        let studio = self.studio(&folder)?;
        let style = self.wished(&studio, arguments.reference.as_deref(), words.as_deref())?;
        let work = Work {
            outs: out_paths(arguments.out.as_deref(), &files),
            files,
            style,
            options: Options {
                strength: arguments.strength,
                background: match arguments.keep_background {
                    true => Background::Kept,
                    false => Background::Restyled,
                },
            },
            mark: Mark {
                origin: Origin::Restyled,
                model_sha256: studio.model().sha256.clone(),
                words: words.filter(|_| arguments.write_words),
            },
        };
        self.restyle_each(&studio, &work)
    }

    /// The style of the reference picture, or that of the words: one of the two.
    fn wished(
        &self,
        studio: &Studio,
        reference: Option<&Path>,
        words: Option<&str>,
    ) -> Result<Style, Failure> {
        match (reference, words) {
            (None, Some(words)) if Path::new(words).is_file() => Err(Failure::new(
                format!("`{words}` is a file, but the last of the arguments should be words"),
                EXAMPLE,
            )),
            (None, Some(words)) => self.style_of(studio, words),
            (Some(reference), None) => Ok(studio.picture(&read_picture(reference)?)?),
            _ => Err(Failure::new(
                "give either words or `--reference PICTURE`",
                EXAMPLE,
            )),
        }
    }

    /// Restyles one picture after the other; those that cannot be read are named in the end, and cost no other.
    fn restyle_each(&self, studio: &Studio, work: &Work) -> Result<String, Failure> {
        self.screen.started("pictures", work.files.len() as u64, 0);
        let (mut lines, mut failed) = (Vec::new(), Vec::new());
        for (file, out) in work.files.iter().zip(&work.outs) {
            if self.stop.load(Ordering::Relaxed) {
                let go_on = "the pictures that are done are whole".to_owned();
                return Err(Failure::Interrupted { go_on });
            }
            match read_picture(file) {
                Ok(picture) => {
                    let restyled = studio.restyle(&picture, &work.style, &work.options)?;
                    write_picture(out, &restyled.picture, &work.mark)?;
                    lines.push(line_of(out, &restyled));
                }
                Err(failure) => failed.push(failure.message().to_owned()),
            }
            self.screen.advanced(1);
        }
        self.screen.finished();
        if failed.is_empty() {
            return Ok(lines.join("\n"));
        }
        lines.iter().for_each(|line| self.screen.say(line));
        Err(Failure::new(
            failed.join("\n  "),
            format!(
                "{} of {} pictures are done; look at these",
                lines.len(),
                work.files.len()
            ),
        ))
    }

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
            let out = arguments.out.join(format!("{:03}.png", idx + 1));
            write_picture(&out, picture, &mark)?;
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
            for look in studio
                .describe(&read_picture(&file)?)?
                .iter()
                .take(MOST_NAMED)
            {
                let phrases = look.phrases.iter().map(|(_, phrase)| phrase.as_str());
                let phrases: Vec<&str> = phrases.collect();
                let percent = look.probability * 100.0;
                lines.push(format!(
                    "  {percent:5.1} %  {} ({})",
                    phrases.join(" / "),
                    look.name
                ));
            }
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

    /// The style that words name; several, divided by `+`, are mixed in equal parts.
    fn style_of(&self, studio: &Studio, words: &str) -> Result<Style, Failure> {
        let parts: Vec<&str> = words
            .split('+')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect();
        let mut styles = Vec::new();
        for part in &parts {
            let style = studio.words(part)?;
            self.warn_if_unusual(part, &style);
            styles.push((style, 1.0));
        }
        Ok(studio.mix(&styles)?)
    }

    fn warn_if_unusual(&self, words: &str, style: &Style) {
        if !style.is_unusual {
            return;
        }
        let known: Vec<String> = (style.nearest.iter().take(2))
            .map(|near| near.name.clone())
            .collect();
        self.screen.say(&format!(
            "`{words}` is unlike all it has learnt (most like `{}`, {:.2}); the nearest styles it knows: {}",
            style.like,
            style.familiarity,
            known.join(", ")
        ));
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
fn pictures_in(typed: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
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

fn read_picture(path: &Path) -> Result<Rgba8, Failure> {
    let bytes = fs::read(path).map_err(cannot("read", path))?;
    let decoded = idiom_picture::decode(&bytes, &Limits::default());
    let decoded = decoded.map_err(|error| Failure::Error {
        message: format!("{}: {error}", path.display()),
        hint: error.hint(),
    })?;
    Ok(decoded.pixels)
}

/// Where the restyled pictures go: to the file named by `--out` for one picture, into its folder for several, else beside each source.
/// Two sources of one name but for its end keep that end, so that neither overwrites the other.
fn out_paths(out: Option<&Path>, files: &[PathBuf]) -> Vec<PathBuf> {
    if let (Some(out), [_]) = (out.filter(|out| out.extension().is_some()), files) {
        return vec![out.to_owned()];
    }
    let short = |file: &PathBuf| {
        out_path(
            out,
            file,
            &file.file_stem().unwrap_or_default().to_string_lossy(),
        )
    };
    let shorts: Vec<PathBuf> = files.iter().map(short).collect();
    let is_double = |path: &PathBuf| shorts.iter().filter(|other| *other == path).count() > 1;
    let paths = files.iter().zip(&shorts);
    paths
        .map(|(file, path)| match is_double(path) {
            true => out_path(
                out,
                file,
                &file.file_name().unwrap_or_default().to_string_lossy(),
            ),
            false => path.clone(),
        })
        .collect()
}

fn out_path(out: Option<&Path>, source: &Path, name: &str) -> PathBuf {
    match out {
        Some(folder) => folder.join(format!("{name}.png")),
        None => source.with_file_name(format!("{name}-restyled.png")),
    }
}

fn write_picture(path: &Path, picture: &Rgba8, mark: &Mark) -> Result<(), Failure> {
    Ok(commit::write(path, &export(picture, mark))?)
}

fn line_of(out: &Path, restyled: &Restyled) -> String {
    let percent = restyled.agreement * 100.0;
    format!("{}  agreement {percent:.0} %", out.display())
}

fn cannot(verb: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    let path = path.display().to_string();
    move |error| Failure::Error {
        message: format!("{path}: cannot {verb} it: {error}"),
        hint: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outs(out: Option<&str>, files: &[&str]) -> Vec<String> {
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        let paths = out_paths(out.map(Path::new), &files);
        paths
            .iter()
            .map(|path| path.display().to_string())
            .collect()
    }

    #[test]
    fn a_picture_goes_beside_its_source_unless_a_place_is_named() {
        assert_eq!(outs(None, &["in/cat.jpg"]), ["in/cat-restyled.png"]);
        assert_eq!(outs(Some("new.png"), &["in/cat.jpg"]), ["new.png"]);
        assert_eq!(outs(Some("new"), &["in/cat.jpg"]), ["new/cat.png"]);
    }

    #[test]
    fn no_picture_overwrites_another() {
        let found = outs(Some("new"), &["a/cat.jpg", "a/cat.png", "a/dog.png"]);
        assert_eq!(found, ["new/cat.jpg.png", "new/cat.png.png", "new/dog.png"]);
    }
}
