//! `idiom doctor`: what there is, and what is wrong, in one page.

use super::Session;
use crate::provenance::cpu;
use crate::tracker::{Occupant, occupant};
use std::fmt::Write;
use std::path::Path;

/// Free space below which a data set with its checkpoints may not fit.
const ENOUGH_BYTES: u64 = 5 << 30;

impl Session {
    pub(super) fn doctor(&self) -> String {
        let mut page = Page::default();
        page.fact("idiom", env!("CARGO_PKG_VERSION"));
        page.fact(
            "libtorch",
            &format!(
                "{} ({})",
                or_unknown(idiom_torch_ext::libtorch_version()),
                or_unknown(idiom_torch_ext::cpu_capability())
            ),
        );
        page.fact("cpu", &cpu().unwrap_or_else(|| "unknown".into()));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        page.fact(
            "threads",
            &format!(
                "{} of {cores} cores",
                or_unknown(idiom_torch_ext::n_threads())
            ),
        );
        self.devices(&mut page);
        self.caches(&mut page);
        self.server(&mut page);
        page.end()
    }

    fn devices(&self, page: &mut Page) {
        let gpus = tch::Cuda::device_count();
        page.fact(
            "cuda",
            &if gpus > 0 {
                format!("{gpus} device(s)")
            } else {
                "none, training uses the cpu".into()
            },
        );
        if Path::new("/dev/nvidiactl").exists() && gpus == 0 {
            page.wrong("there is an NVIDIA device, but libtorch does not see it: unset LIBTORCH, or give one built with CUDA 13, and rebuild");
        }
    }

    fn caches(&self, page: &mut Page) {
        let cache = &self.home.environment.cache;
        page.fact(
            "cache",
            &format!("{} ({})", cache.display(), presence(cache)),
        );
        for encoder in idiom_encoders::BUILT_IN {
            page.fact(
                "encoder",
                &format!(
                    "{encoder} ({})",
                    presence(&cache.join("encoders").join(encoder))
                ),
            );
        }
        page.fact(
            "font",
            &self.home.font().map_or(
                "missing: sample sheets go without captions (`just font`)".into(),
                |f| f.display().to_string(),
            ),
        );
        let data = self.home.root().join("data");
        if !data.is_dir() {
            page.wrong(&format!(
                "{}: there is no such folder; run from the project's folder or give `--home`",
                data.display()
            ));
            return;
        }
        match rustix::fs::statvfs(&data) {
            Ok(disk) => {
                let free = disk.f_bavail * disk.f_frsize;
                page.fact(
                    "disk",
                    &format!("{:.1} GB free at {}", free as f64 / 1e9, data.display()),
                );
                if free < ENOUGH_BYTES {
                    page.wrong("less than 5 GB are free: checkpoints may not fit");
                }
            }
            Err(error) => page.wrong(&format!("{}: {error}", data.display())),
        }
    }

    fn server(&self, page: &mut Page) {
        let uri = self.home.environment.tracking_uri.clone();
        let named = uri.is_some();
        let uri = uri.unwrap_or_else(|| self.home.environment.local_server());
        let state = match occupant(&uri) {
            Occupant::Idiom => "an Idiom server answers",
            Occupant::Other => "something else answers",
            Occupant::Silent => "somebody listens and says nothing",
            Occupant::Nobody => "nobody answers",
        };
        page.fact("server", &format!("{uri}: {state}"));
        match (named, occupant(&uri)) {
            (true, Occupant::Nobody) => page.wrong("MLFLOW_TRACKING_URI names a server that does not answer; runs will spool until `idiom sync`"),
            (false, Occupant::Other | Occupant::Silent) => page.wrong(&format!("{uri} is another program's: set IDIOM_PORT to a free port")),
            _ => {}
        }
    }
}

/// What libtorch says of itself, or its reason not to.
fn or_unknown<T: ToString>(answer: Result<T, idiom_torch_ext::TorchError>) -> String {
    answer.map_or_else(|e| format!("unknown: {e}"), |a| a.to_string())
}

fn presence(path: &Path) -> &'static str {
    if path.exists() { "present" } else { "missing" }
}

#[derive(Default)]
struct Page {
    text: String,
    wrong: Vec<String>,
}

impl Page {
    fn fact(&mut self, name: &str, value: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{name:>10}  {value}");
    }

    fn wrong(&mut self, text: &str) {
        self.wrong.push(text.to_owned());
    }

    fn end(mut self) -> String {
        if self.wrong.is_empty() {
            return self.text + "        ok  nothing is wrong";
        }
        for line in &self.wrong {
            let _ = writeln!(self.text, "     WRONG  {line}");
        }
        self.text.trim_end().to_owned()
    }
}
