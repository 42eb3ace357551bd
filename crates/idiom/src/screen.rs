//! What a person sees while a verb works: bars on a terminal, a line now and then in a log.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Draws to standard error; results go to standard output by `main`'s hand.
pub(crate) struct Screen {
    terminal: bool,
    stage: Mutex<Option<Stage>>,
}

struct Stage {
    name: String,
    bar: ProgressBar,
    begun: Instant,
    done_before: u64,
    spoken: Instant,
}

/// How often a log that is no terminal gets a line.
const LINE_EVERY: Duration = Duration::from_secs(10);
const STYLE: &str =
    "{prefix:>10} {bar:30.cyan/dim} {human_pos}/{human_len} {per_sec}, {eta} left {msg}";

impl Screen {
    pub(crate) fn new() -> Self {
        Self {
            terminal: std::io::stderr().is_terminal(),
            stage: Mutex::new(None),
        }
    }

    /// A stage of `total` units begins, `done` of which were done before.
    pub(crate) fn started(&self, name: &str, total: u64, done: u64) {
        self.finished();
        let target = if self.terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(total), target).with_prefix(name.to_owned());
        if let Ok(style) = ProgressStyle::with_template(STYLE) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_position(done);
        bar.reset_eta();
        if self.terminal {
            bar.enable_steady_tick(Duration::from_millis(250));
        }
        let now = Instant::now();
        *self.lock() = Some(Stage {
            name: name.to_owned(),
            bar,
            begun: now,
            done_before: done,
            spoken: now,
        });
    }

    /// `units` more are done.
    pub(crate) fn advanced(&self, units: u64) {
        let mut guard = self.lock();
        let Some(stage) = guard.as_mut() else { return };
        stage.bar.inc(units);
        if !self.terminal && stage.spoken.elapsed() >= LINE_EVERY {
            stage.spoken = Instant::now();
            let line = stage.line();
            drop(guard);
            self.write(&line);
        }
    }

    /// The stage is over: its bar gives way to one line.
    pub(crate) fn finished(&self) {
        let Some(stage) = self.lock().take() else {
            return;
        };
        let line = stage.line();
        stage.bar.finish_and_clear();
        self.write(&line);
    }

    /// One line for the user, above the bar.
    pub(crate) fn say(&self, text: &str) {
        self.write(text);
    }

    fn write(&self, text: &str) {
        let guard = self.lock();
        let write = || {
            // Nobody is left to be told when standard error is closed.
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        };
        match guard.as_ref() {
            Some(stage) => stage.bar.suspend(write),
            None => write(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Stage>> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stage {
    fn line(&self) -> String {
        let (done, total) = (self.bar.position(), self.bar.length().unwrap_or(0));
        let seconds = self.begun.elapsed().as_secs_f64().max(1e-3);
        let rate = (done - self.done_before.min(done)) as f64 / seconds;
        let percent = if total == 0 {
            100.0
        } else {
            100.0 * done as f64 / total as f64
        };
        let mut line = format!(
            "{:>10} {percent:3.0} %  {done} of {total}, {rate:.0}/s, {seconds:.0} s",
            self.name
        );
        if done < total && rate > 0.0 {
            line += &format!(", {:.0} s left", (total - done) as f64 / rate);
        }
        line
    }
}
