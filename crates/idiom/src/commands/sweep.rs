//! Several runs from one file: the members of a sweep, and the stages of each.
//!
//! All of them are read and checked before the first begins. A member that has a finished run of the very same configuration is
//! not run again, and one that was interrupted goes on, so the same command takes an interrupted sweep up.

use super::Session;
use super::experiment::{Begin, yaml};
use crate::failure::Failure;
use idiom_spec::experiment::{Experiment as Spec, Stage, Sweep};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// A file with what was typed after it.
pub(super) struct Typed {
    pub(super) file: PathBuf,
    pub(super) overrides: Vec<String>,
}

impl Typed {
    pub(super) fn load(&self, more: &[String]) -> Result<Spec, Failure> {
        let overrides = [self.overrides.as_slice(), more].concat();
        let loaded = idiom_spec::load::<Spec>(&self.file, &overrides)?;
        let foreign = loaded.value.foreign_keys(&loaded.resolved);
        if foreign.is_empty() {
            return Ok(loaded.value);
        }
        Err(Failure::new(
            format!(
                "{}: the task does not read `{}`",
                self.file.display(),
                foreign.join("`, `")
            ),
            "leave it out, or set the `task` that it belongs to",
        ))
    }
}

/// Where a configuration stands.
enum Standing {
    New,
    Begun(String),
    Finished(String),
}

impl Session {
    /// Runs every member with all its stages; gives what is to be said in the end.
    pub(super) fn sweep(&self, typed: &Typed, spec: &Spec) -> Result<String, Failure> {
        let members = spec.sweep.as_ref().unwrap_or(&Sweep::default()).members();
        for member in &members {
            let spec = typed.load(&member.overrides)?;
            for stage in &spec.stages {
                let overrides = stage.overrides(&spec.name, &BTreeMap::new());
                typed.load(&[member.overrides.clone(), overrides].concat())?;
            }
        }
        let mut last = String::new();
        for (idx, member) in members.iter().enumerate() {
            let spec = typed.load(&member.overrides)?;
            self.screen.say(&format!(
                "run {} of {}: {}",
                idx + 1,
                members.len(),
                member.overrides.join(" ").replace(" sweep=null", "")
            ));
            last = if spec.stages.is_empty() {
                self.run_once(spec)?.1
            } else {
                self.stages(typed, &member.overrides, &spec)?
            };
        }
        if members.len() > 1 {
            last += "\n  figures   idiom runs --over-seeds";
        }
        Ok(last)
    }

    fn stages(&self, typed: &Typed, member: &[String], spec: &Spec) -> Result<String, Failure> {
        let (mut runs, mut last) = (BTreeMap::new(), String::new());
        for Stage { name, .. } in &spec.stages {
            self.screen.say(&format!("stage {name}"));
            let stage = spec.stages.iter().find(|stage| stage.name == *name);
            let overrides = stage.map(|s| s.overrides(&spec.name, &runs));
            let overrides = [member, overrides.unwrap_or_default().as_slice()].concat();
            let (run, words) = self.run_once(typed.load(&overrides)?)?;
            runs.insert(name.clone(), run);
            last = words;
        }
        Ok(last)
    }

    /// Runs one configuration, or goes on with it, unless it has a finished run; gives the run's name and what to say.
    fn run_once(&self, spec: Spec) -> Result<(String, String), Failure> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted {
                go_on: "the same command goes on where this one stopped".into(),
            });
        }
        let (name, begin) = match self.standing(&spec)? {
            Standing::Finished(name) => {
                let words = format!("done before: {name}");
                self.screen.say(&words);
                return Ok((name, words));
            }
            Standing::Begun(name) => (name, Begin::Resume),
            Standing::New => (self.new_name(&spec.name), Begin::Anew),
        };
        let words = self.prepare_and_train(spec, name.clone(), begin)?;
        Ok((name, words))
    }

    fn standing(&self, spec: &Spec) -> Result<Standing, Failure> {
        let resolved = yaml(spec)?;
        let same = |folder: &Path| {
            std::fs::read_to_string(folder.join("experiment.yaml")).is_ok_and(|t| t == resolved)
        };
        let entries = std::fs::read_dir(self.home.runs()).into_iter().flatten();
        let mut folders: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        folders.retain(|folder| same(folder));
        // Runs of one name sort by their time; one that is finished is preferred.
        folders.sort_by_key(|folder| {
            (
                folder.join(crate::records::FIGURES).is_file(),
                folder.clone(),
            )
        });
        let Some(folder) = folders.pop() else {
            return Ok(Standing::New);
        };
        let name = folder
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        Ok(if folder.join(crate::records::FIGURES).is_file() {
            Standing::Finished(name)
        } else if has_checkpoint(&folder) {
            Standing::Begun(name)
        } else {
            Standing::New
        })
    }
}

fn has_checkpoint(run: &Path) -> bool {
    idiom_train::checkpoint::list(&run.join("checkpoints")).is_ok_and(|saves| !saves.is_empty())
}
