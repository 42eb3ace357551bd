//! `idiom stylize`: pictures, animated GIFs, folders of frames and videos in a look that words or another picture name.
//!
//! One picture that cannot be read costs no other. A clip has one style: its frames go through `studio`'s `Moving` in order.

use super::Session;
use super::studio::{EXAMPLE, cannot, pictures_in, read_picture};
use super::video::{self, VIDEOS};
use crate::arguments::{Format, Stylize};
use crate::failure::Failure;
use idiom_dataset::commit;
use idiom_model::Described as _;
use idiom_model::restyle::RestyleConfig;
use idiom_picture::{Clip, ClipFrame, Limits, decode_clip};
use idiom_studio::{
    Background, Mark, Moving, Options, Origin, Studio, Style, Work, container_of, export,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// What is to be done to every picture.
pub(super) struct Wish {
    pub(super) style: Style,
    pub(super) options: Options,
    pub(super) mark: Mark,
    format: Format,
}

/// One thing to restyle, and where it goes.
struct Job {
    source: Source,
    out: Out,
}

/// What was typed or found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// A file that is a picture or a GIF.
    File(PathBuf),
    /// The frames of one clip, and their folder.
    Frames(PathBuf, Vec<PathBuf>),
    /// A video.
    Video(PathBuf),
}

/// Where something goes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Out {
    /// To this file, as its name says.
    Named(PathBuf),
    /// To a file of this name, whose end is still to be put on.
    Stem(PathBuf),
}

impl Session {
    pub(super) fn stylize(&self, arguments: &Stylize) -> Result<String, Failure> {
        let (typed, words) = arguments.split();
        let sources = sources(&typed, arguments.clip)?;
        let jobs = jobs(arguments.out.as_deref(), sources)?;
        let folder = self.model_of(arguments.run.as_deref(), RestyleConfig::TASK)?;
        let studio = self.studio(&folder)?;
        let style = self.wished(&studio, arguments.reference.as_deref(), words.as_deref())?;
        let wish = Wish {
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
            format: arguments.format,
        };
        self.restyle_each(&studio, &jobs, &wish)
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

    /// Does one job after the other; those that cannot be read are named in the end, and cost no other.
    fn restyle_each(&self, studio: &Studio, jobs: &[Job], wish: &Wish) -> Result<String, Failure> {
        let n_units = jobs.iter().map(|job| job.source.n_units()).sum();
        self.screen.started("pictures", n_units, 0);
        let (mut lines, mut failed) = (Vec::new(), Vec::new());
        for job in jobs {
            match self.restyle_one(studio, job, wish) {
                Ok(line) => lines.push(line),
                Err(interrupted @ Failure::Interrupted { .. }) => return Err(interrupted),
                Err(failure) if jobs.len() == 1 => return Err(failure),
                Err(failure) => failed.push(failure.message().to_owned()),
            }
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
                jobs.len()
            ),
        ))
    }

    fn restyle_one(&self, studio: &Studio, job: &Job, wish: &Wish) -> Result<String, Failure> {
        self.unless_stopped()?;
        let done = match &job.source {
            Source::File(file) => self.file(studio, file, &job.out, wish),
            Source::Frames(_, frames) => return self.frames(studio, frames, &job.out, wish),
            Source::Video(file) => {
                let end = file.extension().unwrap_or_default().to_string_lossy();
                let out = job.out.with(&end);
                let moving = Moving::new(studio, &wish.style, wish.options);
                let on = || self.unless_stopped();
                video::restyle(file, &out, moving, &wish.mark, &on)
                    .map(|moving| line_of_clip(&out, &moving))
            }
        };
        self.screen.advanced(1);
        done
    }

    /// Work that is interrupted leaves whole files only.
    fn unless_stopped(&self) -> Result<(), Failure> {
        if self.stop.load(Ordering::Relaxed) {
            let go_on = "the pictures that are done are whole".to_owned();
            return Err(Failure::Interrupted { go_on });
        }
        Ok(())
    }

    /// A picture, or a GIF that moves where it may move on.
    fn file(
        &self,
        studio: &Studio,
        file: &Path,
        out: &Out,
        wish: &Wish,
    ) -> Result<String, Failure> {
        let bytes = fs::read(file).map_err(cannot("read", file))?;
        let clip = decode_clip(&bytes, &Limits::default()).map_err(|error| Failure::Error {
            message: format!("{}: {error}", file.display()),
            hint: error.hint(),
        })?;
        let may_move = match out {
            Out::Named(path) => container_of(path)?.is_none(),
            Out::Stem(_) => true,
        };
        match clip {
            Some(clip) if may_move => self.gif(studio, &clip, &out.with("gif"), wish),
            _ => picture(studio, file, out, wish),
        }
    }

    fn gif(
        &self,
        studio: &Studio,
        clip: &Clip,
        out: &Path,
        wish: &Wish,
    ) -> Result<String, Failure> {
        let mut moving = Moving::new(studio, &wish.style, wish.options);
        let mut frames = Vec::with_capacity(clip.frames.len());
        for frame in &clip.frames {
            self.unless_stopped()?;
            frames.push(ClipFrame {
                picture: moving.next(&frame.picture)?,
                centiseconds: frame.centiseconds,
            });
        }
        let drawn = Clip {
            frames,
            n_loops: clip.n_loops,
        };
        commit::write(out, &export(Work::Clip(&drawn), &wish.mark)?)?;
        Ok(line_of_clip(out, &moving))
    }

    /// A folder of frames to a folder of frames, each under its own name.
    fn frames(
        &self,
        studio: &Studio,
        frames: &[PathBuf],
        out: &Out,
        wish: &Wish,
    ) -> Result<String, Failure> {
        let (Out::Named(folder) | Out::Stem(folder)) = out;
        let mut moving = Moving::new(studio, &wish.style, wish.options);
        for frame in frames {
            self.unless_stopped()?;
            let drawn = moving.next(&read_picture(frame)?)?;
            let name = frame.file_stem().unwrap_or_default().to_string_lossy();
            let path = folder.join(format!("{name}.{}", wish.format.extension()));
            let work = Work::Picture(&drawn, wish.format.container());
            commit::write(&path, &export(work, &wish.mark)?)?;
            self.screen.advanced(1);
        }
        Ok(line_of_clip(folder, &moving))
    }

    /// The style that words name; several, divided by `+`, are mixed in equal parts.
    pub(super) fn style_of(&self, studio: &Studio, words: &str) -> Result<Style, Failure> {
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
}

fn picture(studio: &Studio, file: &Path, out: &Out, wish: &Wish) -> Result<String, Failure> {
    let restyled = studio.restyle(&read_picture(file)?, &wish.style, &wish.options)?;
    let path = out.with(wish.format.extension());
    let bytes = match container_of(&path)? {
        Some(container) => export(Work::Picture(&restyled.picture, container), &wish.mark)?,
        None => {
            let frame = ClipFrame {
                picture: restyled.picture,
                centiseconds: 0,
            };
            let clip = Clip {
                frames: vec![frame],
                n_loops: 0,
            };
            export(Work::Clip(&clip), &wish.mark)?
        }
    };
    commit::write(&path, &bytes)?;
    let percent = restyled.agreement * 100.0;
    Ok(format!("{}  agreement {percent:.0} %", path.display()))
}

fn line_of_clip(out: &Path, moving: &Moving<'_>) -> String {
    let flicker = moving.flicker();
    format!(
        "{}  agreement {:.0} %, {} frames; from one to the next {:.1} levels change, in the source {:.1}",
        out.display(),
        moving.agreement() * 100.0,
        flicker.n_frames,
        flicker.drawn,
        flicker.source
    )
}

impl Source {
    fn n_units(&self) -> u64 {
        match self {
            Self::Frames(_, frames) => frames.len() as u64,
            Self::File(_) | Self::Video(_) => 1,
        }
    }

    /// What it is called after.
    fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Video(path) | Self::Frames(path, _) => path,
        }
    }
}

impl Out {
    fn with(&self, extension: &str) -> PathBuf {
        match self {
            Self::Named(path) => path.clone(),
            Self::Stem(stem) => stem.with_added_extension(extension),
        }
    }
}

/// What was typed: files as they are, folders as clips where they are, else the pictures in them.
fn sources(typed: &[PathBuf], as_clips: bool) -> Result<Vec<Source>, Failure> {
    let is_video = |path: &Path| {
        let end = path.extension().and_then(|end| end.to_str());
        end.is_some_and(|end| VIDEOS.contains(&end.to_lowercase().as_str()))
    };
    let mut sources = Vec::new();
    for path in typed {
        if as_clips && !path.is_dir() {
            return Err(Failure::new(
                format!("{}: `--clip` takes folders of frames", path.display()),
                "leave `--clip` out for a GIF or a video: these are clips by themselves",
            ));
        }
        if as_clips {
            let frames = pictures_in(std::slice::from_ref(path))?;
            sources.push(Source::Frames(path.clone(), frames));
        } else if is_video(path) {
            sources.push(Source::Video(path.clone()));
        } else {
            let files = pictures_in(std::slice::from_ref(path))?;
            sources.extend(files.into_iter().map(Source::File));
        }
    }
    if sources.is_empty() {
        return Err(Failure::new("no picture was given", EXAMPLE));
    }
    Ok(sources)
}

/// Where each goes: to the file named by `--out` for one picture, into its folder for several, else beside each source.
/// Two sources of one name but for its end keep that end, so that neither overwrites the other.
fn jobs(out: Option<&Path>, sources: Vec<Source>) -> Result<Vec<Job>, Failure> {
    if let (Some(out), [source]) = (out, sources.as_slice()) {
        let is_clip = matches!(source, Source::Frames(..));
        if is_clip || out.extension().is_some() && !out.is_dir() {
            if matches!(source, Source::File(_)) {
                container_of(out)?;
            }
            return Ok(vec![Job {
                source: source.clone(),
                out: Out::Named(out.to_owned()),
            }]);
        }
    }
    let name = |path: &Path| {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let short = |source: &Source| {
        let path = source.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        stem_of(out, path, &stem)
    };
    let shorts: Vec<PathBuf> = sources.iter().map(short).collect();
    let is_double = |path: &PathBuf| shorts.iter().filter(|other| *other == path).count() > 1;
    let stems: Vec<PathBuf> = (sources.iter().zip(&shorts))
        .map(|(source, short)| match is_double(short) {
            true => stem_of(out, source.path(), &name(source.path())),
            false => short.clone(),
        })
        .collect();
    let jobs = sources.into_iter().zip(stems);
    Ok(jobs
        .map(|(source, stem)| Job {
            source,
            out: Out::Stem(stem),
        })
        .collect())
}

fn stem_of(out: Option<&Path>, source: &Path, name: &str) -> PathBuf {
    match out {
        Some(folder) => folder.join(name),
        None => source.with_file_name(format!("{name}-restyled")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outs(out: Option<&str>, files: &[&str]) -> Vec<String> {
        let files = files.iter().map(|file| Source::File(PathBuf::from(file)));
        let jobs = jobs(out.map(Path::new), files.collect()).unwrap_or_default();
        jobs.iter()
            .map(|job| job.out.with("png").display().to_string())
            .collect()
    }

    #[test]
    fn a_picture_goes_beside_its_source_unless_a_place_is_named() {
        assert_eq!(outs(None, &["in/cat.jpg"]), ["in/cat-restyled.png"]);
        assert_eq!(outs(Some("new.webp"), &["in/cat.jpg"]), ["new.webp"]);
        assert_eq!(outs(Some("new"), &["in/cat.jpg"]), ["new/cat.png"]);
        assert_eq!(outs(None, &["v1.2.png"]), ["v1.2-restyled.png"]);
    }

    #[test]
    fn no_picture_overwrites_another() {
        let found = outs(Some("new"), &["a/cat.jpg", "a/cat.png", "a/dog.png"]);
        assert_eq!(found, ["new/cat.jpg.png", "new/cat.png.png", "new/dog.png"]);
    }

    #[test]
    fn a_name_that_says_no_format_is_refused_before_anything_is_done() {
        let sources = vec![Source::File("cat.png".into())];
        let failure = jobs(Some(Path::new("new.tiff")), sources).err();
        assert!(failure.is_some_and(|failure| failure.message().contains("`tiff`")));
    }

    #[test]
    fn clips_are_folders_and_videos_are_told_by_their_end() {
        let failure = sources(&[PathBuf::from("cat.gif")], true).err();
        assert!(failure.is_some_and(|failure| failure.message().contains("folders of frames")));
        let found = sources(&[PathBuf::from("walk.MP4")], false).unwrap_or_default();
        assert_eq!(found, [Source::Video(PathBuf::from("walk.MP4"))]);
    }
}
