//! Decoding under a time limit, in a thread of its own.
//!
//! No decoder can be stopped from outside, and a thread cannot be ended. So a decoder that overruns its limit is left
//! behind with its thread, the picture is refused, and the next picture gets a new thread. The thread left behind costs a
//! core until the decoder ends by itself or the process does; that is rare, and better than an ingest that never ends.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::{Decoded, PictureError};

/// Stack of a decoding thread: drawing a deeply nested vector picture recurses.
const STACK_BYTES: usize = 32 << 20;

type Job = Box<dyn FnOnce() -> Result<Decoded, PictureError> + Send>;

/// Runs decoders one after another, each for at most so long.
#[derive(Debug)]
pub struct Watched {
    time_limit: Duration,
    worker: Option<Worker>,
}

#[derive(Debug)]
struct Worker {
    jobs: Sender<Job>,
    answers: Receiver<Result<Decoded, PictureError>>,
}

impl Watched {
    /// No thread is made before the first picture.
    #[must_use]
    pub fn new(time_limit: Duration) -> Self {
        Self {
            time_limit,
            worker: None,
        }
    }

    /// What `decoder` gives, or that it took too long.
    ///
    /// # Errors
    /// The decoder's own; [`PictureError::TooSlow`]; [`PictureError::Panicked`] where no thread could be had.
    pub fn run(
        &mut self,
        decoder: impl FnOnce() -> Result<Decoded, PictureError> + Send + 'static,
    ) -> Result<Decoded, PictureError> {
        let no_thread = |message: String| PictureError::Panicked {
            format: "picture",
            message,
        };
        let worker = match self.worker.take() {
            Some(worker) => worker,
            None => Worker::start().map_err(|error| no_thread(error.to_string()))?,
        };
        if worker.jobs.send(Box::new(decoder)).is_err() {
            return Err(no_thread("the decoding thread ended".to_owned()));
        }
        match worker.answers.recv_timeout(self.time_limit) {
            Ok(answer) => {
                self.worker = Some(worker);
                answer
            }
            Err(RecvTimeoutError::Timeout) => Err(PictureError::TooSlow {
                seconds: self.time_limit.as_secs_f64(),
            }),
            Err(RecvTimeoutError::Disconnected) => {
                Err(no_thread("the decoding thread ended".to_owned()))
            }
        }
    }
}

impl Worker {
    fn start() -> std::io::Result<Self> {
        let (jobs, inbox) = channel::<Job>();
        let (outbox, answers) = channel();
        std::thread::Builder::new()
            .name("decode".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                while let Ok(job) = inbox.recv() {
                    if outbox.send(job()).is_err() {
                        return;
                    }
                }
            })?;
        Ok(Self { jobs, answers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoder_that_hangs_is_left_behind_and_the_next_picture_decoded() {
        let mut watched = Watched::new(Duration::from_millis(20));
        let (_never, hang) = channel::<()>();
        let error = watched
            .run(move || {
                let _ = hang.recv();
                Err(PictureError::Empty)
            })
            .unwrap_err();
        assert_eq!(
            (error.code(), error.clone()),
            ("decoder_hang", PictureError::TooSlow { seconds: 0.02 })
        );
        let mut patient = Watched {
            time_limit: Duration::from_secs(60),
            ..watched
        };
        assert_eq!(
            patient.run(|| Err(PictureError::Empty)),
            Err(PictureError::Empty)
        );
    }

    #[test]
    fn one_thread_serves_many_pictures() {
        let mut watched = Watched::new(Duration::from_secs(60));
        for _ in 0..3 {
            assert_eq!(
                watched.run(|| Err(PictureError::Empty)),
                Err(PictureError::Empty)
            );
        }
        assert!(watched.worker.is_some());
    }
}
